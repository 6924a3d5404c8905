/**
 * How hard the goals of a shop are, for tests of the generator.
 *
 * @module
 */

import { planWebshopPurchase } from "../../../lib/envs/webshop/expert.ts";
import type { WebshopGoal } from "../../../lib/envs/webshop/goals.ts";
import { scoreWebshopPurchase } from "../../../lib/envs/webshop/reward.ts";
import type { Webshop } from "../../../lib/envs/webshop/state.ts";

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
