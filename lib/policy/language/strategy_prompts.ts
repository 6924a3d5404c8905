/**
 * What a model is shown that follows a strategy: at the start it is asked for one, then for an action under it.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import { factsOf, type FactsOptions } from "./model_prompts.ts";
import type { ChatMessage } from "./tokenizer.ts";

/** Name of what is in force. */
const PLAN = "Strategy";

/**
 * Writes a turn's facts under a system message of one sentence, for models whose replies are given their form; where
 * no strategy is in force, the sentence asks for one.
 *
 * @param situation What was played so far, and what is seen now; the subgoal is the strategy.
 * @param options How much of it is shown.
 * @returns A system message and the facts.
 */
export function formatStrategicFacts(
  situation: Situation,
  options: Omit<FactsOptions, "plan" | "system"> = {},
): ChatMessage[] {
  const system = situation.subgoal === undefined
    ? "Choose a strategy for the whole task."
    : "Choose what to do.";
  return conversation(situation, { ...options, system, examples: [] });
}

const STRATEGY_RULES =
  "You act in a text world, one action a turn. Before the first turn you write one strategy for the whole task: one or two short sentences that say where to begin and in which order to go on. You keep to it until the end. You answer with the strategy tag and nothing else.";
const ACTION_RULES =
  "You act in a text world, one action a turn. You follow the strategy that you wrote before the first turn. You answer with the action tag and nothing else: one of the listed actions, word for word.";

const YARD = {
  task: "give the horse some water",
  text: "You stand in a yard. The bucket at your feet is empty.",
  actions: "go to the well, take the bucket, wait",
  strategy:
    "First take the bucket and fill it at the well. Then carry it to the horse.",
};

/** A start of a world that none of the project's is like. */
const STRATEGY_EXAMPLE: readonly ChatMessage[] = [
  {
    role: "user",
    content:
      `Task: ${YARD.task}\nNow: ${YARD.text}\nActions: ${YARD.actions}\n${PLAN}: none`,
  },
  { role: "assistant", content: `<strategy>${YARD.strategy}</strategy>` },
];

/** The first turn there. */
const ACTION_EXAMPLE: readonly ChatMessage[] = [
  {
    role: "user",
    content:
      `Task: ${YARD.task}\nNow: ${YARD.text}\nActions: ${YARD.actions}\n${PLAN}: ${YARD.strategy}`,
  },
  { role: "assistant", content: "<action>take the bucket</action>" },
];

/**
 * Writes rules and a worked example of another world, then a turn's facts, for models that write the form of their
 * replies themselves; where no strategy is in force, the rules ask for one.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { formatStrategic } from "@hiper/lab/language";
 *
 * const observation = { text: "A fork.", admissibleActions: ["go left"], stateKey: "" };
 * const start = { task: "leave", past: [], observation };
 * ok(formatStrategic(start)[0]!.content.includes("the strategy tag"));
 * const turn = { ...start, subgoal: "Keep to the left." };
 * ok(formatStrategic(turn).at(-1)!.content.endsWith("Strategy: Keep to the left."));
 * ```
 *
 * @param situation What was played so far, and what is seen now; the subgoal is the strategy.
 * @param options How much of it is shown.
 * @returns The conversation so far, the newest observation last.
 */
export function formatStrategic(
  situation: Situation,
  options: Omit<FactsOptions, "plan" | "system"> = {},
): ChatMessage[] {
  const asked = situation.subgoal === undefined;
  return conversation(situation, {
    ...options,
    system: asked ? STRATEGY_RULES : ACTION_RULES,
    examples: asked ? STRATEGY_EXAMPLE : ACTION_EXAMPLE,
  });
}

function conversation(
  situation: Situation,
  { system, examples, ...options }: FactsOptions & {
    readonly system: string;
    readonly examples: readonly ChatMessage[];
  },
): ChatMessage[] {
  const content = factsOf(situation, { ...options, plan: PLAN });
  return [
    { role: "system", content: system },
    ...examples,
    { role: "user", content },
  ];
}
