/**
 * HiPER's objective over units as plain numbers, with its gradient: what `objectiveTerms` gives to TensorFlow.js, for
 * policies that differentiate by kernels of their own.
 *
 * @module
 */

import { type ByDecision, byDecision, DECISIONS } from "../../trajectory.ts";
import { differentiateKl } from "./kl.ts";
import type { PpoSettings } from "./update_settings.ts";

/** Numbers of units and value heads, of some rows of a minibatch. */
export interface ObjectiveNumbers {
  /** First unit of each row, then the number of units. Shape `(rows + 1,)`. */
  readonly offsets: ArrayLike<number>;
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
  /** Units with a mask, rows, rows with such units, and targets of each head, in the whole minibatch. */
  readonly counts: {
    readonly units: number;
    readonly rows: number;
    readonly trainedRows: number;
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
  const { offsets, mask, references } = numbers;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const start = offsets[row]!, end = offsets[row + 1]!;
    const share = unitShare(numbers, { start, end }, settings);
    const sequence = settings.loss === "gspo"
      ? sequenceRatio(scores, numbers, { start, end }, settings.onPolicy)
      : undefined;
    for (let u = start; u < end; u++) {
      if (!(mask[u]! > 0)) continue;
      const logProb = scores.logProbs[u]!, entropy = scores.entropies[u]!;
      const old = settings.onPolicy ? logProb : numbers.oldLogProbs[u]!;
      const unit = surrogate(
        sequence ?? logProb - old,
        numbers.advantages[u]!,
        settings,
      );
      const kl = references
        ? differentiateKl(logProb - references[u]!, settings.klEstimator)
        : NOTHING;
      gradient.logProbs[u] = share *
        (unit.slope + settings.klCoefficient * kl.slope);
      gradient.entropies[u] = -share * settings.entropyCoefficient;
      terms[0]! += share * unit.loss;
      terms[2]! += share * entropy;
      terms[3]! += share * kl.loss;
      terms[4]! += each * (old - logProb);
      terms[5]! += unit.clipped ? each : 0;
      terms[6]! += unit.bounded ? each : 0;
      terms[7]! += each * logProb;
    }
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

/** A range of units. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** Weight of each unit of a row in what is aggregated; see `aggregationWeights`. */
function unitShare(
  { mask, counts }: ObjectiveNumbers,
  { start, end }: Range,
  { aggregation, aggregationLength = 1 }: PpoSettings,
): number {
  switch (aggregation) {
    case "token-mean":
      return 1 / (counts.units + NEARLY_ZERO);
    case "seq-mean-token-sum":
      return 1 / Math.max(1, counts.rows);
    case "seq-mean-token-sum-norm":
      return 1 / aggregationLength;
    case "seq-mean-token-mean": {
      let units = 0;
      for (let u = start; u < end; u++) units += mask[u]!;
      return units === 0 ? 0 : 1 / (units * Math.max(1, counts.trainedRows));
    }
  }
}

/** Log-ratios of a sequence above this count as this; see `sequencePolicyLoss`. */
const LARGEST_LOG_RATIO = 10;

/** Log-ratio of a row's units together: their mean. */
function sequenceRatio(
  { logProbs }: ScoreNumbers,
  { mask, oldLogProbs }: ObjectiveNumbers,
  { start, end }: Range,
  onPolicy: boolean,
): number {
  let sum = 0, units = 0;
  for (let u = start; u < end; u++) {
    if (!(mask[u]! > 0)) continue;
    if (!onPolicy) sum += logProbs[u]! - oldLogProbs[u]!;
    units++;
  }
  return sum / Math.max(1, units);
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
  { clipRange, dualClip, loss }: PpoSettings,
): Sloped & { readonly clipped: boolean; readonly bounded: boolean } {
  const [below, above] = typeof clipRange === "number"
    ? [clipRange, clipRange]
    : clipRange;
  const capped = loss === "gspo" && logRatio > LARGEST_LOG_RATIO;
  const price = -advantage;
  const ratio = Math.exp(capped ? LARGEST_LOG_RATIO : logRatio);
  const free = price * ratio;
  const limited = price * Math.min(Math.max(ratio, 1 - below), 1 + above);
  const upper = Math.max(free, limited), clipped = limited > free;
  const bound = price * dualClip;
  const bounded = loss === "ppo" && dualClip !== 0 && price > 0 &&
    upper > bound;
  return {
    loss: bounded ? bound : upper,
    slope: bounded || clipped || capped ? 0 : free,
    ...{ clipped, bounded },
  };
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
