/**
 * The Qwen2 decoder.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { RotaryAngles } from "./operations.ts";
/**
 * Tabulates the angles of rotary positions.
 *
 * `angle[t][j] = t · base^(−2j / size)`.
 *
 * @param length Positions.
 * @param size Numbers in one head.
 * @param base Slowest wavelength over 2π.
 * @returns Cosines and sines; the caller disposes them.
 */
export function rotaryAngles(
  length: number,
  size: number,
  base: number,
): RotaryAngles {
  const half = size / 2;
  const cos = new Float32Array(length * half), sin = cos.slice();
  for (let t = 0; t < length; t++) {
    for (let j = 0; j < half; j++) {
      const angle = t * base ** (-2 * j / size);
      cos[t * half + j] = Math.cos(angle);
      sin[t * half + j] = Math.sin(angle);
    }
  }
  return {
    cos: tf.tensor2d(cos, [length, half]),
    sin: tf.tensor2d(sin, [length, half]),
  };
}
