/**
 * Speed of credit assignment: hierarchical advantages with every penalty and normalization, by batch size; beside
 * them trajectories, padded rows and a naive row-based transcription; and tag spans.
 *
 * The goal is 5 million turns a second on one core, flat from a thousand turns to ten million. Turns a second are
 * the number of turns in a benchmark's name over its time.
 *
 * @module
 */

import { batchColumns } from "../../lib/hae/batch_columns.ts";
import { assignCredit } from "../../lib/hae/credit.ts";
import { creditBatch } from "../../lib/hae/batch_credit.ts";
import type { BatchColumns } from "../../lib/hae/hae_batch.ts";
import type { HaeRows } from "../../lib/hae/row_inputs.ts";
import { rowAdvantages } from "../../lib/hae/rows.ts";
import { locateBlocks } from "../../lib/policy/language/block_spans.ts";
import { createRandom } from "../../lib/random.ts";
import type { Trajectory } from "../../lib/trajectory.ts";

const EPISODE = 25; // turns
const WIDTH = 64; // token slots of a padded row

/** A batch of episodes of 25 turns that switch on one turn in five; a tenth of them is cut off. */
interface Batch extends BatchColumns {
  readonly valid: Uint8Array;
  readonly reworded: Uint8Array;
}

function makeBatch(turns: number): Batch {
  const random = createRandom(1);
  const episodes = turns / EPISODE;
  const flags = (share: number) =>
    new Uint8Array(turns).map(() => random.uniform() < share ? 1 : 0);
  const numbers = (n: number) =>
    new Float64Array(n).map(() => random.uniform());
  const switched = flags(0.2);
  const done = new Uint8Array(turns);
  for (let i = 0; i < episodes; i++) {
    done[(i + 1) * EPISODE - 1] = i % 10 === 0 ? 0 : 1;
  }
  return {
    offsets: Int32Array.from({ length: episodes + 1 }, (_, i) => i * EPISODE),
    rewards: numbers(turns),
    switched,
    done,
    values: {
      switching: numbers(turns),
      planning: numbers(turns),
      execution: numbers(turns),
    },
    bootstrap: {
      switching: numbers(episodes),
      planning: numbers(episodes),
      execution: numbers(episodes),
    },
    valid: flags(0.9),
    reworded: flags(0.05),
  };
}

const SHAPING = {
  keepPenalty: -0.3,
  invalidActionPenalty: 0.1,
  consistencyPenalty: -0.3,
} as const;
const HAE = { gamma: 0.99, lambdaTurn: 0.95, lambdaSegment: 0.95 } as const;

/** Shaping, estimation and normalization of a batch. */
function creditColumns(batch: Batch): void {
  creditBatch(batch, {
    shaping: SHAPING,
    estimation: HAE,
    normalize: "standard",
  });
}

for (
  const [turns, n] of [[1e3, 2000], [1e4, 500], [1e5, 100], [1e6, 10], [
    1e7,
    3,
  ]] as const
) {
  let batch: Batch | undefined;
  Deno.bench({
    name: `${turns} turns, columns`,
    group: "columns by size",
    n,
    warmup: Math.ceil(n / 10),
    fn(context) {
      batch ??= makeBatch(turns);
      context.start();
      creditColumns(batch);
      context.end();
    },
  });
}

const TURNS = 10_000;
const columns = makeBatch(TURNS);

const trajectories: Trajectory[] = Array.from(
  { length: TURNS / EPISODE },
  (_, i) => ({
    id: `${i}`,
    task: "",
    group: `${i >> 3}`,
    turns: Array.from({ length: EPISODE }, (_, t) => {
      const at = i * EPISODE + t;
      return {
        observation: { text: "", admissibleActions: [], stateKey: `${t}` },
        decision: {
          switched: columns.switched[at] === 1,
          subgoal: "",
          action: "",
          valid: columns.valid[at] === 1,
          trace: { kind: "untrainable" },
          values: {
            switching: columns.values.switching[at]!,
            planning: columns.values.planning[at]!,
            execution: columns.values.execution[at]!,
          },
        },
        reward: columns.rewards[at]!,
      };
    }),
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: { switching: 0, planning: 0, execution: 0 },
    seed: i,
  }),
);

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
    done: columns.done!,
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
  name: `${TURNS} turns, columns`,
  group: "layouts",
  baseline: true,
  fn: () => creditColumns(columns),
});
Deno.bench({
  name: `${TURNS} turns, trajectories`,
  group: "layouts",
  fn: () =>
    void assignCredit(trajectories, {
      name: "hae",
      ...HAE,
      normalize: "standard",
    }),
});
Deno.bench({
  name: `${TURNS} turns, trajectories to columns`,
  group: "layouts",
  fn: () => void batchColumns(trajectories),
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
