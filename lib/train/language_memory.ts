/**
 * How much memory a language policy takes while writing and while learning: a formula, term by term.
 *
 * It follows what the code really holds with the fused kernels, at the moment of its peak.
 * `tests/train/language_memory_test.ts` and `tests/bench/language_memory.ts` compare it with
 * the heap.
 *
 * @module
 */

import { LOGITS_AT_ONCE } from "../policy/backends/wasm/fused.ts";
import { KEPT_BATCHES, KEPT_BYTES } from "../policy/decoder/kv_cache.ts";
import { fillSettings } from "../policy/language/replies.ts";
import { READ_AT_ONCE } from "../policy/language/value_heads.ts";
import { LORA_TARGETS, type LoraTarget } from "../policy/decoder/lora.ts";
import {
  headSizes,
  type Qwen2Config,
  qwen2Shapes,
} from "../policy/decoder/config.ts";

/** How a language policy is trained and asked. */
export interface LanguageMemoryOptions {
  /** Sequences read in one gradient step: a reply each, or all turns of a transcript. */
  readonly batch: number;
  /** Tokens of prompt and reply together. */
  readonly length: number;
  /** Tokens of the reply among them. @default {as many as `length`} */
  readonly replyLength?: number;
  /** Tokens whose intermediate numbers are held at once. @default {8192} */
  readonly microbatchTokens?: number;
  /** Whether layers are computed again for their gradients. @default {false} */
  readonly recompute?: boolean;
  /** Adapters beside frozen weights; absent means that all weights are trained. */
  readonly lora?: {
    /** Rows of A and columns of B. */
    readonly rank: number;
    /** Which projections are changed. @default {all seven} */
    readonly targets?: readonly LoraTarget[];
  };
  /** What the value heads read. @default {"shared"} */
  readonly critic?: "shared" | "separate";
  /** Bytes of one frozen number. @default {4} */
  readonly frozenBytes?: 2 | 4;
  /** Replies written at once. @default {64} */
  readonly batchSize?: number;
  /** Whether keys and values are kept from turn to turn. @default {false} */
  readonly reuseKvCache?: boolean;
}

/** Bytes at the moment when most are taken. */
export interface MemoryPeak {
  /** What is being done then. */
  readonly moment: string;
  /** Bytes where tensors live, by what they are for. */
  readonly terms: Readonly<Record<string, number>>;
  /** Sum of the terms. */
  readonly bytes: number;
}

/** What {@linkcode languageMemory} says. */
export interface LanguageMemory {
  /** Numbers that are trained. */
  readonly trained: number;
  /** Numbers that are frozen. */
  readonly frozen: number;
  /** Where tensors live, while replies are written. */
  readonly writing: MemoryPeak;
  /** Where tensors live, in a gradient step. */
  readonly learning: MemoryPeak;
  /** Bytes of the learner's own columns beside the tensors: weights, gradient and moments, before and after a step. */
  readonly learnerBytes: number;
}

/** Bytes of a 32-bit number. */
const BYTES = 4;

/** Columns of the learner, in multiples of the trained weights: weights 2, gradient 2, moments 4. */
const LEARNER_COLUMNS = 8;

/**
 * Says what a language policy takes.
 *
 * With `W` the width, `I` the inner width, `Q` that of queries, keys and values together, `L` the
 * layers, `T` the tokens of a chunk, `U` those of its replies, `V` the vocabulary and `n` the
 * trained weights, all of 4 bytes:
 *
 * - standing: weights, rotary angles, `n` for the reference, which is the weights as they were at
 *   first, adapters alone where there are adapters, and the KV caches of eight batches if they
 *   are kept (each may grow to twice its size as an episode goes on);
 * - writing: keys and values of `2·L·K` numbers for each position reserved, and what one layer
 *   holds while prompts are read, `8W + 2Q + 3I` a token, or the logits of one token each;
 * - learning: what is kept for gradients, `5W + Q + 3I` a token and layer (`W` if layers are
 *   computed again), the gradients of that, `10W + 2Q + 3I` (`W`), `n` for those of weights, two more tables where input and output share one, and a piece of the logits;
 *   adapters keep two numbers of their rank for each projection, with gradients, and add the
 *   projection's input once more.
 *
 * Replies are taken to be decoded freely; forms of replies read the table of words again.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { languageMemory, QWEN2_SIZES } from "@hiper/lab/language";
 *
 * const { learning, writing } = languageMemory(
 *   { ...QWEN2_SIZES["0.5B"], maxLength: 512 },
 *   { batch: 4, length: 512, replyLength: 64, batchSize: 4, recompute: true, lora: { rank: 8 } },
 * );
 * ok(learning.bytes < 3 * 2 ** 30 && writing.bytes < learning.bytes);
 * ```
 *
 * @param config Sizes of the decoder.
 * @returns Bytes by what they are for.
 */
export function languageMemory(
  config: Qwen2Config,
  options: LanguageMemoryOptions,
): LanguageMemory {
  const counts = countWeights(config, options);
  const { trained, frozen } = counts;
  const standing = standingTerms(config, counts, options);
  const peaks = (moments: Moments) => highest(standing, moments);
  return {
    trained,
    frozen,
    writing: peaks(writingMoments(config, options)),
    learning: peaks(learningMoments(config, trained, options)),
    learnerBytes: LEARNER_COLUMNS * BYTES * trained,
  };
}

/** Terms by moment. */
type Moments = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Sum of terms. */
function sumOf(terms: Readonly<Record<string, number>>): number {
  return Object.values(terms).reduce((sum, bytes) => sum + bytes, 0);
}

/** The moment with the largest sum, what stands always included. */
function highest(
  standing: Readonly<Record<string, number>>,
  moments: Moments,
): MemoryPeak {
  const [moment, terms] = Object.entries(moments)
    .reduce((best, next) => sumOf(next[1]) > sumOf(best[1]) ? next : best);
  const all = { ...standing, ...terms };
  return { moment, terms: all, bytes: sumOf(all) };
}

/** Numbers of a decoder. */
function decoderSize(config: Qwen2Config): number {
  return Object.values(qwen2Shapes(config)).reduce(
    (sum, shape) => sum + shape.reduce((product, n) => product * n, 1),
    0,
  );
}

/** Trained and frozen numbers. */
function countWeights(
  config: Qwen2Config,
  { lora, critic = "shared" }: LanguageMemoryOptions,
): { trained: number; frozen: number } {
  const heads = 3 * config.hiddenSize + 3;
  const trunks = critic === "separate" ? 2 : 1;
  const decoder = decoderSize(config);
  if (!lora) return { trained: trunks * decoder + heads, frozen: 0 };
  const { rank, targets = LORA_TARGETS } = lora;
  const each = projections(config)
    .filter(({ target }) => targets.includes(target))
    .reduce((sum, { inputs, outputs }) => sum + rank * (inputs + outputs), 0);
  return { trained: trunks * config.layers * each + heads, frozen: decoder };
}

/** Numbers in keys, or in values, of one token. */
function keyWidth(config: Qwen2Config): number {
  const { kvHeads, size } = headSizes(config);
  return kvHeads * size;
}

/** Numbers in the queries of one token. */
function queryWidth(config: Qwen2Config): number {
  const { heads, size } = headSizes(config);
  return heads * size;
}

/** Projections of one layer. */
function projections(
  config: Qwen2Config,
): { target: LoraTarget; inputs: number; outputs: number }[] {
  const { hiddenSize, intermediateSize } = config;
  const queries = queryWidth(config), keys = keyWidth(config);
  return [
    { target: "q_proj", inputs: hiddenSize, outputs: queries },
    { target: "k_proj", inputs: hiddenSize, outputs: keys },
    { target: "v_proj", inputs: hiddenSize, outputs: keys },
    { target: "o_proj", inputs: queries, outputs: hiddenSize },
    { target: "gate_proj", inputs: hiddenSize, outputs: intermediateSize },
    { target: "up_proj", inputs: hiddenSize, outputs: intermediateSize },
    { target: "down_proj", inputs: intermediateSize, outputs: hiddenSize },
  ];
}

/** What is there all the time. */
function standingTerms(
  config: Qwen2Config,
  { trained, frozen }: { trained: number; frozen: number },
  options: LanguageMemoryOptions,
): Record<string, number> {
  const { frozenBytes = BYTES, critic = "shared", lora } = options;
  const tables = critic === "separate" && !lora ? 2 : 1;
  const { reuseKvCache } = fillSettings(options);
  return {
    frozen: frozenBytes * frozen,
    trained: BYTES * trained,
    angles: BYTES * tables * config.maxLength * headSizes(config).size,
    reference: BYTES * trained,
    kept: reuseKvCache ? keptBytes(cacheBytes(config, options)) : 0,
  };
}

/** Most that is remembered of what was read, by the size of one batch. */
function keptBytes(batch: number): number {
  return batch + Math.min((KEPT_BATCHES - 1) * batch, KEPT_BYTES);
}

/** Keys and values of one batch of prompts and replies. */
function cacheBytes(
  config: Qwen2Config,
  options: LanguageMemoryOptions,
): number {
  const { length, replyLength = length } = options;
  const positions = Math.max(1, length - replyLength) + replyLength;
  const rows = fillSettings(options).batchSize * positions;
  return BYTES * rows * config.layers * 2 * keyWidth(config);
}

/** Reading prompts, writing token after token, and asking a critic of its own, if there is one. */
function writingMoments(
  config: Qwen2Config,
  options: LanguageMemoryOptions,
): Moments {
  const { length, replyLength = length } = options;
  const { batchSize } = fillSettings(options);
  const { hiddenSize, intermediateSize, vocabSize } = config;
  const prompt = Math.max(1, length - replyLength);
  const cache = cacheBytes(config, options);
  const qkv = queryWidth(config) + 2 * keyWidth(config);
  const token = BYTES * (8 * hiddenSize + 2 * qkv + 3 * intermediateSize);
  const read = options.critic === "separate"
    ? Math.min(batchSize * length, Math.max(length, READ_AT_ONCE))
    : 0;
  return {
    "reading prompts": { cache, layer: batchSize * prompt * token },
    "writing tokens": {
      cache,
      logits: BYTES * batchSize *
        (vocabSize + 6 * hiddenSize + 2 * intermediateSize),
    },
    "asking the critic": { layer: read * token },
  };
}

/** Scoring tokens, the end of the layers' gradients, and handing gradients over. */
function learningMoments(
  config: Qwen2Config,
  trained: number,
  options: LanguageMemoryOptions,
): Moments {
  const { batch, length, replyLength = length, lora } = options;
  const { critic = "shared" } = options,
    { microbatchTokens } = fillSettings(options);
  const { hiddenSize, vocabSize, tieEmbeddings } = config;
  const together = Math.min(
    batch,
    Math.max(1, Math.floor(microbatchTokens / length)),
  );
  const tokens = BYTES * together * length;
  const states = BYTES * together * replyLength * hiddenSize;
  const trunks = critic === "separate" ? 2 : 1;
  const { kept, gradients, again } = layerNumbers(config, options);
  const rows = Math.min(
    together * replyLength,
    Math.max(1, Math.floor(LOGITS_AT_ONCE / vocabSize)),
  );
  const activations = trunks * tokens * (kept + 2 * hiddenSize) + states;
  const table = BYTES * vocabSize * hiddenSize;
  return {
    "scoring tokens": {
      activations,
      activationGradients: states,
      logits: BYTES * rows * vocabSize,
      gradients: lora ? 0 : table,
    },
    "differentiating layers": {
      activations,
      activationGradients: trunks * tokens * (gradients + 3 * hiddenSize) +
        states,
      recomputed: tokens * again,
      gradients: BYTES * trained +
        (lora || !tieEmbeddings ? 0 : 2 * table),
    },
    "handing gradients over": { gradients: 2 * BYTES * trained },
  };
}

/** Numbers a token needs in all layers: kept, their gradients, and what one layer computed again needs. */
function layerNumbers(
  config: Qwen2Config,
  options: LanguageMemoryOptions,
): { kept: number; gradients: number; again: number } {
  const { lora } = options, { recompute } = fillSettings(options);
  const { hiddenSize, intermediateSize, layers } = config;
  const qkv = queryWidth(config) + 2 * keyWidth(config);
  const { rank = 0, targets = LORA_TARGETS } = lora ?? {};
  const adapted = lora
    ? projections(config).filter(({ target }) => targets.includes(target))
    : [];
  const low = 2 * rank * adapted.length;
  const inputs = adapted.reduce((sum, { inputs }) => sum + inputs, 0);
  const kept = 5 * hiddenSize + qkv + 3 * intermediateSize + low;
  const gradients = 10 * hiddenSize + 2 * qkv + 3 * intermediateSize + low +
    inputs;
  if (!recompute) {
    return { kept: layers * kept, gradients: layers * gradients, again: 0 };
  }
  const one = layers * hiddenSize;
  return { kept: one, gradients: one, again: kept + gradients - hiddenSize };
}
