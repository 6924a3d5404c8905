/**
 * Figures about learning: curves over iterations, success by kind of task, ablations side by side.
 *
 * @module
 */

import type { ColumnTable } from "npm:arquero@7.2.0";
import { mean, wilsonInterval } from "../numeric.ts";
import type { DecisionName } from "../trajectory.ts";
import {
  bandTraces,
  DECISION_COLORS,
  type Figure,
  figureLayout,
  GRAY,
  lineTrace,
  type PlotlyRecord,
  readRows,
  seriesColor,
} from "./figure.ts";

/** How to draw a {@linkcode learningCurve}. */
export interface LearningCurveOptions {
  /** Column to draw. */
  readonly metric: string;
  /** Column whose values become series; one series when absent. */
  readonly by?: string;
  /** Iterations averaged into each point, the point's own and those before it. @default {1} */
  readonly smooth?: number;
  /** Label of the vertical axis, with its unit. @default {options.metric} */
  readonly label?: string;
}

type Row = PlotlyRecord;

/** Values of all runs for each iteration, in the order of iterations. */
function curveOf(rows: readonly Row[], metric: string): Map<number, number[]> {
  const values = new Map<number, number[]>();
  for (const row of rows) {
    const value = row[metric];
    if (typeof value !== "number" || !Number.isFinite(value)) continue;
    const iteration = Number(row["iteration"]);
    values.set(iteration, [...values.get(iteration) ?? [], value]);
  }
  return new Map([...values].toSorted(([a], [b]) => a - b));
}

function smoothed(values: readonly number[], window: number): number[] {
  return values.map((_, i) =>
    mean(values.slice(Math.max(0, i - window + 1), i + 1))
  );
}

/**
 * Draws a metric over iterations: the mean over runs, and the range over runs as a band.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { strictEqual } from "node:assert/strict";
 * import { learningCurve } from "@hiper/lab";
 *
 * const metrics = aq.table({ iteration: [0, 1], success_rate: [0.1, 0.4] });
 * const { data } = learningCurve(metrics, { metric: "success_rate" });
 * strictEqual(data.length, 1); // one run: a line, no band
 * ```
 *
 * @param metrics One row for each iteration of each run, with a column `iteration`.
 * @param options Which column, and how to split and smooth it.
 * @returns The figure.
 * @throws {TypeError} If the table lacks a column.
 */
export function learningCurve(
  metrics: ColumnTable,
  options: LearningCurveOptions,
): Figure {
  const { metric, by, smooth = 1, label = metric } = options;
  const rows = readRows(metrics, ["iteration", metric, ...(by ? [by] : [])]);
  const groups = Map.groupBy(rows, (row) => by ? String(row[by]) : "");
  const data = [...groups].flatMap(([name, group], index) => {
    const curve = curveOf(group, metric);
    const values = [...curve.values()], x = [...curve.keys()];
    const over = (pick: (values: readonly number[]) => number) =>
      smoothed(values.map(pick), smooth);
    const color = seriesColor(index);
    const line = lineTrace(x, over(mean), color, {
      mode: "lines",
      ...(by ? { name } : { showlegend: false }),
    });
    if (!values.some((ofRuns) => ofRuns.length > 1)) return [line];
    const low = over((ofRuns) => Math.min(...ofRuns));
    const high = over((ofRuns) => Math.max(...ofRuns));
    return [...bandTraces(x, low, high, color), line];
  });
  const title = `${label} while learning`;
  return { data, layout: figureLayout({ title, x: "iteration", y: label }) };
}

/** How to draw an {@linkcode intervalCurve}. */
export interface IntervalCurveOptions {
  /** The question the figure answers. */
  readonly title: string;
  /** Label of the vertical axis, with its unit. */
  readonly y: string;
  /** Whether the vertical axis shows shares, from 0 to 1. @default {false} */
  readonly share?: boolean;
}

/** Largest number of points that each get a marker. */
const FEW = 20;

interface EstimateRow
  extends Readonly<Record<"iteration" | "mean" | "low" | "high", number>> {
  readonly series: string;
}

/**
 * Draws estimates over iterations with their intervals as bands; no band where an interval has no width.
 *
 * A series named after a decision has the decision's color.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { strictEqual } from "node:assert/strict";
 * import { intervalCurve } from "@hiper/lab/plots";
 *
 * const rows = aq.table({
 *   series: ["hae", "hae"],
 *   iteration: [0, 1],
 *   mean: [0.1, 0.4],
 *   low: [0.05, 0.3],
 *   high: [0.2, 0.5],
 * });
 * const figure = intervalCurve(rows, { title: "Does it learn?", y: "success" });
 * strictEqual(figure.data.length, 3); // low edge, band, line
 * ```
 *
 * @param rows Columns `series`, `iteration`, `mean`, `low` and `high`.
 * @param options Title and vertical axis.
 * @returns The figure.
 */
export function intervalCurve(
  rows: ColumnTable,
  options: IntervalCurveOptions,
): Figure {
  const { title, y, share = false } = options;
  const columns = ["series", "iteration", "mean", "low", "high"] as const;
  const groups = Map.groupBy(
    readRows<EstimateRow>(rows, columns),
    (row) => row.series,
  );
  const data = [...groups].flatMap(([name, group], index) => {
    const sorted = group.toSorted((a, b) => a.iteration - b.iteration);
    const x = sorted.map((row) => row.iteration);
    const color = DECISION_COLORS[name as DecisionName] ?? seriesColor(index);
    const line = lineTrace(x, sorted.map((row) => row.mean), color, {
      mode: x.length > FEW ? "lines" : "lines+markers",
      ...{ name, showlegend: groups.size > 1 },
    });
    if (sorted.every((row) => row.high === row.low)) return [line];
    const low = sorted.map((row) => row.low);
    const high = sorted.map((row) => row.high);
    return [...bandTraces(x, low, high, color), line];
  });
  const yaxis = share ? { range: [-0.03, 1.03] } : {};
  return { data, layout: figureLayout({ title, x: "iteration", y, yaxis }) };
}

/**
 * Draws success by kind of task, splits side by side, with 95 % Wilson intervals.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { strictEqual } from "node:assert/strict";
 * import { successByTaskType } from "@hiper/lab/plots";
 *
 * const figure = successByTaskType(aq.table({
 *   split: ["seen", "unseen"],
 *   task_type: ["heat", "heat"],
 *   success_rate: [0.9, 0.8],
 *   episodes: [100, 100],
 * }));
 * strictEqual(figure.data.length, 2);
 * ```
 *
 * @param table Columns `split`, `task_type`, `success_rate` in `[0, 1]` and `episodes`.
 * @returns The figure.
 * @throws {TypeError} If the table lacks a column.
 */
export function successByTaskType(table: ColumnTable): Figure {
  const columns = ["split", "task_type", "success_rate", "episodes"];
  const groups = Map.groupBy(
    readRows(table, columns),
    (row) => String(row["split"]),
  );
  const data = [...groups].map(([name, group], index) => {
    const rates = group.map((row) => Number(row["success_rate"]));
    const bounds = group.map((row, i) =>
      wilsonInterval(rates[i]!, Number(row["episodes"]))
    );
    return {
      type: "bar",
      name,
      x: group.map((row) => String(row["task_type"])),
      y: rates,
      marker: { color: seriesColor(index) },
      error_y: {
        type: "data",
        color: GRAY,
        array: bounds.map(([, high], i) => high - rates[i]!),
        arrayminus: bounds.map(([low], i) => rates[i]! - low),
      },
    };
  });
  const layout = figureLayout({
    title: "Success by kind of task",
    x: "kind of task",
    y: "success rate (95 % interval)",
    yaxis: { range: [0, 1.04] },
    extra: { barmode: "group" },
  });
  return { data, layout };
}

interface AblationRow
  extends Readonly<Record<"mean" | "low" | "high", number>> {
  readonly cell: string;
}

/**
 * Draws cells of an ablation as points with intervals, one line each.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { deepStrictEqual } from "node:assert/strict";
 * import { ablationForest } from "@hiper/lab/plots";
 *
 * const summary = aq.table({ cell: ["hae", "gae"], mean: [0.9, 0.7], low: [0.8, 0.5], high: [0.95, 0.8] });
 * deepStrictEqual(ablationForest(summary, { metric: "success_rate" }).data[0]!["x"], [0.9, 0.7]);
 * ```
 *
 * @param summary Columns `cell`, `mean`, `low` and `high`.
 * @param options What was measured, with its unit, and what the intervals are over. @default {"seeds"}
 * @returns The figure.
 * @throws {TypeError} If the table lacks a column.
 */
export function ablationForest(
  summary: ColumnTable,
  options: { readonly metric: string; readonly over?: string },
): Figure {
  const { metric, over = "seeds" } = options;
  const rows = readRows<AblationRow>(summary, ["cell", "mean", "low", "high"]);
  const data = [{
    type: "scatter",
    mode: "markers",
    x: rows.map((row) => Number(row.mean)),
    y: rows.map((row) => String(row.cell)),
    marker: { color: rows.map((_, i) => seriesColor(i)), size: 11 },
    error_x: {
      type: "data",
      color: GRAY,
      array: rows.map((row) => Number(row.high) - Number(row.mean)),
      arrayminus: rows.map((row) => Number(row.mean) - Number(row.low)),
    },
    showlegend: false,
  }];
  const layout = figureLayout({
    title: metric,
    x: `${metric} (95 % interval over ${over})`,
    y: "",
    height: 140 + 34 * rows.length,
    extra: {
      yaxis: { automargin: true, type: "category", autorange: "reversed" },
      margin: { l: 170, r: 24, t: 56, b: 56 },
    },
  });
  return { data, layout };
}
