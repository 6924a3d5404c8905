import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  disposeQwen2,
  loadQwen2,
  outputTable,
  saveQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { readDecoderConfig } from "../../../lib/policy/decoder/config_file.ts";
import { onWebGpu } from "../backends/_webgpu.ts";
import { BACKENDS, close, greedy, scoreVectors } from "./_qwen2_vectors.ts";

/** Checkpoints by transformers, and what it computes with them: see `make.py` there. */
const FOLDER = new URL("../../vectors/decoders/", import.meta.url).pathname;
const VECTORS = JSON.parse(await Deno.readTextFile(`${FOLDER}vectors.json`));

for (const name of ["llama", "llama3", "qwen3"]) {
  for (const backend of BACKENDS) {
    Deno.test(`vectors: ${name} on ${backend} has the logits, gradients and greedy tokens of transformers`, async () => {
      await selectBackend(backend);
      await compare(name);
    });
  }
}

onWebGpu("on WebGPU Qwen3 and Llama are those of transformers", async () => {
  await selectBackend("webgpu");
  for (const name of ["llama3", "qwen3"]) await compare(name);
});

async function compare(name: string): Promise<void> {
  const vectors = VECTORS[name];
  const before = tf.memory().numTensors;
  const model = await loadQwen2(`${FOLDER}${name}`);
  const { states, logProbs } = tf.tidy(() => {
    const { states, logProbs } = scoreVectors(model, vectors);
    const logits = tf.matMul(states, outputTable(model), false, true);
    return { states: logits, logProbs };
  });
  const words = model.config.vocabSize, logits = await states.data();
  for (const [i, row] of [12, 13 + 9].entries()) {
    const own = logits.subarray(row * words, (row + 1) * words);
    close(own, vectors.logits[i], `logits of sequence ${i}`);
  }
  close(await logProbs.data(), vectors.log_probs.flat(), "log-probs");
  tf.dispose([states, logProbs]);
  for (const recompute of [false, true]) {
    const { value, grads } = tf.variableGrads(
      () => scoreVectors(model, vectors, { recompute }).loss,
      [...model.weights.values()],
    );
    close(await value.data(), [vectors.loss], "loss");
    for (const [key, variable] of model.weights) {
      const norm = tf.tidy(() => tf.norm(grads[variable.name]!));
      close(await norm.data(), [vectors.gradient_norms[key]], key);
      norm.dispose();
    }
    tf.dispose([value, grads]);
  }
  const prompts = vectors.greedy_prompts.map((length: number, b: number) =>
    Int32Array.from(vectors.ids[b].slice(0, length))
  );
  deepStrictEqual(await greedy(model, prompts, 12), vectors.greedy);
  disposeQwen2(model);
  strictEqual(tf.memory().numTensors, before);
}

Deno.test("a decoder of each kind is read as it was saved", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  for (const name of ["llama", "llama3", "qwen3"]) {
    const model = await loadQwen2(`${FOLDER}${name}`);
    await saveQwen2(model, directory);
    deepStrictEqual(await readDecoderConfig(directory), model.config);
    disposeQwen2(model);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a setting of config.json that changes what is computed is refused by file, name and value", async () => {
  const directory = await Deno.makeTempDir();
  const config = JSON.parse(
    await Deno.readTextFile(`${FOLDER}llama/config.json`),
  );
  const cases: readonly [Record<string, unknown>, RegExp][] = [
    [{ model_type: "gemma2" }, /"model_type" must be one of .*"gemma2"/],
    [{ hidden_act: "gelu" }, /"hidden_act" must be "silu" or "swish".*"gelu"/],
    [{ attention_bias: true }, /"attention_bias" must be false.*true/],
    [{ mlp_bias: true }, /"mlp_bias" must be false.*true/],
    [{ use_sliding_window: true }, /"use_sliding_window" must be false.*true/],
    [
      { quantization_config: { load_in_8bit: true } },
      /"quantization_config" must be absent.*load_in_8bit/,
    ],
    [{ final_logit_softcapping: 30 }, /"final_logit_softcapping" .* 30/],
    [{ embedding_multiplier: 12 }, /"embedding_multiplier" .* 12/],
    [{ head_dim: 7 }, /"head_dim" must be a positive even number.*7/],
    [{ tie_word_embeddings: "yes" }, /"tie_word_embeddings" must be true or/],
    [
      { rope_parameters: { rope_type: "yarn", factor: 4 } },
      /"rope_parameters\.rope_type" must be .*"yarn"/,
    ],
    [
      { rope_parameters: null, rope_scaling: { type: "linear" } },
      /"rope_scaling\.factor" must be a positive number: current value is null/,
    ],
    [
      { rope_parameters: { rope_type: "default", mscale: 2 } },
      /"rope_parameters\.mscale" must be absent with "default".* 2/,
    ],
    [
      { layer_types: ["full_attention", "sliding_attention"] },
      /"layer_types" must be "full_attention" in every layer/,
    ],
  ];
  for (const [change, message] of cases) {
    await Deno.writeTextFile(
      `${directory}/config.json`,
      JSON.stringify({ ...config, ...change }),
    );
    await rejects(readDecoderConfig(directory), { name: "TypeError", message });
  }
  for (
    const harmless of [
      { transformers_version: "9", my_note: "mine", torch_dtype: "float16" },
      { rope_parameters: null, rope_theta: 10000, rope_scaling: null },
      { layer_types: ["full_attention", "full_attention"], pruned_heads: {} },
      { sliding_window: 4096, max_window_layers: 1, use_sliding_window: false },
    ]
  ) {
    await Deno.writeTextFile(
      `${directory}/config.json`,
      JSON.stringify({ ...config, ...harmless }),
    );
    deepStrictEqual(
      await readDecoderConfig(directory),
      await readDecoderConfig(`${FOLDER}llama`),
    );
  }
  await Deno.remove(directory, { recursive: true });
});
