/**
 * Estimators without a critic on batches of padded rows: group-relative scores, REINFORCE++, ReMax, GiGPO.
 *
 * This is the layout of trainers that flatten episodes before credit; {@linkcode assignCredit} is the same on
 * trajectories. Every matrix is row-major with `rows · width` elements.
 *
 * @module
 */

import { discountedReturns } from "../../lib/numeric.ts";
import { anchorGroups, type AnchorOptions } from "../../lib/hae/gigpo.ts";
import {
  bestOfGroup,
  type BestOfGroupOptions,
  groupAdvantages,
  type GroupOptions,
} from "../../lib/hae/group_credit.ts";
import { checkChoice, checkUnitInterval } from "../../lib/checks.ts";
import {
  checkRewardRows,
  overTokens,
  type RewardRows,
  type RowCredit,
} from "./gae_rows.ts";
import { groupRows, normalizeColumn } from "./row_layout.ts";

/** Rows that belong to episodes and groups. */
export interface GroupedRows extends RewardRows {
  /** Task group of each row. Shape `(rows,)`. */
  readonly group: readonly string[];
  /** Episode of each row. Shape `(rows,)`. */
  readonly episode: readonly string[];
}

/** Score of each row: the sum over all its slots. */
function rowScores({ rows, width, rewards }: RewardRows): Float64Array {
  return Float64Array.from(
    { length: rows },
    (_, i) =>
      rewards.subarray(i * width, (i + 1) * width).reduce((a, b) => a + b, 0),
  );
}

/** Options of {@linkcode rowGroupAdvantages} and {@linkcode rowGigpo}. */
export interface RowGroupOptions extends Omit<GroupOptions, "weights"> {
  /** Whether every row enters its group, or the first row of each episode only. @default {"episodes"} */
  weightBy?: "episodes" | "turns";
}

/** Compares the scores of rows within their groups: one number a row. */
function compareRows(
  rows: GroupedRows,
  options: RowGroupOptions,
): Float64Array {
  const { weightBy = "episodes", ...comparison } = options;
  checkChoice("assign credit", { weightBy }, ["episodes", "turns"]);
  checkRewardRows(rows, { group: rows.group, episode: rows.episode });
  const weights = new Uint8Array(rows.rows).fill(weightBy === "turns" ? 1 : 0);
  const keys = rows.group.map((group, i) =>
    JSON.stringify([group, rows.episode[i]])
  );
  for (const members of groupRows(keys).values()) weights[members[0]!] = 1;
  return groupAdvantages(rowScores(rows), rows.group, {
    ...comparison,
    weights,
  });
}

/**
 * Compares the scores of rows within their groups: GRPO, Dr. GRPO, RLOO, and with `whiten` REINFORCE++ with baseline.
 *
 * @param rows Rewards, groups and episodes.
 * @param options The comparison and the pool; `whiten` normalizes over all tokens of the batch.
 * @returns Advantage of each token; 0 at padding. Shape `(rows, width)`.
 * @throws {RangeError} If a setting has a word it does not know, a length is wrong or a reward not finite.
 */
export function rowGroupAdvantages(
  rows: GroupedRows,
  options: RowGroupOptions & { whiten?: boolean } = {},
): Float64Array {
  const { whiten = false, ...comparison } = options;
  const spread = overTokens(rows, compareRows(rows, comparison));
  return whiten ? normalizeColumn(spread, rows.mask, "whiten") : spread;
}

/**
 * Rewards the best row of each group by its margin over the second best: pass@k.
 *
 * @param rows Rewards, groups and episodes.
 * @param options Whether margins are scaled.
 * @returns Advantage of each token; 0 at padding. Shape `(rows, width)`.
 * @throws {RangeError} If a group has a single row, a length is wrong or a reward not finite.
 */
export function rowBestOfGroup(
  rows: GroupedRows,
  options: BestOfGroupOptions = {},
): Float64Array {
  checkRewardRows(rows, { group: rows.group });
  return overTokens(rows, bestOfGroup(rowScores(rows), rows.group, options));
}

/**
 * Gives each token its discounted return within its row, whitened over the batch: REINFORCE++.
 *
 * @param rows Rewards at each token slot.
 * @param options Discount per token. @default `{ gamma: 1 }`
 * @returns Whitened advantages, 0 at padding, and the returns.
 * @throws {RangeError} If `gamma` is outside `[0, 1]`, a length is wrong or a reward not finite.
 * @see {@link https://arxiv.org/abs/2501.03262 | REINFORCE++}
 */
export function rowReinforce(
  rows: RewardRows,
  options: { gamma?: number } = {},
): RowCredit {
  const { gamma = 1 } = options;
  const { width, rewards, mask } = rows;
  checkUnitInterval("assign credit", { gamma });
  checkRewardRows(rows);
  const returns = new Float64Array(rewards.length);
  for (let i = 0; i < rows.rows; i++) {
    let next = 0;
    for (let at = (i + 1) * width - 1; at >= i * width; at--) {
      returns[at] = next = rewards[at]! + gamma * next;
      next *= mask[at]!; // starts anew at padding
    }
  }
  return { advantages: normalizeColumn(returns, mask, "whiten"), returns };
}

/**
 * Subtracts the reward of the greedy reply from each token's return: ReMax.
 *
 * @param rows Rewards at each token slot.
 * @param baselines Reward of the greedy reply to each row's prompt. Shape `(rows,)`.
 * @returns Advantages, 0 at padding, and the returns.
 * @throws {RangeError} If a length is wrong or a reward not finite.
 * @see {@link https://arxiv.org/abs/2310.10505 | ReMax}
 */
export function rowRemax(rows: RewardRows, baselines: Float64Array): RowCredit {
  const { width, rewards, mask } = rows;
  checkRewardRows(rows, { baselines });
  const returns = new Float64Array(rewards.length);
  for (let i = 0; i < rows.rows; i++) {
    const from = i * width, to = from + width;
    const real = rewards.subarray(from, to).map((r, l) => r * mask[from + l]!);
    returns.set(discountedReturns(real, { gamma: 1 }), from);
  }
  const spread = overTokens(rows, baselines);
  return { advantages: returns.map((g, at) => g - spread[at]!), returns };
}

/**
 * Sums the rewards of each episode's rows from each on, in the order of the batch, which must be that of the rollout.
 *
 * @param episode Episode of each row. Shape `(rows,)`.
 * @param rewards Reward of each row's turn. Shape `(rows,)`.
 * @param gamma Discount per turn.
 * @returns Return from each turn on. Shape `(rows,)`.
 * @throws {RangeError} If `gamma` is outside `[0, 1]` or lengths differ.
 */
export function rowStepReturns(
  episode: readonly string[],
  rewards: Float64Array,
  gamma: number,
): Float64Array {
  checkUnitInterval("assign credit", { gamma });
  if (episode.length !== rewards.length) {
    throw new RangeError(
      `Cannot sum rewards as each row must have an episode: there are ${rewards.length} rewards and ${episode.length} episodes`,
    );
  }
  const returns = new Float64Array(rewards.length);
  for (const members of groupRows(episode).values()) {
    const own = discountedReturns(
      Float64Array.from(members, (row) => rewards[row]!),
      { gamma },
    );
    for (const [t, row] of members.entries()) returns[row] = own[t]!;
  }
  return returns;
}

/** Options of {@linkcode rowGigpo}. */
export interface RowGigpoOptions
  extends Omit<RowGroupOptions, "comparison">, AnchorOptions {
  /** Weight of the step advantage. @default {1} */
  stepWeight?: number;
  /** Whether both advantages are divided by deviations. @default {false} */
  scaleByDeviation?: boolean;
}

/**
 * Adds to each row's group-relative score that of its step return among rows that saw the same: GiGPO.
 *
 * @param rows Rewards, groups, episodes, observations and step returns.
 * @param options Weight, scaling, pools and similarity.
 * @returns Advantages, their two parts, and the anchor of each row.
 * @throws {RangeError} If a setting is out of range.
 * @see {@link https://arxiv.org/abs/2505.10978 | GiGPO}
 */
export function rowGigpo(
  rows: GroupedRows & {
    /** Observation before each row's turn. Shape `(rows,)`. */
    readonly observations: readonly string[];
    /** Return from each row's turn on. Shape `(rows,)`. */
    readonly stepReturns: Float64Array;
  },
  options: RowGigpoOptions = {},
): Record<"advantages" | "episodes" | "steps", Float64Array> & {
  readonly anchors: Int32Array;
} {
  const { stepWeight = 1, scaleByDeviation = false, ...rest } = options;
  const { similarity, ...pools } = rest;
  const comparison = scaleByDeviation ? "deviation" : "center";
  const episode = compareRows(rows, { ...pools, comparison });
  const anchors = anchorGroups(
    rows.observations,
    rows.group,
    similarity === undefined ? {} : { similarity },
  );
  const step = groupAdvantages(
    rows.stepReturns,
    Array.from(anchors, String),
    { comparison },
  );
  const episodes = overTokens(rows, episode), steps = overTokens(rows, step);
  return {
    advantages: episodes.map((e, at) => e + stepWeight * steps[at]!),
    episodes,
    steps,
    anchors,
  };
}
