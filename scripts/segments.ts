/**
 * Bias and variance of every estimator against the number and the length of segments and the error of the critic.
 *
 * ```sh
 * deno task segments --episodes 40000
 * ```
 *
 * @module
 */

import { Command } from "commander";
import { type SegmentRow, segmentStudy } from "../mod/studies.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly episodes: string;
  readonly seed: string;
}

const program = new Command("segments")
  .description(
    "Bias and variance against the exact gradient, by number and length of segments and the critic's error.",
  )
  .option("--episodes <n>", "episodes behind each number", "8000")
  .option("--seed <n>", "seed of policy, critic and episodes", "1")
  .showHelpAfterError();

function main(): void {
  program.parse(Deno.args, { from: "user" });
  const { episodes, seed } = program.opts<Flags>();
  const study = segmentStudy({
    episodes: Number(episodes),
    seed: Number(seed),
  });
  for (const rows of study) {
    const { stages, turns, segment, criticError } = rows[0]!;
    console.log(
      `\n${stages} stages, at most ${turns} turns, segments of ${segment} turns, critic's error ${criticError}`,
    );
    console.table(Object.fromEntries(rows.map(describe)));
  }
}

function describe(row: SegmentRow): [string, Record<string, number>] {
  return [row.estimator, {
    bias: round(row.bias),
    "bias by noise": round(row.biasNoise),
    variance: round(row.variance),
    "±": round(row.varianceStandardError),
  }];
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

try {
  main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
