/**
 * Tensors in tests: both backends open, leaks asserted, gradients of scalar functions.
 *
 * @module
 */

import { deepStrictEqual } from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import type { AggregationMode } from "../../../lib/train/ppo/aggregation.ts";
import { assertClose } from "../../_vectors.ts";

const require = createRequire(import.meta.url);
setWasmPaths(
  `${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`,
);
/** Backends that losses must work on. */
export const BACKENDS = ["cpu", "wasm"];
for (const name of BACKENDS) await tf.setBackend(name);

/** Rows of numbers. */
export type Matrix = number[][];

/** A recorded policy loss. */
export interface PolicyCase {
  cfg: {
    cliprange: number;
    cliprange_low?: number;
    cliprange_high?: number;
    clip_ratio_c?: number;
    loss_agg_mode?: AggregationMode;
  };
  inputs: Record<
    "old_log_prob" | "log_prob" | "advantages" | "response_mask",
    Matrix
  >;
  outputs: {
    pg_loss: number;
    pg_clipfrac: number;
    ppo_kl: number;
    pg_clipfrac_lower: number;
    grad_log_prob: Matrix;
  };
}

/** Every aggregation. */
export const MODES: readonly AggregationMode[] = [
  "token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-mean",
  "seq-mean-token-sum-norm",
];

/** Runs on every backend; both are open, so switching takes effect at once. Asserts that no tensor is left. */
export function onEachBackend(run: (backend: string) => void): void {
  for (const backend of BACKENDS) {
    void tf.setBackend(backend);
    const before = tf.memory().numTensors;
    tf.tidy(() => run(backend));
    deepStrictEqual(
      tf.memory().numTensors,
      before,
      `tensors left on ${backend}`,
    );
  }
}

/** What a scalar function of one tensor is, and its gradient. */
export function slope(
  f: (x: tf.Tensor) => tf.Tensor,
  x: tf.Tensor,
): { value: number; grad: unknown } {
  const { value, grad } = tf.valueAndGrad((x) => f(x) as tf.Scalar)(x);
  return { value: value.dataSync()[0]!, grad: grad.arraySync() };
}

/** Asserts equality within the tolerance of recorded losses. */
export const close = (actual: unknown, expected: unknown, what: string) =>
  assertClose(actual, expected, { tolerance: 1e-5, what });
/** Reads a scalar. */
export const scalar = (tensor: tf.Tensor) => tensor.dataSync()[0]!;
