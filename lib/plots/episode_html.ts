/**
 * One episode drawn turn by turn as HTML: subgoals as colored segments, and the credit of every decision.
 *
 * @module
 */

import { escape } from "html-escaper";
import {
  type Credit,
  type DecisionName,
  DECISIONS,
  type Trajectory,
  type Turn,
} from "../trajectory.ts";
import { DECISION_COLORS, seriesColor, translucent } from "./theme.ts";

/** Longest observation that is shown whole, in characters. */
const OBSERVATION_LENGTH = 240;

/**
 * Draws one episode as a table, one row for each turn; nothing in it needs a script.
 *
 * The color of a row is that of its segment. Bars show the advantage of each decision that was taken,
 * to the right where it was better than expected, on one scale for the whole episode.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { episodeHtml } from "@hiper/lab";
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
 * @param options Whether all turns are shown before the reader asks for them. @default {true}
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
    return turnRow(turn, {
      t,
      starts,
      color: seriesColor(segment),
      bars: DECISIONS.map((name) =>
        advantageBar(name, t, { turn, credit, scale })
      ),
    });
  });
  const heads = [
    "",
    "subgoal",
    "observation",
    "action",
    "reward",
    ...DECISIONS,
  ];
  const outcome = success ? "succeeded" : `failed (${ending})`;
  return `<details${open ? " open" : ""}><summary><b>${escape(id)}</b>: ${
    escape(task)
  } — ${outcome} after ${turns.length} turns</summary>
<div class="scroll"><table style="font-size:.8rem"><thead><tr>${
    heads.map((head) => `<th style="text-align:left">${head}</th>`).join("")
  }</tr></thead><tbody>${rows.join("\n")}</tbody></table></div></details>`;
}

function turnRow(
  { observation, decision, reward }: Turn,
  look: {
    t: number;
    starts: boolean;
    color: string;
    bars: readonly string[];
  },
): string {
  const { t, starts, color, bars } = look;
  const cell = (html: string, style = "") =>
    `<td style="text-align:left;vertical-align:top;${style}">${html}</td>`;
  const subgoal = starts ? `<b>${escape(decision.subgoal)}</b>` : "";
  return `<tr style="background:${translucent(color, 0.13)}">${
    [
      cell(String(t), `border-left:5px solid ${color}`),
      cell(subgoal, "max-width:11rem"),
      cell(
        escape(shortened(observation.text)),
        "min-width:16rem;max-width:24rem",
      ),
      cell(
        escape(decision.action) + (decision.valid ? "" : " <b>(invalid)</b>"),
      ),
      cell(reward === 0 ? "" : String(Number(reward.toPrecision(4)))),
      ...bars.map((bar) => cell(bar, "width:5rem")),
    ].join("")
  }</tr>`;
}

/** A bar from the middle: right for praise, left for blame; nothing where nothing was decided. */
function advantageBar(
  name: DecisionName,
  t: number,
  from: { turn: Turn; credit: Credit | undefined; scale: number },
): string {
  const { turn, credit, scale } = from;
  if (!credit || (name === "planning" && !turn.decision.switched && t > 0)) {
    return "";
  }
  const advantage = credit.advantages[name][t]!;
  const width = 50 * Math.abs(advantage) / scale;
  const left = advantage < 0 ? 50 - width : 50;
  const text = advantage.toPrecision(2);
  return `<div title="${name} ${text}" style="position:relative;height:1em;min-width:4rem;background:linear-gradient(rgba(127,127,127,.6),rgba(127,127,127,.6)) center/1px 100% no-repeat"><div style="position:absolute;left:${
    left.toFixed(1)
  }%;width:${width.toFixed(1)}%;height:100%;background:${
    DECISION_COLORS[name]
  }"></div></div><small>${text}</small>`;
}

function largest(
  { turns }: Trajectory,
  credit: Credit | undefined,
): number {
  let scale = 1e-9;
  for (const name of DECISIONS) {
    for (let t = 0; credit && t < turns.length; t++) {
      if (name === "planning" && !turns[t]!.decision.switched && t > 0) {
        continue;
      }
      scale = Math.max(scale, Math.abs(credit.advantages[name][t]!));
    }
  }
  return scale;
}

function shortened(text: string): string {
  return text.length > OBSERVATION_LENGTH
    ? `${text.slice(0, OBSERVATION_LENGTH)} …`
    : text;
}
