/**
 * What must hold before credit is assigned, and messages that say where it does not.
 *
 * @module
 */

import type { DecisionName, Trajectory } from "../trajectory.ts";

/**
 * Throws unless rewards are finite, and the named values are there and finite.
 *
 * @param estimator Name for the message.
 * @param trajectories Episodes to check.
 * @param needs Decisions whose values the estimator reads on every turn, and whether it reads bootstraps.
 * @throws {TypeError} If a turn lacks values that the estimator needs.
 * @throws {RangeError} If a reward, value or bootstrap value is not finite.
 */
export function checkTrajectories(
  estimator: string,
  trajectories: readonly Trajectory[],
  needs: { values?: readonly DecisionName[]; bootstrap?: boolean } = {},
): void {
  const { values: needed = [], bootstrap = false } = needs;
  for (const { id, turns, ending, bootstrap: after } of trajectories) {
    // Messages are put together only when they are needed: this loop runs over every turn of a batch.
    const fail = (what: string, value: number) =>
      notFinite(estimator, what, value);
    for (let t = 0; t < turns.length; t++) {
      const { reward, decision } = turns[t]!;
      if (!Number.isFinite(reward)) {
        throw fail(`the reward of turn ${t} of episode "${id}"`, reward);
      }
      if (needed.length === 0) continue;
      if (!decision.values) {
        throw new TypeError(
          `Cannot assign credit "${estimator}" as every turn needs values: turn ${t} of episode "${id}" has none`,
        );
      }
      const decided = t === 0 || decision.switched;
      for (const name of needed) {
        const value = decision.values[name];
        // A planning value is read only where the planner chose.
        if (Number.isFinite(value) || (name === "planning" && !decided)) {
          continue;
        }
        throw fail(`the ${name} value of turn ${t} of episode "${id}"`, value);
      }
    }
    if (!bootstrap || ending !== "truncated") continue;
    for (const name of needed) {
      if (Number.isFinite(after[name])) continue;
      throw fail(
        `the ${name} value after the last turn of episode "${id}"`,
        after[name],
      );
    }
  }
}

/** Says which number is not finite. */
export function notFinite(
  estimator: string,
  what: string,
  value: number,
): RangeError {
  return new RangeError(
    `Cannot assign credit "${estimator}" as ${what} must be finite: current value is ${value}`,
  );
}
