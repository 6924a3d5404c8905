/**
 * One ScienceWorld episode as a {@linkcode TextEnv}, in a simulator of its own.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Observation } from "../../trajectory.ts";
import type { EnvStart, EnvStep, Hint, TextEnv } from "../text_env.ts";
import {
  findAction,
  isQuestion,
  listedLike,
  NOT_UNDERSTOOD,
  offeredActions,
  SHORT_VERBS,
} from "./actions.ts";
import type { JavaMachine, JavaPool } from "./java.ts";
import {
  call,
  describeActions,
  loadTask,
  type SimulatorTurn,
  takeAction,
} from "./simulator.ts";
import { pathByVerbs, subgoalOf, subgoalsOfPath } from "./subgoals.ts";

/** What an episode plays, and how it is shown. */
export interface ScienceworldEpisodeOptions {
  /** Name of the task. */
  readonly task: string;
  /** Number of the variation. */
  readonly variation: number;
  /** Simplifications as the simulator takes them. */
  readonly simplifications: string;
  /** Which actions are listed. @default {"valid"} */
  readonly list?: "valid" | "templates";
  /** Verbs whose actions are listed. @default {all} */
  readonly verbs?: readonly string[];
  /** Whether observations end with surroundings and inventory. @default {false} */
  readonly look?: boolean;
  /** Whether any text goes to the simulator. @default {false} */
  readonly freeText?: boolean;
  /** Whether the gold path gives hints. @default {false} */
  readonly hints?: boolean;
  /** Actions after which the episode is cut. @default {100} */
  readonly stepLimit?: number;
}

/**
 * Gold paths by what is played. The simulator's choice among equal paths depends on what a machine played before; each is
 * found once, by a machine that has not played, so that a hint depends on the episode alone.
 */
const PATHS = new WeakMap<JavaPool, Map<string, readonly string[]>>();

/**
 * Opens an episode.
 *
 * @param pool Gives a machine, which goes back when the episode ends or is disposed.
 * @param options What is played.
 * @returns The episode.
 * @throws {RangeError} If the pool's memory holds no more episodes.
 */
export async function openScienceworldEpisode(
  pool: JavaPool,
  options: ScienceworldEpisodeOptions,
): Promise<TextEnv> {
  if (options.hints !== true) {
    return new ScienceworldEpisode(pool, await pool.take(), options);
  }
  const fresh = !pathsOf(pool).has(played(options));
  const machine = await pool.take({ fresh });
  const episode = new ScienceworldEpisode(pool, machine, options);
  const hinted: TextEnv = {
    start: () => episode.start(),
    step: (action) => episode.step(action),
    hint: () => episode.advise(),
    [Symbol.asyncDispose]: () => episode[Symbol.asyncDispose](),
  };
  return hinted;
}

/** Gold paths that machines of a pool have found. */
function pathsOf(pool: JavaPool): Map<string, readonly string[]> {
  return PATHS.getOrInsertComputed(pool, () => new Map());
}

/** What is played, as a key. */
function played(
  { task, variation, simplifications }: ScienceworldEpisodeOptions,
): string {
  return `${task}/${variation}/${simplifications}`;
}

/** One episode. */
class ScienceworldEpisode implements TextEnv {
  readonly #pool: JavaPool;
  readonly #options: ScienceworldEpisodeOptions;
  readonly #verbs: ReadonlySet<string> | undefined;
  #machine: JavaMachine | undefined;
  #turn: SimulatorTurn | undefined;
  #observation: Observation | undefined;
  #details = "";
  #gold: readonly string[] = [];
  #subgoals: readonly string[] = [];
  #followed: number | undefined = 0;
  /** The action of the hint, while the path is followed. */
  #advised: string | undefined;
  #key: string;
  #steps = 0;
  #ended = false;

  constructor(
    pool: JavaPool,
    machine: JavaMachine,
    options: ScienceworldEpisodeOptions,
  ) {
    const { list } = options;
    const { verbs = list === "templates" ? SHORT_VERBS : undefined } = options;
    this.#pool = pool;
    this.#machine = machine;
    this.#options = options;
    this.#verbs = verbs && new Set(verbs);
    this.#key = digest(played(options));
  }

  async start(): Promise<EnvStart> {
    const { hints = false, task: taskType } = this.#options;
    const paths = pathsOf(this.#pool), key = played(this.#options);
    const known = paths.get(key);
    const start = await loadTask(this.#running(), {
      ...this.#options,
      task: taskType,
      gold: hints && known === undefined,
    });
    const path = known ?? start.gold;
    if (hints) paths.set(key, path);
    this.#gold = hints ? pathByVerbs(path, this.#verbs) : [];
    this.#subgoals = subgoalsOfPath(this.#gold);
    return { task: start.task, taskType, observation: await this.#see(start) };
  }

  async step(action: string): Promise<EnvStep> {
    const before = this.#turn;
    if (before === undefined && !this.#ended) {
      throw new Error("Cannot step an episode that has not begun: start it");
    }
    const machine = this.#running();
    const { stepLimit = 100 } = this.#options;
    this.#steps++;
    const sent = this.#meant(action);
    if (sent === undefined) {
      const observation = {
        ...this.#observation!,
        text: this.#withDetails(NOT_UNDERSTOOD),
      };
      return await this.#finish({
        observation,
        reward: 0,
        success: false,
        score: Math.max(0, before!.score),
      }, this.#steps >= stepLimit ? "truncated" : undefined);
    }
    if (this.#followed !== undefined) {
      this.#followed = sent === this.#advised ? this.#followed + 1 : undefined;
    }
    this.#key = digest(`${this.#key}\n${sent}`);
    const after = await takeAction(machine, sent);
    const observation = await this.#see(after);
    const over = after.completed || after.score < 0;
    return await this.#finish(
      {
        observation,
        reward: (percent(after.score) - percent(before!.score)) / 100,
        success: after.completed && after.score === 1,
        score: Math.max(0, after.score),
      },
      over ? "terminated" : this.#steps >= stepLimit ? "truncated" : undefined,
    );
  }

  /** The next action of the gold path, while the episode has followed it. */
  advise(): Hint | undefined {
    const action = this.#advised;
    if (this.#ended || action === undefined) return undefined;
    const inPath = this.#subgoals[this.#followed!]!;
    return {
      subgoal: action === this.#next() ? inPath : subgoalOf(action) ?? inPath,
      action,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#release();
  }

  /** The text that goes to the simulator; nothing for what means no valid action. */
  #meant(action: string): string | undefined {
    if (action === this.#advised) return action;
    const { valid } = this.#turn!;
    const found = findAction(action, valid);
    if (found !== undefined || this.#options.freeText !== true) return found;
    // Text that answers no question would be consumed and cost a tick.
    return isQuestion(valid) ? undefined : action;
  }

  #next(): string | undefined {
    return this.#followed === undefined
      ? undefined
      : this.#gold[this.#followed];
  }

  async #see(turn: SimulatorTurn): Promise<Observation> {
    const { list, look } = this.#options;
    const machine = this.#machine!;
    this.#turn = turn;
    const details: string[] = [];
    if (look === true) {
      const seen = await call(machine, ["freeActionLook"], [
        "freeActionInventory",
      ]);
      details.push(...seen.map((text) => String(text).trimEnd()));
    }
    if (list === "templates") {
      const { templates, objects } = await describeActions(machine);
      details.push(
        `Actions: ${
          templates.filter((template) => template !== "reset task").join(", ")
        }\nOBJ is one of: ${objects.join(", ")}`,
      );
    }
    this.#details = details.join("\n");
    const offered = offeredActions(turn.valid, this.#verbs);
    const gold = this.#next();
    const like = this.#options.verbs && gold && listedLike(gold, offered);
    this.#advised = like || gold;
    if (gold !== undefined && !like && !offered.includes(gold)) {
      offered.push(gold);
    }
    this.#observation = {
      text: this.#withDetails(turn.text),
      admissibleActions: offered,
      stateKey: this.#key,
    };
    return this.#observation;
  }

  #withDetails(text: string): string {
    return this.#details === "" ? text : `${text}\n${this.#details}`;
  }

  async #finish(
    step: Omit<EnvStep, "ending">,
    ending: EnvStep["ending"],
  ): Promise<EnvStep> {
    if (ending === undefined) return step;
    this.#ended = true;
    await this.#release();
    return {
      ...step,
      observation: { ...step.observation, admissibleActions: [] },
      ending,
    };
  }

  async #release(): Promise<void> {
    const machine = this.#machine;
    this.#machine = undefined;
    if (machine !== undefined) await this.#pool.give(machine);
  }

  #running(): JavaMachine {
    if (this.#machine !== undefined && !this.#ended) return this.#machine;
    throw new Error(
      "Cannot step an episode that has ended: open a new environment",
    );
  }
}

/** The score as the benchmark shows it. */
function percent(score: number): number {
  return Math.round(100 * score);
}

/** A short name of a text, the same everywhere. */
function digest(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
