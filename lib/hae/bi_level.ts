/**
 * Bi-level GAE: advantages over turns first, whose returns are then the rewards of advantages within each turn.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EpisodeBatch } from "../episode_batch.ts";
import { DECISIONS } from "../trajectory.ts";
import {
  checkNumbers,
  defineEstimator,
  gamma,
  normalize,
  unitInterval,
} from "./estimator.ts";
import {
  chainUnits,
  creditChains,
  generalizedAdvantages,
  nextValues,
} from "./gae.ts";
import type { Normalization } from "./normalize.ts";

/** Settings of the estimator `bi-level-gae`. */
export interface BiLevelOptions {
  /** Discount per decision within a turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Discount per turn, in `[0, 1]`. @default {0.95} */
  gammaTurn?: number;
  /** Weight of later residuals on both levels, in `[0, 1]`. @default {1} */
  lambda?: number;
  /**
   * Where turns end.
   *
   * - `every`: at every turn; a truncated episode leads to its recorded value.
   * - `rewarded`: where a reward is not 0, as RAGEN's code has it. Turns without reward are one with the next that
   *   has some; after the last reward of an episode the chain of decisions runs on to a value of 0; truncation counts as
   *   an end.
   *
   * @default {"every"}
   */
  turnEnds?: "every" | "rewarded";
  /** How advantages are normalized over the batch, all decisions together; RAGEN whitens. @default {"none"} */
  normalize?: Normalization;
}

/**
 * Credits decisions by GAE on two levels.
 *
 * High level, over the ends `e` of turns: `A[e] = r[e] + gammaTurn · V[e'] − V[e] + gammaTurn · lambda · A[e']`, with `e'` the
 * next end and `V` the value of the turn's last decision, execution. Low level, over the decisions `j` of a turn:
 * `A[j] = gamma · V[j+1] − V[j] + gamma · lambda · A[j+1]`, which begins with `A[e]` at the end: the reward of a
 * turn is the return `A[e] + V[e]` of its end.
 *
 * @see {@link https://arxiv.org/abs/2504.20073 | RAGEN}, `compute_bi_level_gae_advantage_return` of its code
 */
export const biLevelGae = defineEstimator({
  settings: z.strictObject({
    gamma: gamma.unwrap().default(1).describe(
      "discount per decision within a turn",
    ),
    gammaTurn: unitInterval.default(0.95).describe("discount per turn"),
    lambda: unitInterval.default(1).describe(
      "weight of later residuals on both levels",
    ),
    turnEnds: z.enum(["every", "rewarded"]).default("every").describe(
      "whether every turn is an end, or those whose reward is not 0, as RAGEN's code has it",
    ),
    normalize,
  }),
  critic: true,
  grouped: false,
  title: "bi-level GAE, RAGEN",
  paper: "https://arxiv.org/abs/2504.20073",
  equation:
    "turns: A[e] = r[e] + gammaTurn V[e'] − V[e] + gammaTurn lambda A[e']; decisions: A[j] = gamma V[j+1] − V[j] + gamma lambda A[j+1]",
  unit: "decision",
  cost: "2 or 3 values",
  shown: ["corridor"],
  credit(batch, { gamma, gammaTurn, lambda, turnEnds, normalize }) {
    checkNumbers("bi-level-gae", batch, { values: DECISIONS });
    const high = turnAdvantages(batch, { gammaTurn, lambda, turnEnds });
    const units = chainUnits(batch);
    const steps = units.turns.length;
    const rewards = new Float64Array(steps), values = new Float64Array(steps);
    const discounts = new Float64Array(steps).fill(gamma);
    for (let j = 0; j < steps; j++) {
      const t = units.turns[j]!, name = DECISIONS[units.decisions[j]!]!;
      values[j] = batch.values[name][t]!;
      if (name !== "execution" || Number.isNaN(high[t])) continue;
      rewards[j] = high[t]! + values[j]!;
      discounts[j] = 0; // the chain of decisions is cut at an end
    }
    return creditChains(batch, {
      estimator: "bi-level-gae",
      units,
      rewards,
      values,
      discounts,
      truncation: "zero",
      lambda,
      normalize,
    });
  },
});

/** Advantages of the ends of turns, in units of return; `NaN` for turns that are no end. Shape `(turns,)`. */
function turnAdvantages(
  batch: EpisodeBatch,
  { gammaTurn, lambda, turnEnds }: {
    gammaTurn: number;
    lambda: number;
    turnEnds: "every" | "rewarded";
  },
): Float64Array {
  const { offsets, rewards, values: { execution } } = batch;
  const ends: number[] = [];
  const starts = new Int32Array(offsets.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
      if (turnEnds === "every" || rewards[t] !== 0) ends.push(t);
    }
    starts[i + 1] = ends.length;
  }
  const column = (of: Float64Array) => Float64Array.from(ends, (t) => of[t]!);
  const values = column(execution);
  const advantages = generalizedAdvantages({
    rewards: column(rewards),
    values,
    nextValues: nextValues(values, starts, {
      estimator: "bi-level-gae",
      batch,
      truncation: turnEnds === "every" ? "bootstrap" : "zero",
    }),
    discounts: new Float64Array(ends.length).fill(gammaTurn),
    offsets: starts,
  }, lambda);
  const all = new Float64Array(rewards.length).fill(NaN);
  ends.forEach((t, k) => all[t] = advantages[k]!);
  return all;
}
