/**
 * Writes one HTML page about runs: curves, success by kind of task, calibration, replayed episodes.
 *
 * ```sh
 * deno task report runs/corridor-0
 * deno task report runs/household-0 runs/household-1 --out runs/household.html
 * ```
 *
 * @module
 */

import { Command } from "commander";
import { readReport } from "../mod/studies.ts";
import { reportHtml, trainingReport } from "../mod/plots.ts";
import { explain } from "./explain.ts";
import { pictureSections } from "./report_pictures.ts";

interface Flags {
  readonly out?: string;
  readonly title: string;
}

const program = new Command("report")
  .description(
    "Write one HTML page about runs; it needs no network to be read.",
  )
  .argument(
    "<runs...>",
    "run folders; those that differ in the seed alone are one series",
  )
  .option(
    "--out <file>",
    "where to write (default: report.html in the first run)",
  )
  .option("--title <text>", "title of the page", "Training report")
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const { out = `${program.args[0]}/report.html`, title } = program.opts<
    Flags
  >();
  const data = await readReport(program.args);
  const sections = trainingReport(data);
  const pictures = await pictureSections(
    program.args[0]!,
    data.replays.map(({ trajectory }) => trajectory),
  );
  sections.splice(-1, 0, ...pictures); // before the table of runs
  const html = reportHtml({ title, sections });
  await Deno.writeTextFile(out, html);
  console.log(out);
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
