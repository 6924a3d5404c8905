/**
 * Shops as specifications: `{ kind: "webshop", catalog, … }` and the episodes in them.
 *
 * @module
 */

import { z } from "zod";
import { createRandom, drawIndex } from "../random.ts";
import type { EnvSpec } from "./text_env.ts";
import {
  openWebshopEpisode,
  type WebshopEnv,
  type WebshopEpisodeOptions,
} from "./webshop.ts";
import type { WebshopGeneratorOptions } from "./webshop_generator.ts";
import {
  readWebshopCatalog,
  readWebshopNouns,
  type WebshopFiles,
} from "./webshop_loader.ts";
import { createWebshop, type Webshop } from "./webshop_session.ts";
import {
  splitWebshopGoals,
  WEBSHOP_SCHEMES,
  WEBSHOP_SPLITS,
  type WebshopScheme,
  type WebshopSplit,
  type WebshopSplitting,
} from "./webshop_splits.ts";
import { generateWebshop, type WebshopGoalFilter } from "./webshop_world.ts";
import { readWorldSettings } from "./world_settings.ts";

const COUNT = z.number().int().positive();
const SHARE = z.number().min(0).max(1);
const SEED = z.number().int();

const GENERATED = z.strictObject({
  size: COUNT,
  seed: SEED.optional(),
  wishes: COUNT.optional(),
  rank: z.tuple([COUNT, COUNT]).optional(),
  mostGoals: COUNT.optional(),
  difficulty: z.strictObject({
    attributes: COUNT.optional(),
    options: z.number().int().min(0).optional(),
    optionFanout: COUNT.optional(),
    distractors: z.number().int().min(0).optional(),
    lexicalGap: SHARE.optional(),
    priceTrap: SHARE.optional(),
    noise: SHARE.optional(),
  }).optional(),
});

const FILES = z.strictObject({
  folder: z.string().min(1),
  products: z.string().optional(),
  attributes: z.string().optional(),
  human: z.string().optional(),
  nouns: z.string().optional(),
  limit: COUNT.optional(),
  lenient: z.boolean().optional(),
});

/** What decides a shop; episodes of one shop share it. */
const SHOP_SETTINGS = {
  catalog: z.union([GENERATED, FILES]).optional(),
  goals: z.enum(["human", "synthetic"]).optional(),
  priceSeed: SEED.optional(),
  shuffleSeed: SEED.optional(),
  optionRule: z.enum(["upstream", "fixed"]).optional(),
  reservedQueries: z.boolean().optional(),
  showAttributes: z.boolean().optional(),
  splits: z.enum(WEBSHOP_SCHEMES).optional(),
} as const;

/** What decides an episode. */
const EPISODE_SETTINGS = {
  split: z.enum(WEBSHOP_SPLITS).optional(),
  goal: z.number().int().min(0).optional(),
  observation: z.enum(["text", "text_rich", "trainer"]).optional(),
  reward: z.enum(["score", "trainer", "binary"]).optional(),
  queries: COUNT.optional(),
  stepLimit: COUNT.optional(),
  limitEnding: z.enum(["terminated", "truncated"]).optional(),
  sanitize: z.boolean().optional(),
  preset: z.literal("webshop-reference").optional(),
} as const;

const WEBSHOP_SPEC = z.strictObject({
  kind: z.literal("webshop"),
  ...SHOP_SETTINGS,
  ...EPISODE_SETTINGS,
});

const WEBSHOP_DATASET = z.strictObject({
  dataset: z.literal("webshop"),
  ...SHOP_SETTINGS,
  ...EPISODE_SETTINGS,
});

/** A shop and an episode in it, as plain data. */
export interface WebshopSpec extends EnvSpec, WebshopEpisodeOptions {
  /** Discriminates the kinds of specifications. */
  readonly kind: "webshop";
  /** A generated catalog, or a folder with WebShop's files. @default {1,000 generated products} */
  readonly catalog?:
    | WebshopGeneratorOptions & WebshopGoalFilter
    | WebshopFiles;
  /** People's wishes or templated ones. @default {"human" if generated, "synthetic" from files} */
  readonly goals?: "human" | "synthetic";
  /** Seed of price draws and bounds. @default {233} */
  readonly priceSeed?: number;
  /** Seed of the order of goals. @default {233} */
  readonly shuffleSeed?: number;
  /** How options are compared. @default {"upstream"} */
  readonly optionRule?: "upstream" | "fixed";
  /** Whether the queries `<r>`, `<a>`, `<c>` and `<q>` are obeyed. @default {true} */
  readonly reservedQueries?: boolean;
  /** Whether product pages offer their attributes. @default {false} */
  readonly showAttributes?: boolean;
  /** How goals are divided. @default {"leak-free"} */
  readonly splits?: WebshopScheme;
  /** The part to shop for. @default {"train"} */
  readonly split?: WebshopSplit;
  /** Position of the goal in its part. @default {drawn by the seed} */
  readonly goal?: number;
  /** Settings of the authors' wrapper, where not given otherwise. */
  readonly preset?: "webshop-reference";
}

/** Settings that decide a shop, as {@linkcode WebshopSpec} has them. */
type ShopSettings = z.infer<z.ZodObject<typeof SHOP_SETTINGS>>;
type EpisodeSettings = z.infer<z.ZodObject<typeof EPISODE_SETTINGS>>;
type Settings = ShopSettings & EpisodeSettings;

/**
 * What the authors' WebShop wrapper does: templated goals split by position, shortened observations,
 * 10 for a perfect purchase, and after 50 actions the episode is over as if the world had ended it.
 */
export const WEBSHOP_REFERENCE = {
  goals: "synthetic",
  splits: "hiper",
  observation: "trainer",
  reward: "trainer",
  stepLimit: 50,
  limitEnding: "terminated",
  sanitize: false,
} as const;

/** A shop with its goals divided. */
export interface StockedWebshop {
  /** The shop. */
  readonly shop: Webshop;
  /** Positions of its goals by part. */
  readonly splits: WebshopSplitting;
}

/**
 * Shops by the settings that decide them, the ones used last.
 *
 * Opening an episode must cost nothing while making a shop costs seconds. What is kept is a pure
 * function of its settings, so keeping it changes no result; whoever opens worlds owns the shelf.
 */
export class WebshopShelf {
  readonly #shops = new Map<
    string,
    StockedWebshop | Promise<StockedWebshop>
  >();
  readonly #limit: number;

  /** Keeps at most `limit` shops. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Finds a shop or makes it; one that cannot be made is not kept. */
  get(settings: ShopSettings): StockedWebshop | Promise<StockedWebshop> {
    const key = JSON.stringify(settings);
    const kept = this.#shops.get(key);
    this.#shops.delete(key);
    const stocked = kept ?? stockWebshop(settings);
    this.#shops.set(key, stocked);
    if (stocked instanceof Promise) {
      stocked.then(
        (shop) => {
          if (this.#shops.has(key)) this.#shops.set(key, shop);
        },
        () => this.#shops.delete(key),
      );
    }
    for (const oldest of this.#shops.keys()) {
      if (this.#shops.size <= this.#limit) break;
      this.#shops.delete(oldest);
    }
    return stocked;
  }
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
  const given = withoutAbsent(rules);
  const divide = (shop: Webshop) => ({
    shop,
    splits: splitWebshopGoals(shop.goals, splits),
  });
  if ("folder" in catalog) {
    const kind = goals ?? "synthetic";
    const files = withoutAbsent(catalog);
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
      ...withoutAbsent(generated),
      difficulty: withoutAbsent(difficulty ?? {}),
    },
    { kind: goals ?? "human", ...given, ...withoutAbsent({ rank, mostGoals }) },
  ));
}

/** Settings that were given. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Leaves out settings that are not there, so that defaults apply. */
function withoutAbsent<T extends object>(settings: T): Given<T> {
  const given = Object.entries(settings)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Given<T>;
}

/** Settings with the preset's in place of those that are not given. */
function filled<S extends EpisodeSettings>(settings: S): S {
  const { preset } = settings;
  return preset === undefined
    ? settings
    : { ...WEBSHOP_REFERENCE, ...withoutAbsent(settings) };
}

/** Settings taken apart: the shop's, and the episode's. */
function parts(settings: Settings): {
  forShop: ShopSettings;
  forEpisode: EpisodeSettings;
} {
  const entries = Object.entries(filled(settings));
  const select = (names: object) =>
    Object.fromEntries(entries.filter(([name]) => name in names));
  return {
    forShop: select(SHOP_SETTINGS),
    forEpisode: select(EPISODE_SETTINGS),
  };
}

/**
 * Opens the episode of a specification.
 *
 * Without `goal`, the seed draws one of the split by weight; `goal` counts within the split.
 *
 * @param spec Kind `"webshop"`, `catalog` (`{ size, seed?, difficulty? }` or `{ folder }`), and settings.
 * @param seed Decides the goal where the specification leaves it open.
 * @param shelf Shops that were made before; filled as shops are made.
 * @returns The episode.
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 * @throws {RangeError} If the split has no such goal.
 */
export function openWebshopSpec(
  spec: EnvSpec,
  seed: number,
  shelf: WebshopShelf,
): WebshopEnv | Promise<WebshopEnv> {
  const { kind: _, ...settings } = readWorldSettings(
    WEBSHOP_SPEC,
    spec,
    "a webshop",
  );
  const { forShop, forEpisode } = parts(settings);
  const stocked = shelf.get(forShop);
  return stocked instanceof Promise
    ? stocked.then((stocked) => openStocked(stocked, forEpisode, seed))
    : openStocked(stocked, forEpisode, seed);
}

/** Opens an episode in a shop that is there. */
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
    ...withoutAbsent(options),
    goal: shop.goals[positions[chosen]!]!,
    seed,
  });
}

/**
 * Lists the goals of a split as specifications, in canonical order.
 *
 * @param dataset Dataset `"webshop"`, and settings as of the world; `goal` selects one.
 * @returns One specification for each goal.
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 */
export async function listWebshop(
  dataset: Readonly<Record<string, unknown>>,
): Promise<EnvSpec[]> {
  const { dataset: _, ...settings } = readWorldSettings(
    WEBSHOP_DATASET,
    dataset,
    "webshops",
  );
  const { splits } = await stockWebshop(parts(settings).forShop);
  const { goal, split = "train" } = settings;
  return splits[split].keys()
    .filter((index) => goal === undefined || index === goal)
    .map((index) => ({
      ...withoutAbsent(settings),
      kind: "webshop",
      split,
      goal: index,
    }))
    .toArray();
}
