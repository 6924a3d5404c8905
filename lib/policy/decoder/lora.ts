/**
 * LoRA adapters: low-rank trained changes to frozen weights, in the folder format of PEFT.
 *
 * @module
 * @see {@link https://arxiv.org/abs/2106.09685 | Hu et al. 2021}
 */

import { checkPositiveInteger } from "../../checks.ts";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Random } from "../../random.ts";
import { readJsonObject } from "../../text_file.ts";
import {
  disposeQwen2,
  loadQwen2,
  type LoraTensors,
  type Qwen2,
  saveQwen2,
  variableOf,
} from "./qwen2.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";

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
  /** Which projections are changed, in every layer. */
  readonly targets: readonly LoraTarget[];
  /** A and B of each, by their names in PEFT's checkpoints. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
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
 * Reads an adapter from a folder with `adapter_config.json` and `adapter_model.safetensors`.
 * Returns the adapter; {@linkcode disposeLora} frees it.
 *
 * @throws {TypeError} If it is of another kind, or a weight is missing or has another shape.
 */
export async function loadLora(
  model: Qwen2,
  directory: string,
): Promise<LoraAdapter> {
  const { rank, alpha, targets } = await readAdapterConfig(
    `${directory}/adapter_config.json`,
  );
  const checkpoint = await openSafetensors(
    `${directory}/adapter_model.safetensors`,
  );
  const modules = modulesOf(model, targets);
  const weights = new Map<string, tf.Variable>();
  try {
    for (const [name, [outputs, inputs]] of modules) {
      const shapes = [[rank, inputs], [outputs, rank]] as const;
      for (const [i, weight] of weightNames(name).entries()) {
        const { values } = await checkpoint.read(weight, shapes[i]);
        weights.set(weight, variableOf(values, shapes[i]!));
      }
    }
  } catch (error) {
    tf.dispose([...weights.values()]);
    throw error;
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

/** Reads the settings of an adapter of a supported kind. */
async function readAdapterConfig(
  file: string,
): Promise<{ rank: number; alpha: number; targets: LoraTarget[] }> {
  const config = await readJsonObject(file);
  const { r: rank, lora_alpha: alpha, target_modules: targets } = config;
  const refuse = (must: string, value: unknown) =>
    new TypeError(
      `Cannot read "${file}" as ${must}: current value is ${
        JSON.stringify(value)
      }`,
    );
  if (config.peft_type !== "LORA") {
    throw refuse(`"peft_type" must be "LORA"`, config.peft_type);
  }
  for (const plain of ["use_dora", "use_rslora"]) {
    if (config[plain]) throw refuse(`"${plain}" must be false`, config[plain]);
  }
  if (!Number.isSafeInteger(rank) || Number(rank) < 1) {
    throw refuse(`"r" must be a positive integer`, rank);
  }
  if (typeof alpha !== "number") {
    throw refuse(`"lora_alpha" must be a number`, alpha);
  }
  const known = (x: unknown) => LORA_TARGETS.some((target) => target === x);
  if (!Array.isArray(targets) || !targets.every(known)) {
    throw refuse(
      `"target_modules" must be some of ${LORA_TARGETS.join(", ")}`,
      targets,
    );
  }
  return { rank: Number(rank), alpha, targets };
}

/**
 * Writes an adapter to a folder that PEFT reads.
 *
 * @param options `base`: name or path of the model it belongs to. @default {""}
 */
export async function saveLora(
  adapter: LoraAdapter,
  directory: string,
  options: { base?: string } = {},
): Promise<void> {
  const tensors: Record<
    string,
    { shape: number[]; values: Float32Array<ArrayBuffer> }
  > = {};
  for (const [name, weight] of adapter.weights) {
    const values = Float32Array.from(await weight.data());
    tensors[name] = { shape: weight.shape, values };
  }
  await writeSafetensors(
    `${directory}/adapter_model.safetensors`,
    tensors,
    { metadata: { format: "pt" } },
  );
  const config = {
    base_model_name_or_path: options.base ?? "",
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
  await Deno.writeTextFile(
    `${directory}/adapter_config.json`,
    JSON.stringify(config, undefined, 2) + "\n",
  );
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
  for (const [name, { shape }] of model.weights) {
    const target = targets.find((x) => name.endsWith(`.${x}.weight`));
    if (!target) continue;
    const module = name.slice(0, -".weight".length);
    modules.set(module, shape as [number, number]);
  }
  return modules;
}

/** Names of A and B of a projection. */
function weightNames(module: string): [string, string] {
  const name = `base_model.model.${module}`;
  return [`${name}.lora_A.weight`, `${name}.lora_B.weight`];
}
