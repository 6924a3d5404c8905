/**
 * One step of AdamW as a pure function, fused where the backend can.
 *
 * @module
 * @see {@link https://arxiv.org/abs/1711.05101 | Loshchilov and Hutter 2019}, algorithm 2
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "./wasm/kernel_names.ts";
import type { Tensor } from "./tensors.ts";

/** Numbers one step of AdamW works on, all of one shape. */
export interface AdamWTensors {
  /** Weights. */
  readonly values: Tensor;
  /** Gradient of the loss in the weights. */
  readonly gradient: Tensor;
  /** Running mean of gradients. */
  readonly first: Tensor;
  /** Running mean of squared gradients. */
  readonly second: Tensor;
}

/** Settings of one step of AdamW. */
export interface StepAdamWTensorsOptions {
  /** Number of this step, from 1. */
  step: number;
  /** Step size. */
  learningRate: number;
  /** Decay of the weights, in units of the step size. @default {0} */
  weightDecay?: number;
  /** Decay of the two running means. @default {[0.9, 0.999]} */
  betas?: readonly [number, number];
  /** Keeps the division from zero. @default {1e-8} */
  epsilon?: number;
}

/**
 * Takes one step of AdamW.
 *
 * `w − rate · (m̂ / (√v̂ + epsilon) + decay · w)`, with the running means `m` and `v` divided
 * by `1 − betaᵗ`.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import { selectBackend } from "@hiper/lab";
 * import { stepAdamWTensors } from "@hiper/lab/losses";
 *
 * await selectBackend("wasm");
 * const [values, gradient, first, second] = [[1], [3], [0], [0]].map((x) => tf.tensor1d(x));
 * const step = stepAdamWTensors(
 *   { values: values!, gradient: gradient!, first: first!, second: second! },
 *   { step: 1, learningRate: 0.1 },
 * );
 * ok(Math.abs(step.values.dataSync()[0]! - 0.9) < 1e-6); // the first step has the size of the rate
 * ```
 *
 * @param tensors Weights, gradient and running means; left as they are.
 * @param options Settings; the number of the step among them.
 * @returns New weights and running means; the caller disposes them.
 * @throws {RangeError} If `step` is not a positive integer.
 */
export function stepAdamWTensors(
  tensors: AdamWTensors,
  options: StepAdamWTensorsOptions,
): Omit<AdamWTensors, "gradient"> {
  const {
    step,
    learningRate,
    weightDecay = 0,
    betas: [beta1, beta2] = [0.9, 0.999],
    epsilon = 1e-8,
  } = options;
  if (!(Number.isSafeInteger(step) && step >= 1)) {
    throw new RangeError(
      `Cannot take a step of AdamW as "step" must be a positive integer: current value is ${step}`,
    );
  }
  const unbias1 = 1 / (1 - beta1 ** step), unbias2 = 1 / (1 - beta2 ** step);
  const { values: p, gradient: g, first: m, second: v } = tensors;
  if (tf.getKernel(FUSED.adamW, tf.getBackend())) {
    const attributes = { beta1, beta2, epsilon, unbias1, unbias2 };
    const [values, first, second] = tf.engine().runKernel(
      FUSED.adamW,
      { p, g, m, v },
      { ...attributes, rate: learningRate, decay: weightDecay },
    ) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { values, first, second };
  }
  return tf.tidy(() => {
    const first = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
    const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
    const root = tf.add(tf.sqrt(tf.mul(second, unbias2)), epsilon);
    const change = tf.div(tf.mul(first, unbias1), root);
    const pull = tf.add(change, tf.mul(p, weightDecay));
    return { values: tf.sub(p, tf.mul(pull, learningRate)), first, second };
  });
}
