/**
 * Wishes in people's words: openings as often as people use them, attributes plain or paraphrased.
 *
 * @module
 */

import { drawIndex, type Random } from "../../random.ts";
import statistics from "./data/goal_stats.json" with { type: "json" };
import tables from "./data/leaves.json" with { type: "json" };

const OPENINGS: readonly (readonly [string, number])[] = Object
  .entries(statistics.human_goals.openings)
  .filter(([opening]) => !opening.startsWith("("));
const OPENING_SHARES: readonly number[] = OPENINGS.map(([, share]) => share);
const PARAPHRASES: ReadonlyMap<string, string> = new Map(
  Object.entries(tables.paraphrases),
);

/** What {@linkcode writeWish} asks for. */
export interface WishOptions {
  /** Attributes wanted. */
  attributes: readonly string[];
  /** Options wanted. */
  options: readonly { readonly name: string; readonly value: string }[];
  /** Stream of the wish. */
  random: Random;
  /** Share of attributes said in other words, where there are any. */
  paraphrased: number;
}

/**
 * Writes a wish.
 *
 * @param noun What is wanted.
 * @param wish Attributes, options, style.
 * @returns One or two sentences in lower case; option values stand in it literally.
 */
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

/** How people name an option. */
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
