/**
 * Draws the figure of the README: the learning curve of a run and, below it, one episode of its
 * final evaluation as a timeline of subgoals and actions.
 *
 * ```sh
 * deno task train seed=0 --out runs/household-0
 * deno task figure runs/household-0
 * ```
 *
 * @module
 */

import { Command } from "commander";
import { type Figure, readMetrics, type Trajectory } from "../mod.ts";
import { figureBundle } from "../mod/plots.ts";
import { readEpisodes, readParquet } from "../mod/studies.ts";
import { explain } from "./explain.ts";

/** Evaluation set of the figure. */
const SET = "unseen";
/** Height of a turn in the timeline, and of the learning curve, in pixels. */
const ROW = 19, CURVE = 250;
/** Pixels between the curve and the timeline, above the curve, and below it for its labels. */
const GAP = 112, TOP = 52, BOTTOM = 62;
/** Colors of segments and text; each has a contrast of at least 3.5 with light and dark pages. */
const COLORS = ["#2F86C8", "#D55E00", "#159A73", "#BF629A", "#A97800"];
const INK = "#808080";
/** Where the columns of the timeline start, as shares of its width, and the characters they hold. */
const AT = { turn: 0.01, subgoal: 0.04, action: 0.36, observation: 0.67 };
const FIT = { subgoal: 36, action: 36, observation: 40 };

interface Point {
  readonly iteration: number;
  readonly rate: number;
}

/** Success rates of one metric over the iterations that have it. */
async function readCurve(directory: string, metric: string): Promise<Point[]> {
  const rows = (await readMetrics([directory])).objects() as Record<
    string,
    unknown
  >[];
  return rows.flatMap((row) =>
    typeof row[metric] === "number"
      ? [{ iteration: Number(row["iteration"]) + 1, rate: row[metric] }]
      : []
  );
}

/** Positions of turns that take a new subgoal; switching to the same one again counts as holding it. */
function segmentStarts({ turns }: Trajectory): number[] {
  return turns.flatMap(({ decision }, t) =>
    t === 0 || decision.subgoal !== turns[t - 1]!.decision.subgoal ? [t] : []
  );
}

/** The first success on the set with enough subgoals to show, and few enough turns to fit. */
async function chooseEpisode(directory: string): Promise<Trajectory> {
  const table = await readParquet(`${directory}/evaluation.parquet`);
  const found = readEpisodes(table).map(({ trajectory }) => trajectory)
    .find((episode) =>
      episode.id.startsWith(`${SET}/`) && episode.success &&
      episode.turns.length >= 8 && episode.turns.length <= 12 &&
      segmentStarts(episode).length >= 4 && segmentStarts(episode).length <= 6
    );
  if (!found) {
    throw new Error(
      `Cannot draw an episode as the evaluation must hold a success of 8 to 12 turns on "${SET}": current value is "${directory}"`,
    );
  }
  return found;
}

function clip(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** Segments as colored boxes; turn, subgoal, action and the observation that follows as text. */
function timeline(episode: Trajectory) {
  const { turns, finalObservation } = episode;
  const starts = segmentStarts(episode);
  const axes = { xref: "x2", yref: "y2" };
  const label = (
    x: number,
    y: number,
    text: string,
    font: { size: number; color: string },
  ) => ({ ...axes, x, y, text, xanchor: "left", font });
  const plain = { size: 12, color: INK };
  const shapes = starts.map((start, k) => ({
    ...axes,
    x0: 0,
    x1: 1,
    y0: start - 0.5,
    y1: (starts[k + 1] ?? turns.length) - 0.5,
    fillcolor: COLORS[k % COLORS.length],
    opacity: 0.14,
    line: { width: 0 },
  }));
  const heads = (["subgoal", "action", "observation"] as const)
    .map((column) => label(AT[column], -1, column, { size: 11, color: INK }));
  const annotations = [
    label(0, -2, `One episode on an unseen house: “${episode.task}”`, {
      size: 15,
      color: INK,
    }),
    ...heads,
    ...starts.map((start, k) =>
      label(
        AT.subgoal,
        start,
        clip(turns[start]!.decision.subgoal, FIT.subgoal),
        {
          size: 12,
          color: COLORS[k % COLORS.length]!,
        },
      )
    ),
    ...turns.flatMap(({ decision }, t) => {
      const seen = turns[t + 1]?.observation ?? finalObservation;
      const text = (seen?.text ?? "Task done.")
        .replace(/^You arrive at [^.]*\. /, ""); // as the action says
      return [
        label(AT.turn, t, String(t + 1), plain),
        label(AT.action, t, clip(decision.action, FIT.action), plain),
        label(AT.observation, t, clip(text, FIT.observation), {
          size: 11,
          color: INK,
        }),
      ];
    }),
  ];
  return { shapes, annotations };
}

/** The whole figure. */
async function readmeFigure(directory: string): Promise<Figure> {
  const training = await readCurve(directory, "success_rate");
  const evaluation = await readCurve(directory, `${SET}/success_rate`);
  const episode = await chooseEpisode(directory);
  const rows = ROW * episode.turns.length;
  const last = training.length;
  const inner = CURVE + GAP + rows - BOTTOM;
  const curve = (points: readonly Point[], style: object) => ({
    type: "scatter",
    x: points.map(({ iteration }) => iteration),
    y: points.map(({ rate }) => rate),
    ...style,
  });
  const name = (y: number, text: string, color: string) => ({
    x: last,
    y,
    text,
    xanchor: "right",
    font: { size: 12.5, color },
  });
  const { shapes, annotations } = timeline(episode);
  return {
    data: [
      curve(training, { mode: "lines", line: { color: INK, width: 1.5 } }),
      curve(evaluation, {
        mode: "lines+markers",
        line: { color: COLORS[0], width: 2.5 },
        marker: { color: COLORS[0], size: 8 },
      }),
      // Without points; it opens the axes that the timeline is drawn on.
      { type: "scatter", xaxis: "x2", yaxis: "y2", x: [], y: [] },
    ],
    layout: {
      title: { text: "Success rate while training" },
      height: TOP + inner + BOTTOM,
      xaxis: { title: { text: "iteration" }, range: [0, last] },
      yaxis: {
        title: { text: "success rate" },
        range: [0, 1.02],
        domain: [1 - CURVE / inner, 1],
      },
      xaxis2: { visible: false, range: [0, 1] },
      yaxis2: {
        visible: false,
        range: [episode.turns.length - 0.5, -0.5],
        domain: [-BOTTOM / inner + 0.02, (rows - BOTTOM) / inner + 0.02],
      },
      shapes,
      annotations: [
        name(0.22, "houses of training, 192 episodes an iteration", INK),
        name(0.1, "unseen houses, 60 episodes every 20 iterations", COLORS[0]!),
        ...annotations,
      ],
    },
  };
}

const program = new Command("deno task figure")
  .description("Draw the README's figure from a finished run.")
  .argument("<run>", "run folder with a final evaluation")
  .option("--out <file>", "SVG to write", "docs/figures/learning.svg")
  .showHelpAfterError();

try {
  program.parse(Deno.args, { from: "user" });
  const { out } = program.opts<{ readonly out: string }>();
  const bundle = figureBundle(await readmeFigure(program.args[0]!));
  await Deno.writeTextFile(out, `${bundle["image/svg+xml"]}\n`);
  console.log(out);
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
