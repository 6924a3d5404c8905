/**
 * Shared parts of figures: type, colors, layout, interval bands, and serialization.
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

/** CSS color of the series at a position, from 0. */
export function seriesColor(index: number): string {
  return PALETTE[index % PALETTE.length]!;
}

/** Converts a `#rrggbb` color to a CSS `rgba()` color with opacity `alpha` in `[0, 1]`. */
export function translucent(hex: string, alpha: number): string {
  const channel = (start: number) => parseInt(hex.slice(start, start + 2), 16);
  return `rgba(${channel(1)},${channel(3)},${channel(5)},${alpha})`;
}

/** Settings of {@linkcode figureLayout}. */
interface LayoutOptions {
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

/** Plotly layout of a figure, readable on light and dark pages. */
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
 * Plotly trace of a line through markers; `extra` adds or replaces settings. `x`, `y`: shape
 * `(points,)`.
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
 * Plotly traces of an interval as a band: its low edge, and its high edge filled down to the low
 * one. The series' own line goes after them. `x`, `low`, `high`: shape `(points,)`; `color` as
 * `#rrggbb`.
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
 * Rows of a table as records.
 *
 * @throws {TypeError} If the table lacks one of the columns.
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
 * Converts a figure to plain JSON data, for notebook outputs, report pages and static pictures.
 *
 * Typed arrays and other iterables become arrays; dates and big integers become text; invalid dates
 * and numbers that are not finite become `null`, which Plotly leaves out.
 *
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
 * Converts a figure to plain data whose texts Plotly shows literally: `&` and `<` as entities, line
 * breaks as `<br>`. Unescaped, Plotly interprets tags, links included.
 *
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

/** Title of a figure as text; empty where there is none. */
export function figureTitle({ layout }: Figure): string {
  return titleText(layout["title"]);
}

/** Text of a Plotly title, of a figure or an axis; empty where there is none. */
export function titleText(title: unknown): string {
  if (typeof title === "string") return title;
  const { text } = (title ?? {}) as { text?: unknown };
  return text === undefined || text === null ? "" : String(text);
}
