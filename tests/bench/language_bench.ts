/**
 * Speed of a language model: learning steps and writing, by size.
 *
 * Tokens a second are the tokens in a benchmark's name over its time. The same steps in PyTorch:
 * `tests/bench/language_pytorch.py`.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../lib/policy/backend.ts";
import { startDecoder } from "../../lib/policy/decoder.ts";
import { tokenLogProbs } from "../../lib/policy/operations.ts";
import {
  createQwen2,
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../lib/policy/qwen2.ts";
import { createRandom } from "../../lib/random.ts";

await selectBackend("wasm");

const REST = { maxLength: 512, rmsEpsilon: 1e-6, ropeBase: 1e4, tied: true };
const SIZES = {
  "0.5 million": {
    vocabulary: 256,
    width: 128,
    innerWidth: 256,
    layers: 3,
    heads: 4,
    groups: 2,
  },
  "2 million": {
    vocabulary: 256,
    width: 192,
    innerWidth: 512,
    layers: 5,
    heads: 6,
    groups: 2,
  },
};

/** Mean negative log-probability of a batch. */
function loss(
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

for (const [name, sizes] of Object.entries(SIZES)) {
  const model = createQwen2({ ...sizes, ...REST }, createRandom(1));
  const variables = [...model.weights.values()];
  const random = createRandom(2);
  const ids = Int32Array.from(
    { length: 16 * 192 },
    () => random.integer(sizes.vocabulary),
  );
  const learn = (recompute: boolean) => {
    const { value, grads } = tf.variableGrads(
      () => loss(model, ids, { batch: 16, recompute }),
      variables,
    );
    value.dataSync();
    tf.dispose([value, grads]);
  };
  Deno.bench(
    `3,072 tokens, ${name}`,
    { group: "learning" },
    () => learn(false),
  );
  Deno.bench(`3,072 tokens, ${name}, layers recomputed`, {
    group: "learning",
  }, () => learn(true));
  Deno.bench(`3,072 tokens, ${name}`, { group: "reading" }, () => {
    tf.tidy(() =>
      void loss(model, ids, { batch: 16, recompute: false }).dataSync()
    );
  });
  for (const batch of [1, 16, 64]) {
    const prompts = Array.from({ length: batch }, () => ids.slice(0, 1));
    const tokens = new Int32Array(batch).fill(7);
    Deno.bench(`${64 * batch} tokens, ${name}, ${batch} at once`, {
      group: "writing",
    }, async () => {
      const { decoder } = await startDecoder(model, prompts, { maxTokens: 64 });
      using _ = decoder;
      for (let k = 0; k < 64; k++) await decoder.next(tokens);
    });
  }
}
