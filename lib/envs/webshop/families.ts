/**
 * Families of generated products: shared features, and differences of near-duplicates.
 *
 * @module
 */

import { drawIndex, type Random, shuffled } from "../../random.ts";
import { present } from "../../settings.ts";
import tables from "./data/leaves.json" with { type: "json" };
import type { ProductTexts } from "./generated_texts.ts";

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

/** Difficulty with every default filled in. */
export type FamilySettings = Required<WebshopDifficulty>;

const MEDIUM: FamilySettings = {
  attributes: 2,
  options: 2,
  optionFanout: 6,
  distractors: 3,
  lexicalGap: 0.2,
  priceTrap: 0,
  noise: 0.1,
};
const RANGES: readonly (readonly [keyof WebshopDifficulty, number, number])[] =
  [
    ["attributes", 1, 5],
    ["options", 0, 3],
    ["optionFanout", 2, 20],
    ["distractors", 0, 12],
    ["lexicalGap", 0, 1],
    ["priceTrap", 0, 1],
    ["noise", 0, 1],
  ];

/**
 * Fills in defaults and checks ranges.
 *
 * @throws {RangeError} If a setting is out of range.
 */
export function checkWebshopDifficulty(
  difficulty: WebshopDifficulty = {},
): FamilySettings {
  const all = { ...MEDIUM, ...present(difficulty) };
  for (const [name, low, high] of RANGES) {
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

/** A kind of product. */
export interface WebshopLeaf {
  readonly query: string;
  /** Category levels below the department's. */
  readonly path: string;
  readonly nouns: readonly string[];
  /** Attributes that only some departments' products have. */
  readonly attributes: readonly string[];
  /** Options by the names of their value lists. */
  readonly options: readonly string[];
  readonly audience: readonly string[];
}

/** A department with its leaves. */
export interface Department {
  readonly name: string;
  /** Its share of the products, in percent. */
  readonly share: number;
  /** Median price in dollars. */
  readonly medianPrice: number;
  /** Its category level. */
  readonly path: string;
  /** Attributes that any of its products may have. */
  readonly attributes: readonly string[];
  readonly adjectives: readonly string[];
  readonly leaves: readonly WebshopLeaf[];
}

/** What the products of one family share, or differ in. */
export interface Features {
  readonly department: Department;
  readonly leaf: WebshopLeaf;
  readonly texts: ProductTexts;
  readonly attributes: readonly string[];
  /** Option names with their values. */
  readonly options: readonly (readonly [string, readonly string[]])[];
  /** Price as shops write it. */
  readonly pricing: string;
}

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
/** Draws one of several items; there must be at least one. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}

/** Draws the features of a family's first product. */
export function drawFeatures(
  random: Random,
  context: { settings: FamilySettings; isTarget: boolean; family: number },
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
  context: { leaf: WebshopLeaf; settings: FamilySettings; isTarget: boolean },
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

/** Features of a family's next product: the same but for an attribute, its values, or its price. */
export function differ(
  base: Features,
  context: { random: Random; settings: FamilySettings; member: number },
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
