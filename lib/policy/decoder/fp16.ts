/**
 * Frozen weights in fp16: matrices as 16-bit floats, two per 32-bit word.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "../backends/wasm/kernel_names.ts";
import type { Qwen2 } from "./qwen2.ts";

/**
 * Checks that weights can be stored in a format, before any is made.
 *
 * @param adapter What makes them so; absent if all are trained.
 * @throws {TypeError} If float16 is asked for and no weight is frozen, or the backend cannot compute
 * with them.
 */
export function checkPrecision(
  precision: "float32" | "float16" | undefined,
  adapter: unknown,
): void {
  if (precision !== "float16") return;
  if (adapter === undefined) {
    throw new TypeError(
      'Cannot store frozen weights in float16 as there must be some: "lora" must be given',
    );
  }
  requireFloat16();
}

/** Throws unless the active backend computes with packed matrices. */
function requireFloat16(): void {
  if (tf.getKernel(FUSED.linearHalf, tf.getBackend())) return;
  throw new TypeError(
    `Cannot store frozen weights in float16 as the backend must be "webgpu": current value is "${tf.getBackend()}"`,
  );
}

/**
 * Packs the matrices of a frozen decoder; gains and biases stay as they are.
 *
 * @throws {TypeError} If the backend cannot compute with them.
 * @throws {RangeError} If a row is of odd length, or a number is too large for 16 bits.
 */
export function packWeights(model: Qwen2): Qwen2 {
  requireFloat16();
  const weights = new Map<string, tf.Variable>();
  for (const [name, weight] of model.weights) {
    weights.set(name, weight.rank === 2 ? packed(name, weight) : weight);
  }
  return { ...model, weights };
}

/** One matrix, packed; the original is freed. */
function packed(name: string, weight: tf.Variable): tf.Variable {
  const [rows, width] = weight.shape as [number, number];
  if (width % 2 !== 0) {
    throw new RangeError(
      `Cannot store "${name}" in float16 as its rows must have an even length: current value is ${width}`,
    );
  }
  const halves = new Float16Array(weight.dataSync<"float32">());
  const large = halves.findIndex((x) => !Number.isFinite(x));
  if (large >= 0) {
    throw new RangeError(
      `Cannot store "${name}" in float16 as its numbers must be below 65520: current value is ${
        weight.dataSync()[large]
      }`,
    );
  }
  const words = new Int32Array(halves.buffer);
  weight.dispose();
  return tf.tidy(() =>
    tf.variable(tf.tensor2d(words, [rows, width / 2], "int32"), false)
  );
}
