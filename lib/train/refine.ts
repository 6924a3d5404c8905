/**
 * Refining credit within a decision: weights for its units, from what a teacher would have said.
 *
 * @module
 */

import { type GearOptions, gearThreshold, gearWeights } from "../hae/gear.ts";
import type { Rescored, Scorer, TrainingSample } from "../policy/policy.ts";
import { decisionUnits, type Situation } from "../trajectory.ts";

/** How samples are refined. */
export interface RefineOptions
  extends Omit<GearOptions, "threshold" | "sign" | "boundaries"> {
  /** Scores the samples as policy, and with the hint as teacher. */
  readonly scorer: Scorer;
  /** What the teacher knows of a situation besides what is seen. */
  readonly hint: (situation: Situation) => string;
}

/**
 * Gives each sample unit weights by GEAR: little praise and much blame where the policy departs
 * from a teacher, which is the same policy told more.
 *
 * The threshold of departing is one for all samples; blocks of a reply are weighed apart.
 *
 * @param samples Samples with credit.
 * @param options Who scores, what the teacher knows, and the settings of GEAR.
 * @returns The same samples, in order, with `unitWeights`.
 * @throws {RangeError} If the scorer does not give one row for each sample, or a setting is out of range.
 * @see {@link https://arxiv.org/abs/2605.11853 | GEAR}
 */
export async function refineSamples(
  samples: readonly TrainingSample[],
  options: RefineOptions,
): Promise<TrainingSample[]> {
  const { scorer, hint, ...gear } = options;
  const student = await scorer.rescore(samples);
  const teacher = await scorer.rescore(samples, { hint });
  if (
    student.length !== samples.length || teacher.length !== samples.length
  ) {
    throw new RangeError(
      `Cannot refine samples as each of ${samples.length} must be rescored: current counts are ${student.length} and ${teacher.length}`,
    );
  }
  const divergences = student.map((row, i) => divergence(row, teacher[i]!));
  const all = divergences.flatMap((row) => Array.from(row));
  const threshold = gearThreshold(all, gear);
  return samples.map((sample, i) => {
    const entropies = Float64Array.from(student[i]!.entropies);
    const weights = gearWeights(divergences[i]!, entropies, {
      ...gear,
      threshold,
      sign: sample.advantages.execution < 0 ? -1 : 1,
      boundaries: blockStarts(sample),
    });
    return { ...sample, unitWeights: Float32Array.from(weights) };
  });
}

/** How far the teacher departs from the student on each unit, in nats. */
function divergence(student: Rescored, teacher: Rescored): Float64Array {
  return Float64Array.from(
    student.logProbs,
    (logProb, j) => Math.abs(teacher.logProbs[j]! - logProb),
  );
}

/** 1 where a unit belongs to another decision than the one before. */
function blockStarts({ decision }: TrainingSample): Uint8Array {
  const units = decisionUnits(decision.trace);
  return Uint8Array.from(
    units,
    (unit, j) => j === 0 || unit !== units[j - 1] ? 1 : 0,
  );
}
