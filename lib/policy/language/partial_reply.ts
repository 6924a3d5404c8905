/**
 * A reply while it is written: its tokens so far, and whether it has ended.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { BatchKvCache } from "../decoder/kv_cache.ts";
import type { LoraAdapter } from "../decoder/lora.ts";
import type { ReplyGrammar } from "./grammar.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** Options of `generateReplies()`. */
export interface GenerationOptions {
  /** Reads pieces and knows the end tokens. */
  readonly tokenizer: TextTokenizer;
  /** One stream for each prompt, so that a reply does not depend on its neighbors. */
  readonly randoms: readonly Random[];
  readonly adapter?: LoraAdapter | undefined;
  /** Caches of the turns before, and for the next. */
  readonly kvCache?: BatchKvCache | undefined;
  /** Longest reply, in tokens. @default {256} */
  readonly maxTokens?: number;
  /** Flattens above 1, sharpens below; 0 takes the likeliest. @default {1} */
  readonly temperature?: number;
  /** Share of probability kept, the likeliest tokens first. @default {1} */
  readonly topP?: number;
  /** Texts after which a reply ends. @default {[]} */
  readonly stop?: readonly string[];
  /** What may come next, for each prompt; absent means anything. */
  readonly grammars?: readonly ReplyGrammar[];
  /**
   * Tokens of free replies that are sampled on a GPU before they are read back. More mean
   * fewer readbacks and more tokens sampled in vain after a stop.
   *
   * @default {16}
   */
  readonly tokensPerReadback?: number;
  /** Stops between two tokens, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Tokens of free replies that are sampled on a GPU before they are read back. */
export const TOKENS_PER_READBACK = 16;

/** The same with what generation needs in any case. */
export type FilledGenerationOptions =
  & GenerationOptions
  & Required<
    Pick<
      GenerationOptions,
      "maxTokens" | "temperature" | "stop" | "tokensPerReadback"
    >
  >;

/** A reply as it was written. */
export interface GeneratedReply {
  /** Token ids, the stop included. Shape `(tokens,)`. */
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly pieces: readonly string[];
  /** Log-probability of each token when it was sampled; 0 where it was forced. Shape `(tokens,)`. */
  readonly logProbs: Float32Array<ArrayBuffer>;
  /** 1 where a token was sampled, 0 where it was forced. Shape `(tokens,)`. */
  readonly sampled: Uint8Array<ArrayBuffer>;
  /** State of the model before each token. Shapes `(width,)`. */
  readonly states: readonly Float32Array[];
}

/** A reply being written. */
export interface PartialReply {
  readonly tokens: number[];
  readonly pieces: string[];
  readonly logProbs: number[];
  /** 1 where a token was sampled. */
  readonly sampled: number[];
  /** State before each token. */
  readonly states: Float32Array[];
  text: string;
  done: boolean;
}

/** A token to be written. */
export interface NextToken {
  readonly token: number;
  readonly logProb: number;
  /** Whether there was no other. */
  readonly forced: boolean;
}

/** Starts an empty reply. */
export function startReply(): PartialReply {
  return {
    tokens: [],
    pieces: [],
    logProbs: [],
    sampled: [],
    states: [],
    text: "",
    done: false,
  };
}

/** Writes a token, and finds whether the reply has ended with it. */
export function writeToken(
  reply: PartialReply,
  { token, logProb, forced }: NextToken,
  options: {
    tokenizer: TextTokenizer;
    stop: readonly string[];
    grammar: ReplyGrammar | undefined;
  },
): void {
  const { tokenizer, stop, grammar } = options;
  const piece = tokenizer.piece(token);
  reply.tokens.push(token);
  reply.pieces.push(piece);
  reply.logProbs.push(logProb);
  reply.sampled.push(forced ? 0 : 1);
  reply.text += piece;
  grammar?.accept(token);
  reply.done = tokenizer.endTokens.includes(token) ||
    stop.some((text) => { // a token may go on after the stop
      const from = reply.text.length - piece.length - text.length;
      return reply.text.includes(text, Math.max(0, from));
    }) ||
    (grammar?.done() ?? false);
}

/** The finished reply. */
export function finishReply(reply: PartialReply): GeneratedReply {
  return {
    tokens: Int32Array.from(reply.tokens),
    pieces: reply.pieces,
    logProbs: Float32Array.from(reply.logProbs),
    sampled: Uint8Array.from(reply.sampled),
    states: reply.states,
  };
}
