/**
 * The catalog: WebShop's cleaning of raw product rows.
 *
 * @see {@link https://arxiv.org/abs/2207.01206 | Yao et al. 2022, WebShop}
 *
 * @module
 */

import { pythonFloat, pythonStrip } from "../../python_text.ts";
import { isObject } from "../../text_file.ts";

/** A human or templated wish for one product. */
export interface WebshopInstruction {
  /** The wish in words, without its price clause. */
  readonly text: string;
  /** Attributes that the wish names. */
  readonly attributes: readonly string[];
  /** Option values that the wish names; templates leave them to the product's own options. */
  readonly options: readonly string[];
}

/** One product after cleaning. */
export interface WebshopProduct {
  /** Its id, at most 10 characters. */
  readonly asin: string;
  /** Its name, unchanged. */
  readonly title: string;
  /** Text of the description page; may be empty. */
  readonly description: string;
  /** Texts of the features page. */
  readonly bullets: readonly string[];
  /** Displayed prices in dollars: one, or the two ends of a range in their own order. */
  readonly prices: readonly number[];
  /** The price as pages show it: `$12.0` or `$12.0 to $15.5`. */
  readonly priceText: string;
  /** Option names with their values, in page order. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** Picture address of option values that have one. */
  readonly optionImages: ReadonlyMap<string, string>;
  /** Mined attribute phrases; `DUMMY_ATTR` alone where none were mined. */
  readonly attributes: readonly string[];
  /** Picture address; may be empty. */
  readonly image: string;
  /** Department: beauty, electronics, garden, fashion or grocery. */
  readonly category: string;
  /** The shop search that found it, in lower case. */
  readonly query: string;
  /** Levels of its category, separated by `›`. */
  readonly productCategory: string;
  /** The templated wish for it, where there is one. */
  readonly instruction?: WebshopInstruction;
  /** Human wishes for it. */
  readonly humanInstructions: readonly WebshopInstruction[];
}

/** Counts of dropped rows and repaired fields, by reason. */
export interface WebshopCleaning {
  /** Rows read. */
  readonly rows: number;
  /** Rows left out, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Fields replaced by a default, by reason. */
  readonly mended: Readonly<Record<string, number>>;
}

/** Products in file order, findable by id. */
export interface WebshopCatalog {
  /** The products. */
  readonly products: readonly WebshopProduct[];
  /** Position of each id in `products`. */
  readonly positions: ReadonlyMap<string, number>;
  /** Counts of the cleaning. */
  readonly cleaning: WebshopCleaning;
}

/** Annotations of products besides their rows. */
export interface WebshopAnnotations {
  /** Mined attributes of a product, if it has a record. */
  readonly attributes: (asin: string) => readonly string[] | undefined;
  /** The templated wish, if there is one. */
  readonly instruction: (asin: string) => WebshopInstruction | undefined;
  /** Human wishes. */
  readonly humanInstructions: (asin: string) => readonly WebshopInstruction[];
}

/** Cleans rows one by one; `finish` gives the catalog. */
export interface WebshopCataloger {
  /** Cleans one row; a row that cannot be a product is counted and left out. */
  add(row: unknown): void;
  /** The catalog of everything added. */
  finish(): WebshopCatalog;
}

/** A product without a price. */
const MISSING_PRICE = 100;
const HIGHEST_PRICE = 1e9;
const NO_OPTIONS: ReadonlyMap<string, readonly string[]> = new Map();
const NO_IMAGES: ReadonlyMap<string, string> = new Map();
const NO_ATTRIBUTES: readonly string[] = ["DUMMY_ATTR"];

type Count = (reason: string) => void;

/**
 * Opens a cataloger: WebShop's cleaning rules, with counted repairs where the original crashes.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createWebshopCataloger } from "@hiper/lab/envs/webshop";
 *
 * const cataloger = createWebshopCataloger();
 * cataloger.add({ asin: "B000000001", name: "Lamp", pricing: "$19.99" });
 * cataloger.add({ asin: "nan", name: "No id" });
 * const { products, cleaning } = cataloger.finish();
 * strictEqual(products[0]?.priceText, "$19.99");
 * strictEqual(cleaning.dropped["asin is missing"], 1);
 * ```
 *
 * @param annotations Attributes and wishes by product id. @default {none}
 * @returns A cataloger without products.
 */
export function createWebshopCataloger(
  annotations: Partial<WebshopAnnotations> = {},
): WebshopCataloger {
  const products: WebshopProduct[] = [];
  const positions = new Map<string, number>();
  const dropped: Record<string, number> = {},
    mended: Record<string, number> = {};
  let rows = 0;
  const drop: Count = (reason) => dropped[reason] = (dropped[reason] ?? 0) + 1;
  const mend: Count = (reason) => mended[reason] = (mended[reason] ?? 0) + 1;
  return {
    add(row: unknown): void {
      rows++;
      if (!isObject(row)) return drop("row is not an object");
      const { asin } = row;
      if (typeof asin !== "string" || asin === "" || asin === "nan") {
        return drop("asin is missing");
      }
      if ([...asin].length > 10) return drop("asin is too long");
      if (positions.has(asin)) return drop("asin is a duplicate");
      positions.set(asin, products.length);
      products.push(cleanProduct(row, { asin, annotations, mend }));
    },
    finish: () => ({
      products,
      positions,
      cleaning: { rows, dropped, mended },
    }),
  };
}

/** Cleans one row whose id was accepted. */
function cleanProduct(
  row: Readonly<Record<string, unknown>>,
  context: {
    asin: string;
    annotations: Partial<WebshopAnnotations>;
    mend: Count;
  },
): WebshopProduct {
  const { asin, annotations, mend } = context;
  const text = (field: string) => {
    const value = row[field];
    if (typeof value === "string") return value;
    mend(`${field} is not text`);
    return "";
  };
  const images = row["images"];
  const image: unknown = Array.isArray(images) ? images[0] : undefined;
  if (typeof image !== "string") mend("images is empty");
  const instruction = annotations.instruction?.(asin);
  return {
    asin,
    title: text("name"),
    description: text("full_description"),
    bullets: cleanBullets(row["small_description"], mend),
    ...cleanPrices(row["pricing"], mend),
    ...cleanOptions(row["customization_options"], mend),
    attributes: annotations.attributes?.(asin) ?? NO_ATTRIBUTES,
    image: typeof image === "string" ? image : "",
    category: text("category"),
    query: pythonStrip(text("query").toLowerCase()),
    productCategory: text("product_category"),
    ...(instruction ? { instruction } : {}),
    humanInstructions: annotations.humanInstructions?.(asin) ?? [],
  };
}

/** Feature texts: a list, or one text instead of a list of one. */
function cleanBullets(value: unknown, mend: Count): readonly string[] {
  const texts = isList(value) ? value : [value];
  return texts.map((text) => {
    if (typeof text === "string") return text;
    mend("small_description is not text");
    return "";
  });
}

/** Displayed prices: one number, or the first two; 100 where there is none that can be read. */
function cleanPrices(
  value: unknown,
  mend: Count,
): Pick<WebshopProduct, "prices" | "priceText"> {
  const missing = {
    prices: [MISSING_PRICE],
    priceText: `$${pythonFloat(MISSING_PRICE)}`,
  };
  if (!value || Array.isArray(value) && value.length === 0) return missing;
  const numbers = typeof value === "string"
    ? value.split("$").slice(1).map(readAmount)
    : [];
  if (numbers.length === 0 || numbers.some(Number.isNaN)) {
    mend("pricing cannot be read");
    return missing;
  }
  const prices = numbers.slice(0, 2).map((amount) => {
    if (amount <= HIGHEST_PRICE) return amount;
    mend("pricing is too high");
    return HIGHEST_PRICE;
  });
  const priceText = prices.map((price) => `$${pythonFloat(price)}`).join(
    " to ",
  );
  return { prices, priceText };
}

/** Reads a decimal number from its digits and points alone; `NaN` unless they make one number. */
function readAmount(text: string): number {
  const digits = text.replace(/[^\p{Nd}.]/gu, "")
    .replace(/[^\0-\x7f]/gu, (digit) => String(digitValue(digit)));
  return /^(\d+\.?\d*|\.\d+)$/.test(digits) ? Number(digits) : NaN;
}

/** Value of a decimal digit of any script: digits stand in blocks of ten that begin with zero. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0)!;
  let start = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--;
  return (code - start) % 10;
}

/** Cleans an option value: `Grey/Black` becomes `grey | black`. */
export function cleanOptionValue(value: string): string {
  return pythonStrip(value).replaceAll("/", " | ").toLowerCase();
}

/** Option names and values in lower case, and the pictures of values. */
function cleanOptions(
  value: unknown,
  mend: Count,
): Pick<WebshopProduct, "options" | "optionImages"> {
  if (!isObject(value)) {
    if (value) mend("customization_options is not an object");
    return { options: NO_OPTIONS, optionImages: NO_IMAGES };
  }
  const options = new Map<string, readonly string[]>();
  const optionImages = new Map<string, string>();
  for (const [name, list] of Object.entries(value)) {
    if (!list) continue;
    const values: string[] = [];
    if (!isList(list)) {
      mend("option values are not a list");
      continue;
    }
    for (const option of list) {
      const text = isObject(option) ? option["value"] : undefined;
      const cleaned = typeof text === "string" ? cleanOptionValue(text) : "";
      if (cleaned === "") {
        mend("option without a value");
        continue;
      }
      values.push(cleaned);
      const image = isObject(option) ? option["image"] : undefined;
      if (typeof image === "string") optionImages.set(cleaned, image);
      else optionImages.delete(cleaned);
    }
    options.set(name.toLowerCase(), values);
  }
  return {
    options: options.size > 0 ? options : NO_OPTIONS,
    optionImages: optionImages.size > 0 ? optionImages : NO_IMAGES,
  };
}

/** Whether a value is a list. */
function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
