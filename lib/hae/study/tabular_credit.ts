/**
 * Every estimator of the house, applied to episodes of a tabular world as the exact gradient counts them.
 *
 * @module
 */

import {
  type ByDecision,
  byDecision,
  type Trajectory,
} from "../../trajectory.ts";
import { tabularTrajectories } from "./tabular_trajectories.ts";
import type {
  TabularEpisodes,
  TabularPolicy,
  TabularSmdp,
  TabularValues,
} from "./tabular.ts";
import { assignCredit, type EstimatorConfig } from "../credit.ts";
import type { Objective } from "./exact.ts";

/** Estimators that compare the episodes of a group, which are then not independent of each other. */
const GROUPED: readonly string[] = [
  "grpo",
  "dr-grpo",
  "rloo",
  "reinforce++-baseline",
  "gigpo",
  "pass-at-k",
];

/** Estimators that discount rewards, and take `gamma` as a setting. */
const DISCOUNTING: readonly string[] = [
  "hae",
  "gae",
  "token-gae",
  "reinforce",
  "reinforce++",
  "gigpo",
];

/** Whether an estimator compares episodes of one group. */
export function isGrouped(estimator: EstimatorConfig): boolean {
  return GROUPED.includes(estimator.name);
}

/** Whether an estimator credits every turn with the whole episode, so that no turn is discounted again. */
function creditsEpisode(estimator: EstimatorConfig): boolean {
  return estimator.name === "reinforce"
    ? estimator.rewardToGo === false
    : isGrouped(estimator) && estimator.name !== "gigpo";
}

/** What a study of one world knows besides the episodes. */
export interface TabularStudy {
  /** The world. */
  readonly smdp: TabularSmdp;
  /** Who plays. */
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
 * @param policy Who plays.
 * @param options Critic and objective, and how many episodes belong together.
 * @returns What the study knows besides the episodes, and its objective.
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

/** Episodes twice: as columns, which gradients are taken on, and as trajectories, which estimators read. */
export interface StudiedEpisodes {
  /** Columns. */
  readonly episodes: TabularEpisodes;
  /** The same episodes with the critic's values. */
  readonly trajectories: readonly Trajectory[];
}

/** Writes the values of the study's critic on episodes. */
export function studyEpisodes(
  study: TabularStudy,
  episodes: TabularEpisodes,
): StudiedEpisodes {
  const { smdp, policy, critic: values, groupSize } = study;
  return {
    episodes,
    trajectories: tabularTrajectories(smdp, episodes, {
      values,
      policy,
      groupSize,
    }),
  };
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
  const { offsets, rewards } = studied.episodes;
  const credits = assignCredit(
    studied.trajectories,
    DISCOUNTING.includes(estimator.name)
      ? { gamma: study.smdp.gamma, ...estimator } as EstimatorConfig
      : estimator,
  );
  const stateDiscount = creditsEpisode(estimator) ? 1 : study.stateDiscount;
  return byDecision((name) => {
    const column = new Float64Array(rewards.length);
    for (const [i, { advantages }] of credits.entries()) {
      const own = advantages[name], start = offsets[i]!;
      let weight = 1;
      for (let t = 0; t < own.length; t++) {
        column[start + t] = weight * own[t]!;
        weight *= stateDiscount;
      }
    }
    return column;
  });
}
