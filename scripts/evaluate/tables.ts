/**
 * Tables of an evaluation.
 *
 * @module
 */

import type { Evaluation, TrainingConfig, Trajectory } from "../../mod.ts";
import {
  PUBLISHED_ALFWORLD,
  PUBLISHED_ALFWORLD_NOTE,
  taskSuccess,
  wilsonInterval,
} from "../../mod/studies.ts";

/** Whether every game is ALFWorld's. */
export function isAlfworld({ evaluation }: TrainingConfig): boolean {
  const worlds = Object.values(evaluation.sets).flat();
  return worlds.length > 0 &&
    worlds.every((world) => world.dataset === "alfworld");
}

/** Prints success of each player in each set, with its interval. */
export function printSuccess(
  found: Readonly<Record<string, Evaluation>>,
): void {
  console.log("\nsuccess [95 % interval over games, Wilson]");
  for (const [player, { trajectories }] of Object.entries(found)) {
    const sets = Map.groupBy(trajectories, ({ id }) => id.split("/")[0]!);
    for (const [set, games] of sets) {
      const won = games.filter(({ success }) => success).length;
      const [low, high] = wilsonInterval(won / games.length, games.length);
      const share = (x: number) => (100 * x).toFixed(1);
      console.log(
        `  ${player}, ${set}: ${won} of ${games.length} = ${
          share(won / games.length)
        } % [${share(low)}, ${share(high)}]`,
      );
    }
  }
}

/** Prints success by kind of task; beside published results where the games are ALFWorld's. */
export function printKinds(
  found: Readonly<Record<string, Evaluation>>,
  alfworld: boolean,
): void {
  const players: Record<string, Trajectory[]> = {};
  for (const [player, { trajectories }] of Object.entries(found)) {
    for (const episode of trajectories) {
      if (episode.taskType === undefined) continue;
      (players[`${player}, ${episode.id.split("/")[0]}`] ??= []).push(episode);
    }
  }
  if (Object.keys(players).length === 0) return;
  console.log("\nsuccess by kind of task [95 % interval over games]");
  const success = taskSuccess(players);
  const [, ...kinds] = success.columnNames();
  const rows = success.objects() as Record<string, string>[];
  // A terminal has more room for kinds one below the other.
  console.table(Object.fromEntries(kinds.map((kind) => [
    kind,
    Object.fromEntries(rows.map((row) => [row.player, row[kind]])),
  ])));
  if (!alfworld) return;
  console.log(`\n${PUBLISHED_ALFWORLD_NOTE}`);
  for (const { player, success, source } of PUBLISHED_ALFWORLD) {
    console.log(`  ${success.padEnd(14)}${player} (${source})`);
  }
}

/**
 * Prints metrics, one row for each player and set.
 *
 * @throws {RangeError} If no metric has one of these names.
 */
export function printMetrics(
  found: Readonly<Record<string, Evaluation>>,
  wanted: readonly string[],
): void {
  const rows: Record<string, Record<string, number>> = {};
  for (const [player, { metrics }] of Object.entries(found)) {
    for (const [name, value] of Object.entries(metrics)) {
      const slash = name.indexOf("/");
      const metric = name.slice(slash + 1);
      if (!wanted.includes(metric)) continue;
      const row = rows[`${player}, ${name.slice(0, slash)}`] ??= {};
      row[metric] = Number(value.toFixed(3));
    }
  }
  if (Object.keys(rows).length === 0) {
    const names = Object.values(found).flatMap(({ metrics }) =>
      Object.keys(metrics).map((name) => name.slice(name.indexOf("/") + 1))
    );
    throw new RangeError(
      `Cannot print metrics as "--metrics" must be among ${
        [...new Set(names)].join(", ")
      }: current value is ${wanted.join(", ")}`,
    );
  }
  console.table(rows);
}
