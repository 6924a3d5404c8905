/**
 * AgentGym's conversations, both ways: instructions, an acknowledgement, then observations and replies of thought and
 * action.
 *
 * @see {@link https://github.com/WooooDyy/AgentGym | AgentGym}
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { readSettings } from "../settings.ts";
import { byDecision, type Trajectory, type Turn } from "../trajectory.ts";

/** One episode as AgentGym's data sets have it. */
export interface AgentGymConversation {
  /** Name of the task: `alfworld_17`. */
  readonly item_id: string;
  /** Messages; `loss` says which replies are learned. */
  readonly conversations: readonly {
    readonly from: "human" | "gpt";
    readonly value: string;
    readonly loss?: boolean | null | undefined;
  }[];
}

const INSTRUCTIONS =
  `Interact with a text environment to solve a task. Every turn you read an observation and answer with your thought and one action, in this form:
Thought:
your thought
Action:
your action`;

const ACKNOWLEDGEMENT = "OK. I'll follow your instructions.";

/**
 * Writes an episode as a conversation; the subgoal in force is the thought.
 *
 * @param trajectory The episode.
 * @returns An element of AgentGym's files.
 */
export function writeConversation(
  trajectory: Trajectory,
): AgentGymConversation {
  const { id, task, turns, finalObservation } = trajectory;
  const messages: {
    from: "human" | "gpt";
    value: string;
    loss: boolean | null;
  }[] = [
    { from: "human", value: INSTRUCTIONS, loss: null },
    { from: "gpt", value: ACKNOWLEDGEMENT, loss: false },
  ];
  for (const [t, { observation: { text }, decision }] of turns.entries()) {
    const shown = t === 0 && !text.includes(task) ? `${task}\n\n${text}` : text;
    messages.push({ from: "human", value: shown, loss: null });
    messages.push({
      from: "gpt",
      value: `Thought:\n${decision.subgoal}\n\nAction:\n${decision.action}`,
      loss: decision.valid,
    });
  }
  if (finalObservation) {
    messages.push({ from: "human", value: finalObservation.text, loss: null });
  }
  return { item_id: id, conversations: messages };
}

const conversation = z.looseObject({
  item_id: z.string(),
  conversations: z.array(z.looseObject({
    from: z.enum(["human", "gpt"]),
    value: z.string(),
    loss: z.boolean().nullish(),
  })).min(2),
});

/** What a conversation does not say. */
export interface ReadConversationOptions {
  /** Whether thoughts are subgoals, another one than before a switch; else there are none. @default {false} */
  readonly thoughtsAsSubgoals?: boolean;
  /** Reward of the last turn; AgentGym's data sets hold solved tasks. @default {1} */
  readonly reward?: number;
}

/**
 * Reads an episode from one of AgentGym's conversations.
 *
 * @param row The conversation, as JSON was parsed.
 * @param options What thoughts are, and what the episode paid.
 * @returns The episode; its decisions have no traces.
 * @throws {TypeError} If the row has another form, or no reply has an action.
 */
export function readConversation(
  row: unknown,
  options: ReadConversationOptions = {},
): Trajectory {
  const { thoughtsAsSubgoals = false, reward = 1 } = options;
  const { item_id: id, conversations } = readSettings(
    conversation,
    row,
    "read a conversation",
  ) as AgentGymConversation;
  const turns: Turn[] = [];
  let seen = "", held = "", last: string | undefined;
  for (const { from, value } of conversations) {
    if (from === "human") {
      last = seen = value;
      continue;
    }
    const at = value.lastIndexOf("Action:");
    if (at < 0) continue; // the acknowledgement
    const action = value.slice(at + "Action:".length)
      .replace(/<\/s>\s*$/, "").trim();
    const thought = value.slice(0, at).replace(/^\s*Thought:/, "").trim();
    const subgoal = thoughtsAsSubgoals ? thought : "";
    turns.push({
      observation: { text: seen, admissibleActions: [], stateKey: seen },
      decision: {
        switched: thoughtsAsSubgoals &&
          (turns.length === 0 || subgoal !== held),
        subgoal,
        action,
        valid: true,
        trace: { kind: "untrainable" },
      },
      reward: 0,
    });
    held = subgoal;
    last = undefined;
  }
  const final = turns.pop();
  if (final === undefined) {
    throw new TypeError(
      `Cannot read a conversation as a reply must have an action: "${id}" has none`,
    );
  }
  turns.push({ ...final, reward });
  const first = turns[0]!.observation.text;
  const task = /Your task is to: (.*)/.exec(first)?.[1]?.trim() ?? first;
  return {
    id,
    task,
    group: id,
    turns,
    ending: "terminated",
    success: reward > 0,
    score: reward > 0 ? 1 : 0,
    bootstrap: byDecision(() => 0),
    ...(last !== undefined && {
      finalObservation: { text: last, admissibleActions: [], stateKey: last },
    }),
    seed: 0,
  };
}
