/**
 * How alike two phrases are as sets of words, as the Python package `thefuzz` 0.19 measures it.
 *
 * @see {@link https://github.com/seatgeek/thefuzz | thefuzz}
 *
 * @module
 */

import { similarityRatio } from "../../../difflib.ts";
import { compareCodePoints } from "../../../python_text.ts";

/**
 * Compares phrases by their words, an integer in `[0, 100]`: shared words count fully, the rest by
 * matching blocks.
 *
 * Not symmetric; the order of the arguments decides ties.
 */
export function tokenSetRatio(a: string, b: string): number {
  return compare(a, b, 0);
}

/**
 * Whether {@linkcode tokenSetRatio} is above an integer threshold; lengths that rule it out are not
 * compared.
 */
export function areAlike(a: string, b: string, threshold: number): boolean {
  return compare(a, b, threshold) > threshold;
}

/** The ratio, or anything not above the threshold where the ratio cannot be above it. */
function compare(a: string, b: string, threshold: number): number {
  const wordsA = wordsOf(a), wordsB = wordsOf(b);
  if (wordsA.size === 0 || wordsB.size === 0) return 0;
  const shared = wordsA.intersection(wordsB);
  const onlyA = wordsA.difference(wordsB), onlyB = wordsB.difference(wordsA);
  if (shared.size > 0 && (onlyA.size === 0 || onlyB.size === 0)) return 100;
  const common = joined(shared);
  const left = `${common} ${joined(onlyA)}`.trim();
  const right = `${common} ${joined(onlyB)}`.trim();
  const ratios = [[left, right]];
  if (shared.size > 0) ratios.push([common, left], [common, right]);
  let best = 0;
  for (const [x, y] of ratios) {
    const floor = Math.max(best, threshold);
    if (highestRatio(x!, y!) > floor) best = Math.max(best, ratio(x!, y!));
  }
  return best;
}

/** The words of a phrase: lower case, punctuation and Latin-1 letters removed. */
function wordsOf(phrase: string): Set<string> {
  const words = phrase.replace(/[\x80-\xff]/g, "")
    .replace(/[^\p{L}\p{Nd}\p{Nl}\p{No}_]/gu, " ").toLowerCase().split(/\s+/);
  const distinct = new Set(words);
  distinct.delete("");
  return distinct;
}

/** Words in code-point order. */
function joined(words: ReadonlySet<string>): string {
  return words.size < 2
    ? [...words].join("")
    : [...words].sort(compareCodePoints).join(" ");
}

/** The highest ratio that the lengths allow, a little too high for astral characters. */
function highestRatio(a: string, b: string): number {
  const least = Math.min(a.length, b.length);
  const astral = /[\ud800-\udbff]/;
  return astral.test(a) || astral.test(b)
    ? 100
    : roundHalfEven(200 * least / (a.length + b.length));
}

/** Similarity of two non-empty strings in percent. */
function ratio(a: string, b: string): number {
  return a === b ? 100 : roundHalfEven(100 * similarityRatio(a, b));
}

/** Rounds to the nearest integer, ties to the even one. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || rest === 0.5 && floor % 2 === 1 ? floor + 1 : floor;
}
