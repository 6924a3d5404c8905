/**
 * Success by kind of task as a table, with published results beside it.
 *
 * @module
 */

import { type ColumnTable, table } from "npm:arquero@7.2.0";
import { HOUSEHOLD_TASK_TYPES } from "../../envs/household/task.ts";
import { mean, wilsonInterval } from "../../numeric.ts";
import type { Trajectory } from "../../trajectory.ts";

/** A result as its authors report it. */
export interface PublishedResult {
  /** The policy. */
  readonly player: string;
  /** Success over all kinds of task, as printed: mean, and deviation over seeds where there is one. */
  readonly success: string;
  /** Where it is printed. */
  readonly source: string;
}

/**
 * Success on ALFWorld over all kinds of task, as the HiPER paper reports it.
 *
 * The policies are language models that write subgoals and actions as text. The validation split and
 * the numbers for each kind of task are not stated.
 */
export const PUBLISHED_ALFWORLD: readonly PublishedResult[] = [
  {
    player: "HiPER 7B",
    success: "97.4 %",
    source: "arXiv 2602.16165",
  },
  {
    player: "HiPER 1.5B",
    success: "95.3 ± 1.4 %",
    source: "arXiv 2602.16165, three seeds",
  },
  {
    player: "GiGPO 1.5B, plan-execute prompt",
    success: "91.1 ± 3.6 %",
    source: "arXiv 2602.16165, three seeds",
  },
  {
    player: "1.5B, plan-execute prompt, untrained",
    success: "2.9 %",
    source: "arXiv 2602.16165",
  },
];

/** Caveat of a comparison with {@linkcode PUBLISHED_ALFWORLD}. */
export const PUBLISHED_ALFWORLD_NOTE =
  "Published results (arXiv 2602.16165) are of language models that write subgoals and actions as text, over all kinds of task; the split is not stated. The compact policy chooses among listed subgoals and admissible actions, which is an easier problem.";

/** The literature's names of ALFWorld's kinds of task, in its order. */
const SHORT_NAMES = new Map<string, string>(Object.entries(
  {
    pick_and_place_simple: "Pick",
    look_at_obj_in_light: "Look",
    pick_clean_then_place_in_recep: "Clean",
    pick_heat_then_place_in_recep: "Heat",
    pick_cool_then_place_in_recep: "Cool",
    pick_two_obj_and_place: "Pick2",
  } satisfies Record<typeof HOUSEHOLD_TASK_TYPES[number], string>,
));

/** A cell without a number. */
const UNKNOWN = "–";

/**
 * Tabulates the success of each policy, by kind of task.
 *
 * A cell is the share of successful episodes and its 95 % Wilson interval over games. A game that was
 * played several times counts once in the interval: its episodes are not independent trials.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   expertPolicy,
 *   scheduleEpisodes,
 * } from "@hiper/lab";
 * import { taskSuccess } from "@hiper/lab/studies";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 4, maxTurns: 9 });
 * const right = await collectTrajectories(policy, episodes);
 * deepStrictEqual(taskSuccess({ right }).object(), {
 *   player: "right",
 *   "exit right": "100 % [51, 100]", // the one kind of task
 *   All: "100 % [51, 100] of 4",
 *   turns: "2.0",
 * });
 * ```
 *
 * @param players Episodes of each player, or of each set of worlds.
 * @param published Results of others, known for all kinds together alone.
 * @returns One row for each player, then one for each published result; a column for each kind of
 *   task, then `All` with the number of games, then the mean number of turns.
 */
export function taskSuccess(
  players: Readonly<Record<string, readonly Trajectory[]>>,
  published: readonly PublishedResult[] = [],
): ColumnTable {
  const kinds = kindsOf(Object.values(players).flat());
  const rows = Object.entries(players).map(([player, episodes]) => {
    const ofKind = Map.groupBy(episodes, ({ taskType }) => taskType);
    const cells = kinds.map((kind) => successCell(ofKind.get(kind) ?? []));
    const turns = mean(episodes.map((episode) => episode.turns.length));
    const all = `${successCell(episodes)} of ${countGames(episodes)}`;
    return [player, ...cells, all, turns.toFixed(1)];
  });
  const others = published.map(({ player, success }) => [
    player,
    ...kinds.map(() => UNKNOWN),
    success,
    UNKNOWN,
  ]);
  const short = kinds.map((kind) => SHORT_NAMES.get(kind) ?? kind);
  const names = ["player", ...short, "All", "turns"];
  const all = [...rows, ...others];
  return table(
    Object.fromEntries(
      names.map((name, i) => [name, all.map((row) => row[i])]),
    ),
  );
}

/** Kinds that occur: those of ALFWorld in the literature's order, then others. */
function kindsOf(episodes: readonly Trajectory[]): string[] {
  const found = new Set(
    episodes.flatMap(({ taskType }) => taskType === undefined ? [] : taskType),
  );
  const known = [...SHORT_NAMES.keys()].filter((kind) => found.delete(kind));
  return [...known, ...[...found].sort()];
}

function successCell(episodes: readonly Trajectory[]): string {
  if (episodes.length === 0) return UNKNOWN;
  const won = episodes.filter(({ success }) => success).length;
  const share = won / episodes.length;
  const ends = wilsonInterval(share, countGames(episodes))
    .map((end) => Math.round(100 * end));
  return `${Number((100 * share).toFixed(1))} % [${ends.join(", ")}]`;
}

/** Counts the games of episodes; those of one group and seed are of one game. */
export function countGames(episodes: readonly Trajectory[]): number {
  return new Set(episodes.map(({ group, seed }) => `${group} ${seed}`)).size;
}
