/**
 * Trains every method of credit on episodes of growing length, tuned alike, and sums it up.
 *
 * ```sh
 * deno task horizon scripts/grids/horizon_rooms.json --out runs/horizon-rooms
 * deno task horizon scripts/grids/horizon_rooms.json --out runs/horizon-rooms --summary
 * deno task horizon tabular --out runs/horizon-tabular
 * ```
 *
 * The same command resumes a stopped study; `--summary` sums up what is done. `study.json` in the folder has what a
 * summary needs of every run. `tabular` is the study of small worlds that are known exactly.
 *
 * @module
 */

import { Command } from "commander";
import {
  chooseSettings,
  compareHorizons,
  type HorizonResult,
  type HorizonStudy,
  horizonTrend,
  iterationRatio,
  packHorizons,
  packRun,
  readHorizonRecords,
  readHorizonStudy,
  readJson,
  readLines,
  runHorizonStudy,
  summarizeHorizons,
  tabularHorizons,
  unpackRun,
} from "../mod/studies.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly out: string;
  readonly summary?: true;
}

/** Share of an iteration's episodes whose first reaching is counted. */
const THRESHOLD = 0.8;

const program = new Command("horizon")
  .description("Train every method on episodes of growing length, tuned alike.")
  .argument("<study>", "JSON file of the study, or tabular")
  .option("--out <folder>", "where runs go", "runs/horizon")
  .option("--summary", "sum up what is done, without playing")
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const { out, summary } = program.opts<Flags>();
  const [name] = program.args;
  await Deno.mkdir(out, { recursive: true });
  const { study, records } = name === "tabular"
    ? await tabular(out)
    : await trained(name!, out, summary === true);
  await Deno.writeTextFile(`${out}/study.json`, packHorizons(study, records));
  printTuning(study, records);
  printResults(study, records);
}

/** The study of a file; runs are played unless they are only summed up. */
async function trained(path: string, out: string, summary: boolean) {
  const study = readHorizonStudy(await readJson(path));
  if (!summary) await play(study, out);
  const { records, complete } = await readHorizonRecords(study, out);
  if (!complete) console.log("not every run is done");
  return { study, records };
}

/** The study of tabular worlds; a line for each run, so that it can go on. */
async function tabular(out: string) {
  const path = `${out}/runs.jsonl`;
  const done: HorizonResult[] = [];
  for (const row of await readLines(path)) done.push(unpackRun(row, path));
  const runs = tabularHorizons({ done });
  const records: HorizonResult[] = [];
  let next = runs.next();
  for (; !next.done; next = runs.next()) {
    const one = next.value;
    records.push(one);
    if (done.includes(one)) continue;
    await Deno.writeTextFile(path, `${packRun(one)}\n`, { append: true });
    if (records.length % 50 === 0) console.log(`${records.length} runs`);
  }
  return { study: next.value, records };
}

async function play(study: HorizonStudy, directory: string): Promise<void> {
  for await (
    const { run, finished, total, found } of runHorizonStudy(study, {
      directory,
    })
  ) {
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

/** Prints every setting that was tried, and marks those chosen. */
function printTuning(
  study: HorizonStudy,
  records: readonly HorizonResult[],
): void {
  const { horizons, seeds, apart } = study.tuning;
  const tuning = records.filter(({ phase }) => phase === "tuning");
  for (const horizon of apart ? horizons : [horizons.join(", ")]) {
    console.log(
      `\nTried on ${horizon}, seeds ${
        seeds.join(", ")
      }: success of all training episodes`,
    );
    const { chosen, tried } = chooseSettings(study, tuning, horizon);
    console.table(tried.map(({ method, point, success }) => ({
      method,
      settings: Object.entries(point).map(([path, value]) =>
        `${path.split(".").at(-1)} ${value}`
      ).join(", "),
      success: round(success),
      chosen: chosen.get(method) === point ? "*" : "",
    })));
  }
}

function printResults(
  study: HorizonStudy,
  records: readonly HorizonResult[],
): void {
  console.table(
    summarizeHorizons(records, THRESHOLD).map((row) => ({
      horizon: row.horizon,
      method: row.method,
      seeds: row.seeds,
      "success in training": interval(row.training, row),
      "on the panel": round(row.panel),
      turns: round(row.turns),
      segment: round(row.segment),
      [`iterations to ${THRESHOLD}`]: row.iterations,
      reached: `${row.reached} of ${row.seeds}`,
    })),
  );
  const [reference] = Object.keys(study.methods);
  const differences = compareHorizons(records, reference!);
  console.log(`\n${reference} minus the method, paired by seed`);
  console.table(differences.map((row) => ({
    horizon: row.horizon,
    method: row.method,
    difference: interval(row.estimate, row),
    "p, Holm": row.corrected.toPrecision(2),
    "sooner by": interval(
      ...ratioOf(records, {
        ...{ horizon: row.horizon, reference: reference!, method: row.method },
        threshold: THRESHOLD,
      }),
    ),
    "panel, more and less": `${row.panelMore}, ${row.panelLess}`,
  })));
  printTrends(differences, records, reference!);
}

function ratioOf(
  ...args: Parameters<typeof iterationRatio>
): [number, { low: number; high: number }] {
  const found = iterationRatio(...args);
  return [found.estimate, found];
}

/** Prints how differences grow from one horizon to the next. */
function printTrends(
  differences: ReturnType<typeof compareHorizons>,
  records: readonly HorizonResult[],
  reference: string,
): void {
  const horizons = [...new Set(differences.map(({ horizon }) => horizon))];
  if (horizons.length < 2) return;
  console.log(
    `\ngrowth of the difference for each step along ${horizons.join(", ")}`,
  );
  const methods = [...new Set(differences.map(({ method }) => method))];
  console.table(methods.map((method) => {
    const trend = horizonTrend(records, { horizons, reference, method });
    return {
      method,
      growth: interval(trend.estimate, trend),
      p: trend.pValue.toPrecision(2),
    };
  }));
}

function interval(
  value: number,
  { low, high }: { low: number; high: number },
): string {
  return `${round(value)} [${round(low)}, ${round(high)}]`;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
