/**
 * GiGPO's second grouping: turns of one task that were taken from the same observation.
 *
 * @module
 */

import { similarityRatio } from "../difflib.ts";

/** Options of {@linkcode anchorGroups}. */
export interface AnchorOptions {
  /**
   * Least similarity at which an observation joins a group, strictly between 0 and 1, compared with the group's
   * first member; absent means that observations must be equal.
   */
  similarity?: number;
}

/**
 * Groups turns by what was observed before them, within each task.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { anchorGroups } from "@hiper/lab";
 *
 * const seen = ["hall", "kitchen", "hall", "hall"];
 * deepStrictEqual(
 *   anchorGroups(seen, ["a", "a", "a", "b"]),
 *   new Int32Array([0, 1, 0, 2]),
 * );
 * ```
 *
 * @param observations What was seen before each turn. Shape `(turns,)`.
 * @param groups Task group of each turn; anchors never cross it. Shape `(turns,)`.
 * @param options Whether similar observations count as equal.
 * @returns Number of each turn's anchor, counted from 0 by first appearance. Shape `(turns,)`.
 * @throws {RangeError} If lengths differ or the similarity is not strictly between 0 and 1.
 * @see {@link https://arxiv.org/abs/2505.10978 | GiGPO}
 */
export function anchorGroups(
  observations: readonly string[],
  groups: readonly string[],
  options: AnchorOptions = {},
): Int32Array {
  const { similarity } = options;
  if (observations.length !== groups.length) {
    throw new RangeError(
      `Cannot group anchors as each turn must have one group: there are ${observations.length} turns and ${groups.length} groups`,
    );
  }
  if (similarity !== undefined && !(similarity > 0 && similarity < 1)) {
    throw new RangeError(
      `Cannot group anchors as "similarity" must be strictly between 0 and 1: current value is ${similarity}`,
    );
  }
  const anchors = new Map<string, Map<string, number>>(); // by group, then by first member
  let count = 0;
  return Int32Array.from(observations, (observation, i) => {
    const known = anchors.get(groups[i]!) ?? new Map<string, number>();
    anchors.set(groups[i]!, known);
    const found = similarity === undefined
      ? known.get(observation)
      : firstSimilar(observation, known, similarity);
    if (found !== undefined) return found;
    known.set(observation, count);
    return count++;
  });
}

/** The first group whose first member is similar enough. */
function firstSimilar(
  observation: string,
  known: ReadonlyMap<string, number>,
  similarity: number,
): number | undefined {
  for (const [first, anchor] of known) {
    if (similarityRatio(observation, first) >= similarity) return anchor;
  }
  return undefined;
}

/**
 * Sums rewards from each turn to the end of its episode, later ones discounted: `G[t] = r[t] + gamma · G[t + 1]`.
 *
 * @param rewards Reward of each turn. Shape `(turns,)`.
 * @param gamma Discount per turn.
 * @param bootstrap Value after the last turn. @default {0}
 * @returns Returns. Shape `(turns,)`.
 */
export function returnsToGo(
  rewards: Float64Array,
  gamma: number,
  bootstrap: number = 0,
): Float64Array {
  const returns = new Float64Array(rewards.length);
  let next = bootstrap;
  for (let t = rewards.length - 1; t >= 0; t--) {
    returns[t] = next = rewards[t]! + gamma * next;
  }
  return returns;
}
