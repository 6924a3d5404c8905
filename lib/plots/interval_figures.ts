/**
 * Figures of estimates with intervals over iterations.
 *
 * @module
 */

import type { ColumnTable } from "arquero";
import { type Figure, houseLayout, seriesColor, translucent } from "./theme.ts";

/** How to draw an {@linkcode intervalCurve}. */
export interface IntervalCurveOptions {
  /** The question the figure answers. */
  readonly title: string;
  /** Label of the vertical axis, with its unit. */
  readonly y: string;
  /** Whether the vertical axis shows shares, from 0 to 1. @default {false} */
  readonly share?: boolean;
}

/** Points that are still told apart when each is marked. */
const FEW = 20;

interface Row {
  readonly series: string;
  readonly iteration: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Draws estimates over iterations with their intervals as bands; no band where an interval has no width.
 *
 * @example
 * ```ts
 * import * as aq from "arquero";
 * import { strictEqual } from "node:assert/strict";
 * import { intervalCurve } from "@hiper/lab";
 *
 * const rows = aq.table({
 *   series: ["hae", "hae"],
 *   iteration: [0, 1],
 *   mean: [0.1, 0.4],
 *   low: [0.05, 0.3],
 *   high: [0.2, 0.5],
 * });
 * const figure = intervalCurve(rows, { title: "Does it learn?", y: "success" });
 * strictEqual(figure.data.length, 3); // low edge, band, line
 * ```
 *
 * @param rows Columns `series`, `iteration`, `mean`, `low` and `high`.
 * @param options Title and vertical axis.
 * @returns The figure.
 */
export function intervalCurve(
  rows: ColumnTable,
  options: IntervalCurveOptions,
): Figure {
  const { title, y, share = false } = options;
  const groups = Map.groupBy(rows.objects() as Row[], (row) => row.series);
  const data = [...groups].flatMap(([name, group], index) => {
    const sorted = group.toSorted((a, b) => a.iteration - b.iteration);
    const x = sorted.map((row) => row.iteration);
    const color = seriesColor(index);
    const line = {
      type: "scatter",
      mode: x.length > FEW ? "lines" : "lines+markers",
      name,
      x,
      y: sorted.map((row) => row.mean),
      line: { color, width: 2 },
      showlegend: groups.size > 1,
    };
    if (sorted.every((row) => row.high === row.low)) return [line];
    const edge = (end: "low" | "high") => ({
      type: "scatter",
      mode: "lines",
      x,
      y: sorted.map((row) => row[end]),
      line: { width: 0, color },
      hoverinfo: "skip",
      showlegend: false,
    });
    const band = { fill: "tonexty", fillcolor: translucent(color, 0.2) };
    return [edge("low"), { ...edge("high"), ...band }, line];
  });
  const layout = houseLayout({ title, x: "iteration", y });
  const yaxis = layout["yaxis"] as Record<string, unknown>;
  return {
    data,
    layout: share
      ? { ...layout, yaxis: { ...yaxis, range: [-0.03, 1.03] } }
      : layout,
  };
}
