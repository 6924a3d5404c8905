/**
 * Products, goals and scores in the words of the recordings of the original reward.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import type { WebshopGoalOption } from "../../../lib/envs/webshop/goals.ts";
import { titleNouns } from "../../../lib/envs/webshop/nouns.ts";
import {
  scoreWebshopPurchase,
  scoreWebshopType,
} from "../../../lib/envs/webshop/reward.ts";

/** A product in the words of the recordings. */
export interface RecordedProduct {
  readonly name: string;
  readonly query: string;
  readonly product_category: string;
  readonly Title?: string;
  readonly Description?: string;
  readonly BulletPoints?: string | readonly string[];
  readonly Attributes?: readonly string[];
}

/** A product of the recordings. */
export function productOf(recorded: RecordedProduct) {
  const bullets = recorded.BulletPoints ?? [];
  return {
    title: recorded.name,
    query: recorded.query,
    productCategory: recorded.product_category,
    attributes: recorded.Attributes ?? [],
    // Where the original was given one text, it joined its characters by spaces.
    bullets: typeof bullets === "string" ? [...bullets] : bullets,
    description: recorded.Description ?? "",
  };
}

/** A goal in the words of the recordings. */
export interface RecordedGoal extends RecordedProduct {
  readonly attributes: readonly string[];
  readonly price_upper: number;
  readonly goal_options: readonly string[] | Readonly<Record<string, string>>;
}

/** A goal of the recordings. */
function goalOf(recorded: RecordedGoal) {
  const { goal_options: wanted } = recorded;
  const options: WebshopGoalOption[] = isTexts(wanted)
    ? wanted.map((value) => ({ value }))
    : Object.entries(wanted).map(([name, value]) => ({ name, value }));
  return {
    name: recorded.name,
    query: recorded.query,
    productCategory: recorded.product_category,
    attributes: recorded.attributes,
    priceUpper: recorded.price_upper,
    options,
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

/** Scores a recorded purchase and names the parts as the original does. */
export function recordedScore(
  purchase: { purchased: RecordedProduct; price: number },
  goal: RecordedGoal,
  options: Readonly<Record<string, string>>,
) {
  const wanted = goalOf(goal);
  const { name, Title = name } = purchase.purchased;
  const score = scoreWebshopPurchase(
    {
      product: { ...productOf(purchase.purchased), title: Title },
      price: purchase.price,
      options: Object.values(options),
    },
    wanted,
    // The original compares the nouns of names, and looks for attributes in titles.
    { nouns: (title) => titleNouns(title === Title ? name : title) },
  );
  const parts = wanted.attributes.length + wanted.options.length + 1;
  return {
    reward: score.total,
    r_type: score.type.factor,
    query_match: score.type.queryMatch,
    category_match: score.type.categoryMatch,
    title_score: score.type.titleScore,
    r_att: score.attributes / wanted.attributes.length,
    w_att: wanted.attributes.length / parts,
    r_price: score.price,
    w_price: 1 / parts,
    ...(wanted.options.length > 0
      ? {
        r_option: score.options / wanted.options.length,
        w_option: wanted.options.length / parts,
      }
      : {}),
  };
}

/** Asserts what a recording expects: numbers within a tolerance, the rest exactly. */
export function assertRecorded(
  actual: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
  where: string,
): void {
  for (const [field, wanted] of Object.entries(expected)) {
    const value = actual[field], what = `${where} ${field}: ${value}`;
    if (typeof wanted === "number") {
      ok(Math.abs(Number(value) - wanted) <= 1e-9, `${what}, not ${wanted}`);
    } else if (typeof wanted === "object" && wanted !== null) {
      const bound: unknown = Reflect.get(wanted, "less_than");
      if (typeof bound === "number") ok(Number(value) < bound, what);
      else {
        const off = Math.abs(
          Number(value) - Number(Reflect.get(wanted, "value")),
        );
        ok(off <= Number(Reflect.get(wanted, "abs_tol")), what);
      }
    } else strictEqual(value, wanted, what);
  }
}

/** A type comparison with the names of the original. */
export function recordedType(
  purchased: RecordedProduct,
  goal: RecordedProduct,
) {
  const type = scoreWebshopType(productOf(purchased), {
    name: goal.name,
    query: goal.query,
    productCategory: goal.product_category,
  }, titleNouns);
  return {
    r_type: type.factor,
    query_match: type.queryMatch,
    category_match: type.categoryMatch,
    title_score: type.titleScore,
  };
}
