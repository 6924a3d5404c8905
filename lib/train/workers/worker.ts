/**
 * The Worker's side of replicas: makes the policy that the training has, follows its weights, and
 * does the work it is given.
 *
 * @module
 */

import type { EnvSpec } from "../../envs/text_env.ts";
import {
  type BackendName,
  selectBackend,
} from "../../policy/backends/select.ts";
import type { DifferentiablePolicy } from "../../policy/differentiable.ts";
import type { LanguagePolicy } from "../../policy/language/policy.ts";
import { type AssembledPolicy, assemblePolicy } from "../assemble_policy.ts";
import type { TrainingConfig } from "../config/config.ts";
import { assignWeights } from "../ppo/flat_weights.ts";
import { createUnpacker, type Parcel } from "./situations.ts";
import {
  doWork,
  type PackedWork,
  unpackWork,
  type WorkKind,
  type WorkResults,
} from "./work.ts";

/** A Worker's own scope, as far as it is used here. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
};

/** The first message: what to make a replica of. */
export interface ReplicaOrder {
  /** Every setting. */
  readonly config: TrainingConfig;
  /** Worlds to learn in. */
  readonly specs: readonly EnvSpec[];
  /** Who computes. */
  readonly backend: BackendName;
  /** Where the training leaves its weights. Shape `(weights,)`. */
  readonly weights: Float32Array<SharedArrayBuffer>;
}

/** Every later message: what to do. */
export interface ReplicaTask {
  /** Which weights it is to be done with; they count up as they change. */
  readonly version: number;
  /** What the work refers to. */
  readonly parcel: Parcel;
  /** The work. */
  readonly work: PackedWork;
}

/** What a replica answers to each message, in order. */
export type ReplicaAnswer =
  | { readonly kind: "ready"; readonly description: readonly string[] }
  | { readonly kind: "result"; readonly result: WorkResults[WorkKind] }
  | {
    readonly kind: "failure";
    readonly name: string;
    readonly message: string;
  };

/**
 * Says what two replicas must have in common: names and shapes of weights, and the words.
 *
 * @param policy Any policy.
 * @returns One text for each thing.
 */
export function describeReplica(
  policy: DifferentiablePolicy & Partial<Pick<LanguagePolicy, "tokenizer">>,
): string[] {
  const { variables, tokenizer } = policy;
  const words = Array.from(
    { length: tokenizer?.vocabSize ?? 0 },
    (_, token) => `token ${token}: ${tokenizer!.piece(token)}`,
  );
  const weights = Object.entries(variables).map(([name, { shape }]) =>
    `weight ${name}: ${shape.join(" x ")}`
  );
  return [...weights, ...words];
}

/** A policy that follows the training's weights. */
class Replica {
  readonly policy: AssembledPolicy;
  readonly #weights: Float32Array<SharedArrayBuffer>;
  readonly #unpacker = createUnpacker();
  #version = 0;

  private constructor(
    policy: AssembledPolicy,
    weights: Float32Array<SharedArrayBuffer>,
  ) {
    this.policy = policy;
    this.#weights = weights;
  }

  static async make(order: ReplicaOrder): Promise<Replica> {
    const { config, specs, backend, weights } = order;
    await selectBackend(backend);
    return new Replica(await assemblePolicy(config, specs), weights);
  }

  async carryOut(task: ReplicaTask): Promise<WorkResults[WorkKind]> {
    const { version, parcel, work } = task;
    this.#unpacker.take(parcel);
    if (version !== this.#version) {
      assignWeights(Object.values(this.policy.variables), this.#weights);
      this.#version = version;
    }
    return await doWork(this.policy, unpackWork(work, this.#unpacker));
  }
}

/** Answers messages one after the other. */
function serve(): void {
  let replica: Replica | undefined;
  let work: Promise<void> = Promise.resolve();
  const answer = async (data: ReplicaOrder | ReplicaTask) => {
    if ("config" in data) {
      replica = await Replica.make(data);
      tell({ kind: "ready", description: describeReplica(replica.policy) });
    } else {
      const result = await replica!.carryOut(data);
      tell({ kind: "result", result });
    }
  };
  self.onmessage = ({ data }: MessageEvent<ReplicaOrder | ReplicaTask>) => {
    work = work.then(() => answer(data)).catch((error: unknown) => {
      const { name, message } = error instanceof Error
        ? error
        : new Error(String(error));
      tell({ kind: "failure", name, message });
    });
  };
}

/** Long columns are handed over rather than copied. */
function tell(answer: ReplicaAnswer): void {
  const gradient = answer.kind === "result" && "gradient" in answer.result
    ? [answer.result.gradient.buffer]
    : [];
  self.postMessage(answer, gradient);
}

if ("DedicatedWorkerGlobalScope" in globalThis) serve();
