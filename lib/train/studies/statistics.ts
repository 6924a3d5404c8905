/**
 * Uncertainty of results over a few seeds: robust means, bootstrap intervals, paired differences.
 *
 * @module
 */

import { checkPositiveInteger } from "../../checks.ts";
import { mean, quantile } from "../../numeric.ts";
import type { Random } from "../../random.ts";

/** An estimate and its interval. */
export interface Interval {
  /** The statistic of the values themselves. */
  readonly estimate: number;
  /** Lower end. */
  readonly low: number;
  /** Upper end. */
  readonly high: number;
}

/** A statistic over runs: `mean`, {@linkcode interquartileMean} or any other. */
export type Statistic = (values: Float64Array) => number;

/** Options for {@linkcode bootstrapInterval}. */
export interface BootstrapOptions {
  /** Stream of the resamples. */
  readonly random: Random;
  /** What to estimate. @default {mean} */
  readonly statistic?: Statistic;
  /** Share of repetitions whose interval should hold the truth, in `(0, 1)`. @default {0.95} */
  readonly level?: number;
  /** How often to resample. @default {2000} */
  readonly resamples?: number;
}

/**
 * Averages the middle half: a quarter of the values, rounded down, is dropped at either end.
 *
 * As robust as a median against a run that failed, and less noisy than one.
 *
 * @see {@link https://arxiv.org/abs/2108.13264 | Agarwal et al. 2021}, section 4.3
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { interquartileMean } from "@hiper/lab/studies";
 *
 * strictEqual(interquartileMean([0, 2, 4, 1000]), 3);
 * ```
 *
 * @param values Shape `(runs,)`; left as they are.
 * @returns The mean of the middle; `NaN` when there are no values.
 */
export function interquartileMean(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const cut = Math.floor(sorted.length / 4);
  return mean(sorted.subarray(cut, sorted.length - cut));
}

/**
 * Finds an interval by resampling runs with replacement (percentile bootstrap).
 *
 * With fewer than about eight runs the intervals are too narrow.
 *
 * @see {@link https://doi.org/10.1214/aos/1176344552 | Efron 1979}
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { bootstrapInterval } from "@hiper/lab/studies";
 *
 * const { estimate, low, high } = bootstrapInterval([1, 2, 3, 4, 5], {
 *   random: createRandom(1),
 * });
 * ok(estimate === 3 && low >= 1 && low < 3 && high > 3 && high <= 5);
 * ```
 *
 * @param values One number for each run. Shape `(runs,)`.
 * @returns The statistic and its interval; all `NaN` when there are no values.
 * @throws {RangeError} If `level` is not in `(0, 1)` or `resamples` not a positive integer.
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  options: BootstrapOptions,
): Interval {
  return stratifiedInterval([values], {
    ...options,
    statistic: options.statistic ?? mean,
  });
}

/**
 * Finds an interval over several tasks at once: runs are resampled within each task, and the
 * statistic sees all of them.
 *
 * @see {@link https://arxiv.org/abs/2108.13264 | Agarwal et al. 2021}, section 4.1
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { stratifiedInterval } from "@hiper/lab/studies";
 *
 * // Runs of one task are equal, so the interval has no width.
 * const { low, high } = stratifiedInterval([[1, 1], [3, 3]], { random: createRandom(1) });
 * strictEqual(low, 2);
 * strictEqual(high, 2);
 * ```
 *
 * @param strata Numbers of each task's runs. Shape `(tasks, runs)`, runs may differ.
 * @param options Stream, statistic (default {@linkcode interquartileMean}), level and effort.
 * @returns The statistic of all values and its interval.
 * @throws {RangeError} If `level` is not in `(0, 1)` or `resamples` not a positive integer.
 */
export function stratifiedInterval(
  strata: readonly ArrayLike<number>[],
  options: BootstrapOptions,
): Interval {
  const { random, statistic = interquartileMean } = options;
  const { level = 0.95, resamples = 2000 } = options;
  checkPositiveInteger("find an interval", { resamples });
  if (!(level > 0 && level < 1)) {
    throw new RangeError(
      `Cannot find an interval as "level" must be between 0 and 1: current value is ${level}`,
    );
  }
  const all = Float64Array.from(strata.flatMap((runs) => Array.from(runs)));
  const estimate = statistic(all);
  if (all.length === 0) return { estimate, low: NaN, high: NaN };
  const stream = random.fork("bootstrap");
  const draws = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    const resample = new Float64Array(all.length);
    let at = 0;
    for (const runs of strata) {
      for (let j = 0; j < runs.length; j++) {
        resample[at++] = runs[stream.integer(runs.length)]!;
      }
    }
    draws[b] = statistic(resample);
  }
  return {
    estimate,
    low: quantile(draws, (1 - level) / 2),
    high: quantile(draws, (1 + level) / 2),
  };
}

/** A paired comparison of two methods. */
export interface PairedDifference extends Interval {
  /** Two-sided p-value: probability of a mean difference at least as large under random signs. */
  readonly pValue: number;
  /** Share of pairs that the first wins; ties count half. */
  readonly wins: number;
}

/** Largest number of pairs for which all sign patterns are visited. */
const EXHAUSTIVE_PAIRS = 12;

/**
 * Compares two methods on the same seeds: the mean of differences, its interval, and a sign-flip test.
 *
 * Pairing removes what a seed does to both. The test visits every pattern of signs up to twelve
 * pairs, and `resamples` random ones beyond; with `n` pairs it cannot go below `2 ** (1 - n)`.
 *
 * @see {@link https://doi.org/10.1201/9780429246593 | Efron and Tibshirani 1993}, chapter 15
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { pairedDifference } from "@hiper/lab/studies";
 *
 * const { estimate, wins, pValue } = pairedDifference([5, 6, 9], [4, 4, 6], {
 *   random: createRandom(1),
 * });
 * strictEqual(estimate, 2);
 * strictEqual(wins, 1);
 * strictEqual(pValue, 0.25); // the least possible with three pairs
 * ```
 *
 * @param first One number for each seed. Shape `(seeds,)`.
 * @param second The other method on the same seeds, in the same order. Shape `(seeds,)`.
 * @param options Stream, level and effort; the statistic is always the mean.
 * @returns Mean of `first − second`, its interval, the test, and the share of wins.
 * @throws {RangeError} If there is not the same number of both, or an option is out of range.
 */
export function pairedDifference(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: Omit<BootstrapOptions, "statistic">,
): PairedDifference {
  if (first.length !== second.length) {
    throw new RangeError(
      `Cannot compare runs as both methods must have the same seeds: current values are ${first.length} and ${second.length} runs`,
    );
  }
  const differences = Float64Array.from(
    { length: first.length },
    (_, i) => first[i]! - second[i]!,
  );
  const wins = mean(
    differences.map((d) => d > 0 ? 1 : d === 0 ? 0.5 : 0),
  );
  return {
    ...bootstrapInterval(differences, options),
    pValue: signFlipTest(differences, options),
    wins,
  };
}

/** Share of sign patterns whose sum is at least as far from 0 as the sum found. */
function signFlipTest(
  differences: Float64Array,
  options: Omit<BootstrapOptions, "statistic">,
): number {
  const { random, resamples = 2000 } = options;
  const count = differences.length;
  const found = Math.abs(differences.reduce((a, b) => a + b, 0));
  // Sums of the same numbers in another order may differ in the last digits.
  const bar = found - 1e-12 * Math.max(1, found);
  const exhaustive = count <= EXHAUSTIVE_PAIRS;
  const patterns = exhaustive ? 2 ** count : resamples;
  const stream = random.fork("signs");
  let far = 0;
  for (let pattern = 0; pattern < patterns; pattern++) {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const flip = exhaustive
        ? (pattern >> i) & 1
        : stream.uniform() < 0.5
        ? 1
        : 0;
      sum += flip === 1 ? -differences[i]! : differences[i]!;
    }
    if (Math.abs(sum) >= bar) far++;
  }
  // The observed pattern counts as one of the random ones.
  return exhaustive ? far / patterns : (far + 1) / (patterns + 1);
}
