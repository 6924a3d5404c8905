/**
 * Run folders as the tables and episodes that a report is made of.
 *
 * @module
 */

import { type ColumnTable, from, table as createTable } from "arquero";
import { createRandom } from "../random.ts";
import type { TrainingReportParts } from "../report_parts.ts";
import type { TrainingConfig } from "./config.ts";
import { readParquet } from "./parquet.ts";
import { readRunConfig } from "./run_settings.ts";
import { readMetrics } from "./run_store.ts";
import { bootstrapInterval } from "./statistics.ts";
import { readEpisodes, type StoredEpisode } from "./turns_table.ts";

/** One run as read from its folder. */
interface StoredRun {
  readonly directory: string;
  readonly name: string;
  readonly series: string;
  readonly config: TrainingConfig;
  readonly first: readonly StoredEpisode[];
  readonly last: readonly StoredEpisode[];
  readonly evaluation: readonly StoredEpisode[];
}

/** Resamples of each point's interval; more change the drawing by less than a line's width. */
const RESAMPLES = 400;

/**
 * Reads run folders for a report.
 *
 * Runs whose settings differ in nothing but the seed are one series.
 *
 * @param directories Run folders, at least one.
 * @returns Tables and episodes, the discount of the first run's estimator, and as replays of each run
 * the longest success and a failure, early and late.
 * @throws {RangeError} If there are no folders.
 * @throws {Error} If a folder holds no run.
 */
export async function readReport(
  directories: readonly string[],
): Promise<TrainingReportParts> {
  if (directories.length === 0) {
    throw new RangeError(
      "Cannot report as there must be a run: none was given",
    );
  }
  const runs = await readRuns(directories);
  const metrics = await readMetrics(directories);
  const { config } = runs[0]!;
  return {
    summary: summarize(runs),
    runs: runsTable(runs, metrics),
    curves: curvesTable(runs, metrics),
    success: successTable(runs.flatMap(({ evaluation }) => evaluation)),
    trajectories: runs.flatMap(({ last }) =>
      last.map(({ trajectory }) => trajectory)
    ),
    gamma: ("gamma" in config.estimator ? config.estimator.gamma : 1) ?? 1,
    replays: runs.slice(0, 2).flatMap(chooseReplays),
  };
}

async function readRuns(directories: readonly string[]): Promise<StoredRun[]> {
  const configs = await Promise.all(directories.map(readRunConfig));
  const kinds = configs.map((config) => JSON.stringify({ ...config, seed: 0 }));
  const names = directories.map((path) =>
    path.replace(/\/+$/, "").split("/").at(-1)!
  );
  const estimators = new Set(configs.map(({ estimator }) => estimator.name));
  const byEstimator = estimators.size === new Set(kinds).size;
  return await Promise.all(directories.map(async (directory, i) => {
    const config = configs[i]!;
    const files = await episodeFiles(directory);
    const [first, last] = [files.at(0), files.at(-1)];
    return {
      directory,
      name: names[i]!,
      series: byEstimator
        ? config.estimator.name
        : names[kinds.indexOf(kinds[i]!)]!,
      config,
      first: first === undefined ? [] : readEpisodes(await readParquet(first)),
      last: last === undefined ? [] : readEpisodes(await readParquet(last)),
      evaluation: await readEvaluation(directory),
    };
  }));
}

async function episodeFiles(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(`${directory}/trajectories`)) {
    if (name.endsWith(".parquet")) {
      files.push(`${directory}/trajectories/${name}`);
    }
  }
  return files.sort();
}

async function readEvaluation(directory: string): Promise<StoredEpisode[]> {
  try {
    return readEpisodes(await readParquet(`${directory}/evaluation.parquet`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function summarize(runs: readonly StoredRun[]): string {
  const { config } = runs[0]!;
  const kinds = [
    ...new Set(
      config.worlds.map((world) => String(world.kind ?? world.dataset)),
    ),
  ];
  const { tasks, groupSize, maxTurns } = config.rollout;
  return `${runs.length} ${runs.length === 1 ? "run" : "runs"} in ${
    kinds.join(", ")
  }: ${
    tasks * groupSize
  } episodes of at most ${maxTurns} turns in an iteration, up to ${config.iterations} iterations.`;
}

/** What is worth knowing of each run at a glance. */
function runsTable(
  runs: readonly StoredRun[],
  metrics: ColumnTable,
): ColumnTable {
  const rows = metrics.objects() as Record<string, unknown>[];
  return from(runs.map(({ name, config, series, evaluation }) => {
    const mine = rows.filter((row) => row.run === name);
    const last = mine.at(-1) ?? {};
    return {
      run: name,
      series,
      seed: config.seed,
      estimator: config.estimator.name,
      iterations: mine.length,
      "success (training)": last.success_rate ?? null,
      "success (evaluation)": evaluation.length === 0
        ? null
        : evaluation.filter(({ trajectory }) => trajectory.success).length /
          evaluation.length,
      "turns": last.turns ?? null,
    };
  }));
}

/** Mean and interval over the runs of a series, for each metric and iteration. */
function curvesTable(
  runs: readonly StoredRun[],
  metrics: ColumnTable,
): ColumnTable {
  const random = createRandom(0).fork("report");
  const seriesOf = new Map(runs.map(({ name, series }) => [name, series]));
  const rows = metrics.objects() as Record<string, unknown>[];
  const names = metrics.columnNames().filter((name) =>
    !["run", "seed", "iteration"].includes(name)
  );
  const several = new Set(seriesOf.values()).size > 1;
  const points = Map.groupBy(
    rows,
    (row) => `${seriesOf.get(String(row.run))}\n${row.iteration}`,
  );
  return from([...points].flatMap(([key, group]) => {
    const [series, iteration] = key.split("\n") as [string, string];
    return names.flatMap((metric) => {
      const values = group.flatMap((row) =>
        typeof row[metric] === "number" ? [row[metric]] : []
      );
      if (values.length === 0) return [];
      const { estimate, low, high } = bootstrapInterval(values, {
        random,
        resamples: RESAMPLES,
      });
      return [{
        metric,
        series: several ? series : "",
        iteration: Number(iteration),
        mean: estimate,
        low,
        high,
      }];
    });
  }));
}

function successTable(episodes: readonly StoredEpisode[]): ColumnTable {
  const groups = Map.groupBy(
    episodes,
    ({ trajectory: { id, taskType } }) =>
      `${id.split("/")[0]}\n${taskType ?? "any"}`,
  );
  const rows = [...groups].map(([key, group]) => {
    const [split, task_type] = key.split("\n");
    const won = group.filter(({ trajectory }) => trajectory.success).length;
    const success_rate = won / group.length;
    return { split, task_type, success_rate, episodes: group.length };
  });
  return rows.length > 0 ? from(rows) : createTable({
    split: [],
    task_type: [],
    success_rate: [],
    episodes: [],
  });
}

/** An early failure, a late success with the most segments, a late failure; as far as there are any. */
function chooseReplays({ first, last }: StoredRun): StoredEpisode[] {
  const segments = ({ trajectory }: StoredEpisode) =>
    trajectory.turns.filter(({ decision }) => decision.switched).length;
  const won = last.filter(({ trajectory }) => trajectory.success)
    .toSorted((a, b) => segments(b) - segments(a));
  const lost = last.find(({ trajectory }) => !trajectory.success);
  const early = first.find(({ trajectory }) => !trajectory.success);
  return [early, won[0], won[Math.floor(won.length / 2)], lost].flatMap((one) =>
    one ? [one] : []
  );
}
