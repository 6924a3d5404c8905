/**
 * Procedurally generated households: a solvable game for each seed.
 *
 * Splits: the signature of a layout is the multiset of receptacle classes with and without doors. One
 * signature in twenty is `unseen` and never in `train`; `seen` has the houses of `train` and other
 * games. Of ALFRED's layouts, those of ALFRED's validation are unseen.
 *
 * @module
 */

import { drawIndex, type Random } from "../../random.ts";
import {
  ALFWORLD_REFERENCE,
  type GameEnv,
  type GameEnvOptions,
  openGame,
} from "../pddl/game_env.ts";
import { present } from "../../settings.ts";
import type { CompiledGame } from "../pddl/game.ts";
import type { GamePlay } from "../pddl/play.ts";
import { createHouseholdExpert, type HouseholdExpert } from "./expert.ts";
import { createHouseholdGame, type HouseholdGame } from "./game.ts";
import {
  drawGame,
  drawRoom,
  type SolvedHousehold,
  taskTypesOf,
} from "./generator.ts";
import {
  alfredHouse,
  drawHouse,
  type House,
  householdRandom,
  type HouseholdSplit,
} from "./house.ts";
import { HOUSEHOLD_DIFFICULTIES, type HouseholdDifficulty } from "./layout.ts";
import {
  HOUSEHOLD_TASK_TYPES,
  type HouseholdTaskType,
  taskTypeOfGoal,
} from "./task.ts";
import type { HouseholdRoom } from "./tables.ts";

/** Settings that decide which household is drawn. */
export interface HouseholdOptions {
  /** Division of the houses. @default {"train"} */
  readonly split?: HouseholdSplit;
  /** Kind of task. @default drawn, all alike */
  readonly taskType?: HouseholdTaskType;
  /** Kind of room. @default drawn, weighted by how often ALFRED has such tasks there */
  readonly room?: HouseholdRoom;
  /** A named difficulty, or its figures; missing ones are those of `"alfworld"`. @default {"alfworld"} */
  readonly difficulty?:
    | keyof typeof HOUSEHOLD_DIFFICULTIES
    | { readonly [K in keyof HouseholdDifficulty]?: number | undefined };
  /** Whether furniture is drawn too, or that of ALFRED's scenes. @default {"drawn"} */
  readonly layouts?: "drawn" | "alfred";
  /** Houses of each kind of room in a split; not used with ALFRED's layouts. @default {1000} */
  readonly houses?: number;
}

/** Draws that may fail before an error is thrown. */
export const MAX_ATTEMPTS = 500;

/** Settings with every default filled in, as recorded in a game file. */
export interface FullOptions
  extends Required<Omit<HouseholdOptions, OpenSetting>> {
  readonly difficulty: HouseholdDifficulty;
}
type OpenSetting = "taskType" | "room" | "difficulty";

/** Fills in the defaults. */
export function fillOptions(options: HouseholdOptions): FullOptions {
  const { split = "train", layouts = "drawn", houses = 1000 } = options;
  const { difficulty: asked = "alfworld" } = options;
  const difficulty = typeof asked === "string"
    ? HOUSEHOLD_DIFFICULTIES[asked]
    : { ...HOUSEHOLD_DIFFICULTIES.alfworld, ...present(asked) };
  return { split, layouts, houses, difficulty };
}

/**
 * Draws a household and makes a game of it.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { generateHousehold } from "@hiper/lab/envs/household";
 * import { compileGame } from "@hiper/lab/envs/pddl";
 *
 * const game = generateHousehold({ taskType: "pick_heat_then_place_in_recep" }, 7);
 * const play = compileGame(JSON.stringify(game.file)).start(); // as any engine would
 * for (const command of game.walkthrough) play.step(command);
 * strictEqual(play.won, true);
 * ```
 *
 * @param options What kind of household.
 * @param seed Decides everything the options leave open. The same options and
 * seed give the same game, file included, on every machine.
 * @returns The game, its shortest solution and its file.
 * @throws {RangeError} If no draw leads to such a household: the room is not one for the task.
 */
export function generateHousehold(
  options: HouseholdOptions,
  seed: number,
): HouseholdGame {
  const full = fillOptions(options);
  const { game, attempt } = drawSolved(options, full, seed);
  const origin = {
    source: "@hiper/lab household",
    version: 1,
    ...full,
    taskType: options.taskType ?? null,
    room: options.room ?? null,
    seed,
    attempt,
    layout: game.world.layout.key,
  };
  return createHouseholdGame(game.world, game.walkthrough, origin);
}

function drawSolved(
  options: HouseholdOptions,
  full: FullOptions,
  seed: number,
): { game: SolvedHousehold; attempt: number } {
  const root = householdRandom("game", full.split, seed);
  // The kind of task is drawn once, so that hard kinds are not rarer.
  const type = options.taskType ??
    drawTaskType(options.room, root.fork("type"));
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const random = root.fork("attempt", attempt);
    const room = options.room ?? drawRoom(random.fork("room"), type);
    const house = chooseHouse(room, full, random.fork("house"));
    const { difficulty } = full;
    const game = drawGame(house, type, { difficulty, random });
    if (game !== undefined) return { game, attempt };
  }
  throw new RangeError(
    `Cannot draw a household as its room must allow its task: current value is "${type}" in ${
      options.room ?? "any room"
    }, without success in ${MAX_ATTEMPTS} draws`,
  );
}

/** Draws a kind of task, all that the room allows equally often. */
export function drawTaskType(
  room: HouseholdRoom | undefined,
  random: Random,
): HouseholdTaskType {
  const types = room === undefined ? HOUSEHOLD_TASK_TYPES : taskTypesOf(room);
  return types[drawIndex(random, types.map(() => 1))]!;
}

/** Draws the house of a game. */
export function chooseHouse(
  room: HouseholdRoom,
  { split, difficulty, layouts, houses }: FullOptions,
  random: Random,
): House {
  return layouts === "alfred"
    ? alfredHouse(room, split, random)
    : drawHouse(room, random.integer(houses), { split, difficulty });
}

/** Reward, ending and expert of a household; defaults as for every game. */
export interface HouseholdEnvOptions extends
  Pick<
    GameEnvOptions,
    "reward" | "stepLimit" | "limitEnding" | "taskType" | "task"
  > {
  /** Reward and limits as in the reference's wrapper, where they are not given. */
  readonly preset?: "alfworld-reference";
  /** Whether an expert answers `hint()`. @default {true} */
  readonly hints?: boolean;
  /** The expert of this game, if prepared before. @default {created on first use} */
  readonly expert?: HouseholdExpert;
}

/** Options of generation, reward and ending. */
export interface OpenHouseholdOptions
  extends HouseholdOptions, Omit<HouseholdEnvOptions, "taskType"> {}

/**
 * Opens a household drawn from a seed.
 *
 * @example
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { openHousehold } from "@hiper/lab/envs/household";
 *
 * const env = openHousehold({ split: "train", difficulty: "easy" }, 1);
 * const { observation } = env.start();
 * ok(observation.text.includes("Your task is to: "));
 * let success = false;
 * for (let t = 0; t < 50 && !success; t++) {
 *   ({ success } = env.step(env.hint!()!.action));
 * }
 * strictEqual(success, true);
 * ```
 *
 * @param options Options of generation, reward and ending.
 * @param seed Decides everything the options leave open.
 * @returns One episode of that household.
 * @throws {RangeError} If no draw leads to such a household.
 */
export function openHousehold(
  options: OpenHouseholdOptions,
  seed: number,
): GameEnv {
  const game = generateHousehold(options, seed);
  return openHouseholdGame(game, options);
}

/**
 * Opens a household game with the settings of games; the expert is created on first use.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import {
 *   generateHousehold,
 *   openHouseholdGame,
 * } from "@hiper/lab/envs/household";
 *
 * const env = openHouseholdGame(generateHousehold({}, 5), { hints: false });
 * ok(env.start().task.endsWith("."));
 * ok(env.hint === undefined);
 * ```
 *
 * @param game A household.
 * @param options How it pays and ends, and whether it gives hints.
 * @returns One episode.
 */
export function openHouseholdGame(
  game: CompiledGame,
  options: HouseholdEnvOptions = {},
): GameEnv {
  const { preset, hints = true, expert: prepared, ...given } = options;
  const taskType = given.taskType ?? taskTypeOfGoal(game.problem.goal);
  let expert = prepared;
  return openGame(game, {
    ...(preset === undefined ? {} : ALFWORLD_REFERENCE),
    ...given,
    ...present({ taskType }),
    ...(!hints ? {} : {
      expert: (_: CompiledGame, play: GamePlay) =>
        (expert ??= createHouseholdExpert(game))?.(play),
    }),
  });
}
