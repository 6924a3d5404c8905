/**
 * Refining credit within a decision: weights of its units (tokens or choices), from a teacher's log-probabilities.
 *
 * @module
 */

import {
  type GearOptions,
  type GearSegment,
  gearSegments,
  gearThreshold,
  gearWeights,
} from "../hae/gear.ts";
import type { Policy, SampleBatch, Scorer } from "../policy/policy.ts";
import { encodeEpisodes } from "../rollout/replay.ts";
import {
  type Decision,
  type DecisionName,
  decisionUnits,
  type Situation,
  type Trajectory,
  unitLogProbs,
} from "../trajectory.ts";
import { teacherHints } from "./teacher.ts";

/** How far the teacher departs at a unit. */
export type Divergence = "sampled" | "departing";

/** How samples are refined. */
export interface RefineOptions
  extends Omit<GearOptions, "threshold" | "sign" | "boundaries"> {
  /** Scores the samples as student; its sessions encode the episodes with the hint as teacher. */
  readonly policy: Policy & Scorer;
  /** The episodes that the samples are the turns of, in order. */
  readonly trajectories: readonly Trajectory[];
  /**
   * The teacher's hint on a situation; where it is empty, and for all turns with `teacher: "group"`, the actions of the
   * shortest successful episode of the same group.
   */
  readonly hint: (situation: Situation) => string;
  /** Whether the teacher is told of the expert's plan first, or of a successful episode alone. @default {"expert"} */
  readonly teacher?: "expert" | "group";
  /**
   * `sampled` is `|log p_teacher − log p|` of the unit that was sampled; `departing` is `log p − log p_teacher` where that is
   * positive, so that what the teacher finds likelier is no departure.
   *
   * @default {"sampled"}
   */
  readonly divergence?: Divergence;
}

/** The units of a reply as GEAR sees them. */
export interface RefinedReply {
  /** The decision that each unit belongs to. Shape `(units,)`. */
  readonly names: readonly (DecisionName | undefined)[];
  /** How far the teacher departs, in nats. Shape `(units,)`. */
  readonly divergences: Float64Array;
  /** Entropy of the policy, in nats. Shape `(units,)`. */
  readonly entropies: Float64Array;
  /** Divergence above which a unit departs, in nats. */
  readonly threshold: number;
  /** Single units and segments, which tile the reply. */
  readonly segments: readonly GearSegment[];
  /** Weights. Shape `(units,)`. */
  readonly weights: Float64Array;
}

/**
 * Gives each sample unit weights by GEAR: smaller for praise and larger for blame where the policy departs
 * from a teacher, which is the same policy with a hint in its prompt.
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
  return withWeights(samples, await refineReplies(samples, options));
}

/** The samples with the weights of their replies. */
export function withWeights(
  samples: SampleBatch,
  replies: readonly RefinedReply[],
): SampleBatch {
  const size = replies.reduce((sum, { weights }) => sum + weights.length, 0);
  const unitWeights = new Float32Array(size);
  let at = 0;
  for (const { weights } of replies) {
    unitWeights.set(weights, at);
    at += weights.length;
  }
  return { ...samples, unitWeights };
}

/**
 * Compares each reply with the teacher's, and weighs its units.
 *
 * The threshold of departing is one for the replies of a group of episodes, or for all where groups have one episode; units
 * that were not decided do not count for it. Where the decisions of a turn have credits of their own, the units of
 * each are weighed apart, so that no credit moves between decisions.
 *
 * @returns One for each sample, in order.
 * @throws {RangeError} If the scorer does not give one row for each sample, or a setting is out of range.
 */
export async function refineReplies(
  samples: SampleBatch,
  options: RefineOptions,
): Promise<RefinedReply[]> {
  const { policy, trajectories, divergence = "sampled", ...rest } = options;
  const { hint: _, teacher: __, ...gear } = rest;
  const { turns } = samples;
  const student = await policy.scoreSamples(turns);
  const encoded = await encodeEpisodes(policy, trajectories, {
    hint: teacherHints(options),
  });
  const teacher = encoded.flat().map(({ trace }) => unitLogProbs(trace));
  if (student.length !== turns.length || teacher.length !== turns.length) {
    throw new RangeError(
      `Cannot refine samples as each of ${turns.length} must be scored: current counts are ${student.length} and ${teacher.length}`,
    );
  }
  const names = turns.map(({ decision }) => decisionUnits(decision.trace));
  const divergences = student.map(({ logProbs }, i) =>
    Float64Array.from(logProbs, (own, j) => {
      const gap = own - teacher[i]![j]!; // above 0 where the teacher finds the unit less likely
      return divergence === "sampled" ? Math.abs(gap) : Math.max(0, gap);
    })
  );
  const thresholds = groupThresholds(samples, {
    trajectories,
    names,
    divergences,
    gear,
  });
  return turns.map(({ decision }, i) => {
    const entropies = Float64Array.from(student[i]!.entropies);
    const threshold = thresholds[i]!;
    const boundaries = blockStarts(decision);
    const all = { ...gear, threshold, boundaries };
    return {
      names: names[i]!,
      divergences: divergences[i]!,
      entropies,
      threshold,
      segments: gearSegments(divergences[i]!, entropies, all),
      weights: weighReply(samples, i, {
        names: names[i]!,
        weigh: (start, end, sign) =>
          gearWeights(
            divergences[i]!.slice(start, end),
            entropies.slice(start, end),
            { ...all, boundaries: boundaries.slice(start, end), sign },
          ),
      }),
    };
  });
}

/** Threshold of each sample: that of its group of episodes. */
function groupThresholds(
  { episodes, turns }: SampleBatch,
  from: {
    readonly trajectories: readonly Trajectory[];
    readonly names: readonly (readonly (DecisionName | undefined)[])[];
    readonly divergences: readonly Float64Array[];
    readonly gear: GearOptions;
  },
): number[] {
  const { trajectories, names, divergences, gear } = from;
  const sizes = new Map<string, number>();
  for (const { group } of trajectories) {
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  const keys = turns.map((_, i) => {
    const group = trajectories[episodes[i]!]?.group ?? "";
    return (sizes.get(group) ?? 1) > 1 ? group : "";
  });
  const thresholds = new Map<string, number>();
  for (const [key, rows] of Map.groupBy(keys.keys(), (i) => keys[i]!)) {
    const decided = rows.flatMap((i) =>
      Array.from(divergences[i]!).filter((_, j) => names[i]![j] !== undefined)
    );
    thresholds.set(key, gearThreshold(decided, gear));
  }
  return keys.map((key) => thresholds.get(key)!);
}

/** Weights of a reply: as one where its trained decisions share their credit, else decision by decision. */
function weighReply(
  { advantages, trained }: SampleBatch,
  row: number,
  { names, weigh }: {
    readonly names: readonly (DecisionName | undefined)[];
    readonly weigh: (start: number, end: number, sign: 1 | -1) => Float64Array;
  },
): Float64Array {
  const present = [...new Set(names)].filter((name) =>
    name !== undefined && trained[name][row] === 1
  ) as DecisionName[];
  const credit = (name: DecisionName) => advantages[name][row]!;
  const signOf = (name: DecisionName) => credit(name) < 0 ? -1 : 1;
  const one = present[0] ?? "execution";
  if (present.every((name) => credit(name) === credit(one))) {
    return weigh(0, names.length, signOf(one));
  }
  const weights = new Float64Array(names.length).fill(1);
  for (let start = 0; start < names.length;) {
    const name = names[start];
    let end = start + 1;
    while (end < names.length && names[end] === name) end++;
    if (name !== undefined && present.includes(name)) {
      weights.set(weigh(start, end, signOf(name)), start);
    }
    start = end;
  }
  return weights;
}

/** 1 where a unit belongs to another decision than the one before. */
function blockStarts({ trace }: Decision): Uint8Array {
  const units = decisionUnits(trace);
  return Uint8Array.from(
    units,
    (unit, j) => j === 0 || unit !== units[j - 1] ? 1 : 0,
  );
}
