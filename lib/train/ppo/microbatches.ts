/**
 * Splitting a minibatch into microbatches that are computed apart, and what each counts for in the whole.
 *
 * How a batch is split depends on its size and the number of microbatches alone, never on which thread computes
 * them: sums are taken microbatch by microbatch, so that their last digits are the same everywhere.
 *
 * @module
 */

import { type ByDecision, byDecision } from "../../trajectory.ts";

/** Fewest items that are worth a microbatch of their own. */
const LEAST = 4;

/**
 * Splits items into consecutive microbatches whose sizes differ by at most one.
 *
 * @param items What to split.
 * @param microbatches Most microbatches; there are fewer where one would have fewer than 4 items.
 * @returns The microbatches in order; one at least, which holds everything.
 */
export function splitMicrobatches<T>(
  items: readonly T[],
  microbatches: number,
): T[][] {
  const count = Math.max(
    1,
    Math.min(microbatches, Math.floor(items.length / LEAST)),
  );
  const bound = (k: number) => Math.floor(k * items.length / count);
  return Array.from(
    { length: count },
    (_, k) => items.slice(bound(k), bound(k + 1)),
  );
}

/** What the means of one microbatch count for in the means of the minibatch, in `[0, 1]`. */
export interface MicrobatchWeights {
  /** Share of the units that the policy gradient sees. */
  readonly units: number;
  /** Share of the targets of each value head. */
  readonly heads: ByDecision<number>;
}

/** Masks of one microbatch: 1 where a mean counts a unit, or a target of a value head. */
export interface MicrobatchMasks {
  /** Shape `(units,)`. */
  readonly units: Float32Array;
  /** Shape `(rows,)` each. */
  readonly heads: ByDecision<Float32Array>;
}

/**
 * Weighs microbatches: the mean over a minibatch is the sum of their means, each times its weight.
 *
 * @param masks Masks of each microbatch.
 * @returns Weights of each microbatch; they add up to 1, or are all 0 where there is nothing to average.
 */
export function microbatchWeights(
  masks: readonly MicrobatchMasks[],
): MicrobatchWeights[] {
  if (masks.length === 1) return [{ units: 1, heads: byDecision(() => 1) }];
  const units = shares(masks.map((one) => count(one.units)));
  const heads = byDecision((name) =>
    shares(masks.map((one) => count(one.heads[name])))
  );
  return units.map((share, k) => ({
    units: share,
    heads: byDecision((name) => heads[name][k]!),
  }));
}

/** How many have a mask. */
function count(mask: Float32Array): number {
  return mask.reduce((sum, one) => sum + one, 0);
}

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, one) => sum + one, 0);
  return counts.map((one) => total === 0 ? 0 : one / total);
}
