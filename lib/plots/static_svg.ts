/**
 * A figure as SVG, rendered without a browser, for viewers that run no scripts.
 *
 * Covers the part of Plotly that the project's figures use: scatter and bar traces with bands and
 * error bars, on one or more pairs of axes, with rectangles, lines, annotations and a legend.
 *
 * @module
 */

import { scaleBand, scaleLinear, scaleLog, scaleUtc } from "npm:d3-scale@4.0.3";
import { element, type Markup } from "../html.ts";
import {
  type Figure,
  figureTitle,
  GRAY,
  plainFigure,
  type PlotlyRecord,
  seriesColor,
  titleText,
} from "./figure.ts";

const WIDTH = 840;
/** Least margins; a layout may ask for more above and to the left. */
const MARGIN = { left: 78, right: 24, top: 52, bottom: 62 };
/** Color of axes, labels and annotations; legible on white and on black. */
const INK = "#777777";
/** Approximate width of a letter, and height of a line, in pixels. */
const LETTER = 7.2, LINE = 14;
/** Dash patterns by Plotly's names. */
const DASH_PATTERNS: Readonly<Record<string, string>> = {
  dot: "2 3",
  dash: "7 4",
  dashdot: "7 3 2 3",
  longdash: "12 5",
  longdashdot: "12 4 2 4",
};
const MIDDLE = { "text-anchor": "middle" };

/** What a column holds after `plainFigure`. */
type Cell = string | number | boolean | null;
type Point = readonly [x: number, y: number];
type AxisName = "x" | "y";
type Span = readonly [start: number, end: number];
type LineStyle = { color?: string; width?: number; dash?: string };
type ErrorBars = { array?: number[]; arrayminus?: number[]; color?: string };

/** The settings of a Plotly trace that are rendered. */
type Trace =
  & Partial<Record<"type" | "name" | "mode" | "orientation", string>>
  & Partial<Record<"fill" | "fillcolor" | "xaxis" | "yaxis", string>>
  & Partial<Record<"x" | "y", readonly Cell[]>>
  & Partial<Record<"error_x" | "error_y", ErrorBars>>
  & {
    readonly text?: readonly Cell[] | string;
    readonly line?: LineStyle;
    readonly marker?: { color?: string | unknown[]; size?: number | number[] };
    readonly showlegend?: boolean;
  };

/** The settings of a Plotly shape or annotation that are rendered. */
type Drawing =
  & Partial<Record<"type" | "text" | "xref" | "yref", string>>
  & Partial<Record<"xanchor" | "yanchor", string>>
  & Partial<Record<"x" | "x0" | "x1" | "y" | "y0" | "y1", Cell>>
  & {
    readonly fillcolor?: string;
    readonly opacity?: number;
    readonly line?: LineStyle;
    readonly font?: { size?: number; color?: string };
  };

/** The settings of a Plotly axis that are rendered. */
interface AxisSettings {
  readonly type?: "linear" | "log" | "category" | "date";
  /** Ends of the axis; powers of ten on a logarithmic one. */
  readonly range?: Span;
  readonly domain?: Span;
  readonly title?: unknown;
  readonly autorange?: boolean | "reversed";
  readonly tickvals?: readonly number[];
  readonly ticktext?: readonly string[];
  readonly visible?: boolean;
}

/** An axis laid out in pixels. */
interface Axis {
  readonly settings: AxisSettings;
  /** Its start and end. */
  readonly pixels: Span;
  /** Position of a value; `NaN` where it has none. */
  place(value: Cell | undefined): number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  /** Width of one category; 0 on a continuous axis. */
  readonly band: number;
  /** Position of zero, or of the start of an axis without one. */
  readonly origin: number;
}

/** The pair of axes that a trace is on, and the area of all axes. */
type Frame = Record<AxisName, Axis> & { paper: Record<AxisName, Span> };

/** A trace among others, on its axes. */
type Placed = { trace: Trace; index: number; traces: Trace[]; frame: Frame };

/**
 * Renders a figure as SVG source, every text in it escaped; Plotly features beyond those named
 * above are left out.
 *
 * @throws {TypeError} If the figure holds something else than plain data.
 */
export function staticSvg(figure: Figure): string {
  const { data, layout } = plainFigure(figure);
  const traces = data as Trace[];
  const plotHeight = Number(layout["height"] ?? 420);
  const legend = renderLegend(traces, plotHeight + 4);
  const height = plotHeight + legend.height;
  const frames = layFrames(traces, layout, plotHeight);
  const frameOf = (x = "x", y = "y") =>
    frames.get(`${x} ${y}`) ?? [...frames.values()][0]!;
  const render = (trace: Trace, index: number) => {
    const frame = frameOf(trace.xaxis, trace.yaxis);
    const draw = trace.type === "bar" ? renderBars : renderScatter;
    return draw({ trace, index, traces, frame });
  };
  const drawings = (name: "shapes" | "annotations") =>
    ((layout[name] ?? []) as readonly Drawing[])
      .map((one) => renderDrawing(one, frameOf(one.xref, one.yref)));
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${height}`,
    "font-family": "system-ui, sans-serif",
    ...{ "font-size": 12, fill: INK, width: WIDTH, height },
  };
  const parts = [
    text(MARGIN.left - 54, 26, figureTitle(figure), { "font-size": 16 }),
    ...[...frames.values()].map(renderAxes),
    ...drawings("shapes"),
    ...traces.map(render),
    ...drawings("annotations"),
    ...legend.parts,
  ];
  return element("svg", root, parts.map((part) => [part, "\n"])).text;
}

/** A text of one or more lines. */
function text(x: number, y: number, content: string, style = {}): Markup {
  const [first, ...rest] = content.split("\n");
  const lines = rest.map((line) => element("tspan", { x, dy: LINE }, line));
  return element("text", { x, y, ...style }, [first, ...lines]);
}

function rectangle([x0, y0]: Point, [x1, y1]: Point, style: object): Markup {
  const [x, y] = [Math.min(x0, x1), Math.min(y0, y1)];
  const [width, height] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
  return element("rect", { x, y, width, height, ...style });
}

/** The part of a length that a domain names, all of it by default. */
function span(start: number, length: number, domain: Span = [0, 1]): Span {
  return [start + domain[0] * length, start + domain[1] * length];
}

/** One frame for each pair of axes that a trace uses. */
function layFrames(
  traces: readonly Trace[],
  layout: PlotlyRecord,
  height: number,
): Map<string, Frame> {
  const pairs = traces.map((t) => `${t.xaxis ?? "x"} ${t.yaxis ?? "y"}`);
  if (pairs.length === 0) pairs.push("x y");
  const margin = marginOf(traces, layout);
  const width = WIDTH - margin.left - margin.right;
  const room = height - margin.top - margin.bottom;
  const spanX = (domain?: Span) => span(margin.left, width, domain);
  const spanY = (domain?: Span) => span(margin.top + room, -room, domain);
  const paper = { x: spanX(), y: spanY() };
  const settingsOf = (name: string) =>
    (layout[`${name[0]}axis${name.slice(1)}`] ?? {}) as AxisSettings;
  return new Map(pairs.map((pair) => {
    const [xName, yName] = pair.split(" ") as [string, string];
    const x = settingsOf(xName), y = settingsOf(yName);
    const xs = traces.filter((t) => (t.xaxis ?? "x") === xName);
    const ys = traces.filter((t) => (t.yaxis ?? "y") === yName);
    return [pair, {
      x: layAxis(x, cellsAlong(xs, "x"), spanX(x.domain)),
      y: layAxis(y, cellsAlong(ys, "y"), spanY(y.domain)),
      paper,
    }];
  }));
}

/** Room above as the layout asks for, to the left and below as the names of categories need. */
function marginOf(traces: readonly Trace[], layout: PlotlyRecord) {
  const { l = 0, t = 0 } = (layout["margin"] ?? {}) as Record<string, number>;
  const namesAlong = (axis: AxisName) => [
    ...new Set(cellsAlong(traces, axis).filter(isName).map(String)),
  ];
  const widest = Math.max(0, ...namesAlong("y").map((name) => name.length));
  const wanted = Math.max(MARGIN.left, l, 12 + LETTER * widest);
  const left = Math.min(wanted, WIDTH / 2);
  const bottom = MARGIN.bottom + LINE * (linesOf(namesAlong("x")) - 1);
  return { ...MARGIN, left, top: Math.max(MARGIN.top, t), bottom };
}

function linesOf(labels: readonly string[]): number {
  return Math.max(1, ...labels.map((label) => label.split("\n").length));
}

/** Every value along an axis, error bars and the extent of bars included. */
function cellsAlong(traces: readonly Trace[], axis: AxisName): Cell[] {
  return traces.flatMap((trace) => {
    const cells = [...trace[axis] ?? [], ...errorEnds(trace, axis).flat()];
    const along = trace.orientation === "h" ? "x" : "y";
    const [first, second] = cells.map(toNumber);
    const half = Math.abs(second! - first!) / 2;
    if (trace.type === "bar" && axis === along) cells.push(0);
    else if (trace.type === "bar" && half > 0) {
      cells.push(first! - half, toNumber(cells.at(-1)) + half);
    }
    return cells.filter((cell) => cell !== null);
  });
}

/** Ends of a trace's error bars; empty without any. */
function errorEnds(trace: Trace, axis: AxisName): [number, number][] {
  const { array, arrayminus } = trace[`error_${axis}`] ?? {};
  if (!array) return [];
  return [...trace[axis] ?? []].map((cell, i) => {
    const center = toNumber(cell), up = array[i] ?? 0;
    return [center - (arrayminus?.[i] ?? up), center + up];
  });
}

function toNumber(cell: Cell | undefined): number {
  return cell === null || cell === "" ? NaN : Number(cell);
}

/** Whether a cell is a text that is neither a number nor a date. */
function isName(cell: Cell): boolean {
  return typeof cell === "string" && Number.isNaN(toNumber(cell)) &&
    Number.isNaN(toTime(cell));
}

/** Milliseconds of an ISO date, read as UTC where no zone is given; `NaN` for other texts. */
function toTime(cell: Cell | undefined): number {
  const parts = /^(\d{4}-\d\d(?:-\d\d)?)(?:[T ]([\d:.]+)(Z|[+-]\d\d:?\d\d)?)?$/
    .exec(String(cell));
  const [, day = "", time, zone = "Z"] = parts ?? [];
  return Date.parse(time === undefined ? day : `${day}T${time}${zone}`);
}

/** Lays out an axis over the values along it, from the first to the second pixel. */
function layAxis(settings: AxisSettings, cells: Cell[], pixels: Span): Axis {
  const isDate = cells.some((cell) => Number.isFinite(toTime(cell)));
  const type = settings.type ??
    (cells.some(isName) ? "category" : isDate ? "date" : "linear");
  if (type === "category") return categoryAxis(settings, cells, pixels);
  const isLog = type === "log", isLinear = type === "linear";
  const toValue = type === "date" ? toTime : toNumber;
  const values = cells.map(toValue)
    .filter((value) => isLog ? value > 0 : Number.isFinite(value));
  const ends = settings.range?.map((end) => isLog ? 10 ** end : end);
  let [low = 0, high = 1] = ends ?? pad(values, isLog);
  if (settings.autorange === "reversed") [low, high] = [high, low];
  const scale = (isLog ? scaleLog : scaleLinear)([low, high], pixels);
  const format = scale.tickFormat(6, isLog ? "~g" : undefined);
  const [, middle] = [low, 0, high].toSorted((a, b) => a - b);
  return {
    ...{ settings, pixels },
    place: (cell) => scale(toValue(cell)) ?? NaN,
    ticks: type === "date"
      ? dateTicks(low, high, scale)
      : (settings.tickvals ?? scale.ticks(6)).map((value, i) => ({
        at: scale(value),
        label: settings.ticktext?.[i] ?? format(value),
      })).filter(({ label }) => label !== ""),
    band: 0,
    origin: isLinear ? scale(middle!) : pixels[0],
  };
}

function dateTicks(low: number, high: number, place: (ms: number) => number) {
  const scale = scaleUtc([low, high], [0, 1]), format = scale.tickFormat();
  return scale.ticks(6)
    .map((date) => ({ at: place(Number(date)), label: format(date) }));
}

function categoryAxis(settings: AxisSettings, cells: Cell[], pixels: Span) {
  const names = [...new Set(cells.map(String))];
  if (settings.autorange === "reversed") names.reverse();
  const scale = scaleBand(names, pixels).padding(0.2);
  const band = scale.bandwidth(), origin = pixels[0];
  const place = (cell: Cell | undefined) =>
    (scale(String(cell)) ?? NaN) + band / 2;
  const ticks = names.map((label) => ({ at: place(label), label }));
  return { settings, pixels, place, ticks, band, origin };
}

/** The range of the data with air on both sides; none below a least value of 0. */
function pad(values: readonly number[], isLog: boolean): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), isLog ? 1 : Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), isLog ? 1 : -Infinity);
  if (isLog) return [low / 1.2, high * 1.2];
  if (values.length === 0) return [0, 1];
  const air = high > low ? 0.05 * (high - low) : 0.5;
  return [low - (low === 0 ? 0 : air), high + air];
}

function renderAxes({ x, y }: Frame): Markup[] {
  const [left, right] = x.pixels, [bottom, top] = y.pixels;
  const grid = { stroke: INK, "stroke-opacity": ".18" };
  const parts: Markup[] = [];
  if (x.settings.visible !== false) {
    for (const { at, label } of x.ticks) {
      const ends = { x1: at, x2: at, y1: top, y2: bottom, ...grid };
      parts.push(element("line", ends));
      parts.push(text(at, bottom + 17, label, MIDDLE));
    }
    const extra = LINE * (linesOf(x.ticks.map(({ label }) => label)) - 1);
    const title = titleText(x.settings.title);
    parts.push(text((left + right) / 2, bottom + 38 + extra, title, MIDDLE));
  }
  if (y.settings.visible !== false) {
    for (const { at, label } of y.ticks) {
      const ends = { x1: left, x2: right, y1: at, y2: at };
      parts.push(element("line", { ...ends, ...grid }));
      parts.push(text(left - 7, at + 4, label, { "text-anchor": "end" }));
    }
    const place = `translate(${left - 56} ${(top + bottom) / 2}) rotate(-90)`;
    const title = titleText(y.settings.title);
    parts.push(element("text", { transform: place, ...MIDDLE }, title));
  }
  return parts;
}

/** Renders a rectangle, a line or a text at coordinates of the axes or, by `paper`, of the frame. */
function renderDrawing(drawing: Drawing, frame: Frame): Markup | undefined {
  const at = (name: "x" | "x0" | "x1" | "y" | "y0" | "y1") => {
    const axis = name[0] as AxisName, ref = drawing[`${axis}ref`] ?? "";
    const isPaper = ref === "paper", value = drawing[name];
    const [start, end] = isPaper ? frame.paper[axis] : frame[axis].pixels;
    return isPaper || ref.endsWith(" domain")
      ? start + Number(value) * (end - start)
      : frame[axis].place(value);
  };
  if (drawing.text !== undefined) {
    const { font = {}, xanchor = "", yanchor } = drawing;
    const x = at("x"), y = at("y") + (yanchor === "bottom" ? -5 : 4);
    const anchors: Record<string, string> = { left: "start", right: "end" };
    const style = {
      "text-anchor": anchors[xanchor] ?? "middle",
      ...{ "font-size": font.size ?? 12, fill: font.color ?? INK },
    };
    return isPlaced([x, y]) ? text(x, y, drawing.text, style) : undefined;
  }
  const x1 = at("x0"), x2 = at("x1"), y1 = at("y0"), y2 = at("y1");
  if (!isPlaced([x1, y1]) || !isPlaced([x2, y2])) return undefined;
  const { type, line, fillcolor: fill = "none", opacity } = drawing;
  const stroke = strokeOf(line, INK, 1);
  if (type === "line") return element("line", { x1, x2, y1, y2, ...stroke });
  const style = { fill, "fill-opacity": opacity, ...stroke };
  return rectangle([x1, y1], [x2, y2], style);
}

function strokeOf(style: LineStyle | undefined, color: string, width: number) {
  return {
    stroke: style?.color ?? color,
    "stroke-width": style?.width ?? width,
    "stroke-dasharray": DASH_PATTERNS[style?.dash ?? "solid"],
  };
}

/** Names of the traces, in as many columns as the longest leaves room for; none for a single one. */
function renderLegend(traces: readonly Trace[], top: number) {
  const named = traces.filter(({ name, showlegend }) =>
    name && showlegend !== false
  );
  if (named.length < 2) return { parts: [], height: 0 };
  const longest = Math.max(...named.map(({ name = "" }) => name.length));
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const most = Math.floor(width / (34 + LETTER * longest));
  const columns = Math.max(1, Math.min(4, most));
  const parts = named.flatMap((trace, i) => {
    const x = MARGIN.left + (i % columns) * width / columns;
    const y = top + Math.floor(i / columns) * 20;
    const fill = colorOf(trace, traces.indexOf(trace));
    return [
      rectangle([x, y], [x + 14, y + 10], { fill }),
      text(x + 20, y + 10, trace.name!),
    ];
  });
  return { parts, height: 20 * Math.ceil(named.length / columns) };
}

/** Color of a trace, or of one of its points. */
function colorOf({ line, marker }: Trace, index: number, i = -1): string {
  const own = Array.isArray(marker?.color) ? marker.color[i] : undefined;
  const color = own ?? line?.color ?? marker?.color;
  return typeof color === "string" ? color : seriesColor(index);
}

/** Points of a trace in pixels; `NaN` where a value is missing. */
function pointsOf({ x, y }: Trace, frame: Frame): Point[] {
  const n = Math.max(x?.length ?? 0, y?.length ?? 0);
  return Array.from(
    { length: n },
    (_, i) => [frame.x.place(x ? x[i] : i), frame.y.place(y ? y[i] : i)],
  );
}

const isPlaced = ([x, y]: Point) => Number.isFinite(x + y);

/** A path through points, broken where one is missing. */
function pathThrough(points: readonly Point[]): string {
  let command = "M";
  return points.map((point) => {
    const step = command + point.map((at) => at.toFixed(2)).join(",");
    command = isPlaced(point) ? "L" : "M";
    return isPlaced(point) ? step : "";
  }).join("");
}

function renderScatter(placed: Placed): Markup[] {
  const { trace, index, traces, frame } = placed;
  const color = colorOf(trace, index);
  const { mode = "lines", marker, text: labels } = trace;
  const points = pointsOf(trace, frame);
  const parts: Markup[] = [];
  if (trace.fill) {
    const before = trace.fill === "tonexty" ? traces[index - 1] : undefined;
    const feet: Point[] = before
      ? pointsOf(before, frame)
      : points.map(([x]) => [x, frame.y.origin]);
    const edge = [...points, ...feet.toReversed()].filter(isPlaced);
    const d = `${pathThrough(edge)}Z`, fill = trace.fillcolor ?? color;
    parts.push(element("path", { d, fill }));
  }
  if (mode.includes("lines") && trace.line?.width !== 0) {
    const stroke = strokeOf(trace.line, color, 2);
    const style = { fill: "none", ...stroke };
    parts.push(element("path", { d: pathThrough(points), ...style }));
  }
  for (const [i, point] of points.entries()) {
    if (!isPlaced(point)) continue;
    const [cx, cy] = point;
    if (mode.includes("markers")) {
      const size = marker?.size ?? 7;
      const r = (typeof size === "number" ? size : size[i]!) / 2;
      const fill = colorOf(trace, index, i);
      parts.push(element("circle", { cx, cy, r, fill }));
    }
    if (mode.includes("text")) {
      const label = typeof labels === "string" ? labels : labels?.[i] ?? "";
      parts.push(text(cx, cy + 4, String(label), MIDDLE));
    }
  }
  return [...parts, ...renderErrors(placed, points)];
}

function renderErrors({ trace, frame }: Placed, points: Point[]): Markup[] {
  return (["x", "y"] as const).flatMap((axis) =>
    errorEnds(trace, axis).flatMap((ends, i) => {
      const [x, y] = points[i]!;
      const [from, to] = ends.map((end) => frame[axis].place(end));
      const stroke = trace[`error_${axis}`]?.color ?? GRAY;
      const bar = axis === "x"
        ? { x1: from, x2: to, y1: y, y2: y }
        : { x1: x, x2: x, y1: from, y2: to };
      return Number.isFinite(x + y + from! + to!)
        ? [element("line", { ...bar, stroke, "stroke-width": 1.5 })]
        : [];
    })
  );
}

/** Bars of one trace, beside those of the other traces on the same axes. */
function renderBars(placed: Placed): Markup[] {
  const { trace, index, traces, frame } = placed;
  const bars = traces.filter(({ type, xaxis, yaxis }) =>
    type === "bar" && xaxis === trace.xaxis && yaxis === trace.yaxis
  );
  const isSideways = trace.orientation === "h", across = isSideways ? 1 : 0;
  const points = pointsOf(trace, frame), [first, second] = points;
  const step = first && second ? Math.abs(second[across] - first[across]) : 50;
  const { band } = frame[isSideways ? "y" : "x"];
  const thick = (band || 0.8 * (step || 50)) / bars.length;
  const shift = (bars.indexOf(trace) - (bars.length - 1) / 2) * thick;
  const tips = points.map(([x, y]): Point =>
    isSideways ? [x, y + shift] : [x + shift, y]
  );
  const rectangles = tips.flatMap(([x, y], i) => {
    if (!isPlaced([x, y])) return [];
    const style = { fill: colorOf(trace, index, i), "fill-opacity": ".85" };
    return isSideways
      ? rectangle([frame.x.origin, y - thick / 2], [x, y + thick / 2], style)
      : rectangle([x - thick / 2, y], [x + thick / 2, frame.y.origin], style);
  });
  return [...rectangles, ...renderErrors(placed, tips)];
}
