/**
 * Nouns of product titles: a rule that fits Title Case names, or a table made with a real tagger.
 *
 * @module
 */

import { parseJson } from "../../text_file.ts";

/** Lists the nouns of a title in lower case, in order, repetitions included. */
export type NounTagger = (title: string) => readonly string[];

const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  "a an and or the for with of in on to by from at is are be as it this that your you our"
    .split(" "),
);

/**
 * Treats every word of a title as a noun except numbers and function words.
 *
 * Part-of-speech taggers call nearly every capitalized word of a product name a proper noun; this
 * rule is closer to spaCy's counts on such titles than other taggers are.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { titleNouns } from "@hiper/lab/envs/webshop";
 *
 * deepStrictEqual(titleNouns("Women's Slip-On Shoes, 2 Pairs for the Home"), [
 *   "women",
 *   "slip-on",
 *   "shoes",
 *   "pairs",
 *   "home",
 * ]);
 * ```
 *
 * @param title A product's name.
 * @returns Its nouns in lower case.
 */
export function titleNouns(title: string): string[] {
  const nouns: string[] = [];
  for (const [word] of title.matchAll(/[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu)) {
    const noun = word.replace(/['’-]+$/, "").replace(/['’]s$/i, "")
      .toLowerCase();
    if (noun === "" || /^\p{Nd}/u.test(noun)) continue;
    if (!FUNCTION_WORDS.has(noun)) nouns.push(noun);
  }
  return nouns;
}

/**
 * Parses a table of nouns made by another tagger: lines of `{"title": "…", "nouns": ["…"]}`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parseNounTable } from "@hiper/lab/envs/webshop";
 *
 * const tagger = parseNounTable('{"title": "Red Lamp", "nouns": ["lamp"]}');
 * deepStrictEqual(tagger("Red Lamp"), ["lamp"]);
 * deepStrictEqual(tagger("Blue Lamp"), ["blue", "lamp"]); // not in the table
 * ```
 *
 * @param jsonLines The table.
 * @param options Tagger of titles that the table lacks, and the name of the file for messages.
 * @returns A tagger that looks titles up first.
 * @throws {SyntaxError} If a line is not such an object; the message names file and line.
 */
export function parseNounTable(
  jsonLines: string,
  options: { fallback?: NounTagger; name?: string } = {},
): NounTagger {
  const { fallback = titleNouns, name = "noun table" } = options;
  const table = new Map<string, readonly string[]>();
  for (const [i, line] of jsonLines.split("\n").entries()) {
    if (line.trim() === "") continue;
    const where = `${name}, line ${i + 1}`;
    const row = parseJson(line, where);
    if (!isNounRow(row)) {
      throw new SyntaxError(
        `Cannot read "${where}" as it must be {"title": text, "nouns": [text]}: current value is ${
          line.slice(0, 80)
        }`,
      );
    }
    table.set(row.title, row.nouns);
  }
  return (title) => table.get(title) ?? fallback(title);
}

function isNounRow(
  row: unknown,
): row is { readonly title: string; readonly nouns: readonly string[] } {
  return typeof row === "object" && row !== null &&
    "title" in row && typeof row.title === "string" &&
    "nouns" in row && isTexts(row.nouns);
}

/** Whether a value is a list of texts. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((x) => typeof x === "string");
}
