/**
 * The numbers of a minibatch that no network computes: what was likely, what it was worth, and
 * what values should have been.
 *
 * @module
 */

import type { TrainingSample } from "../../policy/policy.ts";
import {
  type ByDecision,
  byDecision,
  type DecisionTrace,
  decisionUnits,
} from "../../trajectory.ts";

/** Numbers of units, sample after sample. Shapes `(units,)`. */
export interface UnitColumns {
  /** Log-probability of each unit when it was chosen. */
  readonly oldLogProbs: Float32Array;
  /** Advantage of each unit, times its weight. */
  readonly advantages: Float32Array;
  /** 1 where the policy gradient sees a unit. */
  readonly mask: Float32Array;
}

/** Numbers of one value head. Shapes `(samples,)`. */
export interface HeadColumns {
  /** What the head said when the decision was taken. */
  readonly oldValues: Float32Array;
  /** What it should say. */
  readonly targets: Float32Array;
  /** 1 where there is a target. */
  readonly mask: Float32Array;
}

/**
 * Lays out the units of samples.
 *
 * @param samples Turns to learn from.
 * @returns Columns in the order of samples and of `decisionUnits`.
 * @throws {RangeError} If a sample has another number of unit weights than units.
 */
export function unitColumns(samples: readonly TrainingSample[]): UnitColumns {
  const oldLogProbs: number[] = [], advantages: number[] = [];
  const mask: number[] = [];
  for (
    const { decision, advantages: credit, trained, unitWeights } of samples
  ) {
    const units = decisionUnits(decision.trace);
    if (unitWeights !== undefined && unitWeights.length !== units.length) {
      throw new RangeError(
        `Cannot weigh units as there must be one weight for each: ${units.length} units, ${unitWeights.length} weights`,
      );
    }
    const chosen = chosenLogProbs(decision.trace);
    units.forEach((name, j) => {
      oldLogProbs.push(chosen[j]!);
      const seen = name !== undefined && trained[name];
      mask.push(seen ? 1 : 0);
      advantages.push(seen ? credit[name] * (unitWeights?.[j] ?? 1) : 0);
    });
  }
  return {
    oldLogProbs: Float32Array.from(oldLogProbs),
    advantages: Float32Array.from(advantages),
    mask: Float32Array.from(mask),
  };
}

/** Log-probabilities recorded in a trace, unit by unit. */
function chosenLogProbs(trace: DecisionTrace): ArrayLike<number> {
  if (trace.kind === "tokens") return trace.logProbs;
  if (trace.kind === "untrainable") return [];
  const { switching, planning, execution } = trace.logProbs;
  return [switching, planning, execution];
}

/**
 * Lays out what value heads are trained on.
 *
 * @param samples Turns to learn from.
 * @returns Columns of each head. Where no old value was recorded the target stands in for it,
 * which turns value clipping off there.
 */
export function headColumns(
  samples: readonly TrainingSample[],
): ByDecision<HeadColumns> {
  return byDecision((name) => {
    const oldValues = new Float32Array(samples.length);
    const targets = new Float32Array(samples.length);
    const mask = new Float32Array(samples.length);
    samples.forEach(({ decision, targets: wanted }, i) => {
      const target = wanted?.[name];
      if (target === undefined) return;
      targets[i] = target;
      oldValues[i] = decision.values?.[name] ?? target;
      mask[i] = 1;
    });
    return { oldValues, targets, mask };
  });
}
