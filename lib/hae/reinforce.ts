/**
 * Credit by returns: REINFORCE, REINFORCE++ and ReMax.
 *
 * Every decision that was taken on a turn gets the turn's advantage, and no value head has a target.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EpisodeBatch } from "../episode_batch.ts";
import { discountedReturns } from "../numeric.ts";
import {
  checkNumbers,
  defineEstimator,
  gamma,
  normalize,
  overTurns,
  shareTurns,
  whiten,
} from "./estimator.ts";
import { type Normalization, normalizeInPlace } from "./normalize.ts";

/** Settings of the estimator `reinforce`. */
export interface ReinforceOptions {
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Whether a turn gets the return from itself on, or the whole episode's. @default {true} */
  rewardToGo?: boolean;
  /** How returns are normalized over the turns of the batch. @default {"none"} */
  normalize?: Normalization;
}

/** Settings of the estimator `remax`. */
export interface RemaxOptions {
  /** Score of the greedy episode of each group, by the group's name. Training plays these episodes. */
  baselines?: Readonly<Record<string, number>>;
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
}

/** Gives each turn its return, normalized over the turns of the batch. */
function returnCredit(
  name: string,
  batch: EpisodeBatch,
  options: Required<ReinforceOptions>,
) {
  const { gamma, rewardToGo, normalize } = options;
  const { offsets, rewards } = batch;
  checkNumbers(name, batch);
  const returns = discountedReturns(rewards, { gamma, offsets });
  const column = rewardToGo ? returns : overTurns(
    batch,
    Float64Array.from(batch.episodes, (_, i) => returns[offsets[i]!] ?? 0),
  );
  normalizeInPlace(column, new Uint8Array(column.length).fill(1), normalize);
  return shareTurns(batch, column);
}

/** The return from each turn on; without reward-to-go every turn gets that of the first. */
export const reinforce = defineEstimator({
  settings: z.strictObject({
    gamma,
    rewardToGo: z.boolean().default(true).describe(
      "whether a turn gets the return from itself on, or the whole episode's",
    ),
    normalize,
  }),
  critic: false,
  grouped: false,
  title: "REINFORCE, Williams 1992",
  paper: "https://doi.org/10.1007/BF00992696",
  equation: "A[t] = G[t]",
  unit: "turn",
  cost: "nothing",
  shown: ["corridor"],
  creditsEpisode: ({ rewardToGo }) => !rewardToGo,
  credit: (batch, options) => returnCredit("reinforce", batch, options),
});

/** The return from each turn on, whitened over the turns of the batch. */
export const reinforcePlusPlus = defineEstimator({
  settings: z.strictObject({
    gamma,
    normalize: whiten,
  }),
  critic: false,
  grouped: false,
  title: "REINFORCE++",
  paper: "https://arxiv.org/abs/2501.03262",
  equation: "A[t] = (G[t] − mean of the batch) / sd of the batch",
  unit: "turn",
  cost: "nothing",
  shown: ["corridor", "household-easy"],
  credit: (batch, options) =>
    returnCredit("reinforce++", batch, { ...options, rewardToGo: true }),
});

/** The return from each turn on, less the score of a greedily played episode of the group. */
export const remax = defineEstimator({
  settings: z.strictObject({
    baselines: z.record(
      z.string(),
      z.number(),
      "must hold the greedy score of every group",
    ).exactOptional().describe(
      "score of the greedy episode of each group, by its name; training plays them",
    ),
    gamma,
  }),
  critic: false,
  grouped: false,
  title: "ReMax",
  paper: "https://arxiv.org/abs/2310.10505",
  equation: "A[t] = G[t] − s of a greedy episode of the group",
  unit: "turn",
  policies: ["compact", "language"],
  greedy: true,
  cost: "1 / `rollout.groupSize` greedy turns",
  shown: ["corridor"],
  credit(batch, { baselines = {}, gamma }) {
    checkNumbers("remax", batch);
    const greedy = Float64Array.from(batch.episodes, ({ id, group }) => {
      const baseline = baselines[group];
      if (baseline !== undefined) return baseline;
      throw new TypeError(
        `Cannot assign credit "remax" as every group needs a greedy score: group "${group}" of episode "${id}" has ${baseline}`,
      );
    });
    const { rewards, offsets } = batch;
    const baseline = overTurns(batch, greedy);
    const returns = discountedReturns(rewards, { gamma, offsets });
    return shareTurns(batch, returns.map((g, t) => g - baseline[t]!));
  },
});
