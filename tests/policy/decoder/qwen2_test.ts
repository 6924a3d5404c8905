import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { beginAdamW, stepAdamW } from "../../../lib/train/ppo/optimizer.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import { onWebGpu } from "../backends/_webgpu.ts";
import {
  createQwen2,
  disposeQwen2,
  loadQwen2,
  outputTable,
  qwen2States,
  saveQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { openSafetensors } from "../../../lib/policy/decoder/safetensors.ts";
import {
  BACKENDS,
  close,
  FOLDER,
  greedy,
  scoreVectors,
  TINY,
  VECTORS,
} from "./_qwen2_vectors.ts";

for (const backend of BACKENDS) {
  for (const name of ["tied", "untied"] as const) {
    const vectors = VECTORS[name];

    Deno.test(`the forward pass on ${backend} gives the ${name} reference's numbers`, async () => {
      await selectBackend(backend);
      const model = await loadQwen2(`${FOLDER}${name}`);
      tf.tidy(() => {
        const { states, logProbs, entropies, loss } = scoreVectors(
          model,
          vectors,
        );
        const logits = tf.matMul(states, outputTable(model), false, true);
        const row = (i: number) => tf.slice(logits, [i, 0], [1, -1]).dataSync();
        close(row(12), vectors.logits[0], "logits");
        close(row(13 + 9), vectors.logits[1], "logits of a padded sequence");
        close(logProbs.dataSync(), vectors.log_probs.flat(), "log-probs");
        close(entropies.dataSync(), vectors.entropies.flat(), "entropies");
        close(loss.dataSync(), [vectors.loss], "loss");
      });
      disposeQwen2(model);
    });

    for (const recompute of [false, true]) {
      Deno.test(`gradients and a step of AdamW on ${backend} are the ${name} reference's${recompute ? ", layers recomputed" : ""}`, async () => {
        await selectBackend(backend);
        const model = await loadQwen2(`${FOLDER}${name}`);
        const before = tf.memory().numTensors;
        const { value, grads } = tf.variableGrads(
          () => scoreVectors(model, vectors, { recompute }).loss,
          [...model.weights.values()],
        );
        for (const [key, variable] of model.weights) {
          const gradient = grads[variable.name]!;
          const norm = tf.tidy(() => tf.norm(gradient).dataSync());
          close(norm, [vectors.gradient_norms[key]], `norm of ${key}`);
          if (!(key in vectors.gradients)) continue;
          close(gradient.dataSync(), vectors.gradients[key], key);
          const { weights: next } = stepAdamW(
            variable.dataSync<"float32">(),
            gradient.dataSync<"float32">(),
            {
              state: beginAdamW(variable.size),
              learningRate: 1e-2,
              beta2: 0.99,
              weightDecay: 0.1,
            },
          );
          close(next, vectors.adamw[key], `${key} after a step`);
        }
        tf.dispose([value, grads]);
        strictEqual(tf.memory().numTensors, before);
        disposeQwen2(model);
      });
    }

    Deno.test(`greedy decoding on ${backend} writes the ${name} reference's tokens`, async () => {
      await selectBackend(backend);
      const model = await loadQwen2(`${FOLDER}${name}`);
      const before = tf.memory().numTensors;
      const prompts = vectors.greedy_prompts.map((length: number, b: number) =>
        Int32Array.from(vectors.ids[b].slice(0, length))
      );
      deepStrictEqual(await greedy(model, prompts, 12), vectors.greedy);
      strictEqual(tf.memory().numTensors, before);
      disposeQwen2(model);
    });
  }
}

Deno.test("remembering gives the logits of reading everything again, whatever the lengths", async () => {
  for (const backend of BACKENDS) {
    await selectBackend(backend);
    const model = createQwen2(TINY, createRandom(3));
    const random = createRandom(4);
    const draw = (n: number) =>
      Int32Array.from({ length: n }, () => random.integer(31));
    const prompts = [1, 7, 4, 12].map(draw);
    const { decoder, output } = await startDecoder(model, prompts, {
      maxTokens: 5,
    });
    let said = output;
    let texts = prompts;
    for (let k = 0; k < 5; k++) {
      for (const [b, text] of texts.entries()) {
        const whole = tf.tidy(() => {
          const tokens = { ids: text, batch: 1, length: text.length };
          const last = tf.slice(
            qwen2States(model, tokens),
            [text.length - 1, 0],
            [1, -1],
          );
          return tf.matMul(last, outputTable(model), false, true).dataSync();
        });
        close(
          said.logits.subarray(b * 31, b * 31 + 31),
          [...whole],
          `${backend} ${k} ${b}`,
        );
      }
      const tokens = draw(4);
      texts = texts.map((text, b) => Int32Array.of(...text, tokens[b]!));
      said = await decoder.next(tokens);
    }
    decoder[Symbol.dispose]();
    disposeQwen2(model);
  }
});

Deno.test("a decoder is read as it was saved", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  const model = createQwen2({ ...TINY, tieEmbeddings: false }, createRandom(1));
  await saveQwen2(model, directory);
  const again = await loadQwen2(directory);
  deepStrictEqual(again.config, model.config);
  for (const [name, weight] of model.weights) {
    deepStrictEqual(again.weights.get(name)!.dataSync(), weight.dataSync());
  }
  disposeQwen2(model);
  disposeQwen2(again);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("halves and shards by other libraries are read", async () => {
  const checkpoint = await openSafetensors(`${FOLDER}untied`);
  const formats = new Set(
    [...checkpoint.tensors.values()].map((x) => x.format),
  );
  const files = new Set([...checkpoint.tensors.values()].map((x) => x.file));
  deepStrictEqual([...formats], ["BF16"]);
  ok(files.size > 1);
});

Deno.test("a bad checkpoint is refused by file, tensor and what was expected", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  for (const file of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(`${FOLDER}tied/${file}`, `${directory}/${file}`);
  }
  const config = JSON.parse(
    await Deno.readTextFile(`${directory}/config.json`),
  );
  const cases: readonly [Record<string, unknown>, RegExp][] = [
    [
      { vocab_size: 54 },
      /model\.safetensors" as tensor "model\.embed_tokens\.weight" must have shape \[54,24\]: current value is \[53,24\]/,
    ],
    [
      { tie_word_embeddings: false },
      /must hold tensor "lm_head\.weight" of shape \[53,24\]/,
    ],
    [{ model_type: "gpt2" }, /"model_type" must be one of .* "gpt2"/],
    [{ num_key_value_heads: 3 }, /must be a divisor of 4 heads/],
    [{ hidden_size: "24" }, /"hidden_size" must be a positive integer/],
  ];
  for (const [change, message] of cases) {
    await Deno.writeTextFile(
      `${directory}/config.json`,
      JSON.stringify({ ...config, ...change }),
    );
    await rejects(loadQwen2(directory), { name: "TypeError", message });
  }
  await Deno.remove(directory, { recursive: true });
});

onWebGpu(
  "on WebGPU the forward pass, gradients and greedy decoding are the reference's",
  async () => {
    await selectBackend("webgpu");
    const vectors = VECTORS.tied;
    const model = await loadQwen2(`${FOLDER}tied`);
    const { value, grads } = tf.variableGrads(
      () => scoreVectors(model, vectors).loss,
      [...model.weights.values()],
    );
    close(await value.data(), [vectors.loss], "loss");
    for (const [key, expected] of Object.entries(vectors.gradients)) {
      const slope = grads[model.weights.get(key)!.name]!;
      close(await slope.data(), expected as number[], key);
    }
    tf.dispose([value, grads]);
    const prompts = vectors.greedy_prompts.map((length: number, b: number) =>
      Int32Array.from(vectors.ids[b].slice(0, length))
    );
    deepStrictEqual(await greedy(model, prompts, 12), vectors.greedy);
    disposeQwen2(model);
  },
);
