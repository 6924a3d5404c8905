/** Processes killed at random moments; `HIPER_KILLS=20` in the environment kills more often. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createRandom } from "../../lib/random.ts";

const kills = Number(Deno.env.get("HIPER_KILLS") ?? 3);
const root = new URL("../..", import.meta.url).pathname;

/** Trains the corridor for a few iterations, saving often. */
function train(directory: string, resume: boolean): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      `--allow-write=${directory}`,
      "--allow-env",
      "scripts/train.ts",
      "--preset=corridor",
      `--out=${directory}`,
      ...(resume ? ["--resume"] : [
        "iterations=16",
        "seed=5",
        "backend=wasm",
        "rollout.tasks=16",
        "evaluation.every=3",
        "evaluation.tasks=8",
        "record.checkpointEvery=2",
        "record.trajectoriesEvery=4",
      ]),
    ],
    cwd: root,
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

/** Lets a process run to its end, or kills it after a time in milliseconds. */
async function finish(
  child: Deno.ChildProcess,
  killAfter: number,
): Promise<boolean> {
  const timer = setTimeout(() => {
    try {
      child.kill("SIGKILL");
    } catch {
      // it ended by itself
    }
  }, killAfter);
  const { success, stderr } = await child.output();
  clearTimeout(timer);
  const words = new TextDecoder().decode(stderr);
  if (!success) strictEqual(words.includes("Cannot"), false, words);
  return success;
}

async function evidence(directory: string): Promise<Record<string, string>> {
  const names = ["config.json", "metrics.jsonl", "metrics.parquet"];
  names.push("evaluation.json", "evaluation.parquet");
  for (const { name } of Deno.readDirSync(`${directory}/trajectories`)) {
    names.push(`trajectories/${name}`);
  }
  const bytes = names.sort().map(async (name) =>
    [name, (await Deno.readFile(`${directory}/${name}`)).toHex()] as const
  );
  return Object.fromEntries(await Promise.all(bytes));
}

Deno.test("A run killed at random moments ends with the bytes of one that was left alone", async () => {
  const random = createRandom(Date.now()).fork("kills");
  const whole = await Deno.makeTempDir({ prefix: "hiper_whole_" });
  const begun = performance.now();
  ok(await finish(train(`${whole}/run`, false), 300_000));
  const duration = performance.now() - begun;
  const directory = `${await Deno.makeTempDir({ prefix: "hiper_kill_" })}/run`;
  let killed = 0;
  for (let attempt = 0; attempt < kills + 50; attempt++) {
    const resume = await exists(`${directory}/config.json`);
    // Never before the process can have begun, often before the run is over.
    const patience = killed < kills
      ? duration * (0.3 + 0.5 * random.uniform())
      : 300_000;
    if (await finish(train(directory, resume), patience)) break;
    killed++;
  }
  ok(killed >= Math.min(kills, 1), `killed only ${killed} times`);
  deepStrictEqual(
    await evidence(directory),
    await evidence(`${whole}/run`),
    `after ${killed} kills`,
  );
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
