import { deepStrictEqual, ok } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { linear, tokenLogProbs } from "../../../lib/policy/decoder/layers.ts";
import {
  disposeQwen2,
  loadQwen2,
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import { generateReplies } from "../../../lib/policy/language/generate.ts";
import { readTokenizer } from "../../../lib/policy/language/tokenizer.ts";
import { createRandom } from "../../../lib/random.ts";

/** Folder of a Qwen2 model as published: config, weights, tokenizer. */
const FOLDER = Deno.env.get("HIPER_QWEN2");

/** Texts of different lengths, so that a batch has padding. */
const TEXTS = ["The capital of France is", "You are in a hall. You", "1 2 3 4"];

/** States of one sequence, everything computed anew. Shape `(tokens, hiddenSize)`. */
function statesOf(model: Qwen2, tokens: Int32Array): tf.Tensor2D {
  return qwen2States(model, { ids: tokens, batch: 1, length: tokens.length });
}

/** The likeliest continuation, each token from a forward pass over all before it. */
function greedyWithoutCache(
  model: Qwen2,
  prompt: Int32Array,
  count: number,
): Int32Array {
  const all = [...prompt];
  for (let k = 0; k < count; k++) {
    const [token] = tf.tidy(() => {
      const states = statesOf(model, Int32Array.from(all));
      const last = tf.slice(states, [all.length - 1, 0], [1, -1]);
      return tf.argMax(linear(last, outputTable(model)), 1).dataSync();
    });
    all.push(token!);
  }
  return Int32Array.from(all.slice(prompt.length));
}

Deno.test({
  name:
    "a published Qwen2 model writes with its cache as without, and scores as it samples [needs HIPER_QWEN2]",
  ignore: FOLDER === undefined,
  fn: async () => {
    await selectBackend("wasm");
    const model = await loadQwen2(FOLDER!, { maxLength: 256 });
    const tokenizer = await readTokenizer(FOLDER!);
    const prompts = TEXTS.map((text) => tokenizer.encode(text));
    const write = (temperature: number) =>
      generateReplies(model, prompts, {
        tokenizer: { ...tokenizer, endTokens: [] }, // go on to the limit
        randoms: prompts.map((_, i) => createRandom(i)),
        maxTokens: 12,
        temperature,
      });
    for (const [i, { tokens }] of (await write(0)).entries()) {
      const expected = greedyWithoutCache(model, prompts[i]!, tokens.length);
      deepStrictEqual([...tokens], [...expected], TEXTS[i]);
    }
    for (const [i, { tokens, logProbs }] of (await write(1)).entries()) {
      const prompt = prompts[i]!;
      const scored = tf.tidy(() => {
        const states = statesOf(model, Int32Array.of(...prompt, ...tokens));
        const before = tf.slice(
          states,
          [prompt.length - 1, 0],
          [tokens.length, -1],
        );
        const targets = tf.tensor1d(tokens, "int32");
        return tokenLogProbs(before, outputTable(model), { targets }).logProbs
          .dataSync();
      });
      logProbs.forEach((x, t) =>
        ok(Math.abs(x - scored[t]!) < 1e-3, `${TEXTS[i]}, token ${t}`)
      );
    }
    disposeQwen2(model);
  },
});
