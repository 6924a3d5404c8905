/**
 * The gradient steps of an update by TensorFlow.js: gradients microbatch by microbatch, clipping, AdamW.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { DifferentiablePolicy, SampleBatch } from "../../policy/policy.ts";
import {
  gatherMicrobatches,
  type Microbatch,
  type SampleColumns,
  splitMicrobatches,
} from "./microbatches.ts";
import { type AdamWState, clipGradient, stepAdamW } from "./optimizer.ts";
import {
  assignWeights,
  checkFinite,
  type PpoGradient,
  sumGradients,
} from "./step.ts";
import type { PpoSettings } from "./update_settings.ts";

/** Samples laid out for one update, and what it begins with. */
export interface Update {
  readonly samples: SampleBatch;
  readonly columns: SampleColumns;
  /** Rows to learn from. */
  readonly rows: readonly number[];
  /** Log-probabilities of all units under the reference, where they are wanted. Shape `(units,)`. */
  readonly references: Float32Array | undefined;
  readonly settings: PpoSettings;
  /** Weights and moments at the start; left as they are. */
  readonly weights: Float32Array<ArrayBuffer>;
  readonly moments: AdamWState;
  /** Stops between two microbatches by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What one gradient step did. */
export interface StepReport {
  /** Terms in the order of `PPO_TERMS`. */
  readonly terms: Float32Array;
  /** Norm of the gradient before it was clipped. */
  readonly norm: number;
}

/** The steps of one update. */
export interface GradientSteps {
  /**
   * Takes a step along the gradient of a minibatch.
   *
   * @throws {RangeError} If a term or a gradient is not finite; the weights are those before this step.
   */
  step(rows: readonly number[]): Promise<StepReport>;
  /** Ends the update: the policy has the weights of the last step. Returns the moments. */
  end(): AdamWState;
}

/** How gradients are computed by TensorFlow.js. */
export interface MicrobatchOptions {
  /**
   * Microbatches into which each minibatch is split; the last digits of its gradient depend on it. With 1, the policy
   * splits where a minibatch does not fit in memory.
   */
  readonly microbatches: number;
  /** Computes the gradients of microbatches, on any thread, and returns them in order, or their sum. */
  readonly computeGradients: (
    parts: readonly Microbatch[],
    settings: PpoSettings,
  ) => Promise<PpoGradient[]>;
}

/** Begins the steps of an update. */
export function tensorSteps(
  policy: DifferentiablePolicy,
  update: Update,
  options: MicrobatchOptions,
): GradientSteps {
  const { variables } = policy;
  const { samples, columns, references, settings } = update;
  const { microbatches, computeGradients } = options;
  let { weights, moments } = update;
  return {
    async step(part) {
      const rows = microbatches > 1 || !policy.partition
        ? splitMicrobatches(part, microbatches)
        : policy.partition(part.map((i) => samples.turns[i]!))
          .map((group) => group.map((k) => part[k]!));
      const { aggregation } = settings;
      const parts = gatherMicrobatches(samples, columns, {
        ...{ rows, references, aggregation },
      });
      const computed = sumGradients(await computeGradients(parts, settings));
      checkFinite(computed, variables);
      const { gradient, norm } = clipGradient(
        computed.gradient,
        settings.maxGradientNorm,
      );
      // What the update began with is kept; later columns take each other's place.
      const into = weights === update.weights
        ? undefined
        : { weights, state: moments };
      const step = stepAdamW(weights, gradient, {
        state: moments,
        ...(into && { into }),
        learningRate: settings.learningRate,
        weightDecay: settings.weightDecay,
      });
      ({ weights, state: moments } = step);
      assignWeights(Object.values<tf.Variable>(variables), weights);
      return { terms: computed.terms, norm };
    },
    end: () => moments,
  };
}
