/**
 * What a small language model needs of a world: a short prompt, and the words that are spoken there.
 *
 * @module
 */

import type { Situation, Trajectory } from "../trajectory.ts";
import { formatReply } from "./blocks.ts";
import type { TokenizerFiles } from "./tokenizer.ts";
import { buildWordTokenizer } from "./word_tokenizer.ts";

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
}

/**
 * Writes a prompt of facts alone, for models trained from nothing in one world, which need no
 * rules explained: task, last turns, observation, subgoal in force, actions.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatBriefPrompt } from "@hiper/lab";
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
  const { historyLength = 1 } = options;
  const { task, past, observation, subgoal } = situation;
  const shown = past.slice(Math.max(0, past.length - historyLength));
  return [
    `Task: ${task}`,
    ...shown.map((turn) =>
      `Seen: ${turn.observation.text} Done: ${turn.decision.action}`
    ),
    `Seen: ${observation.text}`,
    `Subgoal: ${subgoal || "none"}`,
    `Actions: ${observation.admissibleActions.join(", ")}`,
  ].join("\n");
}

/**
 * Builds a tokenizer of the words that were read and written in some episodes.
 *
 * @param trajectories Episodes, an expert's for example.
 * @param prompt Writes what a model is shown. @default {formatBriefPrompt}
 * @returns Files for `createLanguagePolicy`.
 */
export function buildWorldTokenizer(
  trajectories: readonly Trajectory[],
  prompt: (situation: Situation) => string = formatBriefPrompt,
): TokenizerFiles {
  return buildWordTokenizer(spokenTexts(trajectories, prompt), {
    wholes: WHOLES,
  });
}

/** Every text of some episodes. */
function* spokenTexts(
  trajectories: readonly Trajectory[],
  prompt: (situation: Situation) => string,
): Generator<string> {
  yield "user\n";
  yield "assistant\n";
  for (const { task, turns } of trajectories) {
    for (const [t, { observation, decision }] of turns.entries()) {
      const past = turns.slice(0, t);
      const held = past.at(-1)?.decision.subgoal;
      yield prompt({
        task,
        past,
        observation,
        ...(held === undefined ? {} : { subgoal: held }),
      });
      const { subgoal, action } = decision;
      yield subgoal; // as it stands right after its tag
      yield action;
      yield formatReply({ switching: "SWITCH", subgoal, action });
    }
  }
}
