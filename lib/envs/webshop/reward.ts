/**
 * The score of a purchase: `type · (attributes + options + price) / (wanted + 1)`.
 *
 * The type factor compares queries, categories and title nouns; the sum counts the wanted attributes
 * and options that the purchase has, and whether its price keeps the bound.
 *
 * @see {@link https://arxiv.org/abs/2207.01206 | Yao et al. 2022, WebShop}, section 3.2
 *
 * @module
 */

import { pythonRepr, pythonStrip } from "../../python_text.ts";
import { areAlike } from "./parity/token_set_ratio.ts";
import type { WebshopProduct } from "./catalog.ts";
import type { WebshopGoal, WebshopGoalOption } from "./goals.ts";
import { type NounTagger, titleNouns } from "./nouns.ts";

/** Phrases count as the same above this similarity. */
const ALIKE = 85;

/** The base colors in the order in which they are looked for. */
export const WEBSHOP_COLORS: readonly string[] =
  `alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown
  burgundy camel camo caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac
  copper coral cranberry cream crystal dark denim eggplant elephant espresso fuchsia gold granite
  grape graphite grass gray green grey heather indigo ivory ivy khaki lavender lemon leopard light
  lilac lime magenta maroon mauve merlot midnight mint mocha multicolor mushroom mustard natural
  navy nude olive orange peach pewter pink plum purple rainbow red rose royal rust sand sapphire
  seashell silver skull slate steel stone stonewash sunflower tan taupe teal tiger turquoise violet
  walnut wheat white wine yellow`.split(/\s+/);

/** A purchase. */
export interface WebshopPurchase {
  /** The product. */
  readonly product: Pick<
    WebshopProduct,
    | "title"
    | "query"
    | "productCategory"
    | "attributes"
    | "bullets"
    | "description"
  >;
  /** Its effective price in dollars. */
  readonly price: number;
  /** Option values chosen. */
  readonly options: readonly string[];
}

/** How well two products are of one type. */
export interface WebshopTypeScore {
  /** Factor of the whole score: 1, 0.5, 0.1 or 0. */
  readonly factor: number;
  /** Whether the same shop search found both. */
  readonly queryMatch: boolean;
  /** Whether they share two levels of category. */
  readonly categoryMatch: boolean;
  /** Share of the goal's title nouns that the purchase's title has. */
  readonly titleScore: number;
}

/** The score of a purchase and its parts. */
export interface WebshopScore {
  /** The score, in `[0, 1]`; exactly 1 means won. */
  readonly total: number;
  /** Type factor and its reasons. */
  readonly type: WebshopTypeScore;
  /** Wanted attributes that the purchase has. */
  readonly attributes: number;
  /** Wanted options that were chosen. */
  readonly options: number;
  /** Whether the price keeps the bound. */
  readonly price: boolean;
}

/** Settings of {@linkcode scoreWebshopPurchase}. */
export interface WebshopScoring {
  /** Finds title nouns. @default {titleNouns} */
  nouns?: NounTagger;
  /**
   * How options are compared: as upstream, where 7 % of templated goals cannot be satisfied, or by
   * value on both sides.
   *
   * @default {"upstream"}
   */
  optionRule?: "upstream" | "fixed";
}

/**
 * Scores a purchase against a goal.
 *
 * @param purchase The purchase.
 * @param goal The goal.
 * @param scoring Noun tagger and option rule.
 * @returns The score and its parts.
 */
export function scoreWebshopPurchase(
  purchase: WebshopPurchase,
  goal: Pick<
    WebshopGoal,
    | "query"
    | "productCategory"
    | "name"
    | "attributes"
    | "options"
    | "priceUpper"
  >,
  scoring: WebshopScoring = {},
): WebshopScore {
  const { nouns = titleNouns, optionRule = "upstream" } = scoring;
  const type = scoreWebshopType(purchase.product, goal, nouns);
  const attributes = countWebshopAttributes(purchase.product, goal.attributes);
  const options = countWebshopOptions(
    purchase.options.map(normalizeWebshopColor),
    goal.options.map((option) => goalOptionText(option, optionRule)),
  );
  const price = purchase.price <= goal.priceUpper;
  const wanted = goal.attributes.length + goal.options.length + 1;
  const met = attributes + options + (price ? 1 : 0);
  return {
    total: met / wanted * type.factor,
    type,
    attributes,
    options,
    price,
  };
}

/** Compares two products' types; `goal.name` is a product title. */
export function scoreWebshopType(
  product: Pick<WebshopProduct, "title" | "query" | "productCategory">,
  goal: Pick<WebshopGoal, "name" | "query" | "productCategory">,
  nouns: NounTagger,
): WebshopTypeScore {
  const queryMatch = product.query === goal.query;
  const categoryMatch =
    levels(product.productCategory).intersection(levels(goal.productCategory))
      .size >= 2;
  const wanted = nouns(goal.name);
  const shared = new Set(wanted).intersection(new Set(nouns(product.title)));
  const titleScore = wanted.length === 0 ? 0.2 : shared.size / wanted.length;
  const factor = webshopTypeFactor({ queryMatch, categoryMatch, titleScore });
  return { factor, queryMatch, categoryMatch, titleScore };
}

/** The levels of a category path. */
function levels(productCategory: string): Set<string> {
  return new Set(productCategory.split("›").map(pythonStrip));
}

/**
 * The factor of a type comparison, 1, 0.5, 0.1 or 0; a title too different overrides the matches.
 */
export function webshopTypeFactor(
  match: Omit<WebshopTypeScore, "factor">,
): number {
  const { queryMatch, categoryMatch, titleScore } = match;
  if (titleScore === 0) return 0;
  if (titleScore < 0.1) return 0.1;
  return queryMatch || categoryMatch || titleScore > 0.2 ? 1 : 0.5;
}

/** Counts the wanted attributes that a product has, mined or literally in its texts. */
export function countWebshopAttributes(
  product: Pick<
    WebshopProduct,
    "attributes" | "title" | "bullets" | "description"
  >,
  wanted: readonly string[],
): number {
  return wanted.filter((phrase) =>
    product.attributes.some((mined) => areAlike(mined, phrase, ALIKE)) ||
    product.title.toLowerCase().includes(phrase) ||
    product.bullets.join(" ").toLowerCase().includes(phrase) ||
    product.description.toLowerCase().includes(phrase)
  ).length;
}

/**
 * Counts the wanted options among the chosen ones, both after color normalization; one chosen value
 * may satisfy several.
 */
export function countWebshopOptions(
  chosen: readonly string[],
  wanted: readonly string[],
): number {
  return wanted.filter((goal) =>
    chosen.some((value) => areAlike(value, goal, ALIKE))
  ).length;
}

/**
 * Reduces a text to the first base color that it contains, or leaves it as it is.
 *
 * Applied to every option, sizes and flavors included, and by letters rather than words:
 * `"fashion"` contains `"ash"`.
 */
export function normalizeWebshopColor(text: string): string {
  return WEBSHOP_COLORS.find((color) => text.includes(color)) ?? text;
}

/** The text that a wanted option is compared as. */
function goalOptionText(
  option: WebshopGoalOption,
  rule: "upstream" | "fixed",
): string {
  const { name, value } = option;
  if (name === undefined || rule === "fixed") {
    return normalizeWebshopColor(value);
  }
  // Upstream normalizes the pair: a color counts only if it is the whole name or value.
  return WEBSHOP_COLORS.find((color) => color === name || color === value) ??
    webshopPairText(name, value);
}

/**
 * A templated goal's option as upstream compares it, a Python tuple as text: `('color', 'dark
 * green')`.
 */
export function webshopPairText(name: string, value: string): string {
  return `(${pythonRepr(name)}, ${pythonRepr(value)})`;
}
