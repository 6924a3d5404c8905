/**
 * The decoder of Qwen2, Qwen3 and Llama: its weights in memory and on disk, and its forward pass.
 *
 * @module
 * @see {@link https://arxiv.org/abs/2407.10671 | Qwen2 technical report}, section 2.2
 * @see {@link https://arxiv.org/abs/2505.09388 | Qwen3 technical report}, section 2
 * @see {@link https://arxiv.org/abs/2407.21783 | The Llama 3 herd of models}, section 3.2
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { throwIfStopped } from "../../pause.ts";
import type { Random } from "../../random.ts";
import { add, checkpoint, concatColumns } from "./checkpointing.ts";
import { type TensorSource, writeSafetensors } from "./safetensors.ts";
import { encodeValues, type FloatFormat } from "./number_formats.ts";
import {
  addLowRank,
  linear,
  lookUp,
  rmsNorm,
  type RotaryAngles,
  rotaryAttention,
  swiGlu,
} from "./layers.ts";
import { headSizes, type Qwen2Config, qwen2Shapes } from "./config.ts";
import { formatDecoderConfig } from "./config_file.ts";
import {
  checkAllTaken,
  openPublished,
  type PublishedModel,
} from "./published.ts";
import { packedVariable } from "./packed.ts";
import { rotaryAngles } from "./rotary.ts";

/** Deviation of initial matrices, times the root of their inputs. */
const INITIAL_SPREAD = 0.5;

/** A decoder whose weights may be any tensors. */
export interface Qwen2Tensors {
  readonly config: Qwen2Config;
  /** Its weights by their names in checkpoints. */
  readonly weights: ReadonlyMap<string, tf.Tensor>;
  /** Rotary angles for the longest sequence. */
  readonly angles: RotaryAngles;
}

/** A decoder in memory. */
export interface Qwen2 extends Qwen2Tensors {
  /** Its weights by their names in checkpoints. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  /** Contents of `config.json` as it was read, for saving; absent in a new decoder. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Low-rank changes whose weights may be any tensors. */
export interface LoraTensors {
  /** Factor of the change, `alpha / rank`. */
  readonly scale: number;
  /** Names of the projections changed: `model.layers.0.self_attn.q_proj`. */
  readonly modules: ReadonlySet<string>;
  /** A and B of each, by their names in PEFT's checkpoints. */
  readonly weights: ReadonlyMap<string, tf.Tensor>;
}

/** Token ids of some sequences, padded at their ends to one length. */
export interface TokenBatch {
  /** Ids, sequence after sequence. Shape `(batch · length,)`. */
  readonly ids: Int32Array;
  readonly batch: number;
  readonly length: number;
}

/** Options of a forward pass. */
export interface ForwardOptions {
  adapter?: LoraTensors | undefined;
  /** Whether gradients recompute layers (gradient checkpointing). @default {false} */
  recompute?: boolean;
  /** Stops between two layers by throwing its reason, in gradients too. */
  signal?: AbortSignal | undefined;
}

/** Finds a weight by its name. */
export type WeightFinder = (name: string) => tf.Tensor;

/** Finds a weight among a decoder's and its adapter's. */
export function weightFinder(
  model: Qwen2Tensors,
  adapter?: LoraTensors,
): WeightFinder {
  return (name) => (model.weights.get(name) ?? adapter?.weights.get(name))!;
}

/** Initializes a decoder: matrices normal with deviation `0.5 / √inputs` (0.018
 * at a width of 768), gains 1, biases 0. */
export function createQwen2(config: Qwen2Config, random: Random): Qwen2 {
  const weights = new Map<string, tf.Variable>();
  for (const [name, shape] of Object.entries(qwen2Shapes(config))) {
    const values = new Float32Array(tf.util.sizeFromShape([...shape]));
    if (shape.length === 2) {
      const stream = random.fork(name);
      const deviation = INITIAL_SPREAD / Math.sqrt(shape[1]!);
      for (let i = 0; i < values.length; i++) {
        values[i] = deviation * stream.normal();
      }
    } else if (name.endsWith("norm.weight")) values.fill(1);
    weights.set(name, variableOf(values, shape));
  }
  return { config, weights, angles: anglesOf(config) };
}

/**
 * Reads a decoder from a folder with `config.json` and its weights as safetensors, or from a GGUF file.
 * Returns the decoder; {@linkcode disposeQwen2} frees it.
 *
 * @param source An open model, or what {@linkcode openPublished} takes.
 * @param options `maxLength`: longest sequence to prepare for; `halves`: whether matrices are kept as
 * bfloat16, frozen, on a backend that computes with it.
 * @throws {TypeError} If a weight is missing, has another shape than the model's settings say, is stored
 * as integers, or is not part of the decoder; the message names the file, the weight and the shape
 * expected. No tensor is left behind.
 */
export async function loadQwen2(
  source: string | PublishedModel,
  options: { maxLength?: number; halves?: boolean } = {},
): Promise<Qwen2> {
  const published = typeof source === "string"
    ? await openPublished(source)
    : source;
  const { config: stored, tensors, settings } = published;
  const maxLength = Math.min(stored.maxLength, options.maxLength ?? Infinity);
  const config = { ...stored, maxLength };
  const weights = new Map<string, tf.Variable>();
  try {
    for (const [name, shape] of Object.entries(qwen2Shapes(config))) {
      weights.set(
        name,
        options.halves && shape.length === 2
          ? await readPacked(tensors, name, shape as [number, number])
          : variableOf(await readReal(tensors, name, shape), shape),
      );
    }
    await checkAllTaken(published, new Set(weights.keys()));
  } catch (error) {
    tf.dispose([...weights.values()]);
    throw error;
  }
  return {
    config,
    weights,
    angles: anglesOf(config),
    ...(settings && { settings }),
  };
}

/**
 * Writes a decoder to a folder that other libraries read too.
 *
 * @param options `format`: how numbers are stored. @default {"F32"}
 */
export async function saveQwen2(
  model: Qwen2,
  directory: string,
  options: { format?: FloatFormat } = {},
): Promise<void> {
  const { format = "F32" } = options;
  const tensors: Record<
    string,
    { shape: number[]; values: Float32Array<ArrayBuffer> }
  > = {};
  for (const [name, weight] of model.weights) {
    const values = Float32Array.from(await weight.data());
    tensors[name] = { shape: weight.shape, values };
  }
  await writeSafetensors(`${directory}/model.safetensors`, tensors, {
    format,
    metadata: { format: "pt" },
  });
  await Deno.writeTextFile(
    `${directory}/config.json`,
    JSON.stringify(settingsOf(model, format), undefined, 2) + "\n",
  );
}

/** Names of the stored format in `config.json`. */
const DTYPES: Readonly<Record<FloatFormat, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** `config.json` as it was read, except for the format of the weights. */
function settingsOf(
  { config, settings }: Qwen2,
  format: FloatFormat,
): Record<string, unknown> {
  const { dtype, ...others } = settings ?? formatDecoderConfig(config);
  return {
    ...others,
    [dtype === undefined ? "torch_dtype" : "dtype"]: DTYPES[format],
  };
}

/** Frees a decoder. */
export function disposeQwen2(model: Qwen2): void {
  tf.dispose([...model.weights.values(), model.angles.cos, model.angles.sin]);
}

/**
 * Runs the layers over whole sequences. Returns state of each token after the last normalization.
 * Shape `(batch · length, width)`; the caller disposes it.
 *
 * @throws {RangeError} If the sequences are longer than the decoder was prepared for.
 */
export function qwen2States(
  model: Qwen2Tensors,
  tokens: TokenBatch,
  options: ForwardOptions = {},
): tf.Tensor2D {
  const { config, weights } = model;
  const { batch, length } = tokens;
  if (length > config.maxLength) {
    throw new RangeError(
      `Cannot run the decoder as sequences must have at most ${config.maxLength} tokens: current value is ${length}`,
    );
  }
  return tf.tidy(() => {
    let x: tf.Tensor = lookUp(
      weights.get("model.embed_tokens.weight")!,
      tf.tensor1d(tokens.ids, "int32"),
    ); // (batch · length, width)
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = runLayer(model, i, { x, batch, length, ...options });
      before.dispose(); // gradients retain their own references
    }
    const gain = weights.get("model.norm.weight")!;
    return rmsNorm(x, gain, config.rmsEpsilon) as tf.Tensor2D;
  });
}

/** One layer, checkpointed if `recompute`. */
function runLayer(
  model: Qwen2Tensors,
  index: number,
  options: ForwardOptions & { x: tf.Tensor; batch: number; length: number },
): tf.Tensor {
  const { x, batch, length, adapter, recompute = false, signal } = options;
  const prefix = `model.layers.${index}.`;
  const all = new Map<string, tf.Tensor>();
  for (const source of [model.weights, adapter?.weights ?? []]) {
    for (const [name, weight] of source) {
      if (name.includes(prefix)) all.set(name, weight);
    }
  }
  const compute = (x: tf.Tensor, weights: WeightFinder) => {
    throwIfStopped(signal);
    return layer(x, {
      weights,
      prefix,
      model,
      adapter,
      attend: (qkv) =>
        rotaryAttention(qkv, model.angles, {
          batch,
          length,
          ...headSizes(model.config),
        }),
    });
  };
  if (!recompute) return compute(x, (name) => all.get(name)!);
  const trained = [...all].filter(([, weight]) =>
    !(weight instanceof tf.Variable) || weight.trainable
  );
  return checkpoint(([x, ...tensors]) => {
    const replaced = new Map(all);
    trained.forEach(([name], i) => replaced.set(name, tensors[i]!));
    return compute(x!, (name) => replaced.get(name)!);
  }, [x, ...trained.map(([, weight]) => weight)]);
}

/** Context of one layer. */
export interface LayerContext {
  readonly weights: WeightFinder;
  /** Prefix of the names of this layer's weights. */
  readonly prefix: string;
  readonly model: Qwen2Tensors;
  readonly adapter: LoraTensors | undefined;
  /** Attention over rows of queries, keys and values. */
  readonly attend: (qkv: tf.Tensor) => tf.Tensor;
}

/** One layer: attention and a gated feed-forward block, each with a residual connection. */
export function layer(input: tf.Tensor, parts: LayerContext): tf.Tensor {
  const { weights, prefix, model, attend } = parts;
  const { rmsEpsilon } = model.config;
  const project = (name: string, x: tf.Tensor) =>
    projectRows(`${prefix}${name}`, x, parts);
  return tf.tidy(() => {
    const gain = weights(`${prefix}input_layernorm.weight`);
    const normed = rmsNorm(input, gain, rmsEpsilon);
    const qkv = concatColumns(
      ["q", "k", "v"].map((name) => {
        const columns = project(`self_attn.${name}_proj`, normed);
        return normHeads(`${prefix}self_attn.${name}_norm`, columns, parts);
      }),
    ); // (rows, (heads + 2 · kvHeads) · size)
    const x = add(input, project("self_attn.o_proj", attend(qkv)));
    const after = weights(`${prefix}post_attention_layernorm.weight`);
    const normedAfter = rmsNorm(x, after, rmsEpsilon);
    const inner = swiGlu(
      project("mlp.gate_proj", normedAfter),
      project("mlp.up_proj", normedAfter),
    ); // (rows, intermediateSize)
    return add(x, project("mlp.down_proj", inner));
  });
}

/** Normalizes each head, where the model does. `x` has shape `(rows, heads · size)`. */
function normHeads(
  name: string,
  x: tf.Tensor2D,
  { weights, model }: LayerContext,
): tf.Tensor2D {
  if (!model.weights.has(`${name}.weight`)) return x;
  const gain = weights(`${name}.weight`);
  const heads = tf.reshape(x, [-1, gain.size]); // (rows · heads, size)
  const normed = rmsNorm(heads, gain, model.config.rmsEpsilon);
  return tf.reshape(normed, x.shape);
}

/** A projection with its low-rank change, if it has one: `x·Wᵀ + b + (scale · x·Aᵀ)·Bᵀ`. */
function projectRows(
  name: string,
  x: tf.Tensor,
  { weights, model, adapter }: LayerContext,
): tf.Tensor2D {
  const bias = model.weights.has(`${name}.bias`)
    ? weights(`${name}.bias`)
    : undefined;
  return tf.tidy(() => {
    const base = linear(x, weights(`${name}.weight`), bias);
    if (!adapter?.modules.has(name)) return base as tf.Tensor2D;
    const down = weights(`base_model.model.${name}.lora_A.weight`);
    const up = weights(`base_model.model.${name}.lora_B.weight`);
    const low = linear(x, down); // (rows, rank)
    return addLowRank(base, { low, up, scale: adapter.scale }) as tf.Tensor2D;
  });
}

/** The table that turns states into logits. Shape `(vocabulary, width)`. */
export function outputTable(model: Qwen2Tensors): tf.Tensor {
  const name = model.config.tieEmbeddings
    ? "model.embed_tokens.weight"
    : "lm_head.weight";
  return model.weights.get(name)!;
}

/** Angles of a decoder, outside of any tensor scope. */
function anglesOf(config: Qwen2Config): RotaryAngles {
  const { cos, sin } = rotaryAngles(config.maxLength, {
    size: headSizes(config).size,
    base: config.ropeTheta,
    ...(config.ropeScaling && { scaling: config.ropeScaling }),
  });
  return { cos: tf.keep(cos), sin: tf.keep(sin) };
}

/** Whether all matrices of a model are stored as bfloat16. */
export function isStoredInHalves({ config, tensors }: PublishedModel): boolean {
  return Object.entries(qwen2Shapes(config)).every(([name, shape]) =>
    shape.length === 1 || tensors.tensors.get(name)?.format === "BF16"
  ) && tensors.readHalves !== undefined;
}

/** Reads a matrix into halves, rounded unless it is stored so. */
async function readPacked(
  tensors: TensorSource,
  name: string,
  shape: readonly [number, number],
): Promise<tf.Variable> {
  const isStored = tensors.tensors.get(name)?.format === "BF16";
  const bytes = isStored && tensors.readHalves
    ? await tensors.readHalves(name, shape)
    : encodeValues(await readReal(tensors, name, shape), "BF16").bytes;
  return packedVariable(name, { shape, bytes });
}

/** Reads a tensor of real numbers. */
async function readReal(
  tensors: TensorSource,
  name: string,
  shape: readonly number[],
): Promise<Float32Array<ArrayBuffer>> {
  const { values } = await tensors.read(name, shape);
  if (values instanceof Float32Array) return values;
  const { file, format } = tensors.tensors.get(name)!;
  throw new TypeError(
    `Cannot read "${file}" as tensor "${name}" must hold real numbers: current value is ${format}, as in quantized checkpoints`,
  );
}

/** A trainable weight. */
export function variableOf(
  values: Float32Array | Int32Array,
  shape: readonly number[],
): tf.Variable {
  return tf.tidy(() =>
    tf.variable(tf.tensor(values, [...shape], "float32"), true)
  );
}
