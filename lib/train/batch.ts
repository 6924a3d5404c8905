/**
 * Trajectories and credit to samples: what each turn saw, decided, and has to learn from.
 *
 * @module
 */

import { joinCredit, splitCredit, toEpisodeBatch } from "../episode_batch.ts";
import type { TrainingSample } from "../policy/policy.ts";
import {
  type ByDecision,
  byDecision,
  type Credit,
  type Situation,
  type Trajectory,
} from "../trajectory.ts";

/**
 * Turns trajectories and their credit into one sample for each turn.
 *
 * Trained is what credit says, or else the decisions that were taken: execution on every turn,
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
 * const [sample] = toSamples([trajectory], [credit]);
 * deepStrictEqual(sample!.trained, { switching: true, planning: true, execution: true });
 * deepStrictEqual(sample!.advantages, { switching: 1, planning: 1, execution: 1 });
 * ```
 *
 * @param trajectories Episodes.
 * @param credits Credit of each episode, in the same order.
 * @returns Samples in the order of episodes and turns.
 * @throws {RangeError} If credits and episodes, or their turns, do not match in number.
 */
export function toSamples(
  trajectories: readonly Trajectory[],
  credits: readonly Credit[],
): TrainingSample[] {
  const batch = toEpisodeBatch(trajectories);
  const joined = splitCredit(batch.offsets, joinCredit(batch, credits));
  return trajectories.flatMap((trajectory, i) =>
    episodeSamples(trajectory, joined[i]!)
  );
}

/** Samples of one episode. */
function episodeSamples(
  trajectory: Trajectory,
  credit: Credit,
): TrainingSample[] {
  const { turns } = trajectory;
  const taken = credit.trained!;
  return turns.map(({ decision }, t) => {
    const trained = byDecision((name) => taken[name][t] === 1);
    const advantages = byDecision((name) =>
      trained[name] ? credit.advantages[name][t]! : 0
    );
    const situation = situationAt(trajectory, t);
    const episode = trajectory.id;
    const sample = { situation, decision, advantages, trained, episode };
    if (!credit.targets) return sample;
    const { targets } = credit;
    const target = byDecision((name) => {
      const value = targets[name][t]!;
      return Number.isNaN(value) ? undefined : value;
    });
    return { ...sample, targets: target };
  });
}

/**
 * Restores what the policy saw on a turn.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   expertPolicy,
 *   scheduleEpisodes,
 * } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 1, maxTurns: 9 });
 * const [episode] = await collectTrajectories(policy, episodes);
 * strictEqual(situationAt(episode!, 0).subgoal, undefined); // nothing held yet
 * strictEqual(situationAt(episode!, 1).subgoal, "leave");
 * ```
 *
 * @param trajectory One episode.
 * @param t The turn, from 0; the number of turns stands for what followed the last one.
 * @returns The unfinished trajectory, as its policy saw it.
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
  return subgoal === undefined
    ? { task, past, observation }
    : { task, past, observation, subgoal };
}

/**
 * Makes samples of what an expert did, every decision equally good: imitation as a policy gradient.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { collectTrajectories, createRandom, expertPolicy, imitationSamples, scheduleEpisodes } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 1, maxTurns: 9 });
 * const [, kept] = imitationSamples(await collectTrajectories(policy, episodes));
 * deepStrictEqual(kept!.advantages, { switching: 1, planning: 0, execution: 1 });
 * ```
 *
 * @param trajectories Episodes as recorded.
 * @param returns Discounted returns of each episode's turns, targets for all value heads; absent trains no value.
 * @returns Samples whose advantages are 1 wherever a decision was taken.
 */
export function imitationSamples(
  trajectories: readonly Trajectory[],
  returns?: readonly Float64Array[],
): TrainingSample[] {
  const credits = trajectories.map(({ turns }, i) => {
    const ones = byDecision(() => new Float64Array(turns.length).fill(1));
    const targets: ByDecision<Float64Array> | undefined = returns &&
      byDecision(() => returns[i]!);
    return targets ? { advantages: ones, targets } : { advantages: ones };
  });
  return toSamples(trajectories, credits);
}
