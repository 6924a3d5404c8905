/**
 * `deno task smoke`: a short real training run through the tasks.
 *
 * Trains the corridor, stops half-way, goes on, evaluates and reports; fails unless the agent
 * has learned, the resumed run has every iteration once, and the page holds its figures.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";

const RUN = "runs/smoke";
const ITERATIONS = 24;

/** Runs a task of the project with its output shown. */
async function task(name: string, ...args: string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["task", name, ...args],
    stdin: "null",
  });
  const { code } = await command.spawn().status;
  strictEqual(code, 0, `deno task ${name} ended with ${code}`);
}

/** Throws unless a result holds. */
function must(holds: boolean, what: string): void {
  if (!holds) {
    throw new Error(`Cannot call the smoke run good as it must: ${what}`);
  }
  console.log(`ok: ${what}`);
}

await Deno.remove(RUN, { recursive: true }).catch(() => {});
const settings = ["--preset", "corridor", "--out", RUN];
await task(
  "train",
  ...settings,
  `iterations=${ITERATIONS}`,
  "--minutes",
  "0.1",
);
await task("train", "--resume", "--out", RUN);
await task("evaluate", RUN);
await task("report", RUN);

const rows = (await Deno.readTextFile(`${RUN}/metrics.jsonl`)).trimEnd()
  .split("\n").map((line) => JSON.parse(line) as Record<string, number>);
must(
  rows.length === ITERATIONS &&
    rows.every(({ iteration }, i) => iteration === i),
  `have each of ${ITERATIONS} iterations once, in order`,
);
const first = rows[0]!["success_rate"]!, last = rows.at(-1)!["success_rate"]!;
must(
  first < 0.5 && last > 0.9,
  `learn the corridor: success ${first.toFixed(2)} at first, ${
    last.toFixed(2)
  } at last`,
);
const page = await Deno.readTextFile(`${RUN}/report.html`);
must(
  (page.match(/class="figure"/g)?.length ?? 0) >= 4,
  "draw its figures on one page",
);
