/**
 * Variance and whitening over masked tensors, as published implementations compute them; recorded vectors hold both.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "../../lib/policy/backends/tensors.ts";
import { maskedMean } from "../../lib/train/ppo/aggregation.ts";

/**
 * Measures the variance of what has a mask.
 *
 * @param values Any shape.
 * @param mask 0 or 1, in the shape of the values.
 * @param options `sample` divides by one less than the number of units. @default {true}
 * @returns A scalar. Caller disposes.
 * @throws {RangeError} If a sample variance is asked of fewer than two units.
 */
export function maskedVariance(
  values: Tensor,
  mask: Tensor,
  options: { readonly sample?: boolean } = {},
): Scalar {
  const { sample = true } = options;
  return tf.tidy(() => {
    const squares = tf.square(tf.sub(values, maskedMean(values, mask)));
    const variance = maskedMean(squares, mask) as Scalar;
    if (!sample) return variance;
    const units = tf.sum(mask).dataSync()[0]!;
    if (units <= 1) {
      throw new RangeError(
        `Cannot measure a sample variance as the mask must keep at least two units: current value is ${units}`,
      );
    }
    return tf.mul(variance, units / (units - 1)) as Scalar;
  });
}

/**
 * Brings what has a mask to mean 0 and variance 1: `(x − mean) / sqrt(variance + 1e-8)`.
 *
 * @param values Any shape; units without mask are moved by the same numbers.
 * @param mask 0 or 1, in the shape of the values.
 * @param options `keepMean` rescales around the mean instead of moving it to 0. @default {false}
 * @returns Whitened values in the same shape. Caller disposes.
 * @throws {RangeError} If the mask keeps fewer than two units.
 */
export function maskedWhiten(
  values: Tensor,
  mask: Tensor,
  options: { readonly keepMean?: boolean } = {},
): Tensor {
  const { keepMean = false } = options;
  return tf.tidy(() => {
    const center = maskedMean(values, mask);
    const scale = tf.sqrt(tf.add(maskedVariance(values, mask), 1e-8));
    const whitened = tf.div(tf.sub(values, center), scale);
    return keepMean ? tf.add(whitened, center) : whitened;
  });
}
