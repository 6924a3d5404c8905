/**
 * GEAR's teacher: what the policy is told of the answer, and where the expert would have decided otherwise.
 *
 * @module
 */

import type { DecisionName, Situation, Trajectory } from "../trajectory.ts";
import type { RefinedReply } from "./refine.ts";

/** What a teacher is told. */
export interface TeacherOptions {
  /** Episodes, in the order in which they are encoded. */
  readonly trajectories: readonly Trajectory[];
  /** What is known of the expert's plan on a situation; may be empty. */
  readonly hint: (situation: Situation) => string;
  /** Whether the expert's plan comes first, or a successful episode alone counts. @default {"expert"} */
  readonly teacher?: "expert" | "group";
}

/** Hints by episode: the expert's plan, or else the actions of the shortest successful episode of the group; empty if none is known. */
export function teacherHints(
  { trajectories, hint, teacher = "expert" }: TeacherOptions,
): (situation: Situation, row: number) => string {
  const best = new Map<string, Trajectory>();
  for (const one of trajectories) {
    const known = best.get(one.group);
    const shorter = !known || one.turns.length < known.turns.length;
    if (one.success && shorter) best.set(one.group, one);
  }
  const attempts = trajectories.map(({ group }) => {
    const turns = best.get(group)?.turns;
    return turns
      ? `A successful attempt: ${
        turns.map(({ decision }) => decision.action).join(", ")
      }.`
      : "";
  });
  return (situation, row) =>
    teacher === "expert" ? hint(situation) || attempts[row]! : attempts[row]!;
}

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
