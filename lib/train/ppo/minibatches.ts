/**
 * Dealing samples into minibatches.
 *
 * @module
 */

import type { TrainingSample } from "../../policy/policy.ts";
import { type Random, shuffled } from "../../random.ts";
import type { PpoSettings } from "./update_settings.ts";

/**
 * Deals samples in a fresh order.
 *
 * @param samples Turns to learn from.
 * @param options Size of a minibatch, what stays together in one, and the stream that shuffles.
 * @returns Indices of each minibatch; none is below half the size but an only one.
 */
export function drawMinibatches(
  samples: readonly TrainingSample[],
  options: Pick<PpoSettings, "minibatchBy" | "minibatchSize"> & {
    readonly random: Random;
  },
): number[][] {
  const { random, minibatchSize } = options;
  const order = shuffled(random, together(samples, options));
  return fillMinibatches(order, minibatchSize);
}

/** Indices of the samples that stay in one minibatch: each alone, or those of an episode. */
function together(
  samples: readonly TrainingSample[],
  { minibatchBy }: Pick<PpoSettings, "minibatchBy">,
): number[][] {
  if (minibatchBy === "turn") return samples.map((_, i) => [i]);
  const episodes = Map.groupBy(
    samples.keys(),
    (i) => samples[i]!.episode ?? i,
  );
  return [...episodes.values()];
}

/** Fills minibatches group by group; a last one below half the size joins the one before. */
function fillMinibatches(
  groups: readonly number[][],
  size: number,
): number[][] {
  const parts: number[][] = [];
  for (const group of groups) {
    const last = parts.at(-1);
    if (last && last.length < size) last.push(...group);
    else parts.push([...group]);
  }
  const last = parts.at(-1), before = parts.at(-2);
  if (before && last && last.length < size / 2) {
    before.push(...last);
    parts.pop();
  }
  return parts;
}
