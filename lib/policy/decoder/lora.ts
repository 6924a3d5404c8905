/**
 * LoRA adapters: low-rank trained changes to frozen weights, in the folder format of PEFT.
 *
 * @module
 * @see {@link https://arxiv.org/abs/2106.09685 | Hu et al. 2021}
 */

import { checkPositiveInteger } from "../../checks.ts";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { qwen2Shapes } from "./config.ts";
import type { Random } from "../../random.ts";
import {
  type AdapterConfig,
  type ModuleChange,
  readAdapterConfig,
} from "./adapter_config.ts";
import {
  disposeQwen2,
  loadQwen2,
  type LoraTensors,
  type Qwen2,
  saveQwen2,
  variableOf,
} from "./qwen2.ts";
import {
  openSafetensors,
  type Safetensors,
  writeSafetensors,
} from "./safetensors.ts";

/** Projections an adapter may change. */
export const LORA_TARGETS = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
] as const;

/** Name of one of the {@linkcode LORA_TARGETS}. */
export type LoraTarget = typeof LORA_TARGETS[number];

/** Low-rank changes to some projections: `W + scale · B · A`. */
export interface LoraAdapter extends LoraTensors {
  /** Rows of A and columns of B. */
  readonly rank: number;
  /** `scale · rank`, as PEFT stores it. */
  readonly alpha: number;
  /** Which projections are changed. */
  readonly targets: readonly LoraTarget[];
  /** A and B of each, by their names in PEFT's checkpoints. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  /** What its files said, for saving; absent in a new adapter. */
  readonly read?: {
    /** Contents of `adapter_config.json`. */
    readonly settings: Readonly<Record<string, unknown>>;
    /** Factor of each projection's B, which stands for a factor other than `scale`. */
    readonly factors: ReadonlyMap<string, number>;
  };
}

/** Options for {@linkcode createLora}. */
export interface LoraOptions {
  /** Rows of A and columns of B. */
  rank: number;
  /** Factor of the change times the rank. @default {2 · rank} */
  alpha?: number;
  /** Which projections to change. @default {all seven} */
  targets?: readonly LoraTarget[];
}

/**
 * Makes an adapter without effect: A is random, B is zero. Returns the adapter;
 * {@linkcode disposeLora} frees it.
 *
 * @throws {RangeError} If the rank is not a positive integer.
 */
export function createLora(
  model: Qwen2,
  options: LoraOptions,
  random: Random,
): LoraAdapter {
  const { rank, alpha = 2 * options.rank, targets = LORA_TARGETS } = options;
  checkPositiveInteger("make an adapter", { rank });
  const modules = modulesOf(model, targets);
  const weights = new Map<string, tf.Variable>();
  for (const [name, [outputs, inputs]] of modules) {
    const stream = random.fork(name);
    const bound = 1 / Math.sqrt(inputs);
    const draws = Float32Array.from(
      { length: rank * inputs },
      () => bound * (2 * stream.uniform() - 1),
    );
    const [down, up] = weightNames(name);
    weights.set(down!, variableOf(draws, [rank, inputs]));
    const zeros = new Float32Array(outputs * rank);
    weights.set(up!, variableOf(zeros, [outputs, rank]));
  }
  return {
    rank,
    alpha,
    scale: alpha / rank,
    targets,
    modules: new Set(modules.keys()),
    weights,
  };
}

/**
 * Reads an adapter from a folder with `adapter_config.json` and `adapter_model.safetensors`: LoRA and
 * rsLoRA on any of the {@linkcode LORA_TARGETS}, in all layers or some, with ranks and alphas by pattern.
 * Returns the adapter; {@linkcode disposeLora} frees it.
 *
 * @throws {TypeError} If it is of another kind, a setting or a tensor is not understood, or a weight is
 * missing or has another shape; the message names file, key and value.
 */
export async function loadLora(
  model: Qwen2,
  directory: string,
): Promise<LoraAdapter> {
  const config = await readAdapterConfig(`${directory}/adapter_config.json`);
  const checkpoint = await openSafetensors(
    `${directory}/adapter_model.safetensors`,
  );
  const modules = new Map<string, ModuleChange>();
  for (const [name] of modulesOf(model, LORA_TARGETS)) {
    const change = config.changeOf(name);
    if (change) modules.set(name, change);
  }
  checkTargets(config, modules);
  const names = storedNames(model, checkpoint, modules);
  // One factor serves all modules; those of another factor are stored with it in B.
  const [first] = modules.values();
  const scale = first?.scale ?? config.alpha / config.rank;
  const weights = new Map<string, tf.Variable>();
  try {
    for (const [module, [outputs, inputs]] of modulesOf(model, LORA_TARGETS)) {
      const change = modules.get(module);
      if (!change) continue;
      const shapes = [[change.rank, inputs], [outputs, change.rank]] as const;
      for (const [i, weight] of weightNames(module).entries()) {
        const stored = names.get(weight) ?? weight;
        const { values } = await checkpoint.read(stored, shapes[i]);
        if (values instanceof Int32Array) {
          throw new TypeError(
            `Cannot read "${checkpoint.path}" as tensor "${stored}" must hold real numbers: current value is ${
              checkpoint.tensors.get(stored)!.format
            }`,
          );
        }
        if (i === 1 && change.scale !== scale) {
          const factor = change.scale / scale;
          values.forEach((value, j) => values[j] = factor * value);
        }
        weights.set(weight, variableOf(values, shapes[i]!));
      }
    }
  } catch (error) {
    tf.dispose([...weights.values()]);
    throw error;
  }
  const named = [...modules.keys()];
  return {
    rank: config.rank,
    alpha: scale * config.rank,
    scale,
    targets: LORA_TARGETS.filter((target) =>
      named.some((module) => module.endsWith(`.${target}`))
    ),
    modules: new Set(named),
    weights,
    read: {
      settings: config.settings,
      factors: new Map(
        [...modules].map(([name, change]) => [name, change.scale / scale]),
      ),
    },
  };
}

/** Throws if the settings name a table, or nothing that the model has. */
function checkTargets(
  { file, settings, changeOf }: AdapterConfig,
  modules: ReadonlyMap<string, ModuleChange>,
): void {
  const { target_modules: targets } = settings;
  const table = ["lm_head", "model.embed_tokens"].find(changeOf);
  const isTable = table !== undefined && targets !== "all-linear";
  if (!isTable && modules.size > 0) return;
  throw new TypeError(
    `Cannot read "${file}" as "target_modules" must ${
      isTable ? `not name "${table}", but` : "name"
    } some of ${LORA_TARGETS.join(", ")}: current value is ${
      JSON.stringify(targets)
    }`,
  );
}

/** Prefix of the names of weights in PEFT's checkpoints. */
const PREFIX = "base_model.model.";

/**
 * The stored name of each weight. Names may lack PEFT's prefix or that of the inner model, and may hold the
 * name of the adapter.
 *
 * @throws {TypeError} If a tensor belongs to no projection that the settings name.
 */
function storedNames(
  model: Qwen2,
  { path, tensors }: Safetensors,
  modules: ReadonlyMap<string, ModuleChange>,
): Map<string, string> {
  const names = new Map<string, string>();
  for (const [stored, { format, shape }] of tensors) {
    const bare = stored.startsWith(PREFIX)
      ? stored.slice(PREFIX.length)
      : stored;
    const [, name, part] =
      /^(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(bare) ??
        [];
    const module = [name, `model.${name}`].find((one) =>
      name !== undefined && modules.has(one!)
    );
    if (module === undefined) {
      const isKnown = model.weights.has(`${name}.weight`) ||
        model.weights.has(`model.${name}.weight`);
      const must = name === undefined
        ? "every tensor must be A or B of a projection"
        : isKnown
        ? `"adapter_config.json" must name every projection that is changed`
        : "every changed projection must be one of the model's";
      throw new TypeError(
        `Cannot read "${path}" as ${must}: current value is "${stored}" (${format} [${shape}])`,
      );
    }
    names.set(`${PREFIX}${module}.lora_${part}.weight`, stored);
  }
  return names;
}

/**
 * Writes an adapter to a folder that PEFT reads. Settings of an adapter that was read are written as they
 * were.
 *
 * @param options `base`: name or path of the model it belongs to. @default {what it was read with, or ""}
 */
export async function saveLora(
  adapter: LoraAdapter,
  directory: string,
  options: { base?: string } = {},
): Promise<void> {
  const { read } = adapter;
  const tensors: Record<
    string,
    { shape: number[]; values: Float32Array<ArrayBuffer> }
  > = {};
  for (const [name, weight] of adapter.weights) {
    const values = Float32Array.from(await weight.data());
    const factor = name.endsWith(".lora_B.weight")
      ? read?.factors.get(moduleOf(name)) ?? 1
      : 1;
    if (factor !== 1) values.forEach((value, i) => values[i] = value / factor);
    tensors[name] = { shape: weight.shape, values };
  }
  await writeSafetensors(
    `${directory}/adapter_model.safetensors`,
    tensors,
    { metadata: { format: "pt" } },
  );
  const settings = read?.settings ?? {
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    peft_type: "LORA",
    r: adapter.rank,
    target_modules: adapter.targets,
    task_type: "CAUSAL_LM",
  };
  const known = settings["base_model_name_or_path"];
  const config = {
    ...settings,
    base_model_name_or_path: options.base ?? known ?? "",
  };
  await Deno.writeTextFile(
    `${directory}/adapter_config.json`,
    JSON.stringify(config, undefined, 2) + "\n",
  );
}

/** The projection of a weight, by the weight's name in PEFT's checkpoints. */
function moduleOf(weight: string): string {
  return weight.slice(PREFIX.length).replace(/\.lora_[AB]\.weight$/, "");
}

/**
 * Adds an adapter's changes to the model's weights, in place.
 *
 * @throws {TypeError} If the weights are stored as float16.
 */
export function mergeLora(model: Qwen2, adapter: LoraAdapter): void {
  for (const name of adapter.modules) {
    const weight = model.weights.get(`${name}.weight`)!;
    if (weight.dtype !== "float32") {
      throw new TypeError(
        `Cannot merge an adapter as "${name}.weight" must hold 32-bit floats: current value is packed float16`,
      );
    }
    const [down, up] = weightNames(name).map((x) => adapter.weights.get(x)!);
    tf.tidy(() => {
      const change = tf.mul(tf.matMul(up!, down!), adapter.scale);
      weight.assign(tf.add(weight, change));
    });
  }
}

/**
 * Merges an adapter's folder into a model's, for serving without adapters.
 *
 * Needs an active backend. Tokenizer files are not copied.
 *
 * @param options `model` and `adapter`: folders to read, as {@linkcode loadLora} takes them; `out`:
 * folder that gets `config.json` and `model.safetensors`, made if it is missing.
 * @throws {TypeError} If a folder does not hold what it should; the message names file and weight.
 */
export async function mergeLoraCheckpoint(
  options: { model: string; adapter: string; out: string },
): Promise<void> {
  const model = await loadQwen2(options.model);
  try {
    const adapter = await loadLora(model, options.adapter);
    mergeLora(model, adapter);
    disposeLora(adapter);
    await Deno.mkdir(options.out, { recursive: true });
    await saveQwen2(model, options.out);
  } finally {
    disposeQwen2(model);
  }
}

/** Excludes a decoder's weights from training. */
export function freezeWeights(model: Qwen2): void {
  for (const weight of model.weights.values()) weight.trainable = false;
}

/** Frees an adapter. */
export function disposeLora(adapter: LoraAdapter): void {
  tf.dispose([...adapter.weights.values()]);
}

/** Projections of a decoder that have one of the targets' names, with their shapes. */
function modulesOf(
  model: Qwen2,
  targets: readonly LoraTarget[],
): Map<string, [number, number]> {
  const modules = new Map<string, [number, number]>();
  // Not the shapes of tensors, which hold two numbers to a word where they are packed.
  for (const [name, shape] of Object.entries(qwen2Shapes(model.config))) {
    const target = targets.find((x) => name.endsWith(`.${x}.weight`));
    if (!target) continue;
    const module = name.slice(0, -".weight".length);
    modules.set(module, [shape[0]!, shape[1]!]);
  }
  return modules;
}

/** Names of A and B of a projection. */
function weightNames(module: string): [string, string] {
  const name = `${PREFIX}${module}`;
  return [`${name}.lora_A.weight`, `${name}.lora_B.weight`];
}
