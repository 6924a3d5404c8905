/**
 * Settings of a shop's specification.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { WEBSHOP_SCHEMES, WEBSHOP_SPLITS } from "./splits.ts";
import { present } from "../../settings.ts";

const COUNT = z.number().int().positive();
const SHARE = z.number().min(0).max(1);
const SEED = z.number().int();

const GENERATED = z.strictObject({
  size: COUNT.describe("Number of products"),
  seed: SEED.optional().describe("Seed of the catalog. Default: 0"),
  wishes: COUNT.optional().describe(
    "Wishes for the first product of each family. Default: 3",
  ),
  rank: z.tuple([COUNT, COUNT]).optional().describe(
    "Ranks at which a proposed search must find the product. Default: [1, 10]",
  ),
  mostGoals: COUNT.optional().describe("Most goals kept. Default: 2000"),
  difficulty: z.strictObject({
    attributes: COUNT.optional().describe(
      "Most attributes that a wish names, 1 to 5. Default: 2",
    ),
    options: z.number().int().min(0).optional().describe(
      "Most options that a wish names, 0 to 3. Default: 2",
    ),
    optionFanout: COUNT.optional().describe(
      "Most values of an option, at least 2. Default: 6",
    ),
    distractors: z.number().int().min(0).optional().describe(
      "Near-duplicates of each product. Default: 3",
    ),
    lexicalGap: SHARE.optional().describe(
      "Share of attributes that wishes paraphrase and titles omit. Default: 0.2",
    ),
    priceTrap: SHARE.optional().describe(
      "Share of dearer near-duplicates whose price range begins low. Default: 0",
    ),
    noise: SHARE.optional().describe(
      "Share of titles with meaningless words and signs. Default: 0.1",
    ),
  }).optional().describe("How hard the catalog is to shop in"),
});

const FILES = z.strictObject({
  folder: z.string().min(1).describe("Folder with WebShop's files"),
  products: z.string().optional().describe(
    "Name of the product file. Default: items_shuffle_1000.json",
  ),
  attributes: z.string().optional().describe(
    "Name of the attribute file. Default: items_ins_v2_1000.json",
  ),
  human: z.string().optional().describe(
    "Name of the file of wishes, read if it is there. Default: items_human_ins.json",
  ),
  nouns: z.string().optional().describe(
    "Name of a table of title nouns made with a real tagger. Default: none",
  ),
  limit: COUNT.optional().describe("Most rows that are read. Default: all"),
  lenient: z.boolean().optional().describe(
    "Whether a damaged product file gives the rows before the damage. Default: false",
  ),
});

/** Settings that decide a shop; episodes of one shop share it. */
const SHOP_SETTINGS = {
  catalog: z.union([GENERATED, FILES]).optional().describe(
    "A generated catalog { size, … }, or a folder with WebShop's files { folder, … }. Default: { size: 1000 }",
  ),
  goals: z.enum(["human", "synthetic"]).optional().describe(
    "Human or templated wishes. Default: human if generated, synthetic from files",
  ),
  priceSeed: SEED.optional().describe(
    "Seed of price draws and bounds. Default: 233",
  ),
  shuffleSeed: SEED.optional().describe(
    "Seed of the order of goals. Default: 233",
  ),
  optionRule: z.enum(["upstream", "fixed"]).optional().describe(
    "How options are compared. Default: upstream",
  ),
  reservedQueries: z.boolean().optional().describe(
    "Whether the queries <r>, <a>, <c> and <q> are obeyed. Default: true",
  ),
  showAttributes: z.boolean().optional().describe(
    "Whether product pages offer their attributes. Default: false",
  ),
  splits: z.enum(WEBSHOP_SCHEMES).optional().describe(
    "How goals are divided. Default: leak-free",
  ),
} as const;

/** Settings that decide an episode. */
const EPISODE_SETTINGS = {
  split: z.enum(WEBSHOP_SPLITS).optional().describe(
    "Part of the goals. Default: train",
  ),
  goal: z.number().int().min(0).optional().describe(
    "Position of the goal in its part. Default: the seed draws one by weight",
  ),
  observation: z.enum(["text", "text_rich", "trainer"]).optional().describe(
    "WebShop's two modes, or text as the reference trainer shortens it. Default: text",
  ),
  reward: z.enum(["score", "trainer", "binary"]).optional().describe(
    "A purchase pays its score, the trainer's 10 if perfect, or 1 if perfect. Default: score",
  ),
  queries: COUNT.optional().describe(
    "Searches that the search page lists. Default: 4",
  ),
  stepLimit: COUNT.optional().describe(
    "Actions after which the episode is cut. Default: none",
  ),
  limitEnding: z.enum(["terminated", "truncated"]).optional().describe(
    "Ending at the limit. Default: truncated",
  ),
  sanitize: z.boolean().optional().describe(
    "Whether product texts are kept from imitating buttons and separators. Default: true",
  ),
  preset: z.literal("webshop-reference").optional().describe(
    "Goals, observations, rewards and limit as in the reference's wrapper",
  ),
} as const;

/** Schema of a specification. */
export const WEBSHOP_SPEC = z.strictObject({
  kind: z.literal("webshop"),
  ...SHOP_SETTINGS,
  ...EPISODE_SETTINGS,
});

/** Schema of a dataset. */
export const WEBSHOP_DATASET = z.strictObject({
  dataset: z.literal("webshop"),
  ...SHOP_SETTINGS,
  ...EPISODE_SETTINGS,
});

/** Settings that decide a shop. */
export type ShopSettings = z.infer<z.ZodObject<typeof SHOP_SETTINGS>>;
/** Settings that decide an episode. */
export type EpisodeSettings = z.infer<z.ZodObject<typeof EPISODE_SETTINGS>>;
type Settings = ShopSettings & EpisodeSettings;

/**
 * Settings of the authors' WebShop wrapper: templated goals split by position, shortened observations,
 * 10 for a perfect purchase, and terminated after 50 actions.
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

/** Splits settings into those of the shop and of the episode; a preset supplies missing ones. */
export function webshopParts(settings: Settings): {
  forShop: ShopSettings;
  forEpisode: EpisodeSettings;
} {
  const entries = Object.entries(
    settings.preset === undefined
      ? settings
      : { ...WEBSHOP_REFERENCE, ...present(settings) },
  );
  const select = (names: object) =>
    Object.fromEntries(entries.filter(([name]) => name in names));
  return {
    forShop: select(SHOP_SETTINGS),
    forEpisode: select(EPISODE_SETTINGS),
  };
}
