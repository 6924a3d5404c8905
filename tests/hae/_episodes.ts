/**
 * Arbitrary episodes for laws of credit.
 *
 * @module
 */

import fc from "fast-check";
import type { EpisodeBatch } from "../../lib/episode_batch.ts";
import type { ByDecision, Trajectory, Turn } from "../../lib/trajectory.ts";

/** Small dyadic numbers, so that sums of them are exact. */
export const quarter: fc.Arbitrary<number> = fc.integer({ min: -40, max: 40 })
  .map((n) => n / 4);

/** One number for each decision. */
export const threeNumbers: fc.Arbitrary<ByDecision<number>> = fc.record({
  switching: quarter,
  planning: quarter,
  execution: quarter,
}, { noNullPrototype: true });

/** An arbitrary turn with values; what it looks like does not matter. */
export const turn: fc.Arbitrary<Turn> = fc.record({
  switched: fc.boolean(),
  valid: fc.boolean(),
  subgoal: fc.constantFrom("find", "wash", ""),
  seen: fc.constantFrom("hall", "kitchen"),
  values: threeNumbers,
  switchProbability: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
  heldSubgoalValue: quarter,
  reward: quarter,
}).map(({ switched, valid, subgoal, seen, reward, ...critic }) => ({
  observation: { text: seen, admissibleActions: ["go"], stateKey: seen },
  decision: {
    switched,
    subgoal,
    action: "go",
    valid,
    trace: { kind: "untrainable" },
    ...critic,
  },
  reward,
}));

/** An arbitrary episode of 1 to 12 turns. */
export const trajectory: fc.Arbitrary<Trajectory> = fc.record({
  turns: fc.array(turn, { minLength: 1, maxLength: 12 }),
  ending: fc.constantFrom("terminated" as const, "truncated" as const),
  after: threeNumbers,
  group: fc.constantFrom("a", "b"),
  strategy: fc.constantFrom("x", "y"),
}).map(({ turns, ending, after, group, strategy }) => ({
  id: `${group}/${strategy}`,
  task: "leave",
  group,
  strategy,
  turns,
  ending,
  success: false,
  score: 0,
  bootstrap: ending === "truncated"
    ? after
    : { switching: 0, planning: 0, execution: 0 },
  seed: 0,
}));

/** Several episodes with names of their own. */
export const batch: fc.Arbitrary<Trajectory[]> = fc.array(trajectory, {
  minLength: 1,
  maxLength: 6,
}).map((episodes) =>
  episodes.map((one, i) => ({ ...one, id: `${one.id}#${i}` }))
);

/** Discounted rewards from each turn of one episode on, plus the discounted value after the last. */
export function monteCarlo(
  turns: Pick<EpisodeBatch, "rewards" | "bootstrap">,
  gamma: number,
): number[] {
  const returns: number[] = [];
  let next = turns.bootstrap.switching[0]!;
  for (const reward of [...turns.rewards].reverse()) {
    next = reward + gamma * next;
    returns.unshift(next);
  }
  return returns;
}

/** A plain episode by hand. */
export function episode(
  parts: Partial<Trajectory> & {
    rewards: readonly number[];
    values?: ByDecision<number>;
    switched?: readonly boolean[];
  },
): Trajectory {
  const { rewards, values, switched, ...rest } = parts;
  return {
    id: "corridor/7",
    task: "leave",
    group: "corridor/7",
    turns: rewards.map((reward, t) => ({
      observation: {
        text: `${t}`,
        admissibleActions: ["go"],
        stateKey: `${t}`,
      },
      decision: {
        switched: switched?.[t] ?? t === 0,
        subgoal: "leave",
        action: "go",
        valid: true,
        trace: { kind: "untrainable" },
        ...(values ? { values } : {}),
      },
      reward,
    })),
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: { switching: 0, planning: 0, execution: 0 },
    seed: 0,
    ...rest,
  };
}
