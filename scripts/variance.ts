/**
 * Runs the variance study and writes its table and report.
 *
 * ```sh
 * deno task variance                        # a minute or two on one core
 * deno task variance --episodes 4000        # seconds, wider bands
 * ```
 *
 * @module
 */

import * as aq from "arquero";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  batchError,
  describeBatchError,
  describeBias,
  describeVariance,
  type Objective,
  varianceStudy,
  type VarianceStudyRow,
  writeParquet,
} from "../mod/studies.ts";
import {
  errorAgainstBatch,
  momentsAgainstLambda,
  reportHtml,
  type ReportSection,
} from "../mod/plots.ts";

/** Batch sizes of the error figure, in episodes. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

/** Estimators of the error figure: family and lambda. */
const COMPARED: readonly (readonly [family: string, lambda: number | null])[] =
  [
    ["HAE", 0.95],
    ["HAE", 1],
    ["HAE with boundary", 1],
    ["turn GAE", 0.95],
    ["turn GAE", 1],
    ["chained GAE", 0.95],
    ["GRPO", null],
    ["RLOO", null],
  ];

const LEVELS = ["RLOO", "REINFORCE, return to go", "GRPO without deviation"];

interface Flags {
  readonly episodes: number;
  readonly seed: number;
  readonly gamma: number;
  readonly objective: Objective;
  readonly out: string;
}

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`must be an integer of at least ${least}`);
  };
}

function unit(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("must be a number in [0, 1]");
}

function parseFlags(): Flags {
  return new Command("deno task variance")
    .description(
      "Bias and variance of every estimator against the exact gradient of a small world.",
    )
    .option("--episodes <n>", "episodes behind each number", integer(80), 40000)
    .option("--seed <n>", "seed of policy, critic and episodes", integer(0), 1)
    .option("--gamma <x>", "discount per turn", unit, 1)
    .addOption(
      new Option("--objective <name>", "which gradient is the truth")
        .choices(["discounted", "undiscounted"]).default("discounted"),
    )
    .option("--out <folder>", "where results go", "runs/variance")
    .allowExcessArguments(false)
    .parse(Deno.args, { from: "user" })
    .opts<Flags>();
}

/** The summary: moments of the whole gradient, one line for each estimator and critic. */
function summary(rows: readonly VarianceStudyRow[]) {
  const at = (row: VarianceStudyRow, decision: string) =>
    rows.find((other) =>
      other.estimator === row.estimator && other.critic === row.critic &&
      other.decision === decision
    )!.variance;
  const shown = rows.filter(({ decision, lambda }) =>
    decision === "all" && [null, 0, 0.5, 0.95, 1].includes(lambda)
  );
  return aq.from(shown.map((row) => ({
    estimator: row.family,
    lambda: row.lambda ?? "",
    critic: row.critic,
    bias: round(row.bias, 3),
    noise: round(row.biasNoise, 3),
    scale: round(row.scale, 3),
    cosine: round(row.cosine, 4),
    switching: round(at(row, "switching"), 1),
    planning: round(at(row, "planning"), 1),
    execution: round(at(row, "execution"), 1),
    variance: round(row.variance, 1),
    "±": round(row.varianceStandardError, 1),
  })));
}

const round = (value: number, digits: number) => +value.toFixed(digits);

/** Sections about one critic. */
function sections(
  rows: readonly VarianceStudyRow[],
  critic: "exact" | "wrong",
): ReportSection[] {
  const table = aq.from([...rows]);
  const curves = COMPARED.flatMap(([family, lambda]) => {
    const row = rows.find((one) =>
      one.family === family && one.lambda === lambda &&
      one.decision === "all" && (one.critic === critic || one.critic === "none")
    );
    if (row === undefined) return [];
    const errors = SIZES.map((size) => batchError(row, size));
    return [{
      name: lambda === null ? family : `${family}, lambda ${lambda}`,
      errors: errors.map(({ error }) => error),
      standardErrors: errors.map(({ standardError }) => standardError),
    }];
  });
  const with_ = critic === "exact" ? "an exact critic" : "a wrong critic";
  return [{
    heading: `Bias with ${with_}`,
    figure: momentsAgainstLambda(table, { quantity: "bias", critic }),
    caption: describeBias(rows, critic),
  }, {
    heading: `Variance with ${with_}`,
    figure: momentsAgainstLambda(table, {
      quantity: "variance",
      critic,
      levels: LEVELS,
    }),
    caption: describeVariance(rows, critic),
  }, {
    heading: `Error against batch size with ${with_}`,
    figure: errorAgainstBatch(curves, {
      sizes: SIZES,
      title: `Error once the step size is right, ${critic} critic`,
    }),
    caption: describeBatchError(rows, critic, [16, 4096]),
  }];
}

/** The whole page. */
function page(rows: readonly VarianceStudyRow[], flags: Flags): string {
  const { episodes, seed, gamma, objective } = flags;
  const about = `Nine positions in three stages, two subgoals, two actions, ` +
    `at most 18 turns; a policy with random logits. ${episodes} episodes, ` +
    `seed ${seed}, gamma ${gamma}, ${objective} objective. Bias and its noise ` +
    `are in lengths of the exact gradient; squared bias is corrected for ` +
    `noise, so that it may be below 0; variance is the trace of the ` +
    `covariance of one episode's gradient (of a group method, the group size ` +
    `times that of the group's mean). Bands are 95 % intervals of the ` +
    `jackknife over 40 blocks of episodes. The wrong critic is 0.6 times the ` +
    `exact values plus normal errors of deviation 0.7.`;
  return reportHtml({
    title: "Bias and variance of policy gradient estimators",
    sections: [
      { heading: "Method", prose: about },
      ...sections(rows, "exact"),
      ...sections(rows, "wrong"),
      { heading: "Numbers", table: summary(rows) },
    ],
  });
}

/** Prints progress, one line for each tenth. */
function sayProgress(share: number, critic: string): void {
  const tenths = share * 10;
  if (Math.abs(tenths - Math.round(tenths)) > 1e-9) return;
  console.error(
    `${critic} critic: ${Math.round(share * 100)} % of the episodes`,
  );
}

if (import.meta.main) {
  const flags = parseFlags();
  const rows: VarianceStudyRow[] = [];
  await Deno.mkdir(flags.out, { recursive: true }); // fails before the computation
  const started = performance.now();
  for (const part of varianceStudy({ ...flags, onProgress: sayProgress })) {
    rows.push(...part);
  }
  const seconds = (performance.now() - started) / 1000;
  console.error(`${rows.length} rows in ${seconds.toFixed(0)} s`);
  const lines = summary(rows);
  console.table(lines.objects());
  for (const critic of ["exact", "wrong"] as const) {
    console.log(`\n${describeBias(rows, critic)}`);
    console.log(describeVariance(rows, critic));
    console.log(describeBatchError(rows, critic, [16, 4096]));
  }
  const table = aq.from(rows);
  await Deno.writeTextFile(`${flags.out}/variance.csv`, table.toCSV());
  await writeParquet(table, `${flags.out}/variance.parquet`);
  await Deno.writeTextFile(`${flags.out}/report.html`, page(rows, flags));
  console.log(
    `\nWritten: ${flags.out}/{variance.csv,variance.parquet,report.html}`,
  );
}
