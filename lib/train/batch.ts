/**
 * Credit to samples: what each turn saw, decided, and has to learn from, as columns.
 *
 * @module
 */

import {
  type CreditColumns,
  decisionsTaken,
  type EpisodeBatch,
  joinCredit,
  toEpisodeBatch,
} from "../episode_batch.ts";
import type { SampleBatch } from "../policy/policy.ts";
import {
  byDecision,
  type Credit,
  decisionUnits,
  type Situation,
  type Trajectory,
} from "../trajectory.ts";

/**
 * Turns trajectories and their credit into samples: columns with one row for each turn.
 *
 * The trained decisions are those that the credit names, or else those that were taken: execution on every turn,
 * planning where a segment starts, switching wherever there was a choice.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { toSamples, type Trajectory } from "@hiper/lab";
 *
 * const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
 * const trace = { kind: "untrainable" } as const;
 * const decision = { switched: true, subgoal: "leave", action: "go", valid: true, trace };
 * const trajectory: Trajectory = {
 *   id: "corridor/0#0",
 *   task: "leave",
 *   group: "corridor/0",
 *   turns: [{ observation, decision, reward: 1 }],
 *   ending: "terminated",
 *   success: true,
 *   score: 1,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 *   seed: 0,
 * };
 * const one = new Float64Array([1]);
 * const credit = { advantages: { switching: one, planning: one, execution: one } };
 * const { trained, advantages } = toSamples([trajectory], [credit]);
 * deepStrictEqual(trained.switching, new Uint8Array([1]));
 * deepStrictEqual(advantages.execution, new Float64Array([1]));
 * ```
 *
 * @param credits Credit of each episode, in the same order.
 * @returns Samples; rows are in the order of episodes and turns.
 * @throws {RangeError} If credits and episodes, or their turns, do not match in number.
 */
export function toSamples(
  trajectories: readonly Trajectory[],
  credits: readonly Credit[],
): SampleBatch {
  const batch = toEpisodeBatch(trajectories);
  return batchSamples(batch, joinCredit(batch, credits));
}

/** Turns a batch and its credit into samples, columns in, columns out; rows are the turns of the batch. */
export function batchSamples(
  batch: EpisodeBatch,
  credit: CreditColumns,
): SampleBatch {
  const { offsets, turns } = batch;
  const episodes = new Int32Array(turns.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    episodes.fill(i, offsets[i]!, offsets[i + 1]!);
  }
  const { advantages, trained, targets } = credit;
  return {
    turns,
    episodes,
    advantages: byDecision((name) =>
      advantages[name].map((a, t) => trained[name][t] === 1 ? a : 0)
    ),
    trained,
    ...(targets && { targets }),
  };
}

/** Takes some rows, in order, of samples that have no unit weights. */
export function filterSamples(
  samples: Omit<SampleBatch, "unitWeights">,
  takes: (row: number) => boolean,
): SampleBatch {
  const rows = samples.turns.map((_, i) => i).filter(takes);
  const { turns, episodes, advantages, trained, targets } = samples;
  return {
    turns: rows.map((i) => turns[i]!),
    episodes: Int32Array.from(rows, (i) => episodes[i]!),
    advantages: byDecision((name) =>
      Float64Array.from(rows, (i) => advantages[name][i]!)
    ),
    trained: byDecision((name) =>
      Uint8Array.from(rows, (i) => trained[name][i]!)
    ),
    ...(targets && {
      targets: byDecision((name) =>
        Float64Array.from(rows, (i) => targets[name][i]!)
      ),
    }),
  };
}

/**
 * Puts samples one after the other; targets are `NaN`, and unit weights 1, where one of the two has none. Episodes of
 * both are numbered together.
 */
export function joinSamples(
  first: SampleBatch,
  second: SampleBatch,
): SampleBatch {
  const both = [first, second];
  const rows = first.turns.length + second.turns.length;
  const column = (of: (samples: SampleBatch) => Float64Array | undefined) => {
    const joined = new Float64Array(rows).fill(NaN);
    joined.set(of(first) ?? []);
    joined.set(of(second) ?? [], first.turns.length);
    return joined;
  };
  return {
    turns: both.flatMap(({ turns }) => turns),
    episodes: Int32Array.from(both.flatMap(({ episodes }) => [...episodes])),
    advantages: byDecision((name) => column((one) => one.advantages[name])),
    trained: byDecision((name) =>
      Uint8Array.from(both.flatMap(({ trained }) => [...trained[name]]))
    ),
    ...(both.some(({ targets }) => targets) && {
      targets: byDecision((name) => column((one) => one.targets?.[name])),
    }),
    ...(both.some(({ unitWeights }) => unitWeights) && {
      unitWeights: Float32Array.from(
        both.flatMap((one) => [...weightsOf(one)]),
      ),
    }),
  };
}

/** Weight of each unit. */
function weightsOf({ turns, unitWeights }: SampleBatch): Float32Array {
  if (unitWeights) return unitWeights;
  const units = turns.reduce(
    (sum, { decision }) => sum + decisionUnits(decision.trace).length,
    0,
  );
  return new Float32Array(units).fill(1);
}

/**
 * Restores what the policy saw on a turn, from 0; the number of turns stands for what followed the last one.
 *
 * @throws {RangeError} If there is no such turn, or what followed the last one was not recorded.
 */
export function situationAt(trajectory: Trajectory, t: number): Situation {
  const { task, turns, finalObservation } = trajectory;
  const observation = t === turns.length
    ? finalObservation
    : turns[t]?.observation;
  if (!observation) {
    throw new RangeError(
      `Cannot restore a situation as episode "${trajectory.id}" must have turn ${t}: it has ${turns.length} turns`,
    );
  }
  const past = turns.slice(0, t);
  const subgoal = past.at(-1)?.decision.subgoal;
  return { task, past, observation, ...(subgoal !== undefined && { subgoal }) };
}

/**
 * Makes samples of what an expert did, every decision equally good: imitation as a policy gradient.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   expertPolicy,
 *   imitationSamples,
 *   scheduleEpisodes,
 * } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 1, maxTurns: 9 });
 * const { advantages } = imitationSamples(await collectTrajectories(policy, episodes));
 * deepStrictEqual(advantages.planning, new Float64Array([1, 0])); // the subgoal was kept
 * ```
 *
 * @param returns Discounted return of each turn, a target for all value heads; absent trains no value. Shape `(turns,)`.
 * @returns Samples whose advantages are 1 wherever a decision was taken.
 */
export function imitationSamples(
  trajectories: readonly Trajectory[],
  returns?: Float64Array,
): SampleBatch {
  const batch = toEpisodeBatch(trajectories);
  return batchSamples(batch, {
    advantages: byDecision(() => new Float64Array(batch.turns.length).fill(1)),
    trained: decisionsTaken(batch),
    ...(returns && { targets: byDecision(() => returns) }),
  });
}
