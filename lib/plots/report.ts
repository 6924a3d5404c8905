/**
 * A standalone HTML page of figures, tables and prose: one file, no network.
 *
 * @module
 */

import { escape } from "html-escaper";
import { createRequire } from "node:module";
import type { ColumnTable } from "arquero";
import type { Figure } from "./theme.ts";

/** One section of a report. */
export interface ReportSection {
  /** Heading of the section. */
  readonly heading: string;
  /** Plain text, escaped; blank lines separate paragraphs. */
  readonly prose?: string;
  /** A figure, drawn when the page opens. */
  readonly figure?: Figure;
  /** A table, every row of it. */
  readonly table?: ColumnTable;
  /** Markup that is already safe, such as an episode drawn by `episodeHtml`. */
  readonly html?: string;
  /** Plain text below everything else, escaped: what the figure or table shows. */
  readonly caption?: string;
  /** Whether the section needs half of the page's width; two such stand side by side. @default {false} */
  readonly half?: boolean;
}

/** What a report says. */
export interface ReportOptions {
  /** Title of the page. */
  readonly title: string;
  /** Sections in reading order. */
  readonly sections: readonly ReportSection[];
}

const STYLE = `
:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
main{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 2.5rem}
section{grid-column:1/-1;min-width:0}section.half{grid-column:auto}
@media(max-width:56rem){section.half{grid-column:1/-1}}
h2{margin:1.6rem 0 .4rem}p{margin:.4rem 0;max-width:48rem}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-wrap:balance;padding:.25rem .7rem;text-align:right;border-bottom:1px solid rgba(127,127,127,.35)}
th:first-child,td:first-child{text-align:left}
.figure{margin:.6rem 0}.scroll{overflow-x:auto}
.cards{display:flex;flex-wrap:wrap;gap:1rem;margin:1rem 0}
.card{flex:1 1 9rem;padding:.7rem 1rem;border:1px solid rgba(127,127,127,.35);border-radius:.6rem}
.card b{display:block;font-size:1.7rem;line-height:1.25;font-variant-numeric:tabular-nums}
.card span{font-size:.85rem;opacity:.75}
summary{cursor:pointer;padding:.35rem 0}
`;

/**
 * Writes a page that can be opened without a server, a network or a build.
 *
 * Every text is escaped; figures travel as JSON that cannot close its own script element.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { htmlReport } from "@hiper/lab";
 *
 * const page = htmlReport({
 *   title: "Corridors",
 *   sections: [{ heading: "Result", prose: "With <b> it takes 5 turns." }],
 * });
 * ok(page.includes("<h2>Result</h2>"));
 * ok(page.includes("With &lt;b&gt; it takes")); // a text is never markup
 * ```
 *
 * @param options Title and sections.
 * @returns HTML of the whole page, about 1.2 MB because Plotly travels with it.
 */
export function htmlReport(options: ReportOptions): string {
  const { title, sections } = options;
  const figures = sections.flatMap(({ figure }) =>
    figure ? [spelledOut(figure)] : []
  );
  let drawn = 0;
  const body = sections.map((section) => {
    const width = section.half ? ' class="half"' : "";
    const parts = [`<section${width}><h2>${escape(section.heading)}</h2>`];
    if (section.prose) parts.push(...paragraphs(section.prose));
    if (section.figure) {
      parts.push(`<div class="figure" id="figure-${drawn++}"></div>`);
    }
    if (section.table) {
      parts.push(`<div class="scroll">${tableHtml(section.table)}</div>`);
    }
    if (section.html) parts.push(section.html);
    if (section.caption) parts.push(...paragraphs(section.caption));
    parts.push("</section>");
    return parts.join("\n");
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title><style>${STYLE}</style></head>
<body><h1>${escape(title)}</h1>
<main>
${body.join("\n")}
</main>
${figures.length > 0 ? `<script>${plotlySource()}</script>` : ""}
<script>
const figures = ${scriptJson(figures)};
figures.forEach(({ data, layout }, i) =>
  Plotly.newPlot("figure-" + i, data, layout, { responsive: true, displaylogo: false }));
</script></body></html>
`;
}

/**
 * Writes a table as HTML, every cell escaped.
 *
 * @param table Any Arquero table.
 * @returns A `<table>` element.
 */
export function tableHtml(table: ColumnTable): string {
  const names = table.columnNames();
  const head = names.map((name) => `<th>${escape(name)}</th>`).join("");
  const rows = table.objects().map((row) => {
    const cells = names.map((name) =>
      `<td>${escape(cellText((row as Record<string, unknown>)[name]))}</td>`
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${
    rows.join("")
  }</tbody></table>`;
}

/** Four significant digits for numbers, nothing for what is missing. */
function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value)
    ? String(value)
    : String(+value.toPrecision(4));
}

function paragraphs(prose: string): string[] {
  return prose.split(/\n\s*\n/).map((text) => `<p>${escape(text.trim())}</p>`);
}

/**
 * JSON that may stand inside a script element: no `<`, so no closing tag, no comment.
 *
 * @param value Plain data.
 * @returns JavaScript source of that data.
 */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/**
 * Makes Plotly show texts letter by letter: left alone it reads tags in them, links included.
 *
 * @param figure Any figure of the house; none of them uses markup.
 * @returns The same figure, `&` and `<` of every text as entities, new lines as such.
 */
export function spelledOut(figure: Figure): Figure {
  const spell = (value: unknown): unknown => {
    if (typeof value === "string") {
      return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
        .replaceAll("\n", "<br>"); // the one tag, and ours: a new line
    }
    if (Array.isArray(value)) return value.map(spell);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, spell(one)]),
    );
  };
  return spell(figure) as Figure;
}

/**
 * Reads Plotly's own minified source, with no way to close a script element.
 *
 * @returns JavaScript source, about 1.2 MB.
 */
export function plotlySource(): string {
  const require = createRequire(import.meta.url);
  return Deno.readTextFileSync(require.resolve("plotly.js-basic-dist-min"))
    .replaceAll("</script", "<\\/script");
}
