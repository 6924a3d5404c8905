/**
 * Credit without a critic: returns, and returns compared within groups of episodes.
 *
 * Every decision that was taken on a turn gets the turn's advantage, and no value head has a target.
 *
 * @module
 */

import { checkChoice, checkFinite, checkUnitInterval } from "../checks.ts";
import type { Credit, Trajectory } from "../trajectory.ts";
import { anchorGroups, returnsToGo } from "./anchors.ts";
import { checkTrajectories } from "./credit_checks.ts";
import {
  bestOfGroup,
  type BestOfGroupOptions,
  type Comparison,
  groupAdvantages,
} from "./group_relative.ts";
import type { Normalization } from "./normalize.ts";
import { broadcast, normalizeTurns } from "./turn_credit.ts";

/** How episodes enter their group's statistics, for every group-relative estimator. */
export interface PoolingOptions {
  /**
   * `episodes` counts each episode once; `turns` counts it once for each of its turns, as the reference
   * implementations do by default, so that long episodes weigh more.
   *
   * @default {"episodes"}
   */
  pooling?: "episodes" | "turns";
  /** Advantage of an episode that is alone in its group; the reference gives it its score. @default {"zero"} */
  alone?: "zero" | "score";
}

/** Settings of {@linkcode groupCredit}. */
export interface GroupCreditOptions extends PoolingOptions {
  /** How an episode's score is compared with its group. @default {"deviation"} */
  comparison?: Comparison;
  /** How advantages are normalized over the turns of the batch afterwards. @default {"none"} */
  normalize?: Normalization;
}

/** Settings of {@linkcode reinforceCredit}. */
export interface ReinforceOptions {
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Whether a turn gets the return from itself on, or the whole episode's. @default {true} */
  rewardToGo?: boolean;
  /** How returns are normalized over the turns of the batch. @default {"none"} */
  normalize?: Normalization;
}

/** Settings of {@linkcode remaxCredit}. */
export interface RemaxOptions {
  /** Score of the greedy episode of each group, by the group's name. */
  baselines: Readonly<Record<string, number>>;
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
}

/** Settings of {@linkcode gigpoCredit}. */
export interface GigpoOptions extends PoolingOptions {
  /** Discount per turn of the step returns, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Weight of the step advantage beside the episode's. @default {1} */
  stepWeight?: number;
  /** Whether both advantages are divided by deviations (`mean_std_norm`) or not (`mean_norm`). @default {false} */
  scaleByDeviation?: boolean;
  /** Least similarity of observations that count as one state; absent compares state keys. */
  similarity?: number;
}

/** Undiscounted score of each episode: the sum of its rewards. */
function episodeScores(trajectories: readonly Trajectory[]): Float64Array {
  return Float64Array.from(
    trajectories,
    ({ turns }) => turns.reduce((sum, turn) => sum + turn.reward, 0),
  );
}

/** Compares the scores of episodes within their groups. */
function compareEpisodes(
  trajectories: readonly Trajectory[],
  options: PoolingOptions & { comparison: Comparison },
): Float64Array {
  const { pooling = "episodes", alone = "zero", comparison } = options;
  checkChoice("assign credit", { pooling }, ["episodes", "turns"]);
  return groupAdvantages(
    episodeScores(trajectories),
    trajectories.map((trajectory) => trajectory.group),
    {
      comparison,
      alone,
      ...(pooling === "turns"
        ? { weights: trajectories.map(({ turns }) => turns.length) }
        : {}),
    },
  );
}

/** One advantage for the whole episode. */
function constant(trajectory: Trajectory, advantage: number): Credit {
  const { length } = trajectory.turns;
  return broadcast(trajectory, new Float64Array(length).fill(advantage));
}

/**
 * Compares the scores of episodes of one group: GRPO, Dr. GRPO, RLOO and REINFORCE++ with baseline.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom, groupCredit, randomTabularPolicy } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const trajectories = tabularTrajectories(world, episodes, { groupSize: 4 });
 * const credits = groupCredit(trajectories, { comparison: "center" });
 * const first = credits.map((one) => one.advantages.execution[0]!);
 * ok(Math.abs(first.reduce((a, b) => a + b)) < 1e-12 && first.some((a) => a > 0));
 * ```
 *
 * @param trajectories Episodes; those with one `group` are compared.
 * @param options The comparison, pooling and normalization.
 * @returns One credit for each trajectory, in order.
 * @throws {RangeError} If a reward is not finite or a setting has a word it does not know.
 * @see {@linkcode groupAdvantages} for the formulas
 */
export function groupCredit(
  trajectories: readonly Trajectory[],
  options: GroupCreditOptions = {},
): Credit[] {
  const { comparison = "deviation", normalize = "none" } = options;
  checkTrajectories("group", trajectories);
  const advantages = compareEpisodes(trajectories, { ...options, comparison });
  const credits = trajectories.map((trajectory, i) =>
    constant(trajectory, advantages[i]!)
  );
  return normalizeTurns(trajectories, credits, normalize);
}

/**
 * Gives each turn its return: REINFORCE, and with `normalize: "whiten"` REINFORCE++.
 *
 * `G[t] = r[t] + gamma · G[t + 1]`; without reward-to-go every turn gets `G[0]`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, randomTabularPolicy, reinforceCredit } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const trajectories = tabularTrajectories(world, episodes, { groupSize: 4 });
 * const { advantages } = reinforceCredit(trajectories)[0]!;
 * const rewards = trajectories[0]!.turns.map((turn) => turn.reward);
 * strictEqual(advantages.execution[0], rewards.reduceRight((sum, r) => r + sum, 0));
 * ```
 *
 * @param trajectories Episodes.
 * @param options Discount, reward-to-go, normalization.
 * @returns One credit for each trajectory, in order.
 * @throws {RangeError} If a reward is not finite or a setting is out of range.
 * @see {@link https://arxiv.org/abs/2501.03262 | REINFORCE++}
 */
export function reinforceCredit(
  trajectories: readonly Trajectory[],
  options: ReinforceOptions = {},
): Credit[] {
  const { gamma = 1, rewardToGo = true, normalize = "none" } = options;
  checkUnitInterval("assign credit", { gamma });
  checkTrajectories("reinforce", trajectories);
  const credits = trajectories.map((trajectory) => {
    const returns = turnReturns(trajectory, gamma);
    return broadcast(
      trajectory,
      rewardToGo ? returns : returns.map(() => returns[0]!),
    );
  });
  return normalizeTurns(trajectories, credits, normalize);
}

/** Return from each turn on. */
function turnReturns({ turns }: Trajectory, gamma: number): Float64Array {
  return returnsToGo(Float64Array.from(turns, (turn) => turn.reward), gamma);
}

/**
 * Subtracts the score of a greedily played episode from each return: ReMax.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, randomTabularPolicy, remaxCredit } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const trajectories = tabularTrajectories(world, episodes, { groupSize: 4 });
 * const credits = remaxCredit(trajectories, { baselines: { "tabular/0": 2 } });
 * const rewards = trajectories[0]!.turns.map((turn) => turn.reward);
 * strictEqual(credits[0]!.advantages.execution[0], rewards.reduceRight((sum, r) => r + sum, 0) - 2);
 * ```
 *
 * @param trajectories Episodes.
 * @param options The greedy scores, by group.
 * @returns One credit for each trajectory, in order.
 * @throws {TypeError} If a group has no greedy score.
 * @throws {RangeError} If a reward or baseline is not finite or `gamma` is out of range.
 * @see {@link https://arxiv.org/abs/2310.10505 | ReMax}
 */
export function remaxCredit(
  trajectories: readonly Trajectory[],
  options: RemaxOptions,
): Credit[] {
  const { baselines, gamma = 1 } = options;
  checkUnitInterval("assign credit", { gamma });
  if (baselines === undefined) { // as from a config that only names the estimator
    throw new TypeError(
      'Cannot assign credit "remax" as "baselines" must hold the greedy score of every group: current value is absent',
    );
  }
  checkTrajectories("remax", trajectories);
  return trajectories.map((trajectory) => {
    const baseline = baselines[trajectory.group];
    if (baseline === undefined || !Number.isFinite(baseline)) {
      throw new TypeError(
        `Cannot assign credit "remax" as every group needs a greedy score: group "${trajectory.group}" of episode "${trajectory.id}" has ${baseline}`,
      );
    }
    const returns = turnReturns(trajectory, gamma);
    return broadcast(trajectory, returns.map((g) => g - baseline));
  });
}

/**
 * Rewards only the best episode of each group, by its margin over the second best: pass@k.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { bestOfGroupCredit, createRandom, randomTabularPolicy } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const trajectories = tabularTrajectories(world, episodes, { groupSize: 4 });
 * const credits = bestOfGroupCredit(trajectories);
 * const praised = credits.filter((one) => one.advantages.execution[0]! > 0);
 * strictEqual(praised.length, 1);
 * ```
 *
 * @param trajectories Episodes; every group has at least two.
 * @param options Whether margins are scaled.
 * @returns One credit for each trajectory, in order.
 * @throws {RangeError} If a reward is not finite or a group has one episode.
 * @see {@linkcode bestOfGroup} for the formula
 */
export function bestOfGroupCredit(
  trajectories: readonly Trajectory[],
  options: BestOfGroupOptions = {},
): Credit[] {
  checkTrajectories("pass-at-k", trajectories);
  const groups = trajectories.map((trajectory) => trajectory.group);
  const margins = bestOfGroup(episodeScores(trajectories), groups, options);
  return trajectories.map((trajectory, i) => constant(trajectory, margins[i]!));
}

/**
 * Adds to an episode's advantage that of each turn among turns taken from the same state: GiGPO.
 *
 * `A = A_episode + stepWeight · A_step`, where `A_step` compares discounted returns from the turn on within the
 * anchor group; a turn that is alone in its state gets 0.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom, gigpoCredit, groupCredit, randomTabularPolicy } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const trajectories = tabularTrajectories(world, episodes, { groupSize: 4 });
 * // Without steps, episodes are compared as a whole.
 * const credits = gigpoCredit(trajectories, { stepWeight: 0 });
 * deepStrictEqual(credits, groupCredit(trajectories, { comparison: "center" }));
 * ```
 *
 * @param trajectories Episodes; those with one `group` are compared.
 * @param options Discount, weight, scaling, similarity and pooling.
 * @returns One credit for each trajectory, in order.
 * @throws {RangeError} If a reward is not finite or a setting is out of range.
 * @see {@link https://arxiv.org/abs/2505.10978 | GiGPO}
 */
export function gigpoCredit(
  trajectories: readonly Trajectory[],
  options: GigpoOptions = {},
): Credit[] {
  const { gamma = 1, stepWeight = 1, scaleByDeviation = false, similarity } =
    options;
  checkUnitInterval("assign credit", { gamma });
  checkFinite("assign credit", { stepWeight });
  checkTrajectories("gigpo", trajectories);
  const comparison = scaleByDeviation ? "deviation" : "center";
  const episodes = compareEpisodes(trajectories, { ...options, comparison });
  const seen = trajectories.flatMap(({ turns, group }) =>
    turns.map(({ observation }) => ({ observation, group }))
  );
  const anchors = anchorGroups(
    seen.map(({ observation }) =>
      similarity === undefined ? observation.stateKey : observation.text
    ),
    seen.map(({ group }) => group),
    similarity === undefined ? {} : { similarity },
  );
  const steps = groupAdvantages(
    trajectories.flatMap((one) => [...turnReturns(one, gamma)]),
    Array.from(anchors, String),
    { comparison },
  );
  let at = 0;
  return trajectories.map((trajectory, i) =>
    broadcast(
      trajectory,
      Float64Array.from(
        trajectory.turns,
        () => episodes[i]! + stepWeight * steps[at++]!,
      ),
    )
  );
}
