/**
 * The lexical layer of PDDL: text to nested lists of lower-case words.
 *
 * Comments run from `;` to the end of the line; words are separated by blanks, parentheses and
 * the start of a `?`; nothing else separates, so a comma belongs to the word it touches.
 *
 * @module
 */

import { lineAndColumn } from "../../text_file.ts";
import { GameError, type GameSection, quoted } from "./error.ts";

/** A lower-case word, or a list of words and lists; `offset` is where it starts in the text. */
export type Sexp =
  | { readonly word: string; readonly offset: number }
  | SexpList;

/** Everything between two parentheses. */
export interface SexpList {
  /** The words and lists between them. */
  readonly items: readonly Sexp[];
  /** Index of the opening parenthesis. */
  readonly offset: number;
}

const MAX_DEPTH = 64;
const MAX_WORDS = 1_000_000;
const MAX_WORD_LENGTH = 1_000;

/** A text being parsed, which creates errors with line and column. */
export class PddlSource {
  /** The text of the part. */
  readonly text: string;
  /** Which part it is. */
  readonly section: GameSection;

  /** Wraps the text of one part of a game file. */
  constructor(text: string, section: GameSection) {
    this.text = text;
    this.section = section;
  }

  /** Makes the error for a place in the text. */
  error(
    code: string,
    offset: number,
    reason: string,
    where?: string,
  ): GameError {
    return new GameError(reason, {
      code,
      section: this.section,
      ...lineAndColumn(this.text, offset),
      ...(where === undefined ? {} : { where }),
    });
  }

  /** Expects a list. */
  list(sexp: Sexp | undefined, what: string, parent: Sexp): readonly Sexp[] {
    if (sexp !== undefined && "items" in sexp) return sexp.items;
    throw this.error(
      "E_PDDL_FORM",
      (sexp ?? parent).offset,
      `${what} must be a list in parentheses`,
    );
  }

  /** Expects a word. */
  word(sexp: Sexp | undefined, what: string, parent: Sexp): string {
    if (sexp !== undefined && "word" in sexp) return sexp.word;
    throw this.error(
      "E_PDDL_FORM",
      (sexp ?? parent).offset,
      `${what} must be a word`,
    );
  }
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
}

/** Index after the word that starts at `start`; checks its characters. */
function wordEnd(source: PddlSource, start: number): number {
  const { text } = source;
  let end = start;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code > 127) {
      throw source.error(
        "E_PDDL_ASCII",
        end,
        `characters outside comments must be ASCII, unlike ${
          quoted(text[end]!)
        }`,
      );
    }
    if (isBlank(code) || code === 40 || code === 41 || code === 59) break;
    if (code === 63 && end > start) break;
  }
  if (end - start > MAX_WORD_LENGTH) {
    throw source.error(
      "E_PDDL_LIMIT",
      start,
      `a word may have at most ${MAX_WORD_LENGTH} characters, not ${
        end - start
      }`,
    );
  }
  return end;
}

/**
 * Parses the one list that a PDDL text consists of.
 *
 * @throws {GameError} If parentheses do not match, or a limit is exceeded.
 */
export function readSexp(source: PddlSource): SexpList {
  const { text } = source;
  const open: { items: Sexp[]; offset: number }[] = [];
  // Equal words share one string.
  const known = new Map<string, string>();
  let root: SexpList | undefined;
  let words = 0;
  for (let i = text.charCodeAt(0) === 0xfeff ? 1 : 0; i < text.length;) {
    const code = text.charCodeAt(i);
    if (isBlank(code)) {
      i++;
    } else if (code === 59) {
      const end = text.indexOf("\n", i);
      i = end < 0 ? text.length : end + 1;
    } else if (root !== undefined) {
      throw source.error(
        "E_PDDL_PARENS",
        i,
        "nothing may follow the last parenthesis",
      );
    } else if (code === 40) {
      if (open.length >= MAX_DEPTH) {
        throw source.error(
          "E_PDDL_LIMIT",
          i,
          `lists may nest ${MAX_DEPTH} deep`,
        );
      }
      open.push({ items: [], offset: i++ });
    } else if (code === 41) {
      const closed = open.pop();
      if (closed === undefined) {
        throw source.error("E_PDDL_PARENS", i, 'a ")" must close a "("');
      }
      if (open.length === 0) root = closed;
      else open.at(-1)!.items.push(closed);
      i++;
    } else {
      const end = wordEnd(source, i);
      const list = open.at(-1);
      if (list === undefined) {
        throw source.error("E_PDDL_PARENS", i, 'the text must start with "("');
      }
      if (++words > MAX_WORDS) {
        throw source.error(
          "E_PDDL_LIMIT",
          i,
          `a text may have ${MAX_WORDS} words`,
        );
      }
      const written = text.slice(i, end).toLowerCase();
      const word = known.get(written) ?? written;
      if (word === written) known.set(word, word);
      list.items.push({ word, offset: i });
      i = end;
    }
  }
  if (root === undefined) throw unclosed(source, open.at(-1));
  return root;
}

function unclosed(
  source: PddlSource,
  list: { offset: number } | undefined,
): GameError {
  if (list === undefined) {
    return source.error("E_PDDL_PARENS", 0, 'the text must start with "("');
  }
  const { line } = lineAndColumn(source.text, list.offset);
  const start = source.text.slice(list.offset, list.offset + 24);
  return source.error(
    "E_PDDL_PARENS",
    source.text.length,
    `the text ends inside ${quoted(start)}, opened at line ${line}`,
  );
}
