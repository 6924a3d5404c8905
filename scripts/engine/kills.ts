/**
 * Runs on a server that are killed: the client in the middle of an iteration, then the server.
 *
 * @module
 */

import type { CheckResult } from "./checks.ts";
import type { EngineServer } from "./server.ts";

/** Settings of the runs: a few iterations in the smallest world. */
const SETTINGS = [
  "policy.maxReplyTokens=24",
  "warmStart.episodes=8",
  "warmStart.epochs=24",
  "warmStart.minibatchSize=16",
  "warmStart.learningRate=0.01",
  "update.learningRate=0.003",
  "rollout.groupSize=8",
  "iterations=6",
];

/** Starts a run, or goes on with it. */
function startRun(folder: string, more: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "train", "--out", folder, ...more],
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
}

async function rows(folder: string): Promise<Record<string, number>[]> {
  try {
    const text = await Deno.readTextFile(`${folder}/metrics.jsonl`);
    return text.trim().split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Waits until a run has recorded so many iterations, then a moment more. */
async function untilIterations(folder: string, count: number): Promise<void> {
  while ((await rows(folder)).length < count) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}

/** Kills a process and the ones it started, as \`kill -9\` of the group does. */
async function killRun(folder: string): Promise<void> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-eo", "pid,args"],
  }).output();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    if (!line.includes(folder) || !line.includes("scripts/train.ts")) continue;
    try {
      Deno.kill(Number(line.trim().split(/\s+/)[0]), "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Kills client and server in the middle of iterations; the runs end with every iteration once. */
export async function checkKills(
  { start, out, baseModel }: {
    start: () => Promise<EngineServer>;
    out: string;
    baseModel: string;
  },
): Promise<CheckResult[]> {
  let server = await start();
  try {
    const preset = [
      ...["--preset", "corridor-tinker", `policy.url=${server.url}`],
      ...[`policy.baseModel=${baseModel}`, ...SETTINGS],
    ];
    const whole = `${out}/whole-${Date.now()}`;
    const broken = `${out}/broken-${Date.now()}`;
    await startRun(whole, preset).status;
    const client = startRun(broken, preset);
    await untilIterations(broken, 2);
    await killRun(broken);
    await client.status;
    const resumed = startRun(broken, ["--resume"]);
    await untilIterations(broken, 4);
    await server.kill();
    server = await start();
    await resumed.status;
    const [expected, found] = [await rows(whole), await rows(broken)];
    const numbers = found.map(({ iteration }) => iteration).join(" ");
    const success = (of: readonly Record<string, number>[]) =>
      of.map((row) => row["success_rate"]!.toFixed(2)).join(" ");
    return [
      {
        name: "iterations of a run whose client, then server, was killed",
        value: numbers,
        holds: numbers === "0 1 2 3 4 5",
      },
      {
        name: "its success by iteration, and that of a run left alone",
        value: `${success(found)}; ${success(expected)}`,
        holds: found.length === expected.length,
      },
    ];
  } finally {
    await server.stop();
  }
}
