/**
 * Learning from an expert: its episodes are played once, then every decision it took is made likelier.
 *
 * @module
 */

import type { EnvSpec, Hint, OpenEnv } from "../envs/text_env.ts";
import { expertPolicy } from "../policy/plan_execute.ts";
import type { Follower, Learner, TrainingSample } from "../policy/policy.ts";
import type { Random } from "../random.ts";
import { collectTrajectories } from "../rollout/collect.ts";
import { scheduleEpisodes, type ScheduleOptions } from "../rollout/schedule.ts";
import type { Situation, Trajectory } from "../trajectory.ts";
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
  /** Passes over what the expert did. @default {4} */
  readonly epochs?: number;
  /** Discount per turn of the returns that the value heads learn. @default {1} */
  readonly gamma?: number;
  /** Samples in one gradient step. @default {the learner's own} */
  readonly minibatchSize?: number;
  /** Step size. @default {the learner's own} */
  readonly learningRate?: number;
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Ratios are 1 at the start of every pass, so clipping would only be in the way. */
const UNCLIPPED = [1, 1e6] as const;

/**
 * Imitates an expert.
 *
 * Log-probabilities are taken anew before each pass, so that the policy gradient with an advantage
 * of 1 is the gradient of the log-likelihood.
 *
 * @param options Who learns from whom, for how long.
 * @returns Numbers of the last pass, by the learner's names, and the expert's episodes.
 * @throws {TypeError} If the worlds have no experts.
 */
export async function imitateExpert(
  options: ImitationOptions,
): Promise<{ metrics: Record<string, number>; trajectories: Trajectory[] }> {
  const { policy, learner, specs, open, hint, random, signal } = options;
  const { epochs = 4, gamma = 1, minibatchSize, learningRate } = options;
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
  let metrics: Record<string, number> = {};
  for (let epoch = 0; epoch < epochs; epoch++) {
    const samples = await followed(
      policy,
      imitationSamples(trajectories, returns),
    );
    metrics = await learner.update(samples, {
      epochs: 1,
      clipRange: UNCLIPPED,
      ...(minibatchSize === undefined ? {} : { minibatchSize }),
      ...(learningRate === undefined ? {} : { learningRate }),
      random: random.fork("epoch", epoch),
    });
  }
  return { metrics, trajectories };
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
