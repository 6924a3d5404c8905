/**
 * Episodes as conversations: rows of JSON lines as TRL and verifiers read and write them, both ways.
 *
 * A row has `prompt` and `completion`, lists of messages, and the rewards. With `form: "tools"` a decision is a call
 * of the tool `act`, and observations are its results; with `form: "blocks"` it is text in the three blocks, and
 * observations are user messages.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { formatReply, parseReply } from "../policy/language/blocks.ts";
import { readSettings } from "../settings.ts";
import {
  byDecision,
  type Decision,
  type Observation,
  type Trajectory,
  type Turn,
} from "../trajectory.ts";

/** One message. */
export interface RecordMessage {
  /** Who speaks. */
  readonly role: "system" | "user" | "assistant" | "tool";
  /** What is said; may be empty beside a call. */
  readonly content?: string | null | undefined;
  /** Name of the tool whose result it is. */
  readonly name?: string | undefined;
  /** Calls of tools. */
  readonly tool_calls?:
    | readonly {
      readonly type?: "function" | undefined;
      readonly function: {
        readonly name: string;
        /** Arguments as an object, or as JSON text. */
        readonly arguments: unknown;
      };
    }[]
    | null
    | undefined;
}

/** One episode as a conversation. */
export interface MessageRecord {
  /** Name of the episode. */
  readonly id?: string | undefined;
  /** Messages before the first decision. */
  readonly prompt: readonly RecordMessage[];
  /** Decisions and what they led to. */
  readonly completion: readonly RecordMessage[];
  /** Sum of rewards. */
  readonly reward?: number | null | undefined;
  /** Reward of each decision. */
  readonly turn_rewards?: readonly number[] | undefined;
  /** Whether the task was accomplished. */
  readonly success?: boolean | undefined;
  /** Whether a limit ended the episode. */
  readonly truncated?: boolean | undefined;
  /** The task in words. */
  readonly task?: string | undefined;
  /** What conversations do not hold, so that reading gives back what was written. */
  readonly hiper?: {
    readonly group: string;
    readonly seed: number;
    readonly score: number;
    readonly task_type?: string | undefined;
    readonly admissible: readonly (readonly string[])[];
    readonly state_keys: readonly string[];
    readonly subgoals: readonly string[];
    readonly switched: readonly boolean[];
    readonly valid: readonly boolean[];
  } | undefined;
}

/** How an episode is written. */
export interface WriteMessagesOptions {
  /** Calls of a tool, or text in the three blocks. @default {"tools"} */
  readonly form?: "tools" | "blocks";
  /** Whether the row holds what conversations do not, under `hiper`. @default {true} */
  readonly complete?: boolean;
}

/** The tool of `form: "tools"`, as a chat template takes it. */
export const ACT_TOOL = {
  type: "function",
  function: {
    name: "act",
    description: "Run one text command in the world.",
    parameters: {
      type: "object",
      properties: {
        command: { type: "string", description: "The command to run" },
      },
      required: ["command"],
    },
  },
} as const;

/**
 * Writes an episode as a conversation.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { collectTrajectories, createRandom, expertPolicy, scheduleEpisodes } from "@hiper/lab";
 * import { readMessages, writeMessages } from "@hiper/lab/ecosystem";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const schedule = scheduleEpisodes([spec], { random: createRandom(1), tasks: 1 });
 * const [episode] = await collectTrajectories(policy, schedule);
 * deepStrictEqual(readMessages(writeMessages(episode!)), episode);
 * ```
 *
 * @param trajectory The episode.
 * @param options Form of decisions.
 * @returns A row; `JSON.stringify` makes a line of it.
 */
export function writeMessages(
  trajectory: Trajectory,
  options: WriteMessagesOptions = {},
): MessageRecord {
  const { form = "tools", complete = true } = options;
  const { id, task, turns, finalObservation, success, ending } = trajectory;
  const [first] = turns;
  const text = first?.observation.text ?? "";
  const opening = text.includes(task) ? text : `${task}\n\n${text}`;
  const completion: RecordMessage[] = [];
  for (const [t, { decision }] of turns.entries()) {
    completion.push(
      form === "tools" ? callOf(decision) : sayingOf(decision, t),
    );
    const next = turns[t + 1]?.observation ?? finalObservation;
    if (next === undefined) continue;
    completion.push(
      form === "tools"
        ? { role: "tool", name: "act", content: next.text }
        : { role: "user", content: next.text },
    );
  }
  return {
    id,
    prompt: [{ role: "user", content: opening }],
    completion,
    reward: turns.reduce((sum, { reward }) => sum + reward, 0),
    turn_rewards: turns.map(({ reward }) => reward),
    success,
    truncated: ending === "truncated",
    task,
    ...(complete && { hiper: completionOf(trajectory) }),
  };
}

function callOf({ action, subgoal, switched }: Decision): RecordMessage {
  return {
    role: "assistant",
    content: switched && subgoal !== "" ? `Subgoal: ${subgoal}` : "",
    tool_calls: [{
      type: "function",
      function: { name: "act", arguments: { command: action } },
    }],
  };
}

function sayingOf(decision: Decision, t: number): RecordMessage {
  const { subgoal, action } = decision;
  const switching = decision.switched || t === 0 ? "SWITCH" : "KEEP";
  return {
    role: "assistant",
    content: formatReply({ switching, subgoal, action }),
  };
}

function completionOf(trajectory: Trajectory) {
  const { group, seed, score, taskType, turns, finalObservation } = trajectory;
  const shown = [
    ...turns.map(({ observation }) => observation),
    ...(finalObservation ? [finalObservation] : []),
  ];
  return {
    group,
    seed,
    score,
    ...(taskType !== undefined && { task_type: taskType }),
    admissible: shown.map(({ admissibleActions }) => admissibleActions),
    state_keys: shown.map(({ stateKey }) => stateKey),
    subgoals: turns.map(({ decision }) => decision.subgoal),
    switched: turns.map(({ decision }) => decision.switched),
    valid: turns.map(({ decision }) => decision.valid),
  };
}

const message = z.looseObject({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.string().nullish(),
  tool_calls: z.array(z.looseObject({
    function: z.looseObject({ name: z.string(), arguments: z.unknown() }),
  })).nullish(),
});

const record = z.looseObject({
  id: z.string().optional(),
  prompt: z.array(message),
  completion: z.array(message).min(1),
  reward: z.number().nullish(),
  turn_rewards: z.array(z.number()).optional(),
  success: z.boolean().optional(),
  truncated: z.boolean().optional(),
  task: z.string().optional(),
  hiper: z.strictObject({
    group: z.string(),
    seed: z.number(),
    score: z.number(),
    task_type: z.string().optional(),
    admissible: z.array(z.array(z.string())),
    state_keys: z.array(z.string()),
    subgoals: z.array(z.string()),
    switched: z.array(z.boolean()),
    valid: z.array(z.boolean()),
  }).optional(),
});

/** What a row lacks. */
export interface ReadMessagesOptions {
  /** Name of the row, for messages and for an episode without `id`. @default {"record"} */
  readonly name?: string;
}

/**
 * Reads an episode from a conversation: each message of the assistant is a decision, what stands before it is what was
 * observed.
 *
 * An action is the argument of a call (`command`, or the only one), the `<action>` block, what follows the last
 * `Action:`, or else the whole message. Rewards are those of the turns, or the row's on the last turn. Without
 * `hiper` no actions are listed as admissible, so that a policy that chooses among them cannot learn from it.
 *
 * @param row The row, as JSON was parsed.
 * @param options Name of the row.
 * @returns The episode; its decisions have no traces, `encodeEpisodes` makes them a policy's own.
 * @throws {TypeError} If the row has another form; what is wrong is named by its place.
 */
export function readMessages(
  row: unknown,
  options: ReadMessagesOptions = {},
): Trajectory {
  const { name = "record" } = options;
  const read = readSettings(record, row, `read "${name}"`) as MessageRecord;
  const { prompt, completion, turn_rewards: rewards, hiper } = read;
  const shown: string[] = [join(prompt)];
  const answers: RecordMessage[] = [];
  for (const [i, one] of completion.entries()) {
    if (one.role === "assistant") {
      if (answers.length === shown.length) shown.push("");
      answers.push(one);
    } else {
      if (answers.length === 0) {
        throw new TypeError(
          `Cannot read "${name}" as "completion.0.role" must be assistant: current value is ${one.role}`,
        );
      }
      const content = one.content ?? "";
      if (completion[i - 1]!.role === "assistant") shown.push(content);
      else shown[shown.length - 1] += `\n${content}`;
    }
  }
  const turns = answers.length;
  checkCounts(name, { turns, rewards, hiper });
  const texts = [unwrapped(shown[0]!, read.task, hiper), ...shown.slice(1)];
  const observe = (t: number): Observation => ({
    text: texts[t]!,
    admissibleActions: hiper?.admissible[t] ?? [],
    stateKey: hiper?.state_keys[t] ?? texts[t]!,
  });
  const total = read.reward ?? 0;
  let held = "";
  const played = answers.map((answer, t): Turn => {
    const said = decisionOf(answer, held);
    const subgoal = hiper?.subgoals[t] ?? said.subgoal;
    const switched = hiper?.switched[t] ??
      (t === 0 || (subgoal !== held && subgoal !== ""));
    held = subgoal;
    return {
      observation: observe(t),
      decision: {
        switched,
        subgoal,
        action: said.action,
        valid: hiper?.valid[t] ?? said.action !== "",
        trace: { kind: "untrainable" },
      },
      reward: rewards?.[t] ?? (t === turns - 1 ? total : 0),
    };
  });
  const success = read.success ?? total > 0;
  return {
    id: read.id ?? name,
    task: read.task ?? texts[0]!,
    ...(hiper?.task_type !== undefined && { taskType: hiper.task_type }),
    group: hiper?.group ?? read.id ?? name,
    success,
    score: hiper?.score ?? (success ? 1 : 0),
    ...(texts.length > turns && { finalObservation: observe(turns) }),
    seed: hiper?.seed ?? 0,
    turns: played,
    ending: read.truncated === true ? "truncated" : "terminated",
    bootstrap: byDecision(() => 0),
  };
}

/** Numbers of things that must agree with the number of decisions. */
function checkCounts(
  name: string,
  { turns, rewards, hiper }: {
    turns: number;
    rewards: readonly number[] | undefined;
    hiper: MessageRecord["hiper"];
  },
): void {
  const counts: [string, number | undefined][] = [
    ["turn_rewards", rewards?.length],
    ["hiper.subgoals", hiper?.subgoals.length],
    ["hiper.switched", hiper?.switched.length],
    ["hiper.valid", hiper?.valid.length],
  ];
  for (const [key, count] of counts) {
    if (count === undefined || count === turns) continue;
    throw new TypeError(
      `Cannot read "${name}" as "${key}" must have one element for each of ${turns} messages of the assistant: current value is ${count}`,
    );
  }
}

function join(messages: readonly RecordMessage[]): string {
  return messages.map(({ content }) => content ?? "").filter((one) =>
    one !== ""
  ).join("\n\n");
}

/** The first observation without the task that was put before it. */
function unwrapped(
  text: string,
  task: string | undefined,
  hiper: MessageRecord["hiper"],
): string {
  const before = `${task}\n\n`;
  return hiper && task !== undefined && text.startsWith(before)
    ? text.slice(before.length)
    : text;
}

/** Subgoal and action of a message. */
function decisionOf(
  { content, tool_calls: calls }: RecordMessage,
  held: string,
): { subgoal: string; action: string } {
  const text = content ?? "";
  const [call] = calls ?? [];
  if (call !== undefined) {
    const given = typeof call.function.arguments === "string"
      ? parse(call.function.arguments)
      : call.function.arguments;
    const values = Object.entries(
      typeof given === "object" && given !== null ? given : {},
    );
    const command = values.find(([key]) => key === "command")?.[1] ??
      (values.length === 1 ? values[0]![1] : undefined);
    const action = typeof command === "string"
      ? command
      : `${call.function.name} ${JSON.stringify(given)}`;
    return { subgoal: /^Subgoal: (.+)$/m.exec(text)?.[1] ?? held, action };
  }
  if (text.includes("<action>")) {
    const { action, subgoal, switching } = parseReply(text);
    return { action, subgoal: switching === "KEEP" ? held : subgoal };
  }
  const at = text.lastIndexOf("Action:");
  const action = at < 0 ? text : text.slice(at + "Action:".length);
  return { subgoal: held, action: action.trim() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
