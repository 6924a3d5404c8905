/**
 * Shopping goals: wishes with price bounds, in canonical order, with weights.
 *
 * @see {@link https://arxiv.org/abs/2207.01206 | Yao et al. 2022, WebShop}
 *
 * @module
 */

import type { PythonRandom } from "./parity/python_random.ts";
import { createPythonRandom } from "./parity/python_random.ts";
import { compareCodePoints } from "../../python_text.ts";
import type { WebshopCatalog, WebshopProduct } from "./catalog.ts";

/** One option that a goal asks for; human goals have only the value. */
export interface WebshopGoalOption {
  /** Name of the option. */
  readonly name?: string;
  /** Wanted value. */
  readonly value: string;
}

/** A shopping goal. */
export interface WebshopGoal {
  /** The product that the wish was made for; others may satisfy it too. */
  readonly asin: string;
  /** Department of that product. */
  readonly category: string;
  /** Shop search of that product. */
  readonly query: string;
  /** Title of that product. */
  readonly name: string;
  /** Category levels of that product. */
  readonly productCategory: string;
  /** The wish, price clause included. */
  readonly instruction: string;
  /** Attributes wanted; never empty. */
  readonly attributes: readonly string[];
  /** Highest price in dollars. */
  readonly priceUpper: number;
  /** Options wanted. */
  readonly options: readonly WebshopGoalOption[];
  /** Share in weighted sampling. */
  readonly weight: number;
}

/** The bound of a goal without a price clause. */
const NO_BOUND = 1_000_000;

/**
 * Draws effective prices in dollars: single prices stay, ranges are sampled with one draw each.
 * Shape `(products,)`.
 */
export function drawWebshopPrices(
  catalog: WebshopCatalog,
  random: PythonRandom,
): Float64Array {
  return Float64Array.from(catalog.products, ({ prices }) => {
    const [first, second] = prices;
    return second === undefined ? first! : random.between(first!, second);
  });
}

/** Options of {@linkcode listWebshopGoals}. */
export interface WebshopGoalOptions {
  /** Human or templated wishes. */
  kind: "human" | "synthetic";
  /** Seed of price draws and price bounds. @default {233} */
  priceSeed?: number;
  /** Seed of the order. @default {233} */
  shuffleSeed?: number;
  /** Largest number of option combinations of one product. @default {10_000} */
  maxCombinations?: number;
}

/** Goals in their canonical order, and the prices they were made against. */
export interface WebshopGoalList {
  /** Goals in shuffled order; the index is WebShop's session number. */
  readonly goals: readonly WebshopGoal[];
  /** Effective price of each product in dollars. Shape `(products,)`. */
  readonly prices: Float64Array;
}

/**
 * Lists the goals of a catalog as WebShop does: prices, bounds, then a seeded shuffle.
 *
 * With both seeds equal to a worker's seed this is the reference trainer's list for that worker.
 *
 * @param catalog The products.
 * @param options Kind of goals and seeds.
 * @returns Goals in order, and effective prices.
 */
export function listWebshopGoals(
  catalog: WebshopCatalog,
  options: WebshopGoalOptions,
): WebshopGoalList {
  const { kind, priceSeed = 233, shuffleSeed = 233, maxCombinations = 10_000 } =
    options;
  const random = createPythonRandom(priceSeed);
  const prices = drawWebshopPrices(catalog, random);
  const goals = catalog.products.flatMap((product, i) => {
    const bound = () => drawBound(prices[i]!, random);
    return kind === "human"
      ? humanGoals(product, bound)
      : syntheticGoals(product, { bound, maxCombinations });
  });
  const weighted = kind === "human" ? goals : weighGoals(goals);
  createPythonRandom(shuffleSeed).shuffle(weighted);
  return { goals: weighted, prices };
}

/** A price bound and the clause that states it. */
interface Bound {
  readonly priceUpper: number;
  readonly clause: string;
}

/** Draws a bound among the next four multiples of ten: the larger of two of them. */
function drawBound(price: number, random: PythonRandom): Bound {
  const candidates: number[] = [];
  for (let bound = 10; bound < 1000 && candidates.length < 4; bound += 10) {
    if (bound > price) candidates.push(bound);
  }
  if (candidates.length < 2) return { priceUpper: NO_BOUND, clause: "" };
  const priceUpper = Math.max(...random.sample(candidates, 2));
  const clause = `, and price lower than ${priceUpper.toFixed(2)} dollars`;
  return { priceUpper, clause };
}

/** What a goal takes over from its product. */
function goalOf(product: WebshopProduct) {
  const { asin, category, query, title, productCategory } = product;
  return { asin, category, query, name: title, productCategory };
}

/** One goal for each wish that names attributes. */
function humanGoals(
  product: WebshopProduct,
  bound: () => Bound,
): WebshopGoal[] {
  return product.humanInstructions
    .filter(({ attributes }) => attributes.length > 0)
    .map(({ text, attributes, options }) => {
      const { priceUpper, clause } = bound();
      return {
        ...goalOf(product),
        instruction: text.replace(/^\.+|\.+$/g, "") + clause,
        attributes,
        priceUpper,
        options: options.map((value) => ({ value })),
        weight: 1,
      };
    });
}

/** One goal for each combination of option values, all under one bound. */
function syntheticGoals(
  product: WebshopProduct,
  context: { bound: () => Bound; maxCombinations: number },
): WebshopGoal[] {
  if (!product.instruction) return [];
  const { text, attributes } = product.instruction;
  const { priceUpper, clause } = context.bound();
  if (attributes.length === 0) return [];
  const groups = [...product.options]
    .sort(([a], [b]) => compareCodePoints(a, b));
  return combinations(groups, context.maxCombinations).map((options) => {
    const wanted = options.map(({ name, value }) => `${name}: ${value}`);
    const clauseOfOptions = wanted.length > 0
      ? ` with ${wanted.join(", and ")}`
      : "";
    return {
      ...goalOf(product),
      instruction: text + clauseOfOptions + clause,
      attributes,
      priceUpper,
      options,
      weight: 1,
    };
  });
}

/** Every way to pick one value of each group, the last group varying fastest. */
function combinations(
  groups: readonly (readonly [string, readonly string[]])[],
  limit: number,
): { name: string; value: string }[][] {
  let all: { name: string; value: string }[][] = [[]];
  for (const [name, values] of groups) {
    all = all.slice(0, limit).flatMap((chosen) =>
      values.map((value) => [...chosen, { name, value }])
    );
  }
  return all.slice(0, limit);
}

/** Weighs each goal by the mean rarity of its attributes. */
function weighGoals(goals: readonly WebshopGoal[]): WebshopGoal[] {
  const counts = new Map<string, number>();
  for (const { attributes } of goals) {
    for (const attribute of attributes) {
      counts.set(attribute, (counts.get(attribute) ?? 0) + 1);
    }
  }
  return goals.map((goal) => {
    let rarity = 0;
    for (const attribute of goal.attributes) {
      rarity += 1 / counts.get(attribute)!;
    }
    return { ...goal, weight: rarity / goal.attributes.length };
  });
}

/**
 * Picks a goal by weight.
 *
 * WebShop's own rule is off by one: goal `j` is drawn with the weight of goal `j - 1`, the first
 * goal never. It is kept behind `offByOne` for comparisons.
 *
 * @param weights Weights of the goals. Shape `(goals,)`.
 * @param uniform One draw from `[0, 1)`.
 * @param options Which rule. @default {`{ offByOne: false }`}
 * @returns An index.
 * @throws {RangeError} If there are no goals.
 */
export function pickWebshopGoal(
  weights: readonly number[],
  uniform: number,
  options: { offByOne?: boolean } = {},
): number {
  const last = weights.length - 1;
  if (last < 0) {
    throw new RangeError("Cannot pick a goal as there are none");
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const position = uniform * total;
  // WebShop's list of sums begins with a zero of its own.
  let entries = options.offByOne && position >= 0 ? 1 : 0;
  let sum = 0;
  for (const weight of weights) {
    sum += weight;
    if (sum <= position) entries++;
    else break;
  }
  return Math.min(entries, last);
}
