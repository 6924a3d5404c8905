/**
 * Shops as specifications: `{ kind: "webshop", catalog, … }` and the episodes in them.
 *
 * @module
 */

import { createRandom, drawIndex } from "../../random.ts";
import { type Cache, createCache } from "../cache.ts";
import type { EnvSpec } from "../text_env.ts";
import type { World } from "../world.ts";
import { openWebshopEpisode, type WebshopEnv } from "./webshop.ts";
import {
  type EpisodeSettings,
  type ShopSettings,
  WEBSHOP_DATASET,
  WEBSHOP_SPEC,
  webshopParts,
} from "./settings.ts";
import { WEBSHOP_SUBGOAL_RULE } from "./subgoal_rule.ts";
import { proposeWebshopSubgoals } from "./subgoals.ts";
import { present, readSettings } from "../../settings.ts";
import { readWebshopCatalog, readWebshopNouns } from "./loader.ts";
import { createWebshop, generateWebshop } from "./shop.ts";
import type { Webshop } from "./state.ts";
import { splitWebshopGoals, type WebshopSplitting } from "./splits.ts";

/**
 * Makes the shop of a specification, without an episode.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { stockWebshopSpec } from "@hiper/lab/envs/webshop";
 *
 * const { shop, splits } = await stockWebshopSpec({
 *   kind: "webshop",
 *   catalog: { size: 200 },
 * });
 * ok(shop.goals.length > splits.train.length);
 * ```
 *
 * @param spec Kind `"webshop"`, and settings.
 * @returns The shop, and its goals by part.
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 */
export async function stockWebshopSpec(spec: EnvSpec): Promise<StockedWebshop> {
  return await stockWebshop(readSpec(spec).forShop);
}

/**
 * Opens the episode of a specification. `goal` counts within the split; without it, the seed draws
 * one by weight. `shops` caches shops by their settings.
 *
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 * @throws {RangeError} If the split has no such goal.
 */
export function openWebshopSpec(
  spec: EnvSpec,
  seed: number,
  shops: Cache<StockedWebshop>,
): WebshopEnv | Promise<WebshopEnv> {
  const { forShop, forEpisode } = readSpec(spec);
  const stocked = shops.get(
    JSON.stringify(forShop),
    () => stockWebshop(forShop),
  );
  return stocked instanceof Promise
    ? stocked.then((stocked) => openStocked(stocked, forEpisode, seed))
    : openStocked(stocked, forEpisode, seed);
}

/** Settings of a specification, the shop's and the episode's. */
function readSpec(spec: EnvSpec) {
  return webshopParts(readSettings(WEBSHOP_SPEC, spec, "open a webshop"));
}

/** Opens an episode in an existing shop. */
function openStocked(
  { shop, splits }: StockedWebshop,
  settings: EpisodeSettings,
  seed: number,
): WebshopEnv {
  const { split = "train", goal, preset: _, ...options } = settings;
  const positions = splits[split];
  if (positions.length === 0 || (goal ?? 0) >= positions.length) {
    throw new RangeError(
      `Cannot open a webshop as "goal" must be below the number of goals of split "${split}", ${positions.length}: current value is ${
        goal ?? "drawn"
      }`,
    );
  }
  const chosen = goal ?? drawIndex(
    createRandom(seed).fork("goal"),
    positions.map((position) => shop.goals[position]!.weight),
  );
  return openWebshopEpisode(shop, {
    ...present(options),
    goal: shop.goals[positions[chosen]!]!,
    seed,
  });
}

/**
 * Lists the goals of a split as specifications, in canonical order; `goal` selects one.
 *
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 */
async function listWebshop(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvSpec[]> {
  const { dataset: _, ...settings } = readSettings(
    WEBSHOP_DATASET,
    dataset,
    "list webshops",
  );
  const { splits } = await stockWebshop(webshopParts(settings).forShop);
  const { goal, split = "train" } = settings;
  return splits[split].keys()
    .filter((index) => goal === undefined || index === goal)
    .map((index) => ({
      ...present(settings),
      kind: "webshop",
      split,
      goal: index,
    }))
    .toArray();
}

/** Shops, generated or read from WebShop's files. */
export const WEBSHOP: World = {
  settings: WEBSHOP_SPEC,
  createOpener: ({ shops = 4 }) => {
    const cache = createCache<StockedWebshop>(shops);
    return (spec, seed) => openWebshopSpec(spec, seed, cache);
  },
  datasets: {
    webshop: {
      settings: WEBSHOP_DATASET,
      list: async (dataset) => ({
        specs: await listWebshop(dataset),
        skipped: [],
      }),
    },
  },
  proposeSubgoals: proposeWebshopSubgoals,
  subgoalRule: WEBSHOP_SUBGOAL_RULE,
};

/** A shop with its goals divided. */
export interface StockedWebshop {
  /** The shop. */
  readonly shop: Webshop;
  /** Positions of its goals by part. */
  readonly splits: WebshopSplitting;
}

/** Makes a shop: at once if it is generated, later if it is read from files. */
function stockWebshop(
  settings: ShopSettings,
): StockedWebshop | Promise<StockedWebshop> {
  const {
    catalog = { size: 1000 },
    goals,
    splits = "leak-free",
    ...rules
  } = settings;
  const given = present(rules);
  const divide = (shop: Webshop) => ({
    shop,
    splits: splitWebshopGoals(shop.goals, splits),
  });
  if ("folder" in catalog) {
    const kind = goals ?? "synthetic";
    const files = present(catalog);
    return Promise.all([readWebshopCatalog(files), readWebshopNouns(files)])
      .then(([products, nouns]) =>
        divide(createWebshop(products, {
          kind,
          ...given,
          ...(nouns ? { nouns } : {}),
        }))
      );
  }
  const { rank, mostGoals, difficulty, ...generated } = catalog;
  return divide(generateWebshop(
    {
      ...present(generated),
      difficulty: present(difficulty ?? {}),
    },
    { kind: goals ?? "human", ...given, ...present({ rank, mostGoals }) },
  ));
}
