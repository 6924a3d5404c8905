/**
 * StraTA's credit: strategies of a task are compared with each other, episodes with those of the same strategy.
 *
 * A strategy is a subgoal that is never switched: planning on the first turn chooses it, execution follows it.
 *
 * @module
 */

import { checkChoice, checkFinite } from "../checks.ts";
import { byDecision, type Credit, type Trajectory } from "../trajectory.ts";
import { checkTrajectories } from "./credit_checks.ts";
import { groupRows } from "./row_layout.ts";
import {
  strategyAdvantages,
  type StrategyOptions,
  strategyReward,
  strategyTurnAdvantage,
} from "./strategies.ts";

/** Settings of {@linkcode strategyCredit}. */
export interface StrategyCreditOptions extends StrategyOptions {
  /** Turns that a judge flagged, by trajectory id. @default {{}} */
  flagged?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Assigns StraTA's advantages: planning between strategies of a group, execution between episodes of a strategy.
 *
 * Episodes of one strategy share its tokens, so only the first of them trains planning; switching is not trained.
 *
 * @example
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { collectTrajectories, createRandom, planExecute, proposeCorridorSubgoals } from "@hiper/lab";
 * import { randomExecutor, randomPlanner, scheduleEpisodes, strategyCredit } from "@hiper/lab";
 *
 * const agent = planExecute(randomPlanner({ proposeSubgoals: proposeCorridorSubgoals }), randomExecutor());
 * const plays = { random: createRandom(1), tasks: 2, groupSize: 4, maxTurns: 20 };
 * const schedule = scheduleEpisodes([{ kind: "corridor" }], plays);
 * const trajectories = await collectTrajectories(agent, schedule);
 *
 * // Within each group, two strategies of two episodes each.
 * const played = trajectories.map((one, i) => ({
 *   ...one,
 *   strategy: i % 4 < 2 ? "search on the left" : "search on the right",
 * }));
 * const credits = strategyCredit(played, { topFraction: 1 });
 * const won = played.findIndex((one) => one.success);
 * ok(credits[won]!.advantages.execution[0]! > 0);
 * // Only the first episode of a strategy trains the planner.
 * const planned = credits.filter((one) => one.trained!.planning[0] === 1);
 * strictEqual(planned.length, 4);
 * ```
 *
 * @param trajectories Episodes with a `strategy`.
 * @param options Share of the best, and the judge's penalty.
 * @returns One credit for each trajectory, in order; no value head has a target.
 * @throws {TypeError} If an episode has no strategy.
 * @throws {RangeError} If a reward is not finite or a setting is out of range.
 * @see {@link https://arxiv.org/abs/2605.06642 | StraTA}
 */
export function strategyCredit(
  trajectories: readonly Trajectory[],
  options: StrategyCreditOptions = {},
): Credit[] {
  const { topFraction = 0.5, judgePenalty = 0.1, judgeMode = "reward" } =
    options;
  const { flagged = {} } = options;
  checkChoice("assign credit", { judgeMode }, ["reward", "advantage"]);
  checkFinite("assign credit", { judgePenalty });
  checkTrajectories("strata", trajectories);
  const keys = trajectories.map(({ id, group, strategy }) => {
    if (strategy !== undefined) return JSON.stringify([group, strategy]);
    throw new TypeError(
      `Cannot assign credit "strata" as every episode needs a strategy: episode "${id}" has none`,
    );
  });
  const scores = trajectories.map(({ turns }) =>
    turns.reduce((sum, turn) => sum + turn.reward, 0)
  );
  const members = groupRows(keys);
  const planning = planningAdvantages(trajectories, {
    members,
    scores,
    topFraction,
  });
  return trajectories.map(({ id, turns }, i): Credit => {
    const played = members.get(keys[i]!)!;
    const peers = played.map((row) => scores[row]!);
    const column = () => new Float64Array(turns.length);
    const mask = byDecision(() => new Uint8Array(turns.length));
    const trained = { ...mask, execution: mask.execution.fill(1) };
    const plans = column();
    if (turns.length > 0 && played[0] === i) {
      plans[0] = planning.get(keys[i]!)!;
      trained.planning[0] = 1;
    }
    const execution = column().map((_, t) =>
      strategyTurnAdvantage(scores[i]!, peers, {
        penalty: flagged[id]?.includes(t) ? judgePenalty : 0,
        mode: judgeMode,
      })
    );
    return {
      advantages: { switching: column(), planning: plans, execution },
      trained,
    };
  });
}

/** Advantage of each strategy among those of its group. */
function planningAdvantages(
  trajectories: readonly Trajectory[],
  played: {
    members: ReadonlyMap<string, readonly number[]>;
    scores: readonly number[];
    topFraction: number;
  },
): Map<string, number> {
  const { members, scores, topFraction } = played;
  const strategies = [...members.keys()];
  const rewards = strategies.map((key) =>
    strategyReward(members.get(key)!.map((row) => scores[row]!), topFraction)
  );
  const groups = groupRows(
    strategies.map((key) => trajectories[members.get(key)![0]!]!.group),
  );
  const advantages = new Map<string, number>();
  for (const rows of groups.values()) {
    const compared = strategyAdvantages(
      Float64Array.from(rows, (row) => rewards[row]!),
    );
    for (const [j, row] of rows.entries()) {
      advantages.set(strategies[row]!, compared[j]!);
    }
  }
  return advantages;
}
