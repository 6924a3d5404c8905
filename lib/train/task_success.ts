/**
 * Success by kind of task as a table, to stand beside published ones.
 *
 * @module
 */

import { type ColumnTable, table } from "arquero";
import { HOUSEHOLD_TASK_TYPES } from "../envs/household_task.ts";
import { mean } from "../numeric.ts";
import { wilsonInterval } from "../plots/wilson_interval.ts";
import type { Trajectory } from "../trajectory.ts";
import type { PublishedResult } from "./published_alfworld.ts";

/** What the literature calls ALFWorld's kinds of task, in its order. */
const SHORT_NAMES: Readonly<
  Record<typeof HOUSEHOLD_TASK_TYPES[number], string>
> = {
  pick_and_place_simple: "Pick",
  look_at_obj_in_light: "Look",
  pick_clean_then_place_in_recep: "Clean",
  pick_heat_then_place_in_recep: "Heat",
  pick_cool_then_place_in_recep: "Cool",
  pick_two_obj_and_place: "Pick2",
};

/** Row of all kinds together. */
const ALL = "All";

/**
 * Says how often each player succeeded, by kind of task.
 *
 * A cell is the share of episodes won, its 95 % Wilson interval and the number of games. A game
 * that was played several times counts once in the interval: its episodes are no independent trials
 * of how many games a player can win.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { collectTrajectories, createRandom, expertPolicy, scheduleEpisodes, taskSuccess } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 4, maxTurns: 9 });
 * const right = await collectTrajectories(policy, episodes);
 * deepStrictEqual(taskSuccess({ right }).objects(), [
 *   { "kind of task": "All", right: "100 % [51, 100] of 4" },
 *   { "kind of task": "turns", right: "2.0" },
 * ]);
 * ```
 *
 * @param players Episodes of each player, or of each set of worlds.
 * @param published Results of others, known for all kinds together alone.
 * @returns One row for each kind of task, one for all of them, one for the mean number of turns; one
 *   column for each player, then one for each published result.
 */
export function taskSuccess(
  players: Readonly<Record<string, readonly Trajectory[]>>,
  published: readonly PublishedResult[] = [],
): ColumnTable {
  const kinds = kindsOf(Object.values(players).flat());
  const columns: Record<string, string[]> = {
    "kind of task": [...kinds.map(shortName), ALL, "turns"],
  };
  for (const [name, episodes] of Object.entries(players)) {
    const ofKind = Map.groupBy(episodes, ({ taskType }) => taskType);
    columns[name] = [
      ...kinds.map((kind) => successCell(ofKind.get(kind) ?? [])),
      successCell(episodes),
      mean(episodes.map(({ turns }) => turns.length)).toFixed(1),
    ];
  }
  for (const { player, success } of published) {
    columns[player] = [...kinds.map(() => "–"), success, "–"];
  }
  return table(columns);
}

/** Kinds that occur: those of ALFWorld in the literature's order, then others. */
function kindsOf(episodes: readonly Trajectory[]): string[] {
  const found = new Set(
    episodes.flatMap(({ taskType }) => taskType === undefined ? [] : taskType),
  );
  const known = Object.keys(SHORT_NAMES).filter((kind) => found.delete(kind));
  return [...known, ...[...found].sort()];
}

/**
 * Finds what the literature calls a kind of task.
 *
 * @param kind A kind, such as `pick_two_obj_and_place`.
 * @returns The short name, or the kind itself where it is not one of ALFWorld's.
 */
export function shortName(kind: string): string {
  return Object.hasOwn(SHORT_NAMES, kind)
    ? SHORT_NAMES[kind as keyof typeof SHORT_NAMES]
    : kind;
}

function successCell(episodes: readonly Trajectory[]): string {
  if (episodes.length === 0) return "–";
  const games = new Set(episodes.map(({ group }) => group)).size;
  const share = episodes.filter(({ success }) => success).length /
    episodes.length;
  const [low, high] = wilsonInterval(share, games).map((end) =>
    Math.round(100 * end)
  );
  const percent = Number((100 * share).toFixed(1));
  return `${percent} % [${low}, ${high}] of ${games}`;
}
