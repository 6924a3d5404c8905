/**
 * Learning in a tabular world by one estimator: sampled episodes, a learned critic, and exact evaluation.
 *
 * @module
 */

import { byDecision, DECISIONS } from "../../trajectory.ts";
import type { ByDecision } from "../../trajectory.ts";
import type { Random } from "../../random.ts";
import { creditBatch, type EstimatorConfig } from "../credit.ts";
import { exactReturn } from "./exact.ts";
import {
  randomTabularPolicy,
  sampleTabular,
  type TabularEpisodes,
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
  type TabularValues,
} from "./tabular.ts";
import { studyEpisodes } from "./tabular_credit.ts";
import { addEpisodeGradient, parameterOffsets } from "./variance.ts";

/** Options for {@linkcode learnTabular}. */
export interface LearnTabularOptions {
  /** How credit is assigned. */
  readonly estimator: EstimatorConfig;
  /** Step size of Adam on the logits. */
  readonly stepSize: number;
  /** Iterations, one step each. */
  readonly iterations: number;
  /** Episodes of an iteration. */
  readonly episodes: number;
  /** Episodes of a group, for estimators that compare. @default {8} */
  readonly groupSize?: number;
  /** Share by which the critic moves to the mean of its targets in an iteration. @default {0.3} */
  readonly criticRate?: number;
  /** Stream of the first policy and of the episodes. */
  readonly random: Random;
}

/** What an iteration left. */
export interface TabularProgress {
  /** Probability that the policy ends an episode before its horizon, exact, before the iteration's step. */
  readonly success_rate: number;
  /** Mean turns of a segment in the iteration's episodes. */
  readonly segment_length: number;
}

/** Decay of Adam's means, and what keeps its divisor from 0. */
const MOMENTUM = 0.9, SQUARES = 0.99, EPSILON = 1e-8;

/**
 * Learns from episodes; the critic is a table over states and subgoals that follows the estimator's targets.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { createChainSmdp, learnTabular } from "@hiper/lab/studies";
 *
 * const curve = learnTabular(createChainSmdp({ stages: [0], horizon: 4 }), {
 *   estimator: { name: "gae", lambda: 1 },
 *   ...{ stepSize: 0.1, iterations: 20, episodes: 16, random: createRandom(1) },
 * });
 * ok(curve.at(-1)!.success_rate > curve[0]!.success_rate);
 * ```
 *
 * @returns One entry for each iteration.
 */
export function learnTabular(
  smdp: TabularSmdp,
  options: LearnTabularOptions,
): TabularProgress[] {
  const { estimator, stepSize, iterations, episodes: count, random } = options;
  const { groupSize = 8, criticRate = 0.3 } = options;
  const reaching = reachingWorld(smdp);
  let policy = randomTabularPolicy(smdp, { random: random.fork("policy") });
  const table = byDecision(() => new Float64Array(smdp.states * smdp.subgoals));
  const { total } = parameterOffsets(smdp);
  const mean = new Float64Array(total), square = new Float64Array(total);
  const curve: TabularProgress[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const episodes = sampleTabular(smdp, policy, {
      episodes: count,
      random: random.fork("iteration", iteration),
    });
    const critic = overTime(smdp, table);
    const batch = studyEpisodes({ smdp, policy, critic, groupSize }, episodes);
    const { advantages, targets } = creditBatch(batch, estimator);
    const gradient = new Float64Array(total);
    const odds = tabularProbabilities(smdp, policy);
    const work = { episodes, odds, credit: advantages, into: gradient };
    for (let episode = 0; episode < count; episode++) {
      addEpisodeGradient(smdp, { ...work, episode, factor: 1 / count });
    }
    curve.push({
      success_rate: exactReturn(reaching, policy),
      segment_length: episodes.states.length /
        episodes.switched.reduce((sum, switched) => sum + switched, 0),
    });
    policy = step(smdp, policy, {
      gradient,
      mean,
      square,
      stepSize,
      iteration,
    });
    if (targets) follow(smdp, table, { episodes, targets, criticRate });
  }
  return curve;
}

/** The same world where ending before the horizon pays 1 and nothing else pays. */
function reachingWorld(smdp: TabularSmdp): TabularSmdp {
  return {
    ...smdp,
    gamma: 1,
    rewards: new Float64Array(smdp.rewards.length),
    exitRewards: new Float64Array(smdp.states).fill(1),
    noise: 0,
  };
}

/** One step of Adam uphill. */
function step(
  smdp: TabularSmdp,
  { logits }: TabularPolicy,
  adam: {
    readonly gradient: Float64Array;
    readonly mean: Float64Array;
    readonly square: Float64Array;
    readonly stepSize: number;
    readonly iteration: number;
  },
): TabularPolicy {
  const { gradient, mean, square, stepSize, iteration } = adam;
  const first = 1 - MOMENTUM ** (iteration + 1);
  const second = 1 - SQUARES ** (iteration + 1);
  const change = gradient.map((slope, p) => {
    mean[p] = MOMENTUM * mean[p]! + (1 - MOMENTUM) * slope;
    square[p] = SQUARES * square[p]! + (1 - SQUARES) * slope * slope;
    return stepSize * mean[p]! / first /
      (Math.sqrt(square[p]! / second) + EPSILON);
  });
  const offsets = parameterOffsets(smdp);
  return {
    logits: byDecision((name) =>
      logits[name].map((logit, i) => logit + change[offsets[name] + i]!)
    ),
  };
}

/** A critic that does not know the time, as one that is indexed by it. */
function overTime(
  { horizon, states, subgoals }: TabularSmdp,
  table: ByDecision<Float64Array>,
): TabularValues {
  const repeat = (column: Float64Array) => {
    const all = new Float64Array(horizon * column.length);
    for (let t = 0; t < horizon; t++) all.set(column, t * column.length);
    return all;
  };
  const planning = Float64Array.from(
    { length: states },
    (_, state) => table.planning[state * subgoals]!,
  );
  return {
    switching: repeat(table.switching),
    planning: repeat(planning),
    execution: repeat(table.execution),
  };
}

/** Moves the critic towards the means of its targets. */
function follow(
  { subgoals }: TabularSmdp,
  table: ByDecision<Float64Array>,
  news: {
    readonly episodes: TabularEpisodes;
    readonly targets: ByDecision<Float64Array>;
    readonly criticRate: number;
  },
): void {
  const { episodes: { states, held, subgoals: chosen }, targets } = news;
  for (const name of DECISIONS) {
    const sums = new Float64Array(table[name].length);
    const counts = new Float64Array(table[name].length);
    for (let t = 0; t < states.length; t++) {
      const target = targets[name][t]!;
      const within = name === "planning"
        ? 0
        : name === "execution"
        ? chosen[t]!
        : held[t]!;
      if (Number.isNaN(target) || within < 0) continue;
      const cell = states[t]! * subgoals + within;
      sums[cell]! += target;
      counts[cell]!++;
    }
    for (let cell = 0; cell < sums.length; cell++) {
      if (counts[cell] === 0) continue;
      const mean = sums[cell]! / counts[cell]!;
      table[name][cell]! += news.criticRate * (mean - table[name][cell]!);
    }
  }
}
