/**
 * Refining credit within a decision: weights for its units, from what a teacher would have said.
 *
 * @module
 */

import { type GearOptions, gearThreshold, gearWeights } from "../hae/gear.ts";
import type { Rescored, SampleBatch, Scorer } from "../policy/policy.ts";
import { type Decision, decisionUnits, type Situation } from "../trajectory.ts";

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
  samples: SampleBatch,
  options: RefineOptions,
): Promise<SampleBatch> {
  const { scorer, hint, ...gear } = options;
  const turns = samples.turns.map(({ decision }, i) => ({
    situation: samples.situations[i]!,
    decision,
  }));
  const student = await scorer.rescore(turns);
  const teacher = await scorer.rescore(turns, { hint });
  if (student.length !== turns.length || teacher.length !== turns.length) {
    throw new RangeError(
      `Cannot refine samples as each of ${turns.length} must be rescored: current counts are ${student.length} and ${teacher.length}`,
    );
  }
  const divergences = student.map((row, i) => divergence(row, teacher[i]!));
  const all = divergences.flatMap((row) => Array.from(row));
  const threshold = gearThreshold(all, gear);
  const weights = new Float32Array(all.length);
  let at = 0;
  for (const [i, { decision }] of turns.entries()) {
    const entropies = Float64Array.from(student[i]!.entropies);
    const own = gearWeights(divergences[i]!, entropies, {
      ...gear,
      threshold,
      sign: samples.advantages.execution[i]! < 0 ? -1 : 1,
      boundaries: blockStarts(decision),
    });
    weights.set(own, at);
    at += own.length;
  }
  return { ...samples, unitWeights: weights };
}

/** How far the teacher departs from the student on each unit, in nats. */
function divergence(student: Rescored, teacher: Rescored): Float64Array {
  return Float64Array.from(
    student.logProbs,
    (logProb, j) => Math.abs(teacher.logProbs[j]! - logProb),
  );
}

/** 1 where a unit belongs to another decision than the one before. */
function blockStarts({ trace }: Decision): Uint8Array {
  const units = decisionUnits(trace);
  return Uint8Array.from(
    units,
    (unit, j) => j === 0 || unit !== units[j - 1] ? 1 : 0,
  );
}
