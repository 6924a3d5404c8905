/**
 * AdamW as pure steps on one long column of weights: state in, state out, nothing kept.
 *
 * @see {@link https://arxiv.org/abs/1711.05101 | Loshchilov and Hutter 2019}, algorithm 2
 *
 * @module
 */

/** Running moments of AdamW; plain data, so that it can be saved. */
export interface AdamWState {
  /** Steps taken. */
  readonly step: number;
  /** Running mean of the gradient. Shape `(weights,)`. */
  readonly first: Float32Array<ArrayBuffer>;
  /** Running mean of its square. Shape `(weights,)`. */
  readonly second: Float32Array<ArrayBuffer>;
}

/** Defaults of {@linkcode AdamWOptions}. */
export const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** Settings of one AdamW step. */
export interface AdamWOptions {
  /** Step size. @default {0.001} */
  readonly learningRate?: number;
  /** Decay of the mean of gradients, in `[0, 1)`. @default {0.9} */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients, in `[0, 1)`. @default {0.999} */
  readonly beta2?: number;
  /** Added to the root of the second moment. @default {1e-8} */
  readonly epsilon?: number;
  /** Share of a weight, times the step size, that each step takes away. @default {0} */
  readonly weightDecay?: number;
}

/**
 * Begins with no memory of gradients.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { beginAdamW, stepAdamW } from "@hiper/lab/losses";
 *
 * const begin = beginAdamW(2);
 * const gradient = new Float32Array([1, -1]);
 * const { state } = stepAdamW(new Float32Array(2), gradient, { state: begin });
 * strictEqual(state.step, 1);
 * strictEqual(begin.step, 0); // steps give new states and leave old ones alone
 * ```
 *
 * @param weights Number of weights.
 * @returns State before the first step.
 */
export function beginAdamW(weights: number): AdamWState {
  return {
    step: 0,
    first: new Float32Array(weights),
    second: new Float32Array(weights),
  };
}

/**
 * Takes one step of AdamW.
 *
 * `m = β₁·m + (1 − β₁)·g`, `v = β₂·v + (1 − β₂)·g²`, and
 * `w = w − lr·(m̂ / (√v̂ + ε) + decay·w)` with the bias-corrected `m̂`, `v̂`.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { beginAdamW, stepAdamW } from "@hiper/lab/losses";
 *
 * const gradient = new Float32Array([3]);
 * const { weights } = stepAdamW(new Float32Array([1]), gradient, {
 *   state: beginAdamW(1),
 *   learningRate: 0.1,
 * });
 * ok(Math.abs(weights[0]! - 0.9) < 1e-6); // the first step has the size of the rate
 * ```
 *
 * @param weights Shape `(weights,)`; left as it is, unless it is written into.
 * @param gradient Shape `(weights,)`; left as it is.
 * @param options State before the step, settings, and columns that take the result, which may be those of the
 * arguments; absent means new ones.
 * @returns Weights and state after the step.
 * @throws {RangeError} If the three lengths differ.
 */
export function stepAdamW(
  weights: Float32Array,
  gradient: Float32Array,
  options: AdamWOptions & {
    readonly state: AdamWState;
    readonly into?: {
      readonly weights: Float32Array<ArrayBuffer>;
      readonly state: AdamWState;
    };
  },
): { weights: Float32Array<ArrayBuffer>; state: AdamWState } {
  const {
    state,
    into,
    learningRate = 0.001,
    beta1 = BETA1,
    beta2 = BETA2,
    epsilon = EPSILON,
    weightDecay = 0,
  } = options;
  const size = weights.length;
  if (gradient.length !== size || state.first.length !== size) {
    throw new RangeError(
      `Cannot step as weights, gradient and state must have one length: current values are ${size}, ${gradient.length}, ${state.first.length}`,
    );
  }
  const step = state.step + 1;
  const first = into?.state.first ?? new Float32Array(size);
  const second = into?.state.second ?? new Float32Array(size);
  const next = into?.weights ?? new Float32Array(size);
  const correction1 = 1 / (1 - beta1 ** step);
  const correction2 = 1 / (1 - beta2 ** step);
  for (let i = 0; i < size; i++) {
    const g = gradient[i]!, weight = weights[i]!;
    const mean = beta1 * state.first[i]! + (1 - beta1) * g;
    const square = beta2 * state.second[i]! + (1 - beta2) * g * g;
    first[i] = mean;
    second[i] = square;
    const direction = mean * correction1 /
      (Math.sqrt(square * correction2) + epsilon);
    next[i] = weight - learningRate * (direction + weightDecay * weight);
  }
  return { weights: next, state: { step, first, second } };
}

/**
 * Measures a gradient, and scales it down when it is too long.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { clipGradient } from "@hiper/lab/losses";
 *
 * const { gradient, norm } = clipGradient(new Float32Array([3, 4]), 2.5);
 * strictEqual(norm, 5);
 * deepStrictEqual([...gradient], [1.5, 2]); // same direction, half as long
 * ```
 *
 * @param gradient Shape `(weights,)`; left as it is.
 * @param maxNorm Largest Euclidean norm; 0 leaves any length.
 * @returns The gradient to use and the norm it had; not a number if an entry is not.
 */
export function clipGradient(
  gradient: Float32Array,
  maxNorm: number,
): { gradient: Float32Array; norm: number } {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  const norm = Math.sqrt(sum);
  if (maxNorm === 0 || !(norm > maxNorm)) return { gradient, norm };
  const factor = maxNorm / norm;
  return { gradient: gradient.map((g) => g * factor), norm };
}
