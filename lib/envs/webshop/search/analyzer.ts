/**
 * Words as WebShop's search engine sees them: Unicode word breaks, possessives and stop words
 * removed, stems left.
 *
 * `Intl.Segmenter` breaks words at other places (it keeps no emoji and cuts at `:`), so the rules of
 * Unicode's Annex 29 are followed here as Lucene follows them.
 *
 * @see {@link https://www.unicode.org/reports/tr29/#Word_Boundaries | UAX 29, Word Boundaries}
 *
 * @module
 */

import { porterStem } from "./porter_stemmer.ts";

/** Word-break class of a character. */
const enum Kind {
  Unknown,
  Other,
  Letter,
  Number,
  Katakana,
  Connector,
  Extend,
  MidLetter,
  MidNumber,
  MidBoth,
  Ideograph,
  Run,
  Emoji,
}

const STOP_WORDS: ReadonlySet<string> = new Set(
  ("a an and are as at be but by for if in into is it no not of on or such that the their " +
    "then there these they this to was will with").split(" "),
);
const MID_LETTERS = "\u00b7\u0387\u05f4\u2027\ufe13\ufe55\uff1a:";
const MID_BOTH = "\u2018\u2019\u2024\ufe52\uff07\uff0e.'";
const MID_NUMBERS =
  "\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b,;";
const SCRIPTS: readonly (readonly [RegExp, Kind])[] = [
  [/\p{Script=Han}|\p{Script=Hiragana}/u, Kind.Ideograph],
  [/\p{Script=Katakana}|\u30fc/u, Kind.Katakana],
  [
    /\p{Script=Thai}|\p{Script=Lao}|\p{Script=Khmer}|\p{Script=Myanmar}/u,
    Kind.Run,
  ],
  [/\p{Pc}|\u202f/u, Kind.Connector],
  [/\p{M}|\p{Cf}/u, Kind.Extend],
  [/\p{Alphabetic}/u, Kind.Letter],
  [/\p{Extended_Pictographic}/u, Kind.Emoji],
];
const LONGEST_TOKEN = 255;
const JOINER = 0x200d, EMOJI_STYLE = 0xfe0f, KEYCAP = 0x20e3;

/** Creates an analyzer, which caches the stems of words. */
export function createWebshopAnalyzer() {
  const kinds = new Uint8Array(0x110000);
  const known = new Map<string, string>();
  const kindAt = (text: string, at: number): Kind => {
    if (at >= text.length) return Kind.Other;
    const code = text.codePointAt(at)!;
    return kinds[code] ||= kindOf(code);
  };
  return {
    /** Terms of a text, in order, with repetitions. */
    terms(text: string): string[] {
      const terms: string[] = [];
      for (const token of tokens(text, kindAt)) {
        let term = known.get(token);
        if (term === undefined) known.set(token, term = termOf(token));
        if (term !== "") terms.push(term);
      }
      return terms;
    },
  };
}

/** The term of a token; empty for a stop word. */
function termOf(token: string): string {
  const owner = /['\u2019\uff07][sS]$/.test(token) ? token.slice(0, -2) : token;
  const lower = lowerCase(owner);
  return STOP_WORDS.has(lower) ? "" : porterStem(lower);
}

/** Lower case, character by character: one character stays one character. */
function lowerCase(text: string): string {
  if (!/[^\0-\x7f]/.test(text)) return text.toLowerCase();
  let lower = "";
  for (const character of text) {
    lower += character === "\u0130" ? "i" : character.toLowerCase();
  }
  return lower;
}

/** Word-break class of a code point. */
function kindOf(code: number): Kind {
  const character = String.fromCodePoint(code);
  if (code < 0x80) {
    if (/\d/.test(character)) return Kind.Number;
    if (/[a-z]/i.test(character)) return Kind.Letter;
    if (character === "_") return Kind.Connector;
  }
  if (MID_LETTERS.includes(character)) return Kind.MidLetter;
  if (MID_BOTH.includes(character)) return Kind.MidBoth;
  if (MID_NUMBERS.includes(character)) return Kind.MidNumber;
  if (code < 0x80 || code === 0x200b) return Kind.Other;
  if (code === 0xff9e || code === 0xff9f) return Kind.Extend;
  if (/\p{Nd}/u.test(character)) return Kind.Number;
  for (const [pattern, kind] of SCRIPTS) {
    if (pattern.test(character)) return kind;
  }
  return Kind.Other;
}

type KindAt = (text: string, at: number) => Kind;

/** The tokens of a text, in order. */
function tokens(text: string, kindAt: KindAt): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < text.length) {
    const start = at;
    const kind = kindAt(text, at);
    at += width(text, at);
    if (
      kind === Kind.Letter || kind === Kind.Number || kind === Kind.Katakana ||
      kind === Kind.Connector
    ) {
      at = endOfWord(text, { start, kind, kindAt });
      if (at < 0) {
        at = -at;
        continue; // connectors only
      }
    } else if (kind === Kind.Ideograph) at = skipExtends(text, at, kindAt);
    else if (kind === Kind.Run) at = endOfRun(text, at, kindAt);
    else if (kind === Kind.Emoji) at = endOfEmoji(text, at, kindAt);
    else {
      const end = endOfSymbol(text, start);
      if (end < 0) continue;
      at = end;
    }
    for (let cut = start; cut < at; cut += LONGEST_TOKEN) {
      found.push(text.slice(cut, Math.min(at, cut + LONGEST_TOKEN)));
    }
  }
  return found;
}

/** Code units of the character at a place. */
function width(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00 && text.codePointAt(at)! > 0xffff
    ? 2
    : 1;
}

/** Moves over marks that belong to the character before. */
function skipExtends(text: string, at: number, kindAt: KindAt): number {
  while (at < text.length && kindAt(text, at) === Kind.Extend) {
    at += width(text, at);
  }
  return at;
}

/** Where a word ends; negative if it is made of connectors only. */
function endOfWord(
  text: string,
  word: { start: number; kind: Kind; kindAt: KindAt },
): number {
  const { start, kindAt } = word;
  let last = word.kind;
  let onlyConnectors = last === Kind.Connector;
  let at = start + width(text, start);
  while (at < text.length) {
    const next = kindAt(text, at);
    const after = at + width(text, at);
    if (next === Kind.Extend) at = after;
    else if (joins(last, next)) {
      at = after;
      last = next;
      if (next !== Kind.Connector) onlyConnectors = false;
    } else {
      const partner = partnerAcross(last, next);
      if (partner === Kind.Unknown) break;
      const beyond = skipExtends(text, after, kindAt);
      if (kindAt(text, beyond) !== partner) break;
      at = beyond + width(text, beyond);
    }
  }
  return onlyConnectors ? -at : at;
}

/** Whether a character continues a word after one of another kind. */
function joins(last: Kind, next: Kind): boolean {
  if (next === Kind.Connector) return true;
  if (next === Kind.Letter || next === Kind.Number) {
    return last !== Kind.Katakana;
  }
  return next === Kind.Katakana &&
    (last === Kind.Katakana || last === Kind.Connector);
}

/** Kind required on both sides of a character inside a word; unknown if the character ends the word. */
function partnerAcross(last: Kind, middle: Kind): Kind {
  if (
    last === Kind.Letter &&
    (middle === Kind.MidLetter || middle === Kind.MidBoth)
  ) return Kind.Letter;
  if (
    last === Kind.Number &&
    (middle === Kind.MidNumber || middle === Kind.MidBoth)
  ) return Kind.Number;
  return Kind.Unknown;
}

/** Where a run of a script without spaces ends. */
function endOfRun(text: string, at: number, kindAt: KindAt): number {
  while (at < text.length) {
    const kind = kindAt(text, at);
    if (kind !== Kind.Run && kind !== Kind.Extend) break;
    at += width(text, at);
  }
  return at;
}

/** Where an emoji ends, with its style, skin tones and joined emoji. */
function endOfEmoji(text: string, at: number, kindAt: KindAt): number {
  let joined = false;
  while (at < text.length) {
    const code = text.codePointAt(at)!;
    const tone = code >= 0x1f3fb && code <= 0x1f3ff;
    const emoji = joined && kindAt(text, at) === Kind.Emoji;
    if (code !== EMOJI_STYLE && code !== JOINER && !tone && !emoji) break;
    joined = code === JOINER;
    at += width(text, at);
  }
  return at;
}

/** Where a flag or a keycap that starts here ends; negative if there is none. */
function endOfSymbol(text: string, start: number): number {
  const first = text.codePointAt(start)!;
  const isIndicator = (code: number | undefined) =>
    code !== undefined && code >= 0x1f1e6 && code <= 0x1f1ff;
  if (isIndicator(first)) {
    return isIndicator(text.codePointAt(start + 2)) ? start + 4 : -1;
  }
  if (first !== 0x23 && first !== 0x2a) return -1;
  const cap = text.charCodeAt(start + 1) === EMOJI_STYLE
    ? start + 2
    : start + 1;
  return text.charCodeAt(cap) === KEYCAP ? cap + 1 : -1;
}
