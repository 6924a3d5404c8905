/**
 * Dynamic sampling: dropping groups of episodes without a gradient.
 *
 * @module
 */

import { checkChoice } from "../checks.ts";
import { standardDeviation } from "../numeric.ts";
import type { Trajectory } from "../trajectory.ts";

/** Options of {@linkcode informativeEpisodes} and {@linkcode filterGroups}. */
export interface GroupFilterOptions {
  /**
   * Which groups stay: those whose scores are not all equal (DAPO), or those of the largest spread (RAGEN).
   *
   * @default {"unequal"}
   */
  keep?: "unequal" | "spread";
  /** With `spread`: share of groups, largest spread first, that stays; at least one. @default {0.5} */
  fraction?: number;
}

/**
 * Finds the episodes of groups worth learning from.
 *
 * Relative estimators give a group of equal scores no gradient. Sample again until enough episodes are left; on
 * the last try keep everything.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { informativeEpisodes } from "@hiper/lab/credit";
 *
 * deepStrictEqual(informativeEpisodes([0, 0, 1, 0], ["a", "a", "b", "b"]), [2, 3]);
 * ```
 *
 * @param scores Score of each episode. Shape `(episodes,)`.
 * @param groups Group of each episode. Shape `(episodes,)`.
 * @returns Indices of the episodes that stay, in order.
 * @throws {RangeError} If lengths differ or the fraction is outside `(0, 1]`.
 * @see {@link https://arxiv.org/abs/2503.14476 | DAPO}, dynamic sampling
 */
export function informativeEpisodes(
  scores: ArrayLike<number>,
  groups: readonly string[],
  options: GroupFilterOptions = {},
): number[] {
  const { keep = "unequal", fraction = 0.5 } = options;
  checkChoice("filter groups", { keep }, ["unequal", "spread"]);
  if (scores.length !== groups.length || !(fraction > 0 && fraction <= 1)) {
    throw new RangeError(
      `Cannot filter groups as each score must have a group and "fraction" be in (0, 1]: there are ${scores.length} scores, ${groups.length} groups, and "fraction" is ${fraction}`,
    );
  }
  const members = [...Map.groupBy(groups.keys(), (i) => groups[i]!).values()];
  const spreadOf = (rows: readonly number[]) =>
    standardDeviation(rows.map((row) => scores[row]!));
  const kept = keep === "unequal"
    ? members.filter((rows) =>
      rows.some((row) => scores[row] !== scores[rows[0]!])
    )
    : members.toSorted((a, b) => spreadOf(b) - spreadOf(a))
      .slice(0, Math.max(1, Math.round(fraction * members.length)));
  return kept.flat().sort((a, b) => a - b);
}

/**
 * Keeps the trajectories of groups worth learning from, by the sums of their rewards.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   planExecute,
 *   proposeCorridorSubgoals,
 *   randomExecutor,
 *   randomPlanner,
 *   scheduleEpisodes,
 * } from "@hiper/lab";
 * import { filterGroups } from "@hiper/lab/credit";
 *
 * const agent = planExecute(randomPlanner({ proposeSubgoals: proposeCorridorSubgoals }), randomExecutor());
 * const plays = { random: createRandom(1), tasks: 2, groupSize: 4, maxTurns: 20 };
 * const schedule = scheduleEpisodes([{ kind: "corridor" }], plays);
 * const trajectories = await collectTrajectories(agent, schedule);
 *
 * const kept = filterGroups(trajectories);
 * ok(kept.length > 0 && kept.length < trajectories.length);
 * // The group that never left its corridor has nothing to compare.
 * const solved = trajectories.find((one) => one.success)!.group;
 * ok(kept.every((one) => one.group === solved));
 * ```
 *
 * @returns The episodes that stay, in order.
 * @throws {RangeError} If the fraction is outside `(0, 1]`.
 */
export function filterGroups(
  trajectories: readonly Trajectory[],
  options: GroupFilterOptions = {},
): Trajectory[] {
  const scores = trajectories.map(({ turns }) =>
    turns.reduce((sum, turn) => sum + turn.reward, 0)
  );
  const groups = trajectories.map((trajectory) => trajectory.group);
  return informativeEpisodes(scores, groups, options)
    .map((i) => trajectories[i]!);
}
