/**
 * Statistics on typed arrays: means, deviations, discounted sums, quantiles, stable exponentials.
 *
 * @module
 */

import { checkUnitInterval } from "./checks.ts";

/** The mean of numbers; `NaN` when there are none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The standard deviation; `sample` divides by `n - 1` instead of `n`. `NaN` when there are too few values. */
export function standardDeviation(
  values: ArrayLike<number>,
  options: { sample?: boolean } = {},
): number {
  const { sample = false } = options;
  const center = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - center) ** 2;
  return Math.sqrt(sum / (values.length - (sample ? 1 : 0)));
}

/**
 * Interpolates a quantile linearly between order statistics (Hyndman and Fan 1996, type 7); `NaN` without values.
 *
 * @throws {RangeError} If `q` is outside `[0, 1]`.
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  checkUnitInterval("take a quantile", { q });
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return NaN;
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! +
    (position - below) * (sorted[above]! - sorted[below]!);
}

/** `log(sum(exp(x)))` without overflow; minus infinity when there are no values. */
export function logSumExp(values: ArrayLike<number>): number {
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) max = Math.max(max, values[i]!);
  if (max === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - max);
  return max + Math.log(sum);
}

/** Turns logits, shape `(choices,)`, into probabilities that sum to 1. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const shift = logSumExp(logits);
  return Float64Array.from(logits, (logit) => Math.exp(logit - shift));
}

/**
 * Sums rewards from each turn to the end of its episode, later ones discounted: `G[t] = r[t] + gamma · G[t + 1]`.
 *
 * @see {@link http://incompleteideas.net/book/the-book-2nd.html | Sutton and Barto 2018}, eq. 3.9
 *
 * @param rewards Reward of each turn. Shape `(turns,)`.
 * @param options Discount per turn; first turn of each episode, then the number of turns, shape `(episodes + 1,)`,
 * absent for one episode.
 * @returns Returns, in units of reward. Shape `(turns,)`.
 */
export function discountedReturns(
  rewards: Float64Array,
  options: { readonly gamma: number; readonly offsets?: Int32Array },
): Float64Array {
  const { gamma, offsets = Int32Array.of(0, rewards.length) } = options;
  const returns = new Float64Array(rewards.length);
  for (let i = offsets.length - 2; i >= 0; i--) {
    let next = 0;
    for (let t = offsets[i + 1]! - 1; t >= offsets[i]!; t--) {
      returns[t] = next = rewards[t]! + gamma * next;
    }
  }
  return returns;
}

/** Two-sided 95 % quantile of the normal distribution. */
const NORMAL_95 = 1.959963984540054;

/**
 * Wilson's score interval of a share, 95 %; it has a width at 0 and 1 too, and stays within them.
 *
 * @see {@link https://doi.org/10.1080/01621459.1927.10502953 | Wilson 1927}
 *
 * @param share Share found, in `[0, 1]`.
 * @param count Trials it was found in, at least 1.
 */
export function wilsonInterval(
  share: number,
  count: number,
): [low: number, high: number] {
  const z = NORMAL_95;
  const shrink = 1 + z * z / count;
  const center = (share + z * z / (2 * count)) / shrink;
  const half = z / shrink *
    Math.sqrt(share * (1 - share) / count + z * z / (4 * count * count));
  return [Math.min(share, center - half), Math.max(share, center + half)];
}
