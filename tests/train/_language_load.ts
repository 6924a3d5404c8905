/**
 * A language policy of any size with a minibatch to learn from, and what both take by the formula.
 *
 * @module
 */

import { createLanguagePolicy } from "../../lib/policy/language/loading.ts";
import type { LanguagePolicy } from "../../lib/policy/language/policy.ts";
import type { Qwen2Config } from "../../lib/policy/decoder/config.ts";
import { createWordTokenizer } from "../../lib/policy/language/word_tokenizer.ts";
import { createRandom } from "../../lib/random.ts";
import {
  type LanguageMemory,
  languageMemory,
  type LanguageMemoryOptions,
} from "../../lib/train/language_memory.ts";
import type { Situation } from "../../lib/trajectory.ts";
import { type SampleRow } from "../_samples.ts";

/** Sizes, and how the policy is trained and asked. */
export interface Load extends LanguageMemoryOptions {
  /** Tokens of the reply. */
  readonly replyLength: number;
  /** Sizes of the decoder. */
  readonly size: Omit<Qwen2Config, "vocabSize">;
  /** Words besides the letters. @default {256} */
  readonly words?: number;
}

/** What {@linkcode loadOf} makes. */
export interface LoadedPolicy {
  /** The policy; the caller disposes it. */
  readonly policy: LanguagePolicy;
  /** One minibatch of replies that were never written; all have the same length. */
  readonly samples: readonly SampleRow[];
  /** Situations whose prompts have the length of the samples' prompts. */
  readonly situations: readonly Situation[];
  /** What it takes. */
  readonly memory: LanguageMemory;
}

/** A small decoder, for loads that differ from it in one thing. */
export const SMALL_SIZE: Load["size"] = {
  hiddenSize: 64,
  intermediateSize: 128,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  maxLength: 512,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e4,
  tieEmbeddings: true,
};

/** Makes the policy and the minibatch of a load. */
export function loadOf(load: Load): LoadedPolicy {
  const { size, batch, length, replyLength, words = 256, ...rest } = load;
  const { frozenBytes: _, batchSize = batch, ...options } = rest;
  const all = Array.from({ length: words }, (_, i) => wordOf(i)).join(" ");
  const prompt = createRandom(1);
  const policy = createLanguagePolicy({
    seed: 1,
    tokenizer: createWordTokenizer([all]),
    prompt: ({ observation }) => observation.text,
    maxReplyTokens: replyLength,
    temperature: 1e4, // so that hardly any reply ends early
    batchSize,
    size,
    ...options,
  });
  const { vocabSize } = policy.tokenizer;
  const draw = (count: number) =>
    Int32Array.from({ length: count }, () => prompt.integer(vocabSize - 1));
  const text = promptText(policy, length - replyLength);
  const observation = { text, admissibleActions: ["wait"], stateKey: "" };
  const situation = { task: "", past: [], observation };
  const samples = Array.from({ length: batch }, (): SampleRow => ({
    observation,
    decision: {
      ...{ switched: true, subgoal: "", action: "wait", valid: true },
      values: { switching: 0, planning: 0, execution: 0 },
      trace: {
        kind: "tokens",
        prompt: draw(length - replyLength + 1), // the last token is only predicted
        reply: draw(replyLength),
        logProbs: new Float32Array(replyLength).fill(-Math.log(vocabSize)),
        spans: {
          switching: { start: 0, end: 1 },
          planning: { start: 1, end: 2 },
          execution: { start: 2, end: replyLength },
        },
      },
    },
    advantages: { switching: 1, planning: -1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
  }));
  const config = { ...size, vocabSize };
  const asked = { ...load, batchSize };
  return {
    policy,
    samples,
    // Equal prompts, and what they begin with in common, would be read once.
    situations: samples.map((_, i) => ({
      ...situation,
      observation: {
        ...situation.observation,
        text: situation.observation.text.replace(/^ba/, wordPair(i)),
      },
    })),
    memory: languageMemory(config, asked),
  };
}

/** Two letters that no other row has. */
function wordPair(index: number): string {
  return wordOf(26 + index).padStart(2, "a").slice(-2);
}

/** A word of letters, as digits are tokens of their own. */
function wordOf(index: number): string {
  const letters = index.toString(26).split("");
  return letters.map((x) => String.fromCharCode(97 + parseInt(x, 26))).join("");
}

/** A text whose prompt has that many tokens, template included. */
function promptText(policy: LanguagePolicy, tokens: number): string {
  const { tokenizer } = policy;
  const count = (words: number) => {
    const content = "ba ".repeat(words).trim();
    return tokenizer.encode(tokenizer.chat([{ role: "user", content }])).length;
  };
  return "ba ".repeat(Math.max(1, tokens - count(1) + 1)).trim();
}
