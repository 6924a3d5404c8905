/**
 * Interactive play of a world in the terminal, or of a shop in a browser.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { Command, InvalidArgumentError } from "commander";
import {
  createRandom,
  type EnvSpec,
  findWorld,
  type Observation,
  openEnv,
  type Situation,
  type TextEnv,
  type Turn,
} from "../mod.ts";
import { ALFWORLD_SPLITS, listAlfworld } from "../mod/household.ts";
import { openPlayRecord, type PlayRecord } from "./play_record.ts";
import { serveWebshop, stockWebshopSpec } from "../mod/webshop.ts";
import { setting } from "./served.ts";
import { explain } from "./explain.ts";

const ABOUT = `Type an action or its number, or one of
  actions   what the world accepts now, numbered
  hint      what an expert would do
  subgoals  what a planner might pursue
  ?         this text
  quit      leave`;

const command = new Command("play")
  .description("Play a world in the terminal")
  .argument(
    "[world]",
    "a kind of world (household, corridor, webshop, …), a game file, an ALFWorld folder, or alfworld for the one in its usual place",
    "household",
  )
  .option("-s, --seed <number>", "which episode", wholeNumber, 1)
  .option("--split <name>", "split of a household or an ALFWorld folder")
  .option(
    "--set <name=value>",
    "a setting of the world, JSON or a plain word; may be repeated",
    setting,
    {},
  )
  .option(
    "-o, --out <file>",
    "keep the episode: .jsonl is a trace for deno task traces, .html a page with a picture of each turn (miniwob)",
  )
  .option("--browser", "shop in a browser on this machine, a webshop only")
  .option("--port <number>", "port of the browser's address", wholeNumber, 8000)
  .addHelpText("after", `\nWhile playing:\n${ABOUT}`)
  .parse(Deno.args, { from: "user" });
const options = command.opts<
  {
    seed: number;
    split?: string;
    set: Record<string, unknown>;
    out?: string;
    browser?: true;
    port: number;
  }
>();

const spec = await clearly(() => findSpec(command.args[0] ?? "household"));
if (options.browser) {
  await clearly(() => serve(spec));
  Deno.exit(0);
}
const { proposeSubgoals } = await clearly(() => findWorld(spec));
const env = await clearly(() => openEnv(spec, options.seed));
try {
  const record = options.out === undefined
    ? undefined
    : await clearly(() =>
      openPlayRecord(options.out!, { env, spec, seed: options.seed })
    );
  await play(env, record);
} finally {
  await env[Symbol.asyncDispose]?.();
}

/** Serves the goals of a shop's split until the program is stopped. */
async function serve(spec: EnvSpec): Promise<void> {
  if (spec.kind !== "webshop") {
    throw new Error(
      `Cannot play in a browser as the world must be a webshop: current value is ${spec.kind}`,
    );
  }
  const { shop, splits } = await stockWebshopSpec(spec);
  const goals = splits[options.split as keyof typeof splits] ?? splits.train;
  await using server = serveWebshop(shop, { port: options.port, goals });
  console.log(`Shop at ${server.url}, stop with Ctrl-C.`);
  await server.finished;
}

async function clearly<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Usage errors are printed without a stack.
    console.error(explain(error));
    Deno.exit(1);
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number.");
}

/** A file is a game, a folder is ALFWorld, anything else is a kind of world. */
async function findSpec(world: string): Promise<EnvSpec> {
  const { split, set } = options;
  const info = await Deno.stat(world).catch(() => undefined);
  if (info?.isFile) return { kind: "game", path: world, ...set };
  if (info?.isDirectory) {
    return { ...await drawGame({ directory: world }), ...set };
  }
  if (/[/\\]|\.tw-pddl$/.test(world)) {
    throw new Error(
      `Cannot play a game as its file or folder must exist: current value is ${world}`,
    );
  }
  if (world === "alfworld") return { ...await drawGame({}), ...set };
  return { kind: world, ...(split === undefined ? {} : { split }), ...set };
}

/** One of ALFWorld's games, drawn by the seed. */
async function drawGame(where: { directory?: string }): Promise<EnvSpec> {
  const { split, seed } = options;
  const games = await listAlfworld({
    dataset: "alfworld",
    split: ALFWORLD_SPLITS.find((name) => name === split) ?? "valid_seen",
    ...where,
  });
  return games[createRandom(seed).integer(games.length)]!;
}

async function play(env: TextEnv, record?: PlayRecord): Promise<void> {
  const start = await env.start();
  await record?.begin(start);
  const { task, observation: first } = start;
  const past: Turn[] = [];
  let observation = first, total = 0;
  const { text } = first;
  console.log(text.includes(task) ? text : `${task}\n\n${text}`);
  await write("\n(? for help)\n> ");
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const typed = line.trim();
    if (typed === "quit") break;
    const said = answer(typed, { task, past, observation });
    if (said !== undefined) {
      await write(`${said}\n> `);
      continue;
    }
    const action = chosenAction(typed, observation);
    await record?.look();
    const step = await env.step(action);
    await record?.note(action, step);
    past.push(turnOf(observation, action, step.reward));
    observation = step.observation;
    total += step.reward;
    console.log(observation.text);
    if (step.ending === undefined) {
      await write("> ");
      continue;
    }
    const end = step.success ? "Accomplished" : "Over";
    console.log(`\n${end} after ${past.length} turns, reward ${total}.`);
    break;
  }
  lines.close();
}

/** Answer to a command of the script; `undefined` for an action of the world. */
function answer(typed: string, situation: Situation): string | undefined {
  const { admissibleActions } = situation.observation;
  if (admissibleActions.includes(typed)) return undefined;
  switch (typed) {
    case "?":
      return ABOUT;
    case "actions":
      return admissibleActions.map((action, i) => `${i + 1}  ${action}`)
        .join("\n");
    case "hint": {
      const hint = env.hint?.();
      return hint === undefined
        ? "No expert knows what to do here."
        : `${hint.action}  (to ${hint.subgoal})`;
    }
    case "subgoals":
      return proposeSubgoals?.(situation).join("\n") ??
        "This world proposes none.";
    default:
      return undefined;
  }
}

/** An action in words, or its number among those accepted. */
function chosenAction(typed: string, observation: Observation): string {
  return /^\d+$/.test(typed)
    ? observation.admissibleActions[Number(typed) - 1] ?? typed
    : typed;
}

function turnOf(
  observation: Observation,
  action: string,
  reward: number,
): Turn {
  const valid = observation.admissibleActions.includes(action);
  const trace = { kind: "untrainable" } as const;
  const decision = { switched: false, subgoal: "", action, valid, trace };
  return { observation, decision, reward };
}

async function write(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(text));
}
