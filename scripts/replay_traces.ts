/**
 * Replays recorded plays of text games and says where this engine differs.
 *
 * `deno task traces <traces.jsonl[.gz] or folder>… [--games <folder>]…`. A folder stands for every
 * `.jsonl` and `.jsonl.gz` in it. Games are looked for beside the traces (`file`), and as
 * `<folder>/<game>/game.tw-pddl` in the folders given.
 *
 * @module
 */

import { Command } from "commander";
import {
  type CompiledGame,
  findTraceGame,
  readGame,
  readTraces,
  replayTrace,
} from "../mod.ts";

async function traceFiles(path: string): Promise<string[]> {
  if ((await Deno.stat(path)).isFile) return [path];
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(path)) {
    if (isFile && /\.jsonl(\.gz)?$/.test(name)) files.push(`${path}/${name}`);
  }
  return files.sort();
}

const command = new Command("traces")
  .argument("<traces...>", "files or folders of traces")
  .option("--games <folders...>", "folders that hold the games", [])
  .parse(["deno", "traces", ...Deno.args]);
const { games } = command.opts<{ games: string[] }>();
const files = (await Promise.all(command.args.map(traceFiles))).flat();
const compiled = new Map<string, CompiledGame>();
let replayed = 0, steps = 0, differing = 0;
for (const file of files) {
  const own = file.slice(0, Math.max(0, file.lastIndexOf("/"))) || ".";
  for (const trace of await readTraces(file)) {
    const path = await findTraceGame(trace, [own, ...games]);
    if (path === undefined) {
      console.error(`${trace.game}: the game is in none of the folders`);
      differing++;
      continue;
    }
    const game = compiled.get(path) ?? await readGame(path);
    compiled.set(path, game);
    const [first, ...more] = replayTrace(game, trace);
    replayed++;
    steps += trace.steps.length;
    if (first === undefined) continue;
    differing++;
    console.error(
      `${trace.game} (${trace.kind ?? "trace"}): ${
        more.length + 1
      } differences; first at step ${first.step}, ` +
        `command ${
          JSON.stringify(trace.steps[first.step]!.cmd)
        }, ${first.field}:\n` +
        `  recorded ${JSON.stringify(first.expected)}\n  replayed ${
          JSON.stringify(first.actual)
        }`,
    );
  }
}
console.log(`${replayed} traces, ${steps} steps replayed; ${differing} differ`);
if (differing > 0 || replayed === 0) Deno.exit(1);
