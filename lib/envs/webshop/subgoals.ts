/**
 * Candidate subgoals and searches in a shop, from observations alone.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";

/** Labels that belong to the shop, not to a product. */
export const SHOP_LABELS: ReadonlySet<string> = new Set([
  "back to search",
  "< prev",
  "next >",
  "description",
  "features",
  "reviews",
  "attributes",
  "buy now",
]);
/** Most single options proposed. */
const MOST_OPTIONS = 6;

/** Wordings of subgoals. */
export const webshopSubgoal = {
  /** Look for something. */
  search: (query: string): string => `search for "${query}"`,
  /** Look at a product, by its label in lower case. */
  openItem: (link: string): string => `open item ${link}`,
  /** Choose one option. */
  chooseOption: (value: string): string => `choose option ${value}`,
  /** Choose every option that the wish names. */
  chooseOptions: (): string => "choose the options asked for",
  /** Turn the page of results. */
  lookFurther: (): string => "look at more results",
  /** Read the pages of a product. */
  readDetails: (): string => "read the details of this item",
  /** Leave a product or its details. */
  goBack: (): string => "go back to the page before",
  /** Search with other words. */
  startOver: (): string => "start a new search",
  /** Buy the product as it is. */
  purchase: (): string => "buy this item now",
} as const;

/**
 * Proposes subgoals: a search, an item to open, options to choose, buying.
 *
 * The page is recognized by what can be clicked. A proposed option occurs literally in the wish.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { proposeWebshopSubgoals } from "@hiper/lab/envs/webshop";
 *
 * const proposals = proposeWebshopSubgoals({
 *   task: "i need a console table in walnut",
 *   past: [],
 *   observation: {
 *     text: "",
 *     admissibleActions: ["search[console table]"],
 *     stateKey: "",
 *   },
 * });
 * deepStrictEqual(proposals, ['search for "console table"']);
 * ```
 *
 * @param situation The episode so far.
 * @returns Distinct subgoals, at least one.
 */
export function proposeWebshopSubgoals(
  situation: Situation,
): readonly string[] {
  const { admissibleActions } = situation.observation;
  const searches: string[] = [], labels: string[] = [];
  for (const action of admissibleActions) {
    if (action.startsWith("search[")) searches.push(action.slice(7, -1));
    else if (action.startsWith("click[")) labels.push(action.slice(6, -1));
  }
  if (searches.length > 0) return searches.map(webshopSubgoal.search);
  const ofProduct = labels.filter((label) => !SHOP_LABELS.has(label));
  if (labels.includes("next >")) {
    return [
      ...ofProduct.map(webshopSubgoal.openItem),
      webshopSubgoal.lookFurther(),
      webshopSubgoal.startOver(),
    ];
  }
  if (!labels.includes("buy now")) {
    return [webshopSubgoal.goBack(), webshopSubgoal.startOver()];
  }
  const task = situation.task.toLowerCase();
  const named = ofProduct.filter((value) => task.includes(value))
    .slice(0, MOST_OPTIONS);
  return [
    ...(ofProduct.length > 0 ? [webshopSubgoal.chooseOptions()] : []),
    ...named.map(webshopSubgoal.chooseOption),
    webshopSubgoal.readDetails(),
    webshopSubgoal.purchase(),
    webshopSubgoal.goBack(),
    webshopSubgoal.startOver(),
  ];
}

/** Function words of requests, which carry no content. */
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

/** Content words, without punctuation at their ends. */
function contentWords(text: string): string[] {
  return text.split(/[\s,;:!?()]+/u)
    .map((word) => word.replace(/^[.'"“”‘’*-]+|[.'“”‘’*-]+$/gu, ""))
    .filter((word) => word !== "" && word !== '"' && !ASKING.has(word));
}
