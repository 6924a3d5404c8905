import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import {
  disposeLora,
  freezeWeights,
  loadLora,
  type LoraAdapter,
  mergeLora,
  saveLora,
} from "../../../lib/policy/decoder/lora.ts";
import {
  disposeQwen2,
  loadQwen2,
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import {
  openSafetensors,
  writeSafetensors,
} from "../../../lib/policy/decoder/safetensors.ts";
import { close } from "./_qwen2_vectors.ts";

/** Adapters by PEFT on a model by transformers: see `make.py` there. */
const FOLDER = new URL("../../vectors/decoders/", import.meta.url).pathname;
const VECTORS = JSON.parse(await Deno.readTextFile(`${FOLDER}vectors.json`));
const IDS = Int32Array.of(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9);

/** Logits after the last token. */
function logitsOf(model: Qwen2, adapter?: LoraAdapter): Float32Array {
  return tf.tidy(() => {
    const tokens = { ids: IDS, batch: 1, length: IDS.length };
    const states = qwen2States(model, tokens, { adapter });
    const last = tf.slice(states, [IDS.length - 1, 0], [1, -1]);
    return tf.matMul(last, outputTable(model), false, true)
      .dataSync<"float32">();
  });
}

for (const name of ["rslora", "patterns", "partial"]) {
  Deno.test(`vectors: an adapter with ${name} does what it does in PEFT, and is saved as it was`, async () => {
    await selectBackend("wasm");
    const expected = VECTORS.adapters[name],
      folder = `${FOLDER}adapters/${name}`;
    const directory = await Deno.makeTempDir();
    const model = await loadQwen2(`${FOLDER}llama`);
    freezeWeights(model);
    const adapter = await loadLora(model, folder);
    close(logitsOf(model, adapter), expected, "logits");
    const options = { maxTokens: 1, adapter };
    const prompt = IDS.slice(0, IDS.length - 1);
    const { decoder } = await startDecoder(model, [prompt], options);
    const { logits } = await decoder.next(IDS.slice(-1));
    decoder[Symbol.dispose]();
    close(logits, expected, "decoded logits");
    await saveLora(adapter, directory);
    const [config, saved] = await Promise.all(
      [folder, directory].map(async (place) =>
        JSON.parse(await Deno.readTextFile(`${place}/adapter_config.json`))
      ),
    );
    deepStrictEqual(saved, config);
    const again = await loadLora(model, directory);
    close(logitsOf(model, again), expected, "logits as saved");
    mergeLora(model, adapter);
    close(logitsOf(model), expected, "merged logits");
    disposeLora(adapter);
    disposeLora(again);
    disposeQwen2(model);
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("an adapter with anything that is not followed is refused by file, key and value, without a tensor left behind", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  const from = `${FOLDER}adapters/rslora`;
  const settings = JSON.parse(
    await Deno.readTextFile(`${from}/adapter_config.json`),
  );
  const weights = await openSafetensors(`${from}/adapter_model.safetensors`);
  const tensors = Object.fromEntries(
    await Promise.all(
      [...weights.tensors.keys()].map(async (name) =>
        [name, await weights.read(name)] as const
      ),
    ),
  );
  const prefix = "base_model.model.";
  const q = `${prefix}model.layers.0.self_attn.q_proj`;
  const { [`${q}.lora_B.weight`]: some, ...others } = tensors;
  const spare = { shape: [1], values: new Float32Array(1) };
  const model = await loadQwen2(`${FOLDER}llama`);
  const cases: readonly [Record<string, unknown>, typeof tensors, RegExp][] = [
    [
      { modules_to_save: ["lm_head"] },
      tensors,
      /"modules_to_save" must be absent or null.*lm_head/,
    ],
    [{ bias: "all" }, tensors, /"bias" must be "none".*"all"/],
    [{ lora_bias: true }, tensors, /"lora_bias" must be false/],
    [{ use_dora: true }, tensors, /"use_dora" must be false/],
    [
      { init_lora_weights: "pissa" },
      tensors,
      /"init_lora_weights" must be .*"pissa"/,
    ],
    [{ init_lora_weights: "pissa_niter_16" }, tensors, /pissa_niter_16/],
    [{ init_lora_weights: "loftq" }, tensors, /"init_lora_weights"/],
    [
      { layer_replication: [[0, 2]] },
      tensors,
      /"layer_replication" must be absent or null/,
    ],
    [{ trainable_token_indices: [1] }, tensors, /"trainable_token_indices"/],
    [{ alora_invocation_tokens: [1] }, tensors, /"alora_invocation_tokens"/],
    [{ target_parameters: ["x"] }, tensors, /"target_parameters"/],
    [
      { something_new: 2 },
      tensors,
      /adapter_config\.json" as "something_new" .* 2/,
    ],
    [{ fan_in_fan_out: true }, tensors, /"fan_in_fan_out" must be false/],
    [{ target_modules: "((" }, tensors, /"target_modules" must be a regular/],
    [
      { target_modules: ["c_attn"] },
      tensors,
      /"target_modules" must name some/,
    ],
    [
      { target_modules: ["q_proj", "lm_head"] },
      tensors,
      /"target_modules" must not name "lm_head"/,
    ],
    [
      { target_modules: ["q_proj"] },
      tensors,
      /"adapter_config\.json" must name every projection that is changed: current value is ".*(v|down)_proj/,
    ],
    [
      { target_modules: ["q_proj", "k_proj", "v_proj", "down_proj"] },
      tensors,
      /must hold tensor ".*k_proj\.lora_A\.weight"/,
    ],
    [
      { rank_pattern: { v_proj: 2 } },
      tensors,
      /v_proj\.lora_A\.weight" must have shape \[2,24\]/,
    ],
    [{}, others, /must hold tensor ".*q_proj\.lora_B\.weight"/],
    [
      {},
      { ...tensors, [`${q}.lora_magnitude_vector`]: spare },
      /adapter_model\.safetensors" as every tensor must be A or B.*magnitude/,
    ],
    [{}, { ...tensors, [`${q}.lora_B.bias`]: spare }, /lora_B\.bias/],
    [
      {},
      { ...tensors, [`${prefix}lm_head.weight`]: spare },
      /every tensor must be A or B of a projection: current value is ".*lm_head/,
    ],
    [
      {},
      {
        ...tensors,
        [`${q}.lora_B.weight`]: {
          shape: some!.shape,
          values: Int32Array.from(some!.values),
        },
      },
      /q_proj\.lora_B\.weight" must hold real numbers: current value is I32/,
    ],
  ];
  const before = tf.memory().numTensors;
  for (const [change, contents, message] of cases) {
    const config = JSON.stringify({ ...settings, ...change });
    await Deno.writeTextFile(`${directory}/adapter_config.json`, config);
    const file = `${directory}/adapter_model.safetensors`;
    await writeSafetensors(file, contents);
    await rejects(
      loadLora(model, directory),
      { name: "TypeError", message },
      String(message),
    );
    strictEqual(tf.memory().numTensors, before);
  }
  // Names without PEFT's prefix, and with the adapter's name, are the same weights.
  await Deno.writeTextFile(
    `${directory}/adapter_config.json`,
    JSON.stringify(settings),
  );
  const renamed = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor], i) => [
      i % 2 === 0
        ? name.slice(prefix.length)
        : name.replace(".weight", ".default.weight"),
      tensor,
    ]),
  );
  await writeSafetensors(`${directory}/adapter_model.safetensors`, renamed);
  const adapter = await loadLora(model, directory);
  close(logitsOf(model, adapter), VECTORS.adapters.rslora, "renamed");
  disposeLora(adapter);
  disposeQwen2(model);
  await Deno.remove(directory, { recursive: true });
});
