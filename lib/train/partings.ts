/**
 * Where the policy and the world's expert part, and whether GEAR's segments start there.
 *
 * @module
 */

import type { DecisionName, Trajectory } from "../trajectory.ts";
import type { RefinedReply } from "./refine.ts";

/**
 * The first decision of a turn in which the policy and the world's expert part: switching where one of them keeps the held
 * subgoal and the other does not, planning where they choose different subgoals, execution where their actions differ.
 *
 * @returns `undefined` where they agree, or the expert was not asked.
 */
export function partingDecision(
  { turns }: Trajectory,
  t: number,
): DecisionName | undefined {
  const { observation: { hint }, decision } = turns[t]!;
  if (!hint) return undefined;
  const held = turns[t - 1]?.decision.subgoal;
  const switches = held !== undefined && hint.subgoal !== held;
  if (held !== undefined && decision.switched !== switches) return "switching";
  if (decision.subgoal !== hint.subgoal) return "planning";
  return decision.action === hint.action ? undefined : "execution";
}

/**
 * Counts how often segments start where the expert and the policy part.
 *
 * @param replies One for each turn of the episodes, in order.
 * @returns Numbers of an iteration's row.
 */
export function summarizeReplies(
  replies: readonly RefinedReply[],
  trajectories: readonly Trajectory[],
): Record<string, number> {
  let segments = 0, atParting = 0, units = 0, unitsAtParting = 0;
  let parted = 0, found = 0, row = 0;
  for (const trajectory of trajectories) {
    for (let t = 0; t < trajectory.turns.length; t++) {
      const reply = replies[row++]!;
      const parting = partingDecision(trajectory, t);
      const own = reply.segments.filter(({ start, divergence }) =>
        divergence > reply.threshold && reply.names[start] !== undefined
      );
      const here = own.filter(({ start }) => reply.names[start] === parting);
      segments += own.length;
      for (const name of reply.names) {
        if (name === undefined) continue;
        units++;
        if (name === parting) unitsAtParting++;
      }
      if (parting === undefined) continue;
      atParting += here.length;
      parted++;
      if (here.length > 0) found++;
    }
  }
  const share = (part: number, whole: number) => whole === 0 ? 0 : part / whole;
  return {
    gear_segments: share(segments, row),
    gear_starts_at_parting: share(atParting, segments),
    gear_units_at_parting: share(unitsAtParting, units),
    gear_partings_found: share(found, parted),
  };
}
