/**
 * Exact bias and variance of an estimator: every trajectory of a small world, weighed by its
 * probability, instead of a sample.
 *
 * @module
 */

import {
  type TabularEpisodes,
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
} from "./tabular.ts";
import { exactGradient } from "./exact.ts";
import {
  addEpisodeGradient,
  addGradient,
  emptyMoments,
  estimatorLabel,
  judgeMoments,
  parameterOffsets,
  type VarianceRow,
} from "./variance.ts";
import type { EstimatorConfig } from "../credit.ts";
import {
  isGrouped,
  studyEpisodes,
  type StudyOptions,
  tabularCredit,
} from "./tabular_credit.ts";

/** Every trajectory a policy can play, and how likely each is. */
export interface EnumeratedEpisodes {
  /** The trajectories. */
  readonly episodes: TabularEpisodes;
  /** Probability of each; they sum to 1. Shape `(episodes,)`. */
  readonly probabilities: Float64Array;
}

/** Options for {@linkcode enumerateTabular}. */
export interface EnumerateTabularOptions {
  /** Trajectories after which to give up. @default {200000} */
  readonly limit?: number;
}

/** One way an episode may have gone so far. */
interface Path {
  readonly state: number;
  readonly held: number;
  readonly probability: number;
  /** Six numbers a turn: state, held, switched, subgoal, action, reward. */
  readonly turns: readonly number[];
}

/**
 * Lists every trajectory of a world without noise.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   enumerateTabular,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp({ horizon: 2, noise: 0 });
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const { episodes, probabilities } = enumerateTabular(world, policy);
 * ok(episodes.offsets.length === probabilities.length + 1);
 * ok(Math.abs(probabilities.reduce((sum, p) => sum + p) - 1) < 1e-12);
 * ```
 *
 * @param smdp A small world; its rewards must be without noise.
 * @returns Trajectories and their probabilities.
 * @throws {RangeError} If rewards are noisy, or there are more trajectories than the limit.
 */
export function enumerateTabular(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: EnumerateTabularOptions = {},
): EnumeratedEpisodes {
  return gatherPaths(enumeratePaths(smdp, policy, options));
}

function enumeratePaths(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  { limit = 200_000 }: EnumerateTabularOptions,
): Path[] {
  if (smdp.noise !== 0) {
    throw new RangeError(
      `Cannot enumerate trajectories as "noise" must be 0: current value is ${smdp.noise}`,
    );
  }
  let paths: Path[] = [];
  for (const [state, probability] of smdp.start.entries()) {
    if (probability > 0) {
      paths.push({ state, held: -1, probability, turns: [] });
    }
  }
  const odds = tabularProbabilities(smdp, policy);
  const ended: Path[] = [];
  for (let time = 0; time < smdp.horizon; time++) {
    const next: Path[] = [];
    for (const path of paths) extendPath(smdp, { path, odds, next, ended });
    if (next.length + ended.length > limit) {
      throw new RangeError(
        `Cannot enumerate trajectories as there must be at most ${limit}: there are ${
          next.length + ended.length
        } after ${time + 1} turns`,
      );
    }
    paths = next;
  }
  return [...ended, ...paths];
}

/** Goes on by one turn in every way that is possible. */
function extendPath(
  smdp: TabularSmdp,
  work: {
    path: Path;
    odds: ReturnType<typeof tabularProbabilities>;
    next: Path[];
    ended: Path[];
  },
): void {
  const { states, subgoals, actions, transitions } = smdp;
  const { path, odds } = work;
  const { state, held } = path;
  const beta = held < 0 ? 1 : odds.switching[state * subgoals + held]!;
  for (let branch = held < 0 ? 0 : -1; branch < subgoals; branch++) {
    const subgoal = branch < 0 ? held : branch;
    const pair = state * subgoals + subgoal;
    const taken = branch < 0 ? 1 - beta : beta * odds.planning[pair]!;
    for (let action = 0; action < actions; action++) {
      const row = pair * actions + action;
      const chance = path.probability * taken * odds.execution[row]!;
      const turn = [state, held, branch < 0 ? 0 : 1, subgoal, action];
      let stays = 0;
      for (let to = 0; to < states; to++) {
        const moves = transitions[row * states + to]!;
        stays += moves;
        if (chance * moves === 0) continue;
        work.next.push({
          state: to,
          held: subgoal,
          probability: chance * moves,
          turns: [...path.turns, ...turn, smdp.rewards[row]!],
        });
      }
      if (chance * (1 - stays) < 1e-15) continue; // rows that sum to 1 but for rounding
      work.ended.push({
        state,
        held: subgoal,
        probability: chance * (1 - stays),
        turns: [
          ...path.turns,
          ...turn,
          smdp.rewards[row]! + smdp.exitRewards[state]!,
        ],
      });
    }
  }
}

/** Writes paths as columns. */
function gatherPaths(paths: readonly Path[]): EnumeratedEpisodes {
  const offsets = new Int32Array(paths.length + 1);
  for (const [i, { turns }] of paths.entries()) {
    offsets[i + 1] = offsets[i]! + turns.length / 6;
  }
  const numbers = paths.flatMap(({ turns }) => turns);
  const column = (k: number) =>
    Float64Array.from(
      { length: numbers.length / 6 },
      (_, t) => numbers[6 * t + k]!,
    );
  return {
    probabilities: Float64Array.from(paths, ({ probability }) => probability),
    episodes: {
      offsets,
      states: Int32Array.from(column(0)),
      held: Int32Array.from(column(1)),
      switched: Uint8Array.from(column(2)),
      subgoals: Int32Array.from(column(3)),
      actions: Int32Array.from(column(4)),
      rewards: column(5),
    },
  };
}

/** Options for {@linkcode exactVariance}. */
export interface ExactVarianceOptions
  extends EnumerateTabularOptions, StudyOptions {
  /** Estimator to judge. */
  readonly estimator: EstimatorConfig;
  /** Episodes in a group; every tuple of that many trajectories is visited. @default {2} */
  readonly groupSize?: number;
}

/**
 * Computes bias and variance of an estimator exactly.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   exactValues,
 *   exactVariance,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp({ stages: [0], positions: 2, horizon: 3, noise: 0 });
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const [, , , all] = exactVariance(world, policy, {
 *   estimator: { name: "hae", lambdaSegment: 0.5 },
 *   critic: exactValues(world, policy),
 * });
 * ok(all!.bias < 1e-12); // exact critics: unbiased for every lambda
 * ```
 *
 * @param smdp A small world; its rewards must be without noise.
 * @returns Four rows: the three decisions and all together; standard errors are 0.
 * @throws {RangeError} If the world is noisy or too large.
 */
export function exactVariance(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: ExactVarianceOptions,
): VarianceRow[] {
  const { estimator, limit = 200_000 } = options;
  const paths = enumeratePaths(smdp, policy, options);
  const unit = isGrouped(estimator) ? options.groupSize ?? 2 : 1;
  const count = paths.length, tuples = count ** unit;
  if (tuples > limit) {
    throw new RangeError(
      `Cannot enumerate groups as there must be at most ${limit}: current value is ${tuples}`,
    );
  }
  const study = { ...options, smdp, policy, groupSize: unit };
  const creditOf = (some: TabularEpisodes) =>
    tabularCredit(study, studyEpisodes(study, some), estimator);
  const odds = tabularProbabilities(smdp, policy);
  const moments = emptyMoments(parameterOffsets(smdp).total);
  const into = new Float64Array(moments.sums.length);
  const add = (
    from: TabularEpisodes,
    credit: ReturnType<typeof tabularCredit>,
    episode: number,
  ) =>
    addEpisodeGradient(smdp, {
      episodes: from,
      odds,
      credit,
      episode,
      into,
      factor: 1 / unit,
    });
  if (unit === 1) {
    const { episodes, probabilities } = gatherPaths(paths);
    const credit = creditOf(episodes);
    for (let i = 0; i < count; i++) {
      add(episodes, credit, i);
      addGradient(moments, into, probabilities[i]!);
    }
  } else {
    for (let tuple = 0; tuple < tuples; tuple++) {
      const members = Array.from(
        { length: unit },
        (_, k) => paths[Math.floor(tuple / count ** k) % count]!,
      );
      const group = gatherPaths(members).episodes;
      const credit = creditOf(group);
      for (let k = 0; k < unit; k++) add(group, credit, k);
      const chance = members.reduce((p, { probability }) => p * probability, 1);
      addGradient(moments, into, chance);
    }
  }
  return judgeMoments(smdp, [moments], {
    exact: exactGradient(smdp, policy, options),
    estimator: estimatorLabel(estimator),
    unitSize: unit,
    enumerated: true,
  });
}
