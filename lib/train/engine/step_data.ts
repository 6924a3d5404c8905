/**
 * The data of one optimizer step on an engine: which rows have a gradient, and by which loss.
 *
 * @module
 */

import type { SampleBatch } from "../../policy/policy.ts";
import type { Datum } from "../../remote/tinker/codec.ts";
import { replyDatum, scaleAdvantages } from "../../remote/tinker/data.ts";
import type { Dialect, LossName } from "../../remote/tinker/dialects.ts";
import type { TokenTrace } from "../../trajectory.ts";
import type { SampleColumns } from "../ppo/microbatches.ts";
import type { PpoSettings } from "../ppo/update_settings.ts";

/** One step's data, with the rows they are of. */
export interface StepData {
  readonly data: readonly Datum[];
  /** Rows of the batch, one for each datum. */
  readonly rows: readonly number[];
}

/** Number of trained tokens in some rows. */
export function maskedUnits(
  { offsets, units }: SampleColumns,
  rows: readonly number[],
): number {
  let sum = 0;
  for (const row of rows) {
    for (let j = offsets[row]!; j < offsets[row + 1]!; j++) {
      sum += units.mask[j]!;
    }
  }
  return sum;
}

/** Data of the rows that have a gradient; those whose advantages are all 0 are left out. */
export function layOutStep(
  { samples, columns, penalties }: {
    samples: SampleBatch;
    columns: SampleColumns;
    penalties: Float32Array;
  },
  part: readonly number[],
): StepData {
  const { offsets, units } = columns;
  const data: Datum[] = [], rows: number[] = [];
  for (const row of part) {
    const start = offsets[row]!, end = offsets[row + 1]!;
    const mask = units.mask.subarray(start, end);
    const advantages = units.advantages.subarray(start, end)
      .map((a, j) => mask[j] === 1 ? a + penalties[start + j]! : 0);
    if (advantages.every((a) => a === 0)) continue;
    const trace = samples.turns[row]!.decision.trace as TokenTrace;
    const logProbs = units.oldLogProbs.subarray(start, end);
    data.push(replyDatum({ ...trace, logProbs }, { advantages, mask }));
    rows.push(row);
  }
  return { data, rows };
}

/** The loss, its settings, and data scaled for the mean over all trained tokens of the step. */
export function objective(
  data: readonly Datum[],
  options: { settings: PpoSettings; units: number; dialect: Dialect },
): {
  loss: LossName;
  lossSettings: Record<string, number>;
  data: readonly Datum[];
} {
  const { settings: { clipRange, onPolicy }, units, dialect } = options;
  if (onPolicy) {
    return {
      loss: "cross_entropy",
      lossSettings: {},
      data: data.map((datum) => likelihood(datum, { units, dialect })),
    };
  }
  const [below, above] = typeof clipRange === "number"
    ? [clipRange, clipRange]
    : clipRange;
  return {
    loss: "ppo",
    lossSettings: {
      clip_low_threshold: 1 - below,
      clip_high_threshold: 1 + above,
    },
    data: scaleAdvantages(data, { reduction: dialect.reduction, units }),
  };
}

/** A datum whose advantages weigh its log-likelihood; engines that take means give every datum the same weight. */
function likelihood(
  { tokens, targets, arrays }: Datum,
  { units, dialect }: { units: number; dialect: Dialect },
): Datum {
  const factor = dialect.reduction === "sum" ? 1 / units : 1;
  const weights = arrays["advantages"]!.map((a) => a * factor);
  const bad = weights.find((one) => one < 0);
  if (bad !== undefined) {
    throw new RangeError(
      `Cannot imitate on an engine as advantages must not be negative: current value is ${bad}`,
    );
  }
  return { tokens, targets, arrays: { weights } };
}
