/**
 * The expert: plans the purchase of a goal's own product with full knowledge, for warm starts and to
 * check that a goal is winnable.
 *
 * @module
 */

import type { Hint } from "../text_env.ts";
import { areAlike } from "./parity/token_set_ratio.ts";
import type { WebshopProduct } from "./catalog.ts";
import type { WebshopGoal, WebshopGoalOption } from "./goals.ts";
import { proposeWebshopQueries, webshopSubgoal } from "./subgoals.ts";
import { scoreWebshopPurchase } from "./reward.ts";
import { pageHits, type Webshop, type WebshopState } from "./state.ts";

/** A purchase of a goal's own product. */
export interface WebshopPlan {
  /** The search that ranks the product best, of those proposed. */
  readonly query: string;
  /** Rank of the product, from 1. */
  readonly rank: number;
  /** Position of the product. */
  readonly product: number;
  /** Options to choose, by name. */
  readonly options: ReadonlyMap<string, string>;
  /** Score of the purchase. */
  readonly score: number;
}

/**
 * Plans the purchase of a goal's own product.
 *
 * @param shop The shop.
 * @param goal The goal.
 * @param queries How many searches to consider. @default {4}
 * @returns The plan; undefined if no proposed search finds the product.
 */
export function planWebshopPurchase(
  shop: Webshop,
  goal: WebshopGoal,
  queries = 4,
): WebshopPlan | undefined {
  const product = shop.catalog.positions.get(goal.asin);
  if (product === undefined) return undefined;
  let best: { query: string; rank: number } | undefined;
  for (const query of proposeWebshopQueries(goal.instruction, queries)) {
    const rank = 1 + shop.search.find(query.split(" ")).indexOf(product);
    if (rank > 0 && rank < (best?.rank ?? Infinity)) best = { query, rank };
    if (rank === 1) break;
  }
  if (!best) return undefined;
  const options = matchOptions(shop.products[product]!, goal.options);
  const { total } = scoreWebshopPurchase(
    {
      product: shop.products[product]!,
      price: shop.prices[product]!,
      options: [...options.values()],
    },
    goal,
    shop.scoring,
  );
  return { ...best, product, options, score: total };
}

/** The product's values closest to the wanted ones; wanted options without a close value are left out. */
function matchOptions(
  product: WebshopProduct,
  wanted: readonly WebshopGoalOption[],
): Map<string, string> {
  const chosen = new Map<string, string>();
  for (const { name, value } of wanted) {
    const groups = [...product.options]
      .filter(([group]) => !chosen.has(group))
      .sort(([a], [b]) => Number(b === name) - Number(a === name));
    const exact = groups.find(([, values]) => values.includes(value));
    if (exact) {
      chosen.set(exact[0], value);
      continue;
    }
    for (const [group, values] of groups) {
      const close = values.find((other) => areAlike(other, value, 85));
      if (close === undefined) continue;
      chosen.set(group, close);
      break;
    }
  }
  return chosen;
}

/**
 * The next subgoal and action of the expert.
 *
 * @param shop The shop.
 * @param state The current state.
 * @param plan The plan of the episode's goal.
 * @returns A subgoal among the proposed ones, and an admissible action.
 */
export function adviseWebshop(
  shop: Webshop,
  state: WebshopState,
  plan: WebshopPlan,
): Hint {
  switch (state.page) {
    case "index":
      return {
        subgoal: webshopSubgoal.search(plan.query),
        action: `search[${plan.query}]`,
      };
    case "results": {
      const { asin } = shop.products[plan.product]!;
      const place = state.hits.indexOf(plan.product);
      if (pageHits(state).includes(plan.product)) {
        const link = asin.toLowerCase();
        return {
          subgoal: webshopSubgoal.openItem(link),
          action: `click[${link}]`,
        };
      }
      const ahead = place >= state.pageNumber * 10;
      return ahead
        ? { subgoal: webshopSubgoal.lookFurther(), action: "click[next >]" }
        : {
          subgoal: webshopSubgoal.startOver(),
          action: "click[back to search]",
        };
    }
    case "item": {
      if (state.product !== plan.product) {
        return { subgoal: webshopSubgoal.goBack(), action: "click[< prev]" };
      }
      for (const [name, value] of plan.options) {
        if (state.options.get(name) !== value) {
          return {
            subgoal: webshopSubgoal.chooseOptions(),
            action: `click[${value}]`,
          };
        }
      }
      return { subgoal: webshopSubgoal.purchase(), action: "click[buy now]" };
    }
    default:
      return { subgoal: webshopSubgoal.goBack(), action: "click[< prev]" };
  }
}
