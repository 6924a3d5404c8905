/**
 * The ALFWorld dataset on disk: splits, task types, and the games its loader keeps.
 *
 * @see {@link https://github.com/alfworld/alfworld | ALFWorld} (Shridhar et al. 2021)
 *
 * @module
 */

import { z } from "zod";
import type { EnvSpec } from "./text_env.ts";
import { GAME_SETTINGS } from "./game_spec.ts";
import { taskTypeOfPath } from "./game_task.ts";
import { HOUSEHOLD_TASK_TYPES } from "./household_task.ts";
import { readWorldSettings } from "./world_settings.ts";

/** Parts of the dataset. */
export const ALFWORLD_SPLITS = [
  "train",
  "valid_train",
  "valid_seen",
  "valid_unseen",
] as const;

const ALFWORLD_DATASET = z.strictObject({
  dataset: z.literal("alfworld"),
  directory: z.string().min(1),
  split: z.enum(ALFWORLD_SPLITS),
  taskTypes: z.array(z.enum(HOUSEHOLD_TASK_TYPES)).optional(),
  settings: z.strictObject(GAME_SETTINGS).optional(),
});

/**
 * Lists the games of one split as ALFWorld's loader keeps them.
 *
 * Left out are folders for movable receptacles and sliced things, other kinds of task, and games
 * that are not marked solvable. Links that lead out of the folder are refused.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { listAlfworld } from "@hiper/lab";
 *
 * const dataset = { dataset: "alfworld", directory: "nowhere", split: "valid_seen" };
 * await rejects(listAlfworld(dataset), /must hold the split "valid_seen"/);
 * ```
 *
 * @param dataset `directory` (the data folder, or the `json_2.1.1` inside it), `split`,
 *   `taskTypes` to keep, and `settings` to give to every game.
 * @returns Specifications of kind `"game"`, sorted by path.
 * @throws {TypeError} If a setting is unknown, or the folder has no such split.
 */
export async function listAlfworld(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvSpec[]> {
  const { directory, split, taskTypes = HOUSEHOLD_TASK_TYPES, settings = {} } =
    readWorldSettings(ALFWORLD_DATASET, dataset, "the dataset alfworld");
  const root = await findSplit(directory, split);
  const kept: EnvSpec[] = [];
  for (const path of await findGames(root)) {
    const below = path.slice(root.length);
    if (below.includes("movable") || below.includes("Sliced")) continue;
    const taskType = taskTypeOfPath(below);
    if (taskType === undefined || !taskTypes.includes(taskType)) continue;
    if (!await isMarkedSolvable(path)) continue;
    kept.push({ kind: "game", path, taskType, ...settings });
  }
  return kept;
}

async function findSplit(directory: string, split: string): Promise<string> {
  const base = directory.replace(/\/+$/, "");
  for (const root of [`${base}/${split}`, `${base}/json_2.1.1/${split}`]) {
    try {
      if ((await Deno.stat(root)).isDirectory) return root;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new TypeError(
    `Cannot list alfworld as "directory" must hold the split "${split}": current value is "${directory}"`,
  );
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
