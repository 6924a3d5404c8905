import { rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  type OpenLanguageOptions,
  openLanguagePolicy,
} from "../../../lib/policy/language/loading.ts";
import {
  openSafetensors,
  type TensorValues,
  writeSafetensors,
} from "../../../lib/policy/decoder/safetensors.ts";
import { smallPolicy } from "../_small_policy.ts";

/** What is done to a folder, how it is loaded, and what the error says. */
interface Damage {
  readonly damage: (folder: string) => Promise<void>;
  readonly options?: Partial<OpenLanguageOptions>;
  readonly name: string;
  readonly message: RegExp;
}

/** Changes a file of JSON. */
const changed =
  (file: string, change: Readonly<Record<string, unknown>>) =>
  async (folder: string) => {
    const path = `${folder}/${file}`;
    const json = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...json, ...change }));
  };

/** Replaces a file by a text. */
const replaced = (file: string, text: string) => (folder: string) =>
  Deno.writeTextFile(`${folder}/${file}`, text);

/** Cuts a file in half. */
const halved = (file: string) => async (folder: string) => {
  const { size } = await Deno.stat(`${folder}/${file}`);
  await Deno.truncate(`${folder}/${file}`, size / 2);
};

/** Writes the tensors of a file again, some missing or of another shape. */
const rewritten =
  (file: string, change: (name: string) => TensorValues | undefined | "same") =>
  async (folder: string) => {
    const path = `${folder}/${file}`;
    const checkpoint = await openSafetensors(path);
    const tensors: Record<string, TensorValues> = {};
    for (const name of checkpoint.tensors.keys()) {
      const next = change(name);
      if (next === "same") tensors[name] = await checkpoint.read(name);
      else if (next) tensors[name] = next;
    }
    await writeSafetensors(path, tensors);
  };

const WEIGHT = "model.layers.1.mlp.up_proj.weight";
const ADAPTED =
  "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight";
const zeros = (shape: number[]): TensorValues => ({
  shape,
  values: new Float32Array(shape.reduce((a, b) => a * b)),
});

const DAMAGES: Readonly<Record<string, Damage>> = {
  "no config.json": {
    damage: (folder) => Deno.remove(`${folder}/config.json`),
    name: "NotFound",
    message: /config\.json/,
  },
  "config.json that is no JSON": {
    damage: replaced("config.json", "{"),
    name: "SyntaxError",
    message: /^Cannot read ".*\/config\.json" as it must hold JSON: /,
  },
  "config.json that is a list": {
    damage: replaced("config.json", "[1]"),
    name: "TypeError",
    message:
      /^Cannot read ".*\/config\.json" as it must hold a JSON object: current value is \[1\]/,
  },
  "another architecture": {
    damage: changed("config.json", { model_type: "mamba" }),
    name: "TypeError",
    message:
      /^Cannot read ".*\/config\.json" as "model_type" must be one of qwen2, qwen3, llama: current value is "mamba"/,
  },
  "no tokenizer.json": {
    damage: (folder) => Deno.remove(`${folder}/tokenizer.json`),
    name: "NotFound",
    message: /tokenizer\.json/,
  },
  "tokenizer.json that is no JSON": {
    damage: halved("tokenizer.json"),
    name: "SyntaxError",
    message: /^Cannot read ".*\/tokenizer\.json" as it must hold JSON: /,
  },
  "tokenizer.json without a model": {
    damage: changed("tokenizer.json", { model: null }),
    name: "TypeError",
    message:
      /^Cannot read ".*\/tokenizer\.json" as "model" must say how to tokenize: current value is null/,
  },
  "a tokenizer with more tokens than the model": {
    damage: changed("config.json", { vocab_size: 7 }),
    name: "RangeError",
    message:
      /^Cannot load ".*" as "vocab_size" of "config\.json" must be at least the \d+ tokens of "tokenizer\.json": current value is 7/,
  },
  "a missing tensor": {
    damage: rewritten(
      "model.safetensors",
      (name) => name === WEIGHT ? undefined : "same",
    ),
    name: "TypeError",
    message:
      /^Cannot read ".*" as it must hold tensor "model\.layers\.1\.mlp\.up_proj\.weight" of shape \[24,16\]: it has \d+ others/,
  },
  "a tensor of another shape": {
    damage: rewritten(
      "model.safetensors",
      (name) => name === WEIGHT ? zeros([16, 24]) : "same",
    ),
    name: "TypeError",
    message:
      /^Cannot read ".*model\.safetensors" as tensor "model\.layers\.1\.mlp\.up_proj\.weight" must have shape \[24,16\]: current value is \[16,24\]/,
  },
  "a file cut short": {
    damage: halved("model.safetensors"),
    name: "SyntaxError",
    message:
      /^Cannot read ".*model\.safetensors" as tensor ".*" \(F32 \[.*\]\) must have \d+ bytes within the file of \d+ bytes/,
  },
  "an index that names a missing file": {
    damage: async (folder) => {
      await Deno.remove(`${folder}/model.safetensors`);
      const index = { weight_map: { [WEIGHT]: "one.safetensors" } };
      const path = `${folder}/model.safetensors.index.json`;
      await Deno.writeTextFile(path, JSON.stringify(index));
    },
    name: "SyntaxError",
    message:
      /^Cannot read ".*" as shard ".*one\.safetensors" must be there and hold tensor "model\.layers\.1\.mlp\.up_proj\.weight": there is no such file/,
  },
  "an index whose files have no names": {
    damage: async (folder) => {
      await Deno.remove(`${folder}/model.safetensors`);
      const path = `${folder}/model.safetensors.index.json`;
      await Deno.writeTextFile(path, `{"weight_map":{"${WEIGHT}":3}}`);
    },
    name: "SyntaxError",
    message:
      /index\.json" as "weight_map" must name the file of tensor "model\.layers\.1\.mlp\.up_proj\.weight": current value is 3/,
  },
  "an index that is no JSON": {
    damage: async (folder) => {
      await Deno.remove(`${folder}/model.safetensors`);
      const path = `${folder}/model.safetensors.index.json`;
      await Deno.writeTextFile(path, "weights");
    },
    name: "SyntaxError",
    message: /^Cannot read ".*index\.json" as it must hold JSON/,
  },
  "a header that is no object": {
    damage: async (folder) => {
      const bytes = new Uint8Array(12);
      bytes.set([4], 0);
      bytes.set(new TextEncoder().encode("null"), 8);
      await Deno.writeFile(`${folder}/model.safetensors`, bytes);
    },
    name: "SyntaxError",
    message: /its header must say where each tensor is: it is no object/,
  },
  "value heads of another width": {
    damage: rewritten(
      "value_head.safetensors",
      (name) => name === "value_head.weight" ? zeros([3, 8]) : "same",
    ),
    name: "TypeError",
    message:
      /^Cannot read ".*value_head\.safetensors" as tensor "value_head\.weight" must have shape \[3,16\]: current value is \[3,8\]/,
  },
  "a critic cut short": {
    damage: halved("critic/model.safetensors"),
    options: { critic: "separate" },
    name: "SyntaxError",
    message: /^Cannot read ".*critic\/model\.safetensors"/,
  },
  "an adapter whose config is no JSON": {
    damage: replaced("adapter/adapter_config.json", ""),
    options: { adapter: "adapter" },
    name: "SyntaxError",
    message: /^Cannot read ".*adapter_config\.json" as it must hold JSON/,
  },
  "an adapter with a missing tensor": {
    damage: rewritten(
      "adapter/adapter_model.safetensors",
      (name) => name === ADAPTED ? undefined : "same",
    ),
    options: { adapter: "adapter" },
    name: "TypeError",
    message:
      /adapter_model\.safetensors" as it must hold tensor ".*layers\.1\.self_attn\.q_proj\.lora_B\.weight" of shape \[16,2\]/,
  },
};

/** Saves a policy with a critic of its own, and an adapter beside it. */
async function saved(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const policy = smallPolicy({ critic: "separate" });
  await policy.save(folder);
  policy.dispose();
  const adapted = smallPolicy({ lora: { rank: 2 } });
  await adapted.save(`${folder}/adapter`);
  adapted.dispose();
  return folder;
}

Deno.test("the folder that is damaged below is whole before", async () => {
  await selectBackend("wasm");
  const folder = await saved();
  const before = tf.memory().numTensors;
  for (
    const options of [{}, { critic: "separate" }, {
      adapter: `${folder}/adapter`,
    }] as const
  ) {
    (await openLanguagePolicy(folder, { seed: 1, ...options })).dispose();
    strictEqual(tf.memory().numTensors, before);
  }
  await Deno.remove(folder, { recursive: true });
});

for (
  const [what, { damage, options, name, message }] of Object.entries(DAMAGES)
) {
  Deno.test(`openLanguagePolicy() refuses ${what}, and leaves no tensor behind`, async () => {
    await selectBackend("wasm");
    const folder = await saved();
    await damage(folder);
    const before = tf.memory().numTensors;
    const asked = options?.adapter
      ? { ...options, adapter: `${folder}/${options.adapter}` }
      : options;
    const loading = openLanguagePolicy(folder, { seed: 1, ...asked });
    await rejects(loading, { name, message });
    strictEqual(tf.memory().numTensors, before);
    await Deno.remove(folder, { recursive: true });
  });
}
