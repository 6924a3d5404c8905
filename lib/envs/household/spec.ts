/**
 * Households as specifications: settings checked, games listed.
 *
 * @module
 */

import { z } from "zod";
import type { EnvSpec } from "../text_env.ts";
import type { GameEnv } from "../pddl/game_env.ts";
import { GAME_SETTINGS } from "../alfworld/game_spec.ts";
import { openHousehold, present } from "./household.ts";
import { HOUSEHOLD_SPLITS } from "./house.ts";
import { HOUSEHOLD_TASK_TYPES } from "./task.ts";
import { HOUSEHOLD_ROOMS } from "./tables.ts";
import { readSettings } from "../../settings.ts";

const SETTINGS = {
  split: z.enum(HOUSEHOLD_SPLITS).optional(),
  room: z.enum(HOUSEHOLD_ROOMS).optional(),
  difficulty: z.union([
    z.enum(["easy", "alfworld", "hard"]),
    z.strictObject({
      maxReceptacles: z.number().int().min(4).optional(),
      minReceptacles: z.number().int().min(0).max(60).optional(),
      doors: z.number().min(0).max(1).optional(),
      clutter: z.number().min(0).optional(),
      hidden: z.number().min(0).max(1).optional(),
    }),
  ]).optional(),
  layouts: z.enum(["drawn", "alfred"]).optional(),
  houses: z.number().int().positive().optional(),
  ...GAME_SETTINGS,
  taskType: z.enum(HOUSEHOLD_TASK_TYPES).optional(),
} as const;

const HOUSEHOLD_SPEC = z.strictObject({
  kind: z.literal("household"),
  game: z.number().int().min(0).optional(),
  ...SETTINGS,
});

const HOUSEHOLD_DATASET = z.strictObject({
  dataset: z.literal("household"),
  count: z.number().int().positive(),
  taskTypes: z.array(z.enum(HOUSEHOLD_TASK_TYPES)).min(1).optional(),
  ...SETTINGS,
});

/**
 * Opens the household of a specification; `game` pins the game whatever the seed.
 *
 * @param spec Kind `"household"`, and settings as in {@linkcode OpenHouseholdOptions}.
 * @param seed Decides everything the specification leaves open.
 * @returns One episode.
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 * @throws {RangeError} If no draw leads to such a household.
 */
export function openHouseholdSpec(spec: EnvSpec, seed: number): GameEnv {
  const { kind: _, game, ...settings } = readSettings(
    HOUSEHOLD_SPEC,
    spec,
    "open a household",
  );
  return openHousehold(present(settings), game ?? seed);
}

/**
 * Lists households as specifications that name one game each, whatever the seed.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { listHouseholds } from "@hiper/lab";
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
  const { dataset: _, count, taskTypes = HOUSEHOLD_TASK_TYPES, ...settings } =
    readSettings(HOUSEHOLD_DATASET, dataset, "list households");
  return Array.from({ length: count }, (_, game) => ({
    kind: "household",
    taskType: taskTypes[game % taskTypes.length]!,
    game,
    ...present(settings),
  }));
}
