/**
 * Cutting a batch into shards that can be computed apart, and what each counts for in the whole.
 *
 * How a batch is cut depends on its size and the number of shards alone, never on who computes
 * them: sums are taken shard by shard, so that their last digits are the same everywhere.
 *
 * @module
 */

import type { TrainingSample } from "../../policy/policy.ts";
import {
  type ByDecision,
  byDecision,
  type Situation,
} from "../../trajectory.ts";
import { headColumns, unitColumns } from "./columns.ts";

/** Fewest items that are worth a shard of their own. */
const LEAST = 4;

/**
 * Cuts items into consecutive shards whose sizes differ by at most one.
 *
 * @param items What to cut.
 * @param shards Most shards; there are fewer where one would have fewer than 4 items.
 * @returns The shards in order; one at least, which holds everything.
 */
export function cutShards<T>(items: readonly T[], shards: number): T[][] {
  const count = Math.max(
    1,
    Math.min(shards, Math.floor(items.length / LEAST)),
  );
  const bound = (k: number) => Math.floor(k * items.length / count);
  return Array.from(
    { length: count },
    (_, k) => items.slice(bound(k), bound(k + 1)),
  );
}

/** Deals episodes to lanes. */
export interface LaneDealer {
  /** Indices of the situations of each lane, up to the last lane that has any. */
  deal(situations: readonly Situation[]): number[][];
}

/**
 * Opens a dealer. An episode stays in the lane of its first situation, so that what is remembered of
 * it there is of use on its next turn; episodes that are new go where there are fewest.
 *
 * @param lanes How many lanes there are; fewer are used where one would have fewer than 4 situations.
 * @returns The dealer. What it deals depends on what it dealt before, and on nothing else.
 */
export function createLaneDealer(lanes: number): LaneDealer {
  const known = new WeakMap<object, number>();
  return {
    deal(situations) {
      const count = cutShards(situations, lanes).length;
      const dealt = Array.from({ length: lanes }, (): number[] => []);
      const episodes = situations.map(({ past, observation }) =>
        past[0]?.observation ?? observation
      );
      const fresh: number[] = [];
      episodes.forEach((episode, i) => {
        const lane = known.get(episode);
        (lane === undefined ? fresh : dealt[lane]!).push(i);
      });
      for (const i of fresh) {
        const sizes = dealt.slice(0, count).map(({ length }) => length);
        const lane = known.get(episodes[i]!) ??
          sizes.indexOf(Math.min(...sizes));
        known.set(episodes[i]!, lane);
        dealt[lane]!.push(i);
      }
      const last = dealt.findLastIndex((lane) => lane.length > 0);
      return dealt.slice(0, last + 1);
    },
  };
}

/** What one shard's means count for in the means of the whole batch, in `[0, 1]`. */
export interface ShardShares {
  /** Share of the units that the policy gradient sees. */
  readonly units: number;
  /** Share of the targets of each value head. */
  readonly heads: ByDecision<number>;
}

/** Shares of a batch that was not cut. */
export const WHOLE: ShardShares = { units: 1, heads: byDecision(() => 1) };

/**
 * Measures what each shard counts for.
 *
 * The mean over a batch is the sum of its shards' means, each times its share of what is averaged.
 *
 * @param shards Samples of each shard.
 * @returns Shares of each shard; they add up to 1, or are all 0 where there is nothing to average.
 */
export function shardShares(
  shards: readonly (readonly TrainingSample[])[],
): ShardShares[] {
  if (shards.length === 1) return [WHOLE];
  const units = shares(shards.map((one) => count(unitColumns(one).mask)));
  const targets = shards.map(headColumns);
  const heads = byDecision((name) =>
    shares(targets.map((columns) => count(columns[name].mask)))
  );
  return units.map((share, k) => ({
    units: share,
    heads: byDecision((name) => heads[name][k]!),
  }));
}

/** How many have a mask. */
function count(mask: Float32Array): number {
  return mask.reduce((sum, one) => sum + one, 0);
}

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, one) => sum + one, 0);
  return counts.map((one) => total === 0 ? 0 : one / total);
}
