/**
 * What a language model is shown on a turn, and what is remembered of its replies.
 *
 * The rules of the plan-execute contract are those of the paper; the wording is the project's own.
 *
 * @module
 */

import type { AnsweredTurn, Situation } from "../../trajectory.ts";
import {
  type BlockSpans,
  locateBlocks,
  type LocateOptions,
  type ParsedReply,
  parseReply,
  type ParseReplyOptions,
  thoughtEnd,
} from "./blocks.ts";

/** Options of {@linkcode formatPrompt}. */
export interface PromptOptions {
  /** Who the model is and where it acts. @default {"You are an agent acting in a text environment."} */
  role?: string;
  /** Turns shown as history; with 0 every prompt has the form of the first. @default {2} */
  historyLength?: number;
  /** Whether the model answers with thought and action only, without a plan. @default {false} */
  flat?: boolean;
  /** Length in characters from which the history is left out; 0 for never. @default {0} */
  characterLimit?: number;
}

/** Options of {@linkcode readReply}. */
export interface ReadReplyOptions extends ParseReplyOptions, LocateOptions {
  /** The subgoal held from the turn before; absent before the first plan. */
  held?: string;
  /** The reply without special tokens, for the parser. @default the pieces joined */
  text?: string;
  /**
   * Whether everything up to the last `</think>` is skipped, by the parser and in the spans; `opened` says
   * that the prompt ended with `<think>`.
   *
   * @default {false}
   */
  skipThinking?: boolean | "opened";
  /**
   * `copy` keeps the held subgoal on KEEP, and when the reply states none; `written` takes what the reply states,
   * as the reference does, which loses the plan after an unreadable reply.
   *
   * @default {"copy"}
   */
  memory?: "copy" | "written";
}

/** What {@linkcode readReply} gives: the parts of a decision, and where they stand. */
export interface ReadReply extends BlockSpans {
  /** The subgoal in force from now on. */
  readonly subgoal: string;
  /** The action to send to the world. */
  readonly action: string;
  /** Whether the reply has the agreed form. */
  readonly valid: boolean;
  /** What the parser read. */
  readonly parsed: ParsedReply;
}

const PLAN_RULES =
  `You steer yourself with one short-term subgoal at a time: something within reach of a handful of actions, neither the complete task nor a single action. Every turn, look at the newest observation and decide whether to stay with the subgoal in force or to replace it.`;

const PLAN_FORM =
  `Answer with exactly three blocks, in this order and with nothing before, between or after them:
1. <switch>: the single word KEEP or SWITCH.
2. <subgoal>: always present. After KEEP repeat the subgoal in force word for word; after SWITCH write a new short subgoal, not the whole task.
3. <action>: one action, copied character for character from the list.

<switch>KEEP or SWITCH</switch>
<subgoal>the subgoal you follow from now on</subgoal>
<action>one action from the list</action>`;

const FLAT_FORM =
  `Think step by step about what to do now, then give one action, copied character for character from the list:

<think>your reasoning</think>
<action>one action from the list</action>`;

/**
 * Writes what a model is shown before a decision, as one user message.
 *
 * It holds the role, the task, what a subgoal is, the number of turns taken, the last turns, the observation, the
 * subgoal in force (`None` on the first turn), the actions and the form of the answer.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { formatPrompt } from "@hiper/lab/language";
 *
 * const prompt = formatPrompt({
 *   task: "put the mug on the shelf",
 *   past: [],
 *   observation: {
 *     text: "You are in a hall.",
 *     admissibleActions: ["go north"],
 *     stateKey: "hall",
 *   },
 * });
 * ok(prompt.includes("Subgoal in force: None"));
 * ok(prompt.endsWith("<action>one action from the list</action>"));
 * ```
 *
 * @param situation What was played so far, and what is seen now.
 * @param options Role, history and form.
 * @returns The prompt, to be wrapped in a model's chat template.
 * @throws {RangeError} If the history length is not a whole number of at least 0.
 */
export function formatPrompt(
  situation: Situation,
  options: PromptOptions = {},
): string {
  const { role = "You are an agent acting in a text environment." } = options;
  const { historyLength = 2, flat = false, characterLimit = 0 } = options;
  const { task, past, observation, subgoal } = situation;
  const actions = observation.admissibleActions.map((one) => `'${one}'`);
  const compose = (history: string) =>
    [
      `${role} Task: ${task}`,
      ...(flat ? [] : [PLAN_RULES]),
      history,
      [
        `Observation now: ${observation.text}`,
        ...(flat ? [] : [
          `Subgoal in force: ${past.length === 0 ? "None" : subgoal ?? ""}`,
        ]),
        `Actions you may take: [${actions.join(",\n ")}]`,
      ].join("\n"),
      flat ? FLAT_FORM : PLAN_FORM,
    ].filter((part) => part !== "").join("\n\n");
  const { text, count } = historyWindow(past, historyLength);
  if (count === 0) return compose("");
  const prompt = compose(
    `Turns taken so far: ${past.length}. The last ${count} observations and actions:\n${text}`,
  );
  return characterLimit > 0 && prompt.length > characterLimit
    ? compose("")
    : prompt;
}

/**
 * Renders the last turns, numbered from 1 over the whole episode: `[Observation n: '…', Action n: '…']`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { historyWindow } from "@hiper/lab/language";
 *
 * const turn = (text: string, action: string) => ({
 *   observation: { text, admissibleActions: [action], stateKey: text },
 *   decision: { switched: true, subgoal: "leave", action, valid: true, trace: { kind: "untrainable" } as const },
 *   reward: 0,
 * });
 * const past = [turn("A hall.", "go left"), turn("A door.", "open it")];
 * deepStrictEqual(historyWindow(past, 1), {
 *   text: "[Observation 2: 'A door.', Action 2: 'open it']",
 *   count: 1,
 * });
 * ```
 *
 * @param past Turns played so far.
 * @param length Most turns to show.
 * @returns One line a turn, and how many turns there are.
 * @throws {RangeError} If the length is not a whole number of at least 0.
 */
export function historyWindow(
  past: readonly AnsweredTurn[],
  length: number,
): { text: string; count: number } {
  if (!(Number.isInteger(length) && length >= 0)) {
    throw new RangeError(
      `Cannot show history as "length" must be a whole number of at least 0: current value is ${length}`,
    );
  }
  const count = Math.min(length, past.length);
  const first = past.length - count;
  const lines = past.slice(first).map(({ observation, decision }, i) => {
    const n = first + i + 1;
    return `[Observation ${n}: '${observation.text}', Action ${n}: '${decision.action}']`;
  });
  return { text: lines.join("\n"), count };
}

/**
 * Reads a reply once for everyone: action and subgoal for the world and the memory, spans and switching decision
 * for training.
 *
 * Whether the subgoal was switched follows from the span of the switch block, so that masks, segments and memory
 * have one truth: any word but KEEP switches, and a reply without a switch block keeps.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatReply, readReply } from "@hiper/lab/language";
 *
 * const text = formatReply({
 *   switching: "KEEP",
 *   subgoal: "find a mug",
 *   action: "go to shelf 1",
 * });
 * const reply = readReply([text], { held: "find the mug" });
 * strictEqual(reply.subgoal, "find the mug"); // KEEP keeps, however it was worded
 * strictEqual(reply.switched, false);
 * ```
 *
 * @param pieces Text of each token, special tokens included. Shape `(tokens,)`.
 * @param options How to parse, locate and remember.
 * @returns The parts of a decision; an unreadable reply is not an error but invalid.
 */
export function readReply(
  pieces: readonly string[],
  options: ReadReplyOptions = {},
): ReadReply {
  const { held = "", memory = "copy", skipThinking = false } = options;
  const { text = pieces.join("") } = options;
  const skipped = (whole: string) =>
    skipThinking ? thoughtEnd(whole, { opened: skipThinking === "opened" }) : 0;
  const parsed = parseReply(text.slice(skipped(text)), options);
  const from = skipped(pieces.join(""));
  const located = locateBlocks(
    pieces,
    from === 0 ? options : { ...options, from },
  );
  const keeps = memory === "copy" && held !== "" &&
    (!located.switched || parsed.subgoal === "");
  return {
    ...located,
    subgoal: keeps ? held : parsed.subgoal,
    action: parsed.action,
    valid: parsed.valid,
    parsed,
  };
}
