/**
 * Texts of generated products: titles, descriptions, features, and human-like wishes.
 *
 * @module
 */

import { drawIndex, type Random } from "../../random.ts";
import tables from "./data/leaves.json" with { type: "json" };
import statistics from "./data/goal_stats.json" with { type: "json" };

/** Words that a product's texts are made of. */
export interface ProductTexts {
  readonly brand: string;
  readonly noun: string;
  readonly adjective: string;
  readonly audience: string;
}

/** Options of {@linkcode writeProductTexts}. */
interface ProductTextOptions {
  /** Attributes; every one is written somewhere. */
  attributes: readonly string[];
  random: Random;
  /** Share of attributes that neither the title nor the first feature mentions. */
  hidden: number;
  /** Share of titles with meaningless signs. */
  noise: number;
}

/** Generates title, description (often empty) and features (of which only the first is indexed). */
export function writeProductTexts(
  words: ProductTexts,
  options: ProductTextOptions,
) {
  const { attributes, random, hidden, noise } = options;
  const shown = attributes.filter(() => random.uniform() >= hidden);
  const unseen = attributes.filter((attribute) => !shown.includes(attribute));
  const inTitle = shown.slice(0, 3), inFirst = shown.slice(3, 5);
  const rest = [...unseen, ...shown.slice(5)];
  const noun = words.noun.toLowerCase();
  const features = [
    sentence(random, `${words.adjective} ${noun}`, inFirst),
    ...rest.map((attribute) => sentence(random, `This ${noun}`, [attribute])),
  ];
  while (features.length < 5) {
    features.push(sentence(random, `The ${noun}`, []));
  }
  const described = attributes.filter(() => random.uniform() < 0.6);
  const description = random.uniform() < 0.3
    ? ""
    : `The ${words.brand} ${noun} is ${filler(random)}. ${
      sentence(random, "It", described)
    }. It is ${filler(random)}.`;
  return {
    name: title(words, { attributes: inTitle, random, noise }),
    full_description: description,
    small_description: features,
  };
}

/** One title; slots are left out at random. */
function title(
  words: ProductTexts,
  options: Pick<ProductTextOptions, "attributes" | "random" | "noise">,
): string {
  const { attributes, random, noise } = options;
  const { brand, adjective, noun, audience } = words;
  const chance = (share: number) => random.uniform() < share;
  const { accessories, noise: signs } = tables;
  const forWhom = chance(0.5) ? ` for ${audience}` : "";
  const phrases = attributes.map(titleCase).join(" ");
  const accessory = chance(0.4)
    ? ` with ${accessories[random.integer(accessories.length)]!}`
    : "";
  const pack = chance(0.15) ? ` (Pack of ${2 + random.integer(5)})` : "";
  const sign = chance(noise) ? ` ${signs[random.integer(signs.length)]!}` : "";
  const middle = phrases === "" ? "" : `, ${phrases}`;
  return `${brand} ${adjective} ${noun}${forWhom}${middle}${accessory}${pack}${sign}`;
}

/** Capitalizes every word. */
function titleCase(phrase: string): string {
  return phrase.split(" ").map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join(" ");
}

/** A sentence that mentions attributes, or a neutral one. */
function sentence(
  random: Random,
  subject: string,
  attributes: readonly string[],
): string {
  const claim = attributes.length > 0
    ? `offers ${attributes.join(" and ")} quality, `
    : "is ";
  return `${subject} ${claim}${filler(random)}`;
}

/** A claim that fits any product. */
function filler(random: Random): string {
  return tables.filler[random.integer(tables.filler.length)]!;
}

const OPENINGS: readonly (readonly [string, number])[] = Object
  .entries(statistics.human_goals.openings)
  .filter(([opening]) => !opening.startsWith("("));
const OPENING_SHARES: readonly number[] = OPENINGS.map(([, share]) => share);
const PARAPHRASES: ReadonlyMap<string, string> = new Map(
  Object.entries(tables.paraphrases),
);

/** Options of {@linkcode writeWish}. */
interface WishOptions {
  attributes: readonly string[];
  options: readonly { readonly name: string; readonly value: string }[];
  random: Random;
  /** Share of attributes that are paraphrased, where a paraphrase exists. */
  paraphrased: number;
}

/** Generates a wish of one or two sentences in lower case; it contains option values literally. */
export function writeWish(noun: string, wish: WishOptions): string {
  const { attributes, options, random, paraphrased } = wish;
  const opening = OPENINGS[drawIndex(random, OPENING_SHARES)]![0];
  const thing = noun.toLowerCase();
  const before: string[] = [], clauses: string[] = [];
  for (const attribute of attributes) {
    const paraphrase = random.uniform() < paraphrased
      ? PARAPHRASES.get(attribute)
      : undefined;
    if (paraphrase !== undefined) clauses.push(paraphrase);
    else if (before.length === 0 && random.uniform() < 0.5) {
      before.push(attribute);
    } else clauses.push(`is ${attribute}`);
  }
  const phrase = [...before, thing].join(" ");
  const chosen = options.map(({ name, value }) => optionPhrase(name, value));
  const two = clauses.length > 1 && random.uniform() < 0.14;
  const last = two ? ` it should be one that ${clauses.pop()}.` : "";
  const which = clauses.length > 0 ? ` that ${clauses.join(" and ")}` : "";
  const how = chosen.length > 0 ? ` ${chosen.join(" and ")}` : "";
  return `${opening} ${article(phrase)}${phrase}${which}${how}.${last}`;
}

/** An option in words. */
function optionPhrase(name: string, value: string): string {
  if (name === "color") return `in ${value}`;
  if (name === "size") return `in size ${value}`;
  return `with ${name} ${value}`;
}

/** The article of a phrase; plurals go without. */
function article(phrase: string): string {
  if (/s$/.test(phrase) && !/ss$/.test(phrase)) return "";
  return /^[aeiou]/.test(phrase) ? "an " : "a ";
}
