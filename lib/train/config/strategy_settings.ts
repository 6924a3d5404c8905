/**
 * Settings of StraTA's strategies: how many are drawn, how they are compared, and what judges the turns under them.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import {
  OPENAI_DEFAULTS,
  openaiPolicySettings,
} from "../../remote/openai/settings.ts";
import { SIMILARITIES, type Similarity } from "../../rollout/similarity.ts";
import { count, optional, rate } from "../../settings.ts";

/** Defaults of strategies; the published numbers. */
export const STRATEGY_DEFAULTS = {
  kept: 4,
  /** Strategies drawn for each that is kept. */
  drawnForEach: 8,
  similarity: "words",
  /** Steps where the world lists next steps. */
  steps: 4,
  verdictTokens: 64,
} as const;

const maxReplyTokens = count.default(STRATEGY_DEFAULTS.verdictTokens).describe(
  "Longest verdict, in tokens.",
);

const judge = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("none").describe("No turn is flagged.") }),
  z.strictObject({
    name: z.literal("rule").describe(
      "The world's rule: a turn is flagged whose action serves no step of the strategy and achieves none.",
    ),
  }),
  z.strictObject({
    name: z.literal("policy").describe(
      "The policy itself, asked with a judge's prompt after the episode.",
    ),
    maxReplyTokens,
  }),
  openaiPolicySettings.pick({
    name: true,
    url: true,
    model: true,
    server: true,
    keyFile: true,
    concurrency: true,
    attempts: true,
    timeoutSeconds: true,
  }).extend({
    maxReplyTokens,
    temperature: rate.default(0).describe("Sampling temperature."),
  }).strict(),
]);

/** Settings of strategies: kind, default and meaning of each. */
export const strategySettings = z.strictObject({
  kept: count.min(2, "must be at least 2, as strategies are compared").default(
    STRATEGY_DEFAULTS.kept,
  ).describe(
    "Strategies that are played for each task; rollout.groupSize is divided evenly among them.",
  ),
  drawn: optional(
    count,
    "Strategies drawn for each task, of which the most different are kept.",
    "8 · strategies.kept",
  ),
  similarity: z.enum(SIMILARITIES).default(STRATEGY_DEFAULTS.similarity)
    .describe(
      "Whose cosine says how alike two strategies are: counts of words and of pairs of neighboring words, or of runs of three characters.",
    ),
  steps: optional(
    count,
    "Subgoals that the strategy of a compact policy consists of, each in force until it is achieved.",
    "4 where the world lists next steps, else 1",
  ),
  judge: optional(
    judge,
    "What flags the turns that do not serve the strategy.",
    "the policy itself if it is a published model, the world's rule if strategies are listed and it has one, else none",
  ),
});

/** What flags turns. */
export type StrategyJudgeConfig =
  | { readonly name: "none" | "rule" }
  | { readonly name: "policy"; readonly maxReplyTokens?: number }
  | {
    readonly name: "openai";
    readonly url: string;
    readonly model: string;
    readonly server?: "openai" | "vllm" | "sglang" | "llama.cpp" | "ollama";
    readonly keyFile?: string;
    readonly concurrency?: number;
    readonly attempts?: number;
    readonly timeoutSeconds?: number;
    readonly maxReplyTokens?: number;
    readonly temperature?: number;
  };

/** How strategies are drawn, kept and judged. */
export type StrategiesConfig = {
  readonly kept: number;
  readonly drawn?: number;
  readonly similarity: Similarity;
  readonly steps?: number;
  readonly judge?: StrategyJudgeConfig;
};

/** Strategies drawn for each task. */
export function drawnOf({ kept, drawn }: StrategiesConfig): number {
  return drawn ?? STRATEGY_DEFAULTS.drawnForEach * kept;
}

/** Settings of a judge that is another model, with every default. */
export function servedJudgeOf(
  config: Extract<StrategyJudgeConfig, { name: "openai" }>,
) {
  const { server, concurrency, attempts, timeoutSeconds } = OPENAI_DEFAULTS;
  return {
    ...{ server, concurrency, attempts, timeoutSeconds, temperature: 0 },
    maxReplyTokens: STRATEGY_DEFAULTS.verdictTokens,
    ...config,
  };
}
