/**
 * Panels: fixed lists of episodes for evaluation, with a hash of every start, so that results from two machines are
 * about the same episodes or are refused.
 *
 * A panel names worlds by what every machine has: settings, seeds, and for ALFWorld's games their place below the data
 * folder, `alfworld:valid_seen/<task>/<trial>/game.tw-pddl`.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { findAlfworld } from "../../envs/alfworld/dataset.ts";
import { createEnvOpener } from "../../envs/open_env.ts";
import type { EnvSpec, EnvStart, OpenEnv } from "../../envs/text_env.ts";
import type { Assignment } from "../../rollout/schedule.ts";
import { readSettings } from "../../settings.ts";
import { readJson } from "../../text_file.ts";
import type { EvaluationSchedule } from "../evaluation.ts";
import { writeDurably } from "../runs/durable_file.ts";
import { canonicalJson, sha256 } from "./content_hash.ts";

const FORMAT = "hiper-panel";
/** Begins the path of a game below ALFWorld's data folder. */
const ALFWORLD = "alfworld:";

const EPISODE = z.strictObject({
  id: z.string().regex(/^[^/]+\/.+#\d+$/, "must be <set>/<group>#<replica>"),
  world: z.looseObject({ kind: z.string() }),
  seed: z.int(),
  replica: z.int().min(0),
  maxTurns: z.int().min(1),
  start: z.string().describe("SHA-256 of what is seen first"),
  file: z.string().optional().describe("SHA-256 of the game's file"),
});

const PANEL = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  name: z.string().min(1),
  about: z.string(),
  hash: z.string(),
  episodes: z.array(EPISODE).nonempty(),
});

/** One episode of a panel. */
export interface PanelEpisode {
  /** Set, group and replica: `unseen/household/3#0`. */
  readonly id: string;
  /** Specification of the world. */
  readonly world: EnvSpec;
  /** Seed of the world. */
  readonly seed: number;
  /** Which episode of its group. */
  readonly replica: number;
  /** Turns after which the episode is truncated. */
  readonly maxTurns: number;
  /** SHA-256 of task, first observation and first admissible actions. */
  readonly start: string;
  /** SHA-256 of the game's file, for games that are read from one. */
  readonly file?: string | undefined;
}

/** A panel. */
export interface Panel {
  /** Its name, for people. */
  readonly name: string;
  /** How it was made. */
  readonly about: string;
  /** SHA-256 of the episodes; results carry it. */
  readonly hash: string;
  /** Episodes in the order they are played. */
  readonly episodes: readonly PanelEpisode[];
}

/** Where the worlds of a panel are on this machine. */
export interface PanelPlaces {
  /** ALFWorld's data folders, or the `json_2.1.1` inside them. @default {as the dataset `alfworld` finds them} */
  readonly alfworld?: readonly string[];
  /** Opens worlds. @default {an opener of built-in worlds} */
  readonly open?: OpenEnv;
}

/**
 * Makes a panel of scheduled episodes: opens every world and hashes its start.
 *
 * @param schedule Episodes by the name of the set.
 * @param options Name and description, and where worlds are.
 * @returns The panel; paths below ALFWorld's folders are relative to them.
 * @throws {TypeError} If a world is read from a file outside ALFWorld's folders, which no other machine would find.
 */
export async function makePanel(
  schedule: EvaluationSchedule,
  options: PanelPlaces & { readonly name: string; readonly about: string },
): Promise<Panel> {
  const { name, about, open = createEnvOpener() } = options;
  const files = Object.values(schedule).flat()
    .some(({ spec }) => typeof spec.path === "string");
  const alfworld = options.alfworld ?? (files ? [await findAlfworld()] : []);
  const episodes: PanelEpisode[] = [];
  for (const [set, assignments] of Object.entries(schedule)) {
    for (const { id, spec, seed, replica, maxTurns } of assignments) {
      const { path } = spec;
      episodes.push({
        id: `${set}/${id}`,
        world: typeof path === "string"
          ? { ...spec, path: portable(path, alfworld) }
          : spec,
        seed,
        replica,
        maxTurns,
        start: await startHash(spec, seed, open),
        ...(typeof path === "string" && { file: await fileHash(path) }),
      });
    }
  }
  const named = withPlainIds(episodes);
  return { name, about, hash: await panelHash(named), episodes: named };
}

/** Writes a panel, one episode a line, so that differences between versions can be read. */
export async function writePanel(path: string, panel: Panel): Promise<void> {
  const { episodes, ...head } = panel;
  const lines = episodes.map((episode) => `    ${JSON.stringify(episode)}`);
  const start = JSON.stringify({ format: FORMAT, version: 1, ...head }, null, 2)
    .replace(/\n}$/, "");
  await writeDurably(
    path,
    `${start},\n  "episodes": [\n${lines.join(",\n")}\n  ]\n}\n`,
  );
}

/**
 * Reads a panel.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is no panel, or its episodes are not those of its hash.
 */
export async function readPanel(path: string): Promise<Panel> {
  const { format: _, version: __, ...panel } = readSettings(
    PANEL,
    await readJson(path),
    `read the panel "${path}"`,
  );
  const hash = await panelHash(panel.episodes);
  if (hash === panel.hash) return panel;
  throw new TypeError(
    `Cannot read the panel "${path}" as "hash" must be that of its episodes, ${hash}: current value is "${panel.hash}"`,
  );
}

/** SHA-256 of a panel's episodes, as hexadecimal digits; spaces and order of keys do not matter. */
export async function panelHash(
  episodes: readonly PanelEpisode[],
): Promise<string> {
  return await sha256(canonicalJson(episodes));
}

/**
 * Schedules the episodes of a panel, after every world was opened and its start compared.
 *
 * @param panel A panel.
 * @param places Where worlds are on this machine.
 * @returns Episodes by the name of the set.
 * @throws {Error} If a world cannot be opened, or starts otherwise than when the panel was made; it is named.
 */
export async function schedulePanel(
  panel: Panel,
  places: PanelPlaces = {},
): Promise<EvaluationSchedule> {
  const { open = createEnvOpener() } = places;
  const files = panel.episodes.some(({ file }) => file !== undefined);
  const alfworld = places.alfworld ?? (files ? [await findAlfworld()] : []);
  const schedule: Record<string, Assignment[]> = {};
  for (const episode of panel.episodes) {
    const spec = await localWorld(episode.world, alfworld);
    await checkEpisode(panel, episode, { spec, open });
    const slash = episode.id.indexOf("/");
    const set = episode.id.slice(0, slash), id = episode.id.slice(slash + 1);
    const { seed, replica, maxTurns } = episode;
    const group = id.slice(0, id.lastIndexOf("#"));
    (schedule[set] ??= []).push({ id, spec, group, seed, replica, maxTurns });
  }
  return schedule;
}

async function checkEpisode(
  panel: Panel,
  episode: PanelEpisode,
  { spec, open }: { spec: EnvSpec; open: OpenEnv },
): Promise<void> {
  const { id, world, seed, start, file } = episode;
  const where = `episode "${id}" (${
    world.path ?? JSON.stringify(world)
  }, seed ${seed})`;
  const cannot = `Cannot play panel "${panel.name}" as ${where} must`;
  if (file !== undefined) {
    const found = await fileHash(String(spec.path));
    if (found !== file) {
      throw new Error(
        `${cannot} have the file of SHA-256 ${file}: that of "${spec.path}" is ${found}`,
      );
    }
  }
  const found = await startHash(spec, seed, open);
  if (found === start) return;
  throw new Error(`${cannot} start with SHA-256 ${start}: here it is ${found}`);
}

/** SHA-256 of task, first observation and first admissible actions of an episode. */
async function startHash(
  spec: EnvSpec,
  seed: number,
  open: OpenEnv,
): Promise<string> {
  const env = await open(spec, seed);
  try {
    return await hashStart(await env.start());
  } finally {
    await env[Symbol.asyncDispose]?.();
  }
}

async function hashStart({ task, observation }: EnvStart): Promise<string> {
  const { text, admissibleActions } = observation;
  return await sha256(canonicalJson({ task, text, admissibleActions }));
}

async function fileHash(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

/** A game's path below ALFWorld's folder. */
function portable(path: string, folders: readonly string[]): string {
  for (const folder of folders) {
    for (const root of roots(folder)) {
      if (path.startsWith(root)) return ALFWORLD + path.slice(root.length);
    }
  }
  throw new TypeError(
    `Cannot make a panel as its games must be in ALFWorld's folders, ${
      JSON.stringify(folders)
    }: current value is "${path}"`,
  );
}

/** Folders that hold the splits, the longer first. */
function roots(folder: string): string[] {
  const base = folder.replace(/\/+$/, "");
  return [`${base}/json_2.1.1/`, `${base}/`];
}

/** The specification of a world on this machine. */
async function localWorld(
  world: EnvSpec,
  folders: readonly string[],
): Promise<EnvSpec> {
  const { path } = world;
  if (typeof path !== "string" || !path.startsWith(ALFWORLD)) return world;
  const below = path.slice(ALFWORLD.length);
  for (const folder of folders) {
    for (const root of roots(folder)) {
      if (await isFile(root + below)) return { ...world, path: root + below };
    }
  }
  throw new TypeError(
    `Cannot play a panel as ALFWorld's folders must hold "${below}": current value is ${
      JSON.stringify(folders)
    }`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Numbers the groups of each set by their place in the panel, whatever their place in a listing of files was. */
function withPlainIds(episodes: readonly PanelEpisode[]): PanelEpisode[] {
  const counts = new Map<string, number>(), names = new Map<string, string>();
  return episodes.map((episode) => {
    const { id, world: { kind }, replica } = episode;
    const set = id.slice(0, id.indexOf("/"));
    const group = id.slice(0, id.lastIndexOf("#"));
    let name = names.get(group);
    if (name === undefined) {
      const number = counts.get(set) ?? 0;
      counts.set(set, number + 1);
      names.set(group, name = `${set}/${kind}/${number}`);
    }
    return { ...episode, id: `${name}#${replica}` };
  });
}
