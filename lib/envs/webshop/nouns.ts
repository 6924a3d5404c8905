/**
 * Nouns of product titles: a rule that fits Title Case names, or a table made with a real tagger.
 *
 * @module
 */

/** Names the nouns of a title in lower case, in order, repetitions included. */
export type NounTagger = (title: string) => readonly string[];

const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  "a an and or the for with of in on to by from at is are be as it this that your you our"
    .split(" "),
);

/**
 * Takes every word of a title for a noun but numbers and function words.
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
 * Reads a table of nouns made elsewhere: lines of `{"title": "…", "nouns": ["…"]}`.
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
 * @param fallback Tagger of titles that the table lacks. @default {titleNouns}
 * @returns A tagger that looks titles up first.
 * @throws {SyntaxError} If a line is not such an object; the message names the line.
 */
export function parseNounTable(
  jsonLines: string,
  fallback: NounTagger = titleNouns,
): NounTagger {
  const table = new Map<string, readonly string[]>();
  for (const [i, line] of jsonLines.split("\n").entries()) {
    if (line.trim() === "") continue;
    const row = parseRow(line);
    if (!row) {
      throw new SyntaxError(
        `Cannot read a noun table as every line must be {"title": text, "nouns": [text]}: line ${
          i + 1
        } is ${line.slice(0, 80)}`,
      );
    }
    table.set(row.title, row.nouns);
  }
  return (title) => table.get(title) ?? fallback(title);
}

/** One line of a noun table; nothing if it is malformed. */
function parseRow(
  line: string,
): { title: string; nouns: readonly string[] } | undefined {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof row !== "object" || row === null) return undefined;
  const title: unknown = Reflect.get(row, "title");
  const nouns: unknown = Reflect.get(row, "nouns");
  return typeof title === "string" && isTexts(nouns)
    ? { title, nouns }
    : undefined;
}

/** Whether a value is a list of texts. */
function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((x) => typeof x === "string");
}
