/**
 * The right-hand sides of a text grammar: symbols, expressions and queries.
 *
 * Parsing stops at the first character that cannot start a symbol; its position is returned, so that
 * the loader can warn.
 *
 * @module
 */

/** One piece of a right-hand side. */
export type RhsSymbol =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "rule"; readonly name: string }
  | RhsValue
  | { readonly kind: "list"; readonly value: RhsValue };

/** A rule or an expression, once or once for each match of a query. */
export interface RhsValue {
  /** Discriminates the kinds of symbol. */
  readonly kind: "value";
  /** What is written. */
  readonly inner:
    | { readonly kind: "rule"; readonly name: string }
    | { readonly kind: "expression"; readonly text: string };
  /** What it is written for. */
  readonly query?: string;
}

const TERMINAL_STOPS = new Set(';|"<>[]#{}');
const QUERY_STOPS = new Set(";|{}\n[]#");
const EXPRESSION_STOPS = new Set("|[]{}\n<>");
const TAG_EXTRAS = new Set("()/!<>-,._");

function isTagCharacter(character: string): boolean {
  return TAG_EXTRAS.has(character) || /[\p{L}\p{N}\s]/u.test(character);
}

/** Index of the first character from `start` that is in `stops`. */
function runEnd(
  text: string,
  start: number,
  stops: ReadonlySet<string>,
): number {
  let end = start;
  while (end < text.length && !stops.has(text[end]!)) end++;
  return end;
}

function skip(text: string, start: number, pattern: "tabs" | "blanks"): number {
  let at = start;
  while (
    at < text.length &&
    (pattern === "tabs" ? text[at] === "\t" : text[at]!.trim() === "")
  ) at++;
  return at;
}

type Read<T> = { readonly value: T; readonly end: number } | undefined;

function readRule(
  text: string,
  start: number,
): Read<{ kind: "rule"; name: string }> {
  if (text[start] !== "#") return undefined;
  const from = skip(text, start + 1, "tabs");
  let end = from;
  while (end < text.length && isTagCharacter(text[end]!)) end++;
  if (end === from || text[end] !== "#") return undefined;
  return { value: { kind: "rule", name: text.slice(from, end) }, end: end + 1 };
}

function readValue(text: string, start: number): Read<RhsValue> {
  if (text[start] !== "{") return undefined;
  const from = skip(text, start + 1, "tabs");
  const rule = readRule(text, from);
  const inner = rule?.value ?? {
    kind: "expression" as const,
    text: text.slice(from, runEnd(text, from, EXPRESSION_STOPS)),
  };
  if (inner.kind === "expression" && inner.text === "") return undefined;
  const innerEnd = rule?.end ?? runEnd(text, from, EXPRESSION_STOPS);
  const bar = skip(text, innerEnd, "blanks");
  if (text[bar] === "|") {
    const queryStart = skip(text, bar + 1, "blanks");
    const queryEnd = runEnd(text, queryStart, QUERY_STOPS);
    if (queryEnd > queryStart && text[queryEnd] === "}") {
      const query = text.slice(queryStart, queryEnd);
      return { value: { kind: "value", inner, query }, end: queryEnd + 1 };
    }
  }
  const close = skip(text, innerEnd, "tabs");
  if (text[close] !== "}") return undefined;
  return { value: { kind: "value", inner }, end: close + 1 };
}

function readSymbol(text: string, start: number): Read<RhsSymbol> {
  switch (text[start]) {
    case "[": {
      const value = readValue(text, skip(text, start + 1, "tabs"));
      if (value === undefined) return undefined;
      const close = skip(text, value.end, "tabs");
      if (text[close] !== "]") return undefined;
      return { value: { kind: "list", value: value.value }, end: close + 1 };
    }
    case "{":
      return readValue(text, start);
    case "#":
      return readRule(text, start);
    case '"': {
      const end = runEnd(text, start + 1, TERMINAL_STOPS);
      if (text[end] !== '"') return undefined;
      return {
        value: { kind: "text", text: text.slice(start + 1, end) },
        end: end + 1,
      };
    }
    default: {
      const end = runEnd(text, start, TERMINAL_STOPS);
      if (end === start) return undefined;
      return { value: { kind: "text", text: text.slice(start, end) }, end };
    }
  }
}

/** Drops leading blanks and leading lines that start with `//`. */
function skipLeading(text: string): number {
  for (let at = 0;;) {
    at = skip(text, at, "blanks");
    const lineStart = at === 0 || text[at - 1] === "\n";
    if (!lineStart || !text.startsWith("//", at)) return at;
    const end = text.indexOf("\n", at);
    if (end < 0) return text.length;
    at = end + 1;
  }
}

/** Parses a right-hand side, a template or a feedback text; `cutAt` is where parsing ended early. */
export function readRhs(
  text: string,
): { symbols: RhsSymbol[]; cutAt?: number } {
  const symbols: RhsSymbol[] = [];
  for (let at = skipLeading(text); at < text.length;) {
    const start = skip(text, at, "tabs");
    if (start === text.length) break;
    const read = readSymbol(text, start);
    if (read === undefined) return { symbols, cutAt: start };
    symbols.push(read.value);
    at = read.end;
  }
  return { symbols };
}

/** What an expression computes. */
export type Expression =
  | { readonly kind: "text"; readonly text: string }
  | {
    readonly kind: "attribute";
    readonly variable: string;
    readonly attribute: string;
  }
  | { readonly kind: "join" | "or"; readonly parts: readonly Expression[] };

/** Attributes an expression may ask of a variable. */
export const ATTRIBUTES: readonly string[] = [
  "name",
  "id",
  "indefinite",
  "definite",
  "type",
];

/**
 * Parses an expression of variables, attributes, quoted text, `+`, `or` and parentheses; undefined
 * where it is anything else.
 */
export function readExpression(text: string): Expression | undefined {
  const tokens = text.match(/'[^'\\]*'|"[^"\\]*"|\w+|[^\s\w]/g) ?? [];
  let at = 0, depth = 0;
  const primary = (): Expression | undefined => {
    const token = tokens[at++];
    if (token === undefined) return undefined;
    if (token === "(") {
      if (++depth > 32) return undefined;
      const inner = either();
      depth--;
      return tokens[at++] === ")" ? inner : undefined;
    }
    if (token.length >= 2 && (token[0] === "'" || token[0] === '"')) {
      return { kind: "text", text: token.slice(1, -1) };
    }
    if (!/^[A-Za-z_]\w*$/.test(token) || token === "or") return undefined;
    if (tokens[at] !== ".") {
      return { kind: "attribute", variable: token, attribute: "name" };
    }
    at++;
    const attribute = tokens[at++];
    if (attribute === undefined || !ATTRIBUTES.includes(attribute)) {
      return undefined;
    }
    return { kind: "attribute", variable: token, attribute };
  };
  const several = (
    kind: "join" | "or",
    separator: string,
    read: () => Expression | undefined,
  ): Expression | undefined => {
    const parts: Expression[] = [];
    do {
      const part = read();
      if (part === undefined) return undefined;
      parts.push(part);
    } while (tokens[at] === separator && ++at > 0);
    return parts.length === 1 ? parts[0] : { kind, parts };
  };
  const sum = () => several("join", "+", primary);
  const either = (): Expression | undefined => several("or", "or", sum);
  const whole = either();
  return at === tokens.length ? whole : undefined;
}

/** One atom of a query. */
export interface QueryAtom {
  /** Predicate, `not_` in front where it is negated. */
  readonly predicate: string;
  /** Placeholders with their types. */
  readonly args: readonly { readonly name: string; readonly type: string }[];
}

/** Parses a query, `pred(a:type, b) & !other(a:type)`, or returns the reason why it cannot. */
export function readQuery(text: string): readonly QueryAtom[] | string {
  const atoms: QueryAtom[] = [];
  const types = new Map<string, string>();
  for (const piece of text.split("&")) {
    const atom = /^\s*(!?)\s*([^\s(),:!]+)\s*\(([^()]*)\)\s*$/.exec(piece);
    if (atom === null) {
      return `"${piece.trim()}" must look like predicate(name:type, …)`;
    }
    const [, bang, predicate, inside] = atom;
    const words = inside!.trim() === "" ? [] : inside!.split(",");
    const args: { name: string; type: string }[] = [];
    for (const word of words) {
      const [name, type, more] = word.split(":").map((part) => part.trim());
      if (!name || type === "" || more !== undefined) {
        return `argument "${word.trim()}" must look like name or name:type`;
      }
      const known = type ?? name.replace(/'+$/, "");
      if ((types.get(name) ?? known) !== known) {
        return `placeholder "${name}" may have only one type`;
      }
      types.set(name, known);
      args.push({ name, type: known });
    }
    atoms.push({ predicate: bang ? `not_${predicate}` : predicate!, args });
  }
  return atoms;
}
