/**
 * The sizes of a Qwen2 decoder, as this project names them and as `config.json` does.
 *
 * @module
 */

import { readJsonObject } from "../../text_file.ts";

/** Sizes and settings of a Qwen2 decoder. */
export interface Qwen2Config {
  /** Tokens in the vocabulary, padding of the table included. */
  readonly vocabSize: number;
  /** Numbers in the state of one token. */
  readonly hiddenSize: number;
  /** Numbers in the hidden layer of each feed-forward block. */
  readonly intermediateSize: number;
  /** Layers. */
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads; a divisor of `heads`. */
  readonly kvHeads: number;
  /** Longest sequence. */
  readonly maxLength: number;
  /** Keeps RMSNorm from dividing by zero. */
  readonly rmsEpsilon: number;
  /** Slowest rotary wavelength over 2π. */
  readonly ropeTheta: number;
  /** Whether the output table is the input table. */
  readonly tieEmbeddings: boolean;
}

/** Names in `config.json` of the sizes that must be positive integers. */
const SIZES = {
  vocabSize: "vocab_size",
  hiddenSize: "hidden_size",
  intermediateSize: "intermediate_size",
  layers: "num_hidden_layers",
  heads: "num_attention_heads",
  kvHeads: "num_key_value_heads",
  maxLength: "max_position_embeddings",
} as const;

/** Settings that this decoder does not support; each must be absent or have this value. */
const UNSUPPORTED: Readonly<Record<string, unknown>> = {
  model_type: "qwen2",
  hidden_act: "silu",
  use_sliding_window: false,
  rope_scaling: null,
};

/**
 * Reads `config.json`.
 *
 * @throws {TypeError} If a size is missing or wrong, or the model is not a Qwen2 decoder.
 */
export function parseQwen2Config(
  file: string,
  json: Readonly<Record<string, unknown>>,
): Qwen2Config {
  const refuse = (name: string, must: string) =>
    new TypeError(
      `Cannot read "${file}" as "${name}" must be ${must}: current value is ${
        JSON.stringify(json[name])
      }`,
    );
  for (const [name, value] of Object.entries(UNSUPPORTED)) {
    if (json[name] !== undefined && json[name] !== value) {
      throw refuse(name, JSON.stringify(value));
    }
  }
  const size = (key: keyof typeof SIZES): number => {
    const value = json[SIZES[key]];
    if (!Number.isSafeInteger(value) || Number(value) < 1) {
      throw refuse(SIZES[key], "a positive integer");
    }
    return Number(value);
  };
  const heads = size("heads"), kvHeads = size("kvHeads");
  const hiddenSize = size("hiddenSize");
  if (heads % kvHeads !== 0) {
    throw refuse("num_key_value_heads", `a divisor of ${heads} heads`);
  }
  if (hiddenSize % (2 * heads) !== 0) {
    throw refuse("hidden_size", `an even number for each of ${heads} heads`);
  }
  return {
    vocabSize: size("vocabSize"),
    hiddenSize,
    intermediateSize: size("intermediateSize"),
    layers: size("layers"),
    heads,
    kvHeads,
    maxLength: size("maxLength"),
    rmsEpsilon: Number(json["rms_norm_eps"] ?? 1e-6),
    ropeTheta: ropeThetaOf(json),
    tieEmbeddings: json["tie_word_embeddings"] === true,
  };
}

/**
 * Reads the sizes of a decoder from its folder.
 *
 * @throws {SyntaxError} If it is no JSON.
 * @throws {TypeError} If a size is missing or wrong, or the model is not a Qwen2 decoder.
 */
export async function readQwen2Config(directory: string): Promise<Qwen2Config> {
  const file = `${directory}/config.json`;
  return parseQwen2Config(file, await readJsonObject(file));
}

/** The rotary base, which newer files keep in a group of its own. */
function ropeThetaOf(json: Readonly<Record<string, unknown>>): number {
  const group = json["rope_parameters"] as Record<string, unknown> | undefined;
  return Number(json["rope_theta"] ?? group?.["rope_theta"] ?? 10000);
}

/** Writes the contents of `config.json`. */
export function formatQwen2Config(
  config: Qwen2Config,
): Record<string, unknown> {
  return {
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    hidden_act: "silu",
    ...Object.fromEntries(
      Object.entries(SIZES).map(([key, name]) => [
        name,
        config[key as keyof typeof SIZES],
      ]),
    ),
    rms_norm_eps: config.rmsEpsilon,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieEmbeddings,
    torch_dtype: "float32",
    use_sliding_window: false,
  };
}

/**
 * Lists the weights of a decoder. Shape of each weight by its name in checkpoints, in the order of
 * the layers.
 */
export function qwen2Shapes(
  config: Qwen2Config,
): Record<string, readonly number[]> {
  const { vocabSize, hiddenSize, intermediateSize, heads, kvHeads } = config;
  const keys = hiddenSize / heads * kvHeads;
  const shapes: Record<string, readonly number[]> = {
    "model.embed_tokens.weight": [vocabSize, hiddenSize],
  };
  for (let i = 0; i < config.layers; i++) {
    const layer = `model.layers.${i}.`;
    const attention = `${layer}self_attn.`;
    shapes[`${layer}input_layernorm.weight`] = [hiddenSize];
    for (
      const [name, outputs] of [["q", hiddenSize], ["k", keys], [
        "v",
        keys,
      ]] as const
    ) {
      shapes[`${attention}${name}_proj.weight`] = [outputs, hiddenSize];
      shapes[`${attention}${name}_proj.bias`] = [outputs];
    }
    shapes[`${attention}o_proj.weight`] = [hiddenSize, hiddenSize];
    shapes[`${layer}post_attention_layernorm.weight`] = [hiddenSize];
    shapes[`${layer}mlp.gate_proj.weight`] = [intermediateSize, hiddenSize];
    shapes[`${layer}mlp.up_proj.weight`] = [intermediateSize, hiddenSize];
    shapes[`${layer}mlp.down_proj.weight`] = [hiddenSize, intermediateSize];
  }
  shapes["model.norm.weight"] = [hiddenSize];
  if (!config.tieEmbeddings) shapes["lm_head.weight"] = [vocabSize, hiddenSize];
  return shapes;
}

/** What all published models share. */
const SHARED = {
  maxLength: 32768,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e6,
} as const;

/**
 * Sizes of the Qwen2.5 models, as their `config.json` states them.
 *
 * @see {@link https://huggingface.co/collections/Qwen/qwen25 | the models}
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { QWEN2_SIZES } from "@hiper/lab/language";
 *
 * strictEqual(QWEN2_SIZES["0.5B"].layers, 24);
 * ```
 */
export const QWEN2_SIZES = {
  "0.5B": {
    ...SHARED,
    vocabSize: 151936,
    hiddenSize: 896,
    intermediateSize: 4864,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    tieEmbeddings: true,
  },
  "1.5B": {
    ...SHARED,
    vocabSize: 151936,
    hiddenSize: 1536,
    intermediateSize: 8960,
    layers: 28,
    heads: 12,
    kvHeads: 2,
    tieEmbeddings: true,
  },
  "3B": {
    ...SHARED,
    vocabSize: 151936,
    hiddenSize: 2048,
    intermediateSize: 11008,
    layers: 36,
    heads: 16,
    kvHeads: 2,
    tieEmbeddings: true,
  },
  "7B": {
    ...SHARED,
    vocabSize: 152064,
    hiddenSize: 3584,
    intermediateSize: 18944,
    layers: 28,
    heads: 28,
    kvHeads: 4,
    tieEmbeddings: false,
  },
  "14B": {
    ...SHARED,
    vocabSize: 152064,
    hiddenSize: 5120,
    intermediateSize: 13824,
    layers: 48,
    heads: 40,
    kvHeads: 8,
    tieEmbeddings: false,
  },
  "32B": {
    ...SHARED,
    vocabSize: 152064,
    hiddenSize: 5120,
    intermediateSize: 27648,
    layers: 64,
    heads: 40,
    kvHeads: 8,
    tieEmbeddings: false,
  },
} as const satisfies Record<string, Qwen2Config>;
