/**
 * What all figures share: their type, colors, layout, interval bands, and one serialization.
 *
 * Colors are the Okabe and Ito palette, distinguishable under the common color-vision deficiencies.
 *
 * @module
 */

import type { ColumnTable } from "npm:arquero@7.2.0";

/** A Plotly trace or layout. */
export type PlotlyRecord = Readonly<Record<string, unknown>>;

/** How Plotly shows every figure. */
export const PLOTLY_CONFIG = { responsive: true, displaylogo: false } as const;

/** A Plotly figure. */
export interface Figure {
  /** Plotly traces; columns may be arrays, typed arrays or any other iterable. */
  readonly data: readonly PlotlyRecord[];
  /** Plotly layout. */
  readonly layout: PlotlyRecord;
}

/** The Okabe and Ito palette, in the order in which series take colors. */
export const PALETTE = [
  "#0072B2",
  "#D55E00",
  "#009E73",
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#8C6D31",
  "#7F7F7F",
] as const;

/** Color of each decision. */
export const DECISION_COLORS = {
  switching: "#CC79A7",
  planning: "#0072B2",
  execution: "#D55E00",
} as const;

/** Color of references, error bars and notes; legible on light and on dark pages. */
export const GRAY = "#7F7F7F";

/** Line styles that tell series apart without color. */
export const DASHES: readonly string[] = [
  "solid",
  "dash",
  "dot",
  "dashdot",
  "longdash",
  "longdashdot",
];

/**
 * Picks a series' color by its position.
 *
 * @param index Position of the series, from 0.
 * @returns A CSS color.
 */
export function seriesColor(index: number): string {
  return PALETTE[index % PALETTE.length]!;
}

/**
 * Makes a color translucent.
 *
 * @param hex Color as `#rrggbb`.
 * @param alpha Opacity in `[0, 1]`.
 * @returns A CSS `rgba()` color.
 */
export function translucent(hex: string, alpha: number): string {
  const channel = (start: number) => parseInt(hex.slice(start, start + 2), 16);
  return `rgba(${channel(1)},${channel(3)},${channel(5)},${alpha})`;
}

/** Settings of {@linkcode figureLayout}. */
export interface LayoutOptions {
  /** The question the figure answers. */
  readonly title: string;
  /** Label of the horizontal axis, with its unit. */
  readonly x: string;
  /** Label of the vertical axis, with its unit. */
  readonly y: string;
  /** Pixels. @default {420} */
  readonly height?: number;
  /** Plotly settings merged into the horizontal axis. */
  readonly xaxis?: PlotlyRecord;
  /** Plotly settings merged into the vertical axis. */
  readonly yaxis?: PlotlyRecord;
  /** Plotly settings that replace those of the whole layout. */
  readonly extra?: PlotlyRecord;
}

/**
 * Lays out a figure, readable on light and dark pages.
 *
 * @param options Title, axis labels with units, and Plotly settings of this figure alone.
 * @returns A Plotly layout.
 */
export function figureLayout(options: LayoutOptions): Record<string, unknown> {
  const { title, x, y, height = 420, xaxis, yaxis, extra } = options;
  const axis = (label: string) => ({
    title: { text: label, font: { size: 13 } },
    gridcolor: "rgba(127,127,127,0.25)",
    zerolinecolor: "rgba(127,127,127,0.5)",
    automargin: true,
  });
  return {
    title: { text: title, x: 0, xanchor: "left", font: { size: 16 } },
    font: { family: "system-ui, sans-serif", size: 13, color: "#777777" },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    height,
    margin: { l: 64, r: 24, t: 56, b: 56 },
    legend: { orientation: "h", y: -0.22, traceorder: "normal" },
    hovermode: "closest",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "#777777" },
    xaxis: { ...axis(x), ...xaxis },
    yaxis: { ...axis(y), ...yaxis },
    ...extra,
  };
}

/**
 * Draws a series as a line.
 *
 * @param x Horizontal coordinates. Shape `(points,)`.
 * @param y Vertical coordinates. Shape `(points,)`.
 * @param color Color of the line.
 * @param extra Plotly settings that are added, or replace those set here.
 * @returns A trace of a line through markers.
 */
export function lineTrace(
  x: readonly unknown[],
  y: readonly unknown[],
  color: string,
  extra: PlotlyRecord = {},
): PlotlyRecord {
  const line = { color, width: 2, ...extra["line"] as PlotlyRecord };
  return { type: "scatter", mode: "lines+markers", x, y, ...extra, line };
}

/**
 * Draws an interval as a band: its low edge, and its high edge filled down to the low one.
 *
 * @param x Horizontal coordinates. Shape `(points,)`.
 * @param low Low ends. Shape `(points,)`.
 * @param high High ends. Shape `(points,)`.
 * @param color Color of the series as `#rrggbb`.
 * @param extra Plotly settings of both traces.
 * @returns Two traces; the series' own line goes after them.
 */
export function bandTraces(
  x: readonly unknown[],
  low: readonly number[],
  high: readonly number[],
  color: string,
  extra: PlotlyRecord = {},
): PlotlyRecord[] {
  const quiet = { mode: "lines", hoverinfo: "skip", showlegend: false };
  const edge = (y: readonly number[]) =>
    lineTrace(x, y, color, { ...quiet, ...extra, line: { width: 0 } });
  const fill = { fill: "tonexty", fillcolor: translucent(color, 0.2) };
  return [edge(low), { ...edge(high), ...fill }];
}

/**
 * Reads the rows of a table that has certain columns.
 *
 * @param table Any Arquero table.
 * @param columns Columns that a figure needs.
 * @returns One record for each row.
 * @throws {TypeError} If the table lacks a column.
 */
export function readRows<Row extends object = PlotlyRecord>(
  table: ColumnTable,
  columns: readonly (keyof Row & string)[],
): Row[] {
  const names = table.columnNames();
  for (const column of columns) {
    if (names.includes(column)) continue;
    throw new TypeError(
      `Cannot plot a table as it must have a column "${column}": its columns are ${
        names.map((name) => `"${name}"`).join(", ")
      }`,
    );
  }
  return table.objects() as Row[];
}

/**
 * Serializes a figure; notebook outputs, report pages and static pictures all show this.
 *
 * Typed arrays and other iterables become arrays; dates and big integers become text; invalid dates
 * and numbers that are not finite become `null`, which Plotly leaves out.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { plainFigure } from "./figure.ts";
 *
 * const { data } = plainFigure({
 *   data: [{ x: [new Date(0)], y: Float64Array.of(NaN) }],
 *   layout: {},
 * });
 * deepStrictEqual(data, [{ x: ["1970-01-01T00:00:00.000Z"], y: [null] }]);
 * ```
 *
 * @param figure Any figure.
 * @returns The same figure as plain JSON data.
 * @throws {TypeError} If it holds a function, a symbol or an object that is no plain data.
 */
export function plainFigure(figure: Figure): Figure {
  const { data, layout } = figure;
  return {
    data: plain(data, "data") as Figure["data"],
    layout: plain(layout, "layout") as Figure["layout"],
  };
}

function plain(value: unknown, path: string): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return String(value);
  if (value === undefined || value === null) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof Date) {
    return Number.isFinite(value.getTime()) ? value.toISOString() : null;
  }
  if (typeof value === "object") {
    if (Symbol.iterator in value) {
      return Array.from(
        value as Iterable<unknown>,
        (one, i) => plain(one, `${path}[${i}]`),
      );
    }
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return Object.fromEntries(
        Object.entries(value).flatMap(([key, one]) =>
          one === undefined ? [] : [[key, plain(one, `${path}.${key}`)]]
        ),
      );
    }
  }
  const kind = typeof value === "object"
    ? value.constructor?.name ?? "object"
    : typeof value;
  throw new TypeError(
    `Cannot serialize a figure as "${path}" must be plain data: current value is a ${kind}`,
  );
}

/**
 * Serializes a figure for Plotly so that texts are shown letter by letter: left alone, Plotly reads
 * tags in them, links included.
 *
 * @param figure Any figure; none of the project's uses markup.
 * @returns The plain figure, `&` and `<` of every text as entities, line breaks as `<br>`.
 * @throws {TypeError} If it holds something else than plain data.
 */
export function plotlyFigure(figure: Figure): Figure {
  const quote = (value: unknown): unknown => {
    if (typeof value === "string") {
      return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
        .replaceAll("\n", "<br>");
    }
    if (Array.isArray(value)) return value.map(quote);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, quote(one)]),
    );
  };
  return quote(plainFigure(figure)) as Figure;
}

/**
 * Reads the title of a figure.
 *
 * @param figure Any figure.
 * @returns The title as text; empty where there is none.
 */
export function figureTitle({ layout }: Figure): string {
  return titleText(layout["title"]);
}

/**
 * Reads a Plotly title, of a figure or an axis.
 *
 * @param title Text, or a record that holds it.
 * @returns The text; empty where there is none.
 */
export function titleText(title: unknown): string {
  if (typeof title === "string") return title;
  const { text } = (title ?? {}) as { text?: unknown };
  return text === undefined || text === null ? "" : String(text);
}
