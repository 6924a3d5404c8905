/**
 * A study of credit over episodes of growing length: every method is tuned alike on seeds of its own, then trained
 * on the reported seeds, for the same number of episodes, and evaluated on the same episodes.
 *
 * Each run is one file, so that a stopped study goes on with the run that was interrupted.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { createRandom } from "../../random.ts";
import { readSettings } from "../../settings.ts";
import { isObject, parseJson } from "../../text_file.ts";
import { assembleTraining } from "../assemble.ts";
import {
  defineConfig,
  readStoredConfig,
  type TrainingConfig,
  type WorldConfig,
} from "../config/config.ts";
import type { EnvSpec } from "../../envs/text_env.ts";
import { type Json, parseSettings } from "../config/settings.ts";
import { scheduleEvaluation } from "../evaluation.ts";
import { readIfThere, writeJson } from "../runs/durable_file.ts";
import { differentSetting } from "../runs/run_store.ts";

const settings = z.record(z.string(), z.json());
/** Settings by their dotted paths. */
const point = z.record(z.string(), z.json());
const axes = z.array(z.array(point).nonempty());
const seeds = z.array(z.int()).nonempty();

/** The schema of a study's file. */
export const HORIZON_STUDY: z.ZodType<HorizonStudy> = z.strictObject({
  about: z.string().optional().describe("What the study asks"),
  base: settings.describe("Settings that all runs share"),
  horizons: z.record(z.string(), settings).describe(
    "Changes for each length of episodes, from short to long",
  ),
  methods: z.record(
    z.string(),
    z.strictObject({
      settings: settings.describe("Changes for the method"),
      tune: axes.optional().describe(
        "Further axes to tune, lists of settings by dotted path",
      ),
    }),
  ).describe("Changes for each method; the first is what others compare with"),
  tune: axes.describe("Axes that are tuned for every method"),
  tuning: z.strictObject({
    horizons: z.array(z.string()).nonempty(),
    seeds,
    apart: z.boolean().optional().describe(
      "Whether settings are chosen for each horizon apart, which must then all be tuned on",
    ),
  }).describe("Where the settings are chosen; these seeds are not reported"),
  seeds: seeds.describe("Reported seeds"),
  panel: z.strictObject({ tasks: z.int().min(1), seed: z.int() }).describe(
    "Episodes that every trained policy plays, the same for every run of a horizon",
  ),
});

/** Settings by their dotted paths. */
export type TuningPoint = Readonly<Record<string, Json>>;

/** A study's file. */
export interface HorizonStudy {
  /** What the study asks. */
  about?: string | undefined;
  /** Settings that all runs share. */
  base: TuningPoint;
  /** Changes for each length of episodes, from short to long. */
  horizons: Record<string, TuningPoint>;
  /** Changes for each method, and axes that it alone tunes; the first is what others compare with. */
  methods: Record<
    string,
    { settings: TuningPoint; tune?: TuningPoint[][] | undefined }
  >;
  /** Axes that are tuned for every method. */
  tune: TuningPoint[][];
  /** Where the settings are chosen; these seeds are not reported. */
  tuning: {
    horizons: string[];
    seeds: number[];
    /** Whether settings are chosen for each horizon apart. */
    apart?: boolean | undefined;
  };
  /** Reported seeds. */
  seeds: number[];
  /** Episodes that every trained policy plays, the same for every run of a horizon. */
  panel: { tasks: number; seed: number };
}

/** One run of a study. */
export interface HorizonRun {
  /** Whether the run chooses settings or is reported. */
  readonly phase: "tuning" | "reported";
  /** Name of the horizon. */
  readonly horizon: string;
  /** Name of the method. */
  readonly method: string;
  /** The tuned settings. */
  readonly point: TuningPoint;
  /** Seed of the run. */
  readonly seed: number;
}

/** What a run found. */
export interface HorizonRecord extends HorizonRun {
  /** Every setting of the run. */
  readonly settings: Json;
  /** One row for each iteration: `success_rate`, `score`, `turns`, `segment_length`, `switch_rate` of its episodes. */
  readonly curve: readonly Readonly<Record<string, number>>[];
  /** The trained policy's episodes on the panel, in the panel's order. */
  readonly panel: readonly {
    readonly id: string;
    readonly success: boolean;
    readonly score: number;
    readonly turns: number;
  }[];
  /** Wall-clock seconds of the run. */
  readonly seconds: number;
}

/** News of a study: a run that is over, or that was found done. */
export interface HorizonNews {
  /** The run. */
  readonly run: HorizonRecord;
  /** Runs that are over, this one included. */
  readonly finished: number;
  /** Runs of the study. */
  readonly total: number;
  /** Whether it had been done before. */
  readonly found: boolean;
}

/** How a study is run. */
export interface RunHorizonStudyOptions {
  /** Folder of the runs. */
  readonly directory: string;
  /** Stops before the next iteration. */
  readonly signal?: AbortSignal;
}

/** Metrics of an iteration that a record keeps. */
const KEPT = [
  "success_rate",
  "score",
  "turns",
  "segment_length",
  "switch_rate",
  "explained_variance/execution",
  "approximate_kl",
] as const;

/**
 * Reads a study's file.
 *
 * @throws {TypeError} If a key is unknown or of the wrong kind, or a tuning horizon is none of the study's.
 */
export function readHorizonStudy(study: unknown): HorizonStudy {
  const read = readSettings(HORIZON_STUDY, study, "read the study");
  const unknown = read.tuning.horizons.find((name) => !(name in read.horizons));
  const untuned = Object.keys(read.horizons)
    .find((name) => !read.tuning.horizons.includes(name));
  if (read.tuning.apart && untuned !== undefined) {
    throw new TypeError(
      `Cannot read the study as "tuning.horizons" must have every horizon where settings are chosen apart: it lacks "${untuned}"`,
    );
  }
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot read the study as "tuning.horizons" must name horizons of the study: current value is "${unknown}"`,
    );
  }
  return read;
}

/** Lists the runs that choose settings, in the order in which they are played. */
export function listTuningRuns(study: HorizonStudy): HorizonRun[] {
  const { tuning, methods } = study;
  return tuning.seeds.flatMap((seed) =>
    Object.keys(methods).flatMap((method) =>
      tuning.horizons.flatMap((horizon) =>
        pointsOf(study, method).map((point) => ({
          phase: "tuning" as const,
          ...{ horizon, method, point, seed },
        }))
      )
    )
  );
}

/**
 * Lists the reported runs: horizon after horizon, and in each all methods of the first seed before any of the second.
 *
 * @param tuning Finished tuning runs, which decide the settings.
 */
export function listReportedRuns(
  study: HorizonStudy,
  tuning: readonly TuningRecord[],
): HorizonRun[] {
  return Object.keys(study.horizons).flatMap((horizon) =>
    study.seeds.flatMap((seed) =>
      [...chooseSettings(study, tuning, horizon).chosen].map((
        [method, point],
      ) => ({
        phase: "reported" as const,
        ...{ horizon, method, point, seed },
      }))
    )
  );
}

/** Every combination of a method's axes. */
function pointsOf(study: HorizonStudy, method: string): TuningPoint[] {
  const axes = [...study.tune, ...study.methods[method]!.tune ?? []];
  return axes.reduce<TuningPoint[]>(
    (points, axis) =>
      points.flatMap((point) => axis.map((more) => ({ ...point, ...more }))),
    [{}],
  );
}

/** What a choice of settings needs of a tuning run. */
export type TuningRecord = Pick<
  HorizonRecord,
  "horizon" | "method" | "point" | "curve"
>;

/**
 * Chooses the settings of each method: those with the greatest share of successful training episodes, over all
 * iterations, tuning horizons and tuning seeds.
 *
 * @param records Finished tuning runs.
 * @param horizon Where the settings are used; only its own runs count where the study chooses for each apart.
 * @returns The settings by method, and every point that was tried with its share.
 */
export function chooseSettings(
  study: HorizonStudy,
  records: readonly TuningRecord[],
  horizon?: string,
): {
  chosen: Map<string, TuningPoint>;
  tried: { method: string; point: TuningPoint; success: number }[];
} {
  const own = study.tuning.apart && horizon !== undefined
    ? records.filter((one) => one.horizon === horizon)
    : records;
  const chosen = new Map<string, TuningPoint>();
  const tried = [];
  for (const method of Object.keys(study.methods)) {
    let best = -1;
    for (const point of pointsOf(study, method)) {
      const key = JSON.stringify(point);
      const successes = own
        .filter((one) =>
          one.method === method && JSON.stringify(one.point) === key
        )
        .map(meanSuccess);
      const success = successes.reduce((a, b) => a + b, 0) / successes.length;
      tried.push({ method, point, success });
      if (success > best) {
        best = success;
        chosen.set(method, point);
      }
    }
  }
  return { chosen, tried };
}

/** Share of successful training episodes of a run: the area under its learning curve. */
export function meanSuccess({ curve }: Pick<HorizonRecord, "curve">): number {
  return curve.reduce((sum, row) => sum + row.success_rate!, 0) / curve.length;
}

/** Every setting of a run. */
export function horizonConfig(
  study: HorizonStudy,
  run: HorizonRun,
): TrainingConfig {
  const words = Object.entries(run.point)
    .map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  return defineConfig(
    study.base,
    study.horizons[run.horizon]!,
    study.methods[run.method]!.settings,
    parseSettings(words),
    { seed: run.seed },
  );
}

/**
 * Runs a study: tuning, then the reported runs; runs that are done are read from their files.
 *
 * @param study A study as {@linkcode readHorizonStudy} gives it.
 * @param options The folder, and a signal to stop by.
 * @returns News of every run in a fixed order.
 * @throws {Error} If the folder holds a run with other settings; the message names both.
 */
export async function* runHorizonStudy(
  study: HorizonStudy,
  options: RunHorizonStudyOptions,
): AsyncGenerator<HorizonNews, void, void> {
  const { directory } = options;
  for (const phase of ["tuning", "reported"]) {
    await Deno.mkdir(`${directory}/${phase}`, { recursive: true });
  }
  const tuning = listTuningRuns(study);
  const reported = study.seeds.length * Object.keys(study.horizons).length *
    Object.keys(study.methods).length;
  const total = tuning.length + reported;
  let finished = 0;
  const records: HorizonRecord[] = [];
  for (const run of tuning) {
    const news = await findOrPlay(study, run, options);
    records.push(news.run);
    yield { ...news, finished: ++finished, total };
  }
  for (const run of listReportedRuns(study, records)) {
    const news = await findOrPlay(study, run, options);
    yield { ...news, finished: ++finished, total };
  }
}

/**
 * Reads the finished runs of a study, without playing.
 *
 * @returns Records of both phases, and whether all of them are done.
 */
export async function readHorizonRecords(
  study: HorizonStudy,
  directory: string,
): Promise<{ records: HorizonRecord[]; complete: boolean }> {
  const find = async (runs: readonly HorizonRun[]) =>
    await Promise.all(
      runs.map((run) => readRecord(study, run, directory)),
    );
  const tuning = await find(listTuningRuns(study));
  const tuned = tuning.filter((one) => one !== undefined);
  if (tuned.length < tuning.length) return { records: tuned, complete: false };
  const all = await find(listReportedRuns(study, tuned));
  const done = all.filter((one) => one !== undefined);
  return {
    records: [...tuned, ...done],
    complete: done.length === all.length,
  };
}

async function findOrPlay(
  study: HorizonStudy,
  run: HorizonRun,
  options: RunHorizonStudyOptions,
): Promise<{ run: HorizonRecord; found: boolean }> {
  const { directory, signal } = options;
  const found = await readRecord(study, run, directory);
  if (found) return { run: found, found: true };
  signal?.throwIfAborted();
  const record = await playRun(study, run, signal);
  await writeJson(fileOf(run, directory), record);
  return { run: record, found: false };
}

/** The record of a run that is done. */
async function readRecord(
  study: HorizonStudy,
  run: HorizonRun,
  directory: string,
): Promise<HorizonRecord | undefined> {
  const path = fileOf(run, directory);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const record = parseJson(text, path);
  const wanted = horizonConfig(study, run);
  const before = readStoredConfig(isObject(record) ? record.settings : {});
  const differs = wanted.iterations === before.iterations
    ? differentSetting(wanted, before)
    : "iterations";
  if (differs === undefined) return record as HorizonRecord;
  throw new Error(
    `Cannot go on with the study as "${path}" must hold a run with its settings: "${differs}" differs; another "--out" begins anew`,
  );
}

function fileOf(
  { phase, horizon, method, point, seed }: HorizonRun,
  directory: string,
): string {
  const values = Object.values(point).map((value) => JSON.stringify(value));
  const name = [horizon, method, ...values, seed].join(" ")
    .replace(/[^\w.+-]+/g, "_");
  return `${directory}/${phase}/${name}.json`;
}

async function playRun(
  study: HorizonStudy,
  run: HorizonRun,
  signal: AbortSignal | undefined,
): Promise<HorizonRecord> {
  const before = performance.now();
  const config = horizonConfig(study, run);
  await using training = await assembleTraining(config, {
    ...(signal && { signal }),
  });
  const curve: Record<string, number>[] = [];
  for await (const { metrics } of training) {
    const kept = KEPT.filter((name) => metrics[name] !== undefined);
    curve.push(Object.fromEntries(kept.map((name) => [name, metrics[name]!])));
  }
  const { trajectories } = await training.evaluate(
    undefined,
    panelOf(study, config),
  );
  return {
    ...run,
    settings: plain(config),
    curve,
    panel: trajectories.map(({ id, success, score, turns }) => ({
      ...{ id, success, score },
      turns: turns.length,
    })),
    seconds: Math.round((performance.now() - before) / 10) / 100,
  };
}

/** The episodes that every policy of a horizon plays, whatever its seed. */
function panelOf(
  { panel: { tasks, seed } }: HorizonStudy,
  { worlds, rollout: { maxTurns } }: TrainingConfig,
) {
  const specs = worlds.flatMap((world) => isEnvSpec(world) ? [world] : []);
  return scheduleEvaluation({ panel: specs }, {
    random: createRandom(seed).fork("panel"),
    tasks,
    maxTurns,
  });
}

/** Whether worlds are one world, not a family: only those are alike for every run. */
function isEnvSpec(world: WorldConfig): world is EnvSpec {
  return "kind" in world;
}

function plain(config: TrainingConfig): Json {
  return JSON.parse(JSON.stringify(config));
}
