/**
 * Replicas of a policy in Workers: jobs are done side by side, on this thread and theirs.
 *
 * Results do not depend on the thread. Replicas read the current weights of the policy from memory that
 * all threads share.
 *
 * @module
 */

import type { Variable } from "../../policy/backends/tensors.ts";
import { connectWorker, type RemoteWorker } from "../../rpc.ts";
import { readWeights } from "../ppo/step.ts";
import {
  createJobRunner,
  type Job,
  type JobKind,
  type JobResults,
  type JobRunner,
  type WorkingPolicy,
} from "./jobs.ts";
import {
  describeReplica,
  type ReplicaHandlers,
  type ReplicaOrder,
} from "./worker.ts";

/** A policy here and its replicas in Workers. */
export interface ReplicaPool extends AsyncDisposable {
  /**
   * Does jobs in parallel; job `i` is always done by the same thread. Places without a job stay
   * `undefined`.
   *
   * Throws the first error in the order of jobs, once all are settled.
   */
  perform<K extends JobKind>(
    jobs: readonly (Job<K> | undefined)[],
  ): Promise<(JobResults[K] | undefined)[]>;
  /** Numbers for parts of sessions, each given once. */
  nextPart(): number;
  /** Closes parts of sessions wherever they are held, without waiting. */
  close(parts: readonly number[]): void;
}

/** Options of {@linkcode createReplicaPool}. */
export interface ReplicaPoolOptions extends Omit<ReplicaOrder, "weights"> {
  /** Workers; with 0 all jobs run on this thread. */
  readonly workers: number;
  /** Ends the Workers and the jobs under way, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts replicas of a policy.
 *
 * @throws {TypeError} If a replica comes out different.
 * @throws {Error} If a replica cannot be made.
 */
export async function createReplicaPool(
  policy: WorkingPolicy,
  options: ReplicaPoolOptions,
): Promise<ReplicaPool> {
  const { workers, signal, ...order } = options;
  const variables = Object.values(policy.variables);
  const size = variables.reduce((sum, { size }) => sum + size, 0);
  const weights = new Float32Array(
    new SharedArrayBuffer(size * Float32Array.BYTES_PER_ELEMENT),
  );
  const url = new URL("./worker.ts", import.meta.url);
  const remotes = Array.from(
    { length: workers },
    () => connectWorker<ReplicaHandlers>(url, "share work with a replica"),
  );
  try {
    const made = await Promise.allSettled(
      remotes.map((remote) => remote.call("make", { ...order, weights })),
    );
    const description = describeReplica(policy);
    for (const one of made) {
      if (one.status === "fulfilled") checkAlike(one.value, description);
      else throw cannotMake(one.reason);
    }
  } catch (error) {
    for (const remote of remotes) remote.end("the training has ended");
    throw error;
  }
  return new Pool(policy, { remotes, weights, signal });
}

function cannotMake(cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `Cannot share work as every replica of the policy must be made: ${reason}`,
    { cause },
  );
}

class Pool implements ReplicaPool {
  readonly #runner: JobRunner;
  readonly #variables: readonly Variable[];
  readonly #remotes: readonly RemoteWorker<ReplicaHandlers>[];
  readonly #weights: Float32Array<SharedArrayBuffer>;
  /** Data of each variable when its numbers were last shared. */
  #shared: readonly object[] = [];
  readonly #signal: AbortSignal | undefined;
  #version = 0;
  #parts = 0;
  /** The previous batch of jobs; batches run in sequence, as weights change between them. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    policy: WorkingPolicy,
    { remotes, weights, signal }: {
      remotes: readonly RemoteWorker<ReplicaHandlers>[];
      weights: Float32Array<SharedArrayBuffer>;
      signal: AbortSignal | undefined;
    },
  ) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#end);
    this.#runner = createJobRunner(policy);
    this.#variables = Object.values(policy.variables);
    this.#remotes = remotes;
    this.#weights = weights;
  }

  perform<K extends JobKind>(
    jobs: readonly (Job<K> | undefined)[],
  ): Promise<(JobResults[K] | undefined)[]> {
    const performed = this.#last.then(() => this.#perform(jobs))
      .catch((error) => {
        this.#signal?.throwIfAborted(); // the reason the Workers ended
        throw error;
      });
    this.#last = performed.catch(() => {});
    return performed;
  }

  nextPart(): number {
    return this.#parts++;
  }

  close(parts: readonly number[]): void {
    const job = { kind: "close", parts } as const;
    const version = this.#version;
    this.#runner.run<"close">(job);
    for (const remote of this.#remotes) {
      remote.call("run", { version, job }).catch(() => {}); // an ended pool holds nothing
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#end);
    this.#end();
    return Promise.resolve();
  }

  readonly #end = () => {
    for (const remote of this.#remotes) remote.end("the training has ended");
  };

  async #perform<K extends JobKind>(
    jobs: readonly (Job<K> | undefined)[],
  ): Promise<(JobResults[K] | undefined)[]> {
    const threads = this.#remotes.length + 1;
    const abroad = jobs.some((job, i) => job && i % threads > 0);
    if (abroad) await this.#share();
    const version = this.#version;
    const others = jobs.map((job, i) => {
      const remote = this.#remotes[i % threads - 1];
      return job && remote?.call("run", { version, job: job as Job });
    });
    const settled = Promise.allSettled(others); // attached before this thread is busy
    await Promise.resolve(); // so are the messages sent
    const own = new Map<number, JobResults[K]>();
    const failures = new Map<number, unknown>();
    for (let i = 0; i < jobs.length; i += threads) {
      const job = jobs[i];
      if (job === undefined) continue;
      try {
        own.set(i, await this.#runner.run<K>(job));
      } catch (error) {
        failures.set(i, error);
        break;
      }
    }
    return (await settled).map((outcome, i) => {
      if (outcome.status === "rejected") throw outcome.reason;
      if (failures.has(i)) throw failures.get(i);
      return (outcome.value ?? own.get(i)) as JobResults[K] | undefined;
    });
  }

  /** Writes the policy's weights to shared memory if they have changed. */
  async #share(): Promise<void> {
    // Assigning a variable gives it a new data id.
    const data = this.#variables.map(({ dataId }) => dataId);
    if (data.every((one, i) => one === this.#shared[i])) return;
    this.#weights.set(await readWeights(this.#variables));
    this.#shared = data;
    this.#version++;
  }
}

/** Throws unless a replica has the weights and the tokens of the policy. */
function checkAlike(
  there: readonly string[],
  here: readonly string[],
): void {
  const length = Math.max(there.length, here.length);
  for (let i = 0; i < length; i++) {
    if (there[i] === here[i]) continue;
    throw new TypeError(
      `Cannot share work as replicas must have ${
        here[i] ?? "nothing else"
      }: current value is ${there[i] ?? "absent"}`,
    );
  }
}
