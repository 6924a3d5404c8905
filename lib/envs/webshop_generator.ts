/**
 * A made-up catalog of any size: families of a product and its near-duplicates, and wishes for them.
 *
 * Product `k` depends on the seed, the difficulty and `k` alone, so a small catalog is the beginning
 * of a large one. Shares and prices follow the statistics of WebShop's products; nothing is taken
 * from a shop.
 *
 * @module
 */

import { createRandom, drawIndex, type Random, shuffled } from "../random.ts";
import tables from "./data/webshop_leaves.json" with { type: "json" };
import type { WebshopInstruction } from "./webshop_catalog.ts";
import { cleanOptionValue } from "./webshop_catalog.ts";
import {
  type ProductTexts,
  writeProductTexts,
} from "./webshop_product_texts.ts";
import { writeWish } from "./webshop_wishes.ts";

/** How hard a generated catalog is to shop in. */
export interface WebshopDifficulty {
  /** Most attributes that a wish names, 1 to 5. @default {2} */
  attributes?: number;
  /** Most options that a wish names, 0 to 3. @default {2} */
  options?: number;
  /** Most values of an option, at least 2. @default {6} */
  optionFanout?: number;
  /** Near-duplicates of each product: another attribute, fewer values, a higher price. @default {3} */
  distractors?: number;
  /** Share of attributes that are paraphrased in wishes and missing from titles, in `[0, 1]`. @default {0.2} */
  lexicalGap?: number;
  /** Share of dearer near-duplicates whose price is a range that begins low, in `[0, 1]`. @default {0} */
  priceTrap?: number;
  /** Share of titles with words and signs that mean nothing, in `[0, 1]`. @default {0.1} */
  noise?: number;
}

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
  /** People-like wishes, as in `items_human_ins.json`. */
  readonly wishes: readonly WebshopInstruction[];
}

/** A kind of product. */
export interface WebshopLeaf {
  /** Shop search. */
  readonly query: string;
  /** Category levels below the department's. */
  readonly path: string;
  /** Names of such products. */
  readonly nouns: readonly string[];
  /** Attributes that only some departments' products have. */
  readonly attributes: readonly string[];
  /** Options by the names of their value lists. */
  readonly options: readonly string[];
  /** Whom titles address. */
  readonly audience: readonly string[];
}

/** A department with its leaves. */
interface Department {
  readonly name: string;
  readonly share: number;
  readonly medianPrice: number;
  readonly path: string;
  readonly attributes: readonly string[];
  readonly adjectives: readonly string[];
  readonly leaves: readonly WebshopLeaf[];
}

/** What the products of one family share, or differ in. */
interface Features {
  readonly department: Department;
  readonly leaf: WebshopLeaf;
  readonly texts: ProductTexts;
  readonly attributes: readonly string[];
  readonly options: readonly (readonly [string, readonly string[]])[];
  readonly pricing: string;
}

type Settings = Required<WebshopDifficulty> & { readonly wishes: number };

const DEPARTMENTS: readonly Department[] = Object.entries(tables.departments)
  .map(([name, department]) => ({ name, ...department }));
const OPTION_VALUES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(tables.optionValues),
);
const OPTION_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(tables.optionNames),
);
/** Shares of products with 0, 1, 2, … attributes and options. */
const ATTRIBUTE_COUNTS = [18, 19, 19, 13, 12, 6, 4, 3, 2];
const OPTION_COUNTS = { target: [25, 45, 28, 2], other: [58, 25, 16, 1] };
/** Share of families whose first product is wished for. */
const TARGET_SHARE = 0.8;

/**
 * Generates products one by one.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { generateWebshopProducts } from "@hiper/lab";
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
  const settings = { ...checkDifficulty(options.difficulty), wishes };
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

/** Fills in defaults and checks ranges. */
function checkDifficulty(
  difficulty: WebshopDifficulty = {},
): Required<WebshopDifficulty> {
  const {
    attributes = 2,
    options = 2,
    optionFanout = 6,
    distractors = 3,
    lexicalGap = 0.2,
    priceTrap = 0,
    noise = 0.1,
  } = difficulty;
  const all = {
    attributes,
    options,
    optionFanout,
    distractors,
    lexicalGap,
    priceTrap,
    noise,
  };
  const ranges:
    readonly (readonly [keyof WebshopDifficulty, number, number])[] = [
      ["attributes", 1, 5],
      ["options", 0, 3],
      ["optionFanout", 2, 20],
      ["distractors", 0, 12],
      ["lexicalGap", 0, 1],
      ["priceTrap", 0, 1],
      ["noise", 0, 1],
    ];
  for (const [name, low, high] of ranges) {
    const value = all[name];
    const fits = value >= low && value <= high &&
      (high === 1 || Number.isInteger(value));
    if (!fits) {
      throw new RangeError(
        `Cannot generate a catalog as "difficulty.${name}" must be in [${low}, ${high}]: current value is ${value}`,
      );
    }
  }
  return all;
}

/** Draws one of several. */
function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}

/** Draws what a family's first product is. */
function drawFeatures(
  random: Random,
  context: { settings: Settings; isTarget: boolean; family: number },
): Features {
  const { settings, isTarget, family } = context;
  const department =
    DEPARTMENTS[drawIndex(random, DEPARTMENTS.map(({ share }) => share))]!;
  const leaf = pick(random, department.leaves);
  const drawn = drawIndex(random, ATTRIBUTE_COUNTS);
  const count = isTarget ? Math.max(drawn, settings.attributes) : drawn;
  const attributes = shuffled(random, [
    ...new Set([...leaf.attributes, ...department.attributes]),
  ]).slice(0, count);
  const price = department.medianPrice * Math.exp(0.7 * random.normal());
  return {
    department,
    leaf,
    texts: {
      brand: brandOf(family),
      noun: pick(random, leaf.nouns),
      adjective: pick(random, department.adjectives),
      audience: pick(random, leaf.audience),
    },
    attributes,
    options: drawOptions(random, { leaf, settings, isTarget }),
    pricing: writePricing(random, Math.max(price, 2)),
  };
}

/** Draws option groups and their values. */
function drawOptions(
  random: Random,
  context: { leaf: WebshopLeaf; settings: Settings; isTarget: boolean },
): (readonly [string, readonly string[]])[] {
  const { leaf, settings, isTarget } = context;
  const counts = isTarget ? OPTION_COUNTS.target : OPTION_COUNTS.other;
  const wanted = drawIndex(random, counts);
  const groups = new Map<string, readonly string[]>();
  for (const kind of leaf.options) {
    const name = OPTION_NAMES.get(kind)!;
    if (groups.size === wanted || groups.has(name)) continue;
    const fanout = 2 + random.integer(settings.optionFanout - 1);
    const values = shuffled(random, OPTION_VALUES.get(kind)!).slice(0, fanout);
    groups.set(name, values);
  }
  return [...groups];
}

/** Writes a price as shops do: one number, a range, or nothing. */
function writePricing(random: Random, price: number): string {
  const draw = random.uniform();
  if (draw < 0.09) return "";
  if (draw > 0.18) return `$${price.toFixed(2)}`;
  const high = price * (1.1 + 1.65 * random.uniform());
  return `$${price.toFixed(2)} - $${high.toFixed(2)}`;
}

/** A family's next product: the same but for an attribute, its values, or its price. */
function differ(
  base: Features,
  context: { random: Random; settings: Settings; member: number },
): Features {
  const { random, settings, member } = context;
  const { leaf, department, attributes, options, pricing } = base;
  const texts = {
    ...base.texts,
    adjective: pick(random, department.adjectives),
  };
  const kind = ["attribute", "options", "price"][(member - 1) % 3];
  if (kind === "price") {
    const price = Number(/\d+\.\d+/.exec(pricing)?.[0] ?? 100);
    const high = price * (2 + 2 * random.uniform());
    const trap = random.uniform() < settings.priceTrap;
    const low = trap ? `$${(price * 0.7).toFixed(2)} - ` : "";
    return { ...base, texts, pricing: `${low}$${high.toFixed(2)}` };
  }
  if (kind === "options" && options.length > 0) {
    const group = random.integer(options.length);
    const fewer = options.map(([name, values], i) =>
      [
        name,
        i === group ? values.slice(Math.ceil(values.length / 2)) : values,
      ] as const
    );
    return { ...base, texts, options: fewer };
  }
  const others = [...leaf.attributes, ...department.attributes]
    .filter((attribute) => !attributes.includes(attribute));
  const replaced = random.integer(Math.max(attributes.length, 1));
  const other = pick(random, others);
  return {
    ...base,
    texts,
    attributes: attributes.map((mine, i) => i === replaced ? other : mine),
  };
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

/** An invented name of two or three syllables; families far apart may share one. */
function brandOf(family: number): string {
  const { syllables } = tables;
  const count = syllables.length;
  const number = ((family + 1) * 7919) % (count * count * count);
  const parts = [
    syllables[number % count]!,
    syllables[Math.floor(number / count) % count]!,
    ...(number % 3 === 0 ? [syllables[Math.floor(number / count ** 2)]!] : []),
  ];
  const name = parts.join("");
  return name[0]!.toUpperCase() + name.slice(1);
}
