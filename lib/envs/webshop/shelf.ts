/**
 * A shop made of its settings, with its goals divided.
 *
 * @module
 */

import { readWebshopCatalog, readWebshopNouns } from "./loader.ts";
import { createWebshop, type Webshop } from "./session.ts";
import type { ShopSettings } from "./settings.ts";
import { splitWebshopGoals, type WebshopSplitting } from "./splits.ts";
import { generateWebshop } from "./world.ts";
import { present } from "../../settings.ts";

/** A shop with its goals divided. */
export interface StockedWebshop {
  /** The shop. */
  readonly shop: Webshop;
  /** Positions of its goals by part. */
  readonly splits: WebshopSplitting;
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
  const given = present(rules);
  const divide = (shop: Webshop) => ({
    shop,
    splits: splitWebshopGoals(shop.goals, splits),
  });
  if ("folder" in catalog) {
    const kind = goals ?? "synthetic";
    const files = present(catalog);
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
      ...present(generated),
      difficulty: present(difficulty ?? {}),
    },
    { kind: goals ?? "human", ...given, ...present({ rank, mostGoals }) },
  ));
}
