/**
 * Estimators applied to episodes of a tabular world as the exact gradient counts them.
 *
 * @module
 */

import { type EpisodeBatch, toEpisodeBatch } from "../../episode_batch.ts";
import type { ByDecision } from "../../trajectory.ts";
import { tabularTrajectories } from "./tabular_trajectories.ts";
import type {
  TabularEpisodes,
  TabularPolicy,
  TabularSmdp,
  TabularValues,
} from "./tabular.ts";
import { creditBatch, type EstimatorConfig, estimatorOf } from "../credit.ts";
import type { Objective } from "./exact.ts";

/** Whether an estimator compares episodes of one group. */
export function isGrouped({ name }: EstimatorConfig): boolean {
  return estimatorOf(name).grouped;
}

/** What a study of one world holds besides the episodes. */
export interface TabularStudy {
  /** The world. */
  readonly smdp: TabularSmdp;
  /** The policy that plays. */
  readonly policy: TabularPolicy;
  /** Values of the critic, indexed by time. */
  readonly critic: TabularValues;
  /** Weight of the state of turn `t` is `stateDiscount ** t`. */
  readonly stateDiscount: number;
  /** Episodes in a group; consecutive ones belong together. */
  readonly groupSize: number;
}

/** What every study of bias and variance is asked with. */
export interface StudyOptions {
  /** Critic that the estimators read. */
  readonly critic: TabularValues;
  /** Which gradient is the truth. @default {"discounted"} */
  readonly objective?: Objective;
}

/**
 * Puts a study together.
 *
 * @param smdp The world.
 * @param policy The policy that plays.
 * @param options Critic and objective, and how many episodes belong together.
 * @returns What the study holds besides the episodes, and its objective.
 */
export function tabularStudy(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: StudyOptions & { readonly groupSize: number },
): TabularStudy & { readonly objective: Objective } {
  const { critic, objective = "discounted", groupSize } = options;
  const stateDiscount = objective === "discounted" ? smdp.gamma : 1;
  return { smdp, policy, critic, stateDiscount, groupSize, objective };
}

/** Episodes twice: states and choices, which gradients are taken on, and the batch that estimators read. */
export interface StudiedEpisodes {
  /** States and choices. */
  readonly episodes: TabularEpisodes;
  /** The same episodes with the critic's values. */
  readonly batch: EpisodeBatch;
}

/** Writes the values of the study's critic on episodes. */
export function studyEpisodes(
  study: TabularStudy,
  episodes: TabularEpisodes,
): StudiedEpisodes {
  const { smdp, policy, critic: values, groupSize } = study;
  const options = { values, policy, groupSize };
  const trajectories = tabularTrajectories(smdp, episodes, options);
  return { episodes, batch: toEpisodeBatch(trajectories) };
}

/**
 * Assigns credit to every decision, weights of states included.
 *
 * The estimator is the one that training uses. It discounts rewards by the world's `gamma`
 * unless it has a `gamma` of its own.
 *
 * @param study World, critic and weights.
 * @param studied Episodes from {@linkcode studyEpisodes}.
 * @param estimator Which estimator.
 * @returns Factor of each decision's score in the gradient. Shape `(turns,)` each.
 */
export function tabularCredit(
  study: TabularStudy,
  studied: StudiedEpisodes,
  estimator: EstimatorConfig,
): ByDecision<Float64Array> {
  const { name, ...given } = estimator;
  const { discounts, settings, creditsEpisode } = estimatorOf(name);
  const { advantages } = creditBatch(
    studied.batch,
    discounts
      ? { gamma: study.smdp.gamma, ...estimator } as EstimatorConfig
      : estimator,
  );
  // A turn that is credited with the whole episode is not discounted again.
  const whole = creditsEpisode?.(settings.parse(given)) ?? false;
  if (whole || study.stateDiscount === 1) return advantages;
  const { offsets } = studied.batch;
  for (const column of Object.values(advantages)) {
    for (let i = 0; i + 1 < offsets.length; i++) {
      let weight = 1;
      for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
        column[t] *= weight;
        weight *= study.stateDiscount;
      }
    }
  }
  return advantages;
}
