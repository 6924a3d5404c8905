/**
 * Writing replies: prompts in, sampled tokens out, for many sequences at once.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { startDecoder } from "./decoder.ts";
import type { ReadingMemory } from "./kept_readings.ts";
import type { LoraAdapter } from "./lora.ts";
import type { Qwen2 } from "./qwen2.ts";
import type { ReplyGrammar } from "./reply_grammar.ts";
import { drawToken } from "./sampling.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** A reply as it was written. */
export interface GeneratedReply {
  /** Token ids, the stop included. Shape `(tokens,)`. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** Text of each token. */
  readonly pieces: readonly string[];
  /** Log-probability of each token when it was drawn; 0 where it was forced. Shape `(tokens,)`. */
  readonly logProbs: Float32Array<ArrayBuffer>;
  /** 1 where a token was drawn, 0 where it was forced. Shape `(tokens,)`. */
  readonly sampled: Uint8Array<ArrayBuffer>;
  /** State of the model before each token. Shapes `(width,)`. */
  readonly states: readonly Float32Array[];
}

/** Options of {@linkcode generateReplies}. */
export interface GenerationOptions {
  /** Reads pieces and knows the end tokens. */
  readonly tokenizer: TextTokenizer;
  /** One stream for each prompt, so that a reply does not depend on its neighbors. */
  readonly randoms: readonly Random[];
  /** Low-rank changes to the weights. */
  readonly adapter?: LoraAdapter | undefined;
  /** What was read before, and will be remembered. */
  readonly memory?: ReadingMemory | undefined;
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
}

/** A reply being written. */
interface Draft {
  readonly tokens: number[];
  readonly pieces: string[];
  readonly logProbs: number[];
  readonly sampled: number[];
  readonly states: Float32Array[];
  text: string;
  done: boolean;
}

/**
 * Writes one reply to each prompt.
 *
 * @param model The decoder.
 * @param prompts Token ids, of any lengths. Shapes `(tokens,)`.
 * @param options Streams, temperature, stops and form.
 * @returns Replies in the order of the prompts.
 * @throws {RangeError} If a prompt is empty, or too long to be replied to.
 */
export async function generateReplies(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: GenerationOptions,
): Promise<GeneratedReply[]> {
  const { maxTokens = 256, adapter, memory } = options;
  const { vocabulary, width } = model.config;
  if (prompts.length === 0) return [];
  const drafts = prompts.map((): Draft => ({
    tokens: [],
    pieces: [],
    logProbs: [],
    sampled: [],
    states: [],
    text: "",
    done: false,
  }));
  const { decoder, output } = await startDecoder(model, prompts, {
    maxTokens,
    adapter,
    memory,
  });
  using _ = decoder;
  let { logits, states } = output;
  const next = new Int32Array(prompts.length);
  for (let k = 0; k < maxTokens; k++) {
    for (const [row, draft] of drafts.entries()) {
      if (draft.done) continue;
      draft.states.push(states.slice(row * width, (row + 1) * width));
      const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
      next[row] = extend(draft, own, { ...options, row });
    }
    if (k + 1 === maxTokens || drafts.every(({ done }) => done)) break;
    ({ logits, states } = await decoder.next(next));
  }
  return drafts.map((draft) => ({
    tokens: Int32Array.from(draft.tokens),
    pieces: draft.pieces,
    logProbs: Float32Array.from(draft.logProbs),
    sampled: Uint8Array.from(draft.sampled),
    states: draft.states,
  }));
}

/** Draws the next token of a reply and says which it was. */
function extend(
  draft: Draft,
  logits: Float32Array,
  options: GenerationOptions & { row: number },
): number {
  const { tokenizer, randoms, row, temperature = 1, topP = 1 } = options;
  const { stop = [], grammars } = options;
  const grammar = grammars?.[row];
  const next = grammar?.next();
  const only = next && "only" in next ? next.only : undefined;
  const forced = only?.length === 1;
  const { token, logProb } = forced
    ? { token: only[0]!, logProb: 0 }
    : drawToken(logits, randoms[row]!, { temperature, topP, ...next });
  const piece = tokenizer.piece(token);
  draft.tokens.push(token);
  draft.pieces.push(piece);
  draft.logProbs.push(logProb);
  draft.sampled.push(forced ? 0 : 1);
  draft.text += piece;
  grammar?.accept(token);
  draft.done = tokenizer.endTokens.includes(token) ||
    stop.some((text) => { // a token may go on after the stop
      const from = draft.text.length - piece.length - text.length;
      return draft.text.includes(text, Math.max(0, from));
    }) ||
    (grammar?.done() ?? false);
  return token;
}
