/**
 * Subgoals worth considering in a shop, from what was seen alone.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";

/** Labels that belong to the shop, not to a product. */
const SHOP_LABELS: ReadonlySet<string> = new Set([
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

/**
 * To look for something.
 *
 * @param query The search.
 * @returns The subgoal in words.
 */
export function searchSubgoal(query: string): string {
  return `search for "${query}"`;
}

/**
 * To look at a product.
 *
 * @param link Its label in lower case.
 * @returns The subgoal in words.
 */
export function openItemSubgoal(link: string): string {
  return `open item ${link}`;
}

/**
 * To choose one option.
 *
 * @param value Its value.
 * @returns The subgoal in words.
 */
export function chooseOptionSubgoal(value: string): string {
  return `choose option ${value}`;
}

/**
 * To choose every option that the wish names.
 *
 * @returns The subgoal in words.
 */
export function chooseOptionsSubgoal(): string {
  return "choose the options asked for";
}

/**
 * To turn the page of results.
 *
 * @returns The subgoal in words.
 */
export function lookFurtherSubgoal(): string {
  return "look at more results";
}

/**
 * To read what a product's pages say.
 *
 * @returns The subgoal in words.
 */
export function readDetailsSubgoal(): string {
  return "read the details of this item";
}

/**
 * To leave a product or its details.
 *
 * @returns The subgoal in words.
 */
export function returnSubgoal(): string {
  return "go back to the page before";
}

/**
 * To search with other words.
 *
 * @returns The subgoal in words.
 */
export function startOverSubgoal(): string {
  return "start a new search";
}

/**
 * To buy the product as it is.
 *
 * @returns The subgoal in words.
 */
export function purchaseSubgoal(): string {
  return "buy this item now";
}

/**
 * Proposes subgoals: a search, an item to open, options to choose, buying.
 *
 * The page is recognized by what can be clicked. A proposed option stands in the wish word by word.
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
  if (searches.length > 0) return searches.map(searchSubgoal);
  const ofProduct = labels.filter((label) => !SHOP_LABELS.has(label));
  if (labels.includes("next >")) {
    return [
      ...ofProduct.map(openItemSubgoal),
      lookFurtherSubgoal(),
      startOverSubgoal(),
    ];
  }
  if (!labels.includes("buy now")) return [returnSubgoal(), startOverSubgoal()];
  const task = situation.task.toLowerCase();
  const named = ofProduct.filter((value) => task.includes(value))
    .slice(0, MOST_OPTIONS);
  return [
    ...(ofProduct.length > 0 ? [chooseOptionsSubgoal()] : []),
    ...named.map(chooseOptionSubgoal),
    readDetailsSubgoal(),
    purchaseSubgoal(),
    returnSubgoal(),
    startOverSubgoal(),
  ];
}
