/**
 * The Worker's side of replicas: makes the policy, reads its weights from shared memory, and does jobs.
 *
 * @module
 */

import type { EnvSpec } from "../../envs/text_env.ts";
import {
  type BackendName,
  selectBackend,
} from "../../policy/backends/select.ts";
import type { DifferentiablePolicy } from "../../policy/policy.ts";
import type { LanguagePolicy } from "../../policy/language/policy.ts";
import { serveCalls } from "../../rpc.ts";
import { type AssembledPolicy, assemblePolicy } from "../assemble_policy.ts";
import type { TrainingConfig } from "../config/config.ts";
import { assignWeights } from "../ppo/step.ts";
import {
  createJobRunner,
  type Job,
  type JobKind,
  type JobResults,
  type JobRunner,
} from "./jobs.ts";

/** Order to make a replica. */
export interface ReplicaOrder {
  readonly config: TrainingConfig;
  readonly specs: readonly EnvSpec[];
  readonly backend: BackendName;
  /** Shared weights of the training. Shape `(weights,)`. */
  readonly weights: Float32Array<SharedArrayBuffer>;
}

/** A job for a replica. */
export interface ReplicaTask {
  /** Version of the weights to use; it increases as they change. */
  readonly version: number;
  readonly job: Job;
}

/** Lists what two replicas must have in common: names and shapes of weights, and the tokens. */
export function describeReplica(
  policy: DifferentiablePolicy & Partial<Pick<LanguagePolicy, "tokenizer">>,
): string[] {
  const { variables, tokenizer } = policy;
  const tokens = Array.from(
    { length: tokenizer?.vocabSize ?? 0 },
    (_, token) => `token ${token}: ${tokenizer!.piece(token)}`,
  );
  const weights = Object.entries(variables).map(([name, { shape }]) =>
    `weight ${name}: ${shape.join(" x ")}`
  );
  return [...weights, ...tokens];
}

/** A policy with the training's weights. */
interface Replica {
  readonly policy: AssembledPolicy;
  readonly runner: JobRunner;
  readonly weights: Float32Array<SharedArrayBuffer>;
  version: number;
}

/** Types of the calls that a replica's Worker answers. */
export type ReplicaHandlers = ReturnType<typeof replicaHandlers>;

/** What the pool can ask of a replica. */
function replicaHandlers() {
  let replica: Replica | undefined;
  return {
    async make(
      { config, specs, backend, weights }: ReplicaOrder,
    ): Promise<string[]> {
      await selectBackend(backend, { threads: 1 });
      const policy = await assemblePolicy(config, specs);
      const runner = createJobRunner(policy);
      replica = { policy, runner, weights, version: 0 };
      return describeReplica(policy);
    },
    /** Does a job with the weights of its version. */
    async run({ version, job }: ReplicaTask): Promise<JobResults[JobKind]> {
      const { policy, runner, weights } = replica!;
      if (version !== replica!.version) {
        assignWeights(Object.values(policy.variables), weights);
        replica!.version = version;
      }
      return await runner.run(job);
    },
  };
}

serveCalls(replicaHandlers(), {
  transfer: (result) =>
    // gradients are transferred instead of copied
    typeof result === "object" && result !== null && "gradient" in result &&
      result.gradient instanceof Float32Array &&
      result.gradient.buffer instanceof ArrayBuffer
      ? [result.gradient.buffer]
      : [],
});
