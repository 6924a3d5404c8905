/**
 * Bias and variance of estimators against lambda.
 *
 * @module
 */

import type { ColumnTable } from "arquero";
import { type Figure, houseLayout, seriesColor, translucent } from "./theme.ts";

/** A row of the table that the figures read; what `varianceStudy` gives. */
interface Row {
  readonly family: string;
  readonly lambda: number | null;
  readonly critic: string;
  readonly decision: string;
  readonly biasSquared: number;
  readonly biasSquaredStandardError: number;
  readonly variance: number;
  readonly varianceStandardError: number;
}

const COLUMNS: readonly (keyof Row)[] = [
  "family",
  "lambda",
  "critic",
  "decision",
  "biasSquared",
  "biasSquaredStandardError",
  "variance",
  "varianceStandardError",
];

/** Panels in reading order. */
const PANELS = ["switching", "planning", "execution", "all"] as const;

/** Half-width of a 95 % band, in standard errors. */
export const BAND = 1.96;

/** Marks that tell series apart without color. */
export const DASHES: readonly string[] = [
  "solid",
  "dash",
  "dot",
  "dashdot",
  "longdash",
  "longdashdot",
];

/** How to draw {@linkcode momentsAgainstLambda}. */
export interface MomentsAgainstLambdaOptions {
  /** What to draw. */
  readonly quantity: "bias" | "variance";
  /** Rows of which critic; of estimators without one, level lines are drawn. */
  readonly critic: string;
  /** Families without a lambda to draw as level lines. @default {[]} */
  readonly levels?: readonly string[];
}

/**
 * Draws squared bias or variance against lambda, one panel for each decision and one for all, with 95 % bands.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { ok } from "node:assert/strict";
 * import { momentsAgainstLambda, varianceStudy } from "@hiper/lab";
 *
 * const rows = [...varianceStudy({ episodes: 640, lambdas: [0, 1] })].flat();
 * const figure = momentsAgainstLambda(aq.from(rows), {
 *   quantity: "variance",
 *   critic: "exact",
 * });
 * ok(figure.data.length > 0);
 * ```
 *
 * @param table Rows of the variance study.
 * @param options What to draw.
 * @returns The figure; a logarithmic axis for variance.
 * @throws {TypeError} If the table lacks a column.
 */
export function momentsAgainstLambda(
  table: ColumnTable,
  options: MomentsAgainstLambdaOptions,
): Figure {
  const { quantity, critic, levels = [] } = options;
  const rows = readRows(table);
  const families = [
    ...new Set(
      rows.filter((row) => row.critic === critic && row.lambda !== null)
        .map(({ family }) => family),
    ),
  ];
  const data = PANELS.flatMap((decision, panel) => {
    const here = rows.filter((row) => row.decision === decision);
    const curves = families.flatMap((family, index) =>
      curve(
        here.filter((row) =>
          row.critic === critic && row.family === family && row.lambda !== null
        ),
        { quantity, panel, index, name: family },
      )
    );
    const lines = levels.flatMap((family, index) =>
      level(here.find((row) => row.family === family), {
        quantity,
        panel,
        index: families.length + index,
        name: family,
        lambdas: rows.flatMap(({ lambda }) => lambda === null ? [] : [lambda]),
      })
    );
    return [...curves, ...lines];
  });
  const log = quantity === "variance";
  const label = log ? "variance of one episode" : "squared bias";
  return {
    data,
    layout: houseLayout({
      title: `${
        log ? "Variance" : "Squared bias"
      } against lambda, ${critic} critic`,
      x: "lambda",
      y: label,
      height: 720,
      extra: panels({ label, log }),
    }),
  };
}

interface Place {
  readonly quantity: "bias" | "variance";
  readonly panel: number;
  readonly index: number;
  readonly name: string;
}

/** Value and standard error of a row. */
function read(row: Row, quantity: "bias" | "variance"): [number, number] {
  return quantity === "variance"
    ? [row.variance, row.varianceStandardError]
    : [row.biasSquared, row.biasSquaredStandardError];
}

/** A line and its band, in one panel. */
function curve(rows: readonly Row[], place: Place): Record<string, unknown>[] {
  const { quantity, panel, index, name } = place;
  const sorted = rows.toSorted((a, b) => a.lambda! - b.lambda!);
  const x = sorted.map(({ lambda }) => lambda);
  const color = seriesColor(index);
  const shared = {
    type: "scatter",
    x,
    legendgroup: name,
    ...axes(panel),
  };
  const edge = (sign: number) => ({
    ...shared,
    mode: "lines",
    y: sorted.map((row) => {
      const [value, error] = read(row, quantity);
      return value + sign * BAND * error;
    }),
    line: { width: 0, color },
    hoverinfo: "skip",
    showlegend: false,
  });
  return [
    edge(-1),
    { ...edge(1), fill: "tonexty", fillcolor: translucent(color, 0.2) },
    {
      ...shared,
      mode: "lines+markers",
      name,
      y: sorted.map((row) => read(row, quantity)[0]),
      line: { color, width: 2, dash: DASHES[index % DASHES.length] },
      marker: { color, size: 6, symbol: index },
      showlegend: panel === 0,
    },
  ];
}

/** A level line for an estimator without lambda. */
function level(
  row: Row | undefined,
  place: Place & { readonly lambdas: readonly number[] },
): Record<string, unknown>[] {
  if (row === undefined || place.lambdas.length === 0) return [];
  const { quantity, panel, index, name, lambdas } = place;
  const [value] = read(row, quantity);
  return [{
    type: "scatter",
    mode: "lines",
    name,
    legendgroup: name,
    x: [Math.min(...lambdas), Math.max(...lambdas)],
    y: [value, value],
    line: {
      color: seriesColor(index),
      width: 1.5,
      dash: DASHES[index % DASHES.length],
    },
    showlegend: panel === 0,
    ...axes(panel),
  }];
}

/** Names of a panel's axes. */
function axes(panel: number): { xaxis: string; yaxis: string } {
  const suffix = panel === 0 ? "" : String(panel + 1);
  return { xaxis: `x${suffix}`, yaxis: `y${suffix}` };
}

/** Two by two panels, each with a heading. */
function panels(
  { label, log }: { label: string; log: boolean },
): Record<string, unknown> {
  const extra: Record<string, unknown> = {
    margin: { l: 72, r: 24, t: 72, b: 96 },
    legend: {
      orientation: "h",
      y: -0.14,
      yanchor: "top",
      traceorder: "normal",
    },
    annotations: PANELS.map((decision, panel) => ({
      text: decision === "all" ? "all decisions" : decision,
      x: panel % 2 === 0 ? 0.225 : 0.775,
      y: panel < 2 ? 1 : 0.43,
      xref: "paper",
      yref: "paper",
      xanchor: "center",
      yanchor: "bottom",
      showarrow: false,
      font: { size: 14 },
    })),
  };
  for (let panel = 0; panel < PANELS.length; panel++) {
    const suffix = panel === 0 ? "" : String(panel + 1);
    const left = panel % 2 === 0, top = panel < 2;
    const grid = {
      gridcolor: "rgba(127,127,127,0.25)",
      zerolinecolor: "rgba(127,127,127,0.6)",
    };
    extra[`xaxis${suffix}`] = {
      ...grid,
      domain: left ? [0, 0.45] : [0.55, 1],
      anchor: `y${suffix}`,
      ...(top ? {} : { title: { text: "lambda" } }),
    };
    extra[`yaxis${suffix}`] = {
      ...grid,
      domain: top ? [0.57, 1] : [0, 0.43],
      anchor: `x${suffix}`,
      ...(log ? { type: "log", dtick: "D2" } : {}),
      ...(left ? { title: { text: label } } : {}),
    };
  }
  return extra;
}

/** Reads the rows, or says which column is missing. */
function readRows(table: ColumnTable): Row[] {
  const names = table.columnNames();
  for (const column of COLUMNS) {
    if (names.includes(column)) continue;
    throw new TypeError(
      `Cannot draw a figure as the table must have a column "${column}": its columns are ${
        names.map((name) => `"${name}"`).join(", ")
      }`,
    );
  }
  return table.objects() as Row[];
}
