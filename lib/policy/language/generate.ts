/**
 * Generation: prompts in, sampled tokens out, for many sequences at once.
 *
 * @module
 */

import { createPause } from "../../pause.ts";
import type { Random } from "../../random.ts";
import { startDecoder } from "../decoder/decoder.ts";
import { decodesOnGpu } from "../decoder/gpu_decoder.ts";
import { generateForms, generateFreely } from "./gpu_generate.ts";
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
  if (decodesOnGpu() && topP === 1) {
    return await (options.grammars ? generateForms : generateFreely)(
      model,
      prompts,
      filled,
    );
  }
  return await generateHere(model, prompts, filled);
}

/** Generates with a readback of logits for every token. */
async function generateHere(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: FilledGenerationOptions,
): Promise<GeneratedReply[]> {
  const { maxTokens, adapter, kvCache } = options;
  const { vocabSize, hiddenSize } = model.config;
  const replies = prompts.map(startReply);
  const { decoder, output } = await startDecoder(model, prompts, {
    maxTokens,
    adapter,
    kvCache,
  });
  using _ = decoder;
  let { logits, states } = output;
  const next = new Int32Array(prompts.length);
  const pause = createPause(options.signal);
  for (let k = 0; k < maxTokens; k++) {
    for (const [row, reply] of replies.entries()) {
      if (reply.done) continue;
      reply.states.push(states.slice(row * hiddenSize, (row + 1) * hiddenSize));
      const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
      next[row] = extend(reply, own, { ...options, row });
    }
    if (k + 1 === maxTokens || replies.every(({ done }) => done)) break;
    await pause();
    ({ logits, states } = await decoder.next(next));
  }
  return replies.map(finishReply);
}

/** Samples the next token of a reply and returns it. */
function extend(
  reply: PartialReply,
  logits: Float32Array,
  options: FilledGenerationOptions & { row: number },
): number {
  const { randoms, row, temperature, topP = 1 } = options;
  const grammar = options.grammars?.[row];
  const next = grammar?.next();
  const only = next && "only" in next ? next.only : undefined;
  const forced = only?.length === 1;
  const { token, logProb } = forced
    ? { token: only[0]!, logProb: 0 }
    : sampleToken(logits, randoms[row]!, { temperature, topP, ...next });
  writeToken(reply, { token, logProb, forced }, { ...options, grammar });
  return token;
}

/** How a token is sampled. */
export interface SamplingOptions {
  /** Temperature; 0 is greedy. */
  readonly temperature: number;
  /** Nucleus of top-p sampling; 1 keeps all tokens. */
  readonly topP: number;
  /** Tokens to sample from; absent means all. */
  readonly only?: readonly number[] | undefined;
  /** Tokens not to sample. */
  readonly except?: readonly number[] | undefined;
}

/**
 * Samples a token; always draws exactly one number from the stream. The log-probability is before the
 * top-p cut, and 0 at temperature 0.
 *
 * @param logits Shape `(vocabulary,)`; excluded ones are overwritten.
 */
export function sampleToken(
  logits: Float32Array,
  random: Random,
  options: SamplingOptions,
): { token: number; logProb: number } {
  const { temperature, topP, only, except = [] } = options;
  const uniform = random.uniform();
  const count = only ? only.length : logits.length;
  const tokenAt = (i: number) => only ? only[i]! : i;
  for (const token of except) logits[token] = -Infinity;
  let best = 0;
  for (let i = 1; i < count; i++) {
    if (logits[tokenAt(i)]! > logits[tokenAt(best)]!) best = i;
  }
  if (temperature === 0) return { token: tokenAt(best), logProb: 0 };
  const top = logits[tokenAt(best)]!;
  const weights = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    total += weights[i] = Math.exp((logits[tokenAt(i)]! - top) / temperature);
  }
  const order = topP < 1 ? nucleus(weights, topP * total) : undefined;
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

/** The likeliest entries whose sum reaches a mass, in descending order. */
function nucleus(weights: Float64Array, mass: number): number[] {
  const order = Array.from(weights, (_, i) => i)
    .sort((a, b) => weights[b]! - weights[a]! || a - b);
  let sum = 0, size = 0;
  while (size < order.length && (size === 0 || sum < mass)) {
    sum += weights[order[size++]!]!;
  }
  return order.slice(0, size);
}
