/**
 * Checks against the packages of other projects, in virtual environments that are there already.
 *
 * ```sh
 * python3 -m venv new && new/bin/pip install openenv==0.10.0 trl==1.16.0 skyrl-gym==0.4.0 verl==0.9.1
 * python3 -m venv old && old/bin/pip install openenv-core==0.3.0
 * deno task ecosystem-check --python new/bin/python --old old/bin/python --out docs/ecosystem_check.log
 * ```
 *
 * @module
 */

import { Command } from "commander";
import {
  createEnvOpener,
  createRandom,
  ESTIMATOR_NAMES,
  openEnv,
} from "../mod.ts";
import {
  type CreditEpisode,
  creditEpisodes,
  type CreditRequest,
  EpisodeLostError,
} from "../mod/ecosystem.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly python: string;
  readonly old?: readonly string[];
  readonly only?: readonly string[];
  readonly alfworld?: string;
  readonly game?: string;
  readonly out?: string;
}

const CHECKS = [
  "validate",
  "client",
  "typed",
  "tools",
  "blocked",
  "sessions",
  "faults",
  "credit",
  "skyrl_gym",
  "verl",
  "skyrl",
] as const;

const CHECK_FILE = "tests/ecosystem/checks.py";
const HOUSE_FILE = "tests/ecosystem/house_server.py";
const TRL_FILE = "scripts/python/trl_example.py";

const program = new Command("ecosystem-check")
  .description("Check against the packages of other projects.")
  .requiredOption(
    "--python <path>",
    "python with openenv 0.10, trl, skyrl-gym, verl",
  )
  .option("--old <paths...>", "pythons with older versions of openenv")
  .option("--only <names...>", `which of ${CHECKS.join(", ")}, server, trl`)
  .option("--alfworld <path>", "python with alfworld and openenv, for speed")
  .option("--game <file>", "a game.tw-pddl that both play, for speed")
  .option("--out <file>", "write the log here as well");

const log: string[] = [];
let failed = 0;

function say(line: string): void {
  console.log(line);
  log.push(line);
  if (line.startsWith("FAIL")) failed++;
}

/** A server in a process of its own. */
async function startServer(script: string, args: readonly string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-P=serve",
      `scripts/${script}.ts`,
      ...args,
      "--port",
      "0",
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!/ at (http\S+),/.test(said)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start ${script}: ${said}`);
    said += value;
  }
  return {
    url: / at (http\S+),/.exec(said)![1]!,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
    },
  };
}

/** Episodes of a household played in process, for every seed. */
async function playInProcess(count: number) {
  await using open = createEnvOpener();
  const episodes = [];
  for (let seed = 0; seed < count; seed++) {
    const env = await open({ kind: "household" }, seed);
    const { task, observation } = await env.start();
    const random = createRandom(seed).fork("actions");
    const episode = {
      seed,
      task,
      texts: [observation.text],
      actions: [] as string[],
      next: [] as string[],
      admissible: [] as (readonly string[])[],
      rewards: [] as number[],
      done: [] as boolean[],
      success: false,
    };
    let shown = observation, over = false;
    for (let t = 0; t < 40 && !over; t++) {
      const { admissibleActions } = shown;
      const wander = random.uniform() < 0.2;
      const action = wander
        ? admissibleActions[random.integer(admissibleActions.length)]!
        : env.hint?.()?.action ?? admissibleActions[0]!;
      const step = await env.step(action);
      over = step.ending !== undefined;
      episode.actions.push(action);
      episode.next.push(step.observation.text);
      episode.admissible.push(step.observation.admissibleActions);
      episode.rewards.push(over && step.success ? 1 : 0);
      episode.done.push(over);
      episode.success = step.success;
      shown = step.observation;
    }
    episodes.push(episode);
  }
  return episodes;
}

/** Requests for credit with the replies in process. */
function creditVectors() {
  const random = createRandom(3);
  const episodes = Array.from({ length: 8 }, (_, i): CreditEpisode => ({
    id: `e${i}`,
    group: `g${i >> 2}`,
    strategy: `s${i >> 1}`,
    truncated: i % 4 === 3,
    bootstrap_value: i % 4 === 3 ? random.normal() : null,
    turns: Array.from({ length: 3 + i }, (_, t) => ({
      reward: random.normal(),
      new_subgoal: t % 3 === 0,
      value: random.normal(),
      value_plan: random.normal(),
      value_switch: random.normal(),
      observation: `room ${random.integer(3)}`,
    })),
  }));
  return ESTIMATOR_NAMES.map((algorithm) => {
    const settings = algorithm === "remax"
      ? { baselines: { g0: 0.5, g1: 1 } }
      : {};
    const request: CreditRequest = { algorithm, settings, episodes };
    return { request, reply: creditEpisodes(request) };
  });
}

/** Runs a program and passes its lines on that say how a check went. */
async function run(
  name: string,
  python: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(python, {
    args: ["-u", ...args],
    env: { HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1", ...env },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const lines = decode(stdout).split("\n")
    .filter((line) => /^(?:ok|skip|FAIL) /.test(line));
  for (const line of lines) say(line);
  if (code !== 0) {
    console.error(decode(stderr).slice(-3000));
    if (!lines.some((line) => line.startsWith("FAIL"))) {
      say(`FAIL ${name} — exit code ${code}`);
    }
  }
  return decode(stdout);
}

/** Waits until a server answers, for two minutes. */
async function untilHealthy(url: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const up = await fetch(`${url}/health`).then(
      async (answer) => (await answer.body?.cancel(), answer.ok),
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** One game on both servers, through one client. */
async function compareSpeed(
  python: string,
  { alfworld, game }: { alfworld: string; game: string },
): Promise<void> {
  const port = freePort();
  const official = new Deno.Command(alfworld, {
    args: ["tests/ecosystem/alfworld_server.py"],
    env: { PORT: String(port), GAME: game },
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await using own = await startServer("serve", [
      "game",
      "--set",
      `path=${game}`,
    ]);
    await untilHealthy(`http://127.0.0.1:${port}`);
    const given = {
      speed: { here: own.url, official: `http://127.0.0.1:${port}` },
      speed_pids: { here: own.pid, official: official.pid },
    };
    await run("speed", python, [CHECK_FILE, "speed", JSON.stringify(given)]);
  } finally {
    official.kill("SIGTERM");
    await official.status;
  }
}

/** The project's client on the official server of one version. */
async function checkServer(python: string): Promise<void> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = new Deno.Command(python, {
    args: [HOUSE_FILE],
    env: { PORT: String(port) },
    stdout: "null",
    stderr: "null",
  }).spawn();
  const status = server.status;
  try {
    await untilHealthy(url);
    const { stdout } = await new Deno.Command(python, {
      args: [
        "-c",
        "import importlib.metadata as m\nfor n in ('openenv', 'openenv-core'):\n  try: print(n, m.version(n))\n  except Exception: pass",
      ],
    }).output();
    const label = new TextDecoder().decode(stdout).trim();
    await playServer(url, label);
  } catch (error) {
    say(`FAIL server — ${explain(error)}`);
  } finally {
    try {
      server.kill("SIGTERM");
    } catch {
      // It died as it was asked to.
    }
    await status;
  }
}

async function playServer(url: string, label: string): Promise<void> {
  const must = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`Cannot accept ${label} as ${what}`);
  };
  const spec = { kind: "openenv", url };
  const play = async (actions: readonly string[]) => {
    const env = await openEnv(spec, 3);
    await env.start();
    let last;
    for (const action of actions) last = await env.step(action);
    await env[Symbol.asyncDispose]?.();
    return last!;
  };
  for (let i = 0; i < 10; i++) {
    const won = await play(["open fridge", "take apple", "put apple on table"]);
    must(
      won.success && won.reward === 1 && won.ending === "terminated",
      "a win must be one",
    );
  }
  const cut = await play(["wait", "wait", "wait", "wait", "wait"]);
  must(cut.ending === "truncated" && !cut.success, "a limit must truncate");
  const broken = await play(["open fridge", "boom", "take apple"]);
  must(
    broken.observation.text === "OK: take apple.",
    "an error must leave the episode as it was",
  );
  const held = await Promise.all(
    [0, 1, 2].map(async () => {
      const env = await openEnv(spec, 0);
      await env.start();
      return env;
    }),
  );
  const fourth = await openEnv({ ...spec, connectSeconds: 1 }, 0);
  const refusal = await Promise.resolve(fourth.start()).catch((error) => error);
  must(
    refusal instanceof Error && /admits 3/.test(refusal.message),
    "a fourth session must be refused with the number that is admitted",
  );
  await Promise.all(held.map((env) => env[Symbol.asyncDispose]?.()));
  const doomed = await openEnv(spec, 0);
  await doomed.start();
  const lost = await Promise.resolve(doomed.step("die")).catch((error) =>
    error
  );
  must(
    lost instanceof EpisodeLostError,
    "a server that dies must lose the episode",
  );
  say(
    `ok   server — ${label}: ten wins on slots used again, truncation, an error of the world, capacity, a server that dies`,
  );
}

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const { python, old = [], only, alfworld, game, out } = program.opts<Flags>();
  const wanted = (name: string) => only === undefined || only.includes(name);
  say(`Deno ${Deno.version.deno}, ${new Date().toISOString().slice(0, 10)}`);
  const folder = await Deno.makeTempDir();
  const episodes = `${folder}/episodes.json`, credits = `${folder}/credit.json`;
  await Deno.writeTextFile(episodes, JSON.stringify(await playInProcess(64)));
  await Deno.writeTextFile(credits, JSON.stringify(creditVectors()));
  await using world = await startServer("serve", ["household"]);
  const cells = [
    "--set",
    "length=5",
    "--set",
    "doors=0",
    "--set",
    "exit=right",
    "--max-steps",
    "8",
  ];
  await using corridor = await startServer("serve", ["corridor", ...cells]);
  await using small = await startServer("serve", [
    "corridor",
    "--sessions",
    "2",
  ]);
  await using credit = await startServer("credit", []);
  const given = JSON.stringify({
    world: world.url,
    pid: world.pid,
    corridor: corridor.url,
    small: small.url,
    credit: credit.url,
    credit_pid: credit.pid,
    episodes,
    credit_vectors: credits,
  });
  for (const name of CHECKS.filter(wanted)) {
    await run(name, python, [CHECK_FILE, name, given]);
    if (name !== "client" && name !== "validate") continue;
    for (const older of old) {
      if (name === "client") await run(name, older, [CHECK_FILE, name, given]);
    }
  }
  if (wanted("server")) {
    for (const one of [python, ...old]) await checkServer(one);
  }
  if (wanted("trl")) {
    const near = [
      "--set",
      "length=3",
      "--set",
      "doors=0",
      "--set",
      "exit=right",
      "--max-steps",
      "6",
    ];
    await using close = await startServer("serve", ["corridor", ...near]);
    const said = await run("trl", python, [
      TRL_FILE,
      "--tiny",
      "--warm-up",
      "200",
      "--generations",
      "8",
      "--steps",
      "3",
      "--url",
      close.url,
      "--credit",
      credit.url,
      "--out",
      `${folder}/trl`,
    ]);
    const [, changed, all] = /changed (\d+) of (\d+) tensors/.exec(said) ?? [];
    say(
      changed !== undefined && Number(changed) > 0
        ? `ok   trl — three steps of GRPO with credit by turns: ${changed} of ${all} tensors changed`
        : "FAIL trl — no tensor changed",
    );
  }
  if (alfworld !== undefined && game !== undefined && wanted("speed")) {
    await compareSpeed(python, { alfworld, game });
  }
  say(failed === 0 ? "all passed" : `${failed} failed`);
  if (out !== undefined) await Deno.writeTextFile(out, `${log.join("\n")}\n`);
  await Deno.remove(folder, { recursive: true });
}

try {
  await main();
  if (failed > 0) Deno.exit(1);
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
