/**
 * What a set of episodes looks like as one flat row of numbers, and what every name means.
 *
 * @module
 */

import { mean, standardDeviation } from "../numeric.ts";
import type { EpisodeBatch } from "../episode_batch.ts";
import { type Credit, DECISIONS, type Trajectory } from "../trajectory.ts";

/**
 * Meaning of every metric, by name; `<task type>` and `<decision>` stand for a word of the run.
 * Numbers of an update are those of `createPpoLearner`, means over its gradient steps; another
 * learner may have others.
 */
export const METRIC_MEANINGS: Readonly<Record<string, string>> = {
  episodes: "episodes played",
  lost_episodes:
    "episodes without an outcome, as their world or policy is elsewhere and was lost; in no other number",
  success_rate: "share of episodes that accomplished their task",
  "success_rate/<task type>": "the same among episodes of one type",
  score: "mean of the worlds' own scores, in [0, 1]",
  return: "mean undiscounted sum of the worlds' rewards",
  turns: "mean turns of an episode",
  truncated_rate: "share of episodes cut off by a limit",
  valid_rate: "share of turns with a well-formed, admissible decision",
  switch_rate: "share of turns after the first that took up a new subgoal",
  segment_length: "mean turns played under one subgoal",
  segments: "mean segments of an episode",
  served_rate:
    "share of turns whose action serves the held subgoal, by the world's rule",
  achieved_rate:
    "share of segments whose subgoal is achieved before it is left, by the world's rule",
  "strategy_distance/drawn":
    "mean distance between two strategies drawn for a task, 1 minus their cosine",
  "strategy_distance/kept": "the same between two of those that were played",
  strategies_distinct: "distinct strategies among those drawn for a task",
  "strategy_success/best":
    "success rate of the best strategy of a task, mean over tasks",
  "strategy_success/worst": "the same of the worst",
  flagged_rate:
    "share of turns that a judge flagged as not serving the strategy",
  verdicts_unread:
    "episodes whose judge gave no verdict that could be read; none of their turns is flagged",
  subgoals: "distinct subgoals taken up, over all episodes",
  "advantage_deviation/<decision>":
    "deviation of the advantages as the estimator gave them, its own normalization included",
  "explained_variance/<decision>":
    "1 minus the variance of value errors over the variance of targets; 1 is perfect, 0 no better than a constant",
  "value_bias/<decision>": "mean value minus mean target",
  updates: "gradient steps taken; 0 where there was nothing to learn from",
  epochs:
    "passes over the samples; fewer than `epochs` where `targetKl` ended them",
  gradient_norm: "norm of the whole gradient before it was clipped",
  policy_loss:
    "clipped surrogate of the three decisions, mean over trained units",
  value_loss: "squared errors of the three value heads, added up",
  entropy: "mean entropy of what trained units were drawn from, in nats",
  kl_to_reference:
    "divergence from the weights training began with, by k3, in nats; 0 where `klCoefficient` is 0",
  gear_segments: "segments of GEAR that start in a decision, for each reply",
  gear_starts_at_parting:
    "share of them that start in the first decision in which the policy and the world's expert part",
  gear_units_at_parting:
    "share of decided units that are in such a decision: what the former would be by chance",
  gear_partings_found:
    "share of turns in which they part with a segment that starts in that decision",
  reward_kl:
    "mean over turns of the divergence of their units from the reference, in nats, where it is taken out of rewards",
  kl_coefficient:
    "coefficient of the divergence that was in force, where it adapts",
  extra_episodes:
    "episodes that dynamic sampling played beyond `rollout.tasks` groups",
  dropped_episodes:
    "episodes that were played and not learned from, as their groups held nothing to learn",
  greedy_episodes: "episodes that were played greedily, to compare with",
  greedy_success_rate: "share of them that accomplished the task",
  sampler_kl:
    "mean of the sampler's less the learner's log-probability of a trained unit, in nats: the divergence of the learner from the sampler",
  sampler_gap: "largest difference of the two, in nats",
  sampler_weight: "mean importance weight of trained units",
  sampler_truncated: "share of trained units whose weight met its limit",
  approximate_kl:
    "divergence from the weights that played, in nats; as an estimate it may fall below 0",
  clip_fraction: "share of trained units whose probability ratio was clipped",
  log_prob: "mean log-probability of the units that are trained, in nats",
  dual_clip_fraction:
    "share of trained units on which the bound on negative advantages was in force",
  critic_trust:
    "share by which the values of this machine's critic are trusted, where the policy is on an engine",
  critic_explained_variance:
    "what that critic's planning values explain of held-out returns beyond the group's baseline; 1 is perfect, below 0 is worse than the baseline",
  log_prob_gap:
    "largest difference between a token's log-probability when it was sampled and by the trainer before the first step",
  tokens_prompted: "tokens of the prompts that an engine read to sample",
  tokens_sampled: "tokens that an engine sampled and that were read",
  tokens_trained: "tokens of prompts and replies in one pass over the samples",
  iteration: "counted from 0",
  "<set>/<metric>":
    "a metric of the episodes played for an evaluation on that set of worlds",
};

/**
 * Describes episodes by one flat row; see {@linkcode METRIC_MEANINGS} for every name.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   expertPolicy,
 *   scheduleEpisodes,
 *   summarizeTrajectories,
 * } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 4, maxTurns: 9 });
 * const row = summarizeTrajectories(await collectTrajectories(policy, episodes));
 * strictEqual(row.success_rate, 1);
 * strictEqual(row.segment_length, 2); // one subgoal, held for both turns
 * ```
 *
 * @param trajectories Episodes, at least one.
 * @returns Numbers by name, all finite.
 * @throws {RangeError} If there are no episodes.
 */
export function summarizeTrajectories(
  trajectories: readonly Trajectory[],
): Record<string, number> {
  if (trajectories.length === 0) {
    throw new RangeError(
      "Cannot summarize trajectories as there must be one: current count is 0",
    );
  }
  let turns = 0, valid = 0, later = 0, switches = 0, segments = 0;
  const subgoals = new Set<string>();
  for (const { turns: played } of trajectories) {
    turns += played.length;
    later += played.length - 1;
    for (const [t, { decision }] of played.entries()) {
      if (decision.valid) valid++;
      if (decision.switched || t === 0) {
        segments++;
        subgoals.add(decision.subgoal);
        if (t > 0) switches++;
      }
    }
  }
  const row: Record<string, number> = {
    episodes: trajectories.length,
    success_rate: share(trajectories, (episode) => episode.success),
    score: mean(trajectories.map((episode) => episode.score)),
    return: mean(trajectories.map(totalReward)),
    turns: turns / trajectories.length,
    truncated_rate: share(trajectories, (e) => e.ending === "truncated"),
    valid_rate: valid / turns,
    switch_rate: later > 0 ? switches / later : 0,
    segment_length: turns / segments,
    segments: segments / trajectories.length,
    subgoals: subgoals.size,
  };
  const types = Map.groupBy(trajectories, ({ taskType }) => taskType ?? null);
  for (const type of [...types.keys()].sort()) {
    if (type === null) continue;
    row[`success_rate/${type}`] = share(
      types.get(type)!,
      ({ success }) => success,
    );
  }
  return row;
}

/**
 * Describes credit, and how well the values foresaw it.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectEpisodes,
 *   createRandom,
 *   expertPolicy,
 *   scheduleEpisodes,
 *   summarizeCredit,
 * } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 1, maxTurns: 9 });
 * const batch = await collectEpisodes(policy, episodes);
 * const ones = new Float64Array(batch.turns.length).fill(1);
 * const credit = { advantages: { switching: ones, planning: ones, execution: ones } };
 * const row = summarizeCredit(batch, credit);
 * strictEqual(row["advantage_deviation/execution"], 0); // all turns have one advantage
 * ```
 *
 * @param batch Episodes as columns.
 * @param credit Credit of every turn, as the estimator gave it.
 * @returns Numbers by name; those of values only where episodes have values and credit has targets.
 */
export function summarizeCredit(
  batch: EpisodeBatch,
  credit: Credit,
): Record<string, number> {
  const { offsets, switched, values: known } = batch;
  const starts = new Set(offsets);
  const row: Record<string, number> = {};
  for (const name of DECISIONS) {
    const advantages: number[] = [], values: number[] = [];
    const targets: number[] = [];
    for (let t = 0; t < switched.length; t++) {
      if (name === "planning" && switched[t] !== 1 && !starts.has(t)) continue;
      advantages.push(credit.advantages[name][t]!);
      const target = credit.targets?.[name][t] ?? NaN;
      const value = known[name][t]!;
      if (Number.isNaN(target) || Number.isNaN(value)) continue;
      targets.push(target);
      values.push(value);
    }
    if (advantages.length > 0) {
      row[`advantage_deviation/${name}`] = standardDeviation(advantages);
    }
    if (targets.length === 0) continue;
    const errors = values.map((value, i) => value - targets[i]!);
    const spread = standardDeviation(targets) ** 2;
    row[`explained_variance/${name}`] = spread > 0
      ? 1 - standardDeviation(errors) ** 2 / spread
      : 0;
    row[`value_bias/${name}`] = mean(errors);
  }
  return row;
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / items.length;
}

function totalReward({ turns }: Trajectory): number {
  return turns.reduce((sum, turn) => sum + turn.reward, 0);
}
