import { ok, rejects, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { exportModel } from "../../../lib/policy/language/export_model.ts";
import {
  type OpenLanguageOptions,
  openLanguagePolicy,
} from "../../../lib/policy/language/loading.ts";
import { readPolicyFile } from "../../../lib/policy/language/policy_file.ts";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import { PRESETS } from "../../../lib/train/config/presets.ts";
import type {
  PartialDeep,
  TrainingConfig,
} from "../../../lib/train/config/config.ts";
import { writeTinyModel } from "../_tiny_model.ts";

/** The offset of KEEP that a folder's policy has. */
async function offsetOf(
  model: string,
  options: Partial<OpenLanguageOptions> = {},
): Promise<number> {
  const policy = await openLanguagePolicy(model, {
    seed: 1,
    decoding: "admissible",
    ...options,
  });
  const { keepOffset } = policy;
  policy.dispose();
  return keepOffset;
}

Deno.test("the offset of KEEP stays with the adapter, and with the model it is merged into", async () => {
  await selectBackend("wasm");
  const model = await writeTinyModel(), adapter = await Deno.makeTempDir();
  const out = await Deno.makeTempDir();
  const policy = await openLanguagePolicy(model, {
    seed: 1,
    decoding: "admissible",
    keepOffset: 7.25,
    lora: { rank: 2 },
  });
  await policy.saveAdapter(adapter);
  policy.dispose();
  await exportModel({ model, adapter, out });
  strictEqual(await offsetOf(model), 0);
  strictEqual(await offsetOf(model, { adapter }), 7.25);
  strictEqual(await offsetOf(out), 7.25);
  strictEqual(await offsetOf(out, { decoding: "skeleton" }), 7.25);
  strictEqual(
    await offsetOf(out, { decoding: "free" }),
    0,
    "no tags, no place",
  );
  strictEqual(await offsetOf(out, { keepOffset: 1 }), 1, "what is given wins");
});

Deno.test("a policy's file with what is not known is refused by name", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/hiper_policy.json`;
  strictEqual(await readPolicyFile(folder), undefined);
  const written = { format: "hiper-lab-policy", version: 1, keepOffset: 2 };
  await Deno.writeTextFile(file, JSON.stringify({ ...written, keep: 3 }));
  await rejects(readPolicyFile(folder), ({ message }: Error) => {
    ok(message.includes(file) && message.includes('"keep"'), message);
    return true;
  });
  await Deno.writeTextFile(file, JSON.stringify({ ...written, version: 2 }));
  await rejects(readPolicyFile(folder), TypeError);
});

Deno.test("checkpoints with adapters are folders of PEFT, and what starts from one keeps its offset of KEEP", async () => {
  await selectBackend("wasm");
  const model = await writeTinyModel();
  const configOf = (policy: PartialDeep<TrainingConfig["policy"]>) =>
    defineConfig(
      PRESETS["corridor-model"],
      {
        backend: "wasm",
        rollout: { tasks: 2 },
        evaluation: { sets: { held_out: null } },
      } as PartialDeep<TrainingConfig>,
      { policy } as PartialDeep<TrainingConfig>,
    );
  await using training = await assembleTraining(
    configOf({ directory: model, loraRank: 2 }),
  );
  const folder = `${await Deno.makeTempDir()}/00000000`;
  await training.save(folder);
  const names = new Set([...Deno.readDirSync(folder)].map(({ name }) => name));
  for (
    const name of [
      "adapter_config.json",
      "adapter_model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
      "value_head.safetensors",
    ]
  ) ok(names.has(name), name);
  const kept = await readPolicyFile(folder);
  ok(kept && kept.keepOffset !== 0);
  strictEqual(
    await offsetOf(model, { adapter: folder }),
    kept.keepOffset,
  );
  // Measured anew it would be another: this model has another seed.
  await using other = await assembleTraining(
    defineConfig(configOf({ directory: model, adapter: folder }), { seed: 5 }),
  );
  const again = `${await Deno.makeTempDir()}/00000000`;
  await other.save(again);
  strictEqual((await readPolicyFile(again))!.keepOffset, kept.keepOffset);
});
