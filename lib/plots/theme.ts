/**
 * How figures look: colors of decisions and estimators, fonts, sizes, and the shape of a figure.
 *
 * Colors are the Okabe and Ito palette, distinguishable under the common color-vision deficiencies.
 *
 * @module
 */

/** A Plotly figure as plain data. */
export interface Figure {
  /** Plotly traces. */
  readonly data: readonly Readonly<Record<string, unknown>>[];
  /** Plotly layout. */
  readonly layout: Readonly<Record<string, unknown>>;
}

/** The Okabe and Ito palette, in the order in which series take colors. */
export const PALETTE = [
  "#0072B2",
  "#D55E00",
  "#009E73",
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#8C6D31",
  "#7F7F7F",
] as const;

/** Color of each decision. */
export const DECISION_COLORS = {
  switching: "#CC79A7",
  planning: "#0072B2",
  execution: "#D55E00",
} as const;

/**
 * Picks a series' color by its position.
 *
 * @param index Position of the series, from 0.
 * @returns A CSS color.
 */
export function seriesColor(index: number): string {
  return PALETTE[index % PALETTE.length]!;
}

/**
 * Makes a color translucent, for bands.
 *
 * @param hex Color as `#rrggbb`.
 * @param alpha Opacity in `[0, 1]`.
 * @returns A CSS `rgba()` color.
 */
export function translucent(hex: string, alpha: number): string {
  const channel = (start: number) => parseInt(hex.slice(start, start + 2), 16);
  return `rgba(${channel(1)},${channel(3)},${channel(5)},${alpha})`;
}

/** What a layout needs besides the house style. */
export interface LayoutOptions {
  /** The question the figure answers. */
  readonly title: string;
  /** Label of the horizontal axis, with its unit. */
  readonly x: string;
  /** Label of the vertical axis, with its unit. */
  readonly y: string;
  /** Pixels. @default {420} */
  readonly height?: number;
  /** Anything Plotly knows, merged over the house style. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/**
 * Lays out a figure in the house style; readable on light and dark pages.
 *
 * @param options Title, axis labels with units, and anything special.
 * @returns A Plotly layout.
 */
export function houseLayout(options: LayoutOptions): Record<string, unknown> {
  const { title, x, y, height = 420, extra = {} } = options;
  const axis = (label: string) => ({
    title: { text: label, font: { size: 13 } },
    gridcolor: "rgba(127,127,127,0.25)",
    zerolinecolor: "rgba(127,127,127,0.5)",
    automargin: true,
  });
  return {
    title: { text: title, x: 0, xanchor: "left", font: { size: 16 } },
    font: { family: "system-ui, sans-serif", size: 13, color: "#777777" },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    height,
    margin: { l: 64, r: 24, t: 56, b: 56 },
    legend: { orientation: "h", y: -0.22, traceorder: "normal" },
    hovermode: "closest",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "#777777" },
    xaxis: axis(x),
    yaxis: axis(y),
    ...extra,
  };
}
