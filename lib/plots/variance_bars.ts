/**
 * Bias and variance of estimators side by side.
 *
 * @module
 */

import type { ColumnTable } from "arquero";
import { type Figure, houseLayout, PALETTE } from "./theme.ts";

/** What of a judged estimator the bars read. */
interface Row {
  readonly estimator: string;
  readonly decision: string;
  readonly bias: number;
  readonly biasNoise: number;
  readonly variance: number;
  readonly varianceStandardError: number;
}

const COLUMNS: readonly (keyof Row)[] = [
  "estimator",
  "decision",
  "bias",
  "biasNoise",
  "variance",
  "varianceStandardError",
];

/** How to draw {@linkcode varianceBars}. */
export interface VarianceBarsOptions {
  /** Whose gradient: one of the three decisions, or `all`. @default {"all"} */
  readonly decision?: string;
}

/**
 * Draws relative bias, with what noise alone would show beside it, and variance, for each estimator.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { strictEqual } from "node:assert/strict";
 * import { varianceBars } from "@hiper/lab";
 *
 * const row = { decision: "all", bias: 0.1, biasNoise: 0.1, variance: 4, varianceStandardError: 1 };
 * const figure = varianceBars(aq.from([{ estimator: "hae", ...row }]));
 * strictEqual(figure.data.length, 3);
 * ```
 *
 * @param table Rows of `gradientVariance` or `exactVariance`.
 * @param options Whose gradient.
 * @returns The figure.
 * @throws {TypeError} If the table lacks a column.
 */
export function varianceBars(
  table: ColumnTable,
  options: VarianceBarsOptions = {},
): Figure {
  const { decision = "all" } = options;
  for (const column of COLUMNS) {
    if (!table.columnNames().includes(column)) {
      throw new TypeError(
        `Cannot draw bias and variance as the table must have a column "${column}": its columns are ${
          table.columnNames().join(", ")
        }`,
      );
    }
  }
  const rows = (table.objects() as Row[])
    .filter((row) => row.decision === decision);
  const names = rows.map(({ estimator }) => estimator);
  const bars = (name: string, y: number[], color: string, axes: object) => ({
    type: "bar",
    name,
    orientation: "h",
    y: names,
    x: y,
    marker: { color },
    ...axes,
  });
  const right = { xaxis: "x2", yaxis: "y2" };
  const data = [
    bars("bias", rows.map(({ bias }) => bias), PALETTE[1], {}),
    bars(
      "what noise alone would show",
      rows.map(({ biasNoise }) => biasNoise),
      PALETTE[7],
      {},
    ),
    {
      ...bars(
        "variance",
        rows.map(({ variance }) => variance),
        PALETTE[0],
        right,
      ),
      error_x: {
        type: "data",
        array: rows.map((row) => 1.96 * row.varianceStandardError),
      },
    },
  ];
  const layout = houseLayout({
    title: `Bias and variance of the gradient (${
      decision === "all" ? "all decisions" : decision
    })`,
    x: "bias (relative)",
    y: "",
    height: 150 + 44 * rows.length,
  });
  const axis = layout["xaxis"] as Record<string, unknown>;
  const categories = {
    type: "category",
    autorange: "reversed",
    automargin: true,
  };
  return {
    data,
    layout: {
      ...layout,
      barmode: "group",
      margin: { l: 190, r: 24, t: 56, b: 56 },
      xaxis: { ...axis, domain: [0, 0.46] },
      xaxis2: {
        ...axis,
        anchor: "y2",
        domain: [0.54, 1],
        title: { text: "variance (one episode)" },
      },
      yaxis: categories,
      yaxis2: { ...categories, anchor: "x2", visible: false },
    },
  };
}
