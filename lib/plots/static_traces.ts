/**
 * The traces of a static picture: lines, markers, bands, error bars and bars.
 *
 * @module
 */

import { escape } from "html-escaper";
import { area, curveLinear, curveStepAfter, line } from "d3-shape";
import { seriesColor } from "./theme.ts";
import type { StaticAxis } from "./static_axes.ts";

/** Color of axes, labels and notes; readable on white and on black. */
export const INK = "#777777";

/** What of a Plotly trace a picture heeds. */
export interface Trace {
  readonly type?: string;
  readonly name?: string;
  readonly x?: ArrayLike<unknown>;
  readonly y?: ArrayLike<unknown>;
  readonly text?: ArrayLike<unknown> | string;
  readonly mode?: string;
  readonly orientation?: "h" | "v";
  readonly line?: {
    color?: string;
    width?: number;
    dash?: string;
    shape?: string;
  };
  readonly marker?: { color?: string | readonly string[]; size?: number };
  readonly fill?: string;
  readonly fillcolor?: string;
  readonly xaxis?: string;
  readonly yaxis?: string;
  readonly showlegend?: boolean;
  readonly error_x?: ErrorBars;
  readonly error_y?: ErrorBars;
}

export interface ErrorBars {
  readonly array?: ArrayLike<number>;
  readonly arrayminus?: ArrayLike<number>;
}

/** A pair of axes and the frame they span. */
export interface Frame {
  readonly x: StaticAxis;
  readonly y: StaticAxis;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Finite points of a trace, in pixels. */
function points(trace: Trace, frame: Frame): [number, number][] {
  const n = Math.max(trace.x?.length ?? 0, trace.y?.length ?? 0);
  return Array.from({ length: n }, (_, i): [number, number] => [
    frame.x.place(trace.x?.[i] ?? i),
    trace.y?.[i] === null ? NaN : frame.y.place(trace.y?.[i]),
  ]);
}

export function traceColor(trace: Trace, index: number): string {
  const marker = typeof trace.marker?.color === "string"
    ? trace.marker.color
    : undefined;
  return trace.line?.color ?? marker ?? seriesColor(index);
}

export function drawTrace(
  trace: Trace,
  index: number,
  traces: readonly Trace[],
  frame: Frame,
): string {
  if (trace.type === "bar") return drawBars(trace, index, traces, frame);
  const color = traceColor(trace, index);
  const mode = trace.mode ?? "lines";
  const path = points(trace, frame);
  const finite = ([x, y]: [number, number]) =>
    Number.isFinite(x) && Number.isFinite(y);
  const curve = trace.line?.shape === "hv" ? curveStepAfter : curveLinear;
  const parts: string[] = [];
  if (trace.fill) parts.push(drawFill(trace, index, traces, frame));
  if (mode.includes("lines") && trace.line?.width !== 0) {
    const d = line<[number, number]>().defined(finite).curve(curve)(path) ?? "";
    const dash = trace.line?.dash === "dot"
      ? "2 3"
      : trace.line?.dash === "dash"
      ? "7 4"
      : "";
    parts.push(
      `<path d="${d}" fill="none" stroke="${escape(color)}" stroke-width="${
        trace.line?.width ?? 2
      }" stroke-dasharray="${dash}"/>`,
    );
  }
  if (mode.includes("markers")) {
    const radius = (trace.marker?.size ?? 7) / 2;
    for (const [i, [x, y]] of path.entries()) {
      if (!finite([x, y])) continue;
      const own = Array.isArray(trace.marker?.color)
        ? String(trace.marker.color[i])
        : color;
      parts.push(
        `<circle cx="${x}" cy="${y}" r="${radius}" fill="${escape(own)}"/>`,
      );
    }
  }
  if (mode.includes("text")) {
    for (const [i, [x, y]] of path.entries()) {
      const text = typeof trace.text === "string"
        ? trace.text
        : trace.text?.[i];
      if (finite([x, y])) {
        parts.push(
          `<text x="${x}" y="${y + 4}" text-anchor="middle">${
            escape(String(text ?? ""))
          }</text>`,
        );
      }
    }
  }
  parts.push(drawErrors(trace, path, color, frame));
  return parts.join("");
}

/** A band between this trace and the one before it, or zero. */
function drawFill(
  trace: Trace,
  index: number,
  traces: readonly Trace[],
  frame: Frame,
): string {
  const own = points(trace, frame);
  const color = escape(trace.fillcolor ?? traceColor(trace, index));
  if (trace.fill === "toself") {
    return `<path d="${
      line<[number, number]>()(own) ?? ""
    }Z" fill="${color}"/>`;
  }
  const below = trace.fill === "tonexty" && traces[index - 1]
    ? points(traces[index - 1]!, frame)
    : undefined;
  const d = area<[number, number]>()
    .defined(([x, y], i) =>
      Number.isFinite(x + y + (below ? below[i]?.[1] ?? NaN : 0))
    )
    .x(([x]) => x).y1(([, y]) => y).y0((_, i) =>
      below?.[i]?.[1] ?? frame.y.origin
    )(own) ?? "";
  return `<path d="${d}" fill="${color}"/>`;
}

function drawErrors(
  trace: Trace,
  path: readonly [number, number][],
  color: string,
  frame: Frame,
): string {
  const parts: string[] = [];
  for (
    const [axis, error] of [["x", trace.error_x], ["y", trace.error_y]] as const
  ) {
    if (!error?.array) continue;
    for (const [i, [x, y]] of path.entries()) {
      const value = Number(trace[axis]?.[i]), up = error.array[i] ?? 0;
      const low = value - (error.arrayminus?.[i] ?? up);
      const from = frame[axis].place(low), to = frame[axis].place(value + up);
      if (!Number.isFinite(from + to)) continue;
      parts.push(
        axis === "x"
          ? `<line x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke="${
            escape(color)
          }" stroke-width="1.5"/>`
          : `<line x1="${x}" x2="${x}" y1="${from}" y2="${to}" stroke="${
            escape(color)
          }" stroke-width="1.5"/>`,
      );
    }
  }
  return parts.join("");
}

function drawBars(
  trace: Trace,
  index: number,
  traces: readonly Trace[],
  frame: Frame,
): string {
  const color = traceColor(trace, index);
  const bars = traces.filter((other) =>
    other.type === "bar" && other.xaxis === trace.xaxis &&
    other.yaxis === trace.yaxis
  );
  const sideways = trace.orientation === "h";
  const along = sideways ? frame.y : frame.x;
  const path = points(trace, frame);
  const step = Math.abs(
    sideways ? path[1]?.[1]! - path[0]?.[1]! : path[1]?.[0]! - path[0]?.[0]!,
  );
  const room = along.band || (Number.isFinite(step) ? 0.8 * step : 40);
  const thick = room / bars.length;
  const shift = (bars.indexOf(trace) - (bars.length - 1) / 2) * thick;
  const shifted = path.map(([x, y]): [number, number] =>
    sideways ? [x, y + shift] : [x + shift, y]
  );
  const rects = shifted.filter(([x, y]) => Number.isFinite(x + y)).map(
    ([x, y], i) => {
      const own = Array.isArray(trace.marker?.color)
        ? String(trace.marker.color[i])
        : color;
      const [x0, x1] = sideways
        ? [frame.x.origin, x]
        : [x - thick / 2, x + thick / 2];
      const [y0, y1] = sideways
        ? [y - thick / 2, y + thick / 2]
        : [y, frame.y.origin];
      return `<rect x="${Math.min(x0, x1)}" y="${Math.min(y0, y1)}" width="${
        Math.abs(x1 - x0)
      }" height="${Math.abs(y1 - y0)}" fill="${
        escape(own)
      }" fill-opacity=".85"/>`;
    },
  );
  return rects.join("") + drawErrors(trace, shifted, INK, frame);
}
