/**
 * The losses of proximal policy optimization: clipped surrogates and the clipped value loss.
 *
 * Units come flat, shape `(units,)`, or as rows, shape `(sequences, tokens)`; all arguments of
 * one call share one shape. A unit without mask adds nothing and has no gradient, whatever
 * its numbers are. Every returned tensor is a scalar that the caller disposes; only the loss
 * has a gradient.
 *
 * @module
 */

import { checkSameShape } from "../../checks.ts";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Scalar, Tensor } from "../../policy/backends/tensors.ts";
import {
  aggregate,
  type AggregationMode,
  masked,
  maskedMean,
  type SequenceLayout,
  sequenceMeans,
} from "./aggregation.ts";

/** How a loss of units becomes one number. */
export interface UnitAggregation extends SequenceLayout {
  /** How units become one number. @default {"token-mean"} */
  readonly aggregation?: AggregationMode;
  /** Divisor of `seq-mean-token-sum-norm`. @default {columns of a tensor of rank 2} */
  readonly length?: number;
}

/** Options for {@linkcode sequencePolicyLoss}. */
export interface SequencePolicyLossOptions extends SequenceLayout {
  /** Log-probabilities when the units were sampled, in the shape of the new ones. */
  readonly oldLogProbs: Tensor;
  /** Advantage of each unit, in units of return. */
  readonly advantages: Tensor;
  /** 1 where a unit is trained, 0 elsewhere. */
  readonly mask: Tensor;
  /** How far a probability ratio may leave 1; `[below, above]` if asymmetric. @default {0.2} */
  readonly clipRange?: number | readonly [below: number, above: number];
}

/** Options for {@linkcode policyLoss}. */
export interface PolicyLossOptions
  extends SequencePolicyLossOptions, UnitAggregation {
  /** Bound on the loss of a negative advantage, in advantages, above 1; 0 turns it off. @default {3} */
  readonly dualClip?: number;
}

/** What {@linkcode policyLoss} returns; the caller disposes all of it. */
export interface PolicyLoss {
  /** What to minimize; the only one with a gradient. */
  readonly loss: Scalar;
  /** Share of units whose ratio was clipped. */
  readonly clipFraction: Scalar;
  /** Share of units whose loss met the dual clip. */
  readonly dualClipFraction: Scalar;
  /** Mean of `old − new` log-probabilities, in nats. */
  readonly approximateKl: Scalar;
}

/**
 * Clipped surrogate of proximal policy optimization, with dual clip.
 *
 * With `ρ = exp(log π − log π_old)` the loss of a unit is
 * `max(−A·ρ, −A·clip(ρ, 1 − below, 1 + above))`, and at most `−A·dualClip` where `A < 0`.
 *
 * @see {@link https://arxiv.org/abs/1707.06347 | Schulman et al. 2017}, eq. 7
 * @see {@link https://arxiv.org/abs/1912.09729 | Ye et al. 2020}, eq. 5, for the dual clip
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { policyLoss } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const logProbs = tf.tensor1d([-1, -2]);
 * const { loss } = policyLoss(logProbs, {
 *   oldLogProbs: logProbs,
 *   advantages: tf.tensor1d([1, 3]),
 *   mask: tf.tensor1d([1, 1]),
 * });
 * strictEqual(loss.dataSync()[0], -2); // ratio 1: minus the mean advantage
 * ```
 *
 * @param logProbs Log-probabilities now, with a gradient.
 * @param options What the units were worth and how far they may move.
 * @returns The loss and how often it was clipped. Caller disposes.
 * @throws {RangeError} If a clip range is negative, or `dualClip` neither 0 nor above 1.
 * @throws {TypeError} If tensors differ in shape.
 */
export function policyLoss(
  logProbs: Tensor,
  options: PolicyLossOptions,
): PolicyLoss {
  const { mask, dualClip = 3 } = options;
  if (!(dualClip === 0 || dualClip > 1)) {
    throw new RangeError(
      `Cannot clip the policy loss as "dualClip" must be 0 or above 1: current value is ${dualClip}`,
    );
  }
  checkUnits(logProbs, options);
  return tf.tidy(() => {
    // The very same tensor may be new and old: the ratio still has a gradient.
    const oldLogProbs = stopGradient(options.oldLogProbs);
    const logRatio = masked(tf.sub(logProbs, oldLogProbs), mask);
    return { ...surrogate(logRatio, logRatio, { ...options, dualClip }) };
  });
}

/**
 * Clipped surrogate with one ratio for a whole sequence (GSPO).
 *
 * The ratio of a sequence is `exp(min(10, mean(log π − log π_old)))` over its units; the
 * gradient flows through each unit with that ratio as its factor. Always `seq-mean-token-mean`,
 * without dual clip.
 *
 * @see {@link https://arxiv.org/abs/2507.18071 | Zheng et al. 2025}, section 4.3 (GSPO-token)
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { sequencePolicyLoss } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const { loss } = sequencePolicyLoss(tf.tensor2d([[-1, -2]]), {
 *   oldLogProbs: tf.tensor2d([[-2, -1]]), // the ratios of the two units cancel
 *   advantages: tf.tensor2d([[3, 3]]),
 *   mask: tf.tensor2d([[1, 1]]),
 * });
 * strictEqual(loss.dataSync()[0], -3);
 * ```
 *
 * @param logProbs Log-probabilities now, with a gradient.
 * @param options What the units were worth and how far sequences may move.
 * @returns The loss and how often it was clipped. Caller disposes.
 * @throws {RangeError} If a clip range is negative.
 * @throws {TypeError} If flat units come without their sequences, or tensors differ in shape.
 */
export function sequencePolicyLoss(
  logProbs: Tensor,
  options: SequencePolicyLossOptions,
): PolicyLoss {
  const { mask } = options;
  checkUnits(logProbs, options);
  return tf.tidy(() => {
    const oldLogProbs = stopGradient(options.oldLogProbs);
    const logRatio = masked(tf.sub(logProbs, oldLogProbs), mask);
    const fixed = stopGradient(logRatio);
    const gap = tf.sub(sequenceMeans(fixed, mask, options), fixed);
    // The value is the sequence's mean, the gradient is the unit's own.
    const shared = tf.minimum(tf.add(logRatio, gap), 10);
    return {
      ...surrogate(shared, logRatio, {
        ...options,
        dualClip: 0,
        aggregation: "seq-mean-token-mean",
      }),
    };
  });
}

/** Throws unless everything has the shape of the log-probabilities. */
function checkUnits(
  logProbs: Tensor,
  { oldLogProbs, advantages, mask }: SequencePolicyLossOptions,
): void {
  const units = { logProbs, oldLogProbs, advantages, mask };
  checkSameShape("compute the policy loss", units);
}

/** The clipped surrogate of given log-ratios; `drift` is what the approximate KL averages. */
function surrogate(
  logRatio: Tensor,
  drift: Tensor,
  options: PolicyLossOptions & { readonly dualClip: number },
): PolicyLoss {
  const { mask, dualClip, aggregation: mode = "token-mean" } = options;
  const [below, above] = clipBounds(options.clipRange ?? 0.2);
  const price = masked(tf.neg(options.advantages), mask);
  const ratio = tf.exp(logRatio);
  const free = tf.mul(price, ratio);
  const clipped = tf.mul(price, tf.clipByValue(ratio, 1 - below, 1 + above));
  const upper = tf.maximum(free, clipped);
  const bound = dualClip === 0 ? tf.onesLike(price) : tf.mul(price, dualClip);
  const bounded = tf.logicalAnd(
    tf.greater(price, 0),
    tf.scalar(dualClip !== 0, "bool"),
  );
  // A bound out of reach stands in for none: `where` on the loss itself would cut its gradient.
  const ceiling = tf.where(bounded, bound, tf.fill(bound.shape, 3e38));
  const share = (hit: Tensor) =>
    maskedMean(tf.cast(hit, "float32"), mask) as Scalar;
  return {
    loss: aggregate(tf.minimum(upper, ceiling), mask, {
      ...options,
      mode,
    }),
    clipFraction: share(tf.greater(clipped, free)),
    dualClipFraction: share(
      tf.logicalAnd(bounded, tf.greater(upper, bound)),
    ),
    approximateKl: maskedMean(tf.neg(drift), mask) as Scalar,
  };
}

/** Options for {@linkcode valueLoss}. */
export interface ValueLossOptions extends UnitAggregation {
  /** Predictions when the units were sampled, in units of return. */
  readonly oldValues: Tensor;
  /** Returns to predict. */
  readonly targets: Tensor;
  /** 1 where a value is trained, 0 elsewhere. */
  readonly mask: Tensor;
  /** How far a prediction may move, in units of return; 0 turns clipping off. @default {0.5} */
  readonly clipRange?: number;
}

/** What {@linkcode valueLoss} returns; the caller disposes all of it. */
export interface ValueLoss {
  /** What to minimize; the only one with a gradient. */
  readonly loss: Scalar;
  /** Share of predictions that were clipped. */
  readonly clipFraction: Scalar;
}

/**
 * Squared error of value predictions, the larger of the free and the clipped one.
 *
 * `max((v − R)², (clip(v, v_old ± range) − R)²)`, without a factor of one half.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { valueLoss } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const { loss } = valueLoss(tf.tensor1d([1, 2]), {
 *   oldValues: tf.tensor1d([1, 2]),
 *   targets: tf.tensor1d([2, 5]),
 *   mask: tf.tensor1d([1, 1]),
 * });
 * strictEqual(loss.dataSync()[0], 5); // (1 + 9) / 2
 * ```
 *
 * @param values Predictions now, with a gradient.
 * @returns The loss and how often it was clipped. Caller disposes.
 * @throws {RangeError} If `clipRange` is negative.
 * @throws {TypeError} If tensors differ in shape.
 */
export function valueLoss(
  values: Tensor,
  options: ValueLossOptions,
): ValueLoss {
  const { clipRange = 0.5, mask, aggregation: mode = "token-mean" } = options;
  if (!(clipRange >= 0)) {
    throw new RangeError(
      `Cannot clip the value loss as "clipRange" must not be negative: current value is ${clipRange}`,
    );
  }
  const { oldValues, targets: wanted } = options;
  const units = { values, oldValues, targets: wanted, mask };
  checkSameShape("compute the value loss", units);
  return tf.tidy(() => {
    const now = masked(values, mask);
    const before = masked(stopGradient(oldValues), mask);
    const targets = masked(stopGradient(wanted), mask);
    const free = tf.square(tf.sub(now, targets));
    const moved = clipRange === 0 ? now : tf.minimum(
      tf.maximum(now, tf.sub(before, clipRange)),
      tf.add(before, clipRange),
    );
    const clipped = tf.square(tf.sub(moved, targets));
    return {
      loss: aggregate(tf.maximum(free, clipped), mask, { ...options, mode }),
      clipFraction: maskedMean(
        tf.cast(tf.greater(clipped, free), "float32"),
        mask,
      ) as Scalar,
    };
  });
}

/**
 * Passes a tensor on without its gradient.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { stopGradient } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const gradient = tf.grad((x) => stopGradient(x));
 * strictEqual(stopGradient(tf.scalar(3)).dataSync()[0], 3); // the same number,
 * strictEqual(gradient(tf.scalar(3)).dataSync()[0], 0); // and no gradient
 * ```
 *
 * @returns The same numbers; its gradient is 0. Caller disposes.
 */
export function stopGradient(tensor: Tensor): Tensor {
  const pass = tf.customGrad((...inputs: (Tensor | tf.GradSaveFunc)[]) => ({
    value: tf.clone(inputs[0] as Tensor),
    gradFunc: (dy: Tensor) => tf.zerosLike(dy),
  }));
  return pass(tensor);
}

/** How far below and above 1 a ratio may be. */
function clipBounds(
  range: number | readonly [number, number],
): readonly [number, number] {
  const [below, above] = typeof range === "number" ? [range, range] : range;
  if (!(below >= 0 && above >= 0)) {
    throw new RangeError(
      `Cannot clip the policy loss as "clipRange" must not be negative: current value is [${below}, ${above}]`,
    );
  }
  return [below, above];
}
