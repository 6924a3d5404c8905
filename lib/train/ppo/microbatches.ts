/**
 * The numbers of samples that no network computes, laid out once for an update, and the microbatches that they are
 * gathered into: parts of a minibatch that are computed apart.
 *
 * How a batch is split depends on its size and the number of microbatches alone, never on which thread computes
 * them: sums are taken microbatch by microbatch, so that their last digits are the same everywhere.
 *
 * @module
 */

import type { SampleBatch, ScoredTurn } from "../../policy/policy.ts";
import type { AggregationMode } from "./aggregation.ts";
import {
  type ByDecision,
  byDecision,
  decisionUnits,
  unitLogProbs,
} from "../../trajectory.ts";

/** Numbers of units (tokens or choices), row after row. Shapes `(units,)`. */
interface UnitColumns {
  /** Log-probability of each unit when it was chosen. */
  readonly oldLogProbs: Float32Array;
  /** Advantage of each unit, times its weight. */
  readonly advantages: Float32Array;
  /** 1 where the policy gradient sees a unit. */
  readonly mask: Float32Array;
}

/** Numbers of one value head. Shapes `(rows,)`. */
interface HeadColumns {
  /** Value when the decision was taken; the target where it is unknown, which turns clipping off. */
  readonly oldValues: Float32Array;
  /** Value to learn. */
  readonly targets: Float32Array;
  /** 1 where there is a target. */
  readonly mask: Float32Array;
}

/** Samples laid out for an update. */
export interface SampleColumns {
  /** First unit of each row, then the number of units. Shape `(rows + 1,)`. */
  readonly offsets: Int32Array;
  /** Numbers of the units. */
  readonly units: UnitColumns;
  /** Numbers of the value heads. */
  readonly heads: ByDecision<HeadColumns>;
}

/** Part of a minibatch, or all of it, as it is computed at once. */
export interface Microbatch extends Omit<SampleColumns, "offsets"> {
  /** Turns to score. */
  readonly turns: readonly ScoredTurn[];
  /** Row of each unit. Shape `(units,)`. */
  readonly sequences: Int32Array;
  /** Log-probabilities of the units under the reference, where they are wanted. Shape `(units,)`. */
  readonly references: Float32Array | undefined;
  /** What its means count for in the means of the minibatch: its share of the units, and of each head's targets. */
  readonly weights: {
    readonly units: number;
    /** Of what is aggregated: loss, entropy and divergence. */
    readonly aggregate: number;
    readonly heads: ByDecision<number>;
  };
}

/**
 * Lays samples out, in the order of rows and of `decisionUnits`.
 *
 * @throws {RangeError} If there is not one weight for each unit.
 */
export function layOutSamples(samples: SampleBatch): SampleColumns {
  const { turns, unitWeights } = samples;
  const { offsets, names, logProbs: oldLogProbs } = layOutTurns(turns);
  const size = offsets[turns.length]!;
  if (unitWeights !== undefined && unitWeights.length !== size) {
    throw new RangeError(
      `Cannot weigh units as there must be one weight for each: ${size} units, ${unitWeights.length} weights`,
    );
  }
  const advantages = new Float32Array(size), mask = new Float32Array(size);
  for (const i of turns.keys()) {
    const start = offsets[i]!;
    for (const [j, name] of names[i]!.entries()) {
      if (name === undefined || samples.trained[name][i] !== 1) continue;
      mask[start + j] = 1;
      advantages[start + j] = samples.advantages[name][i]! *
        (unitWeights?.[start + j] ?? 1);
    }
  }
  const units = { oldLogProbs, advantages, mask };
  return { offsets, units, heads: layOutHeads(samples) };
}

/** Lays the units of turns out: where those of each turn start, the decision of each, and its log-probability when it was chosen. */
export function layOutTurns(turns: readonly ScoredTurn[]): {
  readonly offsets: Int32Array;
  readonly names: readonly ReturnType<typeof decisionUnits>[];
  readonly logProbs: Float32Array;
} {
  const names = turns.map(({ decision }) => decisionUnits(decision.trace));
  const offsets = new Int32Array(turns.length + 1);
  for (const [i, { length }] of names.entries()) {
    offsets[i + 1] = offsets[i]! + length;
  }
  const logProbs = new Float32Array(offsets[turns.length]!);
  for (const [i, { decision: { trace } }] of turns.entries()) {
    logProbs.set(unitLogProbs(trace), offsets[i]!);
  }
  return { offsets, names, logProbs };
}

function layOutHeads(
  { turns, targets: wanted }: SampleBatch,
): ByDecision<HeadColumns> {
  return byDecision((name) => {
    const oldValues = new Float32Array(turns.length);
    const targets = new Float32Array(turns.length);
    const mask = new Float32Array(turns.length);
    for (const [i, { decision }] of turns.entries()) {
      const target = wanted?.[name][i] ?? NaN;
      if (Number.isNaN(target)) continue;
      targets[i] = target;
      oldValues[i] = decision.values?.[name] ?? target;
      mask[i] = 1;
    }
    return { oldValues, targets, mask };
  });
}

/** Fewest items that are worth a microbatch of their own. */
const LEAST = 4;

/**
 * Splits items into consecutive parts whose sizes differ by at most one: at least one part, at most as many as asked
 * for, fewer where one would have fewer than 4 items.
 */
export function splitMicrobatches<T>(
  items: readonly T[],
  microbatches: number,
): T[][] {
  const count = Math.max(
    1,
    Math.min(microbatches, Math.floor(items.length / LEAST)),
  );
  const bound = (k: number) => Math.floor(k * items.length / count);
  return Array.from(
    { length: count },
    (_, k) => items.slice(bound(k), bound(k + 1)),
  );
}

/** Gathers microbatches of one minibatch from the rows of each, and reference log-probabilities of all units. */
export function gatherMicrobatches(
  samples: SampleBatch,
  columns: SampleColumns,
  parts: {
    readonly rows: readonly (readonly number[])[];
    readonly references: Float32Array | undefined;
    readonly aggregation?: AggregationMode;
  },
): Microbatch[] {
  const { offsets, units, heads } = columns;
  const gathered = parts.rows.map((rows) => {
    const ofUnits = (column: Float32Array) =>
      gatherUnits(column, offsets, rows);
    const ofRows = (column: Float32Array) =>
      Float32Array.from(rows, (i) => column[i]!);
    return {
      turns: rows.map((i) => ({ decision: samples.turns[i]!.decision })),
      sequences: Int32Array.from(
        rows.flatMap((i, k) =>
          Array<number>(offsets[i + 1]! - offsets[i]!).fill(k)
        ),
      ),
      units: {
        oldLogProbs: ofUnits(units.oldLogProbs),
        advantages: ofUnits(units.advantages),
        mask: ofUnits(units.mask),
      },
      heads: byDecision((name): HeadColumns => ({
        oldValues: ofRows(heads[name].oldValues),
        targets: ofRows(heads[name].targets),
        mask: ofRows(heads[name].mask),
      })),
      references: parts.references && ofUnits(parts.references),
    };
  });
  const weights = microbatchWeights(gathered, parts.aggregation);
  return gathered.map((one, k) => ({ ...one, weights: weights[k]! }));
}

/** The units of some rows. */
function gatherUnits(
  column: Float32Array,
  offsets: Int32Array,
  rows: readonly number[],
): Float32Array {
  let size = 0;
  for (const i of rows) size += offsets[i + 1]! - offsets[i]!;
  const gathered = new Float32Array(size);
  let at = 0;
  for (const i of rows) {
    const part = column.subarray(offsets[i], offsets[i + 1]);
    gathered.set(part, at);
    at += part.length;
  }
  return gathered;
}

/** What has a mask: 1 where a mean counts a unit, or a target of a value head. */
type Masked = Pick<UnitColumns, "mask">;

/** A part of a minibatch, as far as its weights depend on it. */
interface WeighedPart {
  readonly turns: { readonly length: number };
  readonly sequences: ArrayLike<number>;
  readonly units: Masked;
  readonly heads: ByDecision<Masked>;
}

/** Weights of microbatches; they add up to 1, or are all 0 where there is nothing to average. Sums count whole. */
export function microbatchWeights(
  parts: readonly WeighedPart[],
  aggregation: AggregationMode = "token-mean",
): Microbatch["weights"][] {
  if (parts.length === 1) {
    return [{ units: 1, aggregate: 1, heads: byDecision(() => 1) }];
  }
  const units = shares(parts.map((one) => countMasked(one.units)));
  const aggregate = AGGREGATE_WEIGHTS[aggregation](parts);
  const heads = byDecision((name) =>
    shares(parts.map((one) => countMasked(one.heads[name])))
  );
  return units.map((share, k) => ({
    units: share,
    aggregate: aggregate[k]!,
    heads: byDecision((name) => heads[name][k]!),
  }));
}

/** Weight of each part's aggregate in that of the minibatch. */
const AGGREGATE_WEIGHTS: Readonly<
  Record<AggregationMode, (parts: readonly WeighedPart[]) => number[]>
> = {
  "token-mean": (parts) => shares(parts.map((one) => countMasked(one.units))),
  "seq-mean-token-sum": (parts) =>
    shares(parts.map(({ turns }) => turns.length)),
  "seq-mean-token-mean": (parts) =>
    shares(parts.map(({ units: { mask }, sequences }) =>
      new Set(
        mask.keys().filter((u) => mask[u]! > 0).map((u) => sequences[u]),
      ).size
    )),
  "seq-mean-token-sum-norm": (parts) => parts.map(() => 1),
};

function countMasked({ mask }: Masked): number {
  return mask.reduce((sum, one) => sum + one, 0);
}

/** Share of each part in the whole. */
function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, one) => sum + one, 0);
  return counts.map((one) => total === 0 ? 0 : one / total);
}
