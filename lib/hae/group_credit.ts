/**
 * Credit by comparison within a group of episodes: GRPO, Dr. GRPO, RLOO, REINFORCE++ with baseline and pass@k. They
 * differ in what they subtract and divide by.
 *
 * Every decision that was taken on a turn gets the turn's advantage, and no value head has a target.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { checkChoice } from "../checks.ts";
import type { EpisodeBatch } from "../episode_batch.ts";
import {
  checkNumbers,
  defineEstimator,
  grouping,
  overTurns,
  shareTurns,
  whiten,
} from "./estimator.ts";
import { type Normalization, normalizeInPlace } from "./normalize.ts";

/** What a score is compared with. */
interface PoolStatistics {
  /** Number of scores, or the sum of their weights. */
  readonly count: number;
  /** Weighted mean. */
  readonly mean: number;
  /** Weighted sample deviation (`n − 1`); 0 for a pool of one. */
  readonly deviation: number;
}

/**
 * How a score is compared with its group.
 *
 * - `deviation` (GRPO): `(s − mean) / (deviation + 1e-6)`.
 * - `center` (Dr. GRPO): `s − mean`.
 * - `leave-one-out` (RLOO): `n / (n − 1) · (s − mean)`, which is `s` minus the mean of the others.
 */
export type Comparison = "deviation" | "center" | "leave-one-out";

/** Options of {@linkcode groupAdvantages}. */
export interface GroupOptions extends Pick<PoolingOptions, "singleton"> {
  /** How a score is compared with its group. @default {"deviation"} */
  comparison?: Comparison;
  /** How often each score counts in its group. Shape `(n,)`; absent means once each. */
  weights?: ArrayLike<number>;
}

/** Added to deviations before dividing by them. */
export const DEVIATION_EPSILON = 1e-6;

/** Describes the scores of each group. */
function poolStatistics(
  scores: ArrayLike<number>,
  groups: readonly string[],
  weights?: ArrayLike<number>,
): Map<string, PoolStatistics> {
  if (
    scores.length !== groups.length ||
    (weights && weights.length !== groups.length)
  ) {
    throw new RangeError(
      `Cannot compare scores as each must have one group and one weight: there are ${scores.length} scores and ${groups.length} groups`,
    );
  }
  for (let i = 0; i < scores.length; i++) {
    if (Number.isFinite(scores[i])) continue;
    throw new RangeError(
      `Cannot compare scores as each must be finite: score ${i} is ${
        scores[i]
      }`,
    );
  }
  const sums = new Map<
    string,
    { count: number; sum: number; squares: number }
  >();
  for (const [i, group] of groups.entries()) {
    const weight = weights?.[i] ?? 1;
    const known = sums.get(group) ?? { count: 0, sum: 0, squares: 0 };
    known.count += weight;
    known.sum += weight * scores[i]!;
    sums.set(group, known);
  }
  for (const [i, group] of groups.entries()) {
    const known = sums.get(group)!;
    known.squares += (weights?.[i] ?? 1) *
      (scores[i]! - known.sum / known.count) ** 2;
  }
  const pools = new Map<string, PoolStatistics>();
  for (const [group, { count, sum, squares }] of sums) {
    const deviation = count > 1 ? Math.sqrt(squares / (count - 1)) : 0;
    pools.set(group, { count, mean: sum / count, deviation });
  }
  return pools;
}

/**
 * Compares each score with its group.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { groupAdvantages } from "@hiper/lab/credit";
 *
 * const advantages = groupAdvantages([1, 0, 5], ["a", "a", "b"], {
 *   comparison: "leave-one-out",
 * });
 * deepStrictEqual(advantages, new Float64Array([1, -1, 0]));
 * ```
 *
 * @param scores Shape `(n,)`.
 * @param groups Group of each score. Shape `(n,)`.
 * @param options The comparison, weights, and what a lone score gets.
 * @returns Advantages. Shape `(n,)`.
 * @throws {RangeError} If lengths differ, a score is not finite or a setting has a word it does not know.
 * @see {@link https://arxiv.org/abs/2402.03300 | GRPO}; {@link https://arxiv.org/abs/2503.20783 | Dr. GRPO};
 * {@link https://arxiv.org/abs/2402.14740 | RLOO}
 */
export function groupAdvantages(
  scores: ArrayLike<number>,
  groups: readonly string[],
  options: GroupOptions = {},
): Float64Array {
  const { comparison = "deviation", weights, singleton = "zero" } = options;
  checkChoice("assign credit", { comparison }, [
    "deviation",
    "center",
    "leave-one-out",
  ]);
  checkChoice("assign credit", { singleton }, ["zero", "score"]);
  const pools = poolStatistics(scores, groups, weights);
  return Float64Array.from(groups, (group, i) => {
    const { count, mean, deviation } = pools.get(group)!;
    if (count <= 1) return singleton === "zero" ? 0 : scores[i]!;
    const difference = scores[i]! - mean;
    if (comparison === "center") return difference;
    return comparison === "deviation"
      ? difference / (deviation + DEVIATION_EPSILON)
      : difference * count / (count - 1);
  });
}

/** Options of {@linkcode bestOfGroup}. */
export interface BestOfGroupOptions {
  /** Whether the margin is divided by the group's sample deviation. @default {true} */
  scaleByDeviation?: boolean;
}

/**
 * Rewards only the best of each group, by its margin over the second best: the pass@k objective.
 *
 * `A = (best − second) / (deviation + 1e-6)` for the first of the best scores, 0 for all others.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { bestOfGroup } from "@hiper/lab/credit";
 *
 * const groups = ["a", "a", "a"];
 * deepStrictEqual(
 *   bestOfGroup([1, 0.25, 0], groups, { scaleByDeviation: false }),
 *   new Float64Array([0.75, 0, 0]),
 * );
 * // Two that won share no praise: one would have been enough.
 * deepStrictEqual(bestOfGroup([1, 1, 0], groups), new Float64Array(3));
 * ```
 *
 * @param scores Shape `(n,)`.
 * @param groups Group of each score. Shape `(n,)`.
 * @returns Advantages. Shape `(n,)`.
 * @throws {RangeError} If a group has a single score, lengths differ or a score is not finite.
 * @see {@link https://arxiv.org/abs/2503.19595 | Tang et al. 2025}
 */
export function bestOfGroup(
  scores: ArrayLike<number>,
  groups: readonly string[],
  options: BestOfGroupOptions = {},
): Float64Array {
  const { scaleByDeviation = true } = options;
  const pools = poolStatistics(scores, groups);
  const leaders = new Map<string, { best: number; second: number }>();
  for (const [i, group] of groups.entries()) {
    const leader = leaders.get(group);
    const score = scores[i]!;
    if (!leader) leaders.set(group, { best: i, second: -Infinity });
    else if (score > scores[leader.best]!) {
      leader.second = scores[leader.best]!;
      leader.best = i;
    } else leader.second = Math.max(leader.second, score);
  }
  const advantages = new Float64Array(groups.length);
  for (const [group, { best, second }] of leaders) {
    const { count, deviation } = pools.get(group)!;
    if (count < 2) {
      throw new RangeError(
        `Cannot reward the best of a group as a group must have at least 2 scores: group "${group}" has ${count}`,
      );
    }
    advantages[best] = (scores[best]! - second) /
      (scaleByDeviation ? deviation + DEVIATION_EPSILON : 1);
  }
  return advantages;
}

/** How episodes enter their group's statistics, for every group-relative estimator. */
export interface PoolingOptions {
  /**
   * `episodes` counts each episode once; `turns` counts it once for each of its turns, as the reference
   * implementations do by default, so that long episodes weigh more.
   *
   * @default {"episodes"}
   */
  weightBy?: "episodes" | "turns";
  /**
   * Advantage of what is alone in its group: `zero`, as it was compared with nothing, or its `score`, as the reference
   * implementations do.
   *
   * @default {"zero"}
   */
  singleton?: "zero" | "score";
}

/** Undiscounted score of each episode: the sum of its rewards. Shape `(episodes,)`. */
export function episodeScores(
  { offsets, rewards }: Pick<EpisodeBatch, "offsets" | "rewards">,
): Float64Array {
  const scores = new Float64Array(offsets.length - 1);
  for (let i = 0; i < scores.length; i++) {
    let sum = 0;
    for (let t = offsets[i]!; t < offsets[i + 1]!; t++) sum += rewards[t]!;
    scores[i] = sum;
  }
  return scores;
}

/** Compares the scores of episodes within their groups. Shape `(episodes,)`. */
export function compareEpisodes(
  batch: EpisodeBatch,
  options: Required<PoolingOptions> & { readonly comparison: Comparison },
): Float64Array {
  const { weightBy, singleton, comparison } = options;
  const { offsets, episodes } = batch;
  return groupAdvantages(
    episodeScores(batch),
    episodes.map(({ group }) => group),
    {
      comparison,
      singleton,
      ...(weightBy === "turns"
        ? { weights: episodes.map((_, i) => offsets[i + 1]! - offsets[i]!) }
        : {}),
    },
  );
}

/** Compares episodes and gives every turn the episode's advantage. */
function compareTurns(
  name: string,
  batch: EpisodeBatch,
  options: Required<PoolingOptions> & {
    readonly comparison: Comparison;
    readonly normalize?: Normalization;
  },
) {
  checkNumbers(name, batch);
  const column = overTurns(batch, compareEpisodes(batch, options));
  const { normalize = "none" } = options;
  normalizeInPlace(column, new Uint8Array(column.length).fill(1), normalize);
  return shareTurns(batch, column);
}

const scaleByDeviation = z.boolean();

/** What these estimators have in common. */
const relative = {
  critic: false,
  grouped: true,
  creditsEpisode: () => true,
  unit: "episode",
  cost: "nothing",
  shown: ["corridor"],
} as const;

/** Group-relative scores in units of the group's deviation. */
export const grpo = defineEstimator({
  settings: z.strictObject({
    scaleByDeviation: scaleByDeviation.default(true).describe(
      "whether scores are divided by their group's deviation",
    ),
    ...grouping,
  }),
  ...relative,
  title: "GRPO",
  shown: ["corridor", "household-easy", "corridor-language"],
  paper: "https://arxiv.org/abs/2402.03300",
  equation: "A = (s − mean) / (sd + 1e-6)",
  credit: (batch, { scaleByDeviation, ...pool }) =>
    compareTurns("grpo", batch, {
      ...pool,
      comparison: scaleByDeviation ? "deviation" : "center",
    }),
});

/** Group-relative scores without division. */
export const drGrpo = defineEstimator({
  settings: z.strictObject(grouping),
  ...relative,
  title: "Dr. GRPO",
  shown: ["corridor", "household-easy"],
  paper: "https://arxiv.org/abs/2503.20783",
  equation: "A = s − mean",
  credit: (batch, pool) =>
    compareTurns("dr-grpo", batch, { ...pool, comparison: "center" }),
});

/** Each score less the mean of the others. */
export const rloo = defineEstimator({
  settings: z.strictObject(grouping),
  ...relative,
  title: "RLOO",
  shown: ["corridor", "household-easy"],
  paper: "https://arxiv.org/abs/2402.14740",
  equation: "A = s − mean of the others",
  credit: (batch, pool) =>
    compareTurns("rloo", batch, { ...pool, comparison: "leave-one-out" }),
});

/** Centered scores, normalized over the turns of the batch. */
export const reinforceBaseline = defineEstimator({
  settings: z.strictObject({
    normalize: whiten,
    ...grouping,
  }),
  ...relative,
  title: "REINFORCE++ with baseline",
  paper: "https://arxiv.org/abs/2501.03262",
  equation: "A = (s − mean) / sd of the batch",
  credit: (batch, options) =>
    compareTurns("reinforce++-baseline", batch, {
      ...options,
      comparison: "center",
    }),
});

/** Only the best episode of each group, by its margin over the second best. */
export const passAtK = defineEstimator({
  settings: z.strictObject({
    scaleByDeviation: scaleByDeviation.default(true).describe(
      "whether margins are divided by the group's deviation",
    ),
  }),
  ...relative,
  title: "pass@k, Tang et al. 2025",
  paper: "https://arxiv.org/abs/2503.19595",
  equation: "A = (best − second) / (sd + 1e-6) for the best, else 0",
  credit(batch, options) {
    checkNumbers("pass-at-k", batch);
    const groups = batch.episodes.map(({ group }) => group);
    const margins = bestOfGroup(episodeScores(batch), groups, options);
    return shareTurns(batch, overTurns(batch, margins));
  },
});
