/**
 * Angles of rotary positions, with the scalings of longer contexts.
 *
 * @module
 * @see {@link https://arxiv.org/abs/2104.09864 | RoFormer}, section 3.2
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { RopeScaling } from "./config.ts";
import type { RotaryAngles } from "./layers.ts";

/** Options of {@linkcode rotaryAngles}. */
export interface RotaryOptions {
  /** Numbers of a head. */
  readonly size: number;
  /** Slowest wavelength over 2π. */
  readonly base: number;
  /** How rates differ from `base^(−2j / size)`; absent leaves them as they are. */
  readonly scaling?: RopeScaling;
}

/**
 * Tabulates the angles of rotary positions.
 *
 * `angle[t][j] = t · rate[j]`, `rate[j] = base^(−2j / size)` before scaling. Returns cosines and sines;
 * the caller disposes them.
 */
export function rotaryAngles(
  length: number,
  { size, base, scaling }: RotaryOptions,
): RotaryAngles {
  const half = size / 2;
  const cos = new Float32Array(length * half), sin = cos.slice();
  const rates = Array.from(
    { length: half },
    (_, j) => Math.fround(scaledRate(base ** (-2 * j / size), j, scaling)),
  );
  for (let t = 0; t < length; t++) {
    for (let j = 0; j < half; j++) {
      const angle = Math.fround(t * rates[j]!); // in 32 bits, as models are trained
      cos[t * half + j] = Math.cos(angle);
      sin[t * half + j] = Math.sin(angle);
    }
  }
  return {
    cos: tf.tensor2d(cos, [length, half]),
    sin: tf.tensor2d(sin, [length, half]),
  };
}

/** One rate, scaled. */
function scaledRate(
  rate: number,
  j: number,
  scaling: RopeScaling | undefined,
): number {
  if (!scaling) return rate;
  if (scaling.kind === "factors") return rate / scaling.factors[j]!;
  const { factor } = scaling;
  if (scaling.kind === "linear") return rate / factor;
  const { lowFactor, highFactor, originalLength } = scaling;
  const turns = originalLength * rate / (2 * Math.PI); // in the first training's longest sequence
  if (turns < lowFactor) return rate / factor;
  if (turns > highFactor) return rate;
  const share = (turns - lowFactor) / (highFactor - lowFactor);
  return (1 - share) * rate / factor + share * rate;
}
