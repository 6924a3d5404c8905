/**
 * Trains a grid of settings over seeds and sums it up as a table and a page.
 *
 * ```sh
 * deno task ablate grid.json --out runs/credit --metric longer/success_rate
 * ```
 *
 * The grid is JSON: `{ "preset": "corridor", "base": {…}, "axes": { axis: { label: {…} } }, "seeds": [1, 2, 3] }`.
 * A label's `{ "method": "grpo" }` stands for what that method changes (deno task train --method).
 * The same command resumes a stopped study.
 *
 * @module
 */

import { Command } from "commander";
import { type Json, learningCurve, mergeSettings, PRESETS } from "../mod.ts";
import {
  type AblationPlan,
  type MethodName,
  methodSettings,
  readAblationMetrics,
  readJson,
  renameSettings,
  runAblation,
  summarizeAblation,
  writeParquet,
} from "../mod/studies.ts";
import { ablationForest, reportHtml } from "../mod/plots.ts";
import { explain } from "./explain.ts";

/** Signals that ask a process to end; Windows has the first alone. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Keys of a grid file. */
const GRID_KEYS = ["preset", "base", "axes", "seeds"];

interface Flags {
  readonly out: string;
  readonly metric: string;
  readonly compareTo?: string;
  readonly concurrency?: string;
}

const program = new Command("ablate")
  .description("Train a grid of settings over seeds, and sum it up.")
  .argument("<grid>", "JSON file of the grid")
  .option("--out <folder>", "the grid's folder", "runs/ablation")
  .option("--metric <name>", "what to sum up", "success_rate")
  .option(
    "--compare-to <cell>",
    "cell to compare with, as axis=label,axis=label (default: the first)",
  )
  .option("--concurrency <number>", "runs at a time (default: processor cores)")
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const flags = program.opts<Flags>();
  const plan = await readGrid(program.args[0]!);
  const stop = new AbortController();
  const ignore = () => {
    for (const name of SIGNALS) Deno.removeSignalListener(name, onSignal);
  };
  const onSignal = () => {
    stop.abort(new Error("interrupted"));
    ignore();
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, onSignal);
  await run(plan, flags, stop.signal);
  if (!stop.signal.aborted) ignore();
  await sumUp(plan, flags);
}

/** A file of a grid; `runAblation` checks its settings. */
interface GridFile {
  readonly preset?: string;
  readonly base?: Json;
  readonly axes?: Record<string, Record<string, Json>>;
  readonly seeds?: number[];
}

function isGrid(grid: unknown): grid is GridFile {
  return typeof grid === "object" && grid !== null && !Array.isArray(grid);
}

async function readGrid(path: string): Promise<AblationPlan> {
  const grid = await readJson(path);
  if (!isGrid(grid)) {
    throw new TypeError(
      `Cannot read the grid as "${path}" must hold an object: current value is ${
        JSON.stringify(grid)
      }`,
    );
  }
  const unknown = Object.keys(grid).find((key) => !GRID_KEYS.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot read the grid as its keys must be ${
        GRID_KEYS.join(", ")
      }: current value is "${unknown}"`,
    );
  }
  const { preset, seeds = [] } = grid;
  if (preset !== undefined && !(preset in PRESETS)) {
    throw new TypeError(
      `Cannot read the grid as "preset" must be one of ${
        Object.keys(PRESETS).join(", ")
      }: current value is "${preset}"`,
    );
  }
  const start: Json = preset === undefined
    ? {}
    : JSON.parse(JSON.stringify(PRESETS[preset as keyof typeof PRESETS]));
  const base = mergeSettings(start, renamed(grid.base ?? {}, start));
  const axes = Object.entries<Record<string, Json>>(grid.axes ?? {})
    .map(([axis, changes]) => [
      axis,
      Object.fromEntries(
        Object.entries(changes)
          .map(([label, change]) => [
            label,
            renamed(withMethod(change, base), base),
          ]),
      ),
    ]);
  return { base, axes: Object.fromEntries(axes), seeds } as AblationPlan;
}

/** A change with its method's settings in the place of the method's name. */
function withMethod(change: Json, base: Json): Json {
  if (!isGrid(change) || !("method" in change)) return change;
  const { method, ...others } = change as Record<string, Json>;
  const settings = methodSettings(
    method as MethodName,
    base as AblationPlan["base"],
  );
  return mergeSettings(JSON.parse(JSON.stringify(settings)), others);
}

/** Settings under current names; prints a note for each older one. */
function renamed(settings: Json, before: Json): Json {
  const { settings: now, notes } = renameSettings(settings, before);
  for (const note of notes) console.warn(`note: ${note}`);
  return now;
}

async function run(
  plan: AblationPlan,
  flags: Flags,
  signal: AbortSignal,
): Promise<void> {
  const { out: directory, concurrency } = flags;
  const news = runAblation(plan, {
    directory,
    signal,
    ...(concurrency === undefined ? {} : { concurrency: Number(concurrency) }),
  });
  for await (const { run, finished, total, iteration, failure } of news) {
    const name = run.directory.slice(directory.length + 1);
    const place = `${finished}/${total} ${name}`;
    if (failure !== undefined) console.error(`${place} failed: ${failure}`);
    else if (iteration === undefined) console.log(`${place} ended`);
    else if ((iteration + 1) % 10 === 0) {
      console.log(`${place} ${iteration + 1}/${run.config.iterations}`);
    }
  }
}

async function sumUp(plan: AblationPlan, flags: Flags): Promise<void> {
  const { out, metric } = flags;
  const compareTo = flags.compareTo === undefined
    ? firstCell(plan)
    : Object.fromEntries(
      flags.compareTo.split(",").map((pair) => pair.split("=")),
    );
  const summary = await summarizeAblation(out, { metric, compareTo });
  summary.print({ limit: Infinity });
  await writeParquet(summary, `${out}/summary.parquet`);
  await Deno.writeTextFile(`${out}/summary.csv`, `${summary.toCSV()}\n`);
  const html = reportHtml({
    title: `Ablation: ${metric}`,
    sections: [...await curves(flags), {
      heading: metric,
      prose:
        "Mean over seeds with 95 % bootstrap intervals; differences are paired by seed.",
      figure: ablationForest(summary, { metric }),
      table: summary,
    }],
  });
  await Deno.writeTextFile(`${out}/summary.html`, html);
  console.log(`${out}/summary.html`);
}

/** Learning curves of every cell: of training episodes, and of the metric if it was evaluated during training. */
async function curves({ out, metric }: Flags) {
  const table = await readAblationMetrics(out);
  const iterations = (name: string) =>
    new Set(
      (table.objects() as Record<string, unknown>[]).flatMap((row) =>
        typeof row[name] === "number" ? [row["iteration"]] : []
      ),
    ).size;
  return [...new Set([metric, "success_rate"])]
    .filter((name) => iterations(name) > 1)
    .map((name) => {
      // Evaluations are many episodes each; a short run has too few points to average.
      const smooth = name.includes("/") || iterations(name) < 20 ? 1 : 10;
      return {
        heading: `${name} while learning`,
        prose: `Mean over seeds, and their range as a band${
          smooth > 1 ? `; each point is the mean of ${smooth} iterations` : ""
        }.`,
        figure: learningCurve(table, { metric: name, by: "cell", smooth }),
      };
    });
}

function firstCell({ axes }: AblationPlan): Record<string, string> {
  return Object.fromEntries(
    Object.entries(axes).map(([axis, changes]) => [
      axis,
      Object.keys(changes)[0]!,
    ]),
  );
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
