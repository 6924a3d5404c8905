/**
 * Goals to train on and goals to test on.
 *
 * Splitting by position, as WebShop and the reference trainer do, leaves most test products among the
 * training ones. The default assigns goals by hashes of what must be new: product, kind, phrase.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import type { WebshopGoal } from "./goals.ts";

/** How goals are divided. */
export const WEBSHOP_SCHEMES = ["leak-free", "webshop", "hiper"] as const;

/** How goals are divided: by hashes, or by position as others do. */
export type WebshopScheme = typeof WEBSHOP_SCHEMES[number];

/** Names of the parts; the last three exist in the leak-free scheme alone. */
export const WEBSHOP_SPLITS = [
  "train",
  "validation",
  "test",
  "unseen-product",
  "unseen-leaf",
  "unseen-phrase",
] as const;

/** Name of a part. */
export type WebshopSplit = typeof WEBSHOP_SPLITS[number];

/** Positions of the goals of each part, in increasing order. */
export type WebshopSplitting = Readonly<
  Record<WebshopSplit, readonly number[]>
>;

/** Share of products, kinds, phrases and goals that are held out. */
const HELD_OUT = 0.1;

/**
 * Divides goals.
 *
 * Leak-free: `validation` holds new wishes for training products, `unseen-product` products that
 * are never trained on, `unseen-leaf` kinds of product that are never trained on, `unseen-phrase`
 * attributes that are never trained on; `test` mixes unseen products and kinds half and half. By
 * position: `test` 500, `validation` 1000 and the rest (`webshop`; tenths of short lists), or 500
 * that serve as `validation` and `test`, and the rest (`hiper`).
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { splitWebshopGoals } from "@hiper/lab/envs/webshop";
 *
 * const goal = {
 *   asin: "B000000001",
 *   category: "garden",
 *   query: "mirrors",
 *   name: "Wall Mirror",
 *   productCategory: "Home",
 *   instruction: "a mirror",
 *   attributes: ["wood frame"],
 *   priceUpper: 50,
 *   options: [],
 *   weight: 1,
 * };
 * const goals = Array.from({ length: 700 }, () => goal);
 * deepStrictEqual(splitWebshopGoals(goals, "hiper").train.length, 200);
 * ```
 *
 * @param goals Goals in canonical order.
 * @param scheme How to divide them. @default {"leak-free"}
 * @returns Positions by part.
 */
export function splitWebshopGoals(
  goals: readonly WebshopGoal[],
  scheme: WebshopScheme = "leak-free",
): WebshopSplitting {
  if (scheme === "leak-free") return splitByHash(goals);
  const count = goals.length;
  const range = (start: number, end: number) =>
    Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
  const none = {
    "unseen-product": [],
    "unseen-leaf": [],
    "unseen-phrase": [],
  };
  if (scheme === "hiper") {
    const end = Math.min(500, count);
    return {
      ...none,
      train: range(end, count),
      validation: range(0, end),
      test: range(0, end),
    };
  }
  const tenth = Math.floor(count / 10);
  const test = count >= 3000 ? 500 : tenth;
  const validation = count >= 3000 ? 1500 : 2 * tenth;
  return {
    ...none,
    train: range(validation, count),
    validation: range(test, validation),
    test: range(0, test),
  };
}

/** Divides goals by hashes of their keys; the same key is always held out or never. */
function splitByHash(goals: readonly WebshopGoal[]): WebshopSplitting {
  const parts: Record<WebshopSplit, number[]> = {
    train: [],
    validation: [],
    test: [],
    "unseen-product": [],
    "unseen-leaf": [],
    "unseen-phrase": [],
  };
  const known = new Map<string, boolean>();
  const isHeldOut = (kind: string, key: string) => {
    const name = `${kind}/${key}`;
    let held = known.get(name);
    if (held === undefined) {
      held = createRandom(0).fork("split", kind, key).uniform() < HELD_OUT;
      known.set(name, held);
    }
    return held;
  };
  for (const [i, goal] of goals.entries()) {
    const { asin, query, attributes, options } = goal;
    const wish = JSON.stringify([asin, attributes, options]);
    const part = isHeldOut("leaf", query)
      ? "unseen-leaf"
      : isHeldOut("product", asin)
      ? "unseen-product"
      : attributes.some((phrase) => isHeldOut("phrase", phrase))
      ? "unseen-phrase"
      : isHeldOut("wish", wish)
      ? "validation"
      : "train";
    parts[part].push(i);
  }
  const half = Math.min(
    parts["unseen-product"].length,
    parts["unseen-leaf"].length,
  );
  parts.test = [
    ...parts["unseen-product"].slice(0, half),
    ...parts["unseen-leaf"].slice(0, half),
  ].sort((a, b) => a - b);
  return parts;
}
