/**
 * Every estimator of the variance study, applied to episodes of a tabular world.
 *
 * Hierarchical advantages come from the estimator that training uses; the flat and the
 * group-relative ones are stated here in their plainest form, one score for each episode.
 *
 * @module
 */

import type { ByDecision } from "../trajectory.ts";
import {
  type TabularEpisodes,
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
  type TabularValues,
} from "../tabular.ts";
import { mean, standardDeviation } from "../numeric.ts";
import { generalizedAdvantages } from "./gae.ts";
import { batchAdvantages, type BatchColumns } from "./hae_batch.ts";
import type { HaeOptions } from "./hae_options.ts";

/**
 * An estimator of the study.
 *
 * - `hae`: hierarchical advantages; all settings of training
 * - `gae`: one advantage for each turn, for all its decisions, over the switching values
 * - `token-gae`: one chain through the decisions of all turns, each with its own value
 * - `reinforce`: the return from the turn on, or of the whole episode, without a baseline
 * - `grpo`, `rloo`: the episode's return against those of its group
 * - `gigpo`: `grpo` plus returns compared within a group among turns in the same state
 */
export type StudyEstimator =
  | ({ readonly name: "hae" } & HaeOptions)
  | { readonly name: "gae"; readonly lambda?: number }
  | { readonly name: "token-gae"; readonly lambda?: number }
  | { readonly name: "reinforce"; readonly credit?: "to-go" | "whole" }
  | { readonly name: "grpo"; readonly scaleByDeviation?: boolean }
  | { readonly name: "rloo" }
  | {
    readonly name: "gigpo";
    readonly scaleByDeviation?: boolean;
    readonly stepWeight?: number;
  };

/** What estimators may know besides the episodes. */
export interface TabularCreditOptions {
  /** Who played. */
  readonly policy: TabularPolicy;
  /** Values of the critic, indexed by time. */
  readonly critic: TabularValues;
  /** Discount per turn of rewards. */
  readonly gamma: number;
  /** Weight of the state of turn `t` is `stateDiscount ** t`. */
  readonly stateDiscount: number;
  /** Episodes in a group; consecutive ones belong together. */
  readonly groupSize: number;
}

/**
 * Assigns credit to every decision, weights of states included.
 *
 * @param smdp The world.
 * @param episodes Columns of episodes.
 * @param estimator Which estimator.
 * @param options Critic, discounts and groups.
 * @returns Factor of each decision's score in the gradient. Shape `(turns,)` each.
 */
export function tabularCredit(
  smdp: TabularSmdp,
  episodes: TabularEpisodes,
  estimator: StudyEstimator,
  options: TabularCreditOptions,
): ByDecision<Float64Array> {
  const { gamma } = options;
  switch (estimator.name) {
    case "hae": {
      const { name: _name, ...settings } = estimator;
      const batch = tabularBatch(smdp, episodes, options);
      const { advantages } = batchAdvantages(batch, { gamma, ...settings });
      return weighStates(episodes, advantages, options);
    }
    case "gae":
      return weighStates(
        episodes,
        shared(turnAdvantages(
          tabularBatch(smdp, episodes, options),
          gamma,
          estimator.lambda ?? 1,
        )),
        options,
      );
    case "token-gae":
      return weighStates(
        episodes,
        chainedAdvantages(
          tabularBatch(smdp, episodes, options),
          gamma,
          estimator.lambda ?? 1,
        ),
        options,
      );
    case "reinforce": {
      const toGo = returnsToGo(episodes, gamma);
      return estimator.credit === "whole"
        ? shared(spread(episodes, episodeReturns(episodes, toGo)))
        : weighStates(episodes, shared(toGo), options);
    }
    case "grpo":
    case "rloo":
    case "gigpo":
      return shared(groupAdvantages(episodes, estimator, options));
  }
}

/** Whether an estimator compares episodes of one group, so that they are not independent. */
export function isGrouped(estimator: StudyEstimator): boolean {
  return estimator.name === "grpo" || estimator.name === "rloo" ||
    estimator.name === "gigpo";
}

/**
 * Writes episodes and a critic as the columns that hierarchical estimation reads.
 *
 * @param smdp The world.
 * @param episodes Columns of episodes.
 * @param options Policy and critic.
 * @returns Columns; on first turns the switching value is the planning value, as SWITCH is forced.
 */
export function tabularBatch(
  smdp: TabularSmdp,
  episodes: TabularEpisodes,
  options: Pick<TabularCreditOptions, "policy" | "critic">,
): BatchColumns {
  const { states, subgoals } = smdp;
  const { critic } = options;
  const odds = tabularProbabilities(smdp, options.policy);
  const { offsets, rewards, switched } = episodes;
  const column = () => new Float64Array(rewards.length);
  const values = {
    switching: column(),
    planning: column(),
    execution: column(),
  };
  const switchProbabilities = column(), heldSubgoalValues = column();
  for (let i = 0; i + 1 < offsets.length; i++) {
    for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
      const here = (t - offsets[i]!) * states + episodes.states[t]!;
      const held = episodes.held[t]!;
      const pair = here * subgoals;
      values.planning[t] = critic.planning[here]!;
      values.execution[t] = critic.execution[pair + episodes.subgoals[t]!]!;
      if (held < 0) {
        values.switching[t] = critic.planning[here]!;
        switchProbabilities[t] = 1;
        heldSubgoalValues[t] = critic.planning[here]!;
        continue;
      }
      values.switching[t] = critic.switching[pair + held]!;
      switchProbabilities[t] = odds
        .switching[episodes.states[t]! * subgoals + held]!;
      heldSubgoalValues[t] = critic.execution[pair + held]!;
    }
  }
  const none = new Float64Array(offsets.length - 1);
  return {
    offsets,
    rewards,
    switched,
    values,
    bootstrap: { switching: none, planning: none, execution: none },
    switchProbabilities,
    heldSubgoalValues,
  };
}

/** Flat GAE on the clock of turns, over values that know state and held subgoal. */
function turnAdvantages(
  batch: BatchColumns,
  gamma: number,
  lambda: number,
): Float64Array {
  const { offsets, rewards, values: { switching: values } } = batch;
  const discounts = new Float64Array(rewards.length).fill(gamma);
  const nextValues = new Float64Array(rewards.length);
  nextValues.set(values.subarray(1));
  // An ended chain has discount 0: neither the next value nor the next residual is its own.
  for (let i = 1; i < offsets.length; i++) discounts[offsets[i]! - 1] = 0;
  return generalizedAdvantages(
    { rewards, values, nextValues, discounts },
    lambda,
  );
}

/** GAE on the clock of decisions: switching, planning where it happens, execution; one chain. */
function chainedAdvantages(
  batch: BatchColumns,
  gamma: number,
  lambda: number,
): ByDecision<Float64Array> {
  const { offsets, rewards, switched, values, heldSubgoalValues } = batch;
  const column = () => new Float64Array(rewards.length);
  const result = {
    switching: column(),
    planning: column(),
    execution: column(),
  };
  for (let i = 0; i + 1 < offsets.length; i++) {
    let chain = 0, nextValue = 0;
    for (let t = offsets[i + 1]! - 1; t >= offsets[i]!; t--) {
      const execution = values.execution[t]!, planning = values.planning[t]!;
      chain = rewards[t]! + gamma * (nextValue + lambda * chain) - execution;
      result.execution[t] = chain;
      let decided = heldSubgoalValues![t]!; // what keeping leads to
      if (switched[t] === 1) {
        chain = execution - planning + lambda * chain;
        result.planning[t] = chain;
        decided = planning;
      }
      nextValue = values.switching[t]!;
      chain = decided - nextValue + lambda * chain;
      result.switching[t] = chain;
    }
  }
  return result;
}

/** Discounted return from each turn to the end of its episode. Shape `(turns,)`. */
function returnsToGo(episodes: TabularEpisodes, gamma: number): Float64Array {
  const { offsets, rewards } = episodes;
  const returns = new Float64Array(rewards.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let next = 0;
    for (let t = offsets[i + 1]! - 1; t >= offsets[i]!; t--) {
      returns[t] = next = rewards[t]! + gamma * next;
    }
  }
  return returns;
}

/** Return of each whole episode. Shape `(episodes,)`. */
function episodeReturns(
  { offsets }: TabularEpisodes,
  toGo: Float64Array,
): Float64Array {
  return Float64Array.from(
    offsets.subarray(0, -1),
    (start, i) => offsets[i + 1]! > start ? toGo[start]! : 0,
  );
}

/** Hands every turn the number of its episode. Shape `(turns,)`. */
function spread(
  { offsets, rewards }: TabularEpisodes,
  each: Float64Array,
): Float64Array {
  const result = new Float64Array(rewards.length);
  for (const [i, value] of each.entries()) {
    result.fill(value, offsets[i]!, offsets[i + 1]!);
  }
  return result;
}

/** Returns compared within groups, once for each episode; GiGPO adds a comparison of turns in one state. */
function groupAdvantages(
  episodes: TabularEpisodes,
  estimator: Extract<StudyEstimator, { name: "grpo" | "rloo" | "gigpo" }>,
  options: TabularCreditOptions,
): Float64Array {
  const { gamma, groupSize } = options;
  const toGo = returnsToGo(episodes, gamma);
  const scores = episodeReturns(episodes, toGo);
  const scale = estimator.name !== "rloo" &&
    (estimator.scaleByDeviation ?? false);
  for (let start = 0; start < scores.length; start += groupSize) {
    const group = scores.subarray(start, start + groupSize);
    const factor = estimator.name === "rloo" && group.length > 1
      ? group.length / (group.length - 1)
      : 1;
    center(group, scale, factor);
  }
  const advantages = spread(episodes, scores);
  if (estimator.name !== "gigpo") return advantages;
  const { offsets, states } = episodes;
  const { stepWeight = 1 } = estimator;
  for (let i = 0; i + 1 < offsets.length; i += groupSize) {
    const end = offsets[Math.min(i + groupSize, offsets.length - 1)]!;
    const byState = Map.groupBy(
      Array.from({ length: end - offsets[i]! }, (_, k) => offsets[i]! + k),
      (t) => states[t]!,
    );
    for (const turns of byState.values()) {
      const steps = Float64Array.from(turns, (t) => toGo[t]!);
      center(steps, scale, 1);
      for (const [k, t] of turns.entries()) {
        advantages[t]! += stepWeight * steps[k]!;
      }
    }
  }
  return advantages;
}

/** Centers numbers in place; divides by their deviation if asked; one alone becomes 0. */
function center(values: Float64Array, scale: boolean, factor: number): void {
  if (values.length < 2) {
    values.fill(0);
    return;
  }
  const middle = mean(values);
  const deviation = scale
    ? standardDeviation(values, { sample: true }) + 1e-6
    : 1;
  for (let i = 0; i < values.length; i++) {
    values[i] = (values[i]! - middle) * factor / deviation;
  }
}

/** One advantage for all decisions of a turn. */
function shared(each: Float64Array): ByDecision<Float64Array> {
  return { switching: each, planning: each, execution: each };
}

/** Weighs the state of turn `t` by `stateDiscount ** t`, in place where it is not 1. */
function weighStates(
  { offsets }: TabularEpisodes,
  advantages: ByDecision<Float64Array>,
  { stateDiscount }: TabularCreditOptions,
): ByDecision<Float64Array> {
  if (stateDiscount === 1) return advantages;
  for (const column of new Set(Object.values(advantages))) {
    for (let i = 0; i + 1 < offsets.length; i++) {
      let weight = 1;
      for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
        column[t]! *= weight;
        weight *= stateDiscount;
      }
    }
  }
  return advantages;
}
