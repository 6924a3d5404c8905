/**
 * Hierarchical advantage estimation of one episode: one recurrence on two clocks, and the switching advantage.
 *
 * @module
 */

import type { ByDecision, TurnColumns } from "../trajectory.ts";
import { batchAdvantages } from "./hae_batch.ts";
import type { HaeOptions } from "./hae_options.ts";

/**
 * Estimates the advantages of the three decisions of every turn.
 *
 * With segments `[start, end)`, `n` the start of the next segment, `S` switching, `P` planning and `E` execution
 * values, and `b = lambdaBoundary`:
 *
 * - execution, within a segment: `delta[t] = r[t] + gamma · E[t + 1] − E[t]`,
 *   `A[t] = delta[t] + gamma · lambdaTurn · A[t + 1]`; on the segment's last turn
 *   `A[t] = r[t] + gamma · (P[n] + b · A_planning[n]) − E[t]`;
 * - planning, at segment starts, with `d` turns and `R` the segment's discounted rewards:
 *   `A[k] = R + gamma^d · (P[n] + lambdaSegment · A[k + 1]) − P[start]`;
 * - switching: `G[t] − S[t]`, where `G` is the discounted return to the segment's end plus
 *   `P[n] + b · A_planning[n]`.
 *
 * After the last turn of a truncated episode stands its bootstrap value, after that of a terminated one 0.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { hierarchicalAdvantages } from "@hiper/lab";
 *
 * const { execution, planning } = hierarchicalAdvantages({
 *   rewards: new Float64Array([0, 1, 0, 2]),
 *   switched: new Uint8Array([1, 0, 1, 0]),
 *   values: {
 *     switching: new Float64Array([1, 1, 1, 1]),
 *     planning: new Float64Array([1.5, NaN, 2, NaN]),
 *     execution: new Float64Array([1, 2, 1, 1]),
 *   },
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 * }, { gamma: 0.9, lambdaTurn: 0.5, lambdaSegment: 0.5 });
 * ok(Math.abs(execution[0]! - 1.16) < 1e-12);
 * ok(Math.abs(planning[0]! - 0.939) < 1e-12);
 * ```
 *
 * @param turns Columns of one episode.
 * @param options Discount, lambdas and forms.
 * @returns Advantages, in units of return; 0 where nothing was decided. Shape `(turns,)` each.
 * @throws {RangeError} If columns disagree in length, a setting is out of range, or a number that is read is not finite.
 * @throws {TypeError} If the q-minus-beta form lacks its columns.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, hierarchical advantage estimation
 */
export function hierarchicalAdvantages(
  turns: TurnColumns,
  options: HaeOptions = {},
): ByDecision<Float64Array> {
  const { bootstrap, truncated = false, ...columns } = turns;
  const length = turns.rewards.length;
  const done = new Uint8Array(length);
  // Recorded bootstraps speak for themselves; the other modes must be told what was cut off.
  const recorded = (options.truncation ?? "bootstrap") === "bootstrap";
  if (!recorded && !truncated && length > 0) done[length - 1] = 1;
  return batchAdvantages({
    ...columns,
    offsets: new Int32Array([0, length]),
    bootstrap: {
      switching: Float64Array.of(bootstrap.switching),
      planning: Float64Array.of(bootstrap.planning),
      execution: Float64Array.of(bootstrap.execution),
    },
    done,
  }, options).advantages;
}
