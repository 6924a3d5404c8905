/**
 * GEAR: weights for the units of a reply, from how far a teacher that knows the answer departs from the policy.
 *
 * Written from published descriptions, not from the paper's full text. They confirm the ingredients: a base
 * advantage of the whole episode, a divergence for each token that spikes where the reply departs in meaning, single
 * tokens where both agree, and one segment after a spike that is weighted by the divergence at the departure and
 * ends by entropy. Thresholds, the rule for a segment's end, the weight's form and every number here are choices of
 * this project.
 *
 * @see {@link https://arxiv.org/abs/2605.11853 | GEAR}
 *
 * @module
 */

import { checkLength } from "../checks.ts";
import { quantile } from "../numeric.ts";

/** Options of {@linkcode gearWeights} and {@linkcode gearSegments}. */
export interface GearOptions {
  /** Quantile of divergence above which a unit departs, in `[0, 1]`. @default {0.9} */
  spikeQuantile?: number;
  /** Least threshold of divergence, in nats, above 0. @default {0.1} */
  minimumThreshold?: number;
  /** The threshold itself, in nats, in place of the quantile: one for the whole group of a reply. */
  threshold?: number;
  /** Quantile of the reply's entropies above which a segment may end, in `[0, 1]`. @default {0.8} */
  entropyQuantile?: number;
  /** Fewest units of a segment before entropy may end it. @default {4} */
  minimumLength?: number;
  /** Most units of a segment. @default {64} */
  maximumLength?: number;
  /** How strongly divergence weighs, at least 0; 0 gives equal weights. @default {0.5} */
  strength?: number;
  /** Sign of the advantage: praise is withheld from departures, blame concentrated on them. @default {1} */
  sign?: 1 | -1;
  /** `symmetric` concentrates praise on departures too. @default {"signed"} */
  signMode?: "signed" | "symmetric";
  /** Bounds of the weights, before renormalizing. @default {[0.25, 4]} */
  bounds?: readonly [number, number];
  /** Whether weights are made to average 1 again after they were bounded. @default {false} */
  renormalize?: boolean;
  /** 1 where a block or turn starts, which ends a segment. Shape `(units,)`; absent means nowhere. */
  boundaries?: Uint8Array;
}

/** Units `[start, end)` that share one divergence. */
export interface GearSegment {
  /** First unit. */
  readonly start: number;
  /** One past the last unit. */
  readonly end: number;
  /** Divergence that weighs on all of them: that of the first. In nats. */
  readonly divergence: number;
}

/** Defaults of {@linkcode GearOptions}. */
export const GEAR_DEFAULTS = {
  spikeQuantile: 0.9,
  minimumThreshold: 0.1,
  entropyQuantile: 0.8,
  minimumLength: 4,
  maximumLength: 64,
  strength: 0.5,
  sign: 1,
  signMode: "signed",
  bounds: [0.25, 4],
  renormalize: false,
} as const satisfies GearOptions;

/** Divergence above this many thresholds weighs no more. */
const DIVERGENCE_CAP = 3;

/**
 * Finds the divergence above which units depart, from all replies of a group.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { gearThreshold } from "@hiper/lab/credit";
 *
 * strictEqual(gearThreshold([0, 0, 1, 4], { spikeQuantile: 1 }), 4);
 * // Where teacher and policy all but agree, small differences are no departures.
 * strictEqual(gearThreshold([0.01, 0.02]), 0.1);
 * ```
 *
 * @param divergences Divergence of each unit, in nats. Any shape.
 * @returns `max(quantile, minimumThreshold)`, in nats; the minimum when there are no units.
 * @throws {RangeError} If the quantile is outside `[0, 1]` or the minimum is not above 0.
 */
export function gearThreshold(
  divergences: ArrayLike<number>,
  options: GearOptions = {},
): number {
  const { spikeQuantile, minimumThreshold } = { ...GEAR_DEFAULTS, ...options };
  if (!(minimumThreshold > 0)) {
    throw new RangeError(
      `Cannot weigh units as "minimumThreshold" must be above 0: current value is ${minimumThreshold}`,
    );
  }
  const spike = quantile(divergences, spikeQuantile);
  return Number.isNaN(spike)
    ? minimumThreshold
    : Math.max(spike, minimumThreshold);
}

/**
 * Splits a reply into single units where teacher and policy agree, and segments where they depart.
 *
 * A unit above the threshold starts a segment. It goes on until the first unit whose entropy is above the
 * quantile of the reply's and that stands at least `minimumLength` after the start, a boundary, the end, or
 * `maximumLength`. Further spikes inside do not split it.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { gearSegments } from "@hiper/lab/credit";
 *
 * const divergence = new Float64Array([0.2, 2, 0.1, 0.3, 0.2]);
 * const entropy = new Float64Array(5);
 * deepStrictEqual(
 *   gearSegments(divergence, entropy, { threshold: 1, maximumLength: 3 }),
 *   [
 *     { start: 0, end: 1, divergence: 0.2 },
 *     { start: 1, end: 4, divergence: 2 },
 *     { start: 4, end: 5, divergence: 0.2 },
 *   ],
 * );
 * ```
 *
 * @param divergence How far the teacher departs at each unit, at least 0, in nats. Shape `(units,)`.
 * @param entropy Entropy of the policy at each unit, in nats. Shape `(units,)`.
 * @returns Segments that tile the reply.
 * @throws {RangeError} If lengths differ or a setting is out of range.
 */
export function gearSegments(
  divergence: Float64Array,
  entropy: Float64Array,
  options: GearOptions = {},
): GearSegment[] {
  const { entropyQuantile, minimumLength, maximumLength } = {
    ...GEAR_DEFAULTS,
    ...options,
  };
  const { threshold = gearThreshold(divergence, options), boundaries } =
    options;
  checkUnits(divergence, entropy, options);
  const high = quantile(entropy, entropyQuantile);
  const segments: GearSegment[] = [];
  for (let start = 0; start < divergence.length;) {
    let end = start + 1;
    const departs = divergence[start]! > threshold;
    while (
      departs && end < divergence.length && end - start < maximumLength &&
      boundaries?.[end] !== 1 &&
      !(end - start >= minimumLength && entropy[end]! > high)
    ) end++;
    segments.push({ start, end, divergence: divergence[start]! });
    start = end;
  }
  return segments;
}

/**
 * Weighs the units of a reply; advantages are multiplied by the weights.
 *
 * With `x = min(divergence / threshold, 3)` of a unit's segment, `u = exp(−strength · x)` for praise and
 * `exp(+strength · x)` for blame, and `w = clip(u / mean(u), bounds)`. Weights are positive, so signs never flip;
 * equal divergences give equal weights, and so the advantages one started from.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { gearWeights } from "@hiper/lab/credit";
 *
 * const entropy = new Float64Array(3);
 * const departing = new Float64Array([0.25, 2, 0.25]);
 * const options = { threshold: 1, maximumLength: 1 };
 * const praise = gearWeights(departing, entropy, options);
 * const blame = gearWeights(departing, entropy, { ...options, sign: -1 });
 * ok(praise[1]! < praise[0]! && blame[1]! > blame[0]!);
 *
 * const agreeing = gearWeights(new Float64Array(3), entropy, options);
 * deepStrictEqual(agreeing, new Float64Array([1, 1, 1]));
 * ```
 *
 * @param divergence How far the teacher departs at each unit, at least 0, in nats. Shape `(units,)`.
 * @param entropy Entropy of the policy at each unit, in nats. Shape `(units,)`.
 * @param options Thresholds, strength, sign and bounds.
 * @returns Weights. Shape `(units,)`.
 * @throws {RangeError} If lengths differ or a setting is out of range.
 * @see {@link https://arxiv.org/abs/2605.11853 | GEAR}
 */
export function gearWeights(
  divergence: Float64Array,
  entropy: Float64Array,
  options: GearOptions = {},
): Float64Array {
  const { threshold = gearThreshold(divergence, options) } = options;
  const { strength, sign, signMode, bounds } = { ...GEAR_DEFAULTS, ...options };
  const direction = signMode === "symmetric" ? 1 : -sign;
  const segments = gearSegments(divergence, entropy, { ...options, threshold });
  const raw = new Float64Array(divergence.length);
  for (const segment of segments) {
    const x = Math.min(segment.divergence / threshold, DIVERGENCE_CAP);
    raw.fill(Math.exp(direction * strength * x), segment.start, segment.end);
  }
  const average = raw.reduce((a, b) => a + b, 0) / raw.length;
  const weights = raw.map((u) =>
    Math.min(Math.max(u / average, bounds[0]), bounds[1])
  );
  if (!options.renormalize) return weights;
  const level = weights.reduce((a, b) => a + b, 0) / weights.length;
  return weights.map((w) => w / level);
}

/** Throws unless columns agree, hold sensible numbers, and settings are in range. */
function checkUnits(
  divergence: Float64Array,
  entropy: Float64Array,
  options: GearOptions,
): void {
  const { threshold = 1, boundaries } = options;
  const { maximumLength, strength, bounds, sign, signMode } = {
    ...GEAR_DEFAULTS,
    ...options,
  };
  checkLength("weigh units", { entropy, boundaries }, divergence.length);
  const bad = divergence.findIndex((d) => !(d >= 0 && d < Infinity));
  if (bad >= 0) {
    throw new RangeError(
      `Cannot weigh units as divergence must be finite and not negative: unit ${bad} has ${
        divergence[bad]
      }`,
    );
  }
  const settings: [string, boolean, unknown][] = [
    ["threshold", threshold > 0, threshold],
    ["maximumLength", maximumLength >= 1, maximumLength],
    ["strength", strength >= 0, strength],
    ["sign", sign === 1 || sign === -1, sign],
    ["signMode", signMode === "signed" || signMode === "symmetric", signMode],
    ["bounds", bounds[0] > 0 && bounds[0] <= 1 && bounds[1] >= 1, bounds],
  ];
  for (const [name, holds, value] of settings) {
    if (holds) continue;
    throw new RangeError(
      `Cannot weigh units as "${name}" is out of range: current value is ${
        JSON.stringify(value)
      }`,
    );
  }
}
