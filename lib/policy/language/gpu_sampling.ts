/**
 * Drawing tokens on the device, from any token or from what a form allows.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { DECODE } from "../backends/wasm/kernel_names.ts";
import { linear } from "../decoder/layers.ts";
import type { NextTokens } from "./grammar.ts";

/** What each row may take, as numbers. */
export interface SamplingRules {
  /** For each row, how many listed tokens it may take (0 for any), and its mask (−1 for none). */
  readonly rows: readonly (readonly [listed: number, mask: number])[];
  /** Listed tokens of each row, padded. */
  readonly lists: readonly (readonly number[])[];
  /** A bit for each token, set where it is forbidden. */
  readonly masks: readonly Int32Array[];
}

/** Any row may take any token. */
export const NO_RULES: SamplingRules = { rows: [], lists: [], masks: [] };

/**
 * Turns what may come next into numbers; lists that forbid are told apart by identity.
 *
 * @param next What may come next in each row; absent means anything.
 * @param vocabulary Tokens there are.
 */
export function rulesOf(
  next: readonly (NextTokens | undefined)[],
  vocabulary: number,
): SamplingRules {
  const masks = new Map<readonly number[], number>();
  const rows = next.map((some): [number, number] => {
    if (!some) return [0, -1];
    if ("only" in some) return [some.only.length, -1];
    return [0, masks.getOrInsertComputed(some.except, () => masks.size)];
  });
  const lists = next.map((some) => some && "only" in some ? some.only : []);
  return {
    rows,
    lists,
    masks: [...masks.keys()].map((tokens) => {
      const bits = new Int32Array(Math.ceil(vocabulary / 32));
      for (const token of tokens) bits[token >> 5]! |= 1 << (token & 31);
      return bits;
    }),
  };
}

/**
 * Draws a token of each row.
 *
 * @param states Normalized states. Shape `(rows, width)`.
 * @param table Turns states into logits. Shape `(vocabulary, width)`.
 * @param options A number from `[0, 1)` for each row, the temperature, and what may be drawn.
 * @returns Tokens, as numbers, and their log-probabilities; shape `(2, rows)`; the caller disposes it.
 */
export function sampleTokens(
  states: tf.Tensor2D,
  table: tf.Tensor,
  options: {
    uniforms: readonly number[];
    temperature: number;
    rules: SamplingRules;
  },
): tf.Tensor2D {
  const { uniforms, temperature, rules } = options;
  const count = uniforms.length;
  const rows = rules.rows.length > 0
    ? rules.rows.flat()
    : uniforms.flatMap(() => [0, -1]);
  const listed = Math.max(1, ...rules.lists.map(({ length }) => length));
  const lists = new Int32Array(count * listed);
  rules.lists.forEach((list, row) => lists.set(list, row * listed));
  const masks = rules.masks.length > 0 ? rules.masks : [Int32Array.of(0)];
  const wide = masks[0]!.length;
  const bits = new Int32Array(masks.length * wide);
  masks.forEach((mask, i) => bits.set(mask, i * wide));
  return tf.tidy(() =>
    tf.engine().runKernel(DECODE.draw, {
      logits: linear(states, table),
      uniforms: tf.tensor1d([...uniforms]),
      rules: tf.tensor1d(rows, "int32"),
      lists: tf.tensor2d(lists, [count, listed], "int32"),
      masks: tf.tensor2d(bits, [masks.length, wide], "int32"),
    }, { temperature }) as tf.Tensor2D
  );
}
