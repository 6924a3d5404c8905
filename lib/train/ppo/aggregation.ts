/**
 * How losses of single units become one number: the four means in use, and masked means.
 *
 * Units come flat, shape `(units,)`, with the sequence of each unit beside them, or as rows,
 * shape `(sequences, tokens)`. Every function returns new tensors; the caller disposes them.
 *
 * @module
 */

import { checkName, checkSameShape } from "../../checks.ts";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type {
  Scalar,
  Tensor,
  Tensor2D,
} from "../../policy/backends/tensors.ts";

/**
 * How losses of units become one number.
 *
 * - `token-mean`: over all units alike, `Σ x·m / (Σ m + 1e-8)`; long sequences weigh more
 * - `seq-mean-token-sum`: sums within a sequence, then the mean over sequences
 * - `seq-mean-token-mean`: means within a sequence, then the mean over sequences that have units
 * - `seq-mean-token-sum-norm`: the sum of all units over one fixed length
 */
export type AggregationMode =
  | "token-mean"
  | "seq-mean-token-sum"
  | "seq-mean-token-mean"
  | "seq-mean-token-sum-norm";

/** Which units belong together. Rows of a tensor of rank 2 are sequences and need no naming. */
export interface SequenceLayout {
  /** Index of each unit's sequence, for flat units. Shape `(units,)`. */
  readonly sequences?: Int32Array;
  /** How many sequences there are, for flat units. @default {the largest index plus 1} */
  readonly sequenceCount?: number;
}

/** Options for {@linkcode aggregate}. */
export interface AggregateOptions extends SequenceLayout {
  /** Which mean. @default {"token-mean"} */
  readonly mode?: AggregationMode;
  /**
   * Units that one sequence could have at most, the divisor of `seq-mean-token-sum-norm`.
   *
   * @default {columns of a tensor of rank 2; required for flat units}
   */
  readonly length?: number;
}

/**
 * Weighs units so that an aggregate is `Σ x · weight`.
 *
 * Weights hold no gradient. A unit without mask weighs 0, and all weigh 0 when none has a mask.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { aggregationWeights } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const mask = tf.tensor2d([[1, 1], [1, 0]]);
 * const weights = aggregationWeights(mask, { mode: "seq-mean-token-mean" });
 * deepStrictEqual([...weights.dataSync()], [0.25, 0.25, 0.5, 0]);
 * ```
 *
 * @param mask 1 where a unit counts, 0 elsewhere. Shape `(units,)` or `(sequences, tokens)`.
 * @param options The mode, and for flat units which sequence each belongs to.
 * @returns Weights in the shape of the mask. Caller disposes.
 * @throws {TypeError} If flat units come without what the mode needs.
 * @throws {RangeError} If the mode is unknown, a sequence is not below their number, or the length is not positive.
 */
export function aggregationWeights(
  mask: Tensor,
  options: AggregateOptions = {},
): Tensor {
  const { mode = "token-mean" } = options;
  checkName("compute a loss", mode, {
    what: "an aggregation",
    names: Object.keys(WEIGHTS),
  });
  return tf.tidy(() => WEIGHTS[mode](mask, options));
}

/** Weights of units by mode. */
const WEIGHTS: Readonly<
  Record<AggregationMode, (mask: Tensor, options: AggregateOptions) => Tensor>
> = {
  "token-mean": (mask) => tf.div(mask, tf.add(tf.sum(mask), 1e-8)),
  "seq-mean-token-sum": (mask, options) =>
    tf.div(mask, Math.max(1, countSequences(mask, options))),
  "seq-mean-token-mean"(mask, options) {
    const sizes = sequenceSums(mask, options); // (sequences,)
    const present = tf.sum(tf.cast(tf.greater(sizes, 0), "float32"));
    const each = tf.mul(tf.maximum(sizes, 1e-8), tf.maximum(present, 1));
    return tf.div(mask, spread(each, mask, options));
  },
  "seq-mean-token-sum-norm": (mask, options) =>
    tf.div(mask, sequenceLength(mask, options)),
};

/**
 * Turns values of units into one number, with a gradient.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { aggregate } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const losses = tf.tensor1d([1, 3, 8]);
 * const mask = tf.tensor1d([1, 1, 1]);
 * const loss = aggregate(losses, mask, {
 *   mode: "seq-mean-token-mean",
 *   sequences: new Int32Array([0, 0, 1]),
 * });
 * strictEqual(loss.dataSync()[0], 5);
 * ```
 *
 * @param values Shape `(units,)` or `(sequences, tokens)`; values without mask are never read.
 * @param mask 1 where a unit counts, 0 elsewhere, in the shape of the values.
 * @param options The mode, and for flat units which sequence each belongs to.
 * @returns A scalar. Caller disposes.
 * @throws {TypeError} If flat units come without what the mode needs, or values and mask differ in shape.
 * @throws {RangeError} If the mode is unknown, a sequence is not below their number, or the length is not positive.
 */
export function aggregate(
  values: Tensor,
  mask: Tensor,
  options: AggregateOptions = {},
): Scalar {
  checkSameShape("aggregate units", { values, mask });
  return tf.tidy(() => {
    const weights = aggregationWeights(mask, options);
    return tf.sum(tf.mul(masked(values, mask), weights)) as Scalar;
  });
}

/** Averages what has a mask, over an axis or over everything: `Σ x·m / (Σ m + 1e-8)`. Caller disposes. */
export function maskedMean(
  values: Tensor,
  mask: Tensor,
  axis?: number,
): Tensor {
  return tf.tidy(() =>
    tf.div(
      tf.sum(tf.mul(masked(values, mask), mask), axis),
      tf.add(tf.sum(mask, axis), 1e-8),
    )
  );
}

/**
 * Gives every unit the mean of its sequence, in the shape of the values; 0 without units. Caller disposes.
 *
 * @throws {TypeError} If flat units come without their sequences.
 */
export function sequenceMeans(
  values: Tensor,
  mask: Tensor,
  layout: SequenceLayout,
): Tensor {
  return tf.tidy(() => {
    const sums = sequenceSums(tf.mul(masked(values, mask), mask), layout);
    const sizes = tf.maximum(sequenceSums(mask, layout), 1);
    return spread(tf.div(sums, sizes), mask, layout);
  });
}

/** Sets values without mask to 0, whatever they were, so that they never reach the arithmetic. Caller disposes. */
export function masked(values: Tensor, mask: Tensor): Tensor {
  return tf.tidy(() =>
    tf.where(tf.greater(mask, 0), values, tf.zerosLike(values))
  );
}

/** Sums within sequences. Shape `(sequences,)`. */
function sequenceSums(values: Tensor, layout: SequenceLayout): Tensor {
  if (values.rank === 2) return tf.sum(values, 1);
  const row = tf.reshape(values, [1, values.size]); // (1, units)
  return tf.reshape(tf.matMul(row, membership(values, layout)), [-1]);
}

/** Hands every unit the number of its sequence. Shape of the mask. */
function spread(
  each: Tensor,
  mask: Tensor,
  layout: SequenceLayout,
): Tensor {
  const column = tf.reshape(each, [each.size, 1]); // (sequences, 1)
  if (mask.rank === 2) {
    return tf.add(column, tf.zerosLike(mask)); // (sequences, tokens)
  }
  return tf.reshape(tf.matMul(membership(mask, layout), column), [-1]);
}

/** 1 where a unit belongs to a sequence; a product with it needs no gather. Shape `(units, sequences)`. */
function membership(
  units: Tensor,
  layout: SequenceLayout,
): Tensor2D {
  const { sequences } = layout;
  if (sequences === undefined || sequences.length !== units.size) {
    throw new TypeError(
      `Cannot aggregate flat units by sequence as "sequences" must name one for each of ${units.size} units: current value is ${
        sequences === undefined ? "undefined" : `${sequences.length} names`
      }`,
    );
  }
  const count = countSequences(units, layout);
  const stray = sequences.findIndex((one) => !(one >= 0 && one < count));
  if (stray >= 0) {
    throw new RangeError(
      `Cannot aggregate flat units by sequence as each must be in [0, ${count}): unit ${stray} has ${
        sequences[stray]
      }`,
    );
  }
  // One choice alone cannot be encoded: a second one is added and cut off again.
  const hot = tf.oneHot(tf.tensor1d(sequences, "int32"), Math.max(2, count));
  return tf.cast(tf.slice(hot, [0, 0], [-1, count]), "float32") as Tensor2D;
}

function countSequences(units: Tensor, layout: SequenceLayout): number {
  if (units.rank === 2) return units.shape[0]!;
  const { sequences, sequenceCount } = layout;
  if (sequenceCount !== undefined) return sequenceCount;
  if (sequences === undefined) {
    throw new TypeError(
      'Cannot aggregate flat units by sequence as "sequences" must be given: current value is undefined',
    );
  }
  return sequences.reduce((most, index) => Math.max(most, index + 1), 0);
}

function sequenceLength(mask: Tensor, options: AggregateOptions): number {
  const length = options.length ??
    (mask.rank === 2 ? mask.shape[1] : undefined);
  if (length === undefined) {
    throw new TypeError(
      'Cannot aggregate flat units by a fixed length as "length" must be given: current value is undefined',
    );
  }
  if (!(length > 0)) {
    throw new RangeError(
      `Cannot aggregate units by a fixed length as "length" must be positive: current value is ${length}`,
    );
  }
  return length;
}
