/**
 * Speed of credit assignment on the path that training uses, shaping and hierarchical advantages with every penalty
 * and normalization: from trajectories, from the batch, and on padded rows; by batch size; other estimators; and
 * tag spans.
 *
 * Turns a second are the number of turns in a benchmark's name over its time. The goals on one core are 6 million
 * from trajectories, and from the batch 12 million, flat from a thousand turns to a million.
 *
 * @module
 */

import { type EpisodeBatch, toEpisodeBatch } from "../../lib/episode_batch.ts";
import { assignCredit, creditBatch } from "../../lib/hae/credit.ts";
import { shapeBatch } from "../../lib/hae/shaping.ts";
import type { HaeRows } from "../reference/row_inputs.ts";
import { rowAdvantages } from "../reference/rows.ts";
import { locateBlocks } from "../../lib/policy/language/blocks.ts";
import { createRandom } from "../../lib/random.ts";
import { byDecision, type Trajectory } from "../../lib/trajectory.ts";

const EPISODE = 25; // turns
const WIDTH = 64; // token slots of a padded row

/** Episodes of 25 turns that switch on one turn in five; a tenth of them is truncated. */
function makeTrajectories(turns: number): Trajectory[] {
  const random = createRandom(1);
  const subgoals = ["find a mug", "clean the mug", "leave"];
  return Array.from({ length: turns / EPISODE }, (_, i): Trajectory => ({
    id: `${i}`,
    task: "",
    group: `${i >> 3}`,
    turns: Array.from({ length: EPISODE }, (_, t) => ({
      observation: { text: "", admissibleActions: [], stateKey: `${t}` },
      decision: {
        switched: random.uniform() < 0.2,
        subgoal: subgoals[Math.floor(random.uniform() * 1.05)]!,
        action: "",
        valid: random.uniform() < 0.9,
        trace: { kind: "untrainable" },
        values: byDecision(() => random.uniform()),
      },
      reward: random.uniform(),
    })),
    ending: i % 10 === 0 ? "truncated" : "terminated",
    success: true,
    score: 1,
    bootstrap: byDecision(() => i % 10 === 0 ? random.uniform() : 0),
    seed: i,
  }));
}

const SHAPING = {
  keepPenalty: -0.3,
  invalidActionPenalty: 0.1,
  consistencyPenalty: -0.3,
} as const;
const HAE = { gamma: 0.99, lambdaTurn: 0.95, lambdaSegment: 0.95 } as const;

const ESTIMATOR = { name: "hae", ...HAE, normalize: "standard" } as const;

for (
  const [turns, n] of [[1e3, 2000], [1e4, 500], [1e5, 100], [1e6, 10]] as const
) {
  let batch: EpisodeBatch | undefined;
  Deno.bench({
    name: `${turns} turns from the batch`,
    group: "by size",
    n,
    warmup: Math.ceil(n / 10),
    fn(context) {
      batch ??= toEpisodeBatch(makeTrajectories(turns));
      context.start();
      creditBatch(shapeBatch(batch, SHAPING), ESTIMATOR);
      context.end();
    },
  });
}

const TURNS = 10_000;
const trajectories = makeTrajectories(TURNS);
const columns = toEpisodeBatch(trajectories);

/** The same turns as padded rows: 4 tokens of switch, 12 of subgoal, 16 of action. */
const rows: HaeRows = (() => {
  const matrix = (from: number, to: number) =>
    Uint8Array.from(
      { length: TURNS * WIDTH },
      (_, at) => at % WIDTH >= from && at % WIDTH < to ? 1 : 0,
    );
  const spread = (column: Float64Array) =>
    Float64Array.from(
      { length: TURNS * WIDTH },
      (_, at) => column[Math.floor(at / WIDTH)]!,
    );
  const { values } = columns;
  return {
    rows: TURNS,
    width: WIDTH,
    episode: Array.from(
      { length: TURNS },
      (_, i) => `${Math.floor(i / EPISODE)}`,
    ),
    turn: Array.from({ length: TURNS }, (_, i) => i % EPISODE),
    mask: matrix(0, 32),
    done: Uint8Array.from(
      columns.turns,
      (_, t) => t % EPISODE === EPISODE - 1 ? 1 : 0,
    ),
    switched: columns.switched,
    rewards: columns.rewards,
    valid: columns.valid,
    values: {
      switching: spread(values.switching),
      planning: spread(values.planning),
      execution: spread(values.execution),
    },
    valueMasks: {
      switching: matrix(0, 1),
      planning: matrix(0, 1),
      execution: matrix(16, 17),
    },
    spans: {
      switching: matrix(0, 4),
      planning: matrix(4, 16),
      execution: matrix(16, 32),
    },
  };
})();

/** What a trainer on padded rows does without columns: group, sort and walk objects, then fill nested matrices. */
function naiveRows(): number[][] {
  const grouped = new Map<string, number[]>();
  for (let i = 0; i < TURNS; i++) {
    const key = rows.episode[i]!;
    grouped.set(key, [...(grouped.get(key) ?? []), i]);
  }
  const credit: Record<number, { low: number; high: number; term: number }> =
    {};
  for (const members of grouped.values()) {
    const order = members.toSorted((a, b) => rows.turn[a]! - rows.turn[b]!);
    const kept = order.filter((i) => !rows.switched[i]).length;
    const turns = order.map((i) => ({
      i,
      reward: rows.rewards[i]! +
        (rows.switched[i] ? 0 : -0.3 / order.length * (kept > 0 ? 1 : 0)) -
        (rows.valid![i] ? 0 : 0.1),
      low: rows.values.execution[i * WIDTH + 16]!,
      high: rows.values.planning![i * WIDTH]!,
      term: rows.values.switching![i * WIDTH]!,
    }));
    const starts = turns.flatMap((turn, p) =>
      p === 0 || rows.switched[turn.i] ? [p] : []
    );
    let nextHigh = 0, carried = 0;
    for (let k = starts.length - 1; k >= 0; k--) {
      const segment = turns.slice(starts[k], starts[k + 1] ?? turns.length);
      let low = 0, nextLow = nextHigh, term = nextHigh;
      for (const turn of segment.toReversed()) {
        low = turn.reward + HAE.gamma * nextLow - turn.low +
          HAE.gamma * HAE.lambdaTurn * low;
        term = turn.reward + HAE.gamma * term;
        credit[turn.i] = { low, high: 0, term: term - turn.term };
        nextLow = turn.low;
      }
      const total = segment.reduce(
        (sum, turn, m) => sum + HAE.gamma ** m * turn.reward,
        0,
      );
      const discount = HAE.gamma ** segment.length;
      carried = total + discount * (nextHigh + HAE.lambdaSegment * carried) -
        segment[0]!.high;
      credit[segment[0]!.i]!.high = carried;
      nextHigh = segment[0]!.high;
    }
  }
  const normalized = (
    pick: (row: number) => number,
    takes: (row: number) => boolean,
  ) => {
    const taken = Object.keys(credit).map(Number).filter(takes).map(pick);
    const mean = taken.reduce((a, b) => a + b, 0) / taken.length;
    const deviation = Math.sqrt(
      taken.reduce((a, b) => a + (b - mean) ** 2, 0) / taken.length,
    );
    return (row: number) => (pick(row) - mean) / (deviation + 1e-8);
  };
  const starts = (row: number) =>
    row % EPISODE === 0 || rows.switched[row] === 1;
  const low = normalized((row) => credit[row]!.low, () => true);
  const high = normalized((row) => credit[row]!.high, starts);
  const term = normalized((row) => credit[row]!.term, () => true);
  return Array.from(
    { length: TURNS },
    (_, row) =>
      Array.from({ length: WIDTH }, (_, slot) => {
        const at = row * WIDTH + slot;
        return rows.spans!.execution![at]! * low(row) +
          (starts(row) ? rows.spans!.planning![at]! * high(row) : 0) +
          rows.spans!.switching![at]! * term(row);
      }),
  );
}

Deno.bench({
  name: `${TURNS} turns from trajectories`,
  group: "layouts",
  fn: () => {
    const batch = toEpisodeBatch(trajectories);
    creditBatch(shapeBatch(batch, SHAPING), ESTIMATOR);
  },
});
Deno.bench({
  name: `${TURNS} turns from the batch`,
  group: "layouts",
  baseline: true,
  fn: () => void creditBatch(shapeBatch(columns, SHAPING), ESTIMATOR),
});
Deno.bench({
  name: `${TURNS} turns, padded rows of ${WIDTH}`,
  group: "layouts",
  fn: () =>
    void rowAdvantages(rows, {
      ...HAE,
      ...SHAPING,
      consistencyPenalty: 0,
      truncation: "zero",
      normalize: "standard",
    }),
});
Deno.bench({
  name: `${TURNS} turns, trajectories to one credit each`,
  group: "layouts",
  fn: () => void assignCredit(trajectories, ESTIMATOR),
});
Deno.bench({
  name: `${TURNS} turns, naive padded rows of ${WIDTH}`,
  group: "layouts",
  fn: () => void naiveRows(),
});

for (
  const name of [
    "gae",
    "token-gae",
    "grpo",
    "rloo",
    "reinforce++",
    "gigpo",
  ] as const
) {
  Deno.bench({
    name: `${TURNS} turns, ${name}`,
    group: "estimators on trajectories",
    fn: () => void assignCredit(trajectories, { name }),
  });
}

const TOKENS = 64;
const reply =
  "<switch>SWITCH</switch>\n<subgoal>find a clean mug in the kitchen, then take it to the shelf</subgoal>\n<action>go to countertop 1</action>";
const pieces = Array.from(
  { length: TOKENS },
  (_, i) =>
    reply.slice(
      Math.floor(i * reply.length / TOKENS),
      Math.floor((i + 1) * reply.length / TOKENS),
    ),
);
Deno.bench({
  name: `tag spans of a reply of ${TOKENS} tokens`,
  group: "spans",
  fn: () => void locateBlocks(pieces),
});
