/** A process that is asked to end in the middle of an iteration, and the run that goes on. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";

const root = new URL("../../..", import.meta.url).pathname;

/** Settings of a run of seconds: imitation, then three iterations of a language model with evaluations. */
const SETTINGS = [
  "--preset=corridor-language",
  "iterations=3",
  "seed=5",
  "backend=wasm",
  "warmStart.episodes=4",
  "warmStart.epochs=2",
  "rollout.tasks=6",
  "update.minibatchSize=12",
  "evaluation.every=1",
  "evaluation.tasks=4",
  'evaluation.sets={"exit":[{"kind":"corridor","length":5,"doors":0}]}',
];

/** Trains, and is asked to end some milliseconds after the run was opened. */
async function train(
  directory: string,
  options: { resume?: boolean; stopAfter?: number },
): Promise<{ seconds: number; rows: number }> {
  const { resume = false, stopAfter } = options;
  const since = Date.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt", "--allow-read", "--allow-env"],
      ...[`--allow-write=${directory}`, "scripts/train.ts"],
      ...[`--out=${directory}`, ...(resume ? ["--resume"] : SETTINGS)],
    ],
    cwd: root,
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const ended = child.output();
  let stopped = performance.now();
  if (stopAfter !== undefined) {
    await opened(directory, since);
    await new Promise((resolve) => setTimeout(resolve, stopAfter));
    stopped = performance.now();
    try {
      child.kill("SIGTERM");
    } catch {
      // it ended by itself
    }
  }
  const { code, stderr } = await ended;
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const metrics = await Deno.readTextFile(`${directory}/metrics.jsonl`);
  return {
    seconds: (performance.now() - stopped) / 1000,
    rows: metrics.split("\n").length - 1,
  };
}

/** Waits until a process has opened its run, which it says by rewriting a file. */
async function opened(directory: string, since: number): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 5) {
    const info = await Deno.stat(`${directory}/timing.jsonl`).catch(() => null);
    if ((info?.mtime?.getTime() ?? 0) >= since) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Iterations of the checkpoints in a folder; none where the run was stopped while it imitated. */
function savedIn(folder: string): number[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => Number(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test({
  name:
    "SIGTERM stops a language run within an iteration, and the run that goes on has the same numbers",
  ignore: Deno.build.os === "windows",
  async fn() {
    const random = createRandom(Date.now()).fork("stops");
    const whole = `${await Deno.makeTempDir({ prefix: "hiper_whole_" })}/run`;
    await train(whole, {});
    const directory = `${await Deno.makeTempDir({
      prefix: "hiper_stop_",
    })}/run`;
    let before = 0;
    for (let stop = 0; stop < 3; stop++) {
      const stopAfter = 200 + 1500 * random.uniform();
      const { seconds, rows } = await train(directory, {
        resume: stop > 0,
        stopAfter,
      });
      ok(seconds < 20, `it took ${seconds} s to stop`);
      const names = savedIn(`${directory}/checkpoints`);
      ok(rows === 0 || names.includes(rows), `${rows} rows, saved ${names}`);
      ok(rows >= before);
      before = rows;
    }
    await train(directory, { resume: true });
    for (const name of ["metrics.jsonl", "evaluation.json"]) {
      deepStrictEqual(
        await Deno.readTextFile(`${directory}/${name}`),
        await Deno.readTextFile(`${whole}/${name}`),
      );
    }
  },
});
