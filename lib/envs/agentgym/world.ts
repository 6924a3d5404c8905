/**
 * Worlds on AgentGym's servers: `{ kind: "agentgym", url, environment, task }`.
 *
 * @see {@link https://github.com/WooooDyy/AgentGym | AgentGym}, commit 3ef9235
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
import type { World } from "../world.ts";
import {
  type AgentGymServer,
  object,
  SERVERS,
  UnreadableReply,
} from "./servers.ts";

const SETTINGS = {
  url: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1),
  ]).describe("Address of the server, or of several that take turns"),
  environment: z.enum(
    Object.keys(SERVERS) as (keyof typeof SERVERS)[],
  ).describe("Which of AgentGym's environments it serves"),
  maxTurns: z.number().int().positive().optional().describe(
    "Steps after which the episode is truncated. Default: none, the rollout has the limit",
  ),
  stateKey: STATE_KEY,
  resetSeconds: z.number().positive().default(300).describe(
    "Seconds until create and reset must be answered; engines start there",
  ),
  stepSeconds: z.number().positive().default(60).describe(
    "Seconds until a step must be answered; later its outcome is unknown, and the episode is lost",
  ),
};

const AGENTGYM_SPEC = z.strictObject({
  kind: z.literal("agentgym"),
  ...SETTINGS,
  task: z.number().int().min(0).optional().describe(
    "Number of the task. Default: the seed of the episode, modulo 1,000",
  ),
});

const AGENTGYM_DATASET = z.strictObject({
  dataset: z.literal("agentgym"),
  ...SETTINGS,
  first: z.number().int().min(0).default(0).describe(
    "Number of the first task",
  ),
  count: z.number().int().positive().describe("How many tasks"),
});

type Settings = z.output<typeof AGENTGYM_SPEC>;

const TASK = "play an AgentGym world";

/** Tasks that seeds draw from, where none is named. */
const DRAWN_TASKS = 1000;

/** Milliseconds before each repetition of a request that changes nothing, or begins an episode. */
const REPETITIONS = [200, 800, 3000];

/** Milliseconds until a request that only looks must be answered. */
const LOOK = 30_000;

/** What a server said was wrong. */
class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

/** A server with the environments on it that no episode holds. */
class Pool {
  readonly url: string;
  readonly #server: AgentGymServer;
  readonly #free: number[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  readonly #serial: boolean;

  constructor(url: string, environment: keyof typeof SERVERS) {
    this.url = url.replace(/\/+$/, "");
    this.#server = SERVERS[environment];
    // This server blocks while it handles a request; side by side they would only wait longer, and time out.
    this.#serial = environment === "alfworld";
  }

  /** Takes an environment that is free, or creates one. */
  async lease(milliseconds: number): Promise<number> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const { create, id } = this.#server;
    const reply = await this.repeat("/create", {
      body: create,
      post: true,
      milliseconds,
    });
    const number = typeof reply === "number" ? reply : object(reply).id;
    if (typeof number === "number") return number;
    throw new UnreadableReply(`"${id}" must be a number`);
  }

  /** Gives an environment back for another episode. */
  release(id: number): void {
    this.#free.push(id);
  }

  /** Closes an environment that failed, where the server can. */
  async discard(id: number): Promise<void> {
    if (!this.#server.closes) return;
    await this.once("/close", { body: { id }, post: true, milliseconds: LOOK })
      .catch(() => undefined);
  }

  /** Sends a request that may be repeated. */
  async repeat(path: string, request: PoolRequest): Promise<unknown> {
    for (const wait of REPETITIONS) {
      try {
        return await this.once(path, request);
      } catch (error) {
        if (!(error instanceof EpisodeLostError)) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
    return await this.once(path, request);
  }

  /**
   * Sends a request once.
   *
   * @throws {EpisodeLostError} If there is no reply: whether it was carried out is unknown.
   * @throws {EnvironmentError} If the server says what was wrong.
   */
  once(path: string, request: PoolRequest): Promise<unknown> {
    if (!this.#serial) return this.#send(path, request);
    const answer = this.#queue.then(() => this.#send(path, request));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  async #send(path: string, request: PoolRequest): Promise<unknown> {
    const { body, post, milliseconds } = request;
    let status: number, text: string;
    try {
      const answer = await fetch(this.url + path, {
        method: post ? "POST" : "GET",
        redirect: "manual",
        signal: AbortSignal.timeout(milliseconds),
        ...(body && {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      });
      status = answer.status;
      text = await answer.text();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EpisodeLostError(
        `no reply from ${this.url}${path}: ${reason}`,
        {
          cause,
        },
      );
    }
    let reply: unknown;
    try {
      reply = JSON.parse(text);
    } catch {
      reply = undefined;
    }
    // Errors look like success: most servers answer 200 with an error inside.
    if (
      typeof reply === "object" && reply !== null && "error" in reply
    ) throw new EnvironmentError(String(reply.error));
    if (status === 422) {
      throw new TypeError(
        `Cannot ${TASK} as "environment" must be the one that ${this.url} serves: ${path} answered ${text}`,
      );
    }
    if (status < 200 || status > 299 || reply === undefined) {
      throw new EnvironmentError(
        `${path} answered ${status} ${text.slice(0, 200)}`,
      );
    }
    return reply;
  }
}

interface PoolRequest {
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  readonly post: boolean;
  readonly milliseconds: number;
}

/** One episode on a server. */
class AgentGymWorld implements TextEnv {
  readonly #pool: Pool;
  readonly #settings: Settings;
  readonly #task: number;
  readonly #server: AgentGymServer;
  readonly #keys: StateKeys;
  #id: number | undefined;
  #score = 0;
  #turns = 0;
  #state: "new" | "playing" | "over" = "new";

  constructor(pool: Pool, settings: Settings, task: number) {
    this.#pool = pool;
    this.#settings = settings;
    this.#task = task;
    this.#server = SERVERS[settings.environment];
    this.#keys = new StateKeys(settings.stateKey);
  }

  async start(): Promise<EnvStart> {
    const milliseconds = 1000 * this.#settings.resetSeconds;
    const { id: key, reset, start } = this.#server;
    const id = this.#id = await this.#pool.lease(milliseconds);
    const reply = await this.#known(async () =>
      await this.#pool.repeat("/reset", {
        body: { [key]: id, ...reset(this.#task) },
        post: true,
        milliseconds,
      })
    );
    const { task, taskType, text, actions } = start(reply);
    this.#state = "playing";
    return {
      task,
      ...(taskType !== undefined && { taskType }),
      observation: this.#observe(text, actions ?? await this.#list()),
    };
  }

  async step(action: string): Promise<EnvStep> {
    const id = this.#id;
    if (this.#state !== "playing" || id === undefined) {
      throw new Error(
        `Cannot step as the episode must be in progress: it ${
          this.#state === "new" ? "has not begun" : "has ended"
        }`,
      );
    }
    const { id: key, write, turn } = this.#server;
    const reply = await this.#known(async () =>
      // Never repeated: the server keeps no count of steps, and may have taken this one.
      await this.#pool.once("/step", {
        body: { [key]: id, action: write(action) },
        post: true,
        milliseconds: 1000 * this.#settings.stepSeconds,
      })
    );
    const shown = turn(object(reply), this.#score);
    this.#score = shown.score;
    this.#turns++;
    this.#keys.add(action);
    const limit = this.#settings.maxTurns ?? Infinity;
    const ending = shown.ending ??
      (this.#turns >= limit ? "truncated" as const : undefined);
    if (ending !== undefined) this.#state = "over";
    const actions = shown.actions ??
      (ending === undefined ? await this.#list() : []);
    return {
      observation: this.#observe(shown.text, actions),
      reward: shown.reward,
      success: shown.success,
      score: shown.score,
      ...(ending !== undefined && { ending }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const id = this.#id;
    this.#id = undefined;
    this.#state = "over";
    if (id === undefined) return;
    // Where nothing can be closed, the next episode is played on the same environment.
    if (this.#server.closes) await this.#pool.discard(id);
    else this.#pool.release(id);
  }

  #observe(text: string, actions: readonly string[]): Observation {
    const stateKey = this.#keys.key(text, actions);
    return { text, admissibleActions: actions, stateKey };
  }

  /** Actions, where the server lists them on request. */
  async #list(): Promise<readonly string[]> {
    const { list, id: key } = this.#server;
    if (list === undefined) return [];
    const reply = await this.#known(async () =>
      await this.#pool.repeat(`/available_actions?${key}=${this.#id}`, {
        post: false,
        milliseconds: LOOK,
      })
    );
    return list(object(reply));
  }

  /** Loses the episode where the environment fails; it serves no other one. */
  async #known(call: () => Promise<unknown>): Promise<unknown> {
    try {
      return await call();
    } catch (error) {
      const id = this.#id;
      const failed = error instanceof EnvironmentError ||
        error instanceof EpisodeLostError || error instanceof UnreadableReply;
      if (!failed) throw error;
      const began = this.#state === "playing";
      this.#id = undefined;
      this.#state = "over";
      if (id !== undefined) await this.#pool.discard(id);
      // A task that cannot be begun is not there; one in progress is lost.
      throw error instanceof EpisodeLostError || !began
        ? error
        : new EpisodeLostError(error.message, { cause: error });
    }
  }
}

/** Worlds on AgentGym's servers. */
export const AGENTGYM: World = {
  settings: AGENTGYM_SPEC,
  createOpener: () => {
    const pools = new Map<string, Pool>();
    let opened = 0;
    return (spec, seed) => {
      const settings = readSettings(AGENTGYM_SPEC, spec, TASK);
      const { url, environment, task } = settings;
      const urls = [url].flat();
      const chosen = urls[opened++ % urls.length]!;
      if (!/^https?:\/\//.test(chosen) || !URL.canParse(chosen)) {
        throw new TypeError(
          `Cannot ${TASK} as "url" must be an address such as http://127.0.0.1:36001: current value is ${chosen}`,
        );
      }
      const key = `${environment} ${chosen}`;
      const pool = pools.get(key) ?? new Pool(chosen, environment);
      pools.set(key, pool);
      const index = task ?? Math.abs(seed) % DRAWN_TASKS;
      return new AgentGymWorld(pool, settings, index);
    };
  },
  datasets: {
    agentgym: {
      settings: AGENTGYM_DATASET,
      list: (dataset) => {
        const { first, count, dataset: _, ...settings } = readSettings(
          AGENTGYM_DATASET,
          dataset,
          "list AgentGym worlds",
        );
        const specs = Array.from({ length: count }, (_, i): EnvSpec => ({
          ...settings,
          kind: "agentgym",
          task: first + i,
        }));
        return { specs, skipped: [] };
      },
    },
  },
};
