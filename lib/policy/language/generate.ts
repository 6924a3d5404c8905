/**
 * Writing replies: prompts in, sampled tokens out, for many sequences at once.
 *
 * @module
 */

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
import { sampleToken } from "./sampling.ts";

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

/** Draws from logits that are read for every token. */
async function generateHere(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: FilledGenerationOptions,
): Promise<GeneratedReply[]> {
  const { maxTokens, adapter, kvCache } = options;
  const { vocabSize, hiddenSize } = model.config;
  const drafts = prompts.map(startReply);
  const { decoder, output } = await startDecoder(model, prompts, {
    maxTokens,
    adapter,
    kvCache,
  });
  using _ = decoder;
  let { logits, states } = output;
  const next = new Int32Array(prompts.length);
  for (let k = 0; k < maxTokens; k++) {
    for (const [row, draft] of drafts.entries()) {
      if (draft.done) continue;
      draft.states.push(states.slice(row * hiddenSize, (row + 1) * hiddenSize));
      const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
      next[row] = extend(draft, own, { ...options, row });
    }
    if (k + 1 === maxTokens || drafts.every(({ done }) => done)) break;
    ({ logits, states } = await decoder.next(next));
  }
  return drafts.map(finishReply);
}

/** Draws the next token of a reply and says which it was. */
function extend(
  draft: PartialReply,
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
  writeToken(draft, { token, logProb, forced }, { ...options, grammar });
  return token;
}
