/**
 * The ALFWorld dataset on disk: splits, task types, and the games its loader keeps.
 *
 * @see {@link https://github.com/alfworld/alfworld | ALFWorld} (Shridhar et al. 2021)
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EnvSpec } from "../text_env.ts";
import { GAME_SETTINGS, WORDING } from "../pddl/game_env.ts";
import {
  HOUSEHOLD_TASK_TYPES,
  type HouseholdTaskType,
  taskTypeOfPath,
} from "../household/task.ts";
import { readSettings } from "../../settings.ts";
import { isObject, readJson, reasonOf } from "../../text_file.ts";
import type { EnvListing } from "../world.ts";

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
  directory: oneOrMore(z.string().min(1)).optional().describe(
    "Data folder, or the json_2.1.1 inside it; or several. Default: $ALFWORLD_DATA if set, else data/alfworld or ~/.cache/alfworld",
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
 * that are not marked solvable. Links are followed; a game that two paths lead to is listed once. A file
 * that cannot be read (cut, empty, a link to nothing) is skipped with a message: one such file among
 * thousands is what a broken download leaves.
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
 *   give to every game. Without `directory`, the folder that `$ALFWORLD_DATA` names, else
 *   `data/alfworld`, else `~/.cache/alfworld`, where ALFWorld's own installer puts it.
 * @returns Specifications of kind `"game"`: split by split, folder by folder, sorted by path.
 * @throws {TypeError} If a setting is unknown, a folder is missing, no folder has the split, or none
 *   of its games is kept.
 */
export async function listAlfworld(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvSpec[]> {
  return [...(await readAlfworld(dataset)).specs];
}

/** Lists games as {@linkcode listAlfworld} does, and the files that were skipped. */
export async function readAlfworld(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvListing> {
  const { directory, split, taskTypes = HOUSEHOLD_TASK_TYPES, settings = {} } =
    readSettings(ALFWORLD_DATASET, dataset, "list alfworld");
  const directories = directory === undefined
    ? [await findAlfworld()]
    : [directory].flat();
  for (const one of directories) await checkFolder(one);
  const specs: EnvSpec[] = [], skipped: string[] = [];
  for (const name of new Set([split].flat())) {
    const before = specs.length;
    for (const root of await findSplit(directories, name)) {
      const { games, broken } = await findGames(root);
      skipped.push(...broken);
      for (const path of games) {
        const taskType = wantedType(path.slice(root.length), taskTypes);
        if (taskType === undefined) continue;
        const { solvable, reason } = await readMark(path);
        if (solvable) specs.push({ kind: "game", path, taskType, ...settings });
        else if (reason !== undefined) skipped.push(reason);
      }
    }
    if (specs.length > before) continue;
    throw new TypeError(
      `Cannot list alfworld as "${name}" must hold solvable games of the wanted kinds of task: none in ${
        quoted(directories)
      }${skipped.length > 0 ? `, ${countSkipped(skipped)}` : ""}`,
    );
  }
  return { specs, skipped };
}

/**
 * Counts skipped files in words and names the first; `skipped` holds one message each, at least
 * one.
 */
export function countSkipped(skipped: readonly string[]): string {
  const files = skipped.length === 1
    ? "1 file was"
    : `${skipped.length} files were`;
  return `${files} skipped${skipped.length === 1 ? "" : ", the first"}: ${
    skipped[0]
  }`;
}

/**
 * Finds the default data folder: that of ALFWorld's tools, or of this project.
 *
 * @throws {TypeError} If there is none.
 */
export async function findAlfworld(): Promise<string> {
  const named = readVariable("ALFWORLD_DATA");
  if (named !== undefined) return named;
  const home = readVariable("HOME") ?? readVariable("USERPROFILE");
  const places = ["data/alfworld"];
  if (home !== undefined) places.push(`${home}/.cache/alfworld`);
  for (const place of places) if (await isFolder(place)) return place;
  throw new TypeError(
    `Cannot list alfworld as its data must be in the folder that "directory" or $ALFWORLD_DATA names, or in ${
      quoted(places).replaceAll(", ", " or ")
    }: there is none`,
  );
}

/** A variable of the environment, where it may be read and is not empty. */
function readVariable(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/** Kind of task of a game that the loader keeps, by its path below the split. */
function wantedType(
  below: string,
  taskTypes: readonly HouseholdTaskType[],
): HouseholdTaskType | undefined {
  if (below.includes("movable") || below.includes("Sliced")) return undefined;
  const taskType = taskTypeOfPath(below);
  return taskType && taskTypes.includes(taskType) ? taskType : undefined;
}

/** Whether a game is marked solvable; a reason if its file cannot be read. */
async function readMark(
  path: string,
): Promise<{ solvable: boolean; reason?: string }> {
  let game: unknown;
  try {
    game = await readJson(path);
  } catch (error) {
    return { solvable: false, reason: withPath(path, error) };
  }
  if (!isObject(game)) {
    return { solvable: false, reason: `${path}: it must hold a JSON object` };
  }
  return { solvable: game["solvable"] === true };
}

/** The message of an error, beginning with the path it is about. */
function withPath(path: string, error: unknown): string {
  return `${path}: ${reasonOf(error)}`;
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

/** Depth of folders below a split that are searched. */
const MAX_DEPTH = 8;

/** Every `game.tw-pddl` below a folder, sorted, each file once; and what cannot be visited. */
async function findGames(
  root: string,
): Promise<{ games: string[]; broken: string[] }> {
  const games: string[] = [], broken: string[] = [];
  const seen = new Set<string>();
  // Links come last, as their targets may be found without them.
  const links: { path: string; depth: number }[] = [];
  const visit = async (folder: string, real: string, depth: number) => {
    if (depth > MAX_DEPTH || seen.has(real)) return;
    seen.add(real);
    let entries: Deno.DirEntry[];
    try {
      entries = await Array.fromAsync(Deno.readDir(folder));
    } catch (error) {
      broken.push(withPath(folder, error));
      return;
    }
    for (const { name, isDirectory, isSymlink } of entries) {
      const path = `${folder}/${name}`, there = `${real}/${name}`;
      if (isDirectory && name === "game.tw-pddl") {
        broken.push(`${path}: it must be a file: it is a folder`);
      } else if (isSymlink) links.push({ path, depth: depth + 1 });
      else if (isDirectory) await visit(path, there, depth + 1);
      else if (name === "game.tw-pddl" && !seen.has(there)) {
        seen.add(there);
        games.push(path);
      }
    }
  };
  await visit(root, await Deno.realPath(root), 0);
  for (let link = links.shift(); link !== undefined; link = links.shift()) {
    const { path, depth } = link;
    try {
      const real = await Deno.realPath(path);
      if ((await Deno.stat(real)).isDirectory) await visit(path, real, depth);
      else if (path.endsWith("/game.tw-pddl") && !seen.has(real)) {
        seen.add(real);
        games.push(path);
      }
    } catch (error) {
      broken.push(withPath(path, error));
    }
  }
  return { games: games.sort(comparePaths), broken: broken.sort() };
}

/** Folder by folder, in the order of their names. */
function comparePaths(a: string, b: string): number {
  const left = a.split("/"), right = b.split("/");
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length;
}
