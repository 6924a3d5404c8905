/**
 * Means of few seeds: Student's t, and Holm's correction for several comparisons.
 *
 * @module
 */

import type { Interval } from "./statistics.ts";

/**
 * Probability that |t| of Student's distribution stays below a value, for a whole number of degrees of freedom.
 *
 * @see {@link https://doi.org/10.1119/1.15378 | Abramowitz and Stegun 1964}, 26.7.3 and 26.7.4
 */
export function studentWithin(t: number, freedom: number): number {
  const angle = Math.atan(Math.abs(t) / Math.sqrt(freedom));
  const cosine = Math.cos(angle), sine = Math.sin(angle);
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1, sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= (k - 1) / k * cosine ** 2;
    sum += term;
  }
  return odd ? 2 / Math.PI * (angle + sine * sum) : sine * sum;
}

/** The value that |t| stays below with a probability, by bisection. */
function studentBound(level: number, freedom: number): number {
  let low = 0, high = 1e6;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (studentWithin(middle, freedom) < level) low = middle;
    else high = middle;
  }
  return high;
}

/** A mean with its interval and the p-value of being 0. */
export interface MeanInterval extends Interval {
  /** Two-sided p-value of Student's test that the mean is 0; 1 where nothing varies and the mean is 0. */
  readonly pValue: number;
}

/**
 * Estimates a mean with its interval by Student's t.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { meanInterval } from "@hiper/lab/studies";
 *
 * const { estimate, low, high } = meanInterval([1, 2, 3, 4, 5]);
 * ok(estimate === 3 && Math.abs(low - 1.037) < 1e-3 && Math.abs(high - 4.963) < 1e-3);
 * ```
 *
 * @param values One number for each seed, at least two.
 * @param level Share of repetitions whose interval holds the truth, if the values are normal. @default {0.95}
 * @returns The mean, its interval, and the p-value of being 0.
 * @throws {RangeError} If there are fewer than two values.
 */
export function meanInterval(
  values: readonly number[],
  level = 0.95,
): MeanInterval {
  const n = values.length;
  if (n < 2) {
    throw new RangeError(
      `Cannot find an interval of a mean as there must be at least 2 values: current count is ${n}`,
    );
  }
  const estimate = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, v) => sum + (v - estimate) ** 2, 0);
  const error = Math.sqrt(squares / (n - 1) / n);
  const half = studentBound(level, n - 1) * error;
  const pValue = error > 0
    ? 1 - studentWithin(estimate / error, n - 1)
    : estimate === 0
    ? 1
    : 0;
  return { estimate, low: estimate - half, high: estimate + half, pValue };
}

/**
 * Corrects p-values of several comparisons, so that the chance of any false finding among them stays below the level.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { holm } from "@hiper/lab/studies";
 *
 * deepStrictEqual(holm([0.01, 0.2, 0.02]), [0.03, 0.2, 0.04]);
 * ```
 *
 * @see {@link https://www.jstor.org/stable/4615733 | Holm 1979}
 *
 * @param pValues Of each comparison.
 * @returns Corrected p-values in the same order.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i)
    .sort((a, b) => pValues[a]! - pValues[b]!);
  const corrected: number[] = Array(pValues.length).fill(1);
  let least = 0;
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * pValues[i]!));
    corrected[i] = least;
  }
  return corrected;
}
