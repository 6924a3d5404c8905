/**
 * Shops that are kept while they are in use.
 *
 * @module
 */

import { readWebshopCatalog, readWebshopNouns } from "./loader.ts";
import { createWebshop, type Webshop } from "./session.ts";
import { type ShopSettings, withoutAbsent } from "./settings.ts";
import { splitWebshopGoals, type WebshopSplitting } from "./splits.ts";
import { generateWebshop } from "./world.ts";

/** A shop with its goals divided. */
export interface StockedWebshop {
  /** The shop. */
  readonly shop: Webshop;
  /** Positions of its goals by part. */
  readonly splits: WebshopSplitting;
}

/**
 * Shops by the settings that decide them, the ones used last.
 *
 * Opening an episode must cost nothing while making a shop costs seconds. What is kept is a pure
 * function of its settings, so keeping it changes no result; whoever opens worlds owns the shelf.
 */
export class WebshopShelf {
  readonly #shops = new Map<
    string,
    StockedWebshop | Promise<StockedWebshop>
  >();
  readonly #limit: number;

  /** Keeps at most `limit` shops. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Finds a shop or makes it; one that cannot be made is not kept. */
  get(settings: ShopSettings): StockedWebshop | Promise<StockedWebshop> {
    const key = JSON.stringify(settings);
    const kept = this.#shops.get(key);
    this.#shops.delete(key);
    const stocked = kept ?? stockWebshop(settings);
    this.#shops.set(key, stocked);
    if (stocked instanceof Promise) {
      stocked.then(
        (shop) => {
          if (this.#shops.has(key)) this.#shops.set(key, shop);
        },
        () => this.#shops.delete(key),
      );
    }
    for (const oldest of this.#shops.keys()) {
      if (this.#shops.size <= this.#limit) break;
      this.#shops.delete(oldest);
    }
    return stocked;
  }
}

/** Makes a shop: at once if it is generated, later if it is read from files. */
export function stockWebshop(
  settings: ShopSettings,
): StockedWebshop | Promise<StockedWebshop> {
  const {
    catalog = { size: 1000 },
    goals,
    splits = "leak-free",
    ...rules
  } = settings;
  const given = withoutAbsent(rules);
  const divide = (shop: Webshop) => ({
    shop,
    splits: splitWebshopGoals(shop.goals, splits),
  });
  if ("folder" in catalog) {
    const kind = goals ?? "synthetic";
    const files = withoutAbsent(catalog);
    return Promise.all([readWebshopCatalog(files), readWebshopNouns(files)])
      .then(([products, nouns]) =>
        divide(createWebshop(products, {
          kind,
          ...given,
          ...(nouns ? { nouns } : {}),
        }))
      );
  }
  const { rank, mostGoals, difficulty, ...generated } = catalog;
  return divide(generateWebshop(
    {
      ...withoutAbsent(generated),
      difficulty: withoutAbsent(difficulty ?? {}),
    },
    { kind: goals ?? "human", ...given, ...withoutAbsent({ rank, mostGoals }) },
  ));
}
