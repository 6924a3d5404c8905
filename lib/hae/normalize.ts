/**
 * Normalizing advantages over a batch.
 *
 * @module
 */

import { checkChoice } from "../checks.ts";
import { joinCredit, splitCredit, toEpisodeBatch } from "../episode_batch.ts";
import { type Credit, DECISIONS, type Trajectory } from "../trajectory.ts";

/** The formulas of {@linkcode Normalization}. */
export const NORMALIZATIONS = [
  "none",
  "standard",
  "reference",
  "whiten",
] as const;

/**
 * How advantages are normalized.
 *
 * - `none`: left alone.
 * - `standard`: `(x − mean) / deviation`, population deviation; 0 where the deviation is below
 *   `1e-6 · max(1, |mean|)`, so that rounding residues of equal numbers are not blown up.
 * - `reference`: `(x − mean) / (deviation + 1e-8)`, as the authors do, residues included.
 * - `whiten`: `(x − mean) / sqrt(variance + 1e-8)` with the sample variance, as PPO implementations do.
 */
export type Normalization = typeof NORMALIZATIONS[number];

/** Options of {@linkcode normalizeCredit}. */
export interface NormalizeOptions {
  /** The formula. @default {"standard"} */
  mode?: Normalization;
  /**
   * What is compared: each kind of decision with its own kind, or all decisions with each other.
   *
   * @default {"decision"}
   */
  across?: "decision" | "all";
}

/**
 * Normalizes advantages over a batch of episodes; targets stay in units of return.
 *
 * Statistics are taken over the decisions that are trained, each counted once however many tokens it has.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import {
 *   assignCredit,
 *   collectTrajectories,
 *   createRandom,
 *   planExecute,
 *   proposeCorridorSubgoals,
 *   randomExecutor,
 *   randomPlanner,
 *   scheduleEpisodes,
 * } from "@hiper/lab";
 * import { normalizeCredit } from "@hiper/lab/credit";
 *
 * const agent = planExecute(randomPlanner({ proposeSubgoals: proposeCorridorSubgoals }), randomExecutor());
 * const plays = { random: createRandom(1), tasks: 2, groupSize: 4, maxTurns: 20 };
 * const schedule = scheduleEpisodes([{ kind: "corridor" }], plays);
 * const trajectories = await collectTrajectories(agent, schedule);
 *
 * const credits = assignCredit(trajectories, { name: "reinforce" });
 * const normalized = normalizeCredit(trajectories, credits);
 * const all = normalized.flatMap((one) => [...one.advantages.execution]);
 * const sum = all.reduce((a, b) => a + b, 0);
 * ok(Math.abs(sum) < 1e-9);
 * ```
 *
 * @param credits Credit of each episode, in the same order; left as they are.
 * @param options The formula, and what is compared with what.
 * @returns New credits; advantages are 0 where a decision is not trained.
 * @throws {RangeError} If there is not one credit for each trajectory, or the mode is unknown.
 */
export function normalizeCredit(
  trajectories: readonly Trajectory[],
  credits: readonly Credit[],
  options: NormalizeOptions = {},
): Credit[] {
  const { mode = "standard", across = "decision" } = options;
  checkChoice("normalize credit", { mode }, NORMALIZATIONS);
  checkChoice("normalize credit", { across }, ["decision", "all"]);
  if (trajectories.length !== credits.length) {
    throw new RangeError(
      `Cannot normalize credit as each of ${trajectories.length} trajectories must have one: current value is ${credits.length}`,
    );
  }
  const batch = toEpisodeBatch(trajectories);
  const columns = joinCredit(batch, credits);
  const { advantages, trained } = columns;
  const pool = DECISIONS.map((name) =>
    [advantages[name], trained[name]] as const
  );
  const pools = across === "all" ? [pool] : pool.map((column) => [column]);
  for (const some of pools) normalizePool(some, mode);
  return splitCredit(batch.offsets, columns)
    .map(({ advantages }, i) => ({ ...credits[i]!, advantages }));
}

/** The divisor of a normalization, from sums over `count` numbers. */
function scaleOf(
  sums: { count: number; center: number; squares: number },
  mode: Normalization,
): number {
  const { count, center, squares } = sums;
  if (mode === "whiten") {
    return Math.sqrt((count > 1 ? squares / (count - 1) : 0) + 1e-8);
  }
  const deviation = Math.sqrt(squares / count);
  if (mode === "reference") return deviation + 1e-8;
  const flat = deviation < 1e-6 * Math.max(1, Math.abs(center));
  return flat ? Infinity : deviation;
}

/** Normalizes one column, in place, over the elements where a mask is 1; the others become 0. `none` changes nothing. */
export function normalizeInPlace(
  values: Float64Array,
  mask: Uint8Array,
  mode: Normalization,
): void {
  normalizePool([[values, mask]], mode);
}

/** Normalizes columns with each other, in place, over the elements where their masks are 1. */
export function normalizePool(
  pool: readonly (readonly [values: Float64Array, mask: Uint8Array])[],
  mode: Normalization,
): void {
  if (mode === "none") return;
  let count = 0, sum = 0, squares = 0;
  for (const [values, mask] of pool) {
    for (let i = 0; i < values.length; i++) {
      if (mask[i] !== 1) continue;
      count++;
      sum += values[i]!;
    }
  }
  const center = count > 0 ? sum / count : 0;
  for (const [values, mask] of pool) {
    for (let i = 0; i < values.length; i++) {
      if (mask[i] === 1) squares += (values[i]! - center) ** 2;
    }
  }
  const scale = count > 0 ? scaleOf({ count, center, squares }, mode) : 1;
  for (const [values, mask] of pool) {
    for (let i = 0; i < values.length; i++) {
      values[i] = mask[i] === 1 ? (values[i]! - center) / scale : 0;
    }
  }
}
