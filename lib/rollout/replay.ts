/**
 * Recorded episodes re-encoded by a policy, with its own traces, log-probabilities and values.
 *
 * @module
 */

import type { EncodeOptions, EpisodeStart, Policy } from "../policy/policy.ts";
import { EpisodeHistories } from "../policy/session.ts";
import type { Decision, Situation, Trajectory } from "../trajectory.ts";

/** Options of {@linkcode encodeEpisodes}. */
export interface EncodeEpisodesOptions extends Pick<EncodeOptions, "score"> {
  /** A teacher's hint on a situation of an episode, named by its row. @default {none} */
  readonly hint?: (situation: Situation, row: number) => string;
}

/**
 * Encodes recorded episodes in one session, turn by turn.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createCompactPolicy,
 *   createRandom,
 *   encodeEpisodes,
 *   expertPolicy,
 *   scheduleEpisodes,
 *   selectBackend,
 * } from "@hiper/lab";
 *
 * await selectBackend("wasm");
 * const expert = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 1, maxTurns: 9 });
 * const played = await collectTrajectories(expert, episodes);
 * const policy = createCompactPolicy({ seed: 1, proposeSubgoals: () => ["leave", "wait"] });
 * const [decisions] = await encodeEpisodes(policy, played);
 * strictEqual(decisions![0]!.trace.kind, "choices"); // of an expert that records nothing
 * policy.dispose();
 * ```
 *
 * @param policy Its sessions must have `encode`.
 * @param trajectories Episodes as recorded.
 * @param options Whether decisions are scored, and the teacher's hint.
 * @returns The encoded decisions of each episode, in order.
 * @throws {TypeError} If the policy's sessions cannot encode.
 */
export async function encodeEpisodes(
  policy: Policy,
  trajectories: readonly Trajectory[],
  options: EncodeEpisodesOptions = {},
): Promise<Decision[][]> {
  const { score = true, hint } = options;
  using session = policy.open(trajectories.map(startOf));
  if (!session.encode) {
    throw new TypeError(
      'Cannot encode episodes as the sessions of the policy must have "encode": they have none',
    );
  }
  const histories = hint && new EpisodeHistories(trajectories);
  const encoded: Decision[][] = trajectories.map(() => []);
  let rows = trajectories.map((_, row) => row);
  for (let t = 0;; t++) {
    const over = rows.filter((row) => trajectories[row]!.turns.length === t);
    if (over.length > 0) session.end?.(over);
    rows = rows.filter((row) => trajectories[row]!.turns.length > t);
    if (rows.length === 0) return encoded;
    const turns = rows.map((row) => trajectories[row]!.turns[t]!);
    const observations = turns.map(({ observation }) => observation);
    const decisions = turns.map(({ decision }) => decision);
    const hints = hint && histories &&
      rows.map((row, i) =>
        hint(histories.situation(row, observations[i]!), row)
      );
    const there = await session.encode(rows, observations, decisions, {
      score,
      ...(hints && { hints }),
    });
    rows.forEach((row, i) => encoded[row]!.push(there[i]!));
    histories?.recordAll(rows, observations, decisions);
  }
}

/** What a recorded episode begins with. */
function startOf({ task, strategy }: Trajectory): EpisodeStart {
  return strategy === undefined
    ? { task }
    : { task, strategy: { text: strategy, steps: [strategy] } };
}

/**
 * Gives an episode the strategy that its subgoals amount to, in the order in which they were taken up; one that has a
 * strategy keeps it. For imitation of experts, which plan turn by turn.
 */
export function withOwnStrategy(trajectory: Trajectory): Trajectory {
  if (trajectory.strategy !== undefined) return trajectory;
  const subgoals = trajectory.turns.map(({ decision }) => decision.subgoal);
  const steps = subgoals.filter((subgoal, t) => subgoal !== subgoals[t - 1]);
  return { ...trajectory, strategy: steps.join(", then ") };
}
