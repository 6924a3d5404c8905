/**
 * Gradients of single episodes, their first two moments, and the bias and variance that follow.
 *
 * @module
 */

import {
  type ByDecision,
  type DecisionName,
  DECISIONS,
} from "../../trajectory.ts";
import type { TabularEpisodes, TabularSmdp } from "./tabular.ts";

/** One estimator's gradient of one decision's logits, judged against the exact one. Flat, so that rows make a table. */
export interface VarianceRow {
  /** Name of the estimator with its settings. */
  readonly estimator: string;
  /** Whose logits; `all` for the whole gradient. */
  readonly decision: DecisionName | "all";
  /** Episodes behind the numbers. */
  readonly episodes: number;
  /** Length of the exact gradient. */
  readonly gradientNorm: number;
  /** Distance of the mean gradient from the exact one, in lengths of the exact one; noise included. */
  readonly bias: number;
  /** What {@linkcode VarianceRow.bias} would be expected to be, were there no bias. */
  readonly biasNoise: number;
  /** Squared bias without the part that noise adds, in squared lengths of the exact gradient; below 0 by chance only. */
  readonly biasSquared: number;
  /** Standard error of {@linkcode VarianceRow.biasSquared}. */
  readonly biasSquaredStandardError: number;
  /** Projection of the mean gradient on the exact one, in its lengths; 1 when unbiased. */
  readonly scale: number;
  /** Standard error of {@linkcode VarianceRow.scale}. */
  readonly scaleStandardError: number;
  /** Cosine of the angle between mean and exact gradient; noise lowers it. */
  readonly cosine: number;
  /** Squared tangent of that angle without the part that noise adds: the squared bias that no step size repairs. */
  readonly directionError: number;
  /** Standard error of {@linkcode VarianceRow.directionError}. */
  readonly directionErrorStandardError: number;
  /** Trace of the covariance of one episode's gradient; of a group method, the group size times that of the group's mean. */
  readonly variance: number;
  /** Standard error of {@linkcode VarianceRow.variance}. */
  readonly varianceStandardError: number;
}

/** What the moments alone say. */
type Judged = Omit<
  VarianceRow,
  "estimator" | "decision" | "episodes" | `${string}StandardError`
>;

/** Sums over independent units: episodes, or groups of them. */
export interface GradientMoments {
  /** Total weight of the units: their number, or their probability. */
  weight: number;
  /** Sum of gradients. Shape `(parameters,)`. */
  readonly sums: Float64Array;
  /** Sum of squared gradients. Shape `(parameters,)`. */
  readonly squares: Float64Array;
}

/** Where each decision's logits stand among all parameters: switching, planning, execution. */
export function parameterOffsets(smdp: TabularSmdp): ByDecision<number> & {
  readonly total: number;
} {
  const pairs = smdp.states * smdp.subgoals;
  return {
    switching: 0,
    planning: pairs,
    execution: 2 * pairs,
    total: (2 + smdp.actions) * pairs,
  };
}

/** Opens empty sums. */
export function emptyMoments(parameters: number): GradientMoments {
  return {
    weight: 0,
    sums: new Float64Array(parameters),
    squares: new Float64Array(parameters),
  };
}

/** Adds one unit's gradient, and clears it for the next. */
export function addGradient(
  moments: GradientMoments,
  gradient: Float64Array,
  weight = 1,
): void {
  const { sums, squares } = moments;
  moments.weight += weight;
  for (let p = 0; p < gradient.length; p++) {
    const value = gradient[p]!;
    sums[p]! += weight * value;
    squares[p]! += weight * value * value;
  }
  gradient.fill(0);
}

/** Adds sums to sums, one part left out if asked. */
function mergeMoments(
  parts: readonly GradientMoments[],
  without = -1,
): GradientMoments {
  const all = emptyMoments(parts[0]?.sums.length ?? 0);
  for (const [i, part] of parts.entries()) {
    if (i === without) continue;
    all.weight += part.weight;
    for (let p = 0; p < all.sums.length; p++) {
      all.sums[p]! += part.sums[p]!;
      all.squares[p]! += part.squares[p]!;
    }
  }
  return all;
}

/** What {@linkcode addEpisodeGradient} needs. */
interface EpisodeGradient {
  /** Columns of the episodes. */
  readonly episodes: TabularEpisodes;
  /** Probabilities of the policy that played. */
  readonly odds: ByDecision<Float64Array>;
  /** Credit of each decision. */
  readonly credit: ByDecision<Float64Array>;
  /** Which episode. */
  readonly episode: number;
  /** Gradient to add to. Shape `(parameters,)`. */
  readonly into: Float64Array;
  /** Factor of this episode. */
  readonly factor: number;
}

/** Adds `Σ_t ∇log p(decision) · credit` of one episode to a gradient. */
export function addEpisodeGradient(
  smdp: TabularSmdp,
  work: EpisodeGradient,
): void {
  const { subgoals, actions } = smdp;
  const { episodes, odds, credit, into, factor } = work;
  const { planning, execution } = parameterOffsets(smdp);
  const end = episodes.offsets[work.episode + 1]!;
  for (let t = episodes.offsets[work.episode]!; t < end; t++) {
    const row = episodes.states[t]! * subgoals, held = episodes.held[t]!;
    const switched = episodes.switched[t]!, subgoal = episodes.subgoals[t]!;
    if (held >= 0) {
      into[row + held]! += factor * credit.switching[t]! *
        (switched - odds.switching[row + held]!);
    }
    if (switched === 1) {
      const worth = factor * credit.planning[t]!;
      for (let o = 0; o < subgoals; o++) {
        into[planning + row + o]! -= worth * odds.planning[row + o]!;
      }
      into[planning + row + subgoal]! += worth;
    }
    const cell = (row + subgoal) * actions;
    const worth = factor * credit.execution[t]!;
    for (let a = 0; a < actions; a++) {
      into[execution + cell + a]! -= worth * odds.execution[cell + a]!;
    }
    into[execution + cell + episodes.actions[t]!]! += worth;
  }
}

/** What {@linkcode judgeMoments} needs. */
interface JudgeOptions {
  /** The exact gradient. */
  readonly exact: ByDecision<Float64Array>;
  /** Name of the estimator. */
  readonly estimator: string;
  /** Episodes in one unit. */
  readonly unitSize: number;
  /** Whether the moments are exact expectations, not sums over samples. @default {false} */
  readonly enumerated?: boolean;
}

/**
 * Judges an estimator by its moments, once for each decision and once for all of them.
 *
 * Standard errors come from the jackknife over blocks of units.
 */
export function judgeMoments(
  smdp: TabularSmdp,
  blocks: readonly GradientMoments[],
  options: JudgeOptions,
): VarianceRow[] {
  const { exact, estimator, unitSize, enumerated = false } = options;
  const offsets = parameterOffsets(smdp);
  const flat = new Float64Array(offsets.total);
  for (const name of DECISIONS) flat.set(exact[name], offsets[name]);
  const bounds = {
    switching: [0, offsets.planning],
    planning: [offsets.planning, offsets.execution],
    execution: [offsets.execution, offsets.total],
    all: [0, offsets.total],
  } as const;
  const whole = mergeMoments(blocks);
  const partial = enumerated || blocks.length < 2
    ? []
    : blocks.map((_, i) => mergeMoments(blocks, i));
  return ([...DECISIONS, "all"] as const).map((decision) => {
    const judge = (moments: GradientMoments) =>
      judgeRange(moments, flat, { range: bounds[decision], ...options });
    const judged = judge(whole), others = partial.map(judge);
    const error = (name: keyof Judged) =>
      jackknifeError(others.map((other) => other[name]));
    return {
      estimator,
      decision,
      episodes: enumerated ? Infinity : whole.weight * unitSize,
      ...judged,
      biasSquaredStandardError: error("biasSquared"),
      scaleStandardError: error("scale"),
      directionErrorStandardError: error("directionError"),
      varianceStandardError: error("variance"),
    };
  });
}

/** Judges one range of parameters. */
function judgeRange(
  moments: GradientMoments,
  exact: Float64Array,
  options: JudgeOptions & { readonly range: readonly [number, number] },
): Judged {
  const { range: [start, end], unitSize, enumerated = false } = options;
  const { weight, sums, squares } = moments;
  let exactSquare = 0, meanSquare = 0, product = 0, gap = 0, spread = 0;
  for (let p = start; p < end; p++) {
    const mean = sums[p]! / weight, truth = exact[p]!;
    exactSquare += truth * truth;
    meanSquare += mean * mean;
    product += mean * truth;
    gap += (mean - truth) ** 2;
    spread += squares[p]! / weight - mean * mean;
  }
  // One episode's worth of variance, and the part of it that is left in the mean.
  const sampled = enumerated ? 1 : weight / (weight - 1);
  const left = enumerated ? 0 : spread * sampled / weight;
  const scale = product / exactSquare;
  return {
    gradientNorm: Math.sqrt(exactSquare),
    bias: Math.sqrt(gap / exactSquare),
    biasNoise: Math.sqrt(left / exactSquare),
    biasSquared: (gap - left) / exactSquare,
    scale,
    cosine: product / Math.sqrt(meanSquare * exactSquare),
    directionError: (meanSquare - left) / (scale * scale * exactSquare) - 1,
    variance: spread * sampled * unitSize,
  };
}

/** Standard error of a statistic from its values with one block left out each; 0 without blocks. */
function jackknifeError(values: readonly number[]): number {
  const count = values.length;
  if (count === 0) return 0;
  const middle = values.reduce((a, b) => a + b, 0) / count;
  const sum = values.reduce((a, value) => a + (value - middle) ** 2, 0);
  return Math.sqrt(sum * (count - 1) / count);
}
