/**
 * The gradient of a part of a minibatch on shared memory, by any thread.
 *
 * @module
 */

import type { KernelNetwork } from "../../policy/compact/kernels/kernel_network.ts";
import { scoreBatch } from "../../policy/compact/kernels/scores.ts";
import {
  gatherTurns,
  type TurnStore,
} from "../../policy/compact/kernels/turns.ts";
import { type ByDecision, byDecision } from "../../trajectory.ts";
import { differentiateUnits, type ObjectiveNumbers } from "./unit_objective.ts";
import type { PpoSettings } from "./update_settings.ts";

/** Samples of an update in shared memory; pointers, so that a message can carry them. Rows have three units each. */
export interface SharedSamples {
  readonly store: TurnStore;
  readonly rows: number;
  /** Choices, -1 where nothing was decided. Shape `(rows, 3)`. */
  readonly chosen: number;
  /** Shapes `(rows, 3)`. */
  readonly units: Readonly<
    Record<"oldLogProbs" | "advantages" | "mask", number>
  >;
  readonly references: number | undefined;
  /** Shapes `(rows,)`. */
  readonly heads: ByDecision<
    Readonly<Record<"oldValues" | "targets" | "mask", number>>
  >;
}

/** A part of a minibatch. */
export interface GradientJob {
  readonly samples: SharedSamples;
  readonly rows: readonly number[];
  /** Of the whole minibatch. */
  readonly counts: ObjectiveNumbers["counts"];
  readonly settings: PpoSettings;
  /** Column that takes the gradient. */
  readonly gradient: number;
}

/** Writes the gradient of a part, and returns its terms in the order of `PPO_TERMS`. */
export function computePart(
  network: KernelNetwork,
  { samples, rows, counts, settings, gradient }: GradientJob,
): Float64Array {
  const { arena, shared, handle: { weights, valueScale } } = network;
  arena.clear();
  shared.refresh(); // the samples are in memory that another thread may have added
  shared.floats(gradient, weights.padded).fill(0);
  const batch = gatherTurns(arena, samples.store, rows);
  const ofUnits = (pointer: number) =>
    pick(shared.floats(pointer, 3 * samples.rows), rows, 3);
  const ofRows = (pointer: number) =>
    pick(shared.floats(pointer, samples.rows), rows, 1);
  const choices = shared.integers(samples.chosen, 3 * samples.rows);
  const chosen = new Int32Array(pick(choices, rows, 3));
  const scored = scoreBatch({ arena, weights, gradient }, batch, {
    chosen,
    scale: valueScale,
  });
  const { units, heads, references } = samples;
  const result = differentiateUnits(scored, {
    offsets: Int32Array.from({ length: rows.length + 1 }, (_, i) => 3 * i),
    oldLogProbs: ofUnits(units.oldLogProbs),
    advantages: ofUnits(units.advantages),
    mask: ofUnits(units.mask),
    references: references === undefined ? undefined : ofUnits(references),
    heads: byDecision((name) => ({
      oldValues: ofRows(heads[name].oldValues),
      targets: ofRows(heads[name].targets),
      mask: ofRows(heads[name].mask),
    })),
    counts,
  }, settings);
  scored.backward(result.gradient);
  return result.terms;
}

/** The numbers of some rows, `width` of each. */
function pick(
  all: Float32Array | Int32Array,
  rows: readonly number[],
  width: number,
): Float64Array {
  const picked = new Float64Array(width * rows.length);
  rows.forEach((row, i) => {
    for (let k = 0; k < width; k++) {
      picked[i * width + k] = all[row * width + k]!;
    }
  });
  return picked;
}
