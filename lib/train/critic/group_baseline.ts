/**
 * Baselines from the other episodes of a group: no critic, no bias, and no return in its own baseline.
 *
 * @module
 */

import type { EpisodeBatch } from "../../episode_batch.ts";

/**
 * Mean return of an episode's mates at the same turn; mates that are over keep the return of their last turn. The mates
 * are the other episodes of its group, or of the batch where it is alone.
 *
 * @param batch Episodes as columns.
 * @param returns Return from each turn on. Shape `(turns,)`.
 * @returns Baseline of each turn, and of what follows the last turn of each episode. Shapes `(turns,)`, `(episodes,)`.
 */
export function groupBaselines(
  batch: Pick<EpisodeBatch, "offsets" | "episodes">,
  returns: Float64Array,
): { turns: Float64Array; tails: Float64Array } {
  const { offsets, episodes } = batch;
  const groups = Map.groupBy(
    episodes.keys(),
    (i) => episodes[i]!.group,
  );
  const all = [...episodes.keys()];
  const turns = new Float64Array(returns.length);
  const tails = new Float64Array(episodes.length);
  const at = (i: number, t: number) => {
    const length = offsets[i + 1]! - offsets[i]!;
    return length === 0 ? 0 : returns[offsets[i]! + Math.min(t, length - 1)]!;
  };
  for (const [i, { group }] of episodes.entries()) {
    const mates = groups.get(group)!;
    const others = (mates.length > 1 ? mates : all).filter((j) => j !== i);
    const baseline = (t: number) =>
      others.length === 0
        ? 0
        : others.reduce((sum, j) => sum + at(j, t), 0) / others.length;
    const start = offsets[i]!, end = offsets[i + 1]!;
    for (let t = start; t < end; t++) turns[t] = baseline(t - start);
    tails[i] = baseline(end - start);
  }
  return { turns, tails };
}
