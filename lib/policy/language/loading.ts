/**
 * Creating language policies with new weights, and loading them from a folder.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { createRandom, type Random } from "../../random.ts";
import {
  checkPrecision,
  type FrozenPrecision,
  packedFormat,
  packWeights,
} from "../decoder/fp16.ts";
import { createHeads, type Trunk } from "./network.ts";
import { type LanguagePolicy, languagePolicy } from "./policy.ts";
import {
  type KeptSettings,
  readPolicyFile,
  writePolicyFile,
} from "./policy_file.ts";
import type { LanguageOptions } from "./replies.ts";
import {
  createLora,
  disposeLora,
  freezeWeights,
  loadLora,
  type LoraOptions,
  saveLora,
} from "../decoder/lora.ts";
import {
  createQwen2,
  disposeQwen2,
  isStoredInHalves,
  loadQwen2,
  type Qwen2,
  saveQwen2,
} from "../decoder/qwen2.ts";
import type { Qwen2Config } from "../decoder/config.ts";
import { openPublished, type PublishedModel } from "../decoder/published.ts";
import { openSafetensors, writeSafetensors } from "../decoder/safetensors.ts";
import { requireBackend } from "../backends/tensor_setup.ts";
import { createTokenizer } from "./tokenizer.ts";
import { readTokenizerFiles, writeTokenizerFiles } from "./tokenizer_files.ts";
import type { TokenizerFiles } from "./word_tokenizer.ts";

/** How the weights of a language policy are trained. */
export interface LanguageTrainingOptions {
  /** Seed of new weights and adapters. */
  readonly seed: number;
  /** Trains LoRA adapters beside frozen weights; absent trains all weights. */
  readonly lora?: LoraOptions;
  /**
   * Whether the value heads read the policy's states, or those of a critic with separate weights (a
   * separate adapter on the same frozen weights, with `lora`).
   *
   * @default {"shared"}
   */
  readonly critic?: "shared" | "separate";
  /** Units of return that a value head's output of 1 stands for. @default {1} */
  readonly valueScale?: number;
  /**
   * How frozen matrices are stored; 16 bits halve their memory: `float16` on WebGPU, `bfloat16` on
   * WebAssembly.
   *
   * @default {"bfloat16" on WebAssembly for models published so, where nothing changes; else "float32"}
   */
  readonly frozenPrecision?: FrozenPrecision;
}

/** Options of {@linkcode createLanguagePolicy}. */
export interface CreateLanguageOptions
  extends LanguageOptions, LanguageTrainingOptions {
  /** Files of the tokenizer: see `createWordTokenizer`. */
  readonly tokenizer: TokenizerFiles;
  /** Sizes that differ from those of the small default: 2 layers, 64 wide. */
  readonly size?: Partial<Omit<Qwen2Config, "vocabSize">>;
}

/** Options of {@linkcode openLanguagePolicy}. */
export interface OpenLanguageOptions
  extends LanguageOptions, LanguageTrainingOptions {
  /** Folder of an adapter to start from, in the format of PEFT. */
  readonly adapter?: string;
  /** Longest prompt and reply to prepare for. @default {4096, or the model's own if shorter} */
  readonly maxLength?: number;
}

/** Sizes of a decoder that learns a small world in minutes on a CPU. */
export const SMALL_MODEL: Omit<Qwen2Config, "vocabSize"> = {
  hiddenSize: 64,
  intermediateSize: 128,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  maxLength: 1024,
  rmsEpsilon: 1e-6,
  ropeTheta: 10000,
  tieEmbeddings: true,
};

/** File of the value heads. */
const HEADS = "value_head.safetensors";

/**
 * Makes a language policy with new weights, for a world with few words.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, selectBackend } from "@hiper/lab";
 * import {
 *   createWordTokenizer,
 *   createLanguagePolicy,
 * } from "@hiper/lab/language";
 *
 * await selectBackend("wasm");
 * const policy = createLanguagePolicy({
 *   seed: 1,
 *   tokenizer: createWordTokenizer(["go left", "go right", "leave"]),
 *   prompt: ({ observation }) => observation.text,
 *   decoding: "admissible",
 *   size: { layers: 1, hiddenSize: 16 },
 * });
 * const observation = { text: "A fork.", admissibleActions: ["go left"], stateKey: "" };
 * using session = policy.open([{ task: "leave" }]);
 * const [decision] = await session.decide([0], [observation], [createRandom(2)]);
 * strictEqual(decision!.action, "go left");
 * policy.dispose();
 * ```
 *
 * @param options Seed, tokenizer, sizes, prompts, decoding and learning.
 * @returns The policy; `dispose` frees it.
 * @throws {TypeError} If no backend is active, or frozen weights shall be stored in float16 and there
 * are none, or the backend cannot.
 */
export function createLanguagePolicy(
  options: CreateLanguageOptions,
): LanguagePolicy {
  requireBackend("create a language policy");
  const { tokenizer: files, size = {}, seed } = options;
  checkPrecision(options.frozenPrecision, options.lora);
  const tokenizer = createTokenizer(files);
  const config = { ...SMALL_MODEL, ...size, vocabSize: tokenizer.vocabSize };
  const random = createRandom(seed);
  const make = (name: string) => createQwen2(config, random.fork(name));
  const actor = trunkOf(make("actor"), options, random.fork("adapter"));
  const critic = criticOf(actor, options, {
    random: random.fork("critic"),
    copy: () => make("actor"),
  });
  return assemble({ actor, critic, files }, options);
}

/**
 * Loads a language policy: a folder with `config.json`, weights as safetensors, one file or
 * sharded, and `tokenizer.json`, which `save` wrote, or a Qwen2, Qwen3 or Llama model as
 * published; such a model in a GGUF file; or one in the cache of the Hugging Face hub, by its name.
 *
 * Value heads and the offset of KEEP are read from the folder, or the adapter's, if it has them; otherwise
 * they start at 0.
 *
 * @param model The folder, the GGUF file, or the name on the hub.
 * @param options Prompts, decoding and learning.
 * @returns The policy; `dispose` frees it.
 * @throws {Deno.errors.NotFound} If there is no such model; the message says how to fetch one.
 * @throws {TypeError} If no backend is active, the model is of another kind, a weight is missing or
 * has another shape than the folder says, or frozen weights shall be stored in float16 and there are
 * none, or the backend cannot.
 * @throws {RangeError} If the tokenizer has tokens that the model has not.
 * @throws {SyntaxError} If a file is cut short or not in its format.
 */
export async function openLanguagePolicy(
  model: string,
  options: OpenLanguageOptions,
): Promise<LanguagePolicy> {
  requireBackend("load a language policy");
  const { seed, adapter, maxLength = 4096 } = options;
  checkPrecision(options.frozenPrecision, adapter ?? options.lora);
  const random = createRandom(seed);
  const published = await openPublished(model);
  const files = await readTokenizerFiles(published.gguf ?? published.path);
  checkVocabulary(published, files);
  const isFrozen = (adapter ?? options.lora) !== undefined;
  const { frozenPrecision = asPublished(published, isFrozen) } = options;
  const halves = frozenPrecision === "bfloat16";
  using undo = new DisposableStack(); // frees all tensors on failure
  const load = async (source: string | PublishedModel) =>
    undo.adopt(await loadQwen2(source, { maxLength, halves }), disposeQwen2);
  const decoder = await load(published);
  const actor = adapter === undefined
    ? trunkOf(decoder, options, random.fork("adapter"))
    : frozen({ model: decoder, adapter: await loadLora(decoder, adapter) });
  if (actor.adapter) undo.adopt(actor.adapter, disposeLora);
  const saved = adapter ?? (published.gguf ? undefined : published.path);
  const separate = saved === undefined ? undefined : `${saved}/critic`;
  const own = options.critic === "separate" && !actor.adapter &&
      separate !== undefined && await exists(`${separate}/config.json`)
    ? await load(separate)
    : undefined;
  const critic = criticOf(actor, options, {
    random: random.fork("critic"),
    copy: () => own ?? copyOf(decoder),
  });
  const parts = { actor, critic, files, base: published.path };
  // An offset of KEEP means something where tags are given.
  const given = (options.decoding ?? "free") !== "free";
  const kept = saved !== undefined && given
    ? await readPolicyFile(saved)
    : undefined;
  const policy = assemble(parts, { ...kept, ...options });
  undo.defer(policy.dispose);
  if (saved !== undefined) {
    if (critic && await exists(`${saved}/critic/adapter_config.json`)) {
      await readCriticAdapter(critic, `${saved}/critic`);
    }
    await readHeadWeights(policy, `${saved}/${HEADS}`);
  }
  undo.move();
  return policy;
}

/** Bytes of a number of the frozen matrices of a model that is to be loaded, on the active backend. */
export function frozenBytesOf(
  published: PublishedModel,
  options: { adapted: boolean; frozenPrecision?: FrozenPrecision | undefined },
): 2 | 4 {
  const { adapted, frozenPrecision = asPublished(published, adapted) } =
    options;
  return frozenPrecision === "float32" ? 4 : 2;
}

/** The precision that changes nothing and takes the least memory. */
function asPublished(
  published: PublishedModel,
  isFrozen: boolean,
): FrozenPrecision {
  return isFrozen && packedFormat() === "bfloat16" &&
      isStoredInHalves(published)
    ? "bfloat16"
    : "float32";
}

/** Throws if the tokenizer has more tokens than the model. */
function checkVocabulary(
  { path, config: { vocabSize } }: PublishedModel,
  files: TokenizerFiles,
): void {
  const { vocabSize: tokens } = createTokenizer(files);
  if (tokens <= vocabSize) return;
  throw new RangeError(
    `Cannot load "${path}" as "vocab_size" of "config.json" must be at least the ${tokens} tokens of "tokenizer.json": current value is ${vocabSize}`,
  );
}

/** Loads a saved adapter into the critic's. */
async function readCriticAdapter(
  { model, adapter }: Trunk,
  directory: string,
): Promise<void> {
  const loaded = await loadLora(model, directory);
  for (const [name, weight] of loaded.weights) {
    adapter?.weights.get(name)?.assign(weight);
  }
  disposeLora(loaded);
}

/** Loads the value heads if their file exists. */
async function readHeadWeights(
  policy: LanguagePolicy,
  file: string,
): Promise<void> {
  if (!await exists(file)) return;
  const saved = await openSafetensors(file);
  for (const name of ["value_head.weight", "value_head.bias"]) {
    const variable = policy.variables[name]!;
    const { values, shape } = await saved.read(name, variable.shape);
    tf.tidy(() => variable.assign(tf.tensor(values, [...shape], "float32")));
  }
}

/** A trunk, with an adapter if `lora` is given. */
function trunkOf(
  model: Qwen2,
  { lora }: LanguageTrainingOptions,
  random: Random,
): Trunk {
  if (!lora) return { model };
  return frozen({ model, adapter: createLora(model, lora, random) });
}

/** The same trunk with frozen decoder weights. */
function frozen(trunk: Trunk): Trunk {
  freezeWeights(trunk.model);
  return trunk;
}

/** The separate critic, if configured. */
function criticOf(
  actor: Trunk,
  { critic = "shared" }: LanguageTrainingOptions,
  options: { random: Random; copy: () => Qwen2 },
): Trunk | undefined {
  if (critic === "shared") return undefined;
  if (!actor.adapter) return { model: options.copy() };
  const { rank, alpha, targets } = actor.adapter;
  const lora = { rank, alpha, targets };
  return {
    model: actor.model,
    adapter: createLora(actor.model, lora, options.random),
  };
}

/** A copy of the decoder and its weights. */
function copyOf(model: Qwen2): Qwen2 {
  return {
    config: model.config,
    weights: new Map(
      [...model.weights].map(([name, weight]) => [
        name,
        tf.tidy(() => tf.variable(tf.add(weight, 0), true)),
      ]),
    ),
    angles: {
      cos: tf.keep(tf.clone(model.angles.cos)),
      sin: tf.keep(tf.clone(model.angles.sin)),
    },
  };
}

/** Assembles the policy with its save and dispose functions. */
function assemble(
  parts: {
    actor: Trunk;
    critic: Trunk | undefined;
    files: TokenizerFiles;
    /** Where the model lies that adapters belong to. */
    base?: string;
  },
  options: LanguageOptions & LanguageTrainingOptions,
): LanguagePolicy {
  const { files, base } = parts;
  const { valueScale = 1, frozenPrecision } = options;
  const { model } = parts.actor; // shared with the critic where weights are frozen
  const halves = frozenPrecision === undefined || frozenPrecision === "float32"
    ? {}
    : { model: packWeights(model, frozenPrecision) };
  const actor = { ...parts.actor, ...halves };
  const critic = parts.critic && { ...parts.critic, ...halves };
  const heads = createHeads(actor.model.config.hiddenSize);
  const network = { actor, critic, valueScale, ...heads };
  const saveActor = async (directory: string, kept: KeptSettings) => {
    await Deno.mkdir(directory, { recursive: true });
    await saveTrunk(actor, directory, base);
    await writeTokenizerFiles(files, directory);
    await writePolicyFile(directory, kept);
  };
  const saveHeads = async (directory: string) =>
    await writeSafetensors(`${directory}/${HEADS}`, {
      "value_head.weight": await numbersOf(heads.headWeight),
      "value_head.bias": await numbersOf(heads.headBias),
    });
  return languagePolicy({
    network,
    tokenizer: createTokenizer(files),
    async save(directory, kept) {
      await saveActor(directory, kept);
      if (critic) {
        await Deno.mkdir(`${directory}/critic`, { recursive: true });
        await saveTrunk(critic, `${directory}/critic`, base);
      }
      await saveHeads(directory);
    },
    async saveAdapter(directory, kept) {
      if (!actor.adapter) return;
      await saveActor(directory, kept);
      if (!critic) await saveHeads(directory);
    },
    dispose() {
      for (const trunk of critic ? [actor, critic] : [actor]) {
        if (trunk.adapter) disposeLora(trunk.adapter);
      }
      disposeQwen2(actor.model);
      if (critic && critic.model !== actor.model) disposeQwen2(critic.model);
      tf.dispose([heads.headWeight, heads.headBias]);
    },
  }, options);
}

/** Saves the trained weights of a trunk: its adapter, or all. */
async function saveTrunk(
  { model, adapter }: Trunk,
  directory: string,
  base: string | undefined,
): Promise<void> {
  if (!adapter) await saveQwen2(model, directory);
  else await saveLora(adapter, directory, base === undefined ? {} : { base });
}

/** The numbers of a variable. */
async function numbersOf(variable: tf.Variable) {
  const values = Float32Array.from(await variable.data<"float32">());
  return { shape: variable.shape, values };
}

/** Whether there is such a file. */
async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
