/**
 * Generation: prompts in, sampled tokens out, for many sequences at once.
 *
 * @module
 */

import { createPause } from "../../pause.ts";
import type { Random } from "../../random.ts";
import { startDecoder } from "../decoder/decoder.ts";
import type { Decoder, DecoderOutput } from "../decoder/decoding.ts";
import { decodesOnGpu } from "../decoder/gpu_decoder.ts";
import { generateForms, generateFreely } from "./gpu_generate.ts";
import { isForced, type NextTokens } from "./grammar.ts";
import type { Qwen2 } from "../decoder/qwen2.ts";
import {
  type FilledGenerationOptions,
  finishReply,
  type GeneratedReply,
  type GenerationOptions,
  type PartialReply,
  startReply,
  TOKENS_PER_READBACK,
  writeToken,
} from "./partial_reply.ts";

/**
 * Generates one reply to each prompt.
 *
 * @param prompts Token ids, of any lengths. Shapes `(tokens,)`.
 * @returns Replies in the order of the prompts.
 * @throws {RangeError} If a prompt is empty, or prompt and reply are too long for the model.
 */
export async function generateReplies(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: GenerationOptions,
): Promise<GeneratedReply[]> {
  const { maxTokens = 256, temperature = 1, topP = 1 } = options;
  const { stop = [], tokensPerReadback = TOKENS_PER_READBACK } = options;
  const filled = {
    ...options,
    maxTokens,
    temperature,
    stop,
    tokensPerReadback,
  };
  if (prompts.length === 0) return [];
  const { weighted = false, topK = 0 } = options;
  if (decodesOnGpu() && topP === 1 && topK === 0 && !weighted) {
    return await (options.grammars ? generateForms : generateFreely)(
      model,
      prompts,
      filled,
    );
  }
  const { adapter, kvCache, prefixes } = options;
  const replies = prompts.map(startReply);
  const { decoder, output } = await startDecoder(model, prompts, {
    signal: options.signal,
    ...{ maxTokens, adapter, kvCache, prefixes },
    words: wordsOf(
      replies.map((_, row) => upcoming(replies[row]!, { ...filled, row })),
    ),
  });
  using _ = decoder;
  await (decoder.feed ? writeRuns : writeSteps)(
    { decoder, output, replies },
    model,
    filled,
  );
  return replies.map(finishReply);
}

/** Replies in progress, and what the decoder said last. */
interface Writing {
  readonly decoder: Decoder;
  readonly output: DecoderOutput;
  readonly replies: readonly PartialReply[];
}

/** Writes with one feed for each token that is drawn: tokens that are given are fed together, without logits. */
async function writeRuns(
  { decoder, output, replies }: Writing,
  model: DecoderModel,
  options: FilledGenerationOptions,
): Promise<void> {
  const { hiddenSize } = model.config;
  const pause = createPause(options.signal);
  let said = output, fresh = replies.map(() => true);
  let words = wordsOf(
    replies.map((reply, row) => upcoming(reply, { ...options, row })),
  );
  while (true) {
    const runs = replies.map((reply, row) => {
      if (!fresh[row]) return new Int32Array(0);
      const place = reply.tokens.length;
      reply.states[place] = said.states.slice(
        row * hiddenSize,
        (row + 1) * hiddenSize,
      );
      if (reply.done) return new Int32Array(0);
      const width = words?.length ?? model.config.vocabSize;
      const logits = said.logits.subarray(row * width, (row + 1) * width);
      return writeRun(reply, { logits, words }, { ...options, row });
    });
    fresh = runs.map(({ length }) => length > 0);
    if (!fresh.includes(true)) return;
    await pause();
    words = wordsOf(
      replies.map((reply, row) =>
        fresh[row] ? upcoming(reply, { ...options, row }) : { only: [] }
      ),
    );
    said = await decoder.feed!(runs, words);
  }
}

/** What is drawn next; no token where the next one is given, or none is wanted. */
function upcoming(
  reply: PartialReply,
  { grammars, row }: FilledGenerationOptions & { row: number },
): NextTokens | undefined {
  if (reply.done) return { only: [] };
  const next = grammars?.[row]?.next();
  return next && isForced(next) ? { only: [] } : next;
}

/** Tokens whose logits are needed; `undefined` for all. */
function wordsOf(
  next: readonly (NextTokens | undefined)[],
): number[] | undefined {
  const words = new Set<number>();
  for (const one of next) {
    if (!one || !("only" in one)) return undefined;
    for (const token of one.only) words.add(token);
  }
  return [...words];
}

/** Draws a token if one is to be drawn, then writes those that are given; returns what has to be fed. */
function writeRun(
  reply: PartialReply,
  said: { logits: Float32Array; words: readonly number[] | undefined },
  options: FilledGenerationOptions & { row: number },
): Int32Array {
  const grammar = options.grammars?.[options.row];
  const from = reply.tokens.length;
  while (!reply.done) {
    const next = grammar?.next();
    const written = reply.tokens.length > from;
    const forced = next !== undefined && isForced(next);
    if (written && (!forced || grammar?.marked?.())) break;
    extend(reply, said, options);
  }
  // The state after the last token is read where it is that of a value head.
  const unread = reply.done && !options.lastState;
  return unread ? new Int32Array(0) : Int32Array.from(reply.tokens.slice(from));
}

/** Writes with a feed for each token. */
async function writeSteps(
  { decoder, output, replies }: Writing,
  model: DecoderModel,
  options: FilledGenerationOptions,
): Promise<void> {
  const { vocabSize, hiddenSize } = model.config;
  const last = options.lastState ? 1 : 0;
  const pause = createPause(options.signal);
  const next = new Int32Array(replies.length);
  let { logits, states } = output;
  while (true) {
    for (const [row, reply] of replies.entries()) {
      if (reply.states.length >= reply.tokens.length + last && reply.done) {
        continue;
      }
      reply.states.push(states.slice(row * hiddenSize, (row + 1) * hiddenSize));
      if (reply.done) continue;
      const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
      next[row] = extend(reply, { logits: own, words: undefined }, {
        ...options,
        row,
      });
    }
    const whole = ({ done, states, tokens }: PartialReply) =>
      done && states.length >= tokens.length + last;
    if (replies.every(whole)) return;
    await pause();
    ({ logits, states } = await decoder.next(next));
  }
}

/** Sizes of a model that generation needs. */
type DecoderModel = Pick<Qwen2, "config">;

/** Writes the next token of a reply and returns it. */
function extend(
  reply: PartialReply,
  { logits, words }: {
    logits: Float32Array;
    /** Tokens of the logits; absent means all. */
    words: readonly number[] | undefined;
  },
  options: FilledGenerationOptions & { row: number },
): number {
  const { randoms, row, topP = 1, topK = 0, maxTokens } = options;
  const grammar = options.grammars?.[row];
  const next = grammar?.next();
  const temperature = next?.temperature ?? options.temperature;
  const draw = (): { token: number; logProb: number; forced: boolean } => {
    if (!next || "except" in next) {
      const how = { temperature, topP, topK, ...next };
      return { ...sampleToken(logits, randoms[row]!, how), forced: false };
    }
    const { only, offsets } = next;
    if (only.length === 1) return { token: only[0]!, logProb: 0, forced: true };
    const own = Float32Array.from(only, (token, i) => {
      const place = words ? words.indexOf(token) : token;
      const offset = (offsets?.[i] ?? 0) * (temperature || 1);
      return logits[place]! + offset;
    });
    const how = { temperature, topP, topK };
    const { token, logProb } = sampleToken(own, randoms[row]!, how);
    return { token: only[token]!, logProb, forced: false };
  };
  const drawn = draw();
  writeToken(reply, drawn, { ...options, grammar });
  reply.done ||= reply.tokens.length === maxTokens;
  return drawn.token;
}

/** How a token is sampled. */
export interface SamplingOptions {
  /** Temperature; 0 is greedy. */
  readonly temperature: number;
  /** Nucleus of top-p sampling; 1 keeps all tokens. */
  readonly topP: number;
  /** Likeliest tokens that top-k sampling keeps; 0 keeps all. @default {0} */
  readonly topK?: number;
  /** Tokens to sample from; absent means all. */
  readonly only?: readonly number[] | undefined;
  /** Tokens not to sample. */
  readonly except?: readonly number[] | undefined;
}

/**
 * Samples a token; always draws exactly one number from the stream. The log-probability is before the
 * top-k and top-p cuts, and 0 at temperature 0.
 *
 * @param logits Shape `(vocabulary,)`; excluded ones are overwritten.
 */
export function sampleToken(
  logits: Float32Array,
  random: Random,
  options: SamplingOptions,
): { token: number; logProb: number } {
  const { temperature, topP, topK = 0, only, except = [] } = options;
  const uniform = random.uniform();
  const count = only ? only.length : logits.length;
  const tokenAt = (i: number) => only ? only[i]! : i;
  for (const token of except) logits[token] = -Infinity;
  let best = 0;
  for (let i = 1; i < count; i++) {
    if (logits[tokenAt(i)]! > logits[tokenAt(best)]!) best = i;
  }
  checkLogits(logits, { count, tokenAt, best });
  if (temperature === 0) return { token: tokenAt(best), logProb: 0 };
  const top = logits[tokenAt(best)]!;
  const weights = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    total += weights[i] = Math.exp((logits[tokenAt(i)]! - top) / temperature);
  }
  const order = topP < 1 || topK > 0
    ? nucleus(weights, { topP, topK })
    : undefined;
  const kept = order ? order.reduce((sum, i) => sum + weights[i]!, 0) : total;
  let rest = uniform * kept, chosen = -1;
  const last = order ? order.length : count;
  for (let k = 0; k < last; k++) {
    const i = order ? order[k]! : k;
    if (weights[i]! === 0) continue;
    chosen = i;
    rest -= weights[i]!;
    if (rest < 0) break;
  }
  return {
    token: tokenAt(chosen),
    logProb: Math.log(weights[chosen]! / total),
  };
}

/**
 * Throws where a logit is no number or infinite, or nothing can be sampled: the weights of such a model are
 * damaged.
 */
function checkLogits(
  logits: Float32Array,
  options: { count: number; tokenAt: (i: number) => number; best: number },
): void {
  const { count, tokenAt, best } = options;
  let wrong = logits[tokenAt(best)] === -Infinity ? best : -1;
  for (let i = 0; wrong < 0 && i < count; i++) {
    if (!(logits[tokenAt(i)]! < Infinity)) wrong = i; // also where it is no number
  }
  if (wrong < 0) return;
  throw new RangeError(
    `Cannot sample a token as logits must be finite: current value is ${
      logits[tokenAt(wrong)]
    } for token ${
      tokenAt(wrong)
    }; weights of the model or of its adapter may be damaged`,
  );
}

/** The likeliest entries, at most `topK`, then those whose sum reaches a share of theirs; in descending order. */
function nucleus(
  weights: Float64Array,
  { topP, topK }: { topP: number; topK: number },
): number[] {
  const order = Array.from(weights, (_, i) => i)
    .sort((a, b) => weights[b]! - weights[a]! || a - b);
  const most = topK > 0 ? order.slice(0, topK) : order;
  const mass = topP * most.reduce((all, i) => all + weights[i]!, 0);
  let sum = 0, size = 0;
  while (size < most.length && (size === 0 || sum < mass)) {
    sum += weights[most[size++]!]!;
  }
  return most.slice(0, size);
}
