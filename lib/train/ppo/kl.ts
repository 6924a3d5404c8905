/**
 * Distance from a reference policy: estimators of the KL divergence from samples, its share of
 * the reward, and the coefficient that adapts to it.
 *
 * @module
 */

import { checkName, checkSameShape } from "../../checks.ts";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Tensor, Tensor2D } from "../../policy/backends/tensors.ts";
import { masked, maskedMean } from "./aggregation.ts";

/**
 * Estimator of the KL divergence from one sample, with `x = log π − log π_ref`.
 *
 * - `k1` (or `kl`): `x`; unbiased, signed
 * - `k2` (or `mse`): `x² / 2`
 * - `k3` (or `low_var_kl`): `e^{−x} + x − 1`, clipped to `[−10, 10]`; unbiased, never negative
 * - `abs`: `|x|`
 *
 * @see {@link http://joschu.net/blog/kl-approx.html | Schulman 2020}
 */
export type KlEstimator =
  | "k1"
  | "k2"
  | "k3"
  | "kl"
  | "mse"
  | "low_var_kl"
  | "abs";

const k1 = (x: Tensor) => x;
const k2 = (x: Tensor): Tensor => tf.mul(tf.square(x), 0.5);
// A log-ratio beyond 30 is clipped anyway; stopping it here keeps the exponential finite.
const k3 = (x: Tensor) =>
  tf.clipByValue(
    tf.sub(tf.add(tf.exp(tf.minimum(tf.neg(x), 30)), x), 1),
    -10,
    10,
  );

const ESTIMATORS: Readonly<Record<KlEstimator, (x: Tensor) => Tensor>> = {
  k1,
  k2,
  k3,
  kl: k1,
  mse: k2,
  low_var_kl: k3,
  abs: tf.abs,
};

/** Divergence beyond which `k3` is clipped, in nats, and log-ratio beyond which its exponential is. */
const K3_LIMIT = 10, K3_LARGEST = 30;

/** An estimate and its derivative with respect to `log π`, as {@linkcode klEstimates} has them. */
export function differentiateKl(
  x: number,
  estimator: KlEstimator,
): { readonly loss: number; readonly slope: number } {
  switch (estimator) {
    case "k1":
    case "kl":
      return { loss: x, slope: 1 };
    case "k2":
    case "mse":
      return { loss: x * x / 2, slope: x };
    case "abs":
      return { loss: Math.abs(x), slope: Math.sign(x) };
    case "k3":
    case "low_var_kl": {
      const factor = Math.exp(Math.min(-x, K3_LARGEST));
      const loss = factor + x - 1;
      const slope = -x > K3_LARGEST ? 1 : 1 - factor;
      return loss > K3_LIMIT ? { loss: K3_LIMIT, slope: 0 } : { loss, slope };
    }
  }
}

/** Options for {@linkcode klEstimates}. */
export interface KlEstimatesOptions {
  /** Log-probabilities under the reference policy, in the shape of the others. */
  readonly reference: Tensor;
  /** Which estimator. @default {"k3"} */
  readonly estimator?: KlEstimator;
}

/**
 * Estimates, unit by unit, how far a policy is from its reference.
 *
 * Differentiable in both arguments; `k3` has no gradient where it is clipped.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { klEstimates } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const kl = klEstimates(tf.tensor1d([-1]), {
 *   reference: tf.tensor1d([-3]),
 *   estimator: "k2",
 * });
 * strictEqual(kl.dataSync()[0], 2);
 * ```
 *
 * @param logProbs Log-probabilities under the policy. Any shape.
 * @returns Estimates in nats, in the same shape. Caller disposes.
 * @throws {RangeError} If the estimator is unknown.
 * @throws {TypeError} If the shapes differ.
 */
export function klEstimates(
  logProbs: Tensor,
  options: KlEstimatesOptions,
): Tensor {
  const { reference, estimator = "k3" } = options;
  checkSameShape("estimate the divergence", { logProbs, reference });
  checkName("compute a loss", estimator, {
    what: "an estimator of divergence",
    names: Object.keys(ESTIMATORS),
  });
  return tf.tidy(() => ESTIMATORS[estimator](tf.sub(logProbs, reference)));
}

/** Divergence of turns from the reference. */
export interface TurnDivergences {
  /** Sum over the units of each turn, in nats. Shape `(turns,)`. */
  readonly sums: Float64Array;
  /** Mean over turns of the mean over their units, in nats, for {@linkcode adaptKlCoefficient}. */
  readonly mean: number;
  /** Turns that have units. */
  readonly turns: number;
}

/** Estimates the divergence of turns, from units of which some have a mask, first unit of each turn in `offsets`. */
export function turnDivergences(
  logProbs: ArrayLike<number>,
  options: {
    readonly references: ArrayLike<number>;
    readonly mask: ArrayLike<number>;
    readonly offsets: ArrayLike<number>;
    readonly estimator: KlEstimator;
  },
): TurnDivergences {
  const { references, mask, offsets, estimator } = options;
  const sums = new Float64Array(offsets.length - 1);
  let total = 0, turns = 0;
  for (let i = 0; i < sums.length; i++) {
    let units = 0;
    for (let u = offsets[i]!; u < offsets[i + 1]!; u++) {
      if (!(mask[u]! > 0)) continue;
      sums[i]! +=
        differentiateKl(logProbs[u]! - references[u]!, estimator).loss;
      units++;
    }
    if (units === 0) continue;
    total += sums[i]! / units;
    turns++;
  }
  return { sums, mean: turns === 0 ? 0 : total / turns, turns };
}

/** Options for {@linkcode adaptKlCoefficient}. */
export interface AdaptKlCoefficientOptions {
  /** KL divergence just measured, in nats. */
  readonly kl: number;
  /** Sequences it was measured on. */
  readonly steps: number;
  /** KL divergence to aim at, in nats. */
  readonly target: number;
  /** Sequences over which the coefficient may change by about a fifth. */
  readonly horizon: number;
}

/**
 * Moves a KL coefficient towards the one that holds the divergence at its target.
 *
 * `coefficient · (1 + clip(kl / target − 1, −0.2, 0.2) · steps / horizon)`
 *
 * @see {@link https://arxiv.org/abs/1909.08593 | Ziegler et al. 2019}, section 2.2
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { adaptKlCoefficient } from "@hiper/lab/losses";
 *
 * const options = { steps: 500, target: 6, horizon: 1000 };
 * strictEqual(adaptKlCoefficient(0.5, { kl: 60, ...options }), 0.55);
 * ```
 *
 * @param coefficient Coefficient in force.
 * @param options What was measured, and what is aimed at.
 * @returns The next coefficient.
 * @throws {RangeError} If `target` or `horizon` is not positive.
 */
export function adaptKlCoefficient(
  coefficient: number,
  options: AdaptKlCoefficientOptions,
): number {
  const { kl, steps, target, horizon } = options;
  for (const [name, value] of Object.entries({ target, horizon })) {
    if (!(value > 0)) {
      throw new RangeError(
        `Cannot adapt the KL coefficient as "${name}" must be positive: current value is ${value}`,
      );
    }
  }
  const error = Math.min(0.2, Math.max(-0.2, kl / target - 1));
  return coefficient * (1 + error * steps / horizon);
}

/** Options for {@linkcode penalizeRewards}. */
export interface PenalizeRewardsOptions extends KlEstimatesOptions {
  /** Log-probabilities when the tokens were sampled. Shape `(sequences, tokens)`. */
  readonly logProbs: Tensor2D;
  /** 1 where a token counts. Shape `(sequences, tokens)`. */
  readonly mask: Tensor2D;
  /** Weight of the divergence. */
  readonly coefficient: number;
}

/** What {@linkcode penalizeRewards} returns. */
export interface PenalizedRewards {
  /** Rewards less the weighted divergence. Shape `(sequences, tokens)`. */
  readonly rewards: Tensor2D;
  /** Mean over sequences of their mean divergence, in nats, for {@linkcode adaptKlCoefficient}. */
  readonly kl: number;
}

/**
 * Takes the divergence out of the reward of each token: `r − coefficient · kl · mask`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { penalizeRewards } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const { rewards, kl } = penalizeRewards(tf.tensor2d([[1]]), {
 *   logProbs: tf.tensor2d([[-1]]),
 *   reference: tf.tensor2d([[-3]]),
 *   mask: tf.tensor2d([[1]]),
 *   coefficient: 0.25,
 * });
 * strictEqual(kl, 2);
 * strictEqual(rewards.dataSync()[0], 0.5); // 1 - 0.25 · 2
 * ```
 *
 * @param rewards Reward of each token. Shape `(sequences, tokens)`.
 * @param options Log-probabilities, reference, mask and weight.
 * @returns New rewards, whose tensor the caller disposes, and the divergence.
 */
export function penalizeRewards(
  rewards: Tensor2D,
  options: PenalizeRewardsOptions,
): PenalizedRewards {
  const { logProbs, mask, coefficient, estimator = "kl" } = options;
  const [penalized, kl] = tf.tidy(() => {
    const each = tf.mul(
      masked(klEstimates(logProbs, { ...options, estimator }), mask),
      mask,
    );
    const bySequence = maskedMean(each, mask, 1); // (sequences,)
    return [
      tf.sub(rewards, tf.mul(each, coefficient)) as Tensor2D,
      tf.mean(bySequence),
    ];
  });
  const value = kl.dataSync()[0]!;
  kl.dispose();
  return { rewards: penalized, kl: value };
}
