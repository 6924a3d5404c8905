/**
 * Learning from an expert: its episodes are played once, then every decision it took is made likelier.
 *
 * @module
 */

import type { EnvSpec, Hint, OpenEnv } from "../envs/text_env.ts";
import { expertPolicy } from "../policy/plan_execute.ts";
import type { Follower, Learner, TrainingSample } from "../policy/policy.ts";
import { mean } from "../numeric.ts";
import { type Random, shuffled } from "../random.ts";
import { collectTrajectories } from "../rollout/collect.ts";
import { scheduleEpisodes, type ScheduleOptions } from "../rollout/schedule.ts";
import {
  decisionUnits,
  type Situation,
  type Trajectory,
} from "../trajectory.ts";
import { imitationSamples } from "./batch.ts";

/** Who learns from whom. */
export interface ImitationOptions extends Omit<ScheduleOptions, "random"> {
  /** Writes down the expert's decisions as its own. */
  readonly policy: Follower;
  /** Improves that policy. */
  readonly learner: Learner;
  /** Worlds with experts; see `withHints`. */
  readonly specs: readonly EnvSpec[];
  /** Opens worlds whose experts are listened to. */
  readonly open: OpenEnv;
  /** What the expert says of a situation. */
  readonly hint: (situation: Situation) => Hint | undefined;
  /** Stream of the worlds and of the order of samples. */
  readonly random: Random;
  /** Passes over what the expert did. @default {16} */
  readonly epochs?: number;
  /** Discount per turn of the returns that the value heads learn. @default {1} */
  readonly gamma?: number;
  /** Samples in one gradient step. @default {64} */
  readonly minibatchSize?: number;
  /** Step size. @default {the learner's own} */
  readonly learningRate?: number;
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Imitates an expert.
 *
 * Log-probabilities are taken anew before each gradient step, so that ratios are 1 and the policy
 * gradient with an advantage of 1 is the gradient of the log-likelihood. (Over several steps it
 * would be that of the likelihood itself, which forgets what is unlikely.)
 *
 * @param options Who learns from whom, for how long.
 * @returns Means over the last pass, by the learner's names, with `expert_log_prob`, the mean
 * log-probability of what the expert decided; and the expert's episodes.
 * @throws {TypeError} If the worlds have no experts.
 */
export async function imitateExpert(
  options: ImitationOptions,
): Promise<{ metrics: Record<string, number>; trajectories: Trajectory[] }> {
  const { policy, learner, specs, open, hint, random, signal } = options;
  const { epochs = 16, gamma = 1, minibatchSize = 64, learningRate } = options;
  const episodes = scheduleEpisodes(specs, {
    ...options,
    random: random.fork("expert"),
  });
  const trajectories = await collectTrajectories(
    expertPolicy(hint),
    episodes,
    { open, ...(signal && { signal }) },
  );
  const returns = trajectories.map((one) => discountedReturns(one, gamma));
  const samples = imitationSamples(trajectories, returns);
  let rows: Record<string, number>[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const stream = random.fork("epoch", epoch);
    const order = shuffled(stream, samples);
    rows = [];
    for (let at = 0; at < order.length; at += minibatchSize) {
      signal?.throwIfAborted();
      const part = await followed(policy, order.slice(at, at + minibatchSize));
      const update = await learner.update(part, {
        epochs: 1,
        minibatchSize: part.length,
        entropyCoefficient: 0, // an expert is to be followed, not to be varied
        ...(learningRate === undefined ? {} : { learningRate }),
        random: stream.fork("step", at),
      });
      rows.push({ ...update, expert_log_prob: expertLogProb(part) });
    }
  }
  return { metrics: meanRow(rows), trajectories };
}

/** Mean log-probability of the units that are trained. */
function expertLogProb(samples: readonly TrainingSample[]): number {
  let sum = 0, count = 0;
  for (const { decision: { trace }, trained } of samples) {
    const units = decisionUnits(trace);
    if (trace.kind === "untrainable") continue;
    units.forEach((name, j) => {
      if (name === undefined || !trained[name]) return;
      sum += trace.kind === "tokens"
        ? trace.logProbs[j]!
        : trace.logProbs[name];
      count++;
    });
  }
  return count === 0 ? 0 : sum / count;
}

/** Means of rows with the same names. */
function meanRow(
  rows: readonly Record<string, number>[],
): Record<string, number> {
  return Object.fromEntries(
    Object.keys(rows[0] ?? {}).map((name) => [
      name,
      mean(rows.map((row) => row[name]!)),
    ]),
  );
}

/** The same samples, with decisions written down by the policy that learns. */
async function followed(
  policy: Follower,
  samples: readonly TrainingSample[],
): Promise<TrainingSample[]> {
  const decisions = await policy.follow(
    samples.map(({ situation }) => situation),
    samples.map(({ decision }) => decision),
  );
  return samples.map((sample, i) => ({ ...sample, decision: decisions[i]! }));
}

/** Shape `(turns,)`. */
function discountedReturns(
  { turns }: Trajectory,
  gamma: number,
): Float64Array {
  const returns = new Float64Array(turns.length);
  let next = 0;
  for (let t = turns.length - 1; t >= 0; t--) {
    returns[t] = next = turns[t]!.reward + gamma * next;
  }
  return returns;
}
