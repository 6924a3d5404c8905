/**
 * Opening any built-in world by its specification, and listing the worlds of a dataset.
 *
 * A new world is one record in a file of its own and one line in {@linkcode WORLDS}.
 *
 * @module
 */

import { suggest } from "../checks.ts";
import { readSettings } from "../settings.ts";
import { AGENTGYM } from "./agentgym/world.ts";
import { ALFRED } from "./alfworld/alfred_spec.ts";
import { GAME } from "./alfworld/game_spec.ts";
import { CORRIDOR } from "./corridor.ts";
import { HOUSEHOLD } from "./household/spec.ts";
import { MINIWOB } from "./miniwob/spec.ts";
import { MODULE } from "./module_world.ts";
import { OPENENV } from "./openenv/world.ts";
import { SCIENCEWORLD } from "./scienceworld/spec.ts";
import type { EnvSpec, OpenEnv, TextEnv } from "./text_env.ts";
import { WEBSHOP } from "./webshop/spec.ts";
import type {
  EnvDataset,
  EnvListing,
  EnvOpener,
  EnvOpenerOptions,
  World,
  WorldDataset,
  WorldGuide,
} from "./world.ts";

/** Every built-in kind of world. */
export const WORLDS: Readonly<Record<string, World>> = {
  agentgym: AGENTGYM,
  alfred: ALFRED,
  corridor: CORRIDOR,
  game: GAME,
  household: HOUSEHOLD,
  miniwob: MINIWOB,
  module: MODULE,
  openenv: OPENENV,
  scienceworld: SCIENCEWORLD,
  webshop: WEBSHOP,
};

/** Every built-in dataset. */
export const DATASETS: Readonly<Record<string, WorldDataset>> = Object.assign(
  {},
  ...Object.values(WORLDS).map(({ datasets }) => datasets),
);

/**
 * Finds what is known of a kind of world beside how it is opened.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { openEnv } from "@hiper/lab";
 *
 * const spec = { kind: "corridor" };
 * const { proposeSubgoals } = await findWorld(spec);
 * const { task, observation } = await (await openEnv(spec, 1)).start();
 * ok(proposeSubgoals!({ task, past: [], observation }).includes("look around"));
 * ```
 *
 * @param spec Which world.
 * @returns Its subgoals and alternatives; those of the module which a specification of kind `"module"` names.
 * @throws {TypeError} If no built-in world has that kind, or a setting of a module does not fit.
 */
export async function findWorld(spec: EnvSpec): Promise<WorldGuide> {
  const world = worldOf(spec.kind);
  return await world.resolve?.(spec) ?? world;
}

/**
 * Checks the settings of a specification without opening its world.
 *
 * @param spec Which world, and its settings.
 * @throws {TypeError} If no built-in world has that kind, or a setting does not fit.
 */
export function checkSpec(spec: EnvSpec): void {
  readSettings(worldOf(spec.kind).settings, spec, `open a ${spec.kind}`);
}

function worldOf(kind: string): World {
  const world = Object.hasOwn(WORLDS, kind) ? WORLDS[kind] : undefined;
  if (world !== undefined) return world;
  throw new TypeError(
    `Cannot open a world as "kind" must name a built-in one, unlike "${kind}"${
      suggest(String(kind), Object.keys(WORLDS))
    }`,
  );
}

/**
 * Makes an opener of built-in worlds that compiles each game file once while it is in use.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createEnvOpener } from "@hiper/lab";
 *
 * const open = createEnvOpener();
 * const env = await open({ kind: "corridor", length: 5 }, 1);
 * strictEqual((await env.start()).observation.admissibleActions.length > 1, true);
 * ```
 *
 * @param options How much is kept.
 * @returns Opens worlds. Disposing it ends idle processes of its worlds, which do not keep a program alive.
 */
export function createEnvOpener(
  options: EnvOpenerOptions = {},
): OpenEnv & AsyncDisposable {
  const openers = new Map<string, EnvOpener>();
  const open: OpenEnv = (spec, seed) => {
    const { kind } = spec;
    const open = openers.get(kind) ?? worldOf(kind).createOpener(options);
    openers.set(kind, open);
    return open(spec, seed);
  };
  return Object.assign(open, {
    async [Symbol.asyncDispose]() {
      const opened = [...openers.values()];
      openers.clear();
      for (const opener of opened) await opener[Symbol.asyncDispose]?.();
    },
  });
}

/**
 * Opens the world of a specification.
 *
 * Kinds are `alfred` (ALFRED's recorded tasks), `corridor`, `game` (a game file, ALFWorld's among them),
 * `household` (drawn from the seed), `scienceworld` (its simulator), `webshop`, and `module`, which names the `url` of a module whose
 * `openEnv` opens the world; such worlds work in Workers too.
 *
 * @example
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { openEnv } from "@hiper/lab";
 *
 * throws(() => openEnv({ kind: "coridor" }, 1), /did you mean "corridor"/);
 * ```
 *
 * @param spec Which world, and its settings.
 * @param seed Decides everything the specification leaves open.
 * @returns One episode of that world.
 * @throws {TypeError} If no built-in world has that kind, or a setting does not fit.
 */
export function openEnv(
  spec: EnvSpec,
  seed: number,
): TextEnv | Promise<TextEnv> {
  return createEnvOpener({ games: 1, processes: 0 })(spec, seed);
}

/**
 * Lists the worlds of a dataset as specifications.
 *
 * `{ dataset: "alfworld", split, directory?, taskTypes?, settings? }` lists the games of an ALFWorld
 * folder; see `listAlfworld`. `{ dataset: "household", count, taskTypes?, split?, ... }` lists drawn
 * households; see `listHouseholds`. `{ dataset: "alfred", path, ... }` lists recorded tasks; see `listAlfred`.
 * `{ dataset: "webshop", catalog?, split?, ... }` lists the goals of a shop, `{ dataset: "scienceworld",
 * split?, tasks?, ... }` the variations of its tasks.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { listEnvs } from "@hiper/lab";
 *
 * await rejects(listEnvs({ dataset: "alfwrold" }), /did you mean "alfworld"/);
 * ```
 *
 * @param dataset Which family, and its settings.
 * @returns Specifications in a fixed order.
 * @throws {TypeError} If no built-in dataset has that name, or a setting does not fit.
 */
export async function listEnvs(dataset: EnvDataset): Promise<EnvSpec[]> {
  return [...(await readDataset(dataset)).specs];
}

/**
 * Lists the specifications of a dataset in a fixed order, with one message for each damaged file
 * that was skipped.
 *
 * @throws {TypeError} If no built-in dataset has that name, or a setting does not fit.
 */
export async function readDataset(dataset: EnvDataset): Promise<EnvListing> {
  const { dataset: name } = dataset;
  const family = Object.hasOwn(DATASETS, name) ? DATASETS[name] : undefined;
  if (family === undefined) {
    throw new TypeError(
      `Cannot list worlds as "dataset" must name a built-in one, unlike "${name}"${
        suggest(String(name), Object.keys(DATASETS))
      }`,
    );
  }
  return await family.list(dataset);
}
