/**
 * The shop's search box: ranked words, and the four queries that WebShop reserves.
 *
 * @module
 */

import type { Random } from "../../../random.ts";
import { type Bm25Index, createBm25Index } from "./bm25.ts";
import { pythonStrip } from "../../../python_text.ts";
import { createWebshopAnalyzer } from "./analyzer.ts";
import type { WebshopCatalog, WebshopProduct } from "../catalog.ts";

/** Hits of a ranked search, and of `<r>`. */
const WEBSHOP_MOST_HITS = 50;
/** Hits of one results page. */
export const WEBSHOP_PAGE_SIZE = 10;
/** Longer queries are cut. */
const LONGEST_QUERY = 1024;

/** Finds products. */
export interface WebshopSearch {
  /** The index behind ranked searches. */
  readonly index: Bm25Index;
  /**
   * Finds products in page order.
   *
   * @param keywords The query cut at single spaces.
   * @param random Decides what `<r>` shows; without it reserved queries are ordinary words.
   * @returns Positions in the catalog. Shape `(hits,)`.
   */
  find(keywords: readonly string[], random?: Random): Int32Array;
}

/** The indexed text of a product in lower case: title, description, first feature, options. */
function webshopDocument(product: WebshopProduct): string {
  const options = Array.from(
    product.options,
    ([name, values]) => `${name}: ${values.join(", ")}`,
  ).join(", and ");
  const { title, description, bullets } = product;
  return `${title} ${description} ${bullets[0] ?? ""} ${options}`
    .toLowerCase();
}

/** Indexes a catalog for search. */
export function createWebshopSearch(catalog: WebshopCatalog): WebshopSearch {
  const { products } = catalog;
  const analyzer = createWebshopAnalyzer();
  const index = createBm25Index(
    products.values().map((product) => ({
      id: product.asin,
      terms: analyzer.terms(webshopDocument(product)),
    })),
  );
  const where = (matches: (product: WebshopProduct) => boolean) =>
    Int32Array.from(
      products.keys().filter((position) => matches(products[position]!)),
    );
  /** What a reserved query finds; nothing if the query is ordinary. */
  function reserved(
    keywords: readonly string[],
    random: Random,
  ): Int32Array | undefined {
    const rest = pythonStrip(keywords.slice(1).join(" "));
    switch (keywords[0]) {
      case "<r>":
        return sample(products.length, random);
      case "<a>":
        return where((product) => product.attributes.includes(rest));
      case "<c>": {
        if (keywords.length < 2) return new Int32Array(0); // upstream crashes
        const category = pythonStrip(keywords[1]!);
        return where((product) => product.category === category);
      }
      case "<q>":
        return where((product) => product.query === rest);
      default:
        return undefined;
    }
  }
  return {
    index,
    find(keywords: readonly string[], random?: Random): Int32Array {
      const found = random && reserved(keywords, random);
      if (found) return found;
      const query = keywords.join(" ").slice(0, LONGEST_QUERY);
      const terms = analyzer.terms(query);
      return index.search(terms, WEBSHOP_MOST_HITS).documents;
    },
  };
}

/** Draws distinct positions. */
function sample(count: number, random: Random): Int32Array {
  const drawn = new Set<number>();
  const size = Math.min(WEBSHOP_MOST_HITS, count);
  while (drawn.size < size) drawn.add(random.integer(count));
  return Int32Array.from(drawn);
}
