/**
 * A compiled game as a world: one episode, with reward, ending and hints, and the settings of games.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { Observation } from "../../trajectory.ts";
import type { EnvStart, EnvStep, Hint, TextEnv } from "../text_env.ts";
import { readText } from "../../text_file.ts";
import { GameError } from "./error.ts";
import { type CompiledGame, compileGame, type GameFile } from "./game.ts";
import type { GamePlay } from "./play.ts";

/**
 * Settings of the authors' ALFWorld wrapper: reward 10, and terminated after 50 commands.
 */
export const ALFWORLD_REFERENCE = {
  reward: 10,
  stepLimit: 50,
  limitEnding: "terminated",
} as const;

/** Settings that every game accepts besides where it comes from. */
export const GAME_SETTINGS = {
  reward: z.number().optional().describe(
    "Reward of the action that reaches the goal; every other action pays 0. Default: 10",
  ),
  stepLimit: z.number().int().positive().optional().describe(
    "Commands after which the game ends by itself. Default: none, the rollout has the limit",
  ),
  limitEnding: z.enum(["terminated", "truncated"]).optional().describe(
    "What reaching stepLimit is called. Default: truncated",
  ),
  taskType: z.string().optional().describe(
    "Kind of task. Default: read from the path or the goal of the game",
  ),
  preset: z.literal("alfworld-reference").optional().describe(
    "Reward 10, and terminated after 50 commands, as in the reference's wrapper",
  ),
  hints: z.boolean().optional().describe(
    "Whether the expert answers hint(). Default: true",
  ),
} as const;

/** Wording of the task: ALFWorld's template, or the first annotator's sentence. */
export const WORDING = z.enum(["template", "human"]).optional().describe(
  "Wording of the task: ALFWorld's template or the first annotator's sentence. Default: template",
);

/** Reward, ending and hints of a game. */
export interface GameEnvOptions {
  /**
   * Paid for the action that reaches the goal, in units of reward; every other action pays 0.
   *
   * @default {10}, the scale of HiPER, to which its penalties are relative
   */
  readonly reward?: number;
  /** Commands after which the game ends; absent leaves limits to the rollout. */
  readonly stepLimit?: number;
  /**
   * The ending at `stepLimit`. The reference terminates the episode, so the value of its last state
   * is 0; truncation bootstraps from it.
   *
   * @default {"truncated"}
   */
  readonly limitEnding?: "terminated" | "truncated";
  /** Kind of task. @default {none} */
  readonly taskType?: string;
  /** The task sentence, in place of the game's own; the goal stays the same. */
  readonly task?: string;
  /** Makes hints for one play; absent means that the world has no expert. */
  readonly expert?: (game: CompiledGame, play: GamePlay) => Hint | undefined;
}

/** A game as a world with synchronous methods. */
export interface GameEnv extends TextEnv {
  /** Begins the episode. */
  start(): EnvStart;
  /** Takes one action. */
  step(action: string): EnvStep;
}

/**
 * Opens a game as a world.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openGame } from "@hiper/lab/envs/pddl";
 *
 * const env = openGame({
 *   pddl_domain: `(define (domain lamp) (:predicates (on ?l))
 *     (:action press :parameters (?l) :precondition (not (on ?l)) :effect (on ?l)))`,
 *   pddl_problem: `(define (problem p) (:domain lamp) (:objects lamp_bar_1)
 *     (:init) (:goal (on lamp_bar_1)))`,
 *   grammar: `grammar :: """{"intro": [{"rhs": "It is dark. Your task is to: make light."}]}""";
 *     action press { template :: "press {l.id}"; feedback :: "Light!"; }`,
 * }, { reward: 1 });
 * deepStrictEqual(env.start().task, "make light.");
 * const { reward, ending, success } = env.step("press lamp_bar_1");
 * deepStrictEqual({ reward, ending, success }, { reward: 1, ending: "terminated", success: true });
 * ```
 *
 * @param source A compiled game, which many worlds may share, or a file.
 * @param options Reward, limit, hints.
 * @returns The world; not started yet.
 * @throws {GameError} If a file is given that is no playable game.
 */
export function openGame(
  source: CompiledGame | GameFile | string,
  options: GameEnvOptions = {},
): GameEnv {
  const game = typeof source === "object" && "start" in source
    ? source
    : compileGame(source);
  const { reward = 10, stepLimit = Infinity, limitEnding = "truncated" } =
    options;
  if (!Number.isFinite(reward)) {
    throw new RangeError(
      `Cannot open a game as "reward" must be finite: current value is ${reward}`,
    );
  }
  if (!(stepLimit >= 1)) {
    throw new RangeError(
      `Cannot open a game as "stepLimit" must be at least 1: current value is ${stepLimit}`,
    );
  }
  const play = game.start();
  const observe = (text: string): Observation => ({
    text,
    admissibleActions: play.admissible(),
    stateKey: play.stateKey(),
  });
  let steps = 0;
  let phase: "new" | "running" | "ended" = "new";
  const { expert, taskType } = options;
  return {
    start() {
      if (phase !== "new") {
        throw new Error(
          "Cannot start an episode that has begun: open a new environment",
        );
      }
      phase = "running";
      const observation = observe(
        options.task === undefined
          ? play.intro
          : withTaskSentence(play.intro, options.task),
      );
      const task = taskSentence(observation.text);
      return {
        task,
        observation,
        ...(taskType === undefined ? {} : { taskType }),
      };
    },
    step(action) {
      if (phase !== "running") {
        throw new Error(
          phase === "new"
            ? "Cannot step an episode that has not begun: call start() first"
            : "Cannot step an episode that has ended: open a new environment",
        );
      }
      const { text, won } = play.step(action);
      const isLast = ++steps >= stepLimit;
      const ending = won
        ? "terminated" as const
        : isLast
        ? limitEnding
        : undefined;
      if (ending !== undefined) phase = "ended";
      return {
        observation: observe(text),
        reward: won ? reward : 0,
        success: won,
        ...(ending === undefined ? {} : { ending }),
      };
    },
    ...(expert === undefined ? {} : {
      hint: () => phase === "running" ? expert(game, play) : undefined,
    }),
  };
}

/**
 * Reads a game file from the disk and compiles it.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { readGame } from "@hiper/lab/envs/pddl";
 *
 * await rejects(readGame("nowhere/game.tw-pddl"), Deno.errors.NotFound);
 * ```
 *
 * @param path Path of a `game.tw-pddl` file.
 * @returns The game, to be shared by any number of worlds.
 * @throws {GameError} If the file is no playable game; its message ends with the path.
 */
export async function readGame(path: string): Promise<CompiledGame> {
  const text = await readText(path);
  try {
    return compileGame(text);
  } catch (error) {
    if (error instanceof GameError) error.message += ` in ${path}`;
    throw error;
  }
}

const TASK_MARK = "Your task is to: ";

/**
 * Finds the task sentence in what is read first.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { taskSentence } from "@hiper/lab/envs/pddl";
 *
 * strictEqual(taskSentence("Hello.\n\nYour task is to: put a mug in desk."), "put a mug in desk.");
 * ```
 *
 * @param intro The first observation.
 * @returns What follows `Your task is to: `, or the whole text where that is missing.
 */
export function taskSentence(intro: string): string {
  const at = intro.indexOf(TASK_MARK);
  return (at < 0 ? intro : intro.slice(at + TASK_MARK.length)).trim();
}

/** Replaces the task sentence of the first observation, or appends one where there is none. */
export function withTaskSentence(intro: string, task: string): string {
  const at = intro.indexOf(TASK_MARK);
  const before = at < 0 ? `${intro}\n\n` : intro.slice(0, at);
  return `${before}${TASK_MARK}${task}`;
}
