import {
  deepStrictEqual,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import {
  createLora,
  disposeLora,
  freezeWeights,
  loadLora,
  type LoraAdapter,
  mergeLora,
  mergeLoraCheckpoint,
  saveLora,
} from "../../../lib/policy/decoder/lora.ts";
import { tokenLogProbs } from "../../../lib/policy/decoder/layers.ts";
import {
  createQwen2,
  disposeQwen2,
  loadQwen2,
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import { BACKENDS, close, FOLDER, TINY, VECTORS } from "./_qwen2_vectors.ts";

for (const backend of BACKENDS) {
  Deno.test(`an adapter written by PEFT does on ${backend} what it did there`, async () => {
    await selectBackend(backend);
    const model = await loadQwen2(`${FOLDER}tied`);
    freezeWeights(model);
    const adapter = await loadLora(model, `${FOLDER}adapter`);
    const vectors = VECTORS.adapter;
    const run = () => firstSequence(model, adapter);
    const { value, grads } = tf.variableGrads(
      () => run().loss,
      [...adapter.weights.values()],
    );
    close(value.dataSync(), [vectors.loss], "loss");
    for (const [key, variable] of adapter.weights) {
      const expected = vectors.gradient_norms[
        key.replace(/\.weight$/, ".default.weight")
      ];
      const norm = tf.tidy(() => tf.norm(grads[variable.name]!).dataSync());
      close(norm, [expected], `norm of ${key}`);
    }
    tf.dispose([value, grads]);
    const adapted = tf.tidy(() => run().logits.dataSync());
    close(adapted, vectors.logits, "logits");
    // The remembering decoder and the merged model say the same.
    const prompt = Int32Array.from(VECTORS.tied.ids[0].slice(0, 12));
    const { decoder } = await startDecoder(model, [prompt], {
      maxTokens: 1,
      adapter,
    });
    const last = await decoder.next(Int32Array.of(9));
    decoder[Symbol.dispose]();
    close(last.logits, vectors.logits, "decoded logits");
    mergeLora(model, adapter);
    const merged = tf.tidy(() =>
      firstSequence(model, undefined).logits.dataSync()
    );
    close(merged, vectors.logits, "merged logits");
    disposeLora(adapter);
    disposeQwen2(model);
  });
}

Deno.test("mergeLoraCheckpoint() writes a model that does without the adapter what it did with it", async () => {
  await selectBackend("wasm");
  const out = await Deno.makeTempDir();
  const before = tf.memory().numTensors;
  await mergeLoraCheckpoint({
    model: `${FOLDER}tied`,
    adapter: `${FOLDER}adapter`,
    out,
  });
  strictEqual(tf.memory().numTensors, before);
  const model = await loadQwen2(out);
  const logits = tf.tidy(() =>
    firstSequence(model, undefined).logits.dataSync()
  );
  close(logits, VECTORS.adapter.logits, "merged logits");
  disposeQwen2(model);
  await Deno.remove(out, { recursive: true });
});

/** Loss and last logits of the first sequence. */
function firstSequence(model: Qwen2, adapter: LoraAdapter | undefined) {
  const ids = Int32Array.from(VECTORS.tied.ids[0]);
  const tokens = { ids, batch: 1, length: ids.length };
  const states = qwen2States(model, tokens, { adapter, recompute: true });
  const { logProbs } = tokenLogProbs(
    tf.slice(states, [0, 0], [ids.length - 1, -1]),
    outputTable(model),
    { targets: tf.tensor1d(ids.subarray(1), "int32") },
  );
  const last = tf.slice(states, [ids.length - 1, 0], [1, -1]);
  return {
    loss: tf.neg(tf.mean(logProbs)) as tf.Scalar,
    logits: tf.matMul(last, outputTable(model), false, true),
  };
}

Deno.test("a new adapter changes nothing, and is read as it was saved", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  const model = createQwen2(TINY, createRandom(1));
  const adapter = createLora(model, { rank: 2 }, createRandom(2));
  const tokens = { ids: Int32Array.of(3, 1, 4, 1), batch: 1, length: 4 };
  const states = (adapter?: LoraAdapter) =>
    tf.tidy(() => qwen2States(model, tokens, { adapter }).dataSync());
  deepStrictEqual(states(adapter), states());
  await saveLora(adapter, directory);
  const same = await loadLora(model, directory);
  for (const [name, weight] of adapter.weights) {
    deepStrictEqual(same.weights.get(name)!.dataSync(), weight.dataSync());
  }
  disposeLora(adapter);
  disposeLora(same);
  disposeQwen2(model);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("an adapter of another kind is refused by what it must be", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  const model = createQwen2(TINY, createRandom(1));
  const adapter = createLora(model, { rank: 2 }, createRandom(2));
  await saveLora(adapter, directory);
  const file = `${directory}/adapter_config.json`;
  const config = JSON.parse(await Deno.readTextFile(file));
  const cases: readonly [Record<string, unknown>, RegExp][] = [
    [
      { peft_type: "IA3" },
      /"peft_type" must be "LORA": current value is "IA3"/,
    ],
    [{ use_dora: true }, /"use_dora" must be false/],
    [{ r: 0 }, /"r" must be a positive integer: current value is 0/],
    [
      { r: 3 },
      /lora_A\.weight" must have shape \[3,12\]: current value is \[2,/,
    ],
    [
      { target_modules: ["lm_head"] },
      /"target_modules" must not name "lm_head", but some of q_proj/,
    ],
  ];
  for (const [change, message] of cases) {
    await Deno.writeTextFile(file, JSON.stringify({ ...config, ...change }));
    await rejects(loadLora(model, directory), { name: "TypeError", message });
  }
  throws(() => createLora(model, { rank: 1.5 }, createRandom(1)), {
    name: "RangeError",
    message: /"rank" must be a positive integer: current value is 1.5/,
  });
  disposeLora(adapter);
  disposeQwen2(model);
  await Deno.remove(directory, { recursive: true });
});
