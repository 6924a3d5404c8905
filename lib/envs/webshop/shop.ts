/**
 * A shop: products with prices, a search over them, goals, and scores of purchases.
 *
 * @module
 */

import { present } from "../../settings.ts";
import { createWebshopCataloger, type WebshopCatalog } from "./catalog.ts";
import {
  listWebshopGoals,
  type WebshopGoal,
  type WebshopGoalOptions,
} from "./goals.ts";
import {
  scoreWebshopPurchase,
  type WebshopScore,
  type WebshopScoring,
} from "./reward.ts";
import { createWebshopSearch } from "./search/search.ts";
import type { Webshop, WebshopState } from "./state.ts";
import { planWebshopPurchase } from "./expert.ts";
import {
  type GeneratedProduct,
  generateWebshopProducts,
  type WebshopGeneratorOptions,
} from "./generator.ts";

/** Settings of {@linkcode createWebshop}. */
export interface WebshopSettings extends WebshopGoalOptions, WebshopScoring {
  /** Whether the queries `<r>`, `<a>`, `<c>` and `<q>` are obeyed. @default {true} */
  reservedQueries?: boolean;
  /** Whether product pages offer their attributes. @default {false} */
  showAttributes?: boolean;
}

/**
 * Makes a shop of a catalog.
 *
 * @param catalog The products.
 * @param settings Kind of goals, seeds, rules.
 * @returns The shop; it never changes, so any number of episodes may share it.
 */
export function createWebshop(
  catalog: WebshopCatalog,
  settings: WebshopSettings,
): Webshop {
  const { reservedQueries = true, showAttributes = false } = settings;
  const { nouns, optionRule } = settings;
  return {
    catalog,
    products: catalog.products,
    ...listWebshopGoals(catalog, settings),
    search: createWebshopSearch(catalog),
    reservedQueries,
    showAttributes,
    scoring: present({ nouns, optionRule }),
  };
}

/**
 * Scores the purchase of the current product with the chosen options.
 *
 * @param shop The shop.
 * @param state A product page, or the page after the purchase.
 * @param goal The goal.
 * @returns The score and its parts.
 */
export function scoreWebshopState(
  shop: Webshop,
  state: WebshopState,
  goal: WebshopGoal,
): WebshopScore {
  const product = shop.products[state.product!]!;
  const price = shop.prices[state.product!]!;
  const options = [...state.options.values()];
  return scoreWebshopPurchase({ product, price, options }, goal, shop.scoring);
}

/** Acceptance of generated goals. */
export interface WebshopGoalFilter {
  /** Ranks at which one of the proposed searches must find the product. @default {[1, 10]} */
  rank?: readonly [number, number];
  /** Most goals kept, in canonical order. @default {2000} */
  mostGoals?: number;
}

/**
 * Cleans a generated catalog, as if it came from files.
 *
 * @param options Size, seed, difficulty.
 * @returns The products.
 */
export function generateWebshopCatalog(
  options: WebshopGeneratorOptions,
): WebshopCatalog {
  let current: GeneratedProduct | undefined;
  const cataloger = createWebshopCataloger({
    attributes: () => current?.attributes,
    instruction: () => current?.instruction,
    humanInstructions: () => current?.wishes ?? [],
  });
  for (current of generateWebshopProducts(options)) {
    cataloger.add(current.row);
  }
  return cataloger.finish();
}

/**
 * Generates a shop: products, search, and goals that are checked to be winnable.
 *
 * A goal is kept if buying its product with its options scores exactly 1, and if a search that the
 * wish suggests finds the product within the given ranks.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { generateWebshop } from "@hiper/lab/envs/webshop";
 *
 * const shop = generateWebshop({ size: 200, seed: 7 });
 * ok(shop.goals.length > 50);
 * ```
 *
 * @param options Size, seed, difficulty.
 * @param settings Kind of goals, rules of the shop, which goals are acceptable. @default {human wishes}
 * @returns The shop.
 */
export function generateWebshop(
  options: WebshopGeneratorOptions,
  settings: Partial<WebshopSettings> & WebshopGoalFilter = {},
): Webshop {
  const { rank = [1, 10], mostGoals = 2000, ...rest } = settings;
  const catalog = generateWebshopCatalog(options);
  const shop = createWebshop(catalog, { kind: "human", ...rest });
  const goals: WebshopGoal[] = [];
  for (const goal of shop.goals) {
    if (goals.length === mostGoals) break;
    const plan = planWebshopPurchase(shop, goal);
    if (plan?.score !== 1) continue;
    if (plan.rank >= rank[0] && plan.rank <= rank[1]) goals.push(goal);
  }
  return { ...shop, goals };
}
