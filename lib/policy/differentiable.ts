/**
 * The tensor side of a policy's contract: scores of decisions already made, inside a gradient tape.
 *
 * @module
 */

import type { ByDecision } from "../trajectory.ts";
import type { Policy, ScoredTurn, Scorer } from "./policy.ts";
import type { Tensor1D, Variable } from "./backends/tensors.ts";

/** Scores of a batch by {@linkcode DifferentiablePolicy.score}; the caller disposes all of it. */
export interface ScoredBatch {
  /**
   * Log-probability of each unit, sample after sample, in the order of `decisionUnits`.
   * Shape `(units,)`.
   */
  readonly logProbs: Tensor1D;
  /** Entropy of the distribution each unit was drawn from, in nats. Shape `(units,)`. */
  readonly entropies: Tensor1D;
  /** Value before each decision, in units of return. Shapes `(samples,)`. */
  readonly values: ByDecision<Tensor1D>;
}

/**
 * A policy whose decisions can be differentiated.
 *
 * The order of units is that of `decisionUnits` in `lib/trajectory.ts`; scoring again with unchanged
 * weights gives every unit the log-probability recorded when it was chosen.
 */
export interface DifferentiablePolicy extends Policy, Scorer {
  /** Weights, under names that stay the same from run to run; checkpoints use these names. */
  readonly variables: Readonly<Record<string, Variable>>;
  /**
   * Scores turns again, from what their traces recorded when the policy decided. Synchronous, so that
   * it can stand inside `tf.variableGrads`, which disposes what is not kept; outside one the caller
   * disposes what is returned.
   */
  score(turns: readonly ScoredTurn[]): ScoredBatch;
  /** Frees the weights. The policy cannot be used afterwards. */
  dispose(): void;
}
