/**
 * A standalone HTML page of figures, tables and prose: one file, no network.
 *
 * @module
 */

import type { ColumnTable } from "npm:arquero@7.2.0";
import plotly from "npm:plotly.js-basic-dist-min@4.1.1/plotly-basic.min.js" with {
  type: "text",
};
import { type Markup, markup, scriptJson, trusted } from "../html.ts";
import { type Figure, PLOTLY_CONFIG, plotlyFigure } from "./figure.ts";

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
  /** HTML in which texts are escaped already, such as that of `episodeHtml`. */
  readonly html?: string;
  /** Plain text below everything else, escaped: what the figure or table shows. */
  readonly caption?: string;
  /** Whether the section takes half of the page's width, beside another such section. @default {false} */
  readonly half?: boolean;
}

/** Contents of a report. */
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
th,td{white-space:nowrap;padding:.25rem .7rem;text-align:right;border-bottom:1px solid rgba(127,127,127,.35)}
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
 * Every text is escaped; figures are JSON that cannot close its own script element.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { reportHtml } from "@hiper/lab/plots";
 *
 * const page = reportHtml({
 *   title: "Corridors",
 *   sections: [{ heading: "Result", prose: "With <b> it takes 5 turns." }],
 * });
 * ok(page.includes("<h2>Result</h2>"));
 * ok(page.includes("With &lt;b&gt; it takes")); // text is never markup
 * ```
 *
 * @param options Title and sections.
 * @returns HTML of the whole page, about 1.2 MB as Plotly is part of it.
 */
export function reportHtml(options: ReportOptions): string {
  const { title, sections } = options;
  const figures = sections.flatMap(({ figure }) =>
    figure ? [plotlyFigure(figure)] : []
  );
  let drawn = 0;
  const body = sections.map((section) =>
    markup`<section${section.half ? markup` class="half"` : undefined}>
<h2>${section.heading}</h2>
${section.prose && paragraphs(section.prose)}
${
      section.figure &&
      markup`<div class="figure" id="figure-${drawn++}"></div>`
    }
${
      section.table &&
      markup`<div class="scroll">${tableMarkup(section.table)}</div>`
    }
${section.html && trusted(section.html)}
${section.caption && paragraphs(section.caption)}
</section>
`
  );
  const library = trusted(figures.length > 0 ? plotlySource() : "");
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${trusted(STYLE)}</style></head>
<body><h1>${title}</h1>
<main>
${body}
</main>
<script>${library}</script>
<script>
const figures = ${scriptJson(figures)};
figures.forEach(({ data, layout }, i) =>
  Plotly.newPlot("figure-" + i, data, layout, ${scriptJson(PLOTLY_CONFIG)}));
</script></body></html>
`.text;
}

/** Formats an Arquero table as an HTML `<table>`. */
export function tableMarkup(table: ColumnTable): Markup {
  const names = table.columnNames();
  const rows = table.objects() as Record<string, unknown>[];
  const body = rows.map((row) =>
    markup`<tr>${
      names.map((name) => markup`<td>${cellText(row[name])}</td>`)
    }</tr>`
  );
  const head = names.map((name) => markup`<th>${name}</th>`);
  return markup`<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

/** A cell as text: numbers to four significant digits, dates in ISO form, nothing where it is missing. */
function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toJSON() ?? "";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value)
    ? String(value)
    : String(+value.toPrecision(4));
}

function paragraphs(prose: string): Markup[] {
  return prose.split(/\n\s*\n/).map((text) => markup`<p>${text.trim()}</p>\n`);
}

/** Plotly's minified source (about 1.2 MB) without any text that closes a script element. */
export function plotlySource(): string {
  return plotly.replaceAll("</script", "<\\/script");
}
