/**
 * GEAR's teacher: what the policy is told of the answer.
 *
 * @module
 */

import type { Situation, Trajectory } from "../trajectory.ts";

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
