/**
 * Runs on a server whose processes are killed in the middle of iterations: the client, the server, and both.
 *
 * @module
 */

import type { CheckResult } from "./checks.ts";
import type { EngineServer } from "./server.ts";

/** Settings of the runs: a few iterations in the smallest world; a bonus on entropy gives every one a gradient. */
const SETTINGS = [
  "policy.maxReplyTokens=24",
  "warmStart=null",
  "rollout.tasks=2",
  "update.entropyCoefficient=0.01",
  "iterations=5",
];

/** Who is killed, after which recorded iterations, and at which request of the next one. */
interface Kill {
  readonly who: "client" | "server" | "both";
  readonly after: number;
  readonly request: string;
  /** Which request of that kind in the iteration, from 1. */
  readonly count: number;
}

/** Kills in each phase: while episodes are played, between gradients and step, and while the step is saved. */
const KILLS: readonly Kill[] = [
  { who: "client", after: 1, request: "asample", count: 9 },
  { who: "server", after: 2, request: "forward_backward", count: 1 },
  { who: "both", after: 4, request: "save_weights", count: 1 },
];

/** Numbers of an iteration that tell whether it learned from the same samples with the same weights. */
const COMPARED = ["tokens_trained", "log_prob", "gradient_norm"];

/** How far such a number may be off, relative; runs that were resumed differ in the eighth digit. */
const TOLERANCE = 1e-6;

function agrees(found?: number, expected?: number): boolean {
  if (found === undefined || expected === undefined) return found === expected;
  return Math.abs(found - expected) <= TOLERANCE * Math.abs(expected);
}

/** Starts a run, or goes on with it. */
export function startRun(
  folder: string,
  words: readonly string[],
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "train", "--out", folder, ...words],
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
}

/** Rows of `metrics.jsonl`; none before there are any. */
export async function readRows(
  folder: string,
): Promise<Record<string, number>[]> {
  try {
    const text = await Deno.readTextFile(`${folder}/metrics.jsonl`);
    // The last line may be half written.
    return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Waits until a run is in the middle of the iteration that a kill names. */
async function untilPhase(
  { folder, client, server }: {
    folder: string;
    client: Deno.ChildProcess;
    server: EngineServer;
  },
  { after, request, count }: Kill,
): Promise<void> {
  let ended = false;
  client.status.then(() => ended = true);
  const wait = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (!ended) return;
    throw new Error(
      `Cannot kill in "${folder}" as the run must come to "${request}" after ${after} iterations: it has ended`,
    );
  };
  while ((await readRows(folder)).length < after) await wait();
  const before = await server.requests(request);
  while (await server.requests(request) < before + count) await wait();
}

/** Kills the process that trains in a folder, as `kill -9` does; the ones that started it end with it. */
async function killRun(folder: string): Promise<void> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-eo", "pid,args"],
  }).output();
  let killed = 0;
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [pid, program] = line.trim().split(/\s+/);
    const trains = program?.endsWith("deno") && line.includes(folder) &&
      line.includes("scripts/train.ts") && !line.includes("scripts/launch.ts");
    if (!trains) continue;
    Deno.kill(Number(pid), "SIGKILL");
    killed++;
  }
  if (killed === 1) return;
  throw new Error(
    `Cannot kill the client in "${folder}" as one process must train there: current number is ${killed}`,
  );
}

/** Kills client, server and both in the middle of iterations; the run ends with every iteration once. */
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
    let client = startRun(broken, preset);
    const recorded: string[] = [];
    for (const kill of KILLS) {
      await untilPhase({ folder: broken, client, server }, kill);
      if (kill.who !== "client") await server.kill();
      if (kill.who !== "server") {
        await killRun(broken);
        await client.status;
      }
      const count = (await readRows(broken)).length;
      recorded.push(`${kill.who} at "${kill.request}" of iteration ${count}`);
      if (kill.who !== "client") server = await start();
      if (kill.who !== "server") client = startRun(broken, ["--resume"]);
    }
    const { success } = await client.status;
    const [expected, found] = [await readRows(whole), await readRows(broken)];
    const numbers = found.map(({ iteration }) => iteration).join(" ");
    const same = found.filter((row, i) =>
      COMPARED.every((name) => agrees(row[name], expected[i]?.[name]))
    );
    return [
      { name: "killed by SIGKILL", value: recorded.join(", "), holds: success },
      {
        name: "iterations of the run that was killed",
        value: numbers,
        holds: numbers === "0 1 2 3 4",
      },
      {
        name: `iterations whose ${
          COMPARED.join(", ")
        } are those of a run left alone, to ${TOLERANCE}`,
        value: `${same.length} of ${expected.length}`,
        holds: true, // reported: an engine need not sample the same numbers again
      },
    ];
  } finally {
    await server.stop();
  }
}
