/**
 * The five kinds of AgentGym servers: what each is sent, and how its replies are read.
 *
 * @see {@link https://github.com/WooooDyy/AgentGym | AgentGym}, commit 3ef9235
 *
 * @module
 */

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a turn shows. */
export interface AgentGymTurn {
  /** What the agent reads. */
  readonly text: string;
  /** What may be done; `undefined` where the server does not say. */
  readonly actions?: readonly string[] | undefined;
  /** Pays the step, in units of the benchmark. */
  readonly reward: number;
  /** Ended by the task, or by a limit of the server. */
  readonly ending?: "terminated" | "truncated" | undefined;
  /** Whether the task is accomplished. */
  readonly success: boolean;
  /** Score in `[0, 1]`. */
  readonly score: number;
}

/** What the first turn shows. */
export interface AgentGymStart {
  /** The task in words. */
  readonly task: string;
  /** Kind of task, where the server says it. */
  readonly taskType?: string | undefined;
  /** What the agent reads. */
  readonly text: string;
  /** What may be done. */
  readonly actions?: readonly string[] | undefined;
}

/** One kind of server. */
export interface AgentGymServer {
  /** Name of the environment's number in requests. */
  readonly id: "id" | "env_idx";
  /** Body of `/create`, if it must have one. */
  readonly create?: JsonObject;
  /** Body of `/reset` for a task's number, without the environment's. */
  readonly reset: (index: number) => JsonObject;
  /** Reads the reply to `/reset`. */
  readonly start: (reply: unknown) => AgentGymStart;
  /** How an action is written. */
  readonly write: (action: string) => string;
  /** Reads the reply to `/step`; `before` is the score so far. */
  readonly turn: (reply: JsonObject, before: number) => AgentGymTurn;
  /** Lists actions by a request of its own. */
  readonly list?: (reply: JsonObject) => readonly string[];
  /** Whether environments can be closed. */
  readonly closes: boolean;
  /** Steps that the project's own evaluation takes. */
  readonly rounds: number;
}

const trimmed = (action: string) => action.trim();
const lower = (action: string) => action.trim().toLowerCase();

/** Reads ALFWorld: a win pays 1, and the engine's own limit of 50 steps ends without one. */
const alfworld: AgentGymServer = {
  id: "id",
  reset: (game) => ({ game, world_type: "Text" }),
  start: (reply) => {
    const { observation, available_actions, task_type } = object(reply);
    const text = words(observation, "observation");
    const mark = "Your task is to: ";
    const at = text.indexOf(mark);
    return {
      task: at < 0 ? text : text.slice(at + mark.length).trim(),
      taskType: typeof task_type === "string"
        ? /^[a-z_]+/.exec(task_type)?.[0]
        : undefined,
      text,
      actions: usable(available_actions),
    };
  },
  write: lower,
  turn: ({ observation, available_actions, reward, done }) => {
    const paid = number(reward, "reward"), won = paid === 1;
    return {
      text: words(observation, "observation"),
      actions: usable(available_actions),
      reward: paid,
      success: won,
      score: won ? 1 : 0,
      ending: done !== true ? undefined : won ? "terminated" : "truncated",
    };
  },
  closes: false,
  rounds: 30,
};

/** Reads WebShop: a purchase pays its score and ends; actions are asked for. */
const webshop: AgentGymServer = {
  id: "env_idx",
  reset: (session_id) => ({ session_id }),
  start: (reply) => {
    const text = words(Array.isArray(reply) ? reply[0] : undefined, "reply");
    return { task: text.split(" [SEP] ")[2] ?? text, text };
  },
  write: lower,
  turn: ({ state, reward, done }) => {
    const paid = number(reward, "reward");
    return {
      text: words(state, "state"),
      reward: paid,
      success: done === true && paid === 1,
      score: Math.min(1, Math.max(0, paid)),
      ending: done === true ? "terminated" : undefined,
    };
  },
  list: ({ has_search_bar, clickables }) => [
    ...(has_search_bar === true ? ["search[<your query>]"] : []),
    ...(texts(clickables) ?? []).filter((label) =>
      !(has_search_bar === true && label === "search")
    ).map((label) => `click[${label}]`),
  ],
  closes: false,
  rounds: 10,
};

/** Reads ScienceWorld: a step pays the change of a score of 100; -100 is a fatal mistake. */
const sciworld: AgentGymServer = {
  id: "id",
  reset: (data_idx) => ({ data_idx }),
  start: (reply) => {
    const { task_description, observation, task_name } = object(reply);
    const task = words(task_description, "task_description");
    return {
      task,
      taskType: typeof task_name === "string" ? task_name : undefined,
      text: `${task}\n${words(observation, "observation")}`,
    };
  },
  write: trimmed,
  turn: ({ observation, reward, score, done }) => {
    const total = number(score, "score");
    return {
      text: words(observation, "observation"),
      reward: number(reward, "reward") / 100,
      success: total === 100,
      score: Math.min(1, Math.max(0, total / 100)),
      ending: done !== true
        ? undefined
        : total === 100 || total < 0
        ? "terminated"
        : "truncated",
    };
  },
  closes: true,
  rounds: 30,
};

/** Reads BabyAI: any reward is a success, even where the server does not call the episode done. */
const babyai: AgentGymServer = {
  id: "id",
  reset: (data_idx) => ({ data_idx }),
  start: (reply) => {
    const text = words(object(reply).observation, "observation");
    const goal = /Your goal:?\s*(.*)/.exec(text)?.[1]?.trim();
    return { task: goal || text, text, actions: listedActions(text) };
  },
  write: lower,
  turn: ({ observation, reward, done }, before) => {
    const paid = number(reward, "reward");
    const text = words(observation, "observation");
    // A step that was not carried out repeats the last reward, which ends the episode here.
    const won = paid > 0 && before === 0;
    return {
      text,
      actions: listedActions(text),
      reward: won ? paid : 0,
      success: won,
      score: Math.min(1, Math.max(0, paid)),
      ending: won ? "terminated" : done === true ? "truncated" : undefined,
    };
  },
  closes: true,
  rounds: 20,
};

/** Reads TextCraft: the goal's item pays 1. */
const textcraft: AgentGymServer = {
  id: "id",
  create: {},
  reset: (data_idx) => ({ data_idx }),
  start: (reply) => {
    const text = words(object(reply).observation, "observation");
    const goal = /Goal: (.*?)\.?\s*$/.exec(text)?.[1];
    return { task: goal || text, text };
  },
  write: trimmed,
  turn: ({ observation, reward, done }) => {
    const won = number(reward, "reward") === 1;
    return {
      text: words(observation, "observation"),
      reward: won ? 1 : 0,
      success: won,
      score: won ? 1 : 0,
      ending: done === true || won ? "terminated" : undefined,
    };
  },
  closes: true,
  rounds: 20,
};

/** Kinds of servers by the name of their environment. */
export const SERVERS = {
  alfworld,
  webshop,
  sciworld,
  babyai,
  textcraft,
} as const satisfies Readonly<Record<string, AgentGymServer>>;

/** A reply that is not what the server is known to send. */
export class UnreadableReply extends Error {
  override readonly name = "UnreadableReply";
}

/** An object, or else an error. */
export function object(value: unknown): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw new UnreadableReply(`a reply must be an object: ${show(value)}`);
}

function words(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new UnreadableReply(`"${name}" must be text: ${show(value)}`);
}

function number(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new UnreadableReply(`"${name}" must be a number: ${show(value)}`);
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((one) => typeof one === "string")
    ? value
    : undefined;
}

/** ALFWorld's actions without its list of commands. */
function usable(value: unknown): readonly string[] | undefined {
  return texts(value)?.filter((action) => action !== "help");
}

/** BabyAI's actions stand in the text, after the last mark; short lists may lack a bracket. */
function listedActions(text: string): readonly string[] | undefined {
  const mark = "Available actions:";
  const at = text.lastIndexOf(mark);
  if (at < 0) return undefined;
  const list = text.slice(at + mark.length);
  const quoted = [...list.matchAll(/"([^"]*)"|'([^']*)'/g)]
    .map(([, double, single]) => double ?? single!);
  const found = quoted.length > 0
    ? quoted
    : list.replaceAll(/[[\]]/g, "").split(",").map((one) => one.trim());
  return found.filter((action) =>
    action !== "" && action !== "check available actions"
  );
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}
