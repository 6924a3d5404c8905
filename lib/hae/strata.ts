/**
 * StraTA: strategies of a task are compared with each other, episodes with those of the same strategy.
 *
 * A strategy is a subgoal that is never switched: planning on the first turn chooses it, execution follows it. The
 * formulas follow published descriptions, not the paper's full text; where these differ or are silent, the
 * documentation of the option names the choice.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EpisodeBatch } from "../episode_batch.ts";
import { mean, standardDeviation } from "../numeric.ts";
import { byDecision } from "../trajectory.ts";
import { checkNumbers, defineEstimator, emptyColumns } from "./estimator.ts";
import { DEVIATION_EPSILON, episodeScores } from "./group_credit.ts";

/** Deviations below this count as none. */
const NO_SPREAD = 1e-8;

/** Options of {@linkcode strategyAdvantages}. */
export interface StrategyOptions {
  /** Share of a strategy's best episodes that its reward averages, in `(0, 1]`. @default {0.5} */
  topFraction?: number;
  /** Subtracted on turns that a judge found to neither follow the strategy nor make progress. @default {0.1} */
  judgePenalty?: number;
  /** Whether the penalty acts on the reward before it is compared, or on the advantage. @default {"reward"} */
  judgeMode?: "reward" | "advantage";
}

/**
 * Rewards a strategy by the mean of its best episodes: the `ceil(topFraction · n)` highest, at least one.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { strategyReward } from "@hiper/lab/credit";
 *
 * const rewards = [1, 0, 1, 0];
 * strictEqual(strategyReward(rewards), 1); // the better half always won
 * strictEqual(strategyReward(rewards, 1), 0.5);
 * ```
 *
 * @param rewards Rewards of the episodes played under the strategy. Shape `(episodes,)`.
 * @param topFraction Share of the best, in `(0, 1]`.
 * @returns The strategy's reward.
 * @throws {RangeError} If there are no episodes or the fraction is outside `(0, 1]`.
 * @see {@link https://arxiv.org/abs/2605.06642 | StraTA}
 */
export function strategyReward(
  rewards: ArrayLike<number>,
  topFraction: number = 0.5,
): number {
  if (rewards.length === 0) {
    throw new RangeError(
      "Cannot reward a strategy as it must have been played: it has no episodes",
    );
  }
  if (!(topFraction > 0 && topFraction <= 1)) {
    throw new RangeError(
      `Cannot reward a strategy as "topFraction" must be in (0, 1]: current value is ${topFraction}`,
    );
  }
  const sorted = Float64Array.from(rewards).sort().reverse();
  // The tolerance keeps 0.2 times 5 at 1.
  const count = Math.max(1, Math.ceil(topFraction * sorted.length - 1e-9));
  return mean(sorted.subarray(0, count));
}

/**
 * Compares the strategies of one task: `(R − mean) / (deviation + 1e-6)`, sample deviation; 0 without spread.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { strategyAdvantages } from "@hiper/lab/credit";
 *
 * const [better, worse] = strategyAdvantages(new Float64Array([1, 0.5]));
 * ok(better! > 0 && worse === -better!);
 *
 * // Strategies of equal reward have no advantage.
 * const equal = strategyAdvantages(new Float64Array([1, 1]));
 * deepStrictEqual(equal, new Float64Array(2));
 * ```
 *
 * @param rewards Reward of each strategy. Shape `(strategies,)`.
 * @returns Advantages. Shape `(strategies,)`.
 */
export function strategyAdvantages(rewards: Float64Array): Float64Array {
  const deviation = standardDeviation(rewards, { sample: true });
  const center = mean(rewards);
  return rewards.map((reward) =>
    rewards.length > 1 && deviation >= NO_SPREAD
      ? (reward - center) / (deviation + DEVIATION_EPSILON)
      : 0
  );
}

/**
 * Compares a turn of an episode with the episodes played under the same strategy.
 *
 * `reward` mode: `(R − p − mean) / (deviation + 1e-6)`, dividing by 1 without spread;
 * `advantage` mode: `(R − mean) / (deviation + 1e-6) − p`, the first part 0 without spread.
 *
 * @example
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { strategyTurnAdvantage } from "@hiper/lab/credit";
 *
 * const fine = { penalty: 0, mode: "reward" } as const;
 * ok(strategyTurnAdvantage(1, [1, 0], fine) > 0);
 *
 * // Where all episodes have one reward, only the penalty counts.
 * const flagged = { penalty: 0.5, mode: "reward" } as const;
 * strictEqual(strategyTurnAdvantage(1, [1, 1], fine), 0);
 * strictEqual(strategyTurnAdvantage(1, [1, 1], flagged), -0.5);
 * ```
 *
 * @param reward Reward of the turn's episode.
 * @param peers Rewards of all episodes under the strategy, this one included. Shape `(episodes,)`.
 * @param judged The penalty `p` of this turn, 0 unless flagged, and where it acts.
 * @returns The turn's advantage.
 */
export function strategyTurnAdvantage(
  reward: number,
  peers: ArrayLike<number>,
  judged: { penalty: number; mode: "reward" | "advantage" },
): number {
  const spread = peers.length > 1
    ? standardDeviation(peers, { sample: true })
    : 0;
  const center = mean(peers);
  const flat = spread < NO_SPREAD;
  if (judged.mode === "reward") {
    return (reward - judged.penalty - center) /
      (flat ? 1 : spread + DEVIATION_EPSILON);
  }
  const compared = flat ? 0 : (reward - center) / (spread + DEVIATION_EPSILON);
  return compared - judged.penalty;
}

/**
 * Selects strategies that differ: from the first candidate on, always the one least similar to those selected.
 *
 * Similarity is the cosine of embeddings; each step adds the candidate whose largest similarity to any selected
 * one is smallest, the first of equals.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { selectDiverse } from "@hiper/lab/credit";
 *
 * deepStrictEqual(selectDiverse([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], 3), [0, 3, 2]);
 * ```
 *
 * @param embeddings One vector of equal length for each candidate. Shape `(candidates, size)`.
 * @param count How many to select.
 * @returns Indices in order of selection.
 * @throws {RangeError} If there are fewer candidates than `count`.
 * @see {@link https://arxiv.org/abs/2605.06642 | StraTA}
 */
export function selectDiverse(
  embeddings: readonly ArrayLike<number>[],
  count: number,
): number[] {
  if (!(count >= 0 && count <= embeddings.length)) {
    throw new RangeError(
      `Cannot select strategies as "count" must be in [0, ${embeddings.length}]: current value is ${count}`,
    );
  }
  const units = embeddings.map((vector) => {
    const length = Math.hypot(...Array.from(vector));
    return Float64Array.from(vector, (x) => x / (length || 1));
  });
  const closeness = new Float64Array(units.length).fill(-Infinity);
  const selected: number[] = [];
  for (let next = 0; selected.length < count;) {
    selected.push(next);
    closeness[next] = Infinity;
    let best = 0;
    for (const [i, unit] of units.entries()) {
      let cosine = 0;
      for (let d = 0; d < unit.length; d++) {
        cosine += unit[d]! * units[next]![d]!;
      }
      closeness[i] = Math.max(closeness[i]!, cosine);
      if (closeness[i]! < closeness[best]!) best = i;
    }
    next = best;
  }
  return selected;
}

/** Settings of the estimator `strata`. */
export interface StrategyCreditOptions extends StrategyOptions {
  /** Turns that a judge flagged, by trajectory id. @default {{}} */
  flagged?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Assigns StraTA's advantages: planning between strategies of a group, execution between episodes of a strategy.
 *
 * Episodes of one strategy share its tokens, so only the first of them trains planning; switching is not trained.
 */
export const strata = defineEstimator({
  settings: z.strictObject({
    topFraction: z.number().gt(0, "must be in (0, 1]").max(
      1,
      "must be in (0, 1]",
    ).default(0.5).describe(
      "share of a strategy's best episodes that its reward averages",
    ),
    judgePenalty: z.number("must be finite").default(0.1).describe(
      "subtracted on turns that a judge flagged",
    ),
    judgeMode: z.enum(["reward", "advantage"]).default("reward").describe(
      "whether the penalty acts on the reward before it is compared, or on the advantage",
    ),
    flagged: z.record(z.string(), z.array(z.int())).default({}).describe(
      "turns that a judge flagged, by trajectory id",
    ),
  }),
  critic: false,
  grouped: true,
  title: "StraTA",
  paper: "https://arxiv.org/abs/2605.06642",
  equation:
    "P: (R − mean) / sd over strategies, R the mean of the best episodes; E: (s − p − mean) / sd within the strategy",
  unit: "strategy; turn",
  policies: ["compact", "language"],
  cost: "strategies before the first turn; a judge's answer an episode",
  shown: ["corridor", "household-easy"],
  creditsEpisode: () => true,
  credit(batch, { topFraction, judgePenalty, judgeMode, flagged }) {
    checkNumbers("strata", batch);
    const { offsets, rewards, episodes } = batch;
    const keys = episodes.map(({ id, group, strategy }) => {
      if (strategy !== undefined) return JSON.stringify([group, strategy]);
      throw new TypeError(
        `Cannot assign credit "strata" as every episode needs a strategy: episode "${id}" has none`,
      );
    });
    const scores = episodeScores(batch);
    const members = rowsBy(keys);
    const plans = planningAdvantages(batch, { members, scores, topFraction });
    const advantages = emptyColumns(rewards.length);
    const trained = byDecision(() => new Uint8Array(rewards.length));
    trained.execution.fill(1);
    for (const [i, { id }] of episodes.entries()) {
      const start = offsets[i]!, end = offsets[i + 1]!;
      const played = members.get(keys[i]!)!;
      const peers = played.map((row) => scores[row]!);
      if (end > start && played[0] === i) {
        advantages.planning[start] = plans.get(keys[i]!)!;
        trained.planning[start] = 1;
      }
      for (let t = start; t < end; t++) {
        advantages.execution[t] = strategyTurnAdvantage(scores[i]!, peers, {
          penalty: flagged[id]?.includes(t - start) ? judgePenalty : 0,
          mode: judgeMode,
        });
      }
    }
    return { advantages, trained };
  },
});

/** Advantage of each strategy among those of its group. */
function planningAdvantages(
  batch: EpisodeBatch,
  played: {
    members: ReadonlyMap<string, readonly number[]>;
    scores: Float64Array;
    topFraction: number;
  },
): Map<string, number> {
  const { members, scores, topFraction } = played;
  const strategies = [...members.keys()];
  const rewards = strategies.map((key) =>
    strategyReward(members.get(key)!.map((row) => scores[row]!), topFraction)
  );
  const groups = rowsBy(
    strategies.map((key) => batch.episodes[members.get(key)![0]!]!.group),
  );
  const advantages = new Map<string, number>();
  for (const rows of groups.values()) {
    const compared = strategyAdvantages(
      Float64Array.from(rows, (row) => rewards[row]!),
    );
    for (const [j, row] of rows.entries()) {
      advantages.set(strategies[row]!, compared[j]!);
    }
  }
  return advantages;
}

/** Rows by their key, in order of appearance. */
function rowsBy(keys: readonly string[]): Map<string, number[]> {
  return Map.groupBy(keys.keys(), (row) => keys[row]!);
}
