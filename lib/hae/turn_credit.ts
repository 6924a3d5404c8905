/**
 * Credit of estimators that know turns but not decisions: every decision of a turn shares its advantage.
 *
 * @module
 */

import {
  type ByDecision,
  byDecision,
  type Credit,
  type Trajectory,
} from "../trajectory.ts";
import {
  decisionsTaken,
  type Normalization,
  normalizeCredit,
} from "./normalize.ts";

/**
 * Gives every decision that was taken on a turn the turn's advantage.
 *
 * @param trajectory One episode.
 * @param advantages Advantage of each turn. Shape `(turns,)`.
 * @returns Credit without targets.
 */
export function broadcast(
  { turns }: Trajectory,
  advantages: Float64Array,
): { advantages: ByDecision<Float64Array>; trained: ByDecision<Uint8Array> } {
  const trained = decisionsTaken(turns);
  return {
    advantages: byDecision((name) =>
      advantages.map((x, t) => trained[name][t] === 1 ? x : 0)
    ),
    trained,
  };
}

/** Normalizes credit whose decisions share their turn's advantage: each turn counts once, whatever was decided. */
export function normalizeTurns(
  trajectories: readonly Trajectory[],
  credits: readonly Credit[],
  mode: Normalization,
): Credit[] {
  if (mode === "none") return [...credits];
  const turns = credits.map((credit, i) => ({
    advantages: byDecision(() => credit.advantages.execution),
    trained: byDecision(() =>
      new Uint8Array(trajectories[i]!.turns.length).fill(1)
    ),
  }));
  return normalizeCredit(trajectories, turns, { mode }).map((turn, i) => ({
    ...credits[i]!,
    ...broadcast(trajectories[i]!, turn.advantages.execution),
  }));
}
