/**
 * The ALFWorld dataset on disk: splits, task types, and the games its loader keeps.
 *
 * @see {@link https://github.com/alfworld/alfworld | ALFWorld} (Shridhar et al. 2021)
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EnvSpec } from "../text_env.ts";
import { GAME_SETTINGS, WORDING } from "../pddl/game_settings.ts";
import {
  HOUSEHOLD_TASK_TYPES,
  type HouseholdTaskType,
  taskTypeOfPath,
} from "../household/task.ts";
import { readSettings } from "../../settings.ts";

/** Parts of the dataset. */
export const ALFWORLD_SPLITS = [
  "train",
  "valid_train",
  "valid_seen",
  "valid_unseen",
] as const;

/** One, or a list of at least one. */
const oneOrMore = <T extends z.ZodType>(schema: T) =>
  z.union([schema, z.array(schema).min(1)]);

/** What a dataset `{ dataset: "alfworld", … }` may hold. */
export const ALFWORLD_DATASET = z.strictObject({
  dataset: z.literal("alfworld"),
  directory: oneOrMore(z.string().min(1)).describe(
    "Data folder, or the json_2.1.1 inside it; or several",
  ),
  split: oneOrMore(z.enum(ALFWORLD_SPLITS)).describe(
    "Part of the dataset, or several",
  ),
  taskTypes: z.array(z.enum(HOUSEHOLD_TASK_TYPES)).optional().describe(
    "Kinds of task to keep. Default: all six",
  ),
  settings: z.strictObject({ ...GAME_SETTINGS, wording: WORDING }).optional()
    .describe("Settings of every game"),
});

/**
 * Lists the games of one or more splits as ALFWorld's loader keeps them.
 *
 * Left out are folders for movable receptacles and sliced things, other kinds of task, and games
 * that are not marked solvable. Links that lead out of the folder are refused.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { listAlfworld } from "@hiper/lab/envs/household";
 *
 * const dataset = { dataset: "alfworld", directory: "nowhere", split: "valid_seen" };
 * await rejects(listAlfworld(dataset), /must be a folder/);
 * ```
 *
 * @param dataset `directory` (a data folder, or the `json_2.1.1` inside it; or several), `split`
 *   (or several, each to be found in one folder at least), `taskTypes` to keep, and `settings` to
 *   give to every game.
 * @returns Specifications of kind `"game"`: split by split, folder by folder, sorted by path.
 * @throws {TypeError} If a setting is unknown, a folder is missing, no folder has the split, or none
 *   of its games is kept.
 */
export async function listAlfworld(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvSpec[]> {
  const { directory, split, taskTypes = HOUSEHOLD_TASK_TYPES, settings = {} } =
    readSettings(ALFWORLD_DATASET, dataset, "list alfworld");
  const directories = [directory].flat();
  for (const one of directories) await checkFolder(one);
  const listed: EnvSpec[] = [];
  for (const name of new Set([split].flat())) {
    const kept: EnvSpec[] = [];
    for (const root of await findSplit(directories, name)) {
      for (const { path, taskType } of await keptGames(root, taskTypes)) {
        kept.push({ kind: "game", path, taskType, ...settings });
      }
    }
    if (kept.length === 0) {
      throw new TypeError(
        `Cannot list alfworld as "${name}" must hold solvable games of the wanted kinds of task: none in ${
          quoted(directories)
        }`,
      );
    }
    listed.push(...kept);
  }
  return listed;
}

/** The games of a split's folder that the loader keeps. */
async function keptGames(
  root: string,
  taskTypes: readonly HouseholdTaskType[],
): Promise<{ path: string; taskType: HouseholdTaskType }[]> {
  const kept = [];
  for (const path of await findGames(root)) {
    const below = path.slice(root.length);
    if (below.includes("movable") || below.includes("Sliced")) continue;
    const taskType = taskTypeOfPath(below);
    if (taskType === undefined || !taskTypes.includes(taskType)) continue;
    if (await isMarkedSolvable(path)) kept.push({ path, taskType });
  }
  return kept;
}

async function checkFolder(directory: string): Promise<void> {
  if (await isFolder(directory)) return;
  throw new TypeError(
    `Cannot list alfworld as "directory" must be a folder: current value is "${directory}"`,
  );
}

/** Folders of a split, at least one. */
async function findSplit(
  directories: readonly string[],
  split: string,
): Promise<string[]> {
  const roots: string[] = [];
  for (const directory of directories) {
    const root = await splitFolder(directory, split);
    if (root !== undefined) roots.push(root);
  }
  if (roots.length > 0) return roots;
  const held: string[] = [];
  for (const name of ALFWORLD_SPLITS) {
    for (const directory of directories) {
      if (await splitFolder(directory, name)) held.push(name);
    }
  }
  throw new TypeError(
    `Cannot list alfworld as "directory" must hold the split "${split}": current value is ${
      quoted(directories)
    } with ${held.length > 0 ? quoted([...new Set(held)]) : "no split at all"}`,
  );
}

async function splitFolder(
  directory: string,
  split: string,
): Promise<string | undefined> {
  const base = directory.replace(/\/+$/, "");
  for (const root of [`${base}/${split}`, `${base}/json_2.1.1/${split}`]) {
    if (await isFolder(root)) return root;
  }
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}

/** Every `game.tw-pddl` below a folder, sorted. */
async function findGames(root: string): Promise<string[]> {
  const found: string[] = [];
  const inside = await Deno.realPath(root);
  const visit = async (folder: string, depth: number): Promise<void> => {
    if (depth > 8) return;
    const entries: Deno.DirEntry[] = [];
    for await (const entry of Deno.readDir(folder)) entries.push(entry);
    entries.sort((a, b) => a.name < b.name ? -1 : 1);
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      if (entry.isSymlink) {
        const real = await Deno.realPath(path);
        if (!real.startsWith(`${inside}/`)) {
          throw new TypeError(
            `Cannot list alfworld as links must stay inside the folder: current value is "${path}"`,
          );
        }
        continue; // what it points to is visited where it stands
      }
      if (entry.isDirectory) await visit(path, depth + 1);
      else if (entry.name === "game.tw-pddl") found.push(path);
    }
  };
  await visit(root, 0);
  return found;
}

async function isMarkedSolvable(path: string): Promise<boolean> {
  const game: unknown = JSON.parse(await Deno.readTextFile(path));
  return typeof game === "object" && game !== null && "solvable" in game &&
    game.solvable === true;
}
