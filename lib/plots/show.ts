/**
 * Shows figures and tables: inline in a notebook, as a file elsewhere.
 *
 * The only file of the project that uses `Deno.jupyter`.
 *
 * @module
 */

import type { ColumnTable } from "npm:arquero@7.2.0";
import { markup, scriptJson } from "../html.ts";
import {
  type Figure,
  figureTitle,
  PLOTLY_CONFIG,
  plotlyFigure,
} from "./figure.ts";
import { plotlySource, reportHtml, tableMarkup } from "./report.ts";
import { staticSvg } from "./static_svg.ts";

/** One rendering for each MIME type that a notebook front end may know. */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** Marks the script that holds Plotly, so that it can be left out of a committed notebook. */
const PLOTLY_MARK = "hiper-plotly";

/** The part of `Deno.jupyter` that is used. */
interface Kernel {
  broadcast(
    type: "display_data" | "update_display_data",
    content: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}

/** The notebook kernel, if there is one; elsewhere reading the property may throw. */
function notebookKernel(): Kernel | undefined {
  try {
    const { jupyter } = Deno as { jupyter?: Partial<Kernel> };
    return typeof jupyter?.broadcast === "function"
      ? jupyter as Kernel
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Sends a bundle and waits until it has left the kernel, before the cell is reported idle:
 * front ends take that as the end of a cell's output.
 */
async function send(
  kernel: Kernel,
  type: "display_data" | "update_display_data",
  data: MimeBundle,
  id?: string,
): Promise<void> {
  const transient = id === undefined ? {} : { display_id: id };
  await kernel.broadcast(type, { data, metadata: {}, transient });
  await new Promise((resolve) => setTimeout(resolve, 5));
}

/**
 * Prepares a notebook: sends Plotly to the page once, turns an interrupt into an abort
 * signal instead of ending the kernel, and revokes the permissions that no
 * notebook of the project needs (network, subprocesses, native libraries).
 *
 * Call it once, in the first cell. Outside a notebook it only returns a signal.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { startNotebook } from "@hiper/lab";
 *
 * const { signal } = await startNotebook({ confine: false });
 * strictEqual(signal.aborted, false);
 * ```
 *
 * @param options `confine: false` keeps every permission, for a notebook that talks to a server.
 * @returns A signal that aborts when the kernel is interrupted.
 */
export async function startNotebook(
  options: { confine?: boolean } = {},
): Promise<{ readonly signal: AbortSignal }> {
  const { confine = true } = options;
  const controller = new AbortController();
  const kernel = notebookKernel();
  if (!kernel) return { signal: controller.signal };
  Deno.addSignalListener("SIGINT", () => controller.abort());
  if (confine) {
    for (const name of ["net", "run", "ffi"] as const) {
      await Deno.permissions.revoke({ name });
    }
  }
  await send(kernel, "display_data", {
    "text/plain": "Plotly is ready.",
    "text/html":
      `<small>Plotly is ready.</small><script data-mark="${PLOTLY_MARK}">` +
      `(() => { const define = undefined, module = undefined, exports = undefined;\n` +
      `${plotlySource()}\n})();</script>`,
  });
  return { signal: controller.signal };
}

/**
 * Renders a figure for every front end: interactive where scripts run and Plotly was sent by
 * {@linkcode startNotebook}, by the front end itself where it knows Plotly's MIME type,
 * and as a picture everywhere else. All of them show the same data.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { figureBundle } from "@hiper/lab/plots";
 *
 * const bundle = figureBundle({ data: [{ x: [1, 2], y: [3, 4] }], layout: {} });
 * ok(String(bundle["image/svg+xml"]).startsWith("<svg"));
 * ```
 *
 * @param figure Any figure.
 * @returns A MIME bundle.
 * @throws {TypeError} If the figure holds something else than plain data.
 */
export function figureBundle(figure: Figure): MimeBundle {
  const svg = staticSvg(figure);
  const { data, layout } = plotlyFigure(figure);
  const picture = new TextEncoder().encode(svg).toBase64();
  const title = figureTitle(figure) || "figure";
  return {
    "application/vnd.plotly.v1+json": { data, layout, config: PLOTLY_CONFIG },
    "text/html":
      markup`<div class="hiper-figure" style="width:100%;overflow-x:auto"><img alt="${title}" style="max-width:100%" src="data:image/svg+xml;base64,${picture}"></div><script>(() => { const box = document.currentScript.previousElementSibling;
if (!window.Plotly) return;
const figure = ${scriptJson({ data, layout })};
box.replaceChildren();
window.Plotly.newPlot(box, figure.data, figure.layout, ${
        scriptJson(PLOTLY_CONFIG)
      });
})();</script>`.text,
    "image/svg+xml": svg,
    "text/plain": `[figure: ${title}]`,
  };
}

/**
 * Shows a figure or a table: inline in a notebook; elsewhere it writes a page and prints its path.
 *
 * @example
 * ```ts ignore
 * import { learningCurve, readMetrics, show } from "@hiper/lab";
 *
 * await show(learningCurve(await readMetrics(["runs/household"]), { metric: "success_rate" }));
 * ```
 *
 * @param content A figure, or an Arquero table.
 * @param options Where to write the page outside a notebook. @default {"runs/figures"}
 * @throws {Deno.errors.NotCapable} Outside a notebook, without permission to write there.
 */
export async function show(
  content: Figure | ColumnTable,
  options: { directory?: string } = {},
): Promise<void> {
  const kernel = notebookKernel();
  if (kernel) {
    return await send(kernel, "display_data", contentBundle(content));
  }
  const { directory = "runs/figures" } = options;
  const title = isFigure(content) ? figureTitle(content) || "Figure" : "Table";
  const slug = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 60)
    .replaceAll(/^-|-$/g, "") || "figure";
  const path = `${directory}/${slug}.html`;
  const section = isFigure(content)
    ? { heading: "", figure: content }
    : { heading: "", table: content };
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(path, reportHtml({ title, sections: [section] }));
  // deno-lint-ignore hiper/quiet-library -- its purpose is to print where the page is
  console.log(`${title}: ${path}`);
}

function isFigure(content: Figure | ColumnTable): content is Figure {
  return "layout" in content;
}

function contentBundle(content: Figure | ColumnTable): MimeBundle {
  if (isFigure(content)) return figureBundle(content);
  return {
    "text/html": tableMarkup(content).text,
    "text/plain": content.toCSV({ delimiter: "\t" }),
  };
}

/** An output of a notebook that is redrawn in place. */
export interface LiveFigure {
  /** Replaces the figure shown. */
  update(figure: Figure): Promise<void>;
}

/**
 * Opens an output whose figure is redrawn in place, to watch training.
 *
 * Outside a notebook updates do nothing; call {@linkcode show} with the final figure.
 *
 * @param id Name of the output, one for each live figure of a notebook.
 * @returns The output.
 */
export function showLive(id: string): LiveFigure {
  const kernel = notebookKernel();
  const displayId = `hiper-live-${id}`;
  let drawn = false;
  return {
    async update(figure) {
      if (!kernel) return;
      const type = drawn ? "update_display_data" : "display_data";
      drawn = true;
      await send(kernel, type, figureBundle(figure), displayId);
    },
  };
}
