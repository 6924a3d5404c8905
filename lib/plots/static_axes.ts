/**
 * Axes of a picture drawn without a browser: from Plotly's axis settings to positions and ticks.
 *
 * @module
 */

import { scaleBand, scaleLinear, scaleLog } from "d3-scale";

/** One axis of a static picture. */
export interface StaticAxis {
  /** Position of a value along the axis, in pixels; `NaN` for what cannot be placed. */
  place(value: unknown): number;
  /** Values to mark, with their labels. */
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  /** Width of one category, in pixels; 0 on a continuous axis. */
  readonly band: number;
  /** Where zero, or the start of a logarithmic axis, lies, in pixels. */
  readonly origin: number;
}

/** What of Plotly's axis settings a picture heeds. */
export interface AxisSettings {
  /** `linear` unless said otherwise; `category` also when any value is text. */
  readonly type?: "linear" | "log" | "category";
  /** Ends of the axis; powers of ten on a logarithmic one. */
  readonly range?: readonly [number, number];
  /** Share of the plot's width or height that the axis spans. */
  readonly domain?: readonly [number, number];
  /** Label. */
  readonly title?: string | { readonly text?: string };
  /** `reversed` flips the axis. */
  readonly autorange?: boolean | "reversed";
  /** Values to mark, in place of round ones. */
  readonly tickvals?: readonly number[];
  /** Labels of `tickvals`. */
  readonly ticktext?: readonly string[];
  /** Whether the axis is drawn at all. @default {true} */
  readonly visible?: boolean;
}

/**
 * Lays out an axis over its data.
 *
 * @param settings Plotly's settings of the axis.
 * @param values Everything that is drawn along it.
 * @param pixels Start and end of the axis, in pixels.
 * @returns The axis.
 */
export function staticAxis(
  settings: AxisSettings,
  values: readonly unknown[],
  pixels: readonly [number, number],
): StaticAxis {
  const isText = values.some((value) =>
    typeof value === "string" && !Number.isFinite(Number(value))
  );
  if (settings.type === "category" || isText) {
    return categoryAxis(values, pixels, settings.autorange === "reversed");
  }
  const numbers = values.map(Number).filter(Number.isFinite);
  return settings.type === "log"
    ? logAxis(settings, numbers, pixels)
    : linearAxis(settings, numbers, pixels);
}

function categoryAxis(
  values: readonly unknown[],
  pixels: readonly [number, number],
  reversed: boolean,
): StaticAxis {
  const names = [...new Set(values.map(String))];
  if (reversed) names.reverse();
  const scale = scaleBand(names, [...pixels]).padding(0.2);
  const band = scale.bandwidth();
  const place = (value: unknown) => (scale(String(value)) ?? NaN) + band / 2;
  const ticks = names.map((label) => ({ at: place(label), label }));
  return { place, ticks, band, origin: pixels[0] };
}

function linearAxis(
  settings: AxisSettings,
  numbers: readonly number[],
  pixels: readonly [number, number],
): StaticAxis {
  let [low, high] = settings.range ?? padded(numbers);
  if (settings.autorange === "reversed") [low, high] = [high, low];
  const scale = scaleLinear([low, high], [...pixels]);
  const format = scale.tickFormat(6);
  const marks = settings.tickvals ?? scale.ticks(6);
  return {
    place: (value) => scale(Number(value)),
    ticks: marks.map((value, i) => ({
      at: scale(value),
      label: settings.ticktext?.[i] ?? format(value),
    })),
    band: 0,
    origin: scale(
      Math.min(Math.max(0, Math.min(low, high)), Math.max(low, high)),
    ),
  };
}

function logAxis(
  settings: AxisSettings,
  numbers: readonly number[],
  pixels: readonly [number, number],
): StaticAxis {
  const positive = numbers.filter((value) => value > 0);
  const [low, high] = settings.range?.map((power) => 10 ** power) ??
    [Math.min(...positive, 1) / 1.2, Math.max(...positive, 1) * 1.2];
  const scale = scaleLog([low!, high!], [...pixels]);
  const format = scale.tickFormat(6, "~g");
  return {
    place: (value) => Number(value) > 0 ? scale(Number(value)) : NaN,
    ticks: scale.ticks(6).map((value) => ({
      at: scale(value),
      label: format(value),
    })).filter(({ label }) => label !== ""),
    band: 0,
    origin: pixels[0],
  };
}

/** The range of the data with 5 % of air on both sides. */
function padded(numbers: readonly number[]): [number, number] {
  if (numbers.length === 0) return [0, 1];
  let low = Infinity, high = -Infinity;
  for (const value of numbers) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const air = high > low ? 0.05 * (high - low) : 0.5;
  return [low - (low === 0 ? 0 : air), high + air];
}
