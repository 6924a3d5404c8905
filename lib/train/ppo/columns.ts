/**
 * The numbers of samples that no network computes, laid out once for an update: log-probabilities when units were
 * chosen, what they are worth, and what values should be.
 *
 * A unit is what has one log-probability: a token, or a choice.
 *
 * @module
 */

import type { SampleBatch, ScoredTurn } from "../../policy/policy.ts";
import {
  type ByDecision,
  byDecision,
  DECISIONS,
  type DecisionTrace,
  decisionUnits,
} from "../../trajectory.ts";
import { type MicrobatchWeights, microbatchWeights } from "./microbatches.ts";

/** Numbers of units, row after row. Shapes `(units,)`. */
export interface UnitColumns {
  /** Log-probability of each unit when it was chosen. */
  readonly oldLogProbs: Float32Array;
  /** Advantage of each unit, times its weight. */
  readonly advantages: Float32Array;
  /** 1 where the policy gradient sees a unit. */
  readonly mask: Float32Array;
}

/** Numbers of one value head. Shapes `(rows,)`. */
export interface HeadColumns {
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
export interface Microbatch {
  /** Turns to score. */
  readonly turns: readonly ScoredTurn[];
  /** Numbers of their units. */
  readonly units: UnitColumns;
  /** Numbers of the value heads. */
  readonly heads: ByDecision<HeadColumns>;
  /** Log-probabilities of the units under the reference, where they are wanted. Shape `(units,)`. */
  readonly references: Float32Array | undefined;
  /** What the microbatch counts for in the minibatch. */
  readonly weights: MicrobatchWeights;
}

/**
 * Lays samples out.
 *
 * @param samples Turns to learn from.
 * @returns Columns in the order of rows and of `decisionUnits`.
 * @throws {RangeError} If there is not one weight for each unit.
 */
export function layOutSamples(samples: SampleBatch): SampleColumns {
  const { turns, unitWeights } = samples;
  const names = turns.map(({ decision }) => decisionUnits(decision.trace));
  const offsets = new Int32Array(turns.length + 1);
  for (const [i, { length }] of names.entries()) {
    offsets[i + 1] = offsets[i]! + length;
  }
  const size = offsets[turns.length]!;
  if (unitWeights !== undefined && unitWeights.length !== size) {
    throw new RangeError(
      `Cannot weigh units as there must be one weight for each: ${size} units, ${unitWeights.length} weights`,
    );
  }
  const oldLogProbs = new Float32Array(size);
  const advantages = new Float32Array(size), mask = new Float32Array(size);
  for (const [i, { decision: { trace } }] of turns.entries()) {
    const start = offsets[i]!;
    oldLogProbs.set(chosenLogProbs(trace), start);
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

/** Log-probabilities recorded in a trace, unit by unit. */
function chosenLogProbs(trace: DecisionTrace): ArrayLike<number> {
  if (trace.kind === "tokens") return trace.logProbs;
  if (trace.kind === "untrainable") return [];
  return DECISIONS.map((name) => trace.logProbs[name]);
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

/**
 * Gathers microbatches of one minibatch.
 *
 * @param samples Turns to learn from.
 * @param columns What {@linkcode layOutSamples} made of them.
 * @param parts Rows of each microbatch, and reference log-probabilities of all units where they are wanted.
 * @returns The microbatches, with their weights.
 */
export function gatherMicrobatches(
  samples: SampleBatch,
  columns: SampleColumns,
  parts: {
    readonly rows: readonly (readonly number[])[];
    readonly references: Float32Array | undefined;
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
  const weights = microbatchWeights(gathered.map(({ units, heads }) => ({
    units: units.mask,
    heads: byDecision((name) => heads[name].mask),
  })));
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
