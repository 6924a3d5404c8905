/**
 * Opening any built-in world by its specification, and listing the worlds of a dataset.
 *
 * A new world is one line in {@linkcode WORLDS}; a new dataset one line in `DATASETS`.
 *
 * @module
 */

import { z } from "zod";
import {
  AlfredShelf,
  listAlfred,
  openAlfredSpec,
} from "./alfworld/alfred_spec.ts";
import { listAlfworld } from "./alfworld/dataset.ts";
import { openCorridorSpec } from "./corridor.ts";
import { GameCache, openGameSpec } from "./alfworld/game_spec.ts";
import { listHouseholds, openHouseholdSpec } from "./household/spec.ts";
import type { EnvSpec, OpenEnv, TextEnv } from "./text_env.ts";
import { WebshopShelf } from "./webshop/shelf.ts";
import { listWebshop, openWebshopSpec } from "./webshop/spec.ts";
import { suggest } from "../checks.ts";
import { readSettings } from "../settings.ts";

/** What the worlds of one opener share. */
interface SharedParts {
  /** Games that were read before. */
  readonly games: GameCache;
  /** Shops that were made before. */
  readonly shops: WebshopShelf;
  /** What is known of ALFRED's scenes. */
  readonly alfred: AlfredShelf;
}

type OpenWorld = (
  spec: EnvSpec,
  seed: number,
  shared: SharedParts,
) => TextEnv | Promise<TextEnv>;

/** Every built-in kind of world. Each checks its own settings. */
const WORLDS: Readonly<Record<string, OpenWorld>> = {
  alfred: (spec, _seed, { alfred }) => openAlfredSpec(spec, alfred),
  corridor: openCorridorSpec,
  game: (spec, _seed, { games }) => openGameSpec(spec, games),
  household: openHouseholdSpec,
  module: openModuleSpec,
  webshop: (spec, seed, { shops }) => openWebshopSpec(spec, seed, shops),
};

/** Every built-in dataset. Each checks its own settings. */
const DATASETS: Readonly<
  Record<string, (dataset: EnvDataset) => EnvSpec[] | Promise<EnvSpec[]>>
> = {
  alfred: listAlfred,
  alfworld: listAlfworld,
  household: listHouseholds,
  webshop: listWebshop,
};

/** A family of worlds: its name, and settings of that family. */
export interface EnvDataset {
  /** Which family: `"alfworld"`. */
  readonly dataset: string;
  /** Settings of that family. */
  readonly [setting: string]: unknown;
}

/** How worlds are opened. */
export interface EnvOpenerOptions {
  /** Compiled game files that are kept for the next episode. @default {128} */
  readonly games?: number;
  /** Shops that are kept for the next episode. @default {4} */
  readonly shops?: number;
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
 * @returns Opens worlds.
 */
export function createEnvOpener(options: EnvOpenerOptions = {}): OpenEnv {
  const { games = 128, shops = 4 } = options;
  const shared: SharedParts = {
    games: new GameCache(games),
    shops: new WebshopShelf(shops),
    alfred: new AlfredShelf(),
  };
  return (spec, seed) => {
    const open = Object.hasOwn(WORLDS, spec.kind)
      ? WORLDS[spec.kind]
      : undefined;
    if (open === undefined) {
      throw new TypeError(
        `Cannot open a world as "kind" must name a built-in one, unlike "${spec.kind}"${
          suggest(String(spec.kind), Object.keys(WORLDS))
        }`,
      );
    }
    return open(spec, seed, shared);
  };
}

/**
 * Opens the world of a specification.
 *
 * Kinds are `corridor`, `game` and `module`; a `module` names the `url` of a module
 * whose `openEnv` opens the world, so that worlds of one's own work in Workers too.
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
  return createEnvOpener({ games: 1 })(spec, seed);
}

/**
 * Lists the worlds of a dataset as specifications.
 *
 * `{ dataset: "alfworld", directory, split, taskTypes?, settings? }` lists the games of an ALFWorld
 * folder; see `listAlfworld`. `{ dataset: "household", count, taskTypes?, split?, ... }` lists drawn
 * households; see `listHouseholds`. `{ dataset: "alfred", path, ... }` lists recorded tasks; see `listAlfred`.
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
  const list = Object.hasOwn(DATASETS, dataset.dataset)
    ? DATASETS[dataset.dataset]
    : undefined;
  if (list === undefined) {
    throw new TypeError(
      `Cannot list worlds as "dataset" must name a built-in one, unlike "${dataset.dataset}"${
        suggest(String(dataset.dataset), Object.keys(DATASETS))
      }`,
    );
  }
  return await list(dataset);
}

const MODULE_SPEC = z.looseObject({
  kind: z.literal("module"),
  url: z.string().min(1),
});

/** Opens a world by somebody else's module, whose `openEnv` is given the specification as it stands. */
async function openModuleSpec(spec: EnvSpec, seed: number): Promise<TextEnv> {
  const { url } = readSettings(MODULE_SPEC, spec, "open a world of a module");
  const module: unknown = await import(url);
  const open =
    typeof module === "object" && module !== null && "openEnv" in module
      ? module.openEnv
      : undefined;
  if (typeof open !== "function") {
    throw new TypeError(
      `Cannot open a world of a module as it must export a function "openEnv": current value is ${url}`,
    );
  }
  return await open(spec, seed);
}
