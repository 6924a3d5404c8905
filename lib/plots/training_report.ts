/**
 * The sections of a report about training runs.
 *
 * @module
 */

import { type ColumnTable, from } from "arquero";
import type { TrainingReportParts } from "../report_parts.ts";
import { segmentLengths, valueCalibration } from "./batch_figures.ts";
import { episodeHtml } from "./episode_html.ts";
import { intervalCurve } from "./interval_figures.ts";
import { successByTaskType } from "./learning_figures.ts";
import type { ReportSection } from "./report.ts";

/** A curve of the report: which metric, and what it says. */
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
    heading: "Success on worlds set aside",
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
    prose: "As the worlds pay, before shaping.",
  },
  {
    heading: "How often subgoals are switched",
    metric: /^switch_rate$/,
    y: "share of turns that switch",
    prose:
      "A rate near 1 is a flat policy in disguise, a rate near 0 a plan that is never looked at again.",
    share: true,
  },
  {
    heading: "How long subgoals are held",
    metric: /^segment_length$/,
    y: "mean segment length (turns)",
    prose: "Turns played under one subgoal.",
  },
  {
    heading: "How well values foresee returns",
    metric: /^explained_variance\//,
    y: "explained variance of the targets",
    prose: "1 is perfect, 0 is no better than a constant.",
  },
];

/**
 * Lays out what runs did as sections for `htmlReport`; what has no data is left out.
 *
 * @param parts Tables, episodes and words.
 * @returns Sections in reading order.
 */
export function trainingReport(parts: TrainingReportParts): ReportSection[] {
  const { summary, runs, success, trajectories, gamma, replays } = parts;
  const sections: ReportSection[] = [
    { heading: "Runs", prose: summary, table: runs },
    ...CURVES.flatMap((curve) => curveSection(curve, parts.curves)),
  ];
  if (success.numRows() > 0) {
    sections.push({
      heading: "Success by kind of task",
      prose:
        "The closing evaluation, all runs together, with 95 % Wilson intervals.",
      figure: successByTaskType(withWrappedTypes(success)),
    });
  }
  if (trajectories.some(({ turns }) => turns[0]?.decision.values)) {
    sections.push({
      heading: "Are values calibrated?",
      prose:
        "Values of the last recorded iterations against the discounted returns that followed; a calibrated critic lies on the diagonal.",
      figure: valueCalibration(trajectories, { gamma }),
    });
  }
  if (trajectories.length > 0) {
    sections.push({
      heading: "Segments in the end",
      figure: segmentLengths(trajectories),
    });
  }
  if (replays.length > 0) {
    sections.push({
      heading: "Episodes, turn by turn",
      prose:
        "Colors are segments, named where they start. Bars are advantages in units of return, before normalization, on one scale for each episode: to the right, better than expected.",
      html: replays.map(({ trajectory, credit }) =>
        episodeHtml(trajectory, credit)
      ).join("\n"),
    });
  }
  return sections;
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
  return [{ heading, prose, figure }];
}

/** `unseen/success_rate` is about unseen, `explained_variance/planning` about planning. */
function seriesName(row: { metric: string; series: string }): string {
  const [first, last] = row.metric.split("/") as [string, string];
  return `${row.series} ${last === "success_rate" ? first : last}`.trim();
}

/** Kinds of task in words, broken into lines short enough to stand upright under their bars. */
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
