/**
 * CPython's text formats, which WebShop's observations depend on: stripped strings, floats, JSON, tuples.
 *
 * @module
 */

// Python's white space: Unicode's, with the four separators of ASCII, without U+FEFF.
const EDGE =
  // deno-lint-ignore no-control-regex -- the separators are control characters
  /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;

/** Strips white space from both ends, as Python's `str.strip()` does. */
export function pythonStrip(text: string): string {
  return isPlainEdge(text.charCodeAt(0)) &&
      isPlainEdge(text.charCodeAt(text.length - 1))
    ? text
    : text.replace(EDGE, "");
}

/** Whether a code unit is printable ASCII: the common case that needs no stripping. */
function isPlainEdge(unit: number): boolean {
  return unit > 0x20 && unit < 0x7f;
}

/** Prints a number as Python's `repr` of a float does: `1299.0`, `1e-05`, `1e+16`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Formats a string as Python's `json.dumps` does: everything beyond ASCII escaped. */
export function pythonJsonString(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Formats a map as Python's `json.dumps` does, in insertion order: `{"color": "red", "size": "m"}`.
 */
export function pythonJsonObject(
  entries: Iterable<readonly [string, string]>,
): string {
  const pairs = Array.from(
    entries,
    ([name, value]) => `${pythonJsonString(name)}: ${pythonJsonString(value)}`,
  );
  return `{${pairs.join(", ")}}`;
}

/**
 * Formats a string as Python's `repr` does: in single quotes unless it contains only single ones,
 * with backslashes and control characters escaped.
 */
export function pythonRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(
    /[\\'\n\r\t\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/gu,
    (c) => escaped(c, quote),
  );
  return quote + inner + quote;
}

const SHORT: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** One character of a Python string literal. */
function escaped(character: string, quote: string): string {
  if (character === " ") return character;
  if (character === "'") return quote === "'" ? "\\'" : character;
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0)!;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\U${code.toString(16).padStart(8, "0")}`;
}

/** Compares strings by code point, as Python does. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate encodes a code point above every other code unit.
    return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Moves surrogates above the rest of the code units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
