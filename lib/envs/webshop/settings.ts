/**
 * What may stand in a shop's specification, checked.
 *
 * @module
 */

import { z } from "zod";
import type { EnvSpec } from "../text_env.ts";
import type { WebshopEpisodeOptions } from "./webshop.ts";
import type { WebshopGeneratorOptions } from "./generator.ts";
import type { WebshopFiles } from "./loader.ts";
import {
  WEBSHOP_SCHEMES,
  WEBSHOP_SPLITS,
  type WebshopScheme,
  type WebshopSplit,
} from "./splits.ts";
import type { WebshopGoalFilter } from "./world.ts";

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

/** What a specification may hold. */
export const WEBSHOP_SPEC = z.strictObject({
  kind: z.literal("webshop"),
  ...SHOP_SETTINGS,
  ...EPISODE_SETTINGS,
});

/** What a dataset may hold. */
export const WEBSHOP_DATASET = z.strictObject({
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
export type ShopSettings = z.infer<z.ZodObject<typeof SHOP_SETTINGS>>;
/** Settings that decide an episode. */
export type EpisodeSettings = z.infer<z.ZodObject<typeof EPISODE_SETTINGS>>;
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

/** Settings that were given. */
export type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Leaves out settings that are not there, so that defaults apply. */
export function withoutAbsent<T extends object>(settings: T): Given<T> {
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

/** Settings taken apart: the shop's, and the episode's; a preset fills in what is not given. */
export function webshopParts(settings: Settings): {
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
