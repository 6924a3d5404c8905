/**
 * A generated catalog of any size: families of a product and its near-duplicates, with wishes.
 *
 * Product `k` depends on the seed, the difficulty and `k` alone, so a small catalog is the beginning
 * of a large one. Shares and prices follow the statistics of WebShop's products.
 *
 * @module
 */

import { createRandom, type Random, shuffled } from "../../random.ts";
import { cleanOptionValue, type WebshopInstruction } from "./catalog.ts";
import {
  checkWebshopDifficulty,
  differ,
  drawFeatures,
  type FamilySettings,
  type Features,
  pick,
  type WebshopDifficulty,
} from "./families.ts";
import { writeProductTexts, writeWish } from "./generated_texts.ts";

/** What to generate. */
export interface WebshopGeneratorOptions {
  /** Number of products, 1 to 10 million. */
  size: number;
  /** Seed of the catalog. @default {0} */
  seed?: number;
  /** Wishes for the first product of each family. @default {3} */
  wishes?: number;
  /** Difficulty. @default {a medium one} */
  difficulty?: WebshopDifficulty;
}

/** One product in WebShop's file format, and what belongs to it in the other two files. */
export interface GeneratedProduct {
  /** A row as in `items_shuffle.json`. */
  readonly row: Readonly<Record<string, unknown>>;
  /** Its id. */
  readonly asin: string;
  /** Its attributes, as in `items_ins_v2.json`. */
  readonly attributes: readonly string[];
  /** Its templated wish, as in `items_ins_v2.json`. */
  readonly instruction?: WebshopInstruction;
  /** Human-like wishes, as in `items_human_ins.json`. */
  readonly wishes: readonly WebshopInstruction[];
}

/** Difficulty, and how many wishes a product gets. */
type Settings = FamilySettings & { readonly wishes: number };

/** Share of families whose first product is wished for. */
const TARGET_SHARE = 0.8;

/**
 * Generates products one by one.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { generateWebshopProducts } from "@hiper/lab/envs/webshop";
 *
 * const [first] = generateWebshopProducts({ size: 1, seed: 7 });
 * const [same] = generateWebshopProducts({ size: 1000, seed: 7 });
 * deepStrictEqual(first, same);
 * ```
 *
 * @param options Size, seed, difficulty.
 * @returns Products in order.
 * @throws {RangeError} If a setting is out of range.
 */
export function* generateWebshopProducts(
  options: WebshopGeneratorOptions,
): Generator<GeneratedProduct> {
  const { size, seed = 0, wishes = 3 } = options;
  const settings = { ...checkWebshopDifficulty(options.difficulty), wishes };
  if (!(Number.isInteger(size) && size >= 1 && size <= 1e7)) {
    throw new RangeError(
      `Cannot generate a catalog as "size" must be an integer in [1, 10_000_000]: current value is ${size}`,
    );
  }
  const root = createRandom(seed).fork("webshop", 1);
  const members = 1 + settings.distractors;
  for (let family = 0, number = 0; number < size; family++) {
    const random = root.fork("family", family);
    const isTarget = random.uniform() < TARGET_SHARE;
    const base = drawFeatures(random, { settings, isTarget, family });
    for (let member = 0; member < members && number < size; member++) {
      const own = root.fork("member", family, member);
      const features = member === 0
        ? base
        : differ(base, { random: own, settings, member });
      yield writeProduct(features, {
        number: number++,
        random: own,
        settings,
        isTarget: isTarget && member === 0,
      });
    }
  }
}

/** Writes a product in WebShop's file format, with its wishes. */
function writeProduct(
  features: Features,
  context: {
    number: number;
    random: Random;
    settings: Settings;
    isTarget: boolean;
  },
): GeneratedProduct {
  const { number, random, settings, isTarget } = context;
  const { department, leaf, attributes, options, pricing } = features;
  const asin = asinOf(number);
  const texts = writeProductTexts(features.texts, {
    attributes,
    random,
    hidden: settings.lexicalGap,
    noise: settings.noise,
  });
  const row = {
    asin,
    ...texts,
    pricing,
    images: [""],
    product_category: `${department.path} › ${leaf.path}`,
    category: department.name,
    query: leaf.query,
    customization_options: Object.fromEntries(
      options.map((
        [name, values],
      ) => [name, values.map((value) => ({ value }))]),
    ),
  };
  const wishes = isTarget ? drawWishes(features, { random, settings }) : [];
  const [first] = wishes;
  return {
    row,
    asin,
    attributes,
    ...(first
      ? {
        instruction: {
          text: `Find me ${first.attributes.join(", ")} ${leaf.query}`,
          attributes: first.attributes,
          options: [],
        },
      }
      : {}),
    wishes,
  };
}

/** Draws distinct wishes for a product. */
function drawWishes(
  features: Features,
  context: { random: Random; settings: Settings },
): WebshopInstruction[] {
  const { random, settings } = context;
  const wishes = new Map<string, WebshopInstruction>();
  for (let i = 0; i < settings.wishes; i++) {
    const count = 1 + random.integer(settings.attributes);
    const attributes = shuffled(random, features.attributes).slice(0, count);
    const groups = Math.min(features.options.length, settings.options);
    const options = shuffled(random, features.options)
      .slice(0, groups === 0 ? 0 : 1 + random.integer(groups))
      .map(([name, values]) => ({
        name,
        value: cleanOptionValue(pick(random, values)),
      }));
    const values = options.map(({ value }) => value);
    const key = [...attributes.toSorted(), ...values.toSorted()].join("/");
    const text = writeWish(features.texts.noun, {
      attributes,
      options,
      random,
      paraphrased: settings.lexicalGap,
    });
    if (!wishes.has(key)) {
      wishes.set(key, { text, attributes, options: values });
    }
  }
  return [...wishes.values()];
}

/** Id of a product: its number, scrambled so that neighbors look unrelated. */
function asinOf(number: number): string {
  // Odd and no multiple of 3, hence a bijection modulo 36 ** 8.
  const scrambled = (number * 836_418_907 + 1_234_567_891_011) % 36 ** 8;
  return `B0${scrambled.toString(36).toUpperCase().padStart(8, "0")}`;
}
