/**
 * Figures about one episode: drawn turn by turn, and its credit under several estimators.
 *
 * @module
 */

import {
  type Credit,
  type DecisionName,
  DECISIONS,
  type Trajectory,
} from "../trajectory.ts";
import {
  DECISION_COLORS,
  type Figure,
  houseLayout,
  seriesColor,
  translucent,
} from "./theme.ts";

/** Turns played under one subgoal, for the colored background. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly subgoal: string;
}

/**
 * Splits an episode where the subgoal was switched.
 *
 * @param trajectory The episode.
 * @returns Stretches of turns, each with its subgoal.
 */
export function stretches(trajectory: Trajectory): Stretch[] {
  const starts = trajectory.turns.flatMap(({ decision }, t) =>
    t === 0 || decision.switched ? [t] : []
  );
  return starts.map((start, k) => ({
    start,
    end: starts[k + 1] ?? trajectory.turns.length,
    subgoal: trajectory.turns[start]!.decision.subgoal,
  }));
}

/** Rows of labels above an episode; neighbors stand in different ones. */
const LABEL_ROWS = 3;

/** Characters of a label that fit across the whole figure in a notebook. */
const CHARACTERS = 120;

/** Segments as colored backgrounds, each labeled with its subgoal as far as there is room. */
function segmentBackground(trajectory: Trajectory): Record<string, unknown> {
  const segments = stretches(trajectory);
  const turns = trajectory.turns.length;
  const room = (k: number) => {
    const next = segments[k + LABEL_ROWS]?.start ?? turns;
    return Math.floor(CHARACTERS * (next - segments[k]!.start) / turns) - 1;
  };
  return {
    shapes: segments.map(({ start, end }, k) => ({
      type: "rect",
      xref: "x",
      yref: "paper",
      x0: start - 0.5,
      x1: end - 0.5,
      y0: 0,
      y1: 1,
      fillcolor: translucent(seriesColor(k), 0.14),
      line: { width: 0 },
      layer: "below",
    })),
    annotations: segments.map(({ start, subgoal }, k) => ({
      xref: "x",
      yref: "paper",
      x: start - 0.5,
      y: 1.15 - 0.055 * (k % LABEL_ROWS),
      xanchor: "left",
      showarrow: false,
      font: { size: 11, color: seriesColor(k) },
      text: clipped(subgoal || "(no subgoal)", Math.max(3, room(k))),
    })),
  };
}

function clipped(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function turnNumbers(trajectory: Trajectory): number[] {
  return [...trajectory.turns.keys()];
}

/** What was done on each turn, for the reader who points at it. */
function turnTexts(trajectory: Trajectory): string[] {
  return trajectory.turns.map(({ decision, observation }) =>
    `${decision.action} [${decision.subgoal}] ${clipped(observation.text, 90)}`
  );
}

/**
 * Draws one episode turn by turn: subgoals as colored segments, rewards, values, advantages.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { episodeTimeline, type Trajectory } from "@hiper/lab";
 *
 * const trajectory: Trajectory = {
 *   id: "0", task: "leave", group: "0", turns: [], ending: "terminated",
 *   success: false, score: 0, seed: 0,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 * };
 * ok(episodeTimeline(trajectory).layout["xaxis"]);
 * ```
 *
 * @param trajectory The episode.
 * @param credit What each decision was credited with, in units of return.
 * @returns The figure.
 */
export function episodeTimeline(
  trajectory: Trajectory,
  credit?: Credit,
): Figure {
  const x = turnNumbers(trajectory);
  const text = turnTexts(trajectory);
  const data: Record<string, unknown>[] = [{
    type: "bar",
    name: "reward",
    x,
    y: trajectory.turns.map(({ reward }) => reward),
    marker: { color: "#7F7F7F" },
    hovertext: text,
  }];
  if (trajectory.turns.some(({ decision }) => decision.values)) {
    data.push({
      type: "scatter",
      mode: "lines",
      name: "value before acting",
      x,
      y: trajectory.turns.map(({ decision }) =>
        decision.values?.execution ?? null
      ),
      line: { color: "#009E73", width: 2, dash: "dot" },
      hovertext: text,
    });
  }
  if (credit) data.push(...advantageTraces(trajectory, credit));
  const layout = houseLayout({
    title: `${trajectory.success ? "Success" : "Failure"}: ${
      clipped(trajectory.task, 80)
    }`,
    x: "turn",
    y: "reward, value, advantage (units of return)",
    height: 460,
    extra: segmentBackground(trajectory),
  });
  layout["margin"] = { l: 64, r: 24, t: 104, b: 56 };
  return { data, layout };
}

/** Advantages of the decisions that were taken, one series for each decision. */
function advantageTraces(
  trajectory: Trajectory,
  credit: Credit,
): Record<string, unknown>[] {
  const taken = (name: DecisionName, t: number) =>
    name !== "planning" || t === 0 || trajectory.turns[t]!.decision.switched;
  return DECISIONS.map((name) => ({
    type: "scatter",
    mode: name === "planning" ? "markers" : "lines+markers",
    name: `advantage of ${name}`,
    x: turnNumbers(trajectory),
    y: Array.from(
      credit.advantages[name],
      (advantage, t) => taken(name, t) ? advantage : null,
    ),
    line: { color: DECISION_COLORS[name], width: 1.5 },
    marker: {
      color: DECISION_COLORS[name],
      size: name === "planning" ? 11 : 6,
    },
  }));
}

/**
 * Draws what several estimators make of one episode.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { creditComparison, type Trajectory } from "@hiper/lab";
 *
 * const trajectory: Trajectory = {
 *   id: "0", task: "leave", group: "0", turns: [], ending: "terminated",
 *   success: false, score: 0, seed: 0,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 * };
 * const column = new Float64Array();
 * const advantages = { switching: column, planning: column, execution: column };
 * strictEqual(creditComparison(trajectory, { hae: { advantages } }).data.length, 1);
 * ```
 *
 * @param trajectory The episode.
 * @param credits Credit of that episode by name of the estimator.
 * @param options Which decision to draw. @default {"execution"}
 * @returns The figure.
 */
export function creditComparison(
  trajectory: Trajectory,
  credits: Readonly<Record<string, Credit>>,
  options: { readonly decision?: DecisionName } = {},
): Figure {
  const { decision = "execution" } = options;
  const data = Object.entries(credits).map(([name, credit], index) => ({
    type: "scatter",
    mode: "lines+markers",
    name,
    x: turnNumbers(trajectory),
    y: Array.from(credit.advantages[decision]),
    line: { color: seriesColor(index), width: 2 },
    hovertext: turnTexts(trajectory),
  }));
  const layout = houseLayout({
    title: `Credit of ${decision}, by estimator`,
    x: "turn",
    y: "advantage (units of return)",
    height: 460,
    extra: segmentBackground(trajectory),
  });
  layout["margin"] = { l: 64, r: 24, t: 104, b: 56 };
  return { data, layout };
}
