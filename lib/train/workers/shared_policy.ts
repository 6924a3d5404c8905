/**
 * A policy whose batches are cut into shards, which a pool of replicas works on side by side.
 *
 * Streams of random numbers are read from where they stand and left there, so that it makes no
 * difference which thread draws from them. In its last digits a decision may depend on the size of
 * its shard, as small products are computed by other kernels; never on who worked on it.
 *
 * @module
 */

import type { Learner } from "../../policy/policy.ts";
import { type Random, resumeRandom } from "../../random.ts";
import type { ByDecision, Decision, Situation } from "../../trajectory.ts";
import { createMicrobatchLearner } from "../ppo/learner.ts";
import type { ReplicaPool } from "./pool.ts";
import type { Work, WorkingPolicy, WorkResults } from "./work.ts";
import { situationSession } from "../../policy/session.ts";
import { createLaneDealer, splitMicrobatches } from "../ppo/microbatches.ts";

/** Who works on shards, and how many there are at most. */
export interface SharingOptions {
  /** Replicas of the policy. */
  readonly pool: ReplicaPool;
  /** Parts of a batch. */
  readonly shards: number;
}

/**
 * Lets a policy work on its batches together with its replicas.
 *
 * @param policy The policy that the pool has replicas of.
 * @param options Who works, and on how many parts.
 * @returns The same policy; its weights are the same variables.
 */
export function sharePolicy(
  policy: WorkingPolicy,
  options: SharingOptions,
): WorkingPolicy {
  const { pool, shards } = options;
  const dealer = createLaneDealer(shards);
  /** Makes a piece of work of the items of each shard, and puts results in order. */
  async function share<K extends "evaluate" | "follow" | "rescore">(
    count: number,
    make: (indices: readonly number[]) => Work<K>,
  ): Promise<WorkResults[K][number][]> {
    const indices = Array.from({ length: count }, (_, i) => i);
    const results = await pool.perform(
      splitMicrobatches(indices, shards).map(make),
    );
    return results.flat() as WorkResults[K][number][];
  }
  async function decide(
    situations: readonly Situation[],
    randoms: readonly Random[],
    temperature?: number,
  ): Promise<Decision[]> {
    const lanes = dealer.deal(situations);
    const results = await pool.perform(lanes.map((indices, lane) => ({
      kind: "decide" as const,
      lane,
      situations: indices.map((i) => situations[i]!),
      randoms: indices.map((i) => resumeRandom(randoms[i]!.state)),
      temperature,
    })));
    const decisions: Decision[] = [];
    lanes.forEach((indices, lane) =>
      indices.forEach((i, j) => decisions[i] = results[lane]![j]!)
    );
    return decisions;
  }
  const evaluate = (
    situations: readonly Situation[],
  ): Promise<ByDecision<number>[]> =>
    share<"evaluate">(situations.length, (indices) => ({
      kind: "evaluate",
      situations: indices.map((i) => situations[i]!),
    }));
  const shared: WorkingPolicy = {
    open: (starts) => situationSession(shared, starts),
    variables: policy.variables,
    decide: (situations, randoms) => decide(situations, randoms),
    evaluate,
    score: (samples) => policy.score(samples),
    rescore: (samples, { hint } = {}) =>
      share<"rescore">(samples.length, (indices) => {
        const some = indices.map((i) => samples[i]!);
        const hints = hint && some.map(({ situation }) => hint(situation));
        return { kind: "rescore", samples: some, hints };
      }),
    follow(situations, decisions, options) {
      if (options?.score === false) { // quicker done than sent
        return policy.follow(situations, decisions, options);
      }
      return share<"follow">(situations.length, (indices) => ({
        kind: "follow",
        situations: indices.map((i) => situations[i]!),
        decisions: indices.map((i) => decisions[i]!),
      }));
    },
    ...(policy.readingSamples && {
      readingSamples: (trajectories) => policy.readingSamples!(trajectories),
    }),
    atTemperature(temperature) {
      policy.atTemperature(temperature); // says now whether it can be had
      const decideAt = (
        situations: readonly Situation[],
        randoms: readonly Random[],
      ) => decide(situations, randoms, temperature);
      return {
        decide: decideAt,
        open: (starts) =>
          situationSession({ ...shared, decide: decideAt }, starts),
      };
    },
    dispose: () => policy.dispose(),
  };
  return shared;
}

/**
 * Makes a learner of a policy that works together with its replicas.
 *
 * @param policy What {@linkcode sharePolicy} returned.
 * @param options Who works, and on how many parts of a minibatch.
 * @returns The learner.
 */
export function createSharedLearner(
  policy: WorkingPolicy,
  options: SharingOptions,
): Learner {
  const { pool, shards } = options;
  return createMicrobatchLearner(policy, {
    microbatches: shards,
    computeGradients: (parts, settings) =>
      pool.perform(parts.map((microbatch) => ({
        kind: "computeGradient",
        microbatch,
        settings,
      }))),
  });
}
