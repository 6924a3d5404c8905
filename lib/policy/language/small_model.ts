/**
 * What a small language model needs of a world: a short prompt, and the words that are spoken there.
 *
 * @module
 */

import type { Observation, Situation, Trajectory } from "../../trajectory.ts";
import { formatReply } from "./blocks.ts";
import type { ChatMessage } from "./tokenizer.ts";
import { createWordTokenizer, type TokenizerFiles } from "./word_tokenizer.ts";

/** Texts that are one token each, wherever they stand. */
const WHOLES = [
  "<switch>",
  "</switch>",
  "<subgoal>",
  "</subgoal>",
  "<action>",
  "</action>",
  "KEEP",
  "SWITCH",
];

/** Options of {@linkcode formatBriefPrompt}. */
export interface BriefPromptOptions {
  /** Turns shown as history. @default {1} */
  readonly historyLength?: number;
  /** Longest observation in characters; the rest of a longer one is left out. @default {Infinity} */
  readonly observationLimit?: number;
  /** Name of what is in force. @default {"Subgoal"} */
  readonly plan?: string;
}

/**
 * Writes a prompt of facts alone, for models trained from nothing in one world, which need no
 * rules explained: task, last turns, observation, subgoal in force, actions.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatBriefPrompt } from "@hiper/lab/language";
 *
 * const observation = { text: "A fork.", admissibleActions: ["go left", "go right"], stateKey: "" };
 * strictEqual(
 *   formatBriefPrompt({ task: "leave", past: [], observation }),
 *   "Task: leave\nSeen: A fork.\nSubgoal: none\nActions: go left, go right",
 * );
 * ```
 *
 * @param situation What was played so far, and what is seen now.
 * @param options How much of it is shown.
 * @returns The prompt.
 */
export function formatBriefPrompt(
  situation: Situation,
  options: BriefPromptOptions = {},
): string {
  const { historyLength = 1, observationLimit = Infinity } = options;
  const { plan = "Subgoal" } = options;
  const { task, past, observation, subgoal } = situation;
  const shown = past.slice(Math.max(0, past.length - historyLength));
  const seen = ({ text }: Observation) => text.slice(0, observationLimit);
  return [
    `Task: ${task}`,
    ...shown.map((turn) =>
      `Seen: ${seen(turn.observation)} Done: ${turn.decision.action}`
    ),
    `Seen: ${seen(observation)}`,
    `${plan}: ${subgoal || "none"}`,
    `Actions: ${observation.admissibleActions.join(", ")}`,
  ].join("\n");
}

/** Options of {@linkcode formatTranscript}. */
export interface TranscriptOptions {
  /** What is said before the first observation: rules, the form of an answer. @default {""} */
  readonly system?: string;
  /** Whether each observation lists what may be done. @default {false} */
  readonly actions?: boolean;
  /** Whether the task stands after each observation instead of before the first. @default {false} */
  readonly repeatTask?: boolean;
  /** Longest observation in characters; the rest of a longer one is left out. @default {600} */
  readonly observationLimit?: number;
}

/**
 * Writes a conversation: what was seen is said by the user, what was decided by the model.
 *
 * Nothing is forgotten, and each prompt begins with the one before, so an episode is read once
 * for all its turns when it is learned from. Admissible actions are left out by default, for
 * policies whose decoding allows no others.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { formatTranscript } from "@hiper/lab/language";
 *
 * const observation = { text: "A fork.", admissibleActions: ["go left"], stateKey: "" };
 * const trace = { kind: "untrainable" } as const;
 * const decision = { switched: true, subgoal: "leave", action: "go left", valid: true, trace };
 * const past = [{ observation, decision, reward: 0 }];
 * const messages = formatTranscript({
 *   task: "leave",
 *   past,
 *   observation: { ...observation, text: "A door." },
 *   subgoal: "leave",
 * });
 * deepStrictEqual(messages.map(({ role }) => role), ["user", "assistant", "user"]);
 * deepStrictEqual(messages[0]!.content, "leave\nA fork.");
 * deepStrictEqual(messages[2]!.content, "A door.");
 * ```
 *
 * @param situation What was played so far, and what is seen now.
 * @param options What is said besides.
 * @returns Messages, the newest observation last.
 */
export function formatTranscript(
  situation: Situation,
  options: TranscriptOptions = {},
): ChatMessage[] {
  const { system = "", actions = false, repeatTask = false } = options;
  const { observationLimit = 600 } = options;
  const { task, past, observation } = situation;
  const seen = ({ text, admissibleActions }: Observation) => {
    const lines = [text.slice(0, observationLimit)];
    if (actions) lines.push(`Actions: ${admissibleActions.join(", ")}`);
    if (repeatTask) lines.push(task);
    return lines.join("\n");
  };
  const messages: ChatMessage[] = past.flatMap(({ observation, decision }) => [
    { role: "user", content: seen(observation) },
    {
      role: "assistant",
      content: formatReply({
        ...decision,
        switching: decision.switched ? "SWITCH" : "KEEP",
      }),
    },
  ]);
  messages.push({ role: "user", content: seen(observation) });
  const [first, ...rest] = messages;
  const told = repeatTask
    ? first!
    : { ...first!, content: `${task}\n${first!.content}` };
  return system === ""
    ? [told, ...rest]
    : [{ role: "system", content: system }, told, ...rest];
}

/** Tags of a strategy. */
const STRATEGY_TAGS = ["<strategy>", "</strategy>"];

/**
 * Builds a tokenizer of the words that were read and written in some episodes.
 *
 * @param trajectories Episodes, an expert's for example; where they have strategies, these are written in tags.
 * @param prompt Writes what a model is shown. @default {formatBriefPrompt}
 * @returns Files for `createLanguagePolicy`.
 */
export function createWorldTokenizer(
  trajectories: readonly Trajectory[],
  prompt: (situation: Situation) => string | readonly ChatMessage[] =
    formatBriefPrompt,
): TokenizerFiles {
  const strategic = trajectories.some(({ strategy }) => strategy !== undefined);
  return createWordTokenizer(spokenTexts(trajectories, prompt), {
    wholes: strategic ? [...WHOLES, ...STRATEGY_TAGS] : WHOLES,
  });
}

/** Every text of some episodes. */
function* spokenTexts(
  trajectories: readonly Trajectory[],
  prompt: (situation: Situation) => string | readonly ChatMessage[],
): Generator<string> {
  for (const { task, turns, strategy } of trajectories) {
    if (strategy !== undefined) yield strategy;
    for (const [t, { observation, decision }] of turns.entries()) {
      const past = turns.slice(0, t);
      const held = strategy ?? past.at(-1)?.decision.subgoal;
      const shown = prompt({
        task,
        past,
        observation,
        ...(held === undefined ? {} : { subgoal: held }),
      });
      if (typeof shown === "string") yield shown;
      else yield* shown.map(({ content }) => content);
      const { subgoal, action } = decision;
      yield subgoal; // as it stands right after its tag
      yield action;
      yield formatReply({ switching: "SWITCH", subgoal, action });
    }
  }
}
