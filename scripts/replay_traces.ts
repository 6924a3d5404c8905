/**
 * Replays recorded plays of text games, and of any world, and reports differences.
 *
 * `deno task traces <traces.jsonl[.gz] or folder>… [--games <folder>]…`. A folder stands for every
 * `.jsonl` and `.jsonl.gz` in it. Games are looked for beside the traces (`file`), and as
 * `<folder>/<game>/game.tw-pddl` in the folders given. Traces of worlds (`deno task play <world> --out trace.jsonl`)
 * name their world themselves. It fails unless every trace is the same.
 *
 * @module
 */

import { Command } from "commander";
import {
  type CompiledGame,
  findTraceGame,
  GameError,
  type GameTrace,
  readGame,
  readTraces,
  replayTrace,
} from "../mod/pddl.ts";
import { createEnvOpener } from "../mod.ts";
import {
  readWorldTrace,
  replayWorldTrace,
  type WorldTrace,
} from "../mod/traces.ts";
import { explain } from "./explain.ts";

const command = new Command("traces")
  .description("Replay recorded plays of text games")
  .argument("<traces...>", "files or folders of traces")
  .option(
    "--games <folder>",
    "a folder that holds the games; may be repeated",
    (folder: string, known: readonly string[]) => [...known, folder],
    [],
  )
  .parse(Deno.args, { from: "user" });

const { games } = command.opts<{ games: readonly string[] }>();
const compiled = new Map<string, CompiledGame>();
let replayed = 0, steps = 0, differing = 0;
try {
  for (const source of command.args) {
    for (const file of await traceFiles(source)) await replayFile(file);
  }
} catch (error) {
  // Usage errors are printed without a stack.
  console.error(explain(error));
  Deno.exit(1);
}
console.log(`${replayed} traces, ${steps} steps replayed; ${differing} differ`);
if (differing > 0 || replayed === 0) Deno.exit(1);

/** The files that a path stands for; a folder without any is an error rather than nothing. */
async function traceFiles(path: string): Promise<string[]> {
  if ((await Deno.stat(path)).isFile) return [path];
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(path)) {
    if (isFile && /\.jsonl(\.gz)?$/.test(name)) files.push(`${path}/${name}`);
  }
  if (files.length > 0) return files.sort();
  throw new Error(
    `Cannot replay a folder as it must hold .jsonl or .jsonl.gz files: current value is ${path}`,
  );
}

/** Traces of worlds in a file; none where it holds traces of game files. */
async function worldTraces(file: string): Promise<WorldTrace[]> {
  if (file.endsWith(".gz")) return [];
  const lines = (await Deno.readTextFile(file)).split("\n");
  return lines.flatMap((line, i) =>
    line.trim() === ""
      ? []
      : readWorldTrace(line, `${file}, line ${i + 1}`) ?? []
  );
}

/** Replays traces of worlds, one after another. */
async function replayWorlds(traces: readonly WorldTrace[]): Promise<void> {
  await using open = createEnvOpener();
  for (const trace of traces) {
    const [first, ...more] = await replayWorldTrace(open, trace);
    replayed++;
    steps += trace.steps.length;
    if (first === undefined) continue;
    report(`${trace.spec.kind}, seed ${trace.seed}`, {
      ...first,
      cmd: trace.steps[first.step]!.cmd,
      count: more.length + 1,
    });
  }
}

async function replayFile(file: string): Promise<void> {
  const worlds = await worldTraces(file);
  if (worlds.length > 0) return await replayWorlds(worlds);
  const own = file.slice(0, Math.max(0, file.lastIndexOf("/"))) || ".";
  for (const trace of await readTraces(file)) {
    const path = await findTraceGame(trace, [own, ...games]);
    if (path === undefined) {
      console.error(`${trace.game}: the game is in none of the folders`);
      differing++;
      continue;
    }
    try {
      const game = compiled.get(path) ?? await readGame(path);
      compiled.set(path, game);
      compare(game, trace);
    } catch (error) {
      if (!(error instanceof GameError)) throw error;
      console.error(`${trace.game}: ${error.message}`);
      differing++;
    }
  }
}

function compare(game: CompiledGame, trace: GameTrace): void {
  const [first, ...more] = replayTrace(game, trace);
  replayed++;
  steps += trace.steps.length;
  if (first === undefined) return;
  report(`${trace.game} (${trace.kind ?? "trace"})`, {
    ...first,
    cmd: trace.steps[first.step]!.cmd,
    count: more.length + 1,
  });
}

/** Prints the first difference of a trace. */
function report(
  name: string,
  difference: {
    readonly step: number;
    readonly field: string;
    readonly cmd: string | null;
    readonly expected: unknown;
    readonly actual: unknown;
    readonly count: number;
  },
): void {
  const { step, field, cmd, expected, actual, count } = difference;
  differing++;
  const said = (value: unknown) => JSON.stringify(value);
  console.error(
    `${name}: ${count} differences; first at step ${step}, command ${
      said(cmd)
    }, ${field}:\n  recorded ${said(expected)}\n  replayed ${said(actual)}`,
  );
}
