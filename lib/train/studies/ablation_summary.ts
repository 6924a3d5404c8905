/**
 * Summary of a grid: the mean of each cell with its interval, and paired differences from one cell.
 *
 * @module
 */

import { type ColumnTable, from } from "npm:arquero@7.2.0";
import { checkName } from "../../checks.ts";
import { createRandom } from "../../random.ts";
import { parseJson } from "../../text_file.ts";
import { mean } from "../../numeric.ts";
import {
  type AblationPlan,
  type AblationRun,
  cellName,
  listAblationRuns,
} from "./ablation.ts";
import { readIfThere, readLines } from "../runs/durable_file.ts";
import { toTable } from "../runs/parquet.ts";
import { bootstrapInterval, pairedDifference } from "./statistics.ts";

/** Settings of {@linkcode summarizeAblation}. */
export interface SummarizeAblationOptions {
  /** Metric: of the final evaluation, as `unseen/success_rate`, or of training, as `success_rate`. */
  readonly metric: string;
  /** Share of repetitions whose interval should hold the truth. @default {0.95} */
  readonly confidence?: number;
  /** Cell with which the others are compared, seed by seed. */
  readonly compareTo?: Readonly<Record<string, string>>;
  /** Last iterations that are averaged for a metric of training. @default {10} */
  readonly window?: number;
}

/**
 * Summarizes a grid's folder, finished and unfinished runs alike.
 *
 * @param options Which metric, and which cell to compare with.
 * @returns One row for each cell: `cell`, a column for each axis, `runs`, `mean`, `low`, `high`, and with
 * `compareTo` `difference`, `difference_low`, `difference_high`, `p_value` and `wins`.
 * @throws {Error} If the folder holds no grid.
 * @throws {RangeError} If no run has the metric, or there is no such cell.
 */
export async function summarizeAblation(
  directory: string,
  options: SummarizeAblationOptions,
): Promise<ColumnTable> {
  const { metric, confidence = 0.95, compareTo, window = 10 } = options;
  const plan = await readPlan(directory);
  const values = new Map<string, Map<number, number>>();
  const cells = new Map<string, AblationRun["cell"]>();
  for (const run of listAblationRuns(plan, directory)) {
    const name = cellName(run.cell);
    cells.set(name, run.cell);
    const value = await finalValue(run.directory, metric, window);
    const ofCell = values.get(name) ?? new Map<number, number>();
    if (value !== undefined) ofCell.set(run.seed, value);
    values.set(name, ofCell);
  }
  if ([...values.values()].every((ofCell) => ofCell.size === 0)) {
    throw new RangeError(
      `Cannot summarize an ablation as its runs must have the metric: current value is "${metric}"`,
    );
  }
  if (compareTo) {
    const names = [...cells.keys()];
    checkName("compare cells", cellName(compareTo), { what: "a cell", names });
  }
  const reference = compareTo && values.get(cellName(compareTo));
  const random = createRandom(0).fork("ablation", metric);
  const rows = [...cells].map(([name, cell]) => {
    const ofCell = values.get(name)!;
    const { estimate, low, high } = bootstrapInterval([...ofCell.values()], {
      random,
      level: confidence,
    });
    return {
      cell: name,
      ...cell,
      runs: ofCell.size,
      mean: finite(estimate),
      low: finite(low),
      high: finite(high),
      ...(reference ? differences(ofCell, reference, confidence) : {}),
    };
  });
  return from(rows);
}

/**
 * Reads the metrics of every iteration of a grid, for learning curves by cell.
 *
 * @returns One row for each iteration of each run: `cell`, `seed`, `iteration` and every metric of any run;
 * what an iteration does not have is `null`.
 * @throws {Error} If the folder holds no grid.
 */
export async function readAblationMetrics(
  directory: string,
): Promise<ColumnTable> {
  const rows: Record<string, unknown>[] = [];
  for (const run of listAblationRuns(await readPlan(directory), directory)) {
    const { seed } = run, cell = cellName(run.cell);
    for (const row of await readLines(`${run.directory}/metrics.jsonl`)) {
      rows.push({ cell, seed, ...row });
    }
  }
  return toTable(rows);
}

/** Differences on the seeds that both cells have. */
function differences(
  cell: ReadonlyMap<number, number>,
  reference: ReadonlyMap<number, number>,
  level: number,
): Record<string, number | null> {
  const seeds = [...cell.keys()].filter((seed) => reference.has(seed));
  const found = pairedDifference(
    seeds.map((seed) => cell.get(seed)!),
    seeds.map((seed) => reference.get(seed)!),
    { random: createRandom(0).fork("paired"), level },
  );
  return {
    difference: finite(found.estimate),
    difference_low: finite(found.low),
    difference_high: finite(found.high),
    p_value: seeds.length > 0 ? found.pValue : null,
    wins: finite(found.wins),
  };
}

async function readPlan(directory: string): Promise<AblationPlan> {
  const text = await readIfThere(`${directory}/plan.json`);
  if (text === undefined) {
    throw new Error(
      `Cannot summarize an ablation as its folder must hold "plan.json": current value is "${directory}"`,
    );
  }
  return parseJson(text, `${directory}/plan.json`) as AblationPlan;
}

/** The number of the final evaluation, or the mean over the last iterations that have it. */
async function finalValue(
  directory: string,
  metric: string,
  window: number,
): Promise<number | undefined> {
  const final = await readIfThere(`${directory}/evaluation.json`);
  const evaluated =
    (final === undefined
      ? {}
      : parseJson(final, `${directory}/evaluation.json`)) as Record<
        string,
        number
      >;
  if (evaluated[metric] !== undefined) return evaluated[metric];
  const rows = await readLines(`${directory}/metrics.jsonl`);
  const values = rows.flatMap((row) =>
    typeof row[metric] === "number" ? [row[metric]] : []
  );
  return values.length > 0 ? mean(values.slice(-window)) : undefined;
}

/** A number for a cell; `null` where there is none. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
