/**
 * Strategies as samples and as metrics.
 *
 * @module
 */

import type { EpisodeBatch } from "../../episode_batch.ts";
import { mean } from "../../numeric.ts";
import type { SampleBatch } from "../../policy/policy.ts";
import type { StrategyGroup } from "../../rollout/strategies.ts";
import { byDecision, type Trajectory, type Turn } from "../../trajectory.ts";
import { joinSamples } from "../batch.ts";
import type { Verdicts } from "./judge.ts";

/**
 * Adds the planning choices of strategies to the samples of the episodes that followed them.
 *
 * Credit stands on the first turn of the first episode of each strategy. Where a strategy was composed by choices of its
 * own, it moves to them: each is a row that trains planning alone. Where the first turn's reply holds the strategy,
 * it stays.
 *
 * @param samples The turns of the batch.
 * @param batch The episodes.
 * @param groups The strategies of each group.
 */
export function withStrategyRows(
  samples: SampleBatch,
  { episodes, offsets }: Pick<EpisodeBatch, "episodes" | "offsets">,
  groups: readonly StrategyGroup[],
): SampleBatch {
  const trained = samples.trained.planning.slice();
  const advantages = samples.advantages.planning.slice();
  const firsts = new Map<string, number>();
  for (const [i, { group, strategy = "" }] of episodes.entries()) {
    const key = JSON.stringify([group, strategy]);
    if (!firsts.has(key)) firsts.set(key, offsets[i]!);
  }
  const turns: Turn[] = [], credit: number[] = [], numbers: number[] = [];
  let number = episodes.length;
  for (const { group, kept } of groups) {
    for (const { strategy, choices } of kept) {
      const key = JSON.stringify([group, strategy.text]);
      const at = firsts.get(key);
      if (at === undefined || choices.length === 0) continue;
      firsts.delete(key); // equal strategies are one
      for (const choice of choices) {
        turns.push({ ...choice, reward: 0 });
        credit.push(advantages[at]!);
        numbers.push(number);
      }
      number++;
      trained[at] = 0;
      advantages[at] = 0;
    }
  }
  if (turns.length === 0) return samples;
  const played = {
    ...samples,
    trained: { ...samples.trained, planning: trained },
    advantages: { ...samples.advantages, planning: advantages },
  };
  return joinSamples(played, {
    turns,
    episodes: Int32Array.from(numbers),
    advantages: byDecision((name) =>
      name === "planning"
        ? Float64Array.from(credit)
        : new Float64Array(turns.length)
    ),
    trained: byDecision((name) =>
      new Uint8Array(turns.length).fill(name === "planning" ? 1 : 0)
    ),
  });
}

/**
 * Describes strategies by one flat row: `strategy_distance/drawn` and `/kept`, the mean distance between two strategies
 * of a task; `strategies_distinct`, distinct ones among those drawn for a task; `strategy_success/best`,
 * `/worst`, means over tasks of the success of the best and of the worst strategy; `flagged_rate`, the share of
 * turns that were flagged; `verdicts_unread`, episodes whose verdict could not be read.
 */
export function summarizeStrategies(
  groups: readonly StrategyGroup[],
  trajectories: readonly Trajectory[],
  verdicts?: Verdicts,
): Record<string, number> {
  if (groups.length === 0) return {};
  const rates = [...Map.groupBy(trajectories, ({ group }) => group).values()]
    .map((group) =>
      [...Map.groupBy(group, ({ strategy }) => strategy).values()].map((own) =>
        own.filter(({ success }) => success).length / own.length
      )
    );
  const turns = trajectories.reduce((sum, { turns }) => sum + turns.length, 0);
  const flagged = Object.values(verdicts?.flagged ?? {})
    .reduce((sum, own) => sum + own.length, 0);
  return {
    "strategy_distance/drawn": mean(groups.map((one) => one.drawnDistance)),
    "strategy_distance/kept": mean(groups.map((one) => one.keptDistance)),
    strategies_distinct: mean(groups.map(({ distinct }) => distinct)),
    "strategy_success/best": mean(rates.map((own) => Math.max(...own))),
    "strategy_success/worst": mean(rates.map((own) => Math.min(...own))),
    ...(verdicts && {
      flagged_rate: turns === 0 ? 0 : flagged / turns,
      verdicts_unread: verdicts.unread,
    }),
  };
}
