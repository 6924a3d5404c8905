/**
 * Truncated importance sampling: weights for units that another engine, or the same weights at another precision, drew.
 *
 * @module
 */

import { checkLength } from "../../checks.ts";
import type { SampleScores, ScoredTurn } from "../../policy/policy.ts";
import type { SampleColumns } from "./microbatches.ts";

/** Options of {@linkcode importanceWeights}. */
export interface ImportanceWeightsOptions {
  /** Log-probabilities by the policy that drew the units. Shape `(units,)`. */
  readonly sampler: ArrayLike<number>;
  /** 1 where a unit counts; absent means all do. Shape `(units,)`. */
  readonly mask?: ArrayLike<number>;
  /** First unit of each sequence, then the number of units; absent means one sequence. Shape `(sequences + 1,)`. */
  readonly offsets?: ArrayLike<number>;
  /** Whether each unit has a weight of its own, or all of a sequence that of their product. @default {"token"} */
  readonly level?: "token" | "sequence";
  /** Largest weight, above 0. @default {2} */
  readonly limit?: number;
}

/** Defaults of {@linkcode ImportanceWeightsOptions}. */
const DEFAULTS = { level: "token", limit: 2 } as const;

/**
 * Weighs units by how likely they are to the learner, relative to the policy that drew them.
 *
 * `min(exp(log p − log p_sampler), limit)` of a unit, or of the sums over a sequence. An expectation under the sampler becomes
 * one under the learner, but for what is truncated: the limit bounds the variance.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { importanceWeights } from "@hiper/lab/losses";
 *
 * const learner = [Math.log(0.5), Math.log(0.9), Math.log(0.2)];
 * const sampler = [Math.log(0.5), Math.log(0.1), Math.log(0.4)];
 * const round = (weights: Float64Array) => Array.from(weights, (w) => Math.round(1000 * w) / 1000);
 * deepStrictEqual(round(importanceWeights(learner, { sampler })), [1, 2, 0.5]); // the second is truncated
 * deepStrictEqual(round(importanceWeights(learner, { sampler, level: "sequence", limit: 10 })), [4.5, 4.5, 4.5]);
 * ```
 *
 * @param logProbs Log-probabilities by the learner. Shape `(units,)`.
 * @param options The sampler's, which units count, and how they are weighed.
 * @returns Weights; 1 where a unit does not count. Shape `(units,)`.
 * @throws {RangeError} If columns differ in length, or the limit is not above 0.
 * @see {@link https://fengyao.notion.site/off-policy-rl | Yao et al. 2025}, truncated importance sampling
 */
export function importanceWeights(
  logProbs: ArrayLike<number>,
  options: ImportanceWeightsOptions,
): Float64Array<ArrayBuffer> {
  const { sampler, mask, level, limit } = { ...DEFAULTS, ...options };
  const { offsets = [0, logProbs.length] } = options;
  checkLength("weigh units", { sampler, mask }, logProbs.length);
  if (!(limit > 0)) {
    throw new RangeError(
      `Cannot weigh units as "limit" must be above 0: current value is ${limit}`,
    );
  }
  const counts = (u: number) => (mask?.[u] ?? 1) > 0;
  const weights = new Float64Array(logProbs.length).fill(1);
  for (let i = 0; i + 1 < offsets.length; i++) {
    const start = offsets[i]!, end = offsets[i + 1]!;
    let whole = 0;
    for (let u = start; u < end; u++) {
      if (counts(u)) whole += logProbs[u]! - sampler[u]!;
    }
    for (let u = start; u < end; u++) {
      if (!counts(u)) continue;
      const gap = level === "token" ? logProbs[u]! - sampler[u]! : whole;
      weights[u] = Math.min(Math.exp(gap), limit);
    }
  }
  return weights;
}

/** Samples as the learner sees them, and how far the sampler was from it. */
export interface CorrectedSamples {
  readonly columns: SampleColumns;
  /** Numbers of the update's row, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Starts ratios from the learner's own log-probabilities, and weighs advantages by {@linkcode importanceWeights}. */
export async function correctSamples(
  columns: SampleColumns,
  options: {
    readonly turns: readonly ScoredTurn[];
    readonly rows: readonly number[];
    readonly score: (
      turns: readonly ScoredTurn[],
    ) =>
      | Pick<SampleScores, "logProbs">[]
      | Promise<Pick<SampleScores, "logProbs">[]>;
    readonly level?: "token" | "sequence";
    readonly limit?: number;
  },
): Promise<CorrectedSamples> {
  const { turns, rows, score, ...weighing } = options;
  const { limit } = { ...DEFAULTS, ...weighing };
  const { offsets, units } = columns;
  const { mask, oldLogProbs: sampler } = units;
  const own = Float32Array.from(sampler);
  const scored = await score(rows.map((i) => turns[i]!));
  for (const [k, { logProbs }] of scored.entries()) {
    own.set(logProbs, offsets[rows[k]!]!);
  }
  const weights = importanceWeights(own, {
    ...{ sampler, mask, offsets },
    ...weighing,
  });
  let count = 0, drift = 0, largest = 0, weight = 0, truncated = 0;
  for (let u = 0; u < mask.length; u++) {
    if (!(mask[u]! > 0)) continue;
    const gap = own[u]! - sampler[u]!;
    count++;
    drift -= gap;
    largest = Math.max(largest, Math.abs(gap));
    weight += weights[u]!;
    if (weights[u]! >= limit) truncated++;
  }
  const mean = (sum: number) => count === 0 ? 0 : sum / count;
  return {
    columns: {
      ...columns,
      units: {
        oldLogProbs: own,
        advantages: units.advantages.map((a, u) => a * weights[u]!),
        mask,
      },
    },
    metrics: {
      sampler_kl: mean(drift),
      sampler_gap: largest,
      sampler_weight: mean(weight),
      sampler_truncated: mean(truncated),
    },
  };
}
