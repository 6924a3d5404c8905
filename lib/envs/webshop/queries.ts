/**
 * Searches worth typing, from the words of a wish alone.
 *
 * Policies that choose among listed actions need some; the shop itself accepts any words.
 *
 * @module
 */

/** Words that say how something is asked for, not what. */
const ASKING: ReadonlySet<string> = new Set(
  `a about all also am an and any are as at be buy by can could do for find from get give go had has
  have help hi how i id im in interested is it its looking make may me my need now of on one or
  please purchase searching shall she should show so some something such than that the them then
  there these they this those to up us want wants was we were what when where which will with would
  you your item items product products ones`.split(/\s+/),
);
const PRICE_CLAUSE = /,? and price (?:lower|less) than [\d.,]+ dollars\.?$/;

/**
 * Proposes searches for a wish: its content words, its first noun phrase, all its words.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { proposeWebshopQueries } from "@hiper/lab/envs/webshop";
 *
 * deepStrictEqual(
 *   proposeWebshopQueries(
 *     "i need a metal frame console table that is solid wood in walnut, " +
 *       "and price lower than 60.00 dollars",
 *   ),
 *   [
 *     "metal frame console table solid wood walnut",
 *     "metal frame console table",
 *     "metal frame console table solid wood",
 *     "i need a metal frame console table that is solid wood in walnut",
 *   ],
 * );
 * ```
 *
 * @param instruction The wish as it is shown.
 * @param limit Most searches. @default {4}
 * @returns Distinct searches without brackets, the most promising first; at least one.
 */
export function proposeWebshopQueries(
  instruction: string,
  limit = 4,
): string[] {
  const wish = instruction.slice(0, 1000).toLowerCase()
    .replace(PRICE_CLAUSE, "").replace(/[[\]\p{Cc}]/gu, " ");
  const content = contentWords(wish);
  const beforeOptions = wish.split(/ (?:in|with) (?=[^ ])|[,:;.!?](?: |$)/u);
  const phrases = wish.split(/ (?:that|which|in|with|for) |[,:;.!?](?: |$)/u);
  const head = phrases.map(contentWords).find((words) => words.length > 0);
  const proposals = [
    content.join(" "),
    (head ?? []).join(" "),
    beforeOptions.map(contentWords).find((words) => words.length > 0)
      ?.join(" ") ?? "",
    wish.replace(/\s+/gu, " ").replace(/^[ .]+|[ .]+$/g, ""),
  ];
  const distinct = [...new Set(proposals)].filter((query) => query !== "");
  return distinct.length > 0 ? distinct.slice(0, limit) : ["anything"];
}

/** Words that say what is wanted, without punctuation at their ends. */
function contentWords(text: string): string[] {
  return text.split(/[\s,;:!?()]+/u)
    .map((word) => word.replace(/^[.'"“”‘’*-]+|[.'“”‘’*-]+$/gu, ""))
    .filter((word) => word !== "" && word !== '"' && !ASKING.has(word));
}
