/**
 * The kinds, sizes and weights of a decoder, as this project names them.
 *
 * @module
 */

/**
 * Kinds of decoder, by their `model_type`. All have RMSNorm, rotary positions, grouped key and value
 * heads and a gated feed-forward block; `qwen2` has biases on queries, keys and values, `qwen3`
 * normalizes queries and keys head by head, `llama` has neither.
 */
export const ARCHITECTURES = [
  "qwen2",
  "qwen3",
  "llama",
] as const satisfies readonly Architecture[];

/** Name of one of the {@linkcode ARCHITECTURES}. */
export type Architecture = "qwen2" | "qwen3" | "llama";

/** How rotary rates differ from `base^(−2j / size)`. */
export type RopeScaling =
  | {
    /** All rates are divided by a factor. */
    readonly kind: "linear";
    readonly factor: number;
  }
  | {
    /** Slow rates are divided by a factor, fast ones are kept, those between are interpolated. */
    readonly kind: "llama3";
    readonly factor: number;
    /** Wavelengths above `originalLength / lowFactor` are slow. */
    readonly lowFactor: number;
    /** Wavelengths below `originalLength / highFactor` are fast. */
    readonly highFactor: number;
    /** Longest sequence of the first training. */
    readonly originalLength: number;
  }
  | {
    /** Each rate is divided by a factor of its own. */
    readonly kind: "factors";
    /** Shape `(headSize / 2,)`. */
    readonly factors: readonly number[];
  };

/** Kind, sizes and settings of a decoder. */
export interface Qwen2Config {
  /** Kind of decoder. @default {"qwen2"} */
  readonly architecture?: Architecture;
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
  /** Numbers of a head; even. @default {hiddenSize / heads} */
  readonly headSize?: number;
  /** Longest sequence. */
  readonly maxLength: number;
  /** Keeps RMSNorm from dividing by zero. */
  readonly rmsEpsilon: number;
  /** Slowest rotary wavelength over 2π. */
  readonly ropeTheta: number;
  /** Scaled rotary rates; absent leaves them as they are. */
  readonly ropeScaling?: RopeScaling;
  /** Whether the output table is the input table. */
  readonly tieEmbeddings: boolean;
}

/** Heads, key and value heads, and numbers of each. */
export function headSizes(
  config: Qwen2Config,
): { heads: number; kvHeads: number; size: number } {
  const { heads, kvHeads, hiddenSize, headSize = hiddenSize / heads } = config;
  return { heads, kvHeads, size: headSize };
}

/**
 * Lists the weights of a decoder. Shape of each weight by its name in checkpoints, in the order of
 * the layers.
 */
export function qwen2Shapes(
  config: Qwen2Config,
): Record<string, readonly number[]> {
  const { vocabSize, hiddenSize, intermediateSize } = config;
  const { architecture = "qwen2" } = config;
  const { heads, kvHeads, size } = headSizes(config);
  const queries = heads * size, keys = kvHeads * size;
  const shapes: Record<string, readonly number[]> = {
    "model.embed_tokens.weight": [vocabSize, hiddenSize],
  };
  for (let i = 0; i < config.layers; i++) {
    const layer = `model.layers.${i}.`;
    const attention = `${layer}self_attn.`;
    shapes[`${layer}input_layernorm.weight`] = [hiddenSize];
    for (
      const [name, outputs] of [
        ["q", queries],
        ["k", keys],
        ["v", keys],
      ] as const
    ) {
      shapes[`${attention}${name}_proj.weight`] = [outputs, hiddenSize];
      if (architecture === "qwen2") {
        shapes[`${attention}${name}_proj.bias`] = [outputs];
      }
    }
    if (architecture === "qwen3") {
      shapes[`${attention}q_norm.weight`] = [size];
      shapes[`${attention}k_norm.weight`] = [size];
    }
    shapes[`${attention}o_proj.weight`] = [hiddenSize, queries];
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
