/**
 * Pages as text: WebShop's two observation modes.
 *
 * A page is a list of nodes. `text` joins them by `[SEP]`; `text_rich` writes a line for each and
 * marks what can be clicked and what was.
 *
 * @module
 */

import {
  compareCodePoints,
  pythonFloat,
  pythonJsonObject,
  pythonStrip,
} from "../../python_text.ts";
import type { WebshopProduct } from "./catalog.ts";
import {
  pageHits,
  webshopButtons,
  type WebshopRules,
  type WebshopState,
} from "./state.ts";

/** A piece of a page. */
export interface WebshopNode {
  /** Plain text, a button, an option value, or the link of a product. */
  readonly kind: "text" | "button" | "option" | "link";
  /** Its text. */
  readonly text: string;
  /** Whether an option value is chosen, or a linked product was visited. */
  readonly clicked?: boolean;
}

/** Lays out a page as nodes in page order; the score is shown after the purchase. */
export function webshopPage(
  rules: WebshopRules,
  state: WebshopState,
  view: { readonly instruction: string; readonly score: number },
): WebshopNode[] {
  if (state.page === "done") return receipt(rules, state, view.score);
  if (state.page === "index") {
    return nodes([
      "WebShop",
      "Instruction: ",
      view.instruction,
      button("Search"),
    ]);
  }
  const head = ["Instruction:", view.instruction];
  const [back, ...buttons] = webshopButtons(rules, state).map(button);
  switch (state.page) {
    case "results":
      return nodes([...head, back!, ...foundNodes(rules, state, buttons)]);
    case "item": {
      const [previous, ...rest] = buttons;
      const product = rules.products[state.product!]!;
      return nodes([
        ...head,
        back!,
        previous!,
        ...optionNodes(product, state),
        product.title,
        `Price: ${product.priceText}`,
        "Rating: N.A.",
        ...rest,
      ]);
    }
    case "sub": {
      const product = rules.products[state.product!]!;
      return nodes([
        ...head,
        back!,
        ...buttons,
        ...subPageTexts(product, state),
      ]);
    }
  }
}

/** Count, page buttons and products of a results page. */
function foundNodes(
  rules: WebshopRules,
  state: WebshopState,
  buttons: readonly WebshopNode[],
): (string | WebshopNode)[] {
  const { pageNumber, hits, visited } = state;
  const rows = Array.from(pageHits(state), (position) => {
    const { asin, title, priceText } = rules.products[position]!;
    const clicked = visited.has(position);
    return [{ kind: "link", text: asin, clicked } as const, title, priceText];
  });
  const count = `Page ${pageNumber} (Total results: ${hits.length})`;
  return [count, ...buttons, ...rows.flat()];
}

/** A button node. */
function button(text: string): WebshopNode {
  return { kind: "button", text };
}

/** Nodes as a parsed page has them: empty texts are gone, blank ones are one space or gone. */
function nodes(pieces: readonly (string | WebshopNode)[]): WebshopNode[] {
  const kept: WebshopNode[] = [];
  for (const piece of pieces) {
    const node: WebshopNode = typeof piece === "string"
      ? { kind: "text", text: piece }
      : piece;
    // Fast path: most texts begin with a letter.
    const first = node.text.charCodeAt(0);
    if (first > 0x20 || !/^[ \t\n\f\r]*$/.test(node.text)) kept.push(node);
    else if (node.text !== "" && !node.text.includes("\n")) {
      kept.push({ ...node, text: " " });
    }
  }
  return kept;
}

/** Names and values of a product's options. */
function optionNodes(
  product: WebshopProduct,
  state: WebshopState,
): (string | WebshopNode)[] {
  if (product.options.size === 0) return [];
  const address = itemAddress(state);
  return Array.from(product.options, ([name, values]) => [
    name,
    ...values.map((text) => ({
      kind: "option" as const,
      text,
      clicked: address.includes(`"${text}"`),
    })),
  ]).flat();
}

/**
 * The part of a product page's address that decides which values are marked as chosen.
 *
 * Upstream searches the address for the value in double quotes, so values that JSON escapes are
 * never marked, and a quoted word of the query is.
 */
function itemAddress(state: WebshopState): string {
  const options = pythonJsonObject(state.options);
  return `${state.keywords.join("+")}/${state.pageNumber}/${options}`;
}

/** Texts of a page behind a product page. */
function subPageTexts(
  product: WebshopProduct,
  state: WebshopState,
): readonly string[] {
  switch (state.subPage) {
    case "Description":
      return [product.description];
    case "Features":
      return product.bullets.map((bullet) => ` ${bullet}`);
    case "Reviews":
      return [];
    case "Attributes":
      return [
        ...product.attributes.map((attribute) => ` ${attribute}`),
        product.category,
        product.query,
        product.productCategory,
      ];
  }
}

/** The page after a purchase. */
function receipt(
  rules: WebshopRules,
  state: WebshopState,
  score: number,
): WebshopNode[] {
  const options = [...state.options]
    .sort(([a], [b]) => compareCodePoints(a, b));
  const json = pythonJsonObject(options).replace(
    /[<>&']/g,
    (c) => `\\u00${c.charCodeAt(0).toString(16)}`,
  );
  return nodes([
    "Thank you for shopping with us!",
    "Your code: ",
    "None",
    " (Paste it in your MTurk interface.)",
    "Purchased",
    "asin",
    rules.products[state.product!]!.asin,
    "options",
    json,
    ...["attrs", "category", "query", "product category"]
      .flatMap((field) => [field, "None"]),
    ...["Target", "asin", "options", "attrs", "price upper"],
    ...["instuction text", "category", "product category", "query"],
    ...["Goal ", "None", "Reward", "Your score (min 0.0, max 1.0)"],
    pythonFloat(score),
    "Reward Details ",
    "None",
  ]);
}

/**
 * Formats a page in mode `text`: nodes joined by ` [SEP] `, buttons not distinguished from words.
 */
export function plainWebshopText(page: readonly WebshopNode[]): string {
  return page.map(({ text }) => pythonStrip(text)).join(" [SEP] ");
}

/** Formats a page in mode `text_rich`: one line per node, buttons and clicks marked. */
export function richWebshopText(page: readonly WebshopNode[]): string {
  let lines = "", chosen = "";
  for (const { kind, text, clicked } of page) {
    if (kind === "text") {
      lines += `${text}\n`;
      continue;
    }
    const indent = { button: "", option: "  ", link: "\n" }[kind];
    const mark = clicked ? "clicked button" : "button";
    lines += `${indent}[${mark}] ${text} [${mark}_]\n`;
    if (kind === "option" && clicked) {
      chosen = `You have clicked ${text}.\n${chosen}`;
    }
  }
  return chosen + lines;
}
