/**
 * Worlds of other projects, served over OpenEnv: `{ kind: "openenv", url, … }`.
 *
 * Of the laws of a world, a remote one keeps that an ended episode refuses to step; that equal seeds give equal
 * episodes and that other actions change nothing are the server's to keep. State keys are the server's `state_key` in
 * the metadata, or else all actions so far.
 *
 * @see {@link https://github.com/huggingface/OpenEnv | OpenEnv}, versions 0.2.3 to 0.10.0
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { readSettings } from "../../settings.ts";
import type { Observation } from "../../trajectory.ts";
import {
  type EnvSpec,
  type EnvStart,
  type EnvStep,
  EpisodeLostError,
  type TextEnv,
} from "../text_env.ts";
import { STATE_KEY, StateKeys } from "../state_key.ts";
import type { EnvListing, World } from "../world.ts";
import {
  Connection,
  httpUrl,
  isObject,
  type JsonObject,
  RefusedError,
  socketUrl,
  tokenHeaders,
} from "./connection.ts";
import {
  chooseTool,
  commandField,
  type EncodeAction,
  type ReadObservation,
  readObservation,
  takesTools,
} from "./mapping.ts";

const seconds = (usual: number) => z.number().positive().default(usual);

const PLACE = {
  url: z.string().min(1).describe("Address of the server"),
  tokenVariable: z.string().min(1).optional().describe(
    "Environment variable that holds the server's token",
  ),
};

const SETTINGS = {
  actionField: z.string().min(1).optional().describe(
    "Property of an action that holds the command. Default: the only required one of the server's schema",
  ),
  tool: z.string().min(1).optional().describe(
    "Tool that takes the command, where actions are calls of tools. Default: the only one that takes a text",
  ),
  textField: z.string().optional().describe(
    "Field of an observation that the agent reads, as a path with dots. Default: the first of the usual names",
  ),
  admissibleField: z.string().optional().describe(
    "Field that lists what may be done. Default: the first of the usual names, else nothing is listed",
  ),
  goalField: z.string().optional().describe(
    "Field that holds the task. Default: goal, task, instruction or question, else the first text",
  ),
  successField: z.string().optional().describe(
    "Field that says whether the task is accomplished. Default: success or won",
  ),
  scoreField: z.string().optional().describe(
    "Field that holds a score in [0, 1]. Default: score",
  ),
  successReward: z.number().optional().describe(
    "Last reward from which on an episode is a success, for servers that do not say. Default: none is",
  ),
  reset: z.record(z.string(), z.json()).default({}).describe(
    "Keywords of reset besides the seed, such as task_id",
  ),
  stateKey: STATE_KEY,
  connectSeconds: seconds(10).describe(
    "Seconds until the server must be reached and have room",
  ),
  resetSeconds: seconds(60).describe("Seconds until reset must be answered"),
  stepSeconds: seconds(60).describe(
    "Seconds until a step must be answered; later its outcome is unknown, and the episode is lost",
  ),
};

const OPENENV_SPEC = z.strictObject({
  kind: z.literal("openenv"),
  ...PLACE,
  ...SETTINGS,
});

const OPENENV_DATASET = z.strictObject({
  dataset: z.literal("openenv"),
  ...PLACE,
  split: z.string().min(1).default("train").describe(
    "Split of the server's tasks",
  ),
  count: z.number().int().positive().optional().describe(
    "How many tasks are listed. Default: all",
  ),
  settings: z.strictObject(SETTINGS).partial().default({}).describe(
    "Settings of every world",
  ),
});

type Settings = z.output<typeof OPENENV_SPEC>;

const TASK = "play an OpenEnv world";

/** One episode on a server. */
class OpenEnvWorld implements TextEnv {
  readonly #settings: Settings;
  readonly #seed: number;
  readonly #encode: () => Promise<EncodeAction | undefined>;
  readonly #keys: StateKeys;
  #connection: Connection | undefined;
  #write: EncodeAction | undefined;
  #over = false;
  #last: ReadObservation | undefined;

  constructor(
    settings: Settings,
    seed: number,
    encode: () => Promise<EncodeAction | undefined>,
  ) {
    this.#settings = settings;
    this.#seed = seed;
    this.#encode = encode;
    this.#keys = new StateKeys(settings.stateKey);
  }

  async start(): Promise<EnvStart> {
    const { url, connectSeconds, resetSeconds, reset } = this.#settings;
    const token = tokenOf(this.#settings);
    const encode = await this.#encode();
    this.#connection = await Connection.open({ url, token, connectSeconds });
    const data = { ...reset, seed: this.#seed };
    const reply = await this.#connection.request(
      { type: "reset", data },
      resetSeconds,
    );
    const seen = this.#read(reply);
    this.#write = encode ?? await this.#toolEncoder();
    return { task: seen.goal ?? seen.text, observation: this.#observe(seen) };
  }

  async step(action: string): Promise<EnvStep> {
    if (this.#over || this.#connection === undefined) {
      throw new Error(
        `Cannot step as the episode must be in progress: it ${
          this.#over ? "has ended" : "has not begun"
        }`,
      );
    }
    const { stepSeconds, successReward } = this.#settings;
    let reply: JsonObject;
    try {
      reply = await this.#connection.request(
        { type: "step", data: this.#write!(action) },
        stepSeconds,
      );
    } catch (error) {
      if (!(error instanceof RefusedError)) this.#over = true;
      return this.#refused(error);
    }
    const seen = this.#read(reply);
    this.#keys.add(action);
    const reward = Number(reply.reward ?? 0);
    if (!Number.isFinite(reward)) {
      throw new EpisodeLostError(
        `the server paid a reward that is no number: ${reply.reward}`,
      );
    }
    const done = reply.done === true;
    this.#over = done;
    const success = seen.success ??
      (done && successReward !== undefined && reward >= successReward);
    return {
      observation: this.#observe(seen),
      reward,
      success,
      ...(seen.score !== undefined && {
        score: Math.min(1, Math.max(0, seen.score)),
      }),
      ...(done && {
        ending: seen.truncated ? "truncated" : "terminated",
      }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.[Symbol.asyncDispose]();
  }

  /** A world that could not take an action says so, and the episode goes on where it was. */
  #refused(error: unknown): EnvStep {
    if (!(error instanceof RefusedError)) throw error;
    if (error.code === "EXECUTION_ERROR") {
      const text = error.message;
      const seen = { ...this.#last!, text };
      return { observation: this.#observe(seen), reward: 0, success: false };
    }
    if (error.code === "VALIDATION_ERROR") {
      throw new TypeError(
        `Cannot ${TASK} as "actionField" must fit the server's actions: ${error.message}`,
      );
    }
    this.#over = true;
    throw new EpisodeLostError(error.message);
  }

  #observe({ text, admissible, stateKey }: ReadObservation): Observation {
    return {
      text,
      admissibleActions: admissible,
      stateKey: stateKey ?? this.#keys.key(text, admissible),
    };
  }

  #read(reply: JsonObject): ReadObservation {
    const { observation, metadata } = reply;
    const fields = isObject(observation) ? observation : {};
    return this.#last = readObservation({
      ...(isObject(metadata) && { metadata }),
      ...fields,
    }, this.#settings);
  }

  /** Asks the server for its tools. */
  async #toolEncoder(): Promise<EncodeAction> {
    const { resetSeconds, tool: wanted } = this.#settings;
    const { observation } = await this.#connection!.request(
      { type: "step", data: { type: "list_tools" } },
      resetSeconds,
    );
    const tools = isObject(observation) ? observation.tools : undefined;
    const { tool, argument } = chooseTool(tools, wanted);
    return (text) => ({
      type: "call_tool",
      tool_name: tool,
      arguments: { [argument]: text },
    });
  }
}

function tokenOf(
  { tokenVariable }: { readonly tokenVariable?: string | undefined },
): string | undefined {
  if (tokenVariable === undefined) return undefined;
  const token = Deno.env.get(tokenVariable)?.trim();
  if (token) return token;
  throw new TypeError(
    `Cannot ${TASK} as "tokenVariable" must name a variable that holds a token: current value is ${tokenVariable}`,
  );
}

/** Asks a side door of a server. */
async function ask(
  path: string,
  settings: {
    readonly url: string;
    readonly tokenVariable?: string | undefined;
  },
  body?: JsonObject,
): Promise<{ status: number; json: unknown }> {
  const address = `${httpUrl(settings.url)}${path}`;
  let answer: Response;
  try {
    answer = await fetch(address, {
      ...(body && { method: "POST", body: JSON.stringify(body) }),
      redirect: "manual",
      headers: {
        ...tokenHeaders(tokenOf(settings)),
        ...(body && { "content-type": "application/json" }),
      },
      signal: AbortSignal.timeout(SIDE_DOOR),
    });
    const text = await answer.text();
    return { status: answer.status, json: JSON.parse(text) };
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      return { status: answer!.status, json: undefined };
    }
    throw new Error(
      `Cannot ${TASK} as its server must answer at ${address}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
}

/** Milliseconds until a side door must answer. */
const SIDE_DOOR = 30_000;

/** How commands are written for a server; `undefined` where its tools must be asked for. */
async function encoderOf(
  settings: Settings,
): Promise<EncodeAction | undefined> {
  const { actionField, tool } = settings;
  if (actionField !== undefined) return (text) => ({ [actionField]: text });
  if (tool !== undefined) return undefined;
  const { status, json } = await ask("/schema", settings);
  const schema = isObject(json) && isObject(json.action) ? json.action : {};
  if (takesTools(schema)) return undefined;
  const field = commandField(schema);
  if (field !== undefined) return (text) => ({ [field]: text });
  throw new TypeError(
    `Cannot ${TASK} as "actionField" must name the property that holds the command, where the server's schema has not exactly one that is required: current value is absent, and /schema answered ${status} with "${
      isObject(schema.properties)
        ? Object.keys(schema.properties).join('", "')
        : ""
    }"`,
  );
}

/** Lists the tasks of a server. */
async function listTasks(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvListing> {
  const { url, tokenVariable, split, count, settings } = readSettings(
    OPENENV_DATASET,
    dataset,
    "list OpenEnv worlds",
  );
  const place = { url, ...(tokenVariable !== undefined && { tokenVariable }) };
  const names = await ask("/list_environments", place);
  const [name] = Array.isArray(names.json) ? names.json : [];
  const listed = name === undefined
    ? names
    : await ask(`/${encodeURIComponent(name)}/tasks`, place, { split });
  const tasks = isObject(listed.json) ? listed.json.tasks : undefined;
  if (!Array.isArray(tasks)) {
    throw new TypeError(
      `Cannot list OpenEnv worlds as the server at ${url} must list the tasks of split "${split}": it answered ${listed.status} ${
        JSON.stringify(listed.json)
      }`,
    );
  }
  const specs = tasks.slice(0, count).map((task, index): EnvSpec => ({
    kind: "openenv",
    ...place,
    ...settings,
    reset: {
      ...settings.reset,
      ...(isObject(task) && typeof task.id === "string"
        ? { task_id: task.id }
        : { split, task_index: index }),
    },
  }));
  return { specs, skipped: [] };
}

/** Worlds on OpenEnv servers. */
export const OPENENV: World = {
  settings: OPENENV_SPEC,
  createOpener: () => {
    // The schema of a server is asked for once.
    const encoders = new Map<string, Promise<EncodeAction | undefined>>();
    return (spec, seed) => {
      const settings = readSettings(OPENENV_SPEC, spec, TASK);
      socketUrl(settings.url); // refused before a connection is tried
      const { url, actionField, tool } = settings;
      const key = JSON.stringify([url, actionField, tool]);
      const encode = () => {
        const known = encoders.get(key) ?? encoderOf(settings);
        encoders.set(key, known);
        known.catch(() => encoders.delete(key));
        return known;
      };
      return new OpenEnvWorld(settings, seed, encode);
    };
  },
  datasets: { openenv: { settings: OPENENV_DATASET, list: listTasks } },
};
