/**
 * Households as specifications: settings checked, games listed.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EnvSpec } from "../text_env.ts";
import type { World } from "../world.ts";
import { GAME_SETTINGS, type GameEnv } from "../pddl/game_env.ts";
import { MOST_CHORES, openChores } from "./chores.ts";
import { openHousehold } from "./household.ts";
import { HOUSEHOLD_GUIDE } from "./guide.ts";
import { HOUSEHOLD_SPLITS } from "./house.ts";
import { HOUSEHOLD_TASK_TYPES } from "./task.ts";
import { HOUSEHOLD_ROOMS } from "./tables.ts";
import { present, readSettings } from "../../settings.ts";

const SETTINGS = {
  split: z.enum(HOUSEHOLD_SPLITS).optional().describe(
    "Division of the houses; unseen ones have layouts that training never meets. Default: train",
  ),
  room: z.enum(HOUSEHOLD_ROOMS).optional().describe(
    "Kind of room. Default: drawn, weighted by how often ALFRED has such tasks there",
  ),
  difficulty: z.union([
    z.enum(["easy", "alfworld", "hard"]),
    z.strictObject({
      maxReceptacles: z.number().int().min(4).optional().describe(
        "Most receptacles in a room",
      ),
      minReceptacles: z.number().int().min(0).max(60).optional().describe(
        "Fewest receptacles in a room",
      ),
      doors: z.number().min(0).max(1).optional().describe(
        "Share of cabinets and drawers that have a door",
      ),
      clutter: z.number().min(0).optional().describe(
        "Number of other objects, 1 as in ALFRED",
      ),
      hidden: z.number().min(0).max(1).optional().describe(
        "Share of games whose object starts behind a door, where there is one",
      ),
    }),
  ]).optional().describe(
    "A named difficulty, or its figures; missing ones are those of alfworld. Default: alfworld",
  ),
  layouts: z.enum(["drawn", "alfred"]).optional().describe(
    "Whether furniture is drawn too, or stands as in ALFRED's scenes. Default: drawn",
  ),
  houses: z.number().int().positive().optional().describe(
    "Houses of each kind of room in a split; not used with ALFRED's layouts. Default: 1000",
  ),
  chores: z.number().int().min(1).max(MOST_CHORES).optional().describe(
    "Tasks in one episode, 1 to 6; the reward is paid when all are done. Default: 1",
  ),
  order: z.enum(["given", "any"]).optional().describe(
    "Whether chores count in the order in which they are named, or in any. Default: given",
  ),
  ...GAME_SETTINGS,
  taskType: z.enum(HOUSEHOLD_TASK_TYPES).optional().describe(
    "Kind of task, of every chore. Default: drawn, all equally often",
  ),
} as const;

const HOUSEHOLD_SPEC = z.strictObject({
  kind: z.literal("household"),
  game: z.number().int().min(0).optional().describe(
    "Pins the game, whatever the seed of the episode. Default: the seed decides",
  ),
  ...SETTINGS,
});

const HOUSEHOLD_DATASET = z.strictObject({
  dataset: z.literal("household"),
  count: z.number().int().positive().describe("Games to list"),
  taskTypes: z.array(z.enum(HOUSEHOLD_TASK_TYPES)).min(1).optional().describe(
    "Kinds of task that take turns. Default: all six",
  ),
  ...SETTINGS,
});

/**
 * Opens the household of a specification; `game` fixes the game whatever the seed.
 *
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 * @throws {RangeError} If no draw leads to such a household.
 */
function openHouseholdSpec(spec: EnvSpec, seed: number): GameEnv {
  const { kind: _, game, chores = 1, order, ...settings } = readSettings(
    HOUSEHOLD_SPEC,
    spec,
    "open a household",
  );
  if (chores > 1) {
    return openChores(present({ ...settings, chores, order }), game ?? seed);
  }
  if (order !== undefined) {
    throw new TypeError(
      `Cannot open a household as "order" must stand beside "chores" of at least 2: current value is "${order}"`,
    );
  }
  return openHousehold(present(settings), game ?? seed);
}

/**
 * Lists households as specifications that name one game each, whatever the seed.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { listHouseholds } from "@hiper/lab/envs/household";
 *
 * const taskTypes = ["pick_two_obj_and_place"];
 * deepStrictEqual(
 *   listHouseholds({ dataset: "household", count: 1, split: "seen", taskTypes }),
 *   [{ kind: "household", taskType: taskTypes[0], game: 0, split: "seen" }],
 * );
 * ```
 *
 * @param dataset `count`, `taskTypes` to take turns, and settings as in {@linkcode OpenHouseholdOptions}.
 * @returns Specifications of kind `"household"`.
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 */
export function listHouseholds(
  dataset: Readonly<Record<string, unknown>>,
): EnvSpec[] {
  const { dataset: _, count, taskTypes, ...settings } = readSettings(
    HOUSEHOLD_DATASET,
    dataset,
    "list households",
  );
  // Several chores are of kinds of their own, unless kinds are asked for.
  const types = taskTypes ??
    ((settings.chores ?? 1) > 1 ? [] : HOUSEHOLD_TASK_TYPES);
  return Array.from({ length: count }, (_, game) => ({
    kind: "household",
    ...(types.length > 0 && { taskType: types[game % types.length]! }),
    game,
    ...present(settings),
  }));
}

/** Households drawn from seeds. */
export const HOUSEHOLD: World = {
  settings: HOUSEHOLD_SPEC,
  createOpener: () => openHouseholdSpec,
  datasets: {
    household: {
      settings: HOUSEHOLD_DATASET,
      list: (dataset) => ({ specs: listHouseholds(dataset), skipped: [] }),
    },
  },
  ...HOUSEHOLD_GUIDE,
};
