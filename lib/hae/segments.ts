/**
 * Splitting an episode where the subgoal was switched.
 *
 * @module
 */

/** Turns `start` up to but excluding `end`, played under one subgoal. */
export interface Segment {
  /** First turn, where the planner chose. */
  readonly start: number;
  /** One past the last turn. */
  readonly end: number;
}

/**
 * Splits an episode into segments: a segment starts on the first turn, and wherever the policy switched.
 *
 * The first turn starts a segment whatever was decided on it, as no subgoal is held before it.
 * Segments tile the episode: each begins where the one before ended.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { segmentTurns } from "@hiper/lab";
 *
 * deepStrictEqual(segmentTurns(new Uint8Array([1, 0, 1, 0, 0])), [
 *   { start: 0, end: 2 },
 *   { start: 2, end: 5 },
 * ]);
 * ```
 *
 * @param switched 1 where a new subgoal was taken up. Shape `(turns,)`.
 * @returns Segments in order; none for an episode without turns.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, subgoal segments
 */
export function segmentTurns(switched: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  for (let t = 1; t < switched.length; t++) {
    if (switched[t] !== 1) continue;
    segments.push({ start, end: t });
    start = t;
  }
  if (switched.length > 0) segments.push({ start, end: switched.length });
  return segments;
}
