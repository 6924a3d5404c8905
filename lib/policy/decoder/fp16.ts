/**
 * Frozen weights in 16 bits: matrices as fp16 on WebGPU, as bfloat16 on WebAssembly, two numbers to a 32-bit
 * word.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "../backends/wasm/kernel_names.ts";
import type { Qwen2 } from "./qwen2.ts";
import { packedVariable } from "./packed.ts";
import { encodeValues } from "./number_formats.ts";

/** How frozen matrices are stored. */
export type FrozenPrecision = "float32" | "float16" | "bfloat16";

/** The backend that computes with each format of 16 bits. */
const BACKENDS = { float16: "webgpu", bfloat16: "wasm" } as const;

/**
 * Checks that weights can be stored in a format, before any is made.
 *
 * @param adapter What makes them so; absent if all are trained.
 * @throws {TypeError} If 16 bits are asked for and no weight is frozen, or the backend cannot compute
 * with them.
 */
export function checkPrecision(
  precision: FrozenPrecision | undefined,
  adapter: unknown,
): void {
  if (precision === undefined || precision === "float32") return;
  if (adapter === undefined) {
    throw new TypeError(
      `Cannot store frozen weights in ${precision} as there must be some: "lora" must be given`,
    );
  }
  requireHalves(precision);
}

/** Throws unless the active backend computes with packed matrices of a format. */
function requireHalves(precision: keyof typeof BACKENDS): void {
  if (packedFormat() === precision) return;
  throw new TypeError(
    `Cannot store frozen weights in ${precision} as the backend must be "${
      BACKENDS[precision]
    }": current value is "${tf.getBackend()}"`,
  );
}

/** The format of 16 bits that the active backend computes with, if any. */
export function packedFormat(): keyof typeof BACKENDS | undefined {
  if (!tf.getKernel(FUSED.linearHalf, tf.getBackend())) return undefined;
  return tf.getBackend() === BACKENDS.bfloat16 ? "bfloat16" : "float16";
}

/**
 * Packs the matrices of a frozen decoder; gains and biases, and what is packed already, stay as they are.
 *
 * @throws {TypeError} If the backend cannot compute with them.
 * @throws {RangeError} If a row is of odd length, or a number is too large for fp16.
 */
export function packWeights(
  model: Qwen2,
  precision: keyof typeof BACKENDS = "float16",
): Qwen2 {
  requireHalves(precision);
  const weights = new Map<string, tf.Variable>();
  for (const [name, weight] of model.weights) {
    const isLoose = weight.rank === 2 && weight.dtype === "float32";
    weights.set(name, isLoose ? packed(name, weight, precision) : weight);
  }
  return { ...model, weights };
}

/** One matrix, packed; the original is freed. */
function packed(
  name: string,
  weight: tf.Variable,
  precision: keyof typeof BACKENDS,
): tf.Variable {
  const shape = weight.shape as [number, number];
  const values = Float32Array.from(weight.dataSync<"float32">());
  weight.dispose();
  return packedVariable(name, {
    shape,
    bytes: halvesOf(name, values, precision),
  });
}

/** Numbers in 16 bits. */
function halvesOf(
  name: string,
  values: Float32Array<ArrayBuffer>,
  precision: keyof typeof BACKENDS,
): Uint8Array<ArrayBuffer> {
  const format = precision === "float16" ? "F16" : "BF16";
  const { bytes } = encodeValues(values, format);
  if (format === "BF16") return bytes;
  const halves = new Float16Array(bytes.buffer);
  const large = halves.findIndex((x) => !Number.isFinite(x));
  if (large < 0) return bytes;
  throw new RangeError(
    `Cannot store "${name}" in float16 as its numbers must be below 65520: current value is ${
      values[large]
    }`,
  );
}
