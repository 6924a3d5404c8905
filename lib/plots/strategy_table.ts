/**
 * Strategies and who won with them, as tables.
 *
 * @module
 */

import { type ColumnTable, from } from "npm:arquero@7.2.0";
import { mean, wilsonInterval } from "../numeric.ts";
import type { Trajectory } from "../trajectory.ts";

/** Options of {@linkcode strategyTable}. */
export interface StrategyTableOptions {
  /** Whether the strategies of each task stand apart, as they are compared in learning. @default {false} */
  readonly byTask?: boolean;
  /** Most rows. @default {24} */
  readonly limit?: number;
}

/**
 * Lists strategies with the success of the episodes that followed them.
 *
 * Rows are the strategies that were played most, the more successful first where they are equal; by task, groups stay
 * together in the order of the episodes, and each begins with its best strategy.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { strategyTable } from "@hiper/lab/strategies";
 * import type { Trajectory } from "@hiper/lab";
 *
 * const episode = (strategy: string, success: boolean): Trajectory => ({
 *   ...{ id: strategy, task: "leave", group: "corridor/0", strategy, success },
 *   ...{ turns: [], ending: "terminated", score: success ? 1 : 0, seed: 0 },
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 * });
 * const table = strategyTable([
 *   episode("go left", true),
 *   episode("go left", false),
 *   episode("go right", false),
 * ]);
 * deepStrictEqual(table.array("strategy"), ["go left", "go right"]);
 * deepStrictEqual(table.array("won"), [1, 0]);
 * ```
 *
 * @param trajectories Episodes; those without a strategy are left out.
 * @param options Whether tasks stand apart, and how many rows there are at most.
 * @returns Columns `strategy`, `episodes`, `won`, `success` with its 95 % Wilson interval in words, and `turns`, their mean; `tasks`
 * counts the tasks of a strategy, or `task` names them.
 */
export function strategyTable(
  trajectories: readonly Trajectory[],
  options: StrategyTableOptions = {},
): ColumnTable {
  const { byTask = false, limit = 24 } = options;
  const followed = trajectories.filter(({ strategy }) => strategy);
  const groups = Map.groupBy(
    followed,
    ({ group }) => byTask ? group : "",
  );
  const rows = [...groups.values()].flatMap((episodes) => {
    const strategies = Map.groupBy(episodes, ({ strategy }) => strategy!);
    return [...strategies].map(([strategy, own]) =>
      describe(strategy, own, byTask)
    ).sort((a, b) =>
      byTask
        ? b.won / b.episodes - a.won / a.episodes
        : b.episodes - a.episodes || b.won - a.won
    );
  });
  return from(rows.slice(0, limit));
}

function describe(
  strategy: string,
  episodes: readonly Trajectory[],
  byTask: boolean,
) {
  const won = episodes.filter(({ success }) => success).length;
  const share = won / episodes.length;
  const [low, high] = wilsonInterval(share, episodes.length);
  const percent = (part: number) => `${Math.round(100 * part)} %`;
  return {
    ...(byTask && { task: episodes[0]!.task }),
    strategy,
    ...(!byTask && { tasks: new Set(episodes.map(({ group }) => group)).size }),
    episodes: episodes.length,
    won,
    success: `${percent(share)} [${percent(low)}, ${percent(high)}]`,
    turns: Number(mean(episodes.map(({ turns }) => turns.length)).toFixed(1)),
  };
}
