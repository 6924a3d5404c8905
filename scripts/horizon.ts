/**
 * Trains every method of credit on episodes of growing length, tuned alike, and sums it up.
 *
 * ```sh
 * deno task horizon scripts/grids/horizon_rooms.json --out runs/horizon-rooms
 * ```
 *
 * The same command resumes a stopped study.
 *
 * @module
 */

import { Command } from "commander";
import { readHorizonStudy, readJson, runHorizonStudy } from "../mod/studies.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly out: string;
}

const program = new Command("horizon")
  .description("Train every method on episodes of growing length, tuned alike.")
  .argument("<study>", "JSON file of the study")
  .option("--out <folder>", "where runs go", "runs/horizon")
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const flags = program.opts<Flags>();
  const study = readHorizonStudy(await readJson(program.args[0]!));
  const news = runHorizonStudy(study, { directory: flags.out });
  for await (const { run, finished, total, found } of news) {
    if (found) continue;
    const { phase, horizon, method, point, seed, curve, panel, seconds } = run;
    const successes = panel.filter(({ success }) => success).length;
    console.log(
      `${finished}/${total} ${phase}: ${horizon}, ${method}, seed ${seed}, ${
        JSON.stringify(point)
      }: last iteration ${curve.at(-1)?.success_rate}, panel ${
        (successes / panel.length).toFixed(3)
      }, ${seconds} s`,
    );
  }
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
