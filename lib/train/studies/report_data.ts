/**
 * Run folders as the data of a report: tables and episodes.
 *
 * @module
 */

import {
  type ColumnTable,
  from,
  table as createTable,
} from "npm:arquero@7.2.0";
import { HOUSEHOLD_TASK_TYPES } from "../../envs/household/task.ts";
import { mean } from "../../numeric.ts";
import { createRandom } from "../../random.ts";
import type { TrainingReportData } from "../../plots/training_report.ts";
import type { Trajectory } from "../../trajectory.ts";
import type { TrainingConfig } from "../config/config.ts";
import { readParquet } from "../runs/parquet.ts";
import { readMetrics, readRunConfig } from "../runs/run_store.ts";
import { bootstrapInterval } from "./statistics.ts";
import {
  countGames,
  PUBLISHED_ALFWORLD,
  PUBLISHED_ALFWORLD_NOTE,
  taskSuccess,
} from "./task_success.ts";
import { readEpisodes, type StoredEpisode } from "../runs/turns_table.ts";

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

/** Resamples of each point's interval; more change the curve by less than a line's width. */
const RESAMPLES = 400;

/**
 * Reads run folders for a report.
 *
 * Runs whose settings differ in nothing but the seed are one series.
 *
 * @param directories Run folders, at least one.
 * @returns Tables and episodes, the discount of the first run's estimator, and of the first two runs
 * some successes and failures to be shown turn by turn.
 * @throws {RangeError} If there are no folders.
 * @throws {Error} If a folder holds no run.
 */
export async function readReport(
  directories: readonly string[],
): Promise<TrainingReportData> {
  if (directories.length === 0) {
    throw new RangeError(
      "Cannot report as there must be at least one run: none was given",
    );
  }
  const runs = await readRuns(directories);
  const metrics = await readMetrics(directories);
  const { config } = runs[0]!;
  const evaluated = bySet(runs.flatMap(({ evaluation }) => evaluation));
  const alfworld = runs.every(({ config }) => isAlfworld(config));
  return {
    summary: summarize(runs),
    headlines: headlines(runs, metrics, evaluated),
    runs: runsTable(runs, metrics),
    curves: curvesTable(runs, metrics),
    success: successTable(runs.flatMap(({ evaluation }) => evaluation)),
    comparison: taskSuccess(evaluated, alfworld ? PUBLISHED_ALFWORLD : []),
    comparisonNote: alfworld ? PUBLISHED_ALFWORLD_NOTE : "",
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
      evaluation: (await readEvaluation(directory))
        .map((episode) => isAlfworld(config) ? seedless(episode) : episode),
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

/** Whether a run is evaluated on ALFWorld's games alone, so that its numbers compare with published ones. */
function isAlfworld({ evaluation }: TrainingConfig): boolean {
  const worlds = Object.values(evaluation.sets).flat();
  return worlds.length > 0 &&
    worlds.every((world) => world.dataset === "alfworld");
}

/** An episode of a game file, which is the same game for every seed. */
function seedless(episode: StoredEpisode): StoredEpisode {
  return { ...episode, trajectory: { ...episode.trajectory, seed: 0 } };
}

/** Episodes of an evaluation by the set they are of. */
function bySet(
  episodes: readonly StoredEpisode[],
): Record<string, Trajectory[]> {
  const sets: Record<string, Trajectory[]> = {};
  for (const { trajectory } of episodes) {
    (sets[trajectory.id.split("/")[0]!] ??= []).push(trajectory);
  }
  return sets;
}

/** Success on each evaluation set, then the number of episodes of training. */
function headlines(
  runs: readonly StoredRun[],
  metrics: ColumnTable,
  evaluated: Readonly<Record<string, readonly Trajectory[]>>,
): TrainingReportData["headlines"] {
  const rows = metrics.objects() as Record<string, unknown>[];
  const played = rows.reduce((sum, row) => sum + Number(row.episodes ?? 0), 0);
  return [
    ...Object.entries(evaluated).map(([set, episodes]) => {
      const won = episodes.filter(({ success }) => success).length;
      const turns = mean(episodes.map((episode) => episode.turns.length));
      return {
        value: percent(won / episodes.length),
        label: `success on ${set}: ${episodes.length} episodes of ${
          turns.toFixed(1)
        } turns`,
      };
    }),
    ...planHeadlines(rows),
    {
      value: Math.round(played / runs.length).toLocaleString("en-US"),
      label: `training episodes, in ${
        Math.round(rows.length / runs.length)
      } iterations`,
    },
  ];
}

/** What plans were like at the last evaluation, mean over runs. */
function planHeadlines(
  rows: readonly Record<string, unknown>[],
): TrainingReportData["headlines"] {
  const last = new Map(
    rows.filter((row) =>
      Object.keys(row).some((name) =>
        name.endsWith("/served_rate") && row[name] !== null &&
        row[name] !== undefined
      )
    ).map((row) => [row.run, row]),
  );
  const [first] = last.values();
  if (first === undefined) return [];
  return Object.keys(first).filter((name) => name.endsWith("/served_rate"))
    .map((name) => {
      const set = name.slice(0, name.lastIndexOf("/"));
      const of = (metric: string) =>
        mean([...last.values()].map((row) => Number(row[`${set}/${metric}`])));
      return {
        value: `${of("segment_length").toFixed(1)} turns`,
        label: `a plan on ${set}: ${
          percent(of("served_rate"))
        } of actions serve it, ${percent(of("achieved_rate"))} are achieved`,
      };
    });
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

/** Settings and last numbers of each run. */
function runsTable(
  runs: readonly StoredRun[],
  metrics: ColumnTable,
): ColumnTable {
  const rows = metrics.objects() as Record<string, unknown>[];
  return from(runs.map(({ name, config, series, evaluation }) => {
    const mine = rows.filter((row) => row.run === name);
    const last = mine.at(-1) ?? {};
    const won = evaluation.filter(({ trajectory }) => trajectory.success);
    return {
      run: name,
      ...(series === config.estimator.name ? {} : { series }),
      seed: config.seed,
      estimator: config.estimator.name,
      iterations: mine.length,
      "success (training)": typeof last.success_rate === "number"
        ? percent(last.success_rate)
        : null,
      "success (evaluation)": evaluation.length === 0
        ? null
        : percent(won.length / evaluation.length),
      "turns (training)": last.turns ?? null,
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
    const episodes = countGames(group.map(({ trajectory }) => trajectory));
    return { split, task_type, success_rate, episodes };
  });
  const known: readonly string[] = HOUSEHOLD_TASK_TYPES;
  rows.sort((a, b) =>
    known.indexOf(a.task_type!) - known.indexOf(b.task_type!)
  );
  return rows.length > 0 ? from(rows) : createTable({
    split: [],
    task_type: [],
    success_rate: [],
    episodes: [],
  });
}

/** The median late success by number of segments, the one with the most, a late and an early failure; as far as there are any. */
function chooseReplays({ first, last }: StoredRun): StoredEpisode[] {
  const segments = ({ trajectory }: StoredEpisode) =>
    trajectory.turns.filter(({ decision }) => decision.switched).length;
  const won = last.filter(({ trajectory }) => trajectory.success)
    .toSorted((a, b) => segments(b) - segments(a));
  const lost = last.find(({ trajectory }) => !trajectory.success);
  const early = first.find(({ trajectory }) => !trajectory.success);
  const chosen = [won[Math.floor(won.length / 2)], won[0], lost, early];
  return [...new Set(chosen)].filter((one) => one !== undefined);
}
