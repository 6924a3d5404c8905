/**
 * A figure as a picture, drawn without a browser, for readers where scripts do not run.
 *
 * Draws what the house's own figures use of Plotly: lines, markers, bands, error bars, bars,
 * rectangles, lines and notes, on one or more pairs of axes.
 *
 * @module
 */

import { escape } from "html-escaper";
import type { Figure } from "./theme.ts";
import { type AxisSettings, staticAxis } from "./static_axes.ts";
import {
  drawTrace,
  type Frame,
  INK,
  type Trace,
  traceColor,
} from "./static_traces.ts";

const WIDTH = 840;
/** Least margins; a figure may ask for more above and to the left. */
const MARGIN = { left: 78, right: 24, top: 52, bottom: 62 };

interface Shape {
  readonly type?: string;
  readonly x0?: unknown;
  readonly x1?: unknown;
  readonly y0?: unknown;
  readonly y1?: unknown;
  readonly xref?: string;
  readonly yref?: string;
  readonly fillcolor?: string;
  readonly opacity?: number;
  readonly line?: { color?: string; width?: number; dash?: string };
}
interface Note extends Omit<Shape, "line"> {
  readonly text?: string;
  readonly x?: unknown;
  readonly y?: unknown;
  readonly xanchor?: string;
  readonly font?: { size?: number; color?: string };
}

/**
 * Draws a figure as SVG.
 *
 * @param figure A figure made by this house; other Plotly features are left out of the picture.
 * @returns SVG source; every text in it is escaped.
 */
export function staticSvg(figure: Figure): string {
  const traces = figure.data as readonly Trace[];
  const layout = figure.layout as Readonly<Record<string, unknown>>;
  const named = traces.filter((trace) =>
    trace.name && trace.showlegend !== false
  );
  const legendRows = named.length > 1
    ? Math.ceil(named.length / legendColumns(named))
    : 0;
  const plotHeight = Number(layout["height"] ?? 420);
  const height = plotHeight + 20 * legendRows;
  const frames = layFrames(traces, layout, plotHeight);
  const frameOf = (x = "x", y = "y") =>
    frames.get(`${x} ${y}`) ?? [...frames.values()][0]!;
  const shapes = (layout["shapes"] ?? []) as readonly Shape[];
  const notes = (layout["annotations"] ?? []) as readonly Note[];
  const title = plainTitle(layout["title"] as AxisSettings["title"]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<text x="${MARGIN.left - 54}" y="26" font-size="16">${
      escape(title)
    }</text>`,
    ...[...frames].map(([key, frame]) => drawAxes(frame, key, layout)),
    ...shapes.map((shape) => drawShape(shape, frameOf(shape.xref, shape.yref))),
    ...traces.map((trace, i) =>
      drawTrace(trace, i, traces, frameOf(trace.xaxis, trace.yaxis))
    ),
    ...notes.map((note) => drawNote(note, frameOf(note.xref, note.yref))),
    legendRows > 0 ? drawLegend(named, traces, plotHeight + 4) : "",
    "</svg>",
  ].join("\n");
}

function plainTitle(title: AxisSettings["title"]): string {
  return typeof title === "string" ? title : title?.text ?? "";
}

/** Pixels that a letter takes, about. */
const LETTER = 7.2;

/** Room above as the layout asks for, and to the left as names on the vertical axis need. */
function marginOf(
  traces: readonly Trace[],
  layout: Readonly<Record<string, unknown>>,
): typeof MARGIN {
  const { l = 0, t = 0 } = (layout["margin"] ?? {}) as {
    l?: number;
    t?: number;
  };
  const names = traces.flatMap(({ y }) =>
    Array.from(y ?? []).filter((one) => typeof one === "string")
  );
  const longest = Math.max(0, ...names.map((name) => name.length));
  const left = Math.max(MARGIN.left, l, 12 + LETTER * longest);
  return {
    ...MARGIN,
    left: Math.min(left, WIDTH / 2),
    top: Math.max(MARGIN.top, t),
  };
}

/** One frame for each pair of axes that a trace uses. */
function layFrames(
  traces: readonly Trace[],
  layout: Readonly<Record<string, unknown>>,
  height: number,
): Map<string, Frame> {
  const pairs = new Set(
    traces.map((t) => `${t.xaxis ?? "x"} ${t.yaxis ?? "y"}`),
  );
  if (pairs.size === 0) pairs.add("x y");
  const margin = marginOf(traces, layout);
  const frames = new Map<string, Frame>();
  for (const pair of pairs) {
    const [xName, yName] = pair.split(" ") as [string, string];
    const xSettings = axisSettings(layout, xName),
      ySettings = axisSettings(layout, yName);
    const [x0, x1] = xSettings.domain ?? [0, 1];
    const [y0, y1] = ySettings.domain ?? [0, 1];
    const inner = {
      width: WIDTH - margin.left - margin.right,
      height: height - margin.top - margin.bottom,
    };
    const left = margin.left + x0 * inner.width,
      right = margin.left + x1 * inner.width;
    const bottom = margin.top + (1 - y0) * inner.height;
    const top = margin.top + (1 - y1) * inner.height;
    const xs = drawnAlong(
      traces.filter((t) => (t.xaxis ?? "x") === xName),
      "x",
    );
    const ys = drawnAlong(
      traces.filter((t) => (t.yaxis ?? "y") === yName),
      "y",
    );
    frames.set(pair, {
      x: staticAxis(xSettings, xs, [left, right]),
      y: staticAxis(ySettings, ys, [bottom, top]),
      left,
      right,
      top,
      bottom,
    });
  }
  return frames;
}

function axisSettings(
  layout: Readonly<Record<string, unknown>>,
  name: string,
): AxisSettings {
  return (layout[`${name[0]}axis${name.slice(1)}`] ?? {}) as AxisSettings;
}

/** Every value drawn along an axis, error bars and the foot of bars included. */
function drawnAlong(traces: readonly Trace[], axis: "x" | "y"): unknown[] {
  return traces.flatMap((trace) => {
    const values: unknown[] = Array.from(trace[axis] ?? []);
    const error = axis === "x" ? trace.error_x : trace.error_y;
    if (error?.array) {
      for (const [i, value] of [...values].entries()) {
        const up = error.array[i] ?? 0;
        values.push(
          Number(value) + up,
          Number(value) - (error.arrayminus?.[i] ?? up),
        );
      }
    }
    const along = trace.orientation === "h" ? "x" : "y";
    if (trace.type === "bar" && axis === along) values.push(0);
    return values;
  });
}

function drawAxes(
  frame: Frame,
  key: string,
  layout: Readonly<Record<string, unknown>>,
): string {
  const [xName, yName] = key.split(" ") as [string, string];
  const { left, right, top, bottom } = frame;
  const xSettings = axisSettings(layout, xName),
    ySettings = axisSettings(layout, yName);
  const parts: string[] = [];
  if (xSettings.visible !== false) {
    for (const { at, label } of frame.x.ticks) {
      parts.push(
        `<line x1="${at}" x2="${at}" y1="${top}" y2="${bottom}" stroke="${INK}" stroke-opacity=".18"/>`,
        `<text x="${at}" y="${bottom + 17}" text-anchor="middle">${
          escape(label)
        }</text>`,
      );
    }
    parts.push(
      `<text x="${(left + right) / 2}" y="${
        bottom + 38
      }" text-anchor="middle">${escape(plainTitle(xSettings.title))}</text>`,
    );
  }
  if (ySettings.visible !== false) {
    for (const { at, label } of frame.y.ticks) {
      parts.push(
        `<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" stroke="${INK}" stroke-opacity=".18"/>`,
        `<text x="${left - 7}" y="${at + 4}" text-anchor="end">${
          escape(label)
        }</text>`,
      );
    }
    const middle = (top + bottom) / 2;
    parts.push(
      `<text transform="translate(${
        left - 56
      } ${middle}) rotate(-90)" text-anchor="middle">${
        escape(plainTitle(ySettings.title))
      }</text>`,
    );
  }
  return parts.join("");
}

/** A coordinate given on an axis or, with reference `paper`, as a share of the frame. */
function coordinate(
  value: unknown,
  ref: string | undefined,
  axis: "x" | "y",
  frame: Frame,
): number {
  const share = ref === "paper" || ref?.endsWith(" domain");
  if (!share) return frame[axis].place(value);
  return axis === "x"
    ? frame.left + Number(value) * (frame.right - frame.left)
    : frame.bottom - Number(value) * (frame.bottom - frame.top);
}

function drawShape(shape: Shape, frame: Frame): string {
  const x0 = coordinate(shape.x0, shape.xref, "x", frame),
    x1 = coordinate(shape.x1, shape.xref, "x", frame);
  const y0 = coordinate(shape.y0, shape.yref, "y", frame),
    y1 = coordinate(shape.y1, shape.yref, "y", frame);
  if (!Number.isFinite(x0 + x1 + y0 + y1)) return "";
  const stroke = escape(shape.line?.color ?? INK),
    width = shape.line?.width ?? 1;
  const dash = shape.line?.dash ? "5 4" : "";
  if (shape.type === "line") {
    return `<line x1="${x0}" x2="${x1}" y1="${y0}" y2="${y1}" stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dash}"/>`;
  }
  return `<rect x="${Math.min(x0, x1)}" y="${Math.min(y0, y1)}" width="${
    Math.abs(x1 - x0)
  }" height="${Math.abs(y1 - y0)}" fill="${
    escape(shape.fillcolor ?? "none")
  }" fill-opacity="${
    shape.opacity ?? 1
  }" stroke="${stroke}" stroke-width="${width}"/>`;
}

function drawNote(note: Note, frame: Frame): string {
  const x = coordinate(note.x, note.xref, "x", frame),
    y = coordinate(note.y, note.yref, "y", frame);
  if (!Number.isFinite(x + y)) return "";
  const anchor = note.xanchor === "left"
    ? "start"
    : note.xanchor === "right"
    ? "end"
    : "middle";
  const text = note.text ?? "";
  return `<text x="${x}" y="${y + 4}" text-anchor="${anchor}" font-size="${
    note.font?.size ?? 12
  }" fill="${escape(note.font?.color ?? INK)}">${escape(text)}</text>`;
}

/** Places in a row of the legend, so that the longest name fits into one. */
function legendColumns(named: readonly Trace[]): number {
  const longest = Math.max(0, ...named.map(({ name = "" }) => name.length));
  const width = WIDTH - MARGIN.left - MARGIN.right;
  return Math.max(1, Math.min(4, Math.floor(width / (34 + LETTER * longest))));
}

function drawLegend(
  named: readonly Trace[],
  traces: readonly Trace[],
  top: number,
): string {
  const columns = legendColumns(named);
  const slot = (WIDTH - MARGIN.left - MARGIN.right) / columns;
  return named.map((trace, i) => {
    const x = MARGIN.left + (i % columns) * slot;
    const y = top + Math.floor(i / columns) * 20;
    const color = escape(traceColor(trace, traces.indexOf(trace)));
    return `<rect x="${x}" y="${y}" width="14" height="10" fill="${color}"/><text x="${
      x + 20
    }" y="${y + 10}">${escape(trace.name!)}</text>`;
  }).join("");
}
