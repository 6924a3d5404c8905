/**
 * WebShop's base colors, and the code of a receipt.
 *
 * @module
 */

import { createHash } from "node:crypto";

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

/**
 * Reduces a text to the first base color that it contains, or leaves it as it is.
 *
 * Applied to every option, sizes and flavors included, and by letters rather than words:
 * `"fashion"` contains `"ash"`.
 */
export function normalizeWebshopColor(text: string): string {
  return WEBSHOP_COLORS.find((color) => text.includes(color)) ?? text;
}

/**
 * The code of a receipt on WebShop's site: ten hexadecimal digits of the session id's SHA-1, in
 * upper case.
 */
export function webshopReceiptCode(session: string): string {
  return createHash("sha1").update(session).digest("hex").slice(0, 10)
    .toUpperCase();
}
