/**
 * Speed of a language model: learning steps and writing, by size.
 *
 * Tokens a second are the tokens in a benchmark's name over its time. The same steps in PyTorch:
 * `tests/bench/language_pytorch.py`.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { startDecoder } from "../../lib/policy/decoder/decoder.ts";
import {
  createModel,
  drawTokens,
  learn,
  loss,
  SIZES,
} from "./_language_model.ts";

await selectBackend("wasm");

for (const [name, sizes] of Object.entries(SIZES).slice(0, 2)) {
  const model = createModel(sizes);
  const ids = drawTokens(sizes.vocabSize);
  Deno.bench(
    `3,072 tokens, ${name}`,
    { group: "learning" },
    () => learn(model, ids, false),
  );
  Deno.bench(`3,072 tokens, ${name}, layers recomputed`, {
    group: "learning",
  }, () => learn(model, ids, true));
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
