/**
 * What a published model is shown: rules and a worked example in front, where every prompt begins alike and is
 * read once, then the facts of the turn; and the executor's own prompt, which knows the task by the subgoal alone.
 *
 * @module
 */

import type { Observation, Situation } from "../../trajectory.ts";
import { formatReply } from "./blocks.ts";
import type { ChatMessage } from "./tokenizer.ts";

/** Options of {@linkcode formatFacts} and {@linkcode formatTaught}. */
export interface FactsOptions {
  /** Turns shown before the present one. @default {2} */
  readonly historyLength?: number;
  /** Whether the actions are listed. @default {true} */
  readonly actions?: boolean;
  /** Longest observation in characters; the rest of a longer one is left out. @default {Infinity} */
  readonly observationLimit?: number;
  /** What stands before all else. @default {"Choose what to do."} */
  readonly system?: string;
  /** Name of what is in force. @default {"Subgoal"} */
  readonly plan?: string;
}

/** The facts of a turn as one text. */
export function factsOf(situation: Situation, options: FactsOptions): string {
  const { historyLength = 2, actions = true, observationLimit = Infinity } =
    options;
  const { plan = "Subgoal" } = options;
  const { task, past, observation, subgoal } = situation;
  const shown = historyLength > 0 ? past.slice(-historyLength) : [];
  const seen = ({ text }: Observation) => text.slice(0, observationLimit);
  return [
    `Task: ${task}`,
    ...shown.map(({ observation, decision }) =>
      `Before: ${seen(observation)} Done: ${decision.action}`
    ),
    `Now: ${seen(observation)}`,
    ...(actions
      ? [`Actions: ${observation.admissibleActions.join(", ")}`]
      : []),
    `${plan}: ${subgoal || "none"}`,
  ].join("\n");
}

/**
 * Writes a turn's facts under a system message of one sentence, for models whose replies are given their form.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatFacts } from "@hiper/lab/language";
 *
 * const observation = { text: "A fork.", admissibleActions: ["go left", "go right"], stateKey: "" };
 * const [system, user] = formatFacts({ task: "leave", past: [], observation });
 * strictEqual(system!.role, "system");
 * strictEqual(user!.content, "Task: leave\nNow: A fork.\nActions: go left, go right\nSubgoal: none");
 * ```
 *
 * @param situation What was played so far, and what is seen now.
 * @param options How much of it is shown.
 * @returns A system message and the facts.
 */
export function formatFacts(
  situation: Situation,
  options: FactsOptions = {},
): ChatMessage[] {
  const { system = "Choose what to do." } = options;
  return [
    { role: "system", content: system },
    { role: "user", content: factsOf(situation, options) },
  ];
}

const RULES =
  `You act in a text world, one action a turn. You steer yourself by one short-term subgoal at a time, which takes a few actions. Each turn you answer with three tags and nothing else. First the switch tag: KEEP to stay with the subgoal in force, SWITCH to take up a new one. Then the subgoal tag: the subgoal you follow from now on, the same words after KEEP. Then the action tag: one of the listed actions, word for word.`;

/** Two turns of a world that none of the project's is like. */
const EXAMPLE: readonly ChatMessage[] = [
  {
    role: "user",
    content:
      "Task: give the horse some water\nNow: You stand in a yard. The bucket at your feet is empty.\nActions: go to the well, take the bucket, wait\nSubgoal: none",
  },
  {
    role: "assistant",
    content: formatReply({
      switching: "SWITCH",
      subgoal: "fill the bucket",
      action: "take the bucket",
    }),
  },
  {
    role: "user",
    content:
      "Task: give the horse some water\nBefore: You stand in a yard. The bucket at your feet is empty. Done: take the bucket\nNow: You hold the empty bucket.\nActions: go to the well, drop the bucket, wait\nSubgoal: fill the bucket",
  },
  {
    role: "assistant",
    content: formatReply({
      switching: "KEEP",
      subgoal: "fill the bucket",
      action: "go to the well",
    }),
  },
];

/**
 * Writes rules and one worked example of another world, then a turn's facts, for models that write the form of
 * their replies themselves. All but the last message is the same on every turn of every task.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { formatTaught } from "@hiper/lab/language";
 *
 * const observation = { text: "A fork.", admissibleActions: ["go left"], stateKey: "" };
 * const messages = formatTaught({ task: "leave", past: [], observation });
 * deepStrictEqual(
 *   messages.map(({ role }) => role),
 *   ["system", "user", "assistant", "user", "assistant", "user"],
 * );
 * ```
 *
 * @param situation What was played so far, and what is seen now.
 * @param options How much of it is shown.
 * @returns The conversation so far, the newest observation last.
 */
export function formatTaught(
  situation: Situation,
  options: FactsOptions = {},
): ChatMessage[] {
  const { system = RULES } = options;
  return [
    { role: "system", content: system },
    ...EXAMPLE,
    { role: "user", content: factsOf(situation, options) },
  ];
}

/**
 * Writes the prompt of an action that knows the task by its subgoal alone: what is seen now, without the sentences
 * that repeat the task, the actions, and the subgoal.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatActionPrompt } from "@hiper/lab/language";
 *
 * const observation = {
 *   text: "A fork. Your task is to: leave.",
 *   admissibleActions: ["go left", "go right"],
 *   stateKey: "",
 * };
 * const [, user] = formatActionPrompt({ task: "leave", past: [], observation }, "find a way");
 * strictEqual(user!.content, "A fork.\nActions: go left, go right\nNow find a way.");
 * ```
 *
 * @param situation What is seen now; its past is shown no further back than the subgoal reaches.
 * @param subgoal The subgoal in force.
 * @param options How much is shown. The history is empty unless a length is given.
 * @returns A system message and the facts.
 */
export function formatActionPrompt(
  situation: Situation,
  subgoal: string,
  options: FactsOptions = {},
): ChatMessage[] {
  const { system = "Choose an action.", historyLength = 0 } = options;
  const { observationLimit = Infinity, actions = true } = options;
  const { task, past, observation } = situation;
  const seen = ({ text }: Observation) =>
    withoutTask(text, task).slice(0, observationLimit);
  const since = past.findLastIndex(({ decision }) =>
    decision.switched || decision.subgoal !== subgoal
  );
  const own = past.at(-1)?.decision.subgoal === subgoal
    ? past.slice(Math.max(0, since))
    : [];
  const shown = historyLength > 0 ? own.slice(-historyLength) : [];
  const content = [
    ...shown.map(({ observation, decision }) =>
      `Before: ${seen(observation)} Done: ${decision.action}`
    ),
    seen(observation),
    ...(actions
      ? [`Actions: ${observation.admissibleActions.join(", ")}`]
      : []),
    `Now ${subgoal}.`, // an instruction, which small models follow sooner than a line of facts
  ].join("\n");
  return [
    { role: "system", content: system },
    { role: "user", content },
  ];
}

/** A text without the sentences that hold the task's words. */
function withoutTask(text: string, task: string): string {
  if (task === "" || !text.includes(task)) return text;
  const sentences = text.split(/(?<=[.!?\]])\s+|\n+/);
  return sentences.filter((one) => !one.includes(task.replace(/[.!?]$/, "")))
    .join(" ");
}
