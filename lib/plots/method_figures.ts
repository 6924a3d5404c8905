/**
 * Figures of methods: the angles between their gradients, the decisions that these train, and GEAR's view of a reply.
 *
 * @module
 */

import {
  type ByDecision,
  type Decision,
  type DecisionName,
  DECISIONS,
} from "../trajectory.ts";
import {
  DECISION_COLORS,
  type Figure,
  figureLayout,
  GRAY,
  PALETTE,
  type PlotlyRecord,
  translucent,
} from "./figure.ts";

/** The gradient of a method, as far as it is drawn; see `methodGradients`. */
export interface DrawnGradient {
  /** Name of the method. */
  readonly method: string;
  /** Length of the gradient. */
  readonly norm: number;
  /** Share of each decision's part. */
  readonly shares: ByDecision<number>;
}

/** A reply as GEAR sees it, as far as it is drawn; see `refineReplies`. Shapes `(units,)`. */
export interface DrawnReply {
  /** The decision that each unit belongs to. */
  readonly names: readonly (DecisionName | undefined)[];
  /** How far the teacher departs, in nats. */
  readonly divergences: Float64Array;
  /** Divergence above which a unit departs, in nats. */
  readonly threshold: number;
  /** Single units and segments `[start, end)`, which tile the reply. */
  readonly segments: readonly {
    readonly start: number;
    readonly end: number;
    readonly divergence: number;
  }[];
  /** Weights. */
  readonly weights: Float64Array;
}

/**
 * Draws the cosine between the gradients of each two methods, as a table of colored fields.
 *
 * @param names The methods. Shape `(methods,)`.
 * @param cosines See `gradientCosines`. Shape `(methods, methods)`.
 * @returns The figure.
 */
export function gradientAngles(
  names: readonly string[],
  cosines: readonly (readonly number[])[],
): Figure {
  const fields = cosines.flatMap((row, i) =>
    row.map((cosine, j) => ({ cosine, i, j }))
  );
  const axis = {
    type: "linear",
    tickvals: names.map((_, i) => i),
    ticktext: names,
    showgrid: false,
    zeroline: false,
    automargin: true,
  };
  const edge = [-0.5, names.length - 0.5];
  const layout = figureLayout({
    title: "Cosine between the gradients of two methods on one batch",
    x: "",
    y: "",
    height: 160 + 34 * names.length,
    xaxis: { ...axis, range: edge, showticklabels: false },
    yaxis: { ...axis, range: [...edge].reverse() },
    extra: {
      margin: { l: 170, r: 24, t: 56, b: 30 },
      shapes: fields.map(({ cosine, i, j }) => ({
        ...{ type: "rect", layer: "below" },
        ...{ x0: j - 0.5, x1: j + 0.5, y0: i - 0.5, y1: i + 0.5 },
        fillcolor: translucent(
          PALETTE[cosine < 0 ? 1 : 0],
          0.85 * Math.min(1, Math.abs(cosine)),
        ),
        line: { width: 0 },
      })),
      annotations: fields.map(({ cosine, i, j }) => ({
        ...{ x: j, y: i, text: cosine.toFixed(2), showarrow: false },
        font: { size: 11, color: Math.abs(cosine) > 0.6 ? "#ffffff" : GRAY },
      })),
    },
  });
  const points = { type: "scatter", mode: "markers", showlegend: false };
  const hidden = { marker: { color: "rgba(0,0,0,0)", size: 1 } };
  const place = names.map((_, i) => i);
  return { data: [{ ...points, ...hidden, x: place, y: place }], layout };
}

/**
 * Draws which share of the gradient each decision has, and the gradient's norm.
 *
 * @param gradients Gradients on the same batch.
 * @returns The figure; norms are on a logarithmic axis.
 */
export function gradientShares(gradients: readonly DrawnGradient[]): Figure {
  const names = gradients.map(({ method }) => method);
  const bars = DECISIONS.map((name): PlotlyRecord => ({
    ...{ type: "bar", name, orientation: "h", y: names },
    x: gradients.map(({ shares }) => shares[name]),
    marker: { color: DECISION_COLORS[name] },
  }));
  const norms = {
    ...{ type: "scatter", mode: "markers", name: "norm", y: names },
    ...{ x: gradients.map(({ norm }) => norm), xaxis: "x2", yaxis: "y2" },
    marker: { color: GRAY, size: 9 },
  };
  const categories = {
    type: "category",
    autorange: "reversed",
    automargin: true,
  };
  const layout = figureLayout({
    title: "Length of each decision's part, and of the whole gradient",
    x: "share of the sum of lengths",
    y: "",
    height: 190 + 40 * names.length,
    xaxis: { domain: [0, 0.56], range: [0, 1] },
    extra: {
      barmode: "group",
      margin: { l: 170, r: 24, t: 56, b: 56 },
      yaxis: categories,
      yaxis2: { ...categories, anchor: "x2", visible: false },
    },
  });
  const xaxis2 = {
    ...layout["xaxis"] as PlotlyRecord,
    ...{ anchor: "y2", domain: [0.64, 1], type: "log", range: undefined },
    title: { text: "norm" },
  };
  return { data: [...bars, norms], layout: { ...layout, xaxis2 } };
}

/** How to draw {@linkcode gearReply}. */
export interface GearReplyOptions {
  /** The decision that the reply wrote. */
  readonly decision: Decision;
  /** Text of one token: a tokenizer's `piece`. */
  readonly piece: (token: number) => string;
}

/**
 * Draws a reply as GEAR sees it: the teacher's divergence at each decided token with the threshold, and the weights.
 *
 * Tokens of a segment have the color of their decision, single ones are gray.
 *
 * @param reply What `refineReplies` gave for the decision.
 * @returns The figure.
 * @throws {TypeError} If the decision's trace is not of tokens.
 */
export function gearReply(
  reply: DrawnReply,
  { decision: { trace }, piece }: GearReplyOptions,
): Figure {
  if (trace.kind !== "tokens") {
    throw new TypeError(
      `Cannot draw a reply as its trace must be of tokens: current value is "${trace.kind}"`,
    );
  }
  const { names, divergences, threshold, segments, weights } = reply;
  const departs = new Set(
    segments.filter(({ divergence }) => divergence > threshold)
      .flatMap(({ start, end }) =>
        Array.from({ length: end - start }, (_, k) => start + k)
      ),
  );
  const decided = [...names.keys()].filter((u) => names[u] !== undefined);
  const labels = decided.map((u) =>
    `${u} ${piece(trace.reply[u]!).replaceAll("\n", "↵").replaceAll(" ", "·")}`
  );
  const color = decided.map((u) =>
    departs.has(u) ? DECISION_COLORS[names[u]!] : GRAY
  );
  const bars = (x: number[], axes: PlotlyRecord): PlotlyRecord => ({
    ...{ type: "bar", orientation: "h", showlegend: false, y: labels, x },
    marker: { color },
    ...axes,
  });
  const categories = {
    type: "category",
    autorange: "reversed",
    automargin: true,
  };
  const layout = figureLayout({
    title: "A reply as GEAR sees it: tokens of segments are colored",
    x: "divergence of the teacher (nats)",
    y: "",
    height: 150 + 26 * decided.length,
    xaxis: { domain: [0, 0.48] },
    extra: {
      margin: { l: 150, r: 24, t: 56, b: 56 },
      yaxis: categories,
      yaxis2: { ...categories, anchor: "x2", visible: false },
      shapes: [upright(threshold)],
    },
  });
  const xaxis2 = {
    ...layout["xaxis"] as PlotlyRecord,
    ...{ anchor: "y2", domain: [0.54, 1], title: { text: "weight" } },
  };
  return {
    data: [
      bars(decided.map((u) => divergences[u]!), {}),
      bars(decided.map((u) => weights[u]!), { xaxis: "x2", yaxis: "y2" }),
    ],
    layout: { ...layout, xaxis2 },
  };
}

/** A line over the height of the left panel. */
function upright(x: number): PlotlyRecord {
  return {
    ...{ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1 },
    line: { color: GRAY, width: 1.5, dash: "dash" },
  };
}
