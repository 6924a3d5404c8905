/**
 * Bias and variance of policy gradient estimators, measured against the exact gradient of a
 * tabular world on sampled episodes, with standard errors.
 *
 * @module
 */

import { checkPositiveInteger } from "../../checks.ts";
import {
  type ByDecision,
  byDecision,
  type DecisionName,
  DECISIONS,
} from "../../trajectory.ts";
import {
  sampleTabular,
  type TabularEpisodes,
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
  type TabularValues,
} from "./tabular.ts";
import type { Random } from "../../random.ts";
import { exactGradient } from "./exact.ts";
import type { EstimatorConfig } from "../credit.ts";
import {
  isGrouped,
  studyEpisodes,
  type StudyOptions,
  tabularCredit,
} from "./tabular_credit.ts";

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

/** Options for {@linkcode distortValues}. */
export interface DistortValuesOptions {
  /** Stream of the errors. */
  readonly random: Random;
  /** Factor on every value. @default {0.6} */
  readonly scale?: number;
  /** Standard deviation of the normal error on every value, in units of return. @default {0.7} */
  readonly deviation?: number;
}

/**
 * Makes a deliberately wrong critic out of an exact one: `scale · V + normal error`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { distortValues } from "@hiper/lab/studies";
 *
 * const one = new Float64Array([1, 2]);
 * const exact = { switching: one, planning: one, execution: one };
 * const options = { random: createRandom(1), scale: 0.5, deviation: 0 };
 * const { planning } = distortValues(exact, options); // too small by half, without error
 * deepStrictEqual([...planning], [0.5, 1]);
 * ```
 *
 * @returns Wrong values, the same wherever they are read.
 */
export function distortValues(
  values: TabularValues,
  options: DistortValuesOptions,
): TabularValues {
  const { random, scale = 0.6, deviation = 0.7 } = options;
  return byDecision((name) => {
    const stream = random.fork("critic error", name);
    return values[name].map((value) =>
      scale * value + deviation * stream.normal()
    );
  });
}

/** Options for {@linkcode gradientVariance}. */
export interface GradientVarianceOptions extends StudyOptions {
  /** Estimators to judge, all on the same episodes. */
  readonly estimators: readonly EstimatorConfig[];
  /** Episodes to play, rounded up to whole blocks of groups. */
  readonly episodes: number;
  /** Stream of the episodes. */
  readonly random: Random;
  /** Episodes in a group. @default {8} */
  readonly groupSize?: number;
  /** Blocks of the jackknife. @default {40} */
  readonly blocks?: number;
  /** Called after each block with the share of all that is done, in `(0, 1]`. */
  readonly onProgress?: (share: number) => void;
}

/** Episodes in memory at once, about; estimators that normalize over a batch see one of this size. */
const CHUNK = 2048;

const TASK = "measure variance";

/**
 * Measures bias and variance of estimators.
 *
 * Under `discounted` the state of turn `t` weighs `gamma^t`, as in the exact gradient; under
 * `undiscounted` it weighs 1, as in practical training, while estimators still discount
 * rewards by the world's `gamma`.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   exactValues,
 *   gradientVariance,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const rows = gradientVariance(world, policy, {
 *   estimators: [{ name: "hae", lambdaSegment: 1 }, { name: "gae", lambda: 1 }],
 *   critic: exactValues(world, policy),
 *   episodes: 2000,
 *   random: createRandom(2),
 * });
 * const [hae, gae] = rows.filter(({ decision }) => decision === "execution");
 * ok(hae!.variance < gae!.variance);
 * ```
 *
 * @param options Estimators, critic and how many episodes.
 * @returns Four rows for each estimator: the three decisions and all together.
 * @throws {RangeError} If there are fewer than two blocks, no episodes, or an estimator's setting is out of range.
 */
export function gradientVariance(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: GradientVarianceOptions,
): VarianceRow[] {
  const { estimators, random, groupSize = 8, blocks = 40 } = options;
  checkPositiveInteger(TASK, { episodes: options.episodes, blocks });
  if (blocks < 2) {
    throw new RangeError(
      `Cannot ${TASK} as "blocks" must be at least 2: current value is ${blocks}`,
    );
  }
  const { total } = parameterOffsets(smdp);
  const moments = estimators.map(() =>
    Array.from({ length: blocks }, () => emptyMoments(total))
  );
  const odds = tabularProbabilities(smdp, policy);
  const gradient = new Float64Array(total);
  const perBlock = Math.ceil(options.episodes / (blocks * groupSize)) *
    groupSize;
  const chunk = Math.max(1, Math.floor(CHUNK / groupSize)) * groupSize;
  const study = { ...options, smdp, policy, groupSize };
  for (let block = 0; block < blocks; block++) {
    for (let done = 0; done < perBlock; done += chunk) {
      const count = Math.min(chunk, perBlock - done);
      const episodes = sampleTabular(smdp, policy, {
        episodes: count,
        random,
        first: block * perBlock + done,
      });
      const batch = studyEpisodes(study, episodes);
      for (const [e, estimator] of estimators.entries()) {
        const credit = tabularCredit(study, batch, estimator);
        const unit = isGrouped(estimator) ? groupSize : 1;
        const work = { episodes, odds, credit, into: gradient };
        for (let i = 0; i < count; i++) {
          addEpisodeGradient(smdp, { ...work, episode: i, factor: 1 / unit });
          if ((i + 1) % unit > 0) continue;
          addGradient(moments[e]![block]!, gradient); // of an episode, or the mean of a group
        }
      }
    }
    options.onProgress?.((block + 1) / blocks);
  }
  const exact = exactGradient(smdp, policy, options);
  return estimators.flatMap((estimator, e) =>
    judgeMoments(smdp, moments[e]!, {
      exact,
      estimator: estimatorLabel(estimator),
      unitSize: isGrouped(estimator) ? groupSize : 1,
    })
  );
}

/**
 * Names an estimator with its settings, as tables and figures show it.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { estimatorLabel } from "@hiper/lab/studies";
 *
 * strictEqual(estimatorLabel({ name: "gae", lambda: 0.95 }), "gae lambda=0.95");
 * ```
 *
 * @param estimator An estimator of the study.
 * @returns For instance `hae lambdaTurn=1 lambdaSegment=0.95`.
 */
export function estimatorLabel(estimator: EstimatorConfig): string {
  const { name, ...settings } = estimator;
  const parts = Object.entries(settings).map(([key, value]) =>
    `${key}=${value}`
  );
  return [name, ...parts].join(" ");
}

/** What the moments alone say. */
type Judged = Omit<
  VarianceRow,
  "estimator" | "decision" | "episodes" | `${string}StandardError`
>;

/** Sums over independent units: episodes, or groups of them. */
interface GradientMoments {
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
