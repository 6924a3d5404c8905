/**
 * Error of estimators against the batch size.
 *
 * @module
 */

import { type Figure, houseLayout, seriesColor, translucent } from "./theme.ts";
import { BAND, DASHES } from "./variance_figures.ts";

/** One curve of {@linkcode errorAgainstBatch}. */
export interface BatchErrorCurve {
  /** Name of the estimator. */
  readonly name: string;
  /** Expected squared error for each batch size. */
  readonly errors: readonly number[];
  /** Standard errors of those. */
  readonly standardErrors: readonly number[];
}

/** How to draw {@linkcode errorAgainstBatch}. */
export interface ErrorAgainstBatchOptions {
  /** Batch sizes, in episodes. */
  readonly sizes: readonly number[];
  /** The question the figure answers. */
  readonly title: string;
}

/**
 * Draws the expected squared error of a batch's gradient against the batch size, with 95 % bands.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { errorAgainstBatch } from "@hiper/lab";
 *
 * const { data } = errorAgainstBatch(
 *   [{ name: "RLOO", errors: [2, 1], standardErrors: [0.1, 0.1] }],
 *   { sizes: [8, 16], title: "RLOO" },
 * );
 * strictEqual(data.length, 3); // two edges of the band, one line
 * ```
 *
 * @param curves One for each estimator.
 * @param options Sizes and title.
 * @returns The figure; both axes logarithmic.
 */
export function errorAgainstBatch(
  curves: readonly BatchErrorCurve[],
  options: ErrorAgainstBatchOptions,
): Figure {
  const { sizes, title } = options;
  const data = curves.flatMap(({ name, errors, standardErrors }, index) => {
    const color = seriesColor(index);
    // A logarithmic axis has no room for a band that reaches 0.
    const edge = (sign: number) => ({
      type: "scatter",
      mode: "lines",
      x: sizes,
      y: errors.map((error, i) =>
        Math.max(error / 20, error + sign * BAND * standardErrors[i]!)
      ),
      line: { width: 0, color },
      hoverinfo: "skip",
      showlegend: false,
    });
    return [
      edge(-1),
      { ...edge(1), fill: "tonexty", fillcolor: translucent(color, 0.2) },
      {
        type: "scatter",
        mode: "lines+markers",
        name,
        x: sizes,
        y: errors,
        line: { color, width: 2, dash: DASHES[index % DASHES.length] },
        marker: { color, size: 6, symbol: index },
      },
    ];
  });
  const layout = houseLayout({
    title,
    x: "episodes in the batch",
    y: "squared error (squared gradient = 1)",
    height: 520,
    extra: { legend: { orientation: "h", y: -0.2, traceorder: "normal" } },
  });
  const log = (axis: string, dtick: string | number) => ({
    ...layout[axis] as Record<string, unknown>,
    type: "log",
    dtick,
  });
  return {
    data,
    layout: { ...layout, xaxis: log("xaxis", "D2"), yaxis: log("yaxis", 1) },
  };
}
