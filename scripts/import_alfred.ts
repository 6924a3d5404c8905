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
  createHouseholdGame,
  importAlfredTask,
  listRecordedTasks,
  readAlfredPlacements,
  readRecordedTask,
  type RecordedTask,
} from "../mod/household.ts";
import { explain } from "./explain.ts";

const command = new Command("import-alfred")
  .description("Turn ALFRED's recorded tasks into game files")
  .argument(
    "<source>",
    "a file with one task a line (- reads the terminal), or a folder of traj_data.json files",
  )
  .option("-o, --out <folder>", "where to write", "runs/alfred")
  .option("--split <name>", "folder below json_2.1.1", "train")
  .option("--wording <kind>", "template or human", "template")
  .option("--limit <count>", "tasks to read (default: all)", wholeNumber)
  .option("--dry", "count only, write nothing")
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
  limit?: number;
  dry?: true;
}>();

const placements = await readAlfredPlacements();
const refused = new Map<string, { count: number; first: string }>();
const written = new Map<string, number>();
let read = 0, things = 0, uncertain = 0;
const begun = performance.now();
try {
  for await (const recorded of recordings(command.args[0]!)) {
    if (read >= (options.limit ?? Infinity)) break;
    read++;
    await importOne(recorded);
  }
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
report((performance.now() - begun) / 1000);

async function importOne(recorded: RecordedTask): Promise<void> {
  const { task, where, text } = recorded;
  if (task === undefined) return refuse(recorded.problem, where);
  const { wording } = options;
  const game = importAlfredTask(task, { placements, wording });
  if (typeof game === "string") return refuse(game, where);
  const { type } = game.world.goal;
  written.set(type, (written.get(type) ?? 0) + 1);
  things += game.world.things.length;
  uncertain += game.uncertain.length;
  if (!options.dry) await writeGame(game, task.task_id, text);
}

function refuse(reason: string, where: string): void {
  // Places within a file differ from file to file.
  const kind = reason.replace(/, line \d+, column \d+$/, "");
  const { count, first } = refused.get(kind) ?? { count: 0, first: where };
  refused.set(kind, { count: count + 1, first });
}

async function* recordings(source: string): AsyncGenerator<RecordedTask> {
  if (source !== "-") return yield* listRecordedTasks(source);
  let number = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    number++;
    if (line.trim() !== "") yield readRecordedTask(line, `line ${number}`);
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
  const { file } = createHouseholdGame(world, walkthrough, origin);
  await Deno.writeTextFile(`${folder}/game.tw-pddl`, JSON.stringify(file));
  await Deno.writeTextFile(`${folder}/traj_data.json`, text);
}

/** Throws on games that this script did not write: official games share the names of imported ones. */
async function spareOthers(path: string): Promise<void> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (isImported(text)) return;
  throw new Error(
    `Cannot import as "--out" must hold no games but imported ones: current value is "${options.out}" with "${path}"`,
  );
}

/** Whether this script wrote a game; a truncated file counts as such and is rewritten. */
function isImported(text: string): boolean {
  try {
    return JSON.parse(text).gen?.source === "alfred";
  } catch {
    return true;
  }
}

function report(seconds: number): void {
  const total = [...written.values()].reduce((sum, n) => sum + n, 0);
  const verb = options.dry ? "could be imported" : "imported";
  console.log(`${total} of ${read} tasks ${verb} in ${seconds.toFixed(1)} s`);
  for (const [type, count] of written) console.log(`  ${count}  ${type}`);
  if (refused.size > 0) console.log("not imported, and why:");
  for (const [reason, { count, first }] of refused) {
    console.log(`  ${count}  ${reason} (first: ${first})`);
  }
  if (things === 0) return;
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
