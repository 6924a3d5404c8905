/**
 * The sections of a report about training runs.
 *
 * @module
 */

import { type ColumnTable, from } from "npm:arquero@7.2.0";
import { markup } from "../html.ts";
import type { Credit, Trajectory } from "../trajectory.ts";
import { segmentLengths, valueCalibration } from "./batch_figures.ts";
import { episodeHtml } from "./episode_figures.ts";
import type { Figure } from "./figure.ts";
import { intervalCurve, successByTaskType } from "./learning_figures.ts";
import type { ReportSection } from "./report.ts";
import { strategyTable } from "./strategy_table.ts";

/** Data of a report about training runs; `readReport` reads them from run folders. */
export interface TrainingReportData {
  /** What the runs have in common. */
  readonly summary: string;
  /** Key numbers, shown first. */
  readonly headlines: readonly {
    /** The number, with its unit. */
    readonly value: string;
    /** What it is. */
    readonly label: string;
  }[];
  /** One row for each run: its settings and last numbers. */
  readonly runs: ColumnTable;
  /** Columns `metric`, `series`, `iteration`, `mean`, `low` and `high`, over the runs of a series. */
  readonly curves: ColumnTable;
  /** Columns `split`, `task_type`, `success_rate` and `episodes`; no rows when nothing was evaluated. */
  readonly success: ColumnTable;
  /** The same with intervals and published results, formatted. */
  readonly comparison: ColumnTable;
  /** Caveats of the comparison; may be empty. */
  readonly comparisonNote: string;
  /** Episodes of the last recorded iterations, with values; for calibration and segments. */
  readonly trajectories: readonly Trajectory[];
  /** Discount per turn that the values were learned with. */
  readonly gamma: number;
  /** Episodes shown turn by turn. */
  readonly replays: readonly {
    /** The episode. */
    readonly trajectory: Trajectory;
    /** Its credit. */
    readonly credit?: Credit;
  }[];
}

/** A curve of the report: metric and explanation. */
interface Curve {
  readonly heading: string;
  readonly metric: RegExp;
  readonly y: string;
  readonly prose: string;
  readonly share?: boolean;
}

/** Characters in a line under a bar. */
const LINE_LENGTH = 14;

const CURVES: readonly Curve[] = [
  {
    heading: "Success while learning",
    metric: /^success_rate$/,
    y: "success rate of training episodes",
    prose:
      "Mean over seeds with a 95 % bootstrap interval; one seed has no interval.",
    share: true,
  },
  {
    heading: "Success on held-out worlds",
    metric: /^[^/]+\/success_rate$/,
    y: "success rate of evaluation episodes",
    prose:
      "The same episodes are played at every evaluation, so points of one curve compare.",
    share: true,
  },
  {
    heading: "Return",
    metric: /^return$/,
    y: "mean undiscounted return (reward)",
    prose: "Rewards of the environment, before shaping.",
  },
  {
    heading: "How well values predict returns",
    metric: /^explained_variance\//,
    y: "explained variance of the targets",
    prose: "1 is perfect, 0 is no better than a constant.",
  },
  {
    heading: "How often subgoals are switched",
    metric: /^switch_rate$/,
    y: "share of turns that switch",
    prose:
      "At a rate near 1 the policy is flat: every turn has its own subgoal. At a rate near 0 subgoals are never revised.",
    share: true,
  },
  {
    heading: "How long subgoals are held",
    metric: /^segment_length$/,
    y: "mean segment length (turns)",
    prose: "Turns played under one subgoal.",
  },
  {
    heading: "Whether actions serve the subgoal",
    metric: /^([^/]+\/)?served_rate$/,
    y: "share of turns that serve the held subgoal",
    prose:
      "Judged by a rule of the world on what was observed, whatever the policy. Success under exchanged subgoals says whether the plan decides: deno task evaluate --intervene.",
    share: true,
  },
  {
    heading: "Whether subgoals are achieved",
    metric: /^([^/]+\/)?achieved_rate$/,
    y: "share of segments that achieve their subgoal",
    prose:
      "Judged by the same rule; a subgoal left or cut off before counts as not achieved.",
    share: true,
  },
  {
    heading: "How different strategies are",
    metric: /^strategy_distance\//,
    y: "mean distance of two strategies (1 − cosine)",
    prose:
      "Between the strategies drawn for a task, and between those that were kept and played; 0 is equal, 1 shares nothing.",
  },
  {
    heading: "How much the strategy decides",
    metric: /^strategy_success\//,
    y: "success rate, mean over tasks",
    prose:
      "Of the best and of the worst strategy of each task. With few episodes of each, chance alone sets them apart.",
    share: true,
  },
  {
    heading: "Turns that do not serve the strategy",
    metric: /^flagged_rate$/,
    y: "share of turns flagged by the judge",
    prose: "Flagged turns earn less than the others of their episode.",
    share: true,
  },
];

/**
 * Lays out training runs as sections for `reportHtml`; sections without data are left out.
 *
 * @param report Tables, episodes and prose.
 * @returns Sections in reading order.
 */
export function trainingReport(report: TrainingReportData): ReportSection[] {
  const { summary, runs, trajectories, gamma, headlines } = report;
  const sections: ReportSection[] = [
    { heading: "At a glance", prose: summary, html: cards(headlines) },
    ...CURVES.flatMap((curve) => curveSection(curve, report.curves)),
    ...successSection(report),
    ...strategySections(report),
  ];
  if (trajectories.some(({ turns }) => turns[0]?.decision.values)) {
    sections.push({
      heading: "Are values calibrated?",
      prose:
        "Values of the last recorded iterations against the discounted returns that followed; a calibrated critic lies on the diagonal.",
      figure: beside(valueCalibration(trajectories, { gamma })),
      half: true,
    });
  }
  if (trajectories.length > 0) {
    sections.push({
      heading: "Segment lengths at the end",
      prose:
        "How long subgoals are held in the last recorded iterations. A segment ends where the subgoal is switched, or with the episode.",
      figure: beside(segmentLengths(trajectories)),
      half: true,
    });
  }
  return [
    ...sections,
    ...replaySection(report),
    {
      heading: "Runs",
      prose: "Settings and last numbers of each run.",
      table: runs,
    },
  ];
}

function cards(headlines: TrainingReportData["headlines"]): string {
  const inner = headlines.map(({ value, label }) =>
    markup`<div class="card"><b>${value}</b><span>${label}</span></div>`
  );
  return markup`<div class="cards">${inner}</div>`.text;
}

function successSection(report: TrainingReportData): ReportSection[] {
  const { success, comparison, comparisonNote } = report;
  if (success.numRows() === 0) return [];
  return [{
    heading: "Success by kind of task",
    prose:
      "The final evaluation, all runs together, with 95 % Wilson intervals over games.",
    figure: unlabeled(successByTaskType(withWrappedTypes(success))),
    table: comparison,
    ...(comparisonNote === "" ? {} : { caption: comparisonNote }),
  }];
}

function strategySections(
  { trajectories }: TrainingReportData,
): ReportSection[] {
  if (trajectories.every(({ strategy }) => !strategy)) return [];
  return [
    {
      heading: "Strategies, and who won with them",
      prose:
        "The strategies that were followed most in the last recorded iterations, with 95 % Wilson intervals over episodes.",
      table: strategyTable(trajectories),
    },
    {
      heading: "Strategies of a task",
      prose:
        "Tasks of the last recorded iterations: the strategies that were kept for each, the most successful first. These are compared with each other in learning, and episodes with those of their strategy.",
      table: strategyTable(trajectories, { byTask: true, limit: 32 }),
    },
  ];
}

function replaySection({ replays }: TrainingReportData): ReportSection[] {
  if (replays.length === 0) return [];
  return [{
    heading: "Episodes, turn by turn",
    prose:
      "Training episodes with their credit. Colors are segments, named where they start. Bars are advantages in units of return, before normalization, on one scale for each episode: to the right, better than expected.",
    html: replays.map(({ trajectory, credit }, i) =>
      episodeHtml(trajectory, credit, { open: i === 0 })
    ).join("\n"),
  }];
}

/** A figure without title, for a section that has a heading. */
function untitled({ data, layout }: Figure): Figure {
  const { title: _, ...rest } = layout;
  const margin = { ...(layout["margin"] as object), t: 28 };
  return { data, layout: { ...rest, margin } };
}

/** A figure whose horizontal axis needs no label. */
function unlabeled(figure: Figure): Figure {
  const { data, layout } = untitled(figure);
  const xaxis = { ...(layout["xaxis"] as object), title: { text: "" } };
  return { data, layout: { ...layout, xaxis } };
}

/** A figure for half of the page's width. */
function beside(figure: Figure): Figure {
  const { data, layout } = untitled(figure);
  const legend = { ...(layout["legend"] as object), y: -0.26 };
  return { data, layout: { ...layout, legend, height: 380 } };
}

function curveSection(curve: Curve, curves: ColumnTable): ReportSection[] {
  const { heading, metric, y, prose, share = false } = curve;
  const names = [...new Set(curves.array("metric") as string[])]
    .filter((name) => metric.test(name));
  if (names.length === 0) return [];
  const rows = curves.objects() as { metric: string; series: string }[];
  const chosen = rows.filter((row) => names.includes(row.metric)).map((row) =>
    names.length > 1 ? { ...row, series: seriesName(row) } : row
  );
  const figure = intervalCurve(from(chosen), { title: heading, y, share });
  return [{ heading, prose, figure: beside(figure), half: true }];
}

/** `unseen/success_rate` is about unseen, `explained_variance/planning` about planning. */
function seriesName(row: { metric: string; series: string }): string {
  const [first, last] = row.metric.split("/") as [string, string];
  return `${row.series} ${last === "success_rate" ? first : last}`.trim();
}

/** Kinds of task in words, broken into lines that fit under their bars. */
function withWrappedTypes(success: ColumnTable): ColumnTable {
  const rows = success.objects() as { task_type: string }[];
  return from(
    rows.map((row) => ({ ...row, task_type: wrapped(row.task_type) })),
  );
}

function wrapped(type: string): string {
  const lines: string[] = [];
  for (const word of type.split(/[_ ]/)) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length > 0 && longer.length <= LINE_LENGTH) {
      lines[lines.length - 1] = longer;
    } else lines.push(word);
  }
  return lines.join("\n");
}
