/**
 * Workers that hold worlds: each world lives in one of them and is spoken to as a `TextEnv`.
 *
 * Calls made in one go travel in one message per Worker. Which Worker holds a world changes
 * nothing in what it answers. Worth it when a world thinks longer than a message takes,
 * about a tenth of a millisecond; see the rollout bench.
 *
 * @module
 */

import type {
  EnvSpec,
  EnvStart,
  EnvStep,
  OpenEnv,
  TextEnv,
} from "../envs/text_env.ts";
import type { WorkerSettings, WorldAnswer, WorldCall } from "./env_worker.ts";

/** Workers that hold worlds. Pass its `open` to whoever plays. */
export interface EnvPool extends AsyncDisposable {
  /** Opens a world in one of the Workers. */
  readonly open: OpenEnv;
}

/** How a pool is made. */
export interface EnvPoolOptions {
  /** How many Workers, at least 1. */
  readonly workers: number;
  /** Whether observations carry the hints of their worlds' experts, as {@linkcode withHints} adds them; asking an expert costs time. @default {false} */
  readonly hints?: boolean;
}

/**
 * Starts Workers that hold worlds.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createEnvPool } from "@hiper/lab";
 *
 * await using pool = createEnvPool({ workers: 1 });
 * const env = await pool.open({ kind: "corridor", length: 5 }, 1);
 * const { observation } = await env.start();
 * strictEqual(observation.admissibleActions.includes("wait"), true);
 * ```
 *
 * @param options How many, and whether experts are asked.
 * @returns A pool; disposing it ends the Workers and every world in them.
 * @throws {RangeError} If `workers` is not a positive integer.
 */
export function createEnvPool(options: EnvPoolOptions): EnvPool {
  const { workers, hints = false } = options;
  if (!(Number.isSafeInteger(workers) && workers > 0)) {
    throw new RangeError(
      `Cannot start a pool as "workers" must be a positive integer: current value is ${workers}`,
    );
  }
  const hosts = Array.from(
    { length: workers },
    () => new RemoteHost({ hints }),
  );
  let opened = 0;
  return {
    open: async (spec, seed) => {
      const world = opened++;
      const host = hosts[world % workers]!;
      await host.call({ kind: "open", world, spec, seed });
      return new RemoteWorld(host, world);
    },
    [Symbol.asyncDispose]() {
      for (const host of hosts) host.end();
      return Promise.resolve();
    },
  };
}

/** A call before it has a number. */
type Request =
  | { kind: "open"; world: number; spec: EnvSpec; seed: number }
  | { kind: "start" | "close"; world: number }
  | { kind: "step"; world: number; action: string };

/** One Worker, and the calls it has not answered yet. */
class RemoteHost {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, {
    resolve: (answer: WorldAnswer) => void;
    reject: (reason: Error) => void;
  }>();
  #batch: WorldCall[] = [];
  #calls = 0;
  #failure: Error | undefined;

  constructor(settings: WorkerSettings) {
    const url = new URL("./env_worker.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = (event: MessageEvent<WorldAnswer[]>) => {
      for (const answer of event.data) {
        this.#waiting.get(answer.call)?.resolve(answer);
        this.#waiting.delete(answer.call);
      }
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(`its Worker failed: ${event.message}`);
    };
    this.#worker.postMessage(settings);
  }

  async call(request: Request): Promise<WorldAnswer> {
    if (this.#failure) throw this.#failure;
    const call = this.#calls++;
    const answer = new Promise<WorldAnswer>((resolve, reject) =>
      this.#waiting.set(call, { resolve, reject })
    );
    this.#batch.push({ ...request, call } as WorldCall);
    if (this.#batch.length === 1) queueMicrotask(() => this.#send());
    const settled = await answer;
    if (settled.failure !== undefined) throw new Error(settled.failure);
    return settled;
  }

  end(): void {
    this.#worker.terminate();
    this.#fail("the pool has ended");
  }

  #send(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (!this.#failure) this.#worker.postMessage(batch);
  }

  #fail(reason: string): void {
    this.#failure ??= new Error(`Cannot reach a world as ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

/** A world that lives in a Worker. */
class RemoteWorld implements TextEnv {
  readonly #host: RemoteHost;
  readonly #world: number;

  constructor(host: RemoteHost, world: number) {
    this.#host = host;
    this.#world = world;
  }

  async start(): Promise<EnvStart> {
    const world = this.#world;
    const answer = await this.#host.call({ kind: "start", world });
    return answer.result as EnvStart;
  }

  async step(action: string): Promise<EnvStep> {
    const world = this.#world;
    const answer = await this.#host.call({ kind: "step", world, action });
    return answer.result as EnvStep;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A pool that has ended took its worlds along.
    await this.#host.call({ kind: "close", world: this.#world })
      .catch(() => undefined);
  }
}
