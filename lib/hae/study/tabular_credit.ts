/**
 * Episodes of a tabular world as trajectories, and the credit of estimators as the exact gradient counts it.
 *
 * @module
 */

import { type EpisodeBatch, toEpisodeBatch } from "../../episode_batch.ts";
import type { ByDecision, Trajectory, Turn } from "../../trajectory.ts";
import { creditBatch, type EstimatorConfig, estimatorOf } from "../credit.ts";
import type { ExactOptions } from "./exact.ts";
import {
  type TabularEpisodes,
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
  type TabularValues,
} from "./tabular.ts";

/** What the columns of {@linkcode tabularTrajectories} leave out. */
export interface TabularTrajectoriesOptions {
  /** Critic to write on every turn, indexed by time. */
  readonly values?: TabularValues;
  /** Policy that played; writes the probability of SWITCH on every turn. */
  readonly policy?: TabularPolicy;
  /** Episodes in one group; consecutive ones belong together. @default {1} */
  readonly groupSize?: number;
}

/**
 * Writes episodes as trajectories, states and choices named by their numbers.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   randomTabularPolicy,
 *   sampleTabular,
 *   createChainSmdp,
 *   tabularTrajectories,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 16, random: createRandom(2) });
 * const trajectories = tabularTrajectories(world, episodes, { groupSize: 8 });
 * strictEqual(trajectories[15]?.group, "tabular/1");
 * ```
 *
 * @param episodes Columns of episodes.
 * @returns One terminated trajectory for each episode.
 */
export function tabularTrajectories(
  smdp: TabularSmdp,
  episodes: TabularEpisodes,
  options: TabularTrajectoriesOptions = {},
): Trajectory[] {
  const { values, policy, groupSize = 1 } = options;
  const odds = policy && tabularProbabilities(smdp, policy);
  const { states, subgoals, actions } = smdp;
  const names = Array.from({ length: actions }, (_, a) => String(a));
  const turnAt = (t: number, time: number): Turn => {
    const state = episodes.states[t]!, held = episodes.held[t]!;
    const chosen = time * states + state;
    const pair = (subgoal: number) => chosen * subgoals + subgoal;
    return {
      observation: {
        text: `state ${state}`,
        admissibleActions: names,
        stateKey: String(state),
      },
      decision: {
        switched: episodes.switched[t] === 1,
        subgoal: String(episodes.subgoals[t]),
        action: String(episodes.actions[t]),
        valid: true,
        trace: { kind: "untrainable" } as const,
        ...(values && {
          values: {
            switching: held < 0
              ? values.planning[chosen]!
              : values.switching[pair(held)]!,
            planning: values.planning[chosen]!,
            execution: values.execution[pair(episodes.subgoals[t]!)]!,
          },
        }),
        ...(values && held >= 0 &&
          { heldSubgoalValue: values.execution[pair(held)]! }),
        ...(odds && {
          switchProbability: held < 0
            ? 1
            : odds.switching[state * subgoals + held]!,
        }),
      },
      reward: episodes.rewards[t]!,
    };
  };
  return Array.from({ length: episodes.offsets.length - 1 }, (_, i) => {
    const start = episodes.offsets[i]!, end = episodes.offsets[i + 1]!;
    return {
      id: `tabular/${i}`,
      task: "reach the end",
      group: `tabular/${Math.floor(i / groupSize)}`,
      turns: Array.from(
        { length: end - start },
        (_, time) => turnAt(start + time, time),
      ),
      ending: "terminated" as const,
      success: end - start < smdp.horizon,
      score: end - start < smdp.horizon ? 1 : 0,
      bootstrap: { switching: 0, planning: 0, execution: 0 },
      seed: i,
    };
  });
}

/** What every study of bias and variance is asked with. */
export interface StudyOptions extends ExactOptions {
  /** Critic that the estimators read. */
  readonly critic: TabularValues;
}

/** What a study of one world holds besides the episodes. */
export interface TabularStudy extends StudyOptions {
  /** The world. */
  readonly smdp: TabularSmdp;
  /** The policy that plays. */
  readonly policy: TabularPolicy;
  /** Episodes in a group; consecutive ones belong together. */
  readonly groupSize: number;
}

/** Whether an estimator compares episodes of one group. */
export function isGrouped({ name }: EstimatorConfig): boolean {
  return estimatorOf(name).grouped;
}

/** Episodes with the values of the study's critic, as estimators read them. */
export function studyEpisodes(
  study: TabularStudy,
  episodes: TabularEpisodes,
): EpisodeBatch {
  const { smdp, policy, critic: values, groupSize } = study;
  const options = { values, policy, groupSize };
  return toEpisodeBatch(tabularTrajectories(smdp, episodes, options));
}

/**
 * Assigns credit to every decision: factor of its score in the gradient, weights of states included. Shape `(turns,)`
 * each.
 *
 * The estimator is the one that training uses. It discounts rewards by the world's `gamma`
 * unless it has a `gamma` of its own.
 */
export function tabularCredit(
  study: TabularStudy,
  batch: EpisodeBatch,
  estimator: EstimatorConfig,
): ByDecision<Float64Array> {
  const { name, ...given } = estimator;
  const { settings, creditsEpisode } = estimatorOf(name);
  const { gamma } = study.smdp;
  const { advantages } = creditBatch(
    batch,
    "gamma" in settings.shape
      ? { gamma, ...estimator } as EstimatorConfig
      : estimator,
  );
  // A turn that is credited with the whole episode is not discounted again.
  const whole = creditsEpisode?.(settings.parse(given)) ?? false;
  if (whole || study.objective === "undiscounted" || gamma === 1) {
    return advantages;
  }
  const { offsets } = batch;
  for (const column of Object.values(advantages)) {
    for (let i = 0; i + 1 < offsets.length; i++) {
      let weight = 1;
      for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
        column[t] *= weight;
        weight *= gamma;
      }
    }
  }
  return advantages;
}
