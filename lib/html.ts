/**
 * HTML from one tagged template that escapes every text put into it.
 *
 * Shared by report pages, episode tables, notebook outputs, static SVG figures and the WebShop site.
 *
 * @module
 */

/** HTML or SVG source in which every foreign text has been escaped. */
export class Markup {
  /** @param text Source; trusted as it stands. Only {@linkcode markup} and {@linkcode trusted} call this. */
  constructor(readonly text: string) {}

  /** Returns the source, so that markup can stand in a string. */
  toString(): string {
    return this.text;
  }
}

/** What a template accepts: text is escaped, markup is kept, `undefined` adds nothing. */
export type Piece = string | number | Markup | undefined | readonly Piece[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Fills a template, escaping every text for use as content or inside a quoted attribute.
 *
 * Control characters and lone surrogates, which neither HTML nor XML can quote, become U+FFFD.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { markup } from "./html.ts";
 *
 * const items = ["<b>", "x"].map((text) => markup`<li>${text}</li>`);
 * strictEqual(String(markup`<ul>${items}</ul>`), "<ul><li>&lt;b&gt;</li><li>x</li></ul>");
 * ```
 *
 * @param parts Literal source of the template.
 * @param pieces Values between those parts.
 * @returns The markup.
 */
export function markup(
  parts: TemplateStringsArray,
  ...pieces: readonly Piece[]
): Markup {
  let text = parts[0]!;
  for (const [i, piece] of pieces.entries()) {
    text += source(piece) + parts[i + 1]!;
  }
  return new Markup(text);
}

function source(piece: Piece): string {
  if (piece === undefined) return "";
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === "number") return String(piece);
  if (typeof piece !== "string") return piece.map(source).join("");
  return piece.toWellFormed()
    .replace(/[^\P{Cc}\t\n]|[\ufffe\uffff]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/**
 * Marks source as markup without escaping it: a program's own style sheet, script or image.
 *
 * @param text Source that holds no foreign text.
 * @returns The same source as markup.
 */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/**
 * Writes plain data as JSON that can stand inside a script element: it holds no `<`, so neither a
 * closing tag nor a comment.
 *
 * @param value Plain data.
 * @returns JavaScript source of that data.
 */
export function scriptJson(value: unknown): Markup {
  return new Markup(
    JSON.stringify(value).replaceAll("<", "\\u003c")
      .replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029"),
  );
}

/**
 * Writes an element from a record of attributes.
 *
 * @param name Name of the element.
 * @param attributes Values, escaped; numbers are written to two digits, `undefined` is left out.
 * @param content What the element holds. @default nothing
 * @returns The element.
 */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content?: Piece,
): Markup {
  const tag = trusted(name);
  const written = Object.entries(attributes).map(([key, value]) => {
    if (value === undefined) return undefined;
    const short = typeof value === "number"
      ? Math.round(100 * value) / 100
      : value;
    return markup` ${trusted(key)}="${short}"`;
  });
  return markup`<${tag}${written}>${content}</${tag}>`;
}
