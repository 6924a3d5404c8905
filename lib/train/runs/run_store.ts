/**
 * A run's folder: settings, facts about the machine, metrics as JSON lines, episodes as Parquet, checkpoints.
 *
 * ```text
 * config.json        every setting          metrics.jsonl   one row an iteration, reproducible
 * environment.json   versions, backend      timing.jsonl    seconds by stage, not reproducible
 * trajectories/      one file an iteration  checkpoints/    whole or absent
 * events/            for TensorBoard        metrics.parquet written when the run is closed
 * ```
 *
 * @module
 */

import type { ColumnTable } from "npm:arquero@7.2.0";
import { parseJson, reasonOf } from "../../text_file.ts";
import type { Trajectory } from "../../trajectory.ts";
import {
  type Checkpoint,
  checkpointPath,
  findCheckpoint,
  pruneCheckpoints,
} from "./checkpoint.ts";
import { readStoredConfig, type TrainingConfig } from "../config/config.ts";
import { firstDifference, type Json } from "../config/settings.ts";
import {
  type LineFile,
  openLines,
  readIfThere,
  readLines,
  removeIfThere,
  unwritable,
  writeDurably,
  writeJson,
} from "./durable_file.ts";
import {
  describeEnvironment,
  type EnvironmentFacts,
} from "./environment_facts.ts";
import type { Evaluation } from "../evaluation.ts";
import { toTable, writeParquet } from "./parquet.ts";
import { encodeFileVersion, encodeScalars } from "./tensorboard.ts";
import type { IterationRecord, Training } from "../training.ts";
import { turnsTable, type TurnsTableOptions } from "./turns_table.ts";

/** A run's folder, open for writing by one process. */
export interface Run extends AsyncDisposable {
  /** The folder. */
  readonly directory: string;
  /** The checkpoint to go on from, if the folder held one. */
  readonly checkpoint: Checkpoint | undefined;
  /** Why newer checkpoints could not be used, if any. */
  readonly passedOver: readonly Error[];
  /** Writes one iteration: its metrics and timing, and its episodes if they are due. */
  append(record: IterationRecord): Promise<void>;
  /** Saves a checkpoint and removes old ones. */
  save(training: Training): Promise<void>;
  /** Writes the result of a closing evaluation: `evaluation.json` and its episodes. */
  writeEvaluation(evaluation: Evaluation): Promise<void>;
}

/** How a run's folder is opened. */
export interface OpenRunOptions {
  /** Whether a run already there goes on; otherwise it is an error. @default {false} */
  readonly resume?: boolean;
  /** Facts about software and machine, written once as `environment.json`. @default {those of `describeEnvironment`} */
  readonly environment?: EnvironmentFacts;
}

/**
 * Opens a run's folder; goes on from its newest whole checkpoint, dropping what was written after it.
 *
 * @param directory The folder, made if it is absent.
 * @param config Every setting; must be those of the run already there, but for `iterations` and `replicas.workers`.
 * @param options Whether to go on, and facts worth keeping.
 * @returns The run; disposing it writes the metrics as Parquet and lets others open the folder.
 * @throws {Error} If another process has it open, it holds a run and `resume` is off, its settings
 * differ, or it cannot be written.
 * @throws {RangeError} If it has done more iterations than the settings ask for.
 */
export async function openRun(
  directory: string,
  config: TrainingConfig,
  options: OpenRunOptions = {},
): Promise<Run> {
  const { resume = false, environment = describeEnvironment() } = options;
  const lock = await takeLock(directory);
  try {
    const { checkpoint, passedOver } = await findCheckpoint(
      `${directory}/checkpoints`,
    );
    const saved = checkpoint?.iteration, done = saved ?? 0;
    await claimRunFolder(directory, config, {
      resume,
      done: saved,
      environment,
    });
    const metrics = await openLines(`${directory}/metrics.jsonl`, done);
    const timing = await openLines(`${directory}/timing.jsonl`, done);
    await dropEpisodes(directory, done);
    await rewriteEvents(directory);
    const files = { directory, config, lock, metrics, timing };
    return createRun({ ...files, checkpoint, passedOver });
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** What an open run writes to. */
interface RunFiles
  extends Pick<Run, "directory" | "checkpoint" | "passedOver"> {
  readonly config: TrainingConfig;
  readonly lock: Deno.FsFile;
  readonly metrics: LineFile;
  readonly timing: LineFile;
}

function createRun(files: RunFiles): Run {
  const { directory, checkpoint, passedOver } = files;
  const { config, lock, metrics, timing } = files;
  /** Whether the disk refused something; closing must not hide why. */
  let refused = false;

  async function watched(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      refused = true;
      throw error;
    }
  }

  async function writeEpisodes(
    name: string,
    trajectories: readonly Trajectory[],
    options: TurnsTableOptions = {},
  ): Promise<void> {
    await Deno.mkdir(`${directory}/trajectories`, { recursive: true });
    const table = turnsTable(trajectories, options);
    await writeParquet(table, `${directory}/${name}`);
  }

  async function append(record: IterationRecord): Promise<void> {
    const { iteration, trajectories, credits } = record;
    const every = config.record.trajectoriesEvery;
    const last = iteration + 1 === config.iterations;
    if (every > 0 && (iteration % every === 0 || last)) {
      const file = `${String(iteration).padStart(8, "0")}.parquet`;
      const options = { iteration, credits };
      await writeEpisodes(`trajectories/${file}`, trajectories, options);
    }
    const wallTime = Date.now() / 1000;
    await timing.append({ iteration, finished: wallTime, ...record.timing });
    await metrics.append({ iteration, ...record.metrics });
    const events = eventsPath(directory);
    const scalars = { step: iteration, wallTime, scalars: record.metrics };
    try {
      await Deno.writeFile(events, encodeScalars(scalars), { append: true });
    } catch (cause) {
      throw unwritable(events, cause, "append to");
    }
  }

  async function save(training: Training): Promise<void> {
    await metrics.sync();
    await timing.sync();
    const parent = `${directory}/checkpoints`;
    await Deno.mkdir(parent, { recursive: true });
    await training.save(checkpointPath(parent, training.iteration));
    await pruneCheckpoints(parent, config.record.checkpointsKept);
  }

  return {
    directory,
    checkpoint,
    passedOver,
    append: (record) => watched(append(record)),
    save: (training) => watched(save(training)),
    async writeEvaluation({ metrics, trajectories }) {
      await writeJson(`${directory}/evaluation.json`, metrics);
      if (trajectories.length === 0) return;
      await writeEpisodes("evaluation.parquet", trajectories);
    },
    async [Symbol.asyncDispose]() {
      metrics.close();
      timing.close();
      try {
        if (refused) return;
        const rows = await readLines(`${directory}/metrics.jsonl`);
        if (rows.length > 0) {
          await writeParquet(toTable(rows), `${directory}/metrics.parquet`);
        }
      } finally {
        lock.close();
      }
    },
  };
}

/**
 * Reads the settings a run was started with.
 *
 * @param directory The run's folder.
 * @returns Every setting.
 * @throws {Error} If the folder holds no run.
 * @throws {SyntaxError} If its `config.json` is no JSON.
 * @throws {TypeError} If one of its settings is unknown or of the wrong kind.
 */
export async function readRunConfig(
  directory: string,
): Promise<TrainingConfig> {
  const path = `${directory}/config.json`;
  const text = await readIfThere(path);
  if (text === undefined) {
    throw new Error(
      `Cannot read a run as its folder must hold "config.json": current value is "${directory}"`,
    );
  }
  return readStoredConfig(parseJson(text, path));
}

/**
 * Reads the metrics of many runs as one table, one row for each iteration.
 *
 * Columns are `run` (the folder's name), `seed`, `iteration` and every metric of any run; a metric that
 * an iteration does not have is `null`.
 *
 * @param directories Run folders; those without a metric row add none.
 * @throws {Error} If a folder holds no run.
 */
export async function readMetrics(
  directories: readonly string[],
): Promise<ColumnTable> {
  const rows: Record<string, unknown>[] = [];
  for (const directory of directories) {
    const config = await readRunConfig(directory);
    const run = directory.replace(/\/+$/, "").split("/").at(-1)!;
    for (const row of await readLines(`${directory}/metrics.jsonl`)) {
      rows.push({ run, seed: config.seed, ...row });
    }
  }
  return toTable(rows);
}

/**
 * Writes settings and facts of a new run; compares settings with those of an old one.
 *
 * A run that was started but has saved nothing counts as new. `done` is the number of iterations saved: `undefined`
 * without a checkpoint, 0 after a warm start.
 *
 * @throws {Error} If the folder holds a run and `resume` is off, or its settings differ.
 * @throws {RangeError} If more iterations are done than the settings ask for.
 */
async function claimRunFolder(
  directory: string,
  config: TrainingConfig,
  options: {
    resume: boolean;
    done: number | undefined;
    environment: EnvironmentFacts;
  },
): Promise<void> {
  const { resume, done, environment } = options;
  const fresh = done === undefined && await isFresh(directory);
  if (!fresh) {
    if (!resume) {
      throw new Error(
        `Cannot open run "${directory}" as it must be new unless it is resumed: it holds "config.json"`,
      );
    }
    const difference = differentSetting(config, await readRunConfig(directory));
    if (difference !== undefined) {
      throw new Error(
        `Cannot resume run "${directory}" as its settings must be the same: "${difference}" differs`,
      );
    }
    if (done !== undefined && done > config.iterations) {
      throw new RangeError(
        `Cannot resume run "${directory}" as "iterations" must be at least the ${done} that are done: current value is ${config.iterations}`,
      );
    }
  }
  await writeJson(`${directory}/config.json`, config);
  if (fresh) await writeJson(`${directory}/environment.json`, environment);
}

/** Whether nothing was recorded here, and `config.json`, if there is one, is a run's. */
async function isFresh(directory: string): Promise<boolean> {
  const rows = await readLines(`${directory}/metrics.jsonl`);
  if (rows.length > 0) return false;
  const text = await readIfThere(`${directory}/config.json`);
  if (text === undefined) return true;
  try {
    readStoredConfig(JSON.parse(text));
    return true;
  } catch {
    return false; // a file of another program is not replaced
  }
}

/** The path of a setting that differs, defaults filled in, other than the number of iterations and of Workers. */
export function differentSetting(
  config: TrainingConfig,
  before: TrainingConfig,
): string | undefined {
  const [now, then] = [config, before].map((settings): Json =>
    JSON.parse(JSON.stringify({
      ...settings,
      iterations: 0,
      replicas: { ...settings.replicas, workers: 0 },
    }))
  );
  return firstDifference(now!, then!);
}

/** Makes the folder. One process writes a run; the system releases the lock when that process ends, by a signal too. */
async function takeLock(directory: string): Promise<Deno.FsFile> {
  const cannot = `Cannot open run "${directory}" as`;
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(directory, { recursive: true });
    file = await Deno.open(`${directory}/lock`, { create: true, write: true });
  } catch (cause) {
    throw new Error(
      `${cannot} its folder must be writable: ${reasonOf(cause)}`,
      { cause },
    );
  }
  if (await file.tryLock(true)) return file;
  file.close();
  throw new Error(
    `${cannot} only one process may write it: another has it open`,
  );
}

/** Removes episodes of iterations that will be played again. */
async function dropEpisodes(directory: string, done: number): Promise<void> {
  const folder = `${directory}/trajectories`;
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name } of Deno.readDir(folder)) {
    const iteration = /^(\d{8})\.parquet$/.exec(name)?.[1];
    const whole = iteration !== undefined && Number(iteration) < done;
    if (!whole) await removeIfThere(`${folder}/${name}`);
  }
}

function eventsPath(directory: string): string {
  return `${directory}/events/events.out.tfevents.0.hiper`;
}

/** Makes the event file say what the metrics say. */
async function rewriteEvents(directory: string): Promise<void> {
  await Deno.mkdir(`${directory}/events`, { recursive: true });
  const timing = await readLines(`${directory}/timing.jsonl`);
  const metrics = await readLines(`${directory}/metrics.jsonl`);
  const start = Number(timing[0]?.finished ?? Date.now() / 1000);
  const parts = [encodeFileVersion(start)];
  for (const [i, { iteration, ...row }] of metrics.entries()) {
    const wallTime = Number(timing[i]?.finished ?? start);
    const scalars = row as Record<string, number>;
    parts.push(encodeScalars({ step: Number(iteration), wallTime, scalars }));
  }
  const whole = await new Blob(parts).bytes();
  await writeDurably(eventsPath(directory), whole);
}
