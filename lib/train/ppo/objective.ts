/**
 * What one gradient step minimizes: the actor's objective and the critic's, put together
 * from policy loss, entropy, KL and the value losses of three heads.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Scalar, Tensor } from "../../policy/backends/tensors.ts";
import { type ByDecision, DECISIONS } from "../../trajectory.ts";
import { aggregate } from "./aggregation.ts";
import { klEstimates, type KlEstimator } from "./kl.ts";
import {
  type PolicyLoss,
  policyLoss,
  type PolicyLossOptions,
  sequencePolicyLoss,
  valueLoss,
  type ValueLossOptions,
} from "./losses.ts";

/** Options for {@linkcode actorObjective}. */
export interface ActorObjectiveOptions extends PolicyLossOptions {
  /** Whose ratio is clipped: each unit's, or one for all units of a sequence, without dual clip. @default {"ppo"} */
  readonly loss?: "ppo" | "gspo";
  /** Entropy of the distribution each unit was drawn from, in nats, with a gradient. */
  readonly entropies?: Tensor;
  /** Log-probabilities under the reference policy. */
  readonly referenceLogProbs?: Tensor;
  /** Weight of the entropy bonus. @default {0} */
  readonly entropyCoefficient?: number;
  /** Weight of the divergence from the reference. @default {0} */
  readonly klCoefficient?: number;
  /** Estimator of that divergence. @default {"k3"} */
  readonly klEstimator?: KlEstimator;
  /** Micro-batches whose gradients are added up into one step. @default {1} */
  readonly accumulation?: number;
}

/** What {@linkcode actorObjective} returns; the caller disposes all of it. */
export interface ActorObjective extends PolicyLoss {
  /** The clipped surrogate alone. */
  readonly policy: Scalar;
  /** Mean entropy, in nats; 0 when none was given. */
  readonly entropy: Scalar;
  /** Mean divergence from the reference, in nats; 0 when none was given. */
  readonly kl: Scalar;
}

/**
 * The actor's objective: `(policy − c_entropy · entropy + c_kl · kl) / accumulation`.
 *
 * All three terms share mask and aggregation. Inside `tf.variableGrads` everything but the
 * loss is swept away unless it is kept with `tf.keep`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { actorObjective } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const logProbs = tf.tensor1d([-1, -2]);
 * const { loss } = actorObjective(logProbs, {
 *   oldLogProbs: logProbs,
 *   advantages: tf.tensor1d([1, 3]),
 *   mask: tf.tensor1d([1, 1]),
 *   entropies: tf.tensor1d([0.5, 0.5]),
 *   entropyCoefficient: 1,
 * });
 * strictEqual(loss.dataSync()[0], -2.5);
 * ```
 *
 * @param logProbs Log-probabilities now, with a gradient.
 * @param options The three terms and their weights.
 * @returns The objective and its terms. Caller disposes.
 * @throws {RangeError} If a clip range is out of bounds.
 */
export function actorObjective(
  logProbs: Tensor,
  options: ActorObjectiveOptions,
): ActorObjective {
  const {
    mask,
    entropies,
    referenceLogProbs: reference,
    entropyCoefficient = 0,
    klCoefficient = 0,
    klEstimator: estimator = "k3",
    accumulation = 1,
    loss: variant = "ppo",
    aggregation: mode = variant === "ppo"
      ? "token-mean"
      : "seq-mean-token-mean",
  } = options;
  return tf.tidy(() => {
    const { loss: policy, ...shares } = variant === "ppo"
      ? policyLoss(logProbs, options)
      : sequencePolicyLoss(logProbs, options);
    const mean = (values: Tensor) =>
      aggregate(values, mask, { ...options, mode });
    const entropy = entropies ? mean(entropies) : tf.scalar(0);
    const kl = reference
      ? mean(klEstimates(logProbs, { reference, estimator }))
      : tf.scalar(0);
    const total = tf.add(
      tf.sub(policy, tf.mul(entropy, entropyCoefficient)),
      tf.mul(kl, klCoefficient),
    );
    const loss = tf.div(total, accumulation) as Scalar;
    return { loss, policy, entropy, kl, ...shares };
  });
}

/** One value head of {@linkcode criticObjective}. */
export interface ValueHead extends ValueLossOptions {
  /** Predictions now, with a gradient. */
  readonly values: Tensor;
  /** Weight of this head. @default {1} */
  readonly coefficient?: number;
}

/** Options for {@linkcode criticObjective}. */
export interface CriticObjectiveOptions {
  /** Micro-batches whose gradients are added up into one step. @default {1} */
  readonly accumulation?: number;
}

/** What {@linkcode criticObjective} returns; the caller disposes all of it. */
export interface CriticObjective {
  /** What to minimize; the only one to differentiate. */
  readonly loss: Scalar;
  /** Squared error of each head that was given. */
  readonly errors: Partial<ByDecision<Scalar>>;
  /** Share of clipped predictions of each head that was given. */
  readonly clipFractions: Partial<ByDecision<Scalar>>;
}

/**
 * The critic's objective: the value losses of its heads, weighted, added up and divided by
 * `accumulation`. A head whose mask is empty adds 0.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import { criticObjective } from "@hiper/lab/losses";
 *
 * await tf.setBackend("cpu");
 * const head = (value: number, mask: number) => ({
 *   values: tf.tensor1d([value]),
 *   oldValues: tf.tensor1d([value]),
 *   targets: tf.tensor1d([0]),
 *   mask: tf.tensor1d([mask]),
 * });
 * const { loss } = criticObjective({ planning: head(2, 1), execution: head(9, 0) });
 * strictEqual(loss.dataSync()[0], 4);
 * ```
 *
 * @param heads The heads that exist, by the decision whose value they predict.
 * @param options How many micro-batches make a step.
 * @returns The objective and each head's part. Caller disposes.
 * @throws {RangeError} If a clip range is negative.
 */
export function criticObjective(
  heads: Partial<ByDecision<ValueHead>>,
  options: CriticObjectiveOptions = {},
): CriticObjective {
  const { accumulation = 1 } = options;
  return tf.tidy(() => {
    const errors: { -readonly [K in keyof ByDecision<0>]?: Scalar } = {};
    const clipFractions: typeof errors = {};
    let total: Tensor = tf.scalar(0);
    for (const name of DECISIONS) {
      const head = heads[name];
      if (head === undefined) continue;
      const { loss, clipFraction } = valueLoss(head.values, head);
      errors[name] = loss;
      clipFractions[name] = clipFraction;
      total = tf.add(total, tf.mul(loss, head.coefficient ?? 1));
    }
    const loss = tf.div(total, accumulation) as Scalar;
    return { loss, errors, clipFractions };
  });
}
