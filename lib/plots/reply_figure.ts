/**
 * One reply of a language policy, token by token: the decision of each token, and whether it was sampled.
 *
 * @module
 */

import {
  type ByDecision,
  type Decision,
  type DecisionName,
  DECISIONS,
  decisionUnits,
  type TokenTrace,
} from "../trajectory.ts";
import {
  DECISION_COLORS,
  type Figure,
  figureLayout,
  GRAY,
  translucent,
} from "./figure.ts";

/** Characters in a row before the next token begins a new one. */
const ROW_LENGTH = 84;

/** Least width of the figure in characters, so that short replies are not enlarged. */
const LEAST_LENGTH = 52;

/** A token and its place: characters from the left, rows from the top. */
interface PlacedToken {
  readonly text: string;
  readonly left: number;
  readonly width: number;
  readonly row: number;
  readonly decision: DecisionName | undefined;
  /** Absent where decoding was forced. */
  readonly probability?: number;
}

/** How to draw {@linkcode replyTokens}. */
export interface ReplyTokensOptions {
  /** Text of one token: a tokenizer's `piece`. */
  readonly piece: (token: number) => string;
  /** Advantage of each decision, in units of return, for the legend. */
  readonly advantages?: ByDecision<number>;
}

/**
 * Draws a reply token by token.
 *
 * A box has the color of its decision: full where the token was sampled, with its probability
 * below it, faint where decoding forced it. A space is a dot, a line's end an arrow.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { replyTokens } from "@hiper/lab/plots";
 *
 * const pieces = ["<action>", "wait"];
 * const figure = replyTokens({
 *   switched: false, subgoal: "", action: "wait", valid: true,
 *   trace: {
 *     kind: "tokens",
 *     prompt: new Int32Array(0),
 *     reply: Int32Array.of(0, 1),
 *     logProbs: Float32Array.of(0, Math.log(0.5)),
 *     sampled: Uint8Array.of(0, 1),
 *     spans: { switching: undefined, planning: undefined, execution: { start: 0, end: 2 } },
 *   },
 * }, { piece: (token) => pieces[token]! });
 * const { annotations } = figure.layout as { annotations: { text: string }[] };
 * strictEqual(annotations.map(({ text }) => text).join(" "), "<action> wait 0.50");
 * ```
 *
 * @param decision A decision of a policy that writes tokens.
 * @param options Text of tokens, and credit.
 * @returns The figure.
 * @throws {TypeError} If the trace is not of tokens.
 */
export function replyTokens(
  decision: Decision,
  options: ReplyTokensOptions,
): Figure {
  const { trace } = decision;
  if (trace.kind !== "tokens") {
    throw new TypeError(
      `Cannot draw a reply as its trace must be of tokens: current value is "${trace.kind}"`,
    );
  }
  const tokens = placeTokens(trace, options.piece);
  const rows = 1 + Math.max(0, ...tokens.map(({ row }) => row));
  const longest = Math.max(...tokens.map(({ left, width }) => left + width));
  const layout = figureLayout({
    title: "One reply: sampled tokens are full, forced ones are faint",
    x: "",
    y: "",
    height: 130 + 62 * rows,
    extra: {
      shapes: tokens.map(box),
      annotations: tokens.flatMap(notes),
    },
  });
  const hidden = { visible: false, fixedrange: true };
  return {
    data: legend(trace, options.advantages),
    layout: {
      ...layout,
      margin: { l: 24, r: 24, t: 56, b: 56 },
      xaxis: { ...hidden, range: [0, Math.max(LEAST_LENGTH, longest)] },
      yaxis: { ...hidden, range: [0.4 - rows, 0.5] },
    },
  };
}

/** Lays tokens out as the reply's lines. */
function placeTokens(
  trace: TokenTrace,
  piece: (token: number) => string,
): PlacedToken[] {
  const { reply, logProbs, sampled, ...rest } = trace;
  const decisions = decisionUnits({ reply, logProbs, ...rest }); // forced or not
  let row = 0, left = 0;
  return Array.from(reply, (token, i) => {
    const text = spelled(piece(token));
    const width = text.length + 1;
    if (left > 0 && left + width > ROW_LENGTH) row++, left = 0;
    const placed = {
      ...{ text, left, width, row, decision: decisions[i] },
      ...(sampled?.[i] !== 0 && { probability: Math.exp(logProbs[i]!) }),
    };
    left += width;
    if (text.endsWith("↵")) row++, left = 0;
    return placed;
  });
}

/** Makes white space visible, and control characters U+FFFD. */
function spelled(text: string): string {
  return text.replaceAll("\n", "↵").replaceAll(" ", "·")
    .replaceAll(/\p{C}/gu, "\ufffd");
}

function box({ left, width, row, decision, probability }: PlacedToken) {
  const color = decision ? DECISION_COLORS[decision] : GRAY;
  return {
    type: "rect",
    xref: "x",
    yref: "y",
    x0: left + 0.1,
    x1: left + width - 0.1,
    y0: -row - 0.2,
    y1: -row + 0.25,
    fillcolor: probability === undefined ? translucent(color, 0.16) : color,
    line: { width: 0 },
  };
}

/** A token's text and, where it was sampled, its probability. */
function notes({ text, left, width, row, probability }: PlacedToken) {
  const note = (text: string, y: number, font: object) => ({
    text,
    x: left + width / 2,
    y,
    xref: "x",
    yref: "y",
    showarrow: false,
    font,
  });
  if (probability === undefined) {
    return [note(text, -row + 0.02, { size: 12, color: GRAY })];
  }
  return [
    note(text, -row + 0.02, { size: 12, color: "#FFFFFF" }),
    note(probability.toFixed(2), -row - 0.34, { size: 10, color: GRAY }),
  ];
}

/** Legend entries without points: one for each decision in the reply, with its credit. */
function legend(
  trace: TokenTrace,
  advantages: ByDecision<number> | undefined,
): Record<string, unknown>[] {
  return DECISIONS.filter((name) => trace.spans[name]).map((name) => ({
    type: "scatter",
    mode: "markers",
    name: advantages
      ? `${name}: advantage ${advantages[name].toFixed(3)}`
      : name,
    x: [null],
    y: [null],
    marker: { color: DECISION_COLORS[name], size: 12, symbol: "square" },
    showlegend: true,
  }));
}
