/**
 * Refining credit within a decision: weights of its units (tokens or choices), from a teacher's log-probabilities.
 *
 * @module
 */

import { type GearOptions, gearThreshold, gearWeights } from "../hae/gear.ts";
import type { Policy, SampleBatch, Scorer } from "../policy/policy.ts";
import { encodeEpisodes } from "../rollout/replay.ts";
import {
  type Decision,
  decisionUnits,
  type Situation,
  type Trajectory,
  unitLogProbs,
} from "../trajectory.ts";

/** How samples are refined. */
export interface RefineOptions
  extends Omit<GearOptions, "threshold" | "sign" | "boundaries"> {
  /** Scores the samples as student; its sessions encode the episodes with the hint as teacher. */
  readonly policy: Policy & Scorer;
  /** The episodes that the samples are the turns of, in order. */
  readonly trajectories: readonly Trajectory[];
  /** The teacher's hint on a situation. */
  readonly hint: (situation: Situation) => string;
}

/**
 * Gives each sample unit weights by GEAR: smaller for praise and larger for blame where the policy departs
 * from a teacher, which is the same policy with a hint in its prompt.
 *
 * The threshold of departing is one for all samples; blocks of a reply are weighed apart.
 *
 * @param options The policy that scores, the episodes, the hint, and the settings of GEAR.
 * @returns The same samples, in order, with `unitWeights`.
 * @throws {RangeError} If the scorer does not give one row for each sample, or a setting is out of range.
 * @see {@link https://arxiv.org/abs/2605.11853 | GEAR}
 */
export async function refineSamples(
  samples: SampleBatch,
  options: RefineOptions,
): Promise<SampleBatch> {
  const { policy, trajectories, hint, ...gear } = options;
  const { turns } = samples;
  const student = await policy.scoreSamples(turns);
  const encoded = await encodeEpisodes(policy, trajectories, { hint });
  const teacher = encoded.flat().map(({ trace }) => unitLogProbs(trace));
  if (student.length !== turns.length || teacher.length !== turns.length) {
    throw new RangeError(
      `Cannot refine samples as each of ${turns.length} must be scored: current counts are ${student.length} and ${teacher.length}`,
    );
  }
  // |log p_teacher − log p| of each unit, in nats
  const divergences = student.map(({ logProbs }, i) =>
    Float64Array.from(logProbs, (own, j) => Math.abs(teacher[i]![j]! - own))
  );
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

/** 1 where a unit belongs to another decision than the one before. */
function blockStarts({ trace }: Decision): Uint8Array {
  const units = decisionUnits(trace);
  return Uint8Array.from(
    units,
    (unit, j) => j === 0 || unit !== units[j - 1] ? 1 : 0,
  );
}
