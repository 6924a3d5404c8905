/**
 * Threads that play and learn with one compact policy: all read its weights in the same shared memory.
 *
 * Episodes are played in chunks, which threads take one after the other, and minibatches are computed in parts. No number
 * depends on which thread does what, so that a thread joins in when it is ready.
 *
 * @module
 */

import type { EnvSpec } from "../../envs/text_env.ts";
import { type EpisodeBatch, toEpisodeBatch } from "../../episode_batch.ts";
import { temperatureOf } from "../../policy/compact/policy.ts";
import type { SharedWeights } from "../../policy/compact/kernels/shared_weights.ts";
import type { Policy } from "../../policy/policy.ts";
import {
  collectEpisodes,
  type CollectOptions,
  collectTrajectories,
} from "../../rollout/collect.ts";
import type { Assignment } from "../../rollout/schedule.ts";
import { connectWorker, type RemoteWorker } from "../../rpc.ts";
import type { Trajectory } from "../../trajectory.ts";
import type { CompactPolicyConfig } from "../config/config.ts";
import type { StrategiesConfig } from "../config/strategy_settings.ts";
import { computePart, type GradientJob } from "../ppo/kernel_gradient.ts";
import type { PlayedChunk, TeamHandlers } from "./team_worker.ts";

/** Threads beside this one. */
export interface Team extends AsyncDisposable {
  /** Threads that have joined, this one included. */
  readonly size: number;
  /** Plays as `collectEpisodes` does; side by side where the policy is the team's. */
  readonly collect: typeof collectEpisodes;
  /** Computes parts of a minibatch, and returns the terms of each in order. */
  readonly computeParts: (
    jobs: readonly GradientJob[],
  ) => Promise<Float64Array[]>;
}

/** Options of {@linkcode createTeam}. */
export interface TeamOptions {
  /** Threads at most, this one included. */
  readonly threads: number;
  readonly policy: CompactPolicyConfig;
  /** Worlds that decide which subgoals are proposed. */
  readonly specs: readonly EnvSpec[];
  /** Whether worlds are opened with hints. */
  readonly hints: boolean;
  /** Whether the other threads may open worlds. */
  readonly plays: boolean;
  /** Strategies that the policy composes, if it does. */
  readonly strategies?: StrategiesConfig | undefined;
}

/** Worlds that every thread can open for itself at little cost. */
const LIGHT = new Set(["alfred", "corridor", "game", "household"]);
/** Episodes from which on other threads are worth starting. */
const WORTHWHILE = 32;
/** Fewest and most episodes of a chunk, and the share of the rest that it takes. */
const LEAST = 8, MOST = 32, SHARE = 1 / 4;

/** Gathers a team; its threads start with the first rollout that is large enough. */
export function createTeam(weights: SharedWeights, options: TeamOptions): Team {
  return new Threads(weights, options);
}

class Threads implements Team {
  readonly #weights: SharedWeights;
  readonly #options: TeamOptions;
  #remotes: RemoteWorker<TeamHandlers>[] | undefined;
  /** Threads that have joined. */
  readonly #ready: RemoteWorker<TeamHandlers>[] = [];
  #failure: Error | undefined;

  constructor(weights: SharedWeights, options: TeamOptions) {
    this.#weights = weights;
    this.#options = options;
  }

  get size(): number {
    return this.#ready.length + 1;
  }

  readonly collect = async (
    policy: Policy,
    assignments: readonly Assignment[],
    options: CollectOptions = {},
  ): Promise<EpisodeBatch> => {
    const temperature = temperatureOf(policy, this.#weights);
    const isShared = temperature !== undefined &&
      assignments.length >= WORTHWHILE && this.#options.plays &&
      assignments.every(({ spec }) => LIGHT.has(spec.kind));
    const remotes = isShared ? this.#start() : [];
    if (remotes.length === 0 || !isShared) {
      return await collectEpisodes(policy, assignments, options);
    }
    this.#weights.network(); // brings shared memory up to date
    const chunks = cutChunks(assignments);
    const played = new Array<Trajectory[]>(chunks.length);
    const all = Promise.withResolvers<void>();
    let missing = chunks.length;
    const keep = ({ chunk, trajectories }: PlayedChunk) => {
      played[chunk] = trajectories;
      if (--missing === 0) all.resolve();
    };
    const next = new Int32Array(new SharedArrayBuffer(4));
    const { bootstrap = true, signal } = options;
    for (const remote of remotes) {
      const order = { chunks, next, temperature, bootstrap };
      remote.call("play", order, (news) => keep(news as PlayedChunk))
        .catch(all.reject);
    }
    all.promise.catch(() => {}); // also if this thread fails first
    try {
      for (;;) {
        await eventLoop(); // messages are sent and received
        signal?.throwIfAborted();
        const chunk = Atomics.add(next, 0, 1);
        if (chunk >= chunks.length) break;
        const some = chunks[chunk]!;
        const trajectories = await collectTrajectories(policy, some, options);
        keep({ chunk, trajectories });
      }
      await all.promise;
    } finally {
      Atomics.store(next, 0, chunks.length);
    }
    return toEpisodeBatch(played.flat());
  };

  readonly computeParts = async (
    jobs: readonly GradientJob[],
  ): Promise<Float64Array[]> => {
    if (this.#failure) throw this.#failure;
    const threads = this.#ready.length + 1;
    const others = jobs.map((job, k) =>
      this.#ready[k % threads - 1]?.call("compute", job)
    );
    const settled = Promise.all(others);
    settled.catch(() => {}); // thrown below, once this thread is done
    if (threads > 1) await Promise.resolve(); // the messages are sent
    const network = this.#weights.network();
    const own = jobs.map((job, k) =>
      others[k] === undefined ? computePart(network, job) : undefined
    );
    return (await settled).map((terms, k) => terms ?? own[k]!);
  };

  [Symbol.asyncDispose](): Promise<void> {
    for (const remote of this.#remotes ?? []) {
      remote.end("the training has ended");
    }
    this.#ready.length = 0;
    return Promise.resolve();
  }

  /** The other threads, started if they were not. */
  #start(): readonly RemoteWorker<TeamHandlers>[] {
    if (this.#failure) throw this.#failure;
    if (this.#remotes) return this.#remotes;
    const { threads, policy, specs, hints, strategies } = this.#options;
    const { handle } = this.#weights.network();
    const url = new URL("./team_worker.ts", import.meta.url);
    const purpose = "play and learn side by side";
    return this.#remotes = Array.from({ length: threads - 1 }, () => {
      const remote = connectWorker<TeamHandlers>(url, purpose, {
        background: true,
      });
      const order = { handle, policy, specs, hints, strategies };
      remote.call("join", order).then(
        () => void this.#ready.push(remote),
        (error) => this.#failure = error,
      );
      return remote;
    });
  }
}

/** Cuts episodes into chunks that get smaller towards the end, so that threads end together. */
function cutChunks(assignments: readonly Assignment[]): Assignment[][] {
  const chunks: Assignment[][] = [];
  for (let at = 0; at < assignments.length;) {
    const share = Math.ceil((assignments.length - at) * SHARE);
    const size = Math.max(LEAST, Math.min(MOST, share));
    chunks.push(assignments.slice(at, at + size));
    at += size;
  }
  return chunks;
}

/** A turn of the event loop. */
function eventLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
