/**
 * Steps of ScienceWorld and MiniWoB++ beside their Python packages, in turn in one run: 1, 4 and 8 episodes open.
 *
 * ```sh
 * deno run --no-check --allow-read --allow-run --allow-env --allow-net=127.0.0.1 \
 *   tests/bench/world_speed.ts <python with miniwob, scienceworld> [steps] [episodes open: 1,4,8] [worlds…]
 * ```
 *
 * Seconds of the processor are those of the whole tree of processes, so that they compare on a busy machine; a step is
 * one action with everything that the world shows after it. The packages play the same actions: the browser through
 * Selenium with a screenshot, as its package observes; the simulator with the list of valid actions.
 *
 * @module
 */

import { createEnvOpener } from "../../lib/envs/open_env.ts";
import type { EnvSpec } from "../../lib/envs/text_env.ts";

const [python = "python3", steps = "20", open = "1,4,8", ...named] = Deno.args;
const STEPS = Number(steps), OPEN = open.split(",").map(Number);
const PEER = new URL("./world_speed.py", import.meta.url).pathname;

/** What is played: the same task, and actions that never end it. */
const WORLDS: Readonly<
  Record<string, { spec: EnvSpec; actions: readonly string[] }>
> = {
  miniwob: {
    spec: {
      kind: "miniwob",
      task: "click-checkboxes",
      stepLimit: 10_000,
      seed: 5,
    },
    actions: ["click"],
  },
  scienceworld: {
    spec: {
      kind: "scienceworld",
      task: "find-non-living-thing",
      variation: 0,
      look: true,
      stepLimit: 10_000,
    },
    actions: ["teleport to kitchen", "look around", "teleport to outside"],
  },
};

interface Speed {
  readonly openSeconds: number;
  readonly openCpu: number;
  readonly seconds: number;
  readonly cpu: number;
}

/** Seconds of the processor of this process and all below it, ended ones among them. */
async function cpuSeconds(): Promise<number> {
  const parents = new Map<number, number>(), ticks = new Map<number, number>();
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", "cat /proc/[0-9]*/stat 2>/dev/null"],
  }).output();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const end = line.lastIndexOf(")");
    if (end < 0) continue;
    const fields = line.slice(end + 2).split(" ");
    const pid = Number.parseInt(line);
    parents.set(pid, Number(fields[1]));
    const spent = fields.slice(11, 15).reduce((sum, x) => sum + Number(x), 0);
    ticks.set(pid, spent);
  }
  let sum = 0;
  for (const [pid, spent] of ticks) {
    let at: number | undefined = pid;
    while (at !== undefined && at !== Deno.pid) at = parents.get(at);
    if (at === Deno.pid) sum += spent;
  }
  return sum / 100;
}

async function measure(name: string, count: number): Promise<Speed> {
  const { spec, actions } = WORLDS[name]!;
  await using open = createEnvOpener();
  const started = performance.now(), cpu = await cpuSeconds();
  const envs = await Promise.all(
    Array.from({ length: count }, (_, i) => open(spec, i)),
  );
  const starts = await Promise.all(envs.map((env) => env.start()));
  const opened = performance.now(), cpuOpened = await cpuSeconds();
  const chosen = starts.map(({ observation }) =>
    name === "miniwob"
      ? observation.admissibleActions.filter((one) => one.startsWith("click"))
        .slice(0, 1)
      : actions
  );
  for (let i = 0; i < STEPS; i++) {
    await Promise.all(envs.map((env, e) => {
      const some = chosen[e]!;
      return env.step(some[i % some.length]!);
    }));
  }
  const seconds = (performance.now() - opened) / 1000;
  const cpuPlayed = await cpuSeconds();
  await Promise.all(envs.map((env) => env[Symbol.asyncDispose]?.()));
  return {
    openSeconds: (opened - started) / 1000,
    openCpu: cpuOpened - cpu,
    seconds,
    cpu: cpuPlayed - cpuOpened,
  };
}

/** The same in the world's Python package. */
async function measurePeer(name: string, count: number): Promise<Speed> {
  const { stdout, success, stderr } = await new Deno.Command(python, {
    args: [PEER, name, String(count), String(STEPS)],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return JSON.parse(text.trim().split("\n").at(-1)!);
  throw new Error(new TextDecoder().decode(stderr).slice(-2000));
}

const rows: Record<string, unknown>[] = [];
for (const name of named.length > 0 ? named : Object.keys(WORLDS)) {
  for (const count of OPEN) {
    for (
      const [who, run] of [["here", measure], ["Python", measurePeer]] as const
    ) {
      const { openSeconds, openCpu, seconds, cpu } = await run(name, count);
      const all = STEPS * count;
      rows.push({
        world: name,
        by: who,
        open: count,
        "steps/s": round(all / seconds),
        "CPU ms/step": round(1000 * cpu / all),
        "open s": round(openSeconds),
        "CPU s/open": round(openCpu / count),
      });
      console.log(JSON.stringify(rows.at(-1)));
    }
  }
}
console.table(rows);

function round(value: number): number {
  return Number(value.toPrecision(3));
}
