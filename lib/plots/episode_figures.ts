/**
 * One episode, turn by turn: as a timeline, under several estimators, and as an HTML table.
 *
 * @module
 */

import { type Markup, markup, type Piece } from "../html.ts";
import {
  type Credit,
  type DecisionName,
  DECISIONS,
  type Trajectory,
  type Turn,
} from "../trajectory.ts";
import {
  DECISION_COLORS,
  type Figure,
  figureLayout,
  GRAY,
  lineTrace,
  PALETTE,
  type PlotlyRecord,
  seriesColor,
  translucent,
} from "./figure.ts";

/** Turns played under one subgoal. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly subgoal: string;
}

/** Splits an episode where the subgoal was switched. */
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

/**
 * Whether a decision was taken on turn `t`; a subgoal is planned on the first turn and at switches.
 */
export function isTaken(name: DecisionName, t: number, turn: Turn): boolean {
  return name !== "planning" || t === 0 || turn.decision.switched;
}

/** Rows of labels above an episode; neighbors are in different ones. */
const LABEL_ROWS = 3;

/** Characters of a label that fit across the whole figure in a notebook. */
const CHARACTERS = 120;

/** Segments as colored backgrounds, each labeled with its subgoal as far as there is room. */
function segmentBackground(trajectory: Trajectory): PlotlyRecord {
  const segments = stretches(trajectory);
  const turns = trajectory.turns.length;
  const room = (k: number) => {
    const next = segments[k + LABEL_ROWS]?.start ?? turns;
    return Math.floor(CHARACTERS * (next - segments[k]!.start) / turns) - 1;
  };
  return {
    margin: { l: 64, r: 24, t: 104, b: 56 },
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

/** Action, subgoal and observation of each turn, shown at the mouse pointer. */
function turnTexts(trajectory: Trajectory): string[] {
  return trajectory.turns.map(({ decision, observation }) =>
    `${decision.action} [${decision.subgoal}] ${clipped(observation.text, 90)}`
  );
}

/**
 * Draws one episode turn by turn: subgoals as colored segments, rewards, values, advantages.
 *
 * @param trajectory The episode.
 * @param credit Its credit, in units of return; absent draws no advantages.
 * @returns The figure.
 */
export function episodeTimeline(
  trajectory: Trajectory,
  credit?: Credit,
): Figure {
  const x = turnNumbers(trajectory);
  const text = turnTexts(trajectory);
  const data: PlotlyRecord[] = [{
    type: "bar",
    name: "reward",
    x,
    y: trajectory.turns.map(({ reward }) => reward),
    marker: { color: GRAY },
    hovertext: text,
  }];
  if (trajectory.turns.some(({ decision }) => decision.values)) {
    const values = trajectory.turns.map(({ decision }) =>
      decision.values?.execution ?? null
    );
    data.push(lineTrace(x, values, PALETTE[2], {
      ...{ mode: "lines", name: "value before acting", hovertext: text },
      line: { dash: "dot" },
    }));
  }
  if (credit) data.push(...advantageTraces(trajectory, credit));
  const layout = figureLayout({
    title: `${trajectory.success ? "Success" : "Failure"}: ${
      clipped(trajectory.task, 80)
    }`,
    x: "turn",
    y: "reward, value, advantage (units of return)",
    height: 460,
    extra: segmentBackground(trajectory),
  });
  return { data, layout };
}

/** Advantages of the decisions that were taken, one series for each decision. */
function advantageTraces(
  trajectory: Trajectory,
  credit: Credit,
): PlotlyRecord[] {
  return DECISIONS.map((name) => {
    const color = DECISION_COLORS[name], isPlanning = name === "planning";
    const taken = Array.from(
      credit.advantages[name],
      (advantage, t) =>
        isTaken(name, t, trajectory.turns[t]!) ? advantage : null,
    );
    return lineTrace(turnNumbers(trajectory), taken, color, {
      mode: isPlanning ? "markers" : "lines+markers",
      name: `advantage of ${name}`,
      line: { width: 1.5 },
      marker: { color, size: isPlanning ? 11 : 6 },
    });
  });
}

/**
 * Draws the credit of one episode under several estimators.
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
  const x = turnNumbers(trajectory), hovertext = turnTexts(trajectory);
  const data = Object.entries(credits).map(([name, credit], index) => {
    const y = Array.from(credit.advantages[decision]);
    return lineTrace(x, y, seriesColor(index), { name, hovertext });
  });
  const layout = figureLayout({
    title: `Credit of ${decision}, by estimator`,
    x: "turn",
    y: "advantage (units of return)",
    height: 460,
    extra: segmentBackground(trajectory),
  });
  return { data, layout };
}

/** Longest observation that is shown whole in a table, in characters. */
const OBSERVATION_LENGTH = 240;

/** Style of the axis that advantage bars start from. */
const AXIS_STYLE =
  "position:relative;height:1em;min-width:4rem;background:linear-gradient(rgba(127,127,127,.6),rgba(127,127,127,.6)) center/1px 100% no-repeat";

/**
 * Draws one episode as a table, one row for each turn; it needs no script.
 *
 * The color of a row is that of its segment. Bars show the advantage of each decision that was taken,
 * to the right where it was better than expected, on one scale for the whole episode.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { episodeHtml } from "@hiper/lab/plots";
 *
 * const html = episodeHtml({
 *   id: "corridor/0#0",
 *   task: "leave <b>now</b>",
 *   group: "corridor/0",
 *   turns: [],
 *   ending: "terminated",
 *   success: true,
 *   score: 1,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 *   seed: 0,
 * });
 * ok(html.includes("leave &lt;b&gt;now&lt;/b&gt;"));
 * ```
 *
 * @param trajectory The episode.
 * @param credit Its credit, in units of return; absent draws no bars.
 * @param options Whether the turns are shown before a click. @default {true}
 * @returns Markup, every text escaped.
 */
export function episodeHtml(
  trajectory: Trajectory,
  credit?: Credit,
  options: { readonly open?: boolean } = {},
): string {
  const { open = true } = options;
  const { id, task, turns, success, ending } = trajectory;
  const scale = largest(trajectory, credit);
  let segment = -1;
  const rows = turns.map((turn, t) => {
    const starts = t === 0 || turn.decision.switched;
    if (starts) segment++;
    const bars = DECISIONS.map((name) =>
      advantageBar(name, t, { turn, credit, scale })
    );
    return turnRow(turn, { t, starts, color: seriesColor(segment), bars });
  });
  const names = ["", "subgoal", "observation", "action", "reward"];
  const heads = [...names, ...DECISIONS].map((head) =>
    markup`<th style="text-align:left">${head}</th>`
  );
  const outcome = success ? "succeeded" : `failed (${ending})`;
  return markup`<details${
    open ? markup` open` : undefined
  }><summary><b>${id}</b>: ${task} — ${outcome} after ${turns.length} turns</summary>
<div class="scroll"><table style="font-size:.8rem"><thead><tr>${heads}</tr></thead>
<tbody>${rows}</tbody></table></div></details>`.text;
}

function turnRow(
  { observation, decision, reward }: Turn,
  look: {
    t: number;
    starts: boolean;
    color: string;
    bars: readonly (Markup | undefined)[];
  },
): Markup {
  const { t, starts, color, bars } = look;
  const cell = (content: Piece, style = "") =>
    markup`<td style="text-align:left;vertical-align:top;white-space:normal;${style}">${content}</td>`;
  const invalid = decision.valid ? undefined : markup` <b>(invalid)</b>`;
  const subgoal = starts ? markup`<b>${decision.subgoal}</b>` : undefined;
  return markup`<tr style="background:${translucent(color, 0.13)}">${[
    cell(t, `border-left:5px solid ${color}`),
    cell(subgoal, "max-width:11rem"),
    cell(
      clipped(observation.text, OBSERVATION_LENGTH),
      "min-width:16rem;max-width:24rem",
    ),
    cell([decision.action, invalid]),
    cell(reward === 0 ? "" : Number(reward.toPrecision(4))),
    ...bars.map((bar) => cell(bar, "width:5rem")),
  ]}</tr>
`;
}

/** A bar from the middle: to the right if better than expected, to the left if worse; none without a decision. */
function advantageBar(
  name: DecisionName,
  t: number,
  from: { turn: Turn; credit: Credit | undefined; scale: number },
): Markup | undefined {
  const { turn, credit, scale } = from;
  if (!credit || !isTaken(name, t, turn)) return undefined;
  const advantage = credit.advantages[name][t]!;
  const width = 50 * Math.abs(advantage) / scale;
  const left = advantage < 0 ? 50 - width : 50;
  const label = advantage.toPrecision(2);
  const bar = `left:${left.toFixed(1)}%;width:${width.toFixed(1)}%;` +
    `height:100%;background:${DECISION_COLORS[name]}`;
  return markup`<div title="${name} ${label}" style="${AXIS_STYLE}"><div style="position:absolute;${bar}"></div></div><small>${label}</small>`;
}

/** The largest advantage of a decision that was taken. */
function largest({ turns }: Trajectory, credit: Credit | undefined): number {
  const sizes = DECISIONS.flatMap((name) =>
    turns.flatMap((turn, t) =>
      credit && isTaken(name, t, turn)
        ? Math.abs(credit.advantages[name][t]!)
        : []
    )
  );
  return Math.max(1e-9, ...sizes);
}
