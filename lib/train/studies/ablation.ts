/**
 * A grid of changes times seeds: runs them side by side, skips what is done, sums them up.
 *
 * @module
 */

import { checkPositiveInteger } from "../../checks.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../config/config.ts";
import { readIfThere, readLines, writeJson } from "../runs/durable_file.ts";
import type { AblationHandlers, AblationNews } from "./ablation_worker.ts";
import { connectWorker, type RemoteWorker } from "../../rpc.ts";
import { differentSetting, readRunConfig } from "../runs/run_store.ts";

/** A grid: settings, what to change in them, and how often to repeat it. Plain JSON. */
export interface AblationPlan {
  /** Settings that all cells share. */
  readonly base: PartialDeep<TrainingConfig>;
  /** For each axis the changes by their label; cells are the product of the axes. */
  readonly axes: Readonly<
    Record<string, Readonly<Record<string, PartialDeep<TrainingConfig>>>>
  >;
  /** Seeds of the runs of every cell. */
  readonly seeds: readonly number[];
}

/** One run of a grid. */
export interface AblationRun {
  /** Label on each axis. */
  readonly cell: Readonly<Record<string, string>>;
  /** Seed of the run. */
  readonly seed: number;
  /** The run's folder. */
  readonly directory: string;
  /** Every setting of the run. */
  readonly config: TrainingConfig;
}

/** News of a grid that is being run. */
export interface AblationProgress {
  /** The run it is about. */
  readonly run: AblationRun;
  /** Runs that are over, the skipped ones included. */
  readonly finished: number;
  /** Runs of the grid. */
  readonly total: number;
  /** The iteration that was just done; absent when a run ended. */
  readonly iteration?: number;
  /** Its metrics. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Why the run failed, if it did; the others go on. */
  readonly failure?: string;
}

/** How a grid is run. */
export interface RunAblationOptions {
  /** Folder of the grid; each run has one below. */
  readonly directory: string;
  /** Runs at a time, each in a Worker of its own. @default {processor cores} */
  readonly concurrency?: number;
  /** Lets every run save and end. */
  readonly signal?: AbortSignal;
}

/**
 * Lists the runs of a grid, all cells of the first seed before any of the second.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { listAblationRuns } from "@hiper/lab/studies";
 *
 * const runs = listAblationRuns({
 *   base: { worlds: [{ kind: "corridor" }] },
 *   axes: { credit: { hae: {}, gae: { estimator: { name: "gae" } } } },
 *   seeds: [1, 2],
 * }, "runs/credit");
 * deepStrictEqual(runs.map((run) => run.directory), [
 *   "runs/credit/credit=hae/1",
 *   "runs/credit/credit=gae/1",
 *   "runs/credit/credit=hae/2",
 *   "runs/credit/credit=gae/2",
 * ]);
 * ```
 *
 * @param directory Its folder.
 * @returns Runs in the order in which they are started.
 * @throws {TypeError} If a setting is unknown or does not fit.
 * @throws {RangeError} If there are no seeds, an axis has no changes, or a label is not a file name.
 */
export function listAblationRuns(
  plan: AblationPlan,
  directory: string,
): AblationRun[] {
  const { base, axes, seeds } = plan;
  if (seeds.length === 0) {
    throw new RangeError("Cannot list an ablation as it must have a seed");
  }
  const cells = product(axes);
  return seeds.flatMap((seed) =>
    cells.map((cell) => ({
      cell,
      seed,
      directory: `${directory}/${cellName(cell)}/${seed}`,
      config: defineConfig(
        base,
        ...Object.entries(cell).map(([axis, label]) => axes[axis]![label]!),
        { seed },
      ),
    }))
  );
}

/** Names a cell, as its folder is named: `axis=label`, joined by commas; `all` for a grid without axes. */
export function cellName(cell: Readonly<Record<string, string>>): string {
  const labels = Object.entries(cell).map((pair) => pair.join("="));
  return labels.length > 0 ? labels.join(",") : "all";
}

function product(axes: AblationPlan["axes"]): Record<string, string>[] {
  let cells: Record<string, string>[] = [{}];
  for (const [axis, changes] of Object.entries(axes)) {
    const labels = Object.keys(changes);
    const wrong = [axis, ...labels].find((label) => !/^[\w.+ -]+$/.test(label));
    if (labels.length === 0 || wrong !== undefined) {
      throw new RangeError(
        `Cannot list an ablation as axis "${axis}" must have changes with labels that can name a folder: current value is "${
          wrong ?? ""
        }"`,
      );
    }
    cells = cells.flatMap((cell) =>
      labels.map((label) => ({ ...cell, [axis]: label }))
    );
  }
  return cells;
}

/**
 * Runs a grid, several runs at a time; runs that are finished are skipped, interrupted ones go on.
 *
 * @param plan The grid; kept in the folder as `plan.json`.
 * @param options Where, how many at a time, and a signal to stop.
 * @returns News as they come; their order depends on timing, the runs do not.
 * @throws {RangeError} If `concurrency` is not a positive integer.
 * @throws {TypeError} If a setting is unknown or does not fit.
 */
export async function* runAblation(
  plan: AblationPlan,
  options: RunAblationOptions,
): AsyncGenerator<AblationProgress, void, void> {
  const { directory, signal } = options;
  const { concurrency = navigator.hardwareConcurrency } = options;
  checkPositiveInteger("run an ablation", { concurrency });
  const runs = listAblationRuns(plan, directory);
  await Deno.mkdir(directory, { recursive: true });
  await writeJson(`${directory}/plan.json`, plan);
  const waiting: AblationRun[] = [];
  for (const run of runs) if (!await isFinished(run)) waiting.push(run);
  const total = runs.length;
  let finished = total - waiting.length;
  const running = new RunningRuns(signal);
  try {
    while (true) {
      while (
        running.size < concurrency && waiting.length > 0 && !signal?.aborted
      ) {
        running.start(waiting.shift()!);
      }
      if (running.size === 0) return;
      const { run, news, failure } = await running.next();
      if (news) {
        yield { run, finished, total, ...news };
        continue;
      }
      running.leave(run);
      finished++;
      yield failure === undefined
        ? { run, finished, total }
        : { run, finished, total, failure };
    }
  } finally {
    running.end();
  }
}

/** Whether a run has all its iterations and its closing evaluation. */
async function isFinished(
  { directory, config }: AblationRun,
): Promise<boolean> {
  if (await readIfThere(`${directory}/evaluation.json`) === undefined) {
    return false;
  }
  // A run with other settings is another run: it is tried, and refused with the reason.
  const before = await readRunConfig(directory);
  if (differentSetting(config, before) !== undefined) return false;
  const rows = await readLines(`${directory}/metrics.jsonl`);
  return rows.length >= config.iterations;
}

/** Something that a run reports: news of an iteration, its failure, or neither at its end. */
interface RunReport {
  readonly run: AblationRun;
  readonly news?: AblationNews;
  readonly failure?: string;
}

/** Runs in Workers of their own, and their unread reports. */
class RunningRuns {
  readonly #workers = new Map<AblationRun, RemoteWorker<AblationHandlers>>();
  readonly #unread: RunReport[] = [];
  #wake: () => void = () => {};
  readonly #signal: AbortSignal | undefined;
  readonly #stop = () => {
    for (const worker of this.#workers.values()) {
      worker.call("stop", undefined).catch(() => {}); // a run that is over need not stop
    }
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#stop);
  }

  get size(): number {
    return this.#workers.size;
  }

  start(run: AblationRun): void {
    const { directory, config } = run;
    const url = new URL("./ablation_worker.ts", import.meta.url);
    const worker = connectWorker<AblationHandlers>(
      url,
      `finish the run in "${directory}"`,
    );
    this.#workers.set(run, worker);
    const report = (one: Omit<RunReport, "run">) => {
      this.#unread.push({ run, ...one });
      this.#wake();
    };
    worker.call(
      "run",
      { directory, config },
      (news) => report({ news: news as AblationNews }),
    ).then(
      () => report({}),
      (error: Error) => report({ failure: error.message }),
    );
  }

  async next(): Promise<RunReport> {
    while (this.#unread.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#unread.shift()!;
  }

  leave(run: AblationRun): void {
    this.#workers.get(run)?.end("its report was read");
    this.#workers.delete(run);
  }

  end(): void {
    this.#signal?.removeEventListener("abort", this.#stop);
    for (const run of [...this.#workers.keys()]) this.leave(run);
  }
}
