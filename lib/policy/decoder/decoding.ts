/**
 * The contract of decoders: prompts first, then tokens, with logits and states after each feed.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { BatchKvCache } from "./kv_cache.ts";
import type { LoraAdapter } from "./lora.ts";

/** Keys and values by layer. Shapes `(rows, kvHeads, room, headSize)`. */
export type Caches = Record<string, tf.Tensor>;

/** The beginning of prompts whose keys and values are kept; dispose it with its session. */
export interface PrefixCache extends Disposable {
  /**
   * Keys and values of a beginning that all prompts share; reads it if it is not there.
   *
   * @returns Caches of one row, and how many tokens of the prompts they hold; 0 where that saves nothing.
   */
  find(
    prompts: readonly Int32Array[],
    weights: readonly tf.Tensor[],
    read: (prefix: Int32Array) => Caches,
  ): { caches: Caches; length: number };
}

/** Logits and state for the next token of each sequence. */
export interface DecoderOutput {
  /** Logits of the next token. Shape `(batch · vocabulary,)`. */
  readonly logits: Float32Array;
  /** Normalized state that predicts them. Shape `(batch · width,)`. */
  readonly states: Float32Array;
}

/** Sequences being decoded; dispose it when done. */
export interface Decoder extends Disposable {
  /** Feeds one more token to each sequence. */
  next(tokens: Int32Array): Promise<DecoderOutput>;
  /**
   * Feeds any number of tokens to each sequence, none to those that have ended, whose output means nothing. With
   * `words`, logits are those tokens' alone, in their order. Absent where a backend feeds one token at a time.
   */
  feed?(
    rows: readonly Int32Array[],
    words?: readonly number[],
  ): Promise<DecoderOutput>;
}

/** Options for {@linkcode startDecoder}. */
export interface DecoderOptions {
  /** Most tokens after the prompts. */
  maxTokens: number;
  adapter?: LoraAdapter | undefined;
  /** KV caches of earlier turns; on backends with fused kernels. */
  kvCache?: BatchKvCache | undefined;
  /** Keys and values of a beginning that prompts share; on backends with fused kernels. */
  prefixes?: PrefixCache | undefined;
  /** Stops between two layers of prompts by throwing its reason. */
  signal?: AbortSignal | undefined;
  /** Tokens whose logits are wanted first, where decoders feed runs; absent means all. */
  words?: readonly number[] | undefined;
}
