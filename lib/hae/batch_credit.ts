/**
 * The fast path from columns to normalized advantages: shaping, estimation and normalization without a trajectory.
 *
 * @module
 */

import { checkChoice, checkLength } from "../checks.ts";
import { type ByDecision, DECISIONS } from "../trajectory.ts";
import {
  batchAdvantages,
  type BatchColumns,
  type BatchCredit,
} from "./hae_batch.ts";
import type { HaeOptions } from "./hae_options.ts";
import {
  type Normalization,
  NORMALIZATIONS,
  normalizeInPlace,
} from "./normalize.ts";
import {
  shapeColumns,
  type ShapingColumns,
  type ShapingOptions,
} from "./shaping.ts";

/** Settings of {@linkcode creditBatch}. */
export interface CreditBatchOptions {
  /** How rewards are shaped first; absent means not at all. */
  shaping?: ShapingOptions;
  /** How advantages are estimated. @default {{}} */
  estimation?: HaeOptions;
  /** How advantages are normalized, each decision with its own kind. @default {"none"} */
  normalize?: Normalization;
  /** 1 where a decision was taken, shape `(turns,)` each; absent means planning at segment starts, the others on every turn. */
  taken?: ByDecision<Uint8Array>;
}

/**
 * Shapes rewards, estimates hierarchical advantages and normalizes them, all on columns.
 *
 * Memory is that of the result and one column; the cost of a turn does not depend on the size of the batch, up to
 * what the memory itself costs.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { creditBatch } from "@hiper/lab";
 *
 * const zeros = () => new Float64Array(2);
 * const { advantages } = creditBatch({
 *   offsets: new Int32Array([0, 2]),
 *   rewards: new Float64Array([0, 1]),
 *   switched: new Uint8Array([1, 0]),
 *   values: { switching: zeros(), planning: zeros(), execution: zeros() },
 *   bootstrap: { switching: zeros(), planning: zeros(), execution: zeros() },
 * }, { shaping: { keepPenalty: -1 } });
 * deepStrictEqual(advantages.execution, new Float64Array([0.5, 0.5]));
 * ```
 *
 * @param batch Concatenated columns; left as they are.
 * @param options Settings of the three stages.
 * @returns Advantages and value targets in the same layout; targets are not normalized.
 * @throws {RangeError} If columns disagree in length, a setting is out of range, or a number that is read is not finite.
 * @throws {TypeError} If the q-minus-beta form lacks its columns.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}
 */
export function creditBatch(
  batch: BatchColumns & ShapingColumns,
  options: CreditBatchOptions = {},
): BatchCredit {
  const { shaping, estimation = {}, normalize = "none" } = options;
  checkChoice("assign credit", { normalize }, NORMALIZATIONS);
  const rewards = shaping ? shapeColumns(batch, shaping) : batch.rewards;
  const credit = batchAdvantages({ ...batch, rewards }, estimation);
  if (normalize === "none") return credit;
  const taken = options.taken ?? everyDecision(batch);
  for (const name of DECISIONS) {
    checkLength(
      "assign credit",
      { [`taken.${name}`]: taken[name] },
      batch.rewards.length,
    );
  }
  for (const name of DECISIONS) {
    normalizeInPlace(credit.advantages[name], taken[name], normalize);
  }
  return credit;
}

/** Planning at segment starts, switching and execution on every turn. */
function everyDecision(
  { offsets, switched }: BatchColumns,
): ByDecision<Uint8Array> {
  const planning = switched.slice();
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i + 1]! > offsets[i]!) planning[offsets[i]!] = 1;
  }
  const always = new Uint8Array(switched.length).fill(1);
  return { switching: always, planning, execution: always };
}
