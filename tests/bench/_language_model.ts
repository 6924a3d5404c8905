/**
 * Language models whose speed is measured, by size.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { tokenLogProbs } from "../../lib/policy/decoder/layers.ts";
import {
  createQwen2,
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../lib/policy/decoder/qwen2.ts";
import { createRandom } from "../../lib/random.ts";

const REST = {
  maxLength: 512,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e4,
  tieEmbeddings: true,
};

/** Sizes by number of parameters. */
export const SIZES = {
  "0.5 million": {
    vocabSize: 256,
    hiddenSize: 128,
    intermediateSize: 256,
    layers: 3,
    heads: 4,
    kvHeads: 2,
  },
  "2 million": {
    vocabSize: 256,
    hiddenSize: 192,
    intermediateSize: 512,
    layers: 5,
    heads: 6,
    kvHeads: 2,
  },
  "10 million": {
    vocabSize: 1024,
    hiddenSize: 384,
    intermediateSize: 1024,
    layers: 6,
    heads: 6,
    kvHeads: 2,
  },
};

/** Makes a model of a size on the active backend; the same numbers every time. */
export function createModel(sizes: typeof SIZES["0.5 million"]): Qwen2 {
  return createQwen2({ ...sizes, ...REST }, createRandom(1));
}

/** Token ids of 16 sequences of 192 tokens. */
export function drawTokens(vocabulary: number): Int32Array {
  const random = createRandom(2);
  return Int32Array.from(
    { length: 16 * 192 },
    () => random.integer(vocabulary),
  );
}

/** Mean negative log-probability of a batch. */
export function loss(
  model: Qwen2,
  ids: Int32Array,
  options: { batch: number; recompute: boolean },
): tf.Scalar {
  const { batch, recompute } = options;
  const tokens = { ids, batch, length: ids.length / batch };
  const states = qwen2States(model, tokens, { recompute });
  const targets = tf.tensor1d(ids, "int32");
  const { logProbs } = tokenLogProbs(states, outputTable(model), { targets });
  return tf.neg(tf.mean(logProbs)) as tf.Scalar;
}

/** One forward and backward pass over 16 sequences, read back. */
export function learn(
  model: Qwen2,
  ids: Int32Array,
  recompute: boolean,
): void {
  const { value, grads } = tf.variableGrads(
    () => loss(model, ids, { batch: 16, recompute }),
    [...model.weights.values()],
  );
  value.dataSync();
  tf.dispose([value, grads]);
}
