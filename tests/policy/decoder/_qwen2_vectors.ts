/**
 * Numbers of a Qwen2 decoder made elsewhere, and what is needed to compare with them.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import { tokenLogProbs } from "../../../lib/policy/decoder/layers.ts";
import {
  type ForwardOptions,
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import { TENSORFLOW } from "../backends/_native.ts";

/** Where the checkpoints are; made by PyTorch, transformers and PEFT: see `make.py` there. */
export const FOLDER = new URL("../../vectors/qwen2/", import.meta.url).pathname;
/** What the reference said. */
export const VECTORS = JSON.parse(
  await Deno.readTextFile(`${FOLDER}vectors.json`),
);
/** Backends on which everything must hold; native TensorFlow where a library is named. */
export const BACKENDS = [
  "wasm",
  "cpu",
  ...(TENSORFLOW ? ["tfjs-node" as const] : []),
] as const;

/** Asserts that numbers agree to 1e-4 of the largest expected one. */
export function close(
  actual: ArrayLike<number>,
  expected: readonly number[],
  about: string,
) {
  const size = Math.max(...expected.map(Math.abs));
  for (const [i, value] of expected.entries()) {
    ok(
      Math.abs(actual[i]! - value) <= 1e-4 * size,
      `${about}, number ${i}: ${actual[i]} instead of ${value}`,
    );
  }
}

/** Log-probabilities and entropies of real next tokens, and the loss of `make.py`. */
export function scoreVectors(
  model: Qwen2,
  vectors: typeof VECTORS.tied,
  options: ForwardOptions = {},
) {
  const ids: number[][] = vectors.ids, lengths: number[] = vectors.lengths;
  const length = ids[0]!.length;
  const states = qwen2States(model, {
    ids: Int32Array.from(ids.flat()),
    batch: ids.length,
    length,
  }, options);
  const rows: number[] = [], targets: number[] = [];
  lengths.forEach((own, b) => {
    for (let t = 0; t + 1 < own; t++) {
      rows.push(b * length + t);
      targets.push(ids[b]![t + 1]!);
    }
  });
  const scores = tokenLogProbs(
    tf.gather(states, tf.tensor1d(rows, "int32")),
    outputTable(model),
    { targets: tf.tensor1d(targets, "int32") },
  );
  const sum = tf.add(
    tf.sum(scores.logProbs),
    tf.mul(tf.sum(scores.entropies), 0.1),
  );
  return {
    states,
    ...scores,
    loss: tf.neg(tf.div(sum, rows.length)) as tf.Scalar,
  };
}

/** Likeliest token after likeliest token. */
export async function greedy(
  model: Qwen2,
  prompts: readonly Int32Array[],
  count: number,
): Promise<number[][]> {
  const replies: number[][] = prompts.map(() => []);
  const { decoder, output } = await startDecoder(model, prompts, {
    maxTokens: count,
  });
  using _ = decoder;
  let { logits } = output;
  for (let k = 0; k < count; k++) {
    const words = model.config.vocabSize;
    const tokens = prompts.map((_, b) => {
      const row = logits.subarray(b * words, (b + 1) * words);
      return row.indexOf(row.reduce((a, x) => Math.max(a, x)));
    });
    tokens.forEach((token, b) => replies[b]!.push(token));
    if (k + 1 < count) {
      ({ logits } = await decoder.next(Int32Array.from(tokens)));
    }
  }
  return replies;
}

/** Sizes of a decoder that is quick. */
export const TINY = {
  vocabSize: 31,
  hiddenSize: 12,
  intermediateSize: 20,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  maxLength: 40,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e4,
  tieEmbeddings: true,
};
