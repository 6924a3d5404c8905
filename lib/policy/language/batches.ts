/**
 * Batches of situations that are decided together: so many replies, and so many tokens of prompts and replies.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import { fittedPrompt, type LanguageContext } from "./replies.ts";

/**
 * Deals rows to batches, in their order.
 *
 * @param rows Indices of situations.
 * @returns Rows of each batch; a row that is too long for any is one of its own.
 */
export function batchesOf(
  context: LanguageContext,
  rows: readonly number[],
  situations: readonly Situation[],
): number[][] {
  const { network, settings } = context;
  const { batchSize, readTokens = Infinity, maxReplyTokens } = settings;
  const most = network.actor.model.config.maxLength;
  const counts = Math.min(batchSize, rows.length) * most <= readTokens
    ? rows.map(() => 0) // all fits, whatever is written
    : rows.map((i) =>
      fittedPrompt(context, situations[i]!).length + maxReplyTokens
    );
  // Equal prompts are read once, and replies from lists part into few.
  const lists = settings.decoding === "admissible" && settings.listSubgoals;
  const keys = lists && counts[0] !== 0
    ? rows.map((i) => fittedPrompt(context, situations[i]!).join())
    : rows;
  const batches: number[][] = [];
  let longest = 0, held = new Set<string | number>();
  rows.forEach((row, k) => {
    const batch = batches.at(-1), wide = Math.max(longest, counts[k]!);
    const size = held.size + (held.has(keys[k]!) ? 0 : 1);
    if (batch && batch.length < batchSize && size * wide <= readTokens) {
      batch.push(row);
      held.add(keys[k]!);
      longest = wide;
    } else {
      batches.push([row]);
      held = new Set([keys[k]!]);
      longest = counts[k]!;
    }
  });
  return batches;
}
