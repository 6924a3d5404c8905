/**
 * The shop as web pages: plain HTML without scripts or pictures.
 *
 * Every text passes through the escaping template of `lib/html.ts`. Elements carry WebShop's ids and
 * classes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Markup, markup } from "../../../html.ts";
import { pythonFloat } from "../../../python_text.ts";
import type { WebshopProduct } from "../catalog.ts";
import type { WebshopGoal } from "../goals.ts";
import { scoreWebshopState } from "../shop.ts";
import {
  pageHits,
  type Webshop,
  webshopButtons,
  type WebshopState,
} from "../state.ts";

/** Options of {@linkcode webshopHtml}. */
export interface WebshopHtmlOptions {
  /** The goal. */
  goal: WebshopGoal;
  /** Where forms are sent. */
  address: string;
  /** Number of the goal. */
  number: number;
  /** Number of goals. */
  count: number;
  /** Searches to click on. @default {none} */
  searches?: readonly string[];
  /** The last move of a watched agent. */
  watching?: { readonly subgoal: string; readonly action: string };
  /** Whether the page loads itself again, for agents that are not done. @default {false} */
  reload?: boolean;
}

/**
 * Writes a page.
 *
 * @param shop The shop.
 * @param state The current state.
 * @param options The goal, addresses, an agent's last move.
 * @returns A whole HTML document.
 */
export function webshopHtml(
  shop: Webshop,
  state: WebshopState,
  options: WebshopHtmlOptions,
): string {
  const { goal, number, count, watching, reload = false } = options;
  const next = (number + 1) % count;
  const wish = goal.instruction;
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${reload ? markup`<meta http-equiv="refresh" content="1">` : undefined}
<title>WebShop</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<a class="home" href="/goal/${number}">WebShop</a>
<nav>
<span>goal ${number + 1} of ${count}</span>
<a href="/goal/${next}">next goal</a>
<a href="/watch/${number}?again">watch an agent</a>
</nav>
</header>
<main>
<div id="instruction-text"><small>Instruction</small><h4>${wish}</h4></div>
${watching ? agentBar(watching) : undefined}
${body(shop, state, options)}
</main>
</body>
</html>
`;
  return page.text;
}

/** The agent's last move. */
function agentBar(watching: { subgoal: string; action: string }): Markup {
  const { subgoal, action } = watching;
  return markup`<div id="agent"><b>${subgoal}</b><code>${action}</code></div>`;
}

/** A button that takes an action. */
function actionButton(
  options: WebshopHtmlOptions,
  label: string,
  style = "btn",
): Markup {
  const action = `click[${label.toLowerCase()}]`;
  return markup`<form method="post" action="${options.address}">
<button class="${style}" name="action" value="${action}">${label}</button>
</form>`;
}

/** The part of a page that depends on the state. */
function body(
  shop: Webshop,
  state: WebshopState,
  options: WebshopHtmlOptions,
): Markup {
  const buttons = webshopButtons(shop, state)
    .map((label) => actionButton(options, label));
  const bar = (items: readonly Markup[]) =>
    markup`<div class="bar">${items}</div>`;
  switch (state.page) {
    case "index":
      return searchForm(options);
    case "results":
      return markup`${bar(buttons)}${results(shop, state, options)}`;
    case "item": {
      const product = shop.products[state.product!]!;
      const buy = actionButton(options, "Buy Now", "btn buy");
      return markup`${bar(buttons.slice(0, 2))}
${item(product, state, options)}
${bar(buttons.slice(2, -1))}
${bar([buy])}`;
    }
    case "sub": {
      const texts = subPage(shop.products[state.product!]!, state);
      const title = markup`<h3>${state.subPage}</h3>`;
      return markup`${bar(buttons)}
<section class="card">${title}${texts}</section>`;
    }
    case "done":
      return receipt(shop, state, options);
  }
}

/** The search box, and searches made of the wish's words. */
function searchForm(options: WebshopHtmlOptions): Markup {
  const { searches = [], address } = options;
  const chips = searches.map((query) =>
    markup`<button class="chip" name="query" value="${query}">${query}</button>`
  );
  return markup`<section class="card">
<form method="post" action="${address}" class="search">
<input id="search_input" name="query" placeholder="What are you looking for?"
  autocomplete="off" autofocus>
<button class="btn">Search</button>
</form>
<form method="post" action="${address}" class="bar">${chips}</form>
</section>`;
}

/** One page of products found. */
function results(
  shop: Webshop,
  state: WebshopState,
  options: WebshopHtmlOptions,
): Markup {
  const rows = Array.from(pageHits(state), (position) => {
    const { asin, title, priceText } = shop.products[position]!;
    const style = state.visited.has(position) ? "card seen" : "card";
    return markup`<li class="${style}">
<div><bdi>${title}</bdi><small>${priceText}</small></div>
${actionButton(options, asin, "product-link")}
</li>`;
  });
  const { pageNumber, hits } = state;
  return markup`<p>Page ${pageNumber} (Total results: ${hits.length})</p>
<ol class="results">${rows}</ol>`;
}

/** A product with its options. */
function item(
  product: WebshopProduct,
  state: WebshopState,
  options: WebshopHtmlOptions,
): Markup {
  const groups = Array.from(product.options, ([name, values]) => {
    const choices = values.map((value) => {
      const chosen = state.options.get(name) === value;
      const checked = chosen ? markup` checked` : undefined;
      return markup`<label class="${chosen ? "option chosen" : "option"}">
<input type="radio" name="${name}" value="${value}" disabled${checked}>
${actionButton(options, value, "plain")}
</label>`;
    });
    return markup`<fieldset><legend>${name}</legend>${choices}</fieldset>`;
  });
  return markup`<section class="card"><h2><bdi>${product.title}</bdi></h2>
<p class="price">Price: ${product.priceText}</p>
<small>Rating: N.A.</small>
${groups}</section>`;
}

/** A text behind a product page. */
function subPage(product: WebshopProduct, state: WebshopState): Markup {
  const list = (texts: readonly string[]) => {
    const items = texts.map((text) => markup`<li><bdi>${text}</bdi></li>`);
    return markup`<ul>${items}</ul>`;
  };
  switch (state.subPage) {
    case "Description":
      return markup`<p><bdi>${product.description || "None."}</bdi></p>`;
    case "Features":
      return list(product.bullets);
    case "Reviews":
      return markup`<p>None.</p>`;
    case "Attributes":
      return list([
        ...product.attributes,
        product.category,
        product.query,
        product.productCategory,
      ]);
  }
}

/** The page after a purchase, with the score's parts. */
function receipt(
  shop: Webshop,
  state: WebshopState,
  options: WebshopHtmlOptions,
): Markup {
  const { goal, number, address } = options;
  const score = scoreWebshopState(shop, state, goal);
  const { type, attributes, price } = score;
  const { asin, title } = shop.products[state.product!]!;
  const titles = `title ${type.titleScore.toFixed(2)}`;
  const rows: readonly (readonly [string, string])[] = [
    ["bought", `${title} (${asin})`],
    ...state.options,
    ["type", `${pythonFloat(type.factor)} (${titles})`],
    ["attributes", `${attributes} of ${goal.attributes.length}`],
    ["options", `${score.options} of ${goal.options.length}`],
    ["price", price ? "within the bound" : "too high"],
    ["code", webshopReceiptCode(String(number))],
  ];
  const lines = rows.map(([name, value]) =>
    markup`<tr><th>${name}</th><td><bdi>${value}</bdi></td></tr>`
  );
  return markup`<section class="card">
<h2>Thank you for shopping with us!</h2>
<div id="reward"><small>Your score (min 0.0, max 1.0)</small>
<pre>${pythonFloat(score.total)}</pre></div>
<table>${lines}</table>
<form method="post" action="${address}">
<button class="btn" name="action" value="again">Try again</button>
</form>
</section>`;
}

/**
 * The code of a receipt on WebShop's site: ten hexadecimal digits of the session id's SHA-1, in
 * upper case.
 */
export function webshopReceiptCode(session: string): string {
  return createHash("sha1").update(session).digest("hex").slice(0, 10)
    .toUpperCase();
}

/** The style sheet of all pages. */
export const WEBSHOP_STYLE = `
:root { --ink: #1f2733; --soft: #5d6979; --line: #dde2e9; --blue: #2457a6; --ground: #f5f7fa; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
header { display: flex; justify-content: space-between; align-items: center; padding: .7rem 1.5rem; background: var(--ink); color: #fff; }
header a { color: #fff; text-decoration: none; } .home { font-weight: 700; font-size: 1.15rem; }
nav { display: flex; gap: 1.2rem; font-size: .9rem; } nav span { opacity: .7; } nav a:hover { text-decoration: underline; }
main { max-width: 54rem; margin: 1.5rem auto; padding: 0 1rem; }
#instruction-text { border-left: 4px solid var(--blue); padding: .2rem 0 .2rem 1rem; margin-bottom: 1rem; overflow-wrap: anywhere; }
#instruction-text h4 { margin: 0; font-size: 1.1rem; font-weight: 600; }
small { color: var(--soft); font-size: .82rem; display: block; }
#agent { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; background: #fff6dd; border: 1px solid #eeda9c; border-radius: 8px; padding: .5rem .9rem; margin-bottom: 1rem; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.2rem; margin-bottom: .8rem; overflow-wrap: anywhere; }
.bar { display: flex; gap: .5rem; flex-wrap: wrap; margin: .8rem 0; }
form { margin: 0; } button { font: inherit; cursor: pointer; }
.btn { padding: .4rem .9rem; border: 1px solid var(--line); border-radius: 8px; background: #fff; color: var(--ink); }
.btn:hover, .chip:hover, .product-link:hover { border-color: var(--blue); }
.buy { background: var(--blue); color: #fff; border-color: var(--blue); padding: .5rem 1.4rem; }
.search { display: flex; gap: .5rem; } .search input { flex: 1; font: inherit; padding: .5rem .8rem; border: 1px solid var(--line); border-radius: 8px; }
.chip { border: 1px solid var(--line); border-radius: 1rem; background: var(--ground); padding: .2rem .8rem; font-size: .9rem; text-align: left; }
.results { list-style: none; padding: 0; } .results li { display: flex; justify-content: space-between; gap: 1rem; align-items: center; }
.seen { opacity: .65; }
.product-link { white-space: nowrap; font-family: ui-monospace, monospace; border: 1px solid var(--line); border-radius: 8px; background: var(--ground); color: var(--blue); padding: .3rem .6rem; }
h2 { margin: 0 0 .4rem; font-size: 1.25rem; } h3 { margin: 0 0 .4rem; } .price { font-weight: 600; margin: 0; }
fieldset { border: 0; padding: 0; margin: .8rem 0 0; display: flex; flex-wrap: wrap; gap: .4rem; } legend { color: var(--soft); font-size: .85rem; padding: 0 0 .3rem; }
.option { display: inline-flex; align-items: center; border: 1px solid var(--line); border-radius: 8px; padding: .15rem .6rem; } .chosen { border-color: var(--blue); background: #e8f0fc; }
.plain { border: 0; background: none; padding: 0 0 0 .3rem; }
#reward pre { font: 700 2.2rem/1.2 system-ui, sans-serif; margin: 0 0 .8rem; color: var(--blue); }
table { border-collapse: collapse; margin-bottom: 1rem; } th { text-align: left; white-space: nowrap; font-weight: 500; color: var(--soft); padding: .15rem 1.5rem .15rem 0; vertical-align: top; } td { padding: .15rem 0; }
`;
