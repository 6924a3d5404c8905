/**
 * ALFRED's recorded tasks as specifications, opened without game files.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EnvSpec } from "../text_env.ts";
import {
  type AlfredPlacements,
  importAlfredTask,
  readAlfredPlacements,
} from "./alfred_import.ts";
import {
  ALFRED_TASK,
  type AlfredTask,
  parseAlfredTask,
} from "./alfred_task.ts";
import { countSkipped } from "./dataset.ts";
import { GAME_SETTINGS, type GameEnv, WORDING } from "../pddl/game_env.ts";
import { openHouseholdGame } from "../household/household.ts";
import { HOUSEHOLD_GUIDE } from "../household/guide.ts";
import { createHouseholdGame } from "../household/game.ts";
import { HOUSEHOLD_TASK_TYPES } from "../household/task.ts";
import { readText, reasonOf, textLines } from "../../text_file.ts";
import type { EnvListing, World } from "../world.ts";
import { present, readSettings } from "../../settings.ts";

const ALFRED_SPEC = z.strictObject({
  kind: z.literal("alfred"),
  task: ALFRED_TASK.describe("The recorded task"),
  wording: WORDING,
  ...GAME_SETTINGS,
});

const ALFRED_DATASET = z.strictObject({
  dataset: z.literal("alfred"),
  path: z.string().min(1).describe(
    "File with one task a line, or a folder of traj_data.json files",
  ),
  taskTypes: z.array(z.enum(HOUSEHOLD_TASK_TYPES)).min(1).optional().describe(
    "Kinds of task to keep. Default: all six",
  ),
  wording: WORDING,
  settings: z.strictObject(GAME_SETTINGS).optional().describe(
    "Settings of every game",
  ),
});

/**
 * Opens a recorded task, which has no randomness and hence no seed.
 *
 * @throws {TypeError} If a setting does not fit, or no game can be made of the task.
 */
function openAlfredSpec(
  spec: EnvSpec,
  placements: AlfredPlacements,
): GameEnv {
  const { task, wording = "template", kind: _, ...settings } = readSettings(
    ALFRED_SPEC,
    spec,
    "open a task of ALFRED",
  );
  const game = importAlfredTask(task, { placements, wording });
  if (typeof game === "string") {
    throw new TypeError(
      `Cannot open a task of ALFRED as a game must follow from it: current value is "${task.task_id}", refused for "${game}"`,
    );
  }
  const { world, walkthrough, uncertain } = game;
  const origin = { source: "alfred", task_id: task.task_id, uncertain };
  return openHouseholdGame(
    createHouseholdGame(world, walkthrough, origin),
    present(settings),
  );
}

/**
 * Lists the recorded tasks that games can be made of.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { listAlfred } from "@hiper/lab/envs/household";
 *
 * await rejects(listAlfred({ dataset: "alfred", path: "tasks.jsonl", wordng: "human" }));
 * ```
 *
 * @param dataset `path` of a file with one task a line, or of a folder of `traj_data.json` files,
 *   `taskTypes` to keep, `wording`, and `settings` to give to every game.
 * @returns Specifications of kind `"alfred"`, in the order of the file or sorted by path; each
 *   carries its task.
 * @throws {TypeError} If a setting does not fit, there is nothing at `path`, or no game can be made of
 *   what is there; a task that cannot be read is skipped.
 */
export async function listAlfred(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvSpec[]> {
  return [...(await readAlfred(dataset)).specs];
}

/** Lists tasks as {@linkcode listAlfred} does, and those that cannot be read. */
export async function readAlfred(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvListing> {
  const { path, taskTypes, wording, settings = {} } = readSettings(
    ALFRED_DATASET,
    dataset,
    "list alfred",
  );
  const placements = await readAlfredPlacements();
  const specs: EnvSpec[] = [], skipped: string[] = [];
  for await (const recorded of listRecordedTasks(path)) {
    const { task, where } = recorded;
    if (task === undefined) {
      skipped.push(`${where}: ${recorded.problem}`);
      continue;
    }
    const game = importAlfredTask(task, { placements });
    if (typeof game === "string") continue;
    const { type: taskType } = game.world.goal;
    if (!(taskTypes?.includes(taskType) ?? true)) continue;
    specs.push({
      kind: "alfred",
      task,
      taskType,
      ...present({ wording }),
      ...present(settings),
    });
  }
  if (specs.length > 0) return { specs, skipped };
  throw new TypeError(
    `Cannot list alfred as "path" must hold tasks that games can be made of: none in "${path}"${
      skipped.length > 0 ? `, ${countSkipped(skipped)}` : ""
    }`,
  );
}

/** A recorded task, or what is wrong with it. */
export type RecordedTask =
  & {
    /** Path of its file, with the line where one file holds many. */
    readonly where: string;
    /** Its JSON as recorded. */
    readonly text: string;
  }
  & (
    | { readonly task: AlfredTask }
    | { readonly task?: undefined; readonly problem: string }
  );

/**
 * Reads one recorded task; one that cannot be read is no error.
 *
 * @param text Its JSON.
 * @param where Where it comes from: a path, or a path and a line.
 * @returns The task, or what is wrong.
 */
export function readRecordedTask(text: string, where: string): RecordedTask {
  try {
    return { where, text, task: parseAlfredTask(text, where) };
  } catch (error) {
    return { where, text, problem: reasonOf(error) };
  }
}

/**
 * Reads recorded tasks one by one: thousands of them need not fit into memory.
 *
 * @param path A file with one task a line, or a folder of `traj_data.json` files.
 * @returns Each task, in the order of the file or sorted by path.
 * @throws {TypeError} If there is nothing at `path`.
 */
export async function* listRecordedTasks(
  path: string,
): AsyncGenerator<RecordedTask> {
  let isFolder: boolean;
  try {
    isFolder = (await Deno.stat(path)).isDirectory;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new TypeError(
      `Cannot list alfred as "path" must be a file or a folder: current value is "${path}"`,
      { cause },
    );
  }
  if (isFolder) {
    for await (const file of trajectoryFiles(path)) yield await readOne(file);
    return;
  }
  for await (const { text, line } of textLines(path)) {
    yield readRecordedTask(text, `${path}, line ${line}`);
  }
}

async function readOne(file: string): Promise<RecordedTask> {
  try {
    return readRecordedTask(await readText(file), file);
  } catch (error) {
    return { where: file, text: "", problem: reasonOf(error) };
  }
}

/** Every `traj_data.json` below a folder, sorted; links to files and folders are followed. */
async function* trajectoryFiles(
  folder: string,
  depth = 0,
): AsyncGenerator<string> {
  if (depth > 8) return; // a link that leads back
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const sorted = entries.toSorted((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory, isSymlink } of sorted) {
    const path = `${folder}/${name}`;
    if (name === "traj_data.json") yield path;
    else if (isDirectory || isSymlink && await leadsToFolder(path)) {
      yield* trajectoryFiles(path, depth + 1);
    }
  }
}

async function leadsToFolder(link: string): Promise<boolean> {
  return await Deno.stat(link).then(
    ({ isDirectory }) => isDirectory,
    () => false,
  );
}

/** ALFRED's recorded tasks. */
export const ALFRED: World = {
  settings: ALFRED_SPEC,
  createOpener: () => {
    let placements: Promise<AlfredPlacements> | undefined;
    return async (spec) =>
      openAlfredSpec(spec, await (placements ??= readAlfredPlacements()));
  },
  datasets: { alfred: { settings: ALFRED_DATASET, list: readAlfred } },
  ...HOUSEHOLD_GUIDE,
};
