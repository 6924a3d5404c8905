/**
 * HiPER's objective over units as plain numbers, with its gradient: what `objectiveTerms` gives to TensorFlow.js, for
 * policies that differentiate by kernels of their own.
 *
 * @module
 */

import { type ByDecision, byDecision, DECISIONS } from "../../trajectory.ts";
import type { PpoSettings } from "./update_settings.ts";

/** Numbers of units and value heads, of some rows of a minibatch. */
export interface ObjectiveNumbers {
  /** Shapes `(units,)`. */
  readonly oldLogProbs: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
  /** Log-probabilities under the reference, where they are wanted. Shape `(units,)`. */
  readonly references: ArrayLike<number> | undefined;
  /** Shapes `(rows,)`. */
  readonly heads: ByDecision<{
    readonly oldValues: ArrayLike<number>;
    readonly targets: ArrayLike<number>;
    readonly mask: ArrayLike<number>;
  }>;
  /** Units with a mask, and targets of each head, in the whole minibatch. */
  readonly counts: {
    readonly units: number;
    readonly heads: ByDecision<number>;
  };
}

/** Numbers that a policy gives for units and rows, or a gradient with respect to them. */
export interface ScoreNumbers {
  readonly logProbs: Float64Array;
  readonly entropies: Float64Array;
  readonly values: ByDecision<Float64Array>;
}

/** These rows' part of the minibatch's terms, in the order of `PPO_TERMS`, and the objective's gradient. */
export interface UnitGradient {
  readonly terms: Float64Array;
  readonly gradient: ScoreNumbers;
}

/** As in `aggregation.ts`. */
const NEARLY_ZERO = 1e-8;

/** Computes a part of the objective and its gradient. */
export function differentiateUnits(
  scores: ScoreNumbers,
  numbers: ObjectiveNumbers,
  settings: PpoSettings,
): UnitGradient {
  const terms = new Float64Array(8);
  const gradient = {
    logProbs: new Float64Array(scores.logProbs.length),
    entropies: new Float64Array(scores.entropies.length),
    values: byDecision((name) => new Float64Array(scores.values[name].length)),
  };
  const each = 1 / (numbers.counts.units + NEARLY_ZERO);
  const { mask, references } = numbers;
  for (let u = 0; u < mask.length; u++) {
    if (!(mask[u]! > 0)) continue;
    const logProb = scores.logProbs[u]!, entropy = scores.entropies[u]!;
    const old = settings.onPolicy ? logProb : numbers.oldLogProbs[u]!;
    const unit = surrogate(logProb - old, numbers.advantages[u]!, settings);
    const kl = references ? divergence(logProb - references[u]!) : NOTHING;
    gradient.logProbs[u] = each *
      (unit.slope + settings.klCoefficient * kl.slope);
    gradient.entropies[u] = -each * settings.entropyCoefficient;
    terms[0]! += each * unit.loss;
    terms[2]! += each * entropy;
    terms[3]! += each * kl.loss;
    terms[4]! += each * (old - logProb);
    terms[5]! += unit.clipped ? each : 0;
    terms[6]! += unit.bounded ? each : 0;
    terms[7]! += each * logProb;
  }
  for (const name of DECISIONS) {
    const head = numbers.heads[name];
    const share = 1 / (numbers.counts.heads[name] + NEARLY_ZERO);
    for (let i = 0; i < head.mask.length; i++) {
      if (!(head.mask[i]! > 0)) continue;
      const { loss, slope } = squaredError(scores.values[name][i]!, {
        target: head.targets[i]!,
        old: head.oldValues[i]!,
        range: settings.valueClipRange,
      });
      terms[1]! += share * loss;
      gradient.values[name][i] = settings.valueCoefficient * share * slope;
    }
  }
  return { terms, gradient };
}

/** A loss and its derivative. */
interface Sloped {
  readonly loss: number;
  readonly slope: number;
}

const NOTHING: Sloped = { loss: 0, slope: 0 };

/** The clipped surrogate of one unit with dual clip; see `policyLoss`. */
function surrogate(
  logRatio: number,
  advantage: number,
  { clipRange, dualClip }: PpoSettings,
): Sloped & { readonly clipped: boolean; readonly bounded: boolean } {
  const [below, above] = typeof clipRange === "number"
    ? [clipRange, clipRange]
    : clipRange;
  const price = -advantage, ratio = Math.exp(logRatio);
  const free = price * ratio;
  const limited = price * Math.min(Math.max(ratio, 1 - below), 1 + above);
  const upper = Math.max(free, limited), clipped = limited > free;
  const bound = price * dualClip;
  const bounded = dualClip !== 0 && price > 0 && upper > bound;
  return {
    loss: bounded ? bound : upper,
    slope: bounded || clipped ? 0 : free,
    ...{ clipped, bounded },
  };
}

/** The estimator k3 of the divergence from the reference; see `klEstimates`. */
function divergence(logRatio: number): Sloped {
  const factor = Math.exp(Math.min(-logRatio, 30));
  const loss = factor + logRatio - 1;
  const slope = -logRatio > 30 ? 1 : 1 - factor;
  return loss > 10 ? { loss: 10, slope: 0 } : { loss, slope };
}

/** The larger of the free and the clipped squared error; see `valueLoss`. */
function squaredError(
  value: number,
  { target, old, range }: { target: number; old: number; range: number },
): Sloped {
  const free = value - target;
  const moved = range === 0
    ? value
    : Math.min(Math.max(value, old - range), old + range);
  const limited = moved - target;
  return limited * limited > free * free
    ? { loss: limited * limited, slope: moved === value ? 2 * limited : 0 }
    : { loss: free * free, slope: 2 * free };
}
