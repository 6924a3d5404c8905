/**
 * State of a reply during generation: its tokens so far, and whether it has ended.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { PrefixCache } from "../decoder/decoding.ts";
import type { BatchKvCache } from "../decoder/kv_cache.ts";
import type { LoraAdapter } from "../decoder/lora.ts";
import { thoughtEnd } from "./blocks.ts";
import type { ReplyGrammar } from "./grammar.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** Options of `generateReplies()`. */
export interface GenerationOptions {
  /** Decodes pieces and defines the end tokens. */
  readonly tokenizer: TextTokenizer;
  /** One stream for each prompt, so that a reply does not depend on its neighbors. */
  readonly randoms: readonly Random[];
  readonly adapter?: LoraAdapter | undefined;
  /** KV caches of earlier turns. */
  readonly kvCache?: BatchKvCache | undefined;
  /** Keys and values of a beginning that prompts share. */
  readonly prefixes?: PrefixCache | undefined;
  /** Longest reply, in tokens. @default {256} */
  readonly maxTokens?: number;
  /** Sampling temperature; 0 is greedy. @default {1} */
  readonly temperature?: number;
  /** Nucleus of top-p sampling. @default {1} */
  readonly topP?: number;
  /** Likeliest tokens that top-k sampling keeps; 0 keeps all. @default {0} */
  readonly topK?: number;
  /** Texts after which a reply ends. @default {[]} */
  readonly stop?: readonly string[];
  /** Whether a reply goes on past `stop` within a thought; see `readReply()`. @default {false} */
  readonly skipThinking?: boolean;
  /** Grammar of each reply; absent allows any token. */
  readonly grammars?: readonly ReplyGrammar[];
  /** Whether grammars draw with offsets, or at temperatures of their own. @default {false} */
  readonly weighted?: boolean;
  /** Whether the state after the last token is wanted. @default {false} */
  readonly lastState?: boolean;
  /**
   * Tokens of free replies sampled on a GPU between readbacks. Larger values mean fewer readbacks and
   * more discarded tokens after a stop.
   *
   * @default {16}
   */
  readonly tokensPerReadback?: number;
  /** Stops between two tokens, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Default of {@linkcode GenerationOptions.tokensPerReadback}. */
export const TOKENS_PER_READBACK = 16;

/** Options with the defaults that generation needs. */
export type FilledGenerationOptions =
  & GenerationOptions
  & Required<
    Pick<
      GenerationOptions,
      "maxTokens" | "temperature" | "stop" | "tokensPerReadback"
    >
  >;

/** A generated reply. */
export interface GeneratedReply {
  /** Token ids, the stop included. Shape `(tokens,)`. */
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly pieces: readonly string[];
  /** Log-probability of each token; 0 where it was forced. Shape `(tokens,)`. */
  readonly logProbs: Float32Array<ArrayBuffer>;
  /** 1 where a token was sampled, 0 where it was forced. Shape `(tokens,)`. */
  readonly sampled: Uint8Array<ArrayBuffer>;
  /**
   * State of the model before each token, and after the last one where it was wanted; absent between tokens that
   * were given. Shapes `(width,)`.
   */
  readonly states: readonly (Float32Array | undefined)[];
}

/** A reply being written. */
export interface PartialReply {
  readonly tokens: number[];
  readonly pieces: string[];
  readonly logProbs: number[];
  /** 1 where a token was sampled. */
  readonly sampled: number[];
  /** State before each token; absent between tokens that were given. */
  readonly states: (Float32Array | undefined)[];
  text: string;
  done: boolean;
}

/** The next token of a reply. */
export interface NextToken {
  readonly token: number;
  readonly logProb: number;
  /** Whether it was the only allowed one. */
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

/** Appends a token and updates `done`. */
export function writeToken(
  reply: PartialReply,
  { token, logProb, forced }: NextToken,
  options: {
    tokenizer: TextTokenizer;
    stop: readonly string[];
    grammar: ReplyGrammar | undefined;
    skipThinking?: boolean;
  },
): void {
  const { tokenizer, stop, grammar, skipThinking = false } = options;
  const piece = tokenizer.piece(token);
  reply.tokens.push(token);
  reply.pieces.push(piece);
  reply.logProbs.push(logProb);
  reply.sampled.push(forced ? 0 : 1);
  reply.text += piece;
  grammar?.accept(token);
  const thought = skipThinking
    ? thoughtEnd(reply.text, { opened: tokenizer.opensThought })
    : 0;
  reply.done = tokenizer.endTokens.includes(token) ||
    stop.some((text) => { // a token may extend beyond the stop
      const from = reply.text.length - piece.length - text.length;
      return reply.text.includes(text, Math.max(thought, from));
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
