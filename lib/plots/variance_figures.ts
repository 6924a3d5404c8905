/**
 * Figures of variance studies: bias and variance against lambda, side by side, and error against the
 * batch size.
 *
 * @module
 */

import type { ColumnTable } from "npm:arquero@7.2.0";
import {
  bandTraces,
  DASHES,
  type Figure,
  figureLayout,
  lineTrace,
  PALETTE,
  type PlotlyRecord,
  readRows,
  seriesColor,
} from "./figure.ts";

/** Columns of `varianceStudy` that {@linkcode momentsAgainstLambda} reads. */
interface MomentsRow
  extends
    Readonly<Record<"family" | "critic" | "decision", string>>,
    Readonly<Record<"biasSquared" | "biasSquaredStandardError", number>>,
    Readonly<Record<"variance" | "varianceStandardError", number>> {
  /** `null` for estimators without one. */
  readonly lambda: number | null;
}

const MOMENTS: readonly (keyof MomentsRow)[] = [
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
const BAND = 1.96;

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
 * import { varianceStudy } from "@hiper/lab/studies";
 * import { momentsAgainstLambda } from "@hiper/lab/plots";
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
  const rows = readRows<MomentsRow>(table, MOMENTS);
  const withLambda = rows.filter((row) =>
    row.critic === critic && row.lambda !== null
  );
  const families = [...new Set(withLambda.map(({ family }) => family))];
  const lambdas = rows.flatMap(({ lambda }) => lambda ?? []);
  const data = PANELS.flatMap((decision, panel) => {
    const isHere = (row: MomentsRow, family: string) =>
      row.decision === decision && row.family === family;
    return [
      ...families.flatMap((name, index) =>
        curve(
          withLambda.filter((row) => isHere(row, name)),
          { quantity, panel, index, name },
        )
      ),
      ...levels.flatMap((name, k) => {
        const index = families.length + k;
        const row = rows.find((row) => isHere(row, name));
        return level(row, lambdas, { quantity, panel, index, name });
      }),
    ];
  });
  const log = quantity === "variance";
  const label = log ? "variance of one episode" : "squared bias";
  return {
    data,
    layout: figureLayout({
      title: `${
        log ? "Variance" : "Squared bias"
      } against lambda, ${critic} critic`,
      ...{ x: "lambda", y: label, height: 720 },
      extra: panels(label, log),
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
function read(
  row: MomentsRow,
  quantity: "bias" | "variance",
): [number, number] {
  return quantity === "variance"
    ? [row.variance, row.varianceStandardError]
    : [row.biasSquared, row.biasSquaredStandardError];
}

/** A line and its band, in one panel. */
function curve(rows: readonly MomentsRow[], place: Place): PlotlyRecord[] {
  const { quantity, panel, index, name } = place;
  const sorted = rows.toSorted((a, b) => a.lambda! - b.lambda!);
  const x = sorted.map(({ lambda }) => lambda);
  const color = seriesColor(index);
  const shared = { legendgroup: name, ...axes(panel) };
  const edge = (sign: number) =>
    sorted.map((row) => {
      const [value, error] = read(row, quantity);
      return value + sign * BAND * error;
    });
  const y = sorted.map((row) => read(row, quantity)[0]);
  return [
    ...bandTraces(x, edge(-1), edge(1), color, shared),
    lineTrace(x, y, color, {
      ...shared,
      ...{ name, showlegend: panel === 0 },
      line: { dash: DASHES[index % DASHES.length] },
      marker: { color, size: 6, symbol: index },
    }),
  ];
}

/** A level line for an estimator without lambda. */
function level(
  row: MomentsRow | undefined,
  lambdas: readonly number[],
  { quantity, panel, index, name }: Place,
): PlotlyRecord[] {
  if (row === undefined || lambdas.length === 0) return [];
  const [value] = read(row, quantity);
  const ends = [Math.min(...lambdas), Math.max(...lambdas)];
  return [lineTrace(ends, [value, value], seriesColor(index), {
    ...{ mode: "lines", name, legendgroup: name, showlegend: panel === 0 },
    line: { width: 1.5, dash: DASHES[index % DASHES.length] },
    ...axes(panel),
  })];
}

/** Names of a panel's axes. */
function axes(panel: number): { xaxis: string; yaxis: string } {
  const suffix = panel === 0 ? "" : String(panel + 1);
  return { xaxis: `x${suffix}`, yaxis: `y${suffix}` };
}

/** Two by two panels, each with a heading. */
function panels(label: string, log: boolean): PlotlyRecord {
  const grid = {
    gridcolor: "rgba(127,127,127,0.25)",
    zerolinecolor: "rgba(127,127,127,0.6)",
  };
  const placed = PANELS.flatMap((_, panel) => {
    const suffix = panel === 0 ? "" : String(panel + 1);
    const left = panel % 2 === 0, top = panel < 2;
    return [[`xaxis${suffix}`, {
      ...grid,
      domain: left ? [0, 0.45] : [0.55, 1],
      anchor: `y${suffix}`,
      ...(top ? {} : { title: { text: "lambda" } }),
    }], [`yaxis${suffix}`, {
      ...grid,
      domain: top ? [0.57, 1] : [0, 0.43],
      anchor: `x${suffix}`,
      ...(log ? { type: "log", dtick: "D2" } : {}),
      ...(left ? { title: { text: label } } : {}),
    }]];
  });
  const legend = { orientation: "h", y: -0.14, yanchor: "top" };
  return {
    margin: { l: 72, r: 24, t: 72, b: 96 },
    legend: { ...legend, traceorder: "normal" },
    annotations: PANELS.map((decision, panel) => ({
      text: decision === "all" ? "all decisions" : decision,
      x: panel % 2 === 0 ? 0.225 : 0.775,
      y: panel < 2 ? 1 : 0.43,
      ...{ xref: "paper", yref: "paper", xanchor: "center", yanchor: "bottom" },
      showarrow: false,
      font: { size: 14 },
    })),
    ...Object.fromEntries(placed),
  };
}

/** Columns that {@linkcode varianceBars} reads. */
interface BarsRow
  extends
    Readonly<Record<"estimator" | "decision", string>>,
    Readonly<Record<"bias" | "biasNoise", number>>,
    Readonly<Record<"variance" | "varianceStandardError", number>> {}

const BARS: readonly (keyof BarsRow)[] = [
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
 * Draws relative bias, the bias expected from noise alone, and variance, for each estimator.
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
  const rows = readRows<BarsRow>(table, BARS).filter((row) =>
    row.decision === decision
  );
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
  const bias = rows.map(({ bias }) => bias);
  const noise = rows.map(({ biasNoise }) => biasNoise);
  const variance = rows.map(({ variance }) => variance);
  const right = { xaxis: "x2", yaxis: "y2" };
  const error_x = {
    type: "data",
    array: rows.map((row) => BAND * row.varianceStandardError),
  };
  const data = [
    bars("bias", bias, PALETTE[1], {}),
    bars("what noise alone would show", noise, PALETTE[7], {}),
    bars("variance", variance, PALETTE[0], { ...right, error_x }),
  ];
  const categories = {
    type: "category",
    autorange: "reversed",
    automargin: true,
  };
  const layout = figureLayout({
    title: `Bias and variance of the gradient (${
      decision === "all" ? "all decisions" : decision
    })`,
    x: "bias (relative)",
    y: "",
    height: 150 + 44 * rows.length,
    xaxis: { domain: [0, 0.46] },
    extra: {
      barmode: "group",
      margin: { l: 190, r: 24, t: 56, b: 56 },
      yaxis: categories,
      yaxis2: { ...categories, anchor: "x2", visible: false },
    },
  });
  const xaxis2 = {
    ...layout["xaxis"] as PlotlyRecord,
    anchor: "y2",
    domain: [0.54, 1],
    title: { text: "variance (one episode)" },
  };
  return { data, layout: { ...layout, xaxis2 } };
}

/** One curve of {@linkcode errorAgainstBatch}. */
export interface BatchErrorCurve {
  /** Name of the estimator. */
  readonly name: string;
  /** Expected squared error for each batch size. */
  readonly errors: readonly number[];
  /** Standard errors of those. */
  readonly standardErrors: readonly number[];
}

/** How to draw {@linkcode errorAgainstBatch}. */
export interface ErrorAgainstBatchOptions {
  /** Batch sizes, in episodes. */
  readonly sizes: readonly number[];
  /** The question the figure answers. */
  readonly title: string;
}

/**
 * Draws the expected squared error of a batch's gradient against the batch size, with 95 % bands.
 *
 * @param curves One for each estimator.
 * @param options Sizes and title.
 * @returns The figure; both axes logarithmic.
 */
export function errorAgainstBatch(
  curves: readonly BatchErrorCurve[],
  options: ErrorAgainstBatchOptions,
): Figure {
  const { sizes, title } = options;
  const data = curves.flatMap(({ name, errors, standardErrors }, index) => {
    const color = seriesColor(index);
    // A logarithmic axis cannot show a band that reaches 0.
    const edge = (sign: number) =>
      errors.map((error, i) =>
        Math.max(error / 20, error + sign * BAND * standardErrors[i]!)
      );
    return [
      ...bandTraces(sizes, edge(-1), edge(1), color),
      lineTrace(sizes, errors, color, {
        name,
        line: { dash: DASHES[index % DASHES.length] },
        marker: { color, size: 6, symbol: index },
      }),
    ];
  });
  const layout = figureLayout({
    title,
    x: "episodes in the batch",
    y: "squared error (squared gradient = 1)",
    height: 520,
    xaxis: { type: "log", dtick: "D2" },
    yaxis: { type: "log", dtick: 1 },
    extra: { legend: { orientation: "h", y: -0.2, traceorder: "normal" } },
  });
  return { data, layout };
}
