/**
 * One minibatch differentiated: HiPER's objective over a scored batch, its terms and its slope.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { DifferentiablePolicy } from "../../policy/differentiable.ts";
import type { TrainingSample } from "../../policy/policy.ts";
import { byDecision } from "../../trajectory.ts";
import { flattenTensors } from "./flat_weights.ts";
import { aggregate } from "./aggregation.ts";
import { actorObjective, criticObjective } from "./objective.ts";
import { headColumns, unitColumns } from "./columns.ts";
import type { ShardShares } from "./microbatches.ts";
import type { PpoSettings } from "./update_settings.ts";

/** Terms of the objective that are reported, in the order of {@linkcode PpoSlope.terms}. */
export const PPO_TERMS = [
  "policy_loss",
  "value_loss",
  "entropy",
  "kl_to_reference",
  "approximate_kl",
  "clip_fraction",
  "dual_clip_fraction",
  "log_prob",
] as const;

/** Where the objective stands on a minibatch, and where it slopes. */
export interface PpoSlope {
  /** Loss terms in the order of {@linkcode PPO_TERMS}. */
  readonly terms: Float32Array<ArrayBuffer>;
  /** Shape `(weights,)`. */
  readonly gradient: Float32Array<ArrayBuffer>;
}

/** A shard of a minibatch, or all of it. */
export interface PpoShard {
  /** Turns to learn from. */
  readonly samples: readonly TrainingSample[];
  /** Log-probabilities of each sample's units under the reference, where they are wanted. */
  readonly references: readonly Float32Array[] | undefined;
  /** What the shard counts for in the minibatch. */
  readonly shares: ShardShares;
}

/**
 * Differentiates the objective on one shard of a minibatch.
 *
 * @param policy Scores the samples.
 * @param shard Turns to learn from.
 * @param settings Settings of the objective.
 * @returns The shard's part of terms and gradient, to be added up; no tensor is left behind.
 */
export async function differentiate(
  policy: DifferentiablePolicy,
  shard: PpoShard,
  settings: PpoSettings,
): Promise<PpoSlope> {
  const variables = Object.values(policy.variables);
  let terms: tf.Tensor1D | undefined;
  const objective = (): tf.Scalar => {
    const parts = objectiveTerms(policy, shard, settings);
    terms = tf.keep(tf.stack(parts.terms) as tf.Tensor1D);
    return parts.loss;
  };
  const { value, grads } = tf.variableGrads(objective, variables);
  const slopes = variables.map((variable) => grads[variable.name] ?? null);
  const column = tf.tidy(() =>
    flattenTensors(variables, slopes, { before: terms! })
  );
  tf.dispose([value, grads, terms!]);
  const numbers = await column.data<"float32">();
  column.dispose();
  const count = PPO_TERMS.length;
  return { terms: numbers.slice(0, count), gradient: numbers.slice(count) };
}

/**
 * Adds up the slopes of a minibatch's shards, in their order.
 *
 * @param slopes One for each shard, at least one.
 * @returns The slope of the minibatch.
 */
export function sumSlopes(slopes: readonly PpoSlope[]): PpoSlope {
  const [first] = slopes;
  if (slopes.length === 1) return first!;
  return {
    terms: addUp(slopes.map(({ terms }) => terms)),
    gradient: addUp(slopes.map(({ gradient }) => gradient)),
  };
}

/** Columns of one length, added up in order. */
function addUp(columns: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const total = new Float32Array(columns[0]!.length);
  for (const column of columns) {
    for (let i = 0; i < total.length; i++) total[i]! += column[i]!;
  }
  return total;
}

/** The shard's part of the objective, and of its terms in the order of {@linkcode PPO_TERMS}. */
function objectiveTerms(
  policy: DifferentiablePolicy,
  { samples: batch, references, shares }: PpoShard,
  settings: PpoSettings,
): { loss: tf.Scalar; terms: tf.Scalar[] } {
  const scored = policy.score(batch);
  const units = unitColumns(batch);
  const actor = actorObjective(scored.logProbs, {
    oldLogProbs: settings.onPolicy
      ? scored.logProbs // no gradient flows through them
      : tf.tensor1d(units.oldLogProbs),
    advantages: tf.tensor1d(units.advantages),
    mask: tf.tensor1d(units.mask),
    clipRange: settings.clipRange,
    dualClip: settings.dualClip,
    entropies: scored.entropies,
    entropyCoefficient: settings.entropyCoefficient,
    klCoefficient: settings.klCoefficient,
    ...(references
      ? {
        referenceLogProbs: tf.concat(references.map((row) => tf.tensor1d(row))),
      }
      : {}),
  });
  const columns = headColumns(batch);
  const critic = criticObjective(byDecision((name) => ({
    values: scored.values[name],
    oldValues: tf.tensor1d(columns[name].oldValues),
    targets: tf.tensor1d(columns[name].targets),
    mask: tf.tensor1d(columns[name].mask),
    clipRange: settings.valueClipRange,
    coefficient: shares.heads[name],
  })));
  const share = (mean: tf.Scalar): tf.Scalar => tf.mul(mean, shares.units);
  const loss: tf.Scalar = tf.add(
    share(actor.loss),
    tf.mul(critic.loss, settings.valueCoefficient),
  );
  return {
    loss,
    terms: [
      share(actor.policy),
      critic.loss,
      share(actor.entropy),
      share(actor.kl),
      share(actor.approximateKl),
      share(actor.clipFraction),
      share(actor.dualClipFraction),
      share(aggregate(scored.logProbs, tf.tensor1d(units.mask))),
    ],
  };
}

/**
 * Says which number went wrong, before it does harm.
 *
 * @param slope What {@linkcode differentiate} gave.
 * @param variables Weights by name, in order.
 * @throws {RangeError} If a term or a slope is not finite.
 */
export function checkFinite(
  slope: PpoSlope,
  variables: Readonly<Record<string, tf.Variable>>,
): void {
  PPO_TERMS.forEach((name, i) => {
    if (Number.isFinite(slope.terms[i])) return;
    throw new RangeError(
      `Cannot update as "${name}" must be finite: current value is ${
        slope.terms[i]
      }; the weights are those before this step`,
    );
  });
  let at = 0;
  for (const [name, { size }] of Object.entries(variables)) {
    const end = at + size;
    const wrong = slope.gradient.subarray(at, end).find((one) =>
      !Number.isFinite(one)
    );
    if (wrong !== undefined) {
      throw new RangeError(
        `Cannot update as the gradient of "${name}" must be finite: current value is ${wrong}; the weights are those before this step`,
      );
    }
    at = end;
  }
}
