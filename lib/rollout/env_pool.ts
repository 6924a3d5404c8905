/**
 * Workers that hold worlds: each world lives in one of them and is called as a `TextEnv`.
 *
 * Calls made in one go travel in one message per Worker. Observations do not depend on
 * the assignment of worlds to Workers. A pool pays off when a step takes longer than a message,
 * about a tenth of a millisecond; see the rollout bench.
 *
 * @module
 */

import { checkPositiveInteger } from "../checks.ts";
import type { OpenEnv, TextEnv } from "../envs/text_env.ts";
import { connectWorker, type RemoteWorker } from "../rpc.ts";
import type { EnvHandlers } from "./env_worker.ts";

/** Workers that hold worlds; its `open` stands wherever an opener of worlds does. */
export interface EnvPool extends AsyncDisposable {
  /** Opens a world in one of the Workers. */
  readonly open: OpenEnv;
}

/** How a pool is made. */
export interface EnvPoolOptions {
  /** How many Workers, at least 1. */
  readonly workers: number;
  /** Whether observations carry the hints of their worlds' experts, as {@linkcode withHints} adds them, at the cost of running the experts. @default {false} */
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
 * @param options Number of Workers, and whether observations carry hints.
 * @returns A pool; disposing it ends the Workers and every world in them.
 * @throws {RangeError} If `workers` is not a positive integer.
 */
export function createEnvPool(options: EnvPoolOptions): EnvPool {
  const { workers, hints = false } = options;
  checkPositiveInteger("start a pool", { workers });
  const url = new URL("./env_worker.ts", import.meta.url);
  const hosts = Array.from(
    { length: workers },
    () => connectWorker<EnvHandlers>(url, "reach a world"),
  );
  let opened = 0;
  return {
    open: async (spec, seed) => {
      const world = opened++;
      const host = hosts[world % workers]!;
      await host.call("open", { world, spec, seed, hints });
      return remoteWorld(host, world);
    },
    [Symbol.asyncDispose]() {
      for (const host of hosts) host.end("the pool has ended");
      return Promise.resolve();
    },
  };
}

/** A world that lives in a Worker. */
function remoteWorld(
  host: RemoteWorker<EnvHandlers>,
  world: number,
): TextEnv {
  return {
    start: () => host.call("start", world),
    step: (action) => host.call("step", { world, action }),
    async [Symbol.asyncDispose]() {
      // The worlds of a pool that has ended are gone already.
      await host.call("close", world).catch(() => undefined);
    },
  };
}
