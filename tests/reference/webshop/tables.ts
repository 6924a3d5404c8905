/**
 * WebShop's tables of colors and sizes, which no reward reads.
 *
 * @module
 */

import { WEBSHOP_COLORS } from "../../../lib/envs/webshop/reward.ts";

const SIZES: readonly RegExp[] = [
  ...[
    "xx-large",
    "3x-large",
    "4x-large",
    "5x-large",
    "x-large",
    "x-small",
    "medium",
    "large",
    "small",
    "queen",
    "twin",
    "full",
    "king",
    "one size",
    "pack",
  ].map((size) => new RegExp(size)),
  /(.*)neck(.*)sleeve/,
  /(.*) women \| (.*) men/,
  /(.*)w x(.*)l/,
  /(.*)w by (.*)l/,
  /(.*)w x(.*)h/,
  /(.*)wide/,
  /(.*)x-wide/,
  /(.*)narrow/,
  /(.*)petite/,
  /(.*)inch/,
  /(.*)plus/,
  /(.*)mm/,
  /women(.*)/,
  /(.*)x(.*)/,
  /(.*)ft/,
  /(.*)feet/,
  /(.*)meter/,
  /(.*)yards/,
  /(.*)\*(.*)/,
  /(.*)\-(.*)/,
  /(\d+)"$/,
  /(\d+)f$/,
  /(\d+)m$/,
  /(\d+)cm$/,
  /(\d+)g$/,
];

/**
 * Names the base color of a value, for tables of a catalog.
 *
 * @param value A color option.
 * @returns A base color, `N.A.`'s or an unknown color's `not_matched`.
 */
export function classifyWebshopColor(value: string): string {
  const lower = value.toLowerCase();
  return WEBSHOP_COLORS.find((color) => lower.includes(color)) ??
    "not_matched";
}

/**
 * Names the pattern of a size, for tables of a catalog.
 *
 * @param value A size option.
 * @returns The first pattern found, `numeric_size`, or `not_matched`.
 */
export function classifyWebshopSize(value: string): string {
  const lower = value.toLowerCase();
  const pattern = SIZES.find((size) => size.test(lower));
  if (pattern && value !== "N.A.") return pattern.source;
  return /^\p{Nd}+$/u.test(value.replace(".", ""))
    ? "numeric_size"
    : "not_matched";
}
