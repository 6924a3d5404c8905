/**
 * The gradient that each method would give on the same episodes by the same policy.
 *
 * @module
 */

import { creditBatch, type EstimatorConfig } from "../../hae/credit.ts";
import { toEpisodeBatch } from "../../episode_batch.ts";
import { registerGradients } from "../../policy/backends/tensor_setup.ts";
import type {
  DifferentiablePolicy,
  SampleBatch,
  UpdateOptions,
} from "../../policy/policy.ts";
import {
  type ByDecision,
  byDecision,
  type DecisionName,
  DECISIONS,
  type Trajectory,
} from "../../trajectory.ts";
import { batchSamples } from "../batch.ts";
import { gatherMicrobatches, layOutSamples } from "../ppo/microbatches.ts";
import { computeGradient } from "../ppo/step.ts";
import { settingsAt } from "../ppo/update_settings.ts";

/** A method, as far as the gradient of a batch depends on it. */
export interface GradientMethod {
  /** How credit is assigned. */
  readonly estimator: EstimatorConfig;
  /** Loss and aggregation. @default {those of the learner} */
  readonly update?: Pick<
    UpdateOptions,
    "loss" | "aggregation" | "aggregationLength"
  >;
  /** Weight of each unit, row after row, as GEAR gives it; absent means 1 everywhere. Shape `(units,)`. */
  readonly unitWeights?: Float32Array;
}

/** The policy gradient of a method on a batch, without entropy, divergence and value losses. */
export interface MethodGradient {
  /** Name of the method. */
  readonly method: string;
  /** Shape `(weights,)`. */
  readonly gradient: Float32Array;
  /** Its length. */
  readonly norm: number;
  /** Length of each decision's part, relative to the sum of the three lengths. */
  readonly shares: ByDecision<number>;
}

/**
 * Computes the policy gradient that each method would give on the same episodes, before any step.
 *
 * The gradient is the sum of the parts of the three decisions. Its length depends on the scale of advantages, which the
 * optimizer takes out; its direction does not.
 *
 * @param policy The policy that played.
 * @param trajectories Its episodes.
 * @param methods Methods by name.
 * @returns One for each method, in order.
 */
export async function methodGradients(
  policy: DifferentiablePolicy,
  trajectories: readonly Trajectory[],
  methods: Readonly<Record<string, GradientMethod>>,
): Promise<MethodGradient[]> {
  await registerGradients();
  const batch = toEpisodeBatch(trajectories);
  const gradients: MethodGradient[] = [];
  for (
    const [method, { estimator, unitWeights, ...own }] of Object.entries(
      methods,
    )
  ) {
    const samples = {
      ...batchSamples(batch, creditBatch(batch, estimator)),
      ...(unitWeights && { unitWeights }),
    };
    const parts: Float32Array[] = [];
    for (const name of DECISIONS) {
      parts.push(await partOf(policy, samples, { name, ...own }));
    }
    const gradient = parts[0]!.map((one, i) =>
      one + parts[1]![i]! + parts[2]![i]!
    );
    const lengths = parts.map(lengthOf);
    const total = lengths.reduce((sum, one) => sum + one, 0);
    gradients.push({
      ...{ method, gradient, norm: lengthOf(gradient) },
      shares: byDecision((name) =>
        total === 0 ? 0 : lengths[DECISIONS.indexOf(name)]! / total
      ),
    });
  }
  return gradients;
}

/** The part of one decision: the others keep their place in means and have no advantage. */
async function partOf(
  policy: DifferentiablePolicy,
  samples: SampleBatch,
  { name, update = {} }: {
    readonly name: DecisionName;
    readonly update?: GradientMethod["update"];
  },
): Promise<Float32Array> {
  const zero = new Float64Array(samples.turns.length);
  const columns = layOutSamples({
    ...samples,
    advantages: byDecision((one) =>
      one === name ? samples.advantages[one] : zero
    ),
  });
  const longest = Math.max(
    1,
    ...samples.turns.map((_, i) =>
      columns.offsets[i + 1]! - columns.offsets[i]!
    ),
  );
  const settings = settingsAt({
    ...{ aggregationLength: longest, ...update },
    ...{ entropyCoefficient: 0, valueCoefficient: 0, onPolicy: true },
  });
  const rows = [samples.turns.map((_, i) => i)];
  const [whole] = gatherMicrobatches(samples, columns, {
    ...{ rows, references: undefined, aggregation: settings.aggregation },
  });
  return (await computeGradient(policy, whole!, settings)).gradient;
}

const lengthOf = (column: Float32Array) =>
  Math.sqrt(column.reduce((sum, one) => sum + one * one, 0));

/**
 * Cosine of the angle between each two gradients.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { gradientCosines } from "@hiper/lab/studies";
 *
 * const shares = { switching: 0, planning: 0, execution: 1 };
 * const of = (...gradient: number[]) => ({
 *   ...{ method: "", gradient: Float32Array.from(gradient), shares },
 *   norm: Math.hypot(...gradient),
 * });
 * deepStrictEqual(gradientCosines([of(2, 0), of(0, 3), of(-1, 0)]), [
 *   [1, 0, -1],
 *   [0, 1, 0],
 *   [-1, 0, 1],
 * ]);
 * ```
 *
 * @returns A symmetric table; 0 for a gradient of length 0. Shape `(methods, methods)`.
 */
export function gradientCosines(
  gradients: readonly MethodGradient[],
): number[][] {
  return gradients.map((a) =>
    gradients.map((b) => {
      const product = a.gradient.reduce(
        (sum, one, i) => sum + one * b.gradient[i]!,
        0,
      );
      const lengths = a.norm * b.norm;
      return lengths === 0 ? 0 : product / lengths;
    })
  );
}
