/**
 * Replicas of a policy in Workers: pieces of work are done side by side, on this thread and theirs.
 *
 * Who does a piece changes nothing in what it comes to. Replicas follow the weights of the policy
 * here, whoever changes them, through memory that all threads share.
 *
 * @module
 */

import type { Variable } from "../../policy/backends/tensors.ts";
import { readWeights } from "../ppo/flat_weights.ts";
import { createPacker } from "./situations.ts";
import {
  doWork,
  packWork,
  type Work,
  type WorkingPolicy,
  type WorkKind,
  type WorkResults,
} from "./work.ts";
import {
  describeReplica,
  type ReplicaAnswer,
  type ReplicaOrder,
  type ReplicaTask,
} from "./worker.ts";

/** A policy here and its replicas in Workers. */
export interface ReplicaPool extends AsyncDisposable {
  /**
   * Does pieces of work, one thread beside the other; piece `i` is always done by the same one.
   *
   * Throws the first error of a piece in their order, when none is being worked on any more.
   */
  perform<K extends WorkKind>(
    pieces: readonly Work<K>[],
  ): Promise<WorkResults[K][]>;
}

/** How replicas are made. */
export interface ReplicaPoolOptions extends Omit<ReplicaOrder, "weights"> {
  /** How many Workers; with 0 all is done here. */
  readonly workers: number;
}

/**
 * Starts replicas of a policy.
 *
 * @param policy The policy here, made of the same settings; the caller's to dispose.
 * @param options How many, and what they are made of.
 * @returns The pool; disposing it ends the Workers.
 * @throws {TypeError} If a replica comes out different.
 * @throws {Error} If a replica cannot be made.
 */
export async function createReplicaPool(
  policy: WorkingPolicy,
  options: ReplicaPoolOptions,
): Promise<ReplicaPool> {
  const { workers, ...order } = options;
  const variables = Object.values(policy.variables);
  const size = variables.reduce((sum, { size }) => sum + size, 0);
  const weights = new Float32Array(
    new SharedArrayBuffer(size * Float32Array.BYTES_PER_ELEMENT),
  );
  const remotes = Array.from(
    { length: workers },
    () => new RemoteReplica({ ...order, weights }),
  );
  try {
    const description = describeReplica(policy);
    const replicas = await Promise.all(remotes.map(({ ready }) => ready));
    for (const replica of replicas) checkAlike(replica, description);
  } catch (error) {
    for (const remote of remotes) remote.end();
    throw error;
  }
  return new Pool(policy, { remotes, weights });
}

class Pool implements ReplicaPool {
  readonly #policy: WorkingPolicy;
  readonly #variables: readonly Variable[];
  readonly #remotes: readonly RemoteReplica[];
  readonly #weights: Float32Array<SharedArrayBuffer>;
  /** Data of each variable when its numbers were last shared. */
  #shared: readonly object[] = [];
  #version = 0;
  /** Work asked for while other work is under way waits: weights change only between the two. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    policy: WorkingPolicy,
    { remotes, weights }: {
      remotes: readonly RemoteReplica[];
      weights: Float32Array<SharedArrayBuffer>;
    },
  ) {
    this.#policy = policy;
    this.#variables = Object.values(policy.variables);
    this.#remotes = remotes;
    this.#weights = weights;
  }

  perform<K extends WorkKind>(
    pieces: readonly Work<K>[],
  ): Promise<WorkResults[K][]> {
    const performed = this.#last.then(() => this.#perform(pieces));
    this.#last = performed.catch(() => {});
    return performed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const remote of this.#remotes) remote.end();
    return Promise.resolve();
  }

  async #perform<K extends WorkKind>(
    pieces: readonly Work<K>[],
  ): Promise<WorkResults[K][]> {
    const threads = this.#remotes.length + 1;
    if (Math.min(threads, pieces.length) > 1) await this.#share();
    const others = pieces.map((piece, i) =>
      this.#remotes[i % threads - 1]?.work(piece, this.#version)
    );
    const settled = Promise.allSettled(others); // listens before this thread is busy
    const own = new Map<number, WorkResults[K]>();
    const failures = new Map<number, unknown>();
    for (let i = 0; i < pieces.length; i += threads) {
      try {
        own.set(i, await doWork(this.#policy, pieces[i]!));
      } catch (error) {
        failures.set(i, error);
        break;
      }
    }
    return (await settled).map((outcome, i) => {
      if (outcome.status === "rejected") throw outcome.reason;
      if (failures.has(i)) throw failures.get(i);
      return (outcome.value ?? own.get(i)) as WorkResults[K];
    });
  }

  /** Leaves the policy's weights where replicas find them, if they have changed. */
  async #share(): Promise<void> {
    // Assigning a variable gives it other data.
    const data = this.#variables.map(({ dataId }) => dataId);
    if (data.every((one, i) => one === this.#shared[i])) return;
    this.#weights.set(await readWeights(this.#variables));
    this.#shared = data;
    this.#version++;
  }
}

/** Errors that keep their class on the way from one thread to another. */
const ERRORS: Readonly<Record<string, new (message: string) => Error>> = {
  RangeError,
  SyntaxError,
  TypeError,
};

/** One Worker, and the messages it has not answered yet. */
class RemoteReplica {
  /** What the replica is like, once it was made. */
  readonly ready: Promise<readonly string[]>;
  readonly #worker: Worker;
  readonly #packer = createPacker();
  readonly #waiting: PromiseWithResolvers<ReplicaAnswer>[] = [];
  #failure: Error | undefined;

  constructor(order: ReplicaOrder) {
    const url = new URL("./worker.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<ReplicaAnswer>) => {
      const asked = this.#waiting.shift();
      if (data.kind !== "failure") asked?.resolve(data);
      else asked?.reject(new (ERRORS[data.name] ?? Error)(data.message));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(`its Worker failed: ${event.message}`);
    };
    this.ready = this.#made(order);
  }

  /** Does a piece of work with the weights of that version. */
  async work<K extends WorkKind>(
    piece: Work<K>,
    version: number,
  ): Promise<WorkResults[WorkKind] | undefined> {
    const work = packWork(piece, this.#packer);
    const parcel = this.#packer.parcel();
    const answer = await this.#ask({ version, parcel, work });
    return answer.kind === "result" ? answer.result : undefined;
  }

  end(): void {
    this.#worker.terminate();
    this.#fail("the training has ended");
  }

  async #made(order: ReplicaOrder): Promise<readonly string[]> {
    try {
      const answer = await this.#ask(order);
      return answer.kind === "ready" ? answer.description : [];
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `Cannot share work as every replica of the policy must be made: ${reason}`,
        { cause },
      );
    }
  }

  async #ask(message: ReplicaOrder | ReplicaTask): Promise<ReplicaAnswer> {
    if (this.#failure) throw this.#failure;
    const asked = Promise.withResolvers<ReplicaAnswer>();
    this.#worker.postMessage(message);
    this.#waiting.push(asked);
    return await asked.promise;
  }

  #fail(reason: string): void {
    this.#failure ??= new Error(
      `Cannot share work with a replica as ${reason}`,
    );
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** Throws unless a replica has the weights and the words of the policy. */
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
