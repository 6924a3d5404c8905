/**
 * WebShop's pages as a state machine: states and transitions.
 *
 * States are immutable plain data.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { WebshopCatalog, WebshopProduct } from "./catalog.ts";
import type { WebshopGoal } from "./goals.ts";
import type { WebshopScoring } from "./reward.ts";
import { WEBSHOP_PAGE_SIZE, type WebshopSearch } from "./search/search.ts";

/** The texts behind a product page. */
export const WEBSHOP_SUB_PAGES = [
  "Description",
  "Features",
  "Reviews",
  "Attributes",
] as const;

/** Name of a page behind a product page. */
export type WebshopSubPage = typeof WEBSHOP_SUB_PAGES[number];

/** A state. */
export interface WebshopState {
  /** Which page is shown. */
  readonly page: "index" | "results" | "item" | "sub" | "done";
  /** Which text is shown on a sub page. */
  readonly subPage: WebshopSubPage;
  /** The query, cut at single spaces; empty before the first search. */
  readonly keywords: readonly string[];
  /** Number of the results page, from 1. */
  readonly pageNumber: number;
  /** Positions of the products found. */
  readonly hits: Int32Array;
  /** Position of the current product. */
  readonly product: number | undefined;
  /** Chosen value of each option, in the order in which options were first chosen. */
  readonly options: ReadonlyMap<string, string>;
  /** Positions of the products opened since the last visit of the search page. */
  readonly visited: ReadonlySet<number>;
  /** How many times random products were drawn; decides the next draw. */
  readonly draws: number;
}

/** The meaning of something that can be clicked. */
export type WebshopTarget =
  | { readonly kind: "button" }
  | { readonly kind: "link"; readonly product: number }
  | { readonly kind: "option"; readonly name: string; readonly value: string };

/** A parsed action. */
export interface WebshopAction {
  /** `search`, `click`, or an unknown name. */
  readonly name: string;
  /** The argument in lower case. */
  readonly argument: string;
}

/** The parts of a shop that transitions depend on. */
export interface WebshopRules {
  /** The products. */
  readonly products: readonly WebshopProduct[];
  /** The search box. */
  readonly search: WebshopSearch;
  /** Whether the four reserved queries are obeyed. */
  readonly reservedQueries: boolean;
  /** Whether product pages offer their attributes. */
  readonly showAttributes: boolean;
}

/** One shop: products with their prices, a search over them, and goals. */
export interface Webshop extends WebshopRules {
  /** The products, findable by id. */
  readonly catalog: WebshopCatalog;
  /** Goals in their canonical order. */
  readonly goals: readonly WebshopGoal[];
  /** Effective prices in dollars. Shape `(products,)`. */
  readonly prices: Float64Array;
  /** How purchases are scored. */
  readonly scoring: WebshopScoring;
}

const NO_HITS = new Int32Array(0);
const NO_OPTIONS: ReadonlyMap<string, string> = new Map();
const NO_VISITS: ReadonlySet<number> = new Set();
/** Longer arguments are cut. */
const LONGEST_ARGUMENT = 4096;

/** The search page, where episodes begin. */
export const WEBSHOP_START: WebshopState = {
  page: "index",
  subPage: "Description",
  keywords: [],
  pageNumber: 1,
  hits: NO_HITS,
  product: undefined,
  options: NO_OPTIONS,
  visited: NO_VISITS,
  draws: 0,
};

/**
 * Parses an action: `name[argument]`, greedy on both sides, up to the first line feed.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parseWebshopAction } from "@hiper/lab/envs/webshop";
 *
 * deepStrictEqual(parseWebshopAction("search[Red Shoes] please"), {
 *   name: "search",
 *   argument: "red shoes",
 * });
 * deepStrictEqual(parseWebshopAction("search[]"), undefined);
 * ```
 *
 * @param action An action as text.
 * @returns Name and argument; undefined if the action has another form.
 */
export function parseWebshopAction(action: string): WebshopAction | undefined {
  const lineEnd = action.indexOf("\n");
  const line = lineEnd < 0 ? action : action.slice(0, lineEnd);
  const close = line.lastIndexOf("]");
  if (close < 3) return undefined;
  const open = line.lastIndexOf("[", close - 2);
  if (open < 1) return undefined;
  return {
    name: line.slice(0, open),
    argument: line.slice(open + 1, Math.min(close, open + 1 + LONGEST_ARGUMENT))
      .toLowerCase(),
  };
}

/**
 * Lists what can be clicked, by label in lower case, in the shop's order; the search button is
 * listed but does nothing.
 */
export function webshopTargets(
  rules: WebshopRules,
  state: WebshopState,
): ReadonlyMap<string, WebshopTarget> {
  const targets = new Map<string, WebshopTarget>();
  for (const button of webshopButtons(rules, state)) {
    targets.set(button.toLowerCase(), { kind: "button" });
  }
  if (state.page === "results") {
    for (const product of pageHits(state)) {
      const label = rules.products[product]!.asin.toLowerCase();
      targets.set(label, { kind: "link", product });
    }
  } else if (state.page === "item") {
    for (const [name, values] of rules.products[state.product!]!.options) {
      for (const value of values) {
        targets.set(value, { kind: "option", name, value });
      }
    }
  }
  return targets;
}

/** Lists the buttons of a page, in page order, as they are shown. */
export function webshopButtons(
  rules: WebshopRules,
  state: WebshopState,
): readonly string[] {
  switch (state.page) {
    case "index":
      return ["Search"];
    case "results":
      return state.pageNumber > 1
        ? ["Back to Search", "< Prev", "Next >"]
        : ["Back to Search", "Next >"];
    case "item": {
      const texts = rules.showAttributes
        ? WEBSHOP_SUB_PAGES
        : WEBSHOP_SUB_PAGES.slice(0, 3);
      return ["Back to Search", "< Prev", ...texts, "Buy Now"];
    }
    case "sub":
      return ["Back to Search", "< Prev"];
    case "done":
      return [];
  }
}

/** Catalog positions of the products on the results page that is shown. */
export function pageHits(state: WebshopState): Int32Array {
  const start = (state.pageNumber - 1) * WEBSHOP_PAGE_SIZE;
  return state.hits.subarray(start, start + WEBSHOP_PAGE_SIZE);
}

/**
 * Applies an action; `random` draws random products. Returns the same state if the action means
 * nothing here.
 */
export function nextWebshopState(
  rules: WebshopRules,
  state: WebshopState,
  step: { action: string; random: Random },
): WebshopState {
  const { random } = step;
  const action = parseWebshopAction(step.action);
  if (!action) return state;
  const { name, argument } = action;
  if (name === "search") {
    const found = { ...state, keywords: argument.split(" "), pageNumber: 1 };
    return showResults(rules, found, random);
  }
  if (name !== "click" || argument === "search") return state;
  const target = webshopTargets(rules, state).get(argument);
  return target ? clicked(rules, state, { argument, target, random }) : state;
}

/** A results page, its hits found anew; product and options are forgotten. */
function showResults(
  rules: WebshopRules,
  state: WebshopState,
  random: Random,
): WebshopState {
  const isRandom = rules.reservedQueries && state.keywords[0] === "<r>";
  const stream = rules.reservedQueries
    ? random.fork("products", state.draws)
    : undefined;
  return {
    ...state,
    page: "results",
    hits: rules.search.find(state.keywords, stream),
    product: undefined,
    options: NO_OPTIONS,
    draws: state.draws + (isRandom ? 1 : 0),
  };
}

/** Another results page of the same query; only random products are found anew. */
function turnPage(
  rules: WebshopRules,
  state: WebshopState,
  random: Random,
): WebshopState {
  if (rules.reservedQueries && state.keywords[0] === "<r>") {
    return showResults(rules, state, random);
  }
  return { ...state, page: "results", product: undefined, options: NO_OPTIONS };
}

/** The transition of a click: labels of the shop come before links and options that look like them. */
function clicked(
  rules: WebshopRules,
  state: WebshopState,
  click: { argument: string; target: WebshopTarget; random: Random },
): WebshopState {
  const { argument, target, random } = click;
  const { page, pageNumber } = state;
  if (argument === "buy now") return { ...state, page: "done" };
  if (argument === "back to search") {
    return { ...WEBSHOP_START, draws: state.draws };
  }
  if (page === "results" && argument === "next >") {
    return turnPage(rules, { ...state, pageNumber: pageNumber + 1 }, random);
  }
  if (argument === "< prev") {
    if (page === "results") {
      return turnPage(rules, { ...state, pageNumber: pageNumber - 1 }, random);
    }
    if (page === "sub") return { ...state, page: "item" };
    if (page === "item") return turnPage(rules, state, random);
  }
  const subPage = WEBSHOP_SUB_PAGES
    .find((text) => text.toLowerCase() === argument);
  if (subPage) return { ...state, page: "sub", subPage };
  if (target.kind === "link") {
    const { product } = target;
    const visited = new Set(state.visited).add(product);
    return { ...state, page: "item", product, visited };
  }
  if (target.kind === "option") {
    const options = new Map(state.options).set(target.name, target.value);
    return { ...state, options };
  }
  return state;
}
