/** Processes killed at random moments; `HIPER_KILLS=20` in the environment kills more often. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";

const kills = Number(Deno.env.get("HIPER_KILLS") ?? 3);
const root = new URL("../../..", import.meta.url).pathname;

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
        `iterations=${8 + 6 * kills}`,
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

/** Waits until a process has opened its run, which it says by rewriting a file. */
async function opened(directory: string, since: number): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 5) {
    const info = await Deno.stat(`${directory}/timing.jsonl`).catch(() => null);
    if ((info?.mtime?.getTime() ?? 0) >= since) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Lets a process run to its end, or kills it some milliseconds after it opened its run. */
async function finish(
  directory: string,
  options: { resume: boolean; killAfter?: number },
): Promise<boolean> {
  const { resume, killAfter } = options;
  const since = Date.now();
  const child = train(directory, resume);
  const ended = child.output();
  if (killAfter !== undefined) {
    await opened(directory, since);
    await new Promise((resolve) => setTimeout(resolve, killAfter));
    try {
      child.kill("SIGKILL");
    } catch {
      // it ended by itself
    }
  }
  const { success, stderr } = await ended;
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
  const whole = `${await Deno.makeTempDir({ prefix: "hiper_whole_" })}/run`;
  ok(await finish(whole, { resume: false }));
  const directory = `${await Deno.makeTempDir({ prefix: "hiper_kill_" })}/run`;
  for (let kill = 0; kill < kills; kill++) {
    const resume = await exists(`${directory}/config.json`);
    const killAfter = 400 * random.uniform();
    const survived = await finish(directory, { resume, killAfter });
    strictEqual(survived, false, `it was over before kill ${kill}`);
  }
  ok(await finish(directory, { resume: true }));
  deepStrictEqual(await evidence(directory), await evidence(whole));
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
