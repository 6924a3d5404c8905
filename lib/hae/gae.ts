/**
 * The one backward recurrence of advantage estimation, for steps of any duration.
 *
 * @module
 */

/** Experience on one clock; columns of shape `(steps,)`. */
export interface Steps {
  /** What each step paid: on the clock of segments, the segment's discounted sum. */
  readonly rewards: Float64Array;
  /** Value before each step, in units of return. */
  readonly values: Float64Array;
  /** Value after each step: of the next step, of what a cut-off episode led to, or 0 at an end. */
  readonly nextValues: Float64Array;
  /** Discount over each step: `gamma` for a turn, `gamma ** duration` for a segment, 0 where the chain is cut. */
  readonly discounts: Float64Array;
}

/**
 * Estimates advantages by generalized advantage estimation, and its semi-Markov form when steps last several turns.
 *
 * `delta[k] = r[k] + discount[k] · next[k] − v[k]` and
 * `A[k] = delta[k] + discount[k] · lambda · A[k + 1]`, with `A = 0` after the last step.
 * With `lambda` 1 and `next[k] = v[k + 1]` the sum telescopes: `A + v` is the Monte-Carlo return.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { generalizedAdvantages } from "@hiper/lab";
 *
 * const steps = {
 *   rewards: new Float64Array([0, 4]),
 *   values: new Float64Array([1, 2]),
 *   nextValues: new Float64Array([2, 0]),
 *   discounts: new Float64Array([0.5, 0.5]),
 * };
 * deepStrictEqual(generalizedAdvantages(steps, 1), new Float64Array([1, 2]));
 * ```
 *
 * @param steps Experience on one clock. Shape `(steps,)` each.
 * @param lambda Weight of later residuals, in `[0, 1]`: 0 trusts the values, 1 the rewards.
 * @returns Advantages, in units of return. Shape `(steps,)`.
 * @throws {RangeError} If columns differ in length or `lambda` is outside `[0, 1]`.
 * @see {@link https://arxiv.org/abs/1506.02438 | Schulman et al. 2016}, eq. 16
 */
export function generalizedAdvantages(
  steps: Steps,
  lambda: number,
): Float64Array {
  const { rewards, values, nextValues, discounts } = steps;
  if (!(lambda >= 0 && lambda <= 1)) {
    throw new RangeError(
      `Cannot estimate advantages as "lambda" must be in [0, 1]: current value is ${lambda}`,
    );
  }
  for (const [name, column] of Object.entries(steps)) {
    if (column.length !== rewards.length) {
      throw new RangeError(
        `Cannot estimate advantages as "${name}" must have ${rewards.length} steps: current value is ${column.length}`,
      );
    }
  }
  const advantages = new Float64Array(rewards.length);
  let next = 0;
  for (let k = rewards.length - 1; k >= 0; k--) {
    const discount = discounts[k]!;
    const delta = rewards[k]! + discount * nextValues[k]! - values[k]!;
    advantages[k] = next = delta + discount * lambda * next;
  }
  return advantages;
}
