/**
 * Trajectories as concatenated columns.
 *
 * @module
 */

import { byDecision, DECISIONS, type Trajectory } from "../trajectory.ts";
import type { BatchColumns } from "./hae_batch.ts";

/**
 * Puts episodes one after the other, as columns for {@linkcode batchAdvantages}.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { batchColumns, collectTrajectories, createRandom, planExecute } from "@hiper/lab";
 * import { proposeCorridorSubgoals, randomExecutor, randomPlanner, scheduleEpisodes } from "@hiper/lab";
 *
 * const agent = planExecute(randomPlanner({ proposeSubgoals: proposeCorridorSubgoals }), randomExecutor());
 * const plays = { random: createRandom(1), tasks: 2, groupSize: 4, maxTurns: 20 };
 * const schedule = scheduleEpisodes([{ kind: "corridor" }], plays);
 * const trajectories = await collectTrajectories(agent, schedule);
 *
 * const { offsets, rewards, ids } = batchColumns(trajectories);
 * strictEqual(rewards.length, offsets[trajectories.length]);
 * deepStrictEqual(ids, trajectories.map((one) => one.id));
 * deepStrictEqual(
 *   [...rewards.subarray(offsets[1]!, offsets[2]!)],
 *   trajectories[1]!.turns.map((turn) => turn.reward),
 * );
 * ```
 *
 * @param trajectories Episodes.
 * @returns Concatenated columns with the episodes' ids.
 */
export function batchColumns(
  trajectories: readonly Trajectory[],
): BatchColumns {
  const offsets = new Int32Array(trajectories.length + 1);
  for (const [i, { turns }] of trajectories.entries()) {
    offsets[i + 1] = offsets[i]! + turns.length;
  }
  const size = offsets[trajectories.length]!;
  const column = () => new Float64Array(size);
  const rewards = column(), switchProbabilities = column();
  const heldSubgoalValues = column();
  const switched = new Uint8Array(size), done = new Uint8Array(size);
  const values = byDecision(column);
  for (const [i, { turns, ending }] of trajectories.entries()) {
    let at = offsets[i]!;
    for (const { reward, decision } of turns) {
      rewards[at] = reward;
      switched[at] = decision.switched ? 1 : 0;
      switchProbabilities[at] = decision.switchProbability ?? NaN;
      heldSubgoalValues[at] = decision.heldSubgoalValue ?? NaN;
      for (const name of DECISIONS) {
        values[name][at] = decision.values?.[name] ?? NaN;
      }
      at++;
    }
    if (ending === "terminated" && turns.length > 0) done[at - 1] = 1;
  }
  return {
    offsets,
    rewards,
    switched,
    values,
    done,
    switchProbabilities,
    heldSubgoalValues,
    bootstrap: byDecision((name) =>
      Float64Array.from(trajectories, (one) => one.bootstrap[name])
    ),
    ids: trajectories.map((one) => one.id),
  };
}
