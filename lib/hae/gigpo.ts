/**
 * GiGPO: episodes compared within their group, and turns among those that were taken from the same state.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { similarityRatio } from "../difflib.ts";
import { discountedReturns } from "../numeric.ts";
import {
  checkNumbers,
  defineEstimator,
  gamma,
  grouping,
  overTurns,
  shareTurns,
} from "./estimator.ts";
import {
  compareEpisodes,
  groupAdvantages,
  type PoolingOptions,
} from "./group_credit.ts";

/** Settings of the estimator `gigpo`. */
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
 * import { anchorGroups } from "@hiper/lab/credit";
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
      : known.entries().find(([first]) =>
        similarityRatio(observation, first) >= similarity
      )?.[1];
    if (found !== undefined) return found;
    known.set(observation, count);
    return count++;
  });
}

/**
 * Adds to an episode's advantage that of each turn among turns taken from the same state.
 *
 * `A = A_episode + stepWeight · A_step`, where `A_step` compares discounted returns from the turn on within the
 * anchor group; a turn that is alone in its state gets 0.
 */
export const gigpo = defineEstimator({
  settings: z.strictObject({
    gamma,
    stepWeight: z.number("must be finite").default(1).describe(
      "weight of the step advantage beside the episode's",
    ),
    scaleByDeviation: z.boolean().default(false).describe(
      "whether both advantages are divided by deviations",
    ),
    similarity: z.number("must be strictly between 0 and 1")
      .gt(0, "must be strictly between 0 and 1")
      .lt(1, "must be strictly between 0 and 1").exactOptional().describe(
        "least similarity of observations that count as one state; absent compares state keys",
      ),
    ...grouping,
  }),
  critic: false,
  grouped: true,
  title: "GiGPO",
  paper: "https://arxiv.org/abs/2505.10978",
  equation:
    "A[t] = (s − mean) + stepWeight (G[t] − mean of G in the same state)",
  unit: "turn",
  cost:
    "a look-up of its state; with `similarity` a comparison with each state of its group",
  shown: ["corridor"],
  credit(batch, { gamma, stepWeight, scaleByDeviation, similarity, ...pool }) {
    checkNumbers("gigpo", batch);
    const { offsets, rewards, turns, episodes } = batch;
    const comparison = scaleByDeviation ? "deviation" : "center";
    const whole = compareEpisodes(batch, { ...pool, comparison });
    const groups = episodes.flatMap(({ group }, i) =>
      Array<string>(offsets[i + 1]! - offsets[i]!).fill(group)
    );
    const anchors = anchorGroups(
      turns.map(({ observation }) =>
        similarity === undefined ? observation.stateKey : observation.text
      ),
      groups,
      similarity === undefined ? {} : { similarity },
    );
    const steps = groupAdvantages(
      discountedReturns(rewards, { gamma, offsets }),
      Array.from(anchors, String),
      { comparison },
    );
    const column = overTurns(batch, whole);
    return shareTurns(batch, column.map((a, t) => a + stepWeight * steps[t]!));
  },
});
