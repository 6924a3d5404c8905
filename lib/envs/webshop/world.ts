/**
 * A made-up shop whose every goal can be won.
 *
 * @module
 */

import { createWebshopCataloger } from "./catalog.ts";
import type { WebshopCatalog } from "./catalog.ts";
import { planWebshopPurchase, type WebshopPlan } from "./expert.ts";
import {
  type GeneratedProduct,
  generateWebshopProducts,
  type WebshopGeneratorOptions,
} from "./generator.ts";
import type { WebshopGoal } from "./goals.ts";
import { scoreWebshopPurchase } from "./reward.ts";
import {
  createWebshop,
  type Webshop,
  type WebshopSettings,
} from "./session.ts";

/** What makes a generated goal acceptable. */
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
 * Generates a shop: products, search, and goals that were checked to be winnable.
 *
 * A goal is kept if buying its product with its options scores exactly 1, and if a search that the
 * wish suggests finds the product within the ranks asked for.
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
 * @param settings Kind of goals, rules of the shop, which goals are acceptable. @default {people's wishes}
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
    if (plan && isWinnable(plan, rank)) goals.push(goal);
  }
  return { ...shop, goals };
}

/** Whether a plan wins, within the ranks. */
function isWinnable(
  plan: WebshopPlan,
  rank: readonly [number, number],
): boolean {
  return plan.score === 1 && plan.rank >= rank[0] && plan.rank <= rank[1];
}

/**
 * Counts the products besides the intended one that would win a goal, among those of its kind.
 *
 * @param shop The shop.
 * @param goal What is asked for.
 * @returns Products of the same shop search that score 1 with their best options.
 */
export function countWebshopAlternatives(
  shop: Webshop,
  goal: WebshopGoal,
): number {
  let count = 0;
  for (const [position, product] of shop.products.entries()) {
    if (product.query !== goal.query || product.asin === goal.asin) continue;
    const price = shop.prices[position]!;
    // Every value of every option: more than can be chosen, never less.
    const options = [...product.options.values()].flat();
    const { total } = scoreWebshopPurchase(
      { product, price, options },
      goal,
      shop.scoring,
    );
    if (total === 1) count++;
  }
  return count;
}

/** How hard one goal is, so that results can be told apart by it. */
export interface WebshopGoalFacts {
  /** Attributes wanted. */
  readonly attributes: number;
  /** Options wanted. */
  readonly options: number;
  /** Wanted attributes that the wish says in other words or the title leaves out. */
  readonly hidden: number;
  /** Rank of the product in the best proposed search, from 1; infinite if none finds it. */
  readonly rank: number;
  /** Other products of its kind that would win. */
  readonly alternatives: number;
}

/**
 * Measures how hard a goal is.
 *
 * @param shop The shop.
 * @param goal One of its goals.
 * @returns Counts and rank.
 */
export function measureWebshopGoal(
  shop: Webshop,
  goal: WebshopGoal,
): WebshopGoalFacts {
  const wish = goal.instruction.toLowerCase(), title = goal.name.toLowerCase();
  return {
    attributes: goal.attributes.length,
    options: goal.options.length,
    hidden: goal.attributes
      .filter((phrase) => !wish.includes(phrase) || !title.includes(phrase))
      .length,
    rank: planWebshopPurchase(shop, goal)?.rank ?? Infinity,
    alternatives: countWebshopAlternatives(shop, goal),
  };
}
