/**
 * Turns ALFRED's recorded tasks into game files, in the folders that ALFWorld's loader expects.
 *
 * @module
 */

import { createInterface } from "node:readline";
import process from "node:process";
import { Command, InvalidArgumentError } from "commander";
import {
  type AlfredGame,
  householdGame,
  importAlfredTask,
  loadAlfredPlacements,
  parseAlfredTask,
  recordedTasks,
} from "../mod/household.ts";

const command = new Command("import-alfred")
  .description("Turn ALFRED's recorded tasks into game files")
  .argument(
    "<source>",
    "a file with one task a line (- reads the terminal), or a folder of traj_data.json files",
  )
  .option("-o, --out <folder>", "where to write", "runs/alfred")
  .option("--split <name>", "folder below json_2.1.1", "train")
  .option("--wording <kind>", "template or human", "template")
  .option("--limit <count>", "tasks to read", wholeNumber, Infinity)
  .option("--dry", "count only, write nothing", false)
  .addHelpText(
    "after",
    `
A compressed list: xz -dc tasks.jsonl.xz | deno task import-alfred - --out data/alfred
To train on what was written, with the official games in data/alfworld:
  deno task train --preset alfworld --data data/alfworld data/alfred
Training can also read the recorded tasks themselves, which opens games faster:
  deno task train --preset alfworld --data data/alfworld tasks.jsonl --splits valid_train`,
  )
  .parse(Deno.args, { from: "user" });
const options = command.opts<{
  out: string;
  split: string;
  wording: "template" | "human";
  limit: number;
  dry: boolean;
}>();

const placements = await loadAlfredPlacements();
const refused = new Map<string, number>();
const written = new Map<string, number>();
let read = 0, things = 0, uncertain = 0;
const begun = performance.now();
try {
  for await (const text of taskTexts(command.args[0]!)) {
    if (read >= options.limit) break;
    read++;
    await importOne(text);
  }
} catch (error) {
  // What a person mistyped needs no stack.
  const reason = error instanceof Error ? error.message : error;
  console.error(read > 0 ? `Task ${read}: ${reason}` : reason);
  Deno.exit(1);
}
report((performance.now() - begun) / 1000);

async function importOne(text: string): Promise<void> {
  const task = parseAlfredTask(text);
  const { wording } = options;
  const game = importAlfredTask(task, { placements, wording });
  if (typeof game === "string") {
    refused.set(game, (refused.get(game) ?? 0) + 1);
    return;
  }
  const { type } = game.world.goal;
  written.set(type, (written.get(type) ?? 0) + 1);
  things += game.world.things.length;
  uncertain += game.uncertain.length;
  if (!options.dry) await writeGame(game, task.task_id, text);
}

async function* taskTexts(source: string): AsyncGenerator<string> {
  if (source !== "-") return yield* recordedTasks(source);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== "") yield line;
  }
}

async function writeGame(
  { world, walkthrough, uncertain }: AlfredGame,
  id: string,
  text: string,
): Promise<void> {
  const { type, object, target } = world.goal;
  const kind = [type, object, "None", target, world.layout.key].join("-");
  const base = `${options.out}/json_2.1.1/${options.split}`;
  const folder = `${base}/${kind}/${id.replace(/[^\w-]/g, "_")}`;
  await Deno.mkdir(folder, { recursive: true });
  await spareOthers(`${folder}/game.tw-pddl`);
  const origin = { source: "alfred", task_id: id, uncertain };
  const { file } = householdGame(world, walkthrough, origin);
  await Deno.writeTextFile(`${folder}/game.tw-pddl`, JSON.stringify(file));
  await Deno.writeTextFile(`${folder}/traj_data.json`, text);
}

/** Official games have the same names as those made of the same recordings; they stay as they are. */
async function spareOthers(path: string): Promise<void> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (JSON.parse(text).gen?.source === "alfred") return;
  throw new Error(
    `Cannot import as "--out" must hold no games but imported ones: current value is "${options.out}" with "${path}"`,
  );
}

function report(seconds: number): void {
  const total = [...written.values()].reduce((sum, n) => sum + n, 0);
  const verb = options.dry ? "could be imported" : "imported";
  console.log(`${total} of ${read} tasks ${verb} in ${seconds.toFixed(1)} s`);
  for (const [type, count] of written) console.log(`  ${count}  ${type}`);
  console.log("not imported, and why:");
  for (const [reason, count] of refused) console.log(`  ${count}  ${reason}`);
  const share = (100 * uncertain / things).toFixed(1);
  console.log(
    `reconstructed: names and places of ${things} objects, what contains them (a guess for ${share} %), furniture and fixtures of the scenes, the wording`,
  );
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a positive whole number.");
}
