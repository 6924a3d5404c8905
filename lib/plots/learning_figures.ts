/**
 * Figures about learning: curves over iterations, success by kind of task, ablations side by side.
 *
 * @module
 */

import type { ColumnTable } from "arquero";
import { mean } from "../numeric.ts";
import { type Figure, houseLayout, seriesColor, translucent } from "./theme.ts";
import { wilsonInterval } from "./wilson_interval.ts";

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

/** Of the bars of intervals; seen on light and on dark pages. */
const ERROR_COLOR = "#7F7F7F";

type Row = Readonly<Record<string, unknown>>;

function rowsOf(table: ColumnTable, columns: readonly string[]): Row[] {
  for (const column of columns) {
    if (!table.columnNames().includes(column)) {
      throw new TypeError(
        `Cannot draw a figure as the table must have a column "${column}": its columns are ${
          table.columnNames().map((name) => `"${name}"`).join(", ")
        }`,
      );
    }
  }
  return table.objects() as Row[];
}

/** Rows by the text of one column, in order of first appearance. */
function groupRows(
  rows: readonly Row[],
  column: string | undefined,
): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = column === undefined ? "" : String(row[column]);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

/** Mean and range over runs for each iteration. */
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
  const rows = rowsOf(metrics, ["iteration", metric, ...(by ? [by] : [])]);
  const data = [...groupRows(rows, by)].flatMap(([name, group], index) => {
    const curve = curveOf(group, metric);
    const x = [...curve.keys()];
    const color = seriesColor(index);
    const line = {
      type: "scatter",
      mode: "lines",
      x,
      y: smoothed([...curve.values()].map(mean), smooth),
      line: { color, width: 2 },
      ...(by ? { name } : { showlegend: false }),
    };
    const runs = Math.max(
      ...[...curve.values()].map((values) => values.length),
    );
    if (!(runs > 1)) return [line];
    const edge = (pick: (...values: number[]) => number) => ({
      type: "scatter",
      mode: "lines",
      x,
      y: smoothed([...curve.values()].map((values) => pick(...values)), smooth),
      line: { width: 0, color },
      hoverinfo: "skip",
      showlegend: false,
    });
    return [edge(Math.min), {
      ...edge(Math.max),
      fill: "tonexty",
      fillcolor: translucent(color, 0.2),
    }, line];
  });
  const layout = houseLayout({
    title: `${label} while learning`,
    x: "iteration",
    y: label,
  });
  return { data, layout };
}

/**
 * Draws success by kind of task, splits side by side, with 95 % Wilson intervals.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { strictEqual } from "node:assert/strict";
 * import { successByTaskType } from "@hiper/lab";
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
  const rows = rowsOf(table, [
    "split",
    "task_type",
    "success_rate",
    "episodes",
  ]);
  const data = [...groupRows(rows, "split")].map(([name, group], index) => {
    const bounds = group.map((row) =>
      wilsonInterval(Number(row["success_rate"]), Number(row["episodes"]))
    );
    const rates = group.map((row) => Number(row["success_rate"]));
    return {
      type: "bar",
      name,
      x: group.map((row) => String(row["task_type"])),
      y: rates,
      marker: { color: seriesColor(index) },
      error_y: {
        type: "data",
        color: ERROR_COLOR,
        array: bounds.map(([, high], i) => high - rates[i]!),
        arrayminus: bounds.map(([low], i) => rates[i]! - low),
      },
    };
  });
  const layout = houseLayout({
    title: "Success by kind of task",
    x: "kind of task",
    y: "success rate (95 % interval)",
    extra: { barmode: "group" },
  });
  const yaxis = { ...(layout["yaxis"] as object), range: [0, 1.04] };
  return { data, layout: { ...layout, yaxis } };
}

/**
 * Draws cells of an ablation as points with intervals, one line each.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { deepStrictEqual } from "node:assert/strict";
 * import { ablationForest } from "@hiper/lab";
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
  const rows = rowsOf(summary, ["cell", "mean", "low", "high"]);
  const number = (row: Row, column: string) => Number(row[column]);
  const data = [{
    type: "scatter",
    mode: "markers",
    x: rows.map((row) => number(row, "mean")),
    y: rows.map((row) => String(row["cell"])),
    marker: { color: rows.map((_, i) => seriesColor(i)), size: 11 },
    error_x: {
      type: "data",
      color: ERROR_COLOR,
      array: rows.map((row) => number(row, "high") - number(row, "mean")),
      arrayminus: rows.map((row) => number(row, "mean") - number(row, "low")),
    },
    showlegend: false,
  }];
  const layout = houseLayout({
    title: metric,
    x: `${metric} (95 % interval over ${over})`,
    y: "",
    height: 140 + 34 * rows.length,
  });
  layout["yaxis"] = {
    automargin: true,
    type: "category",
    autorange: "reversed",
  };
  layout["margin"] = { l: 170, r: 24, t: 56, b: 56 };
  return { data, layout };
}
