/**
 * Forward passes whose results are plain numbers: what deciding needs of the network.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { byDecision } from "../../trajectory.ts";
import { type CompactInputs, packBatch, type Ragged } from "./batch.ts";
import type { ActionNumbers, PlanNumbers } from "./choice.ts";
import type { CompactNetwork } from "./network.ts";

/** Runs a function on tensors and frees all of them; its result is plain data. */
export function swept<T>(work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

/** Numbers of planning, and the states that acting needs again. */
export interface ReadPlans extends PlanNumbers, Disposable {
  /** Shape `(samples, width)`; disposed with the rest. */
  readonly state: tf.Tensor2D;
}

/**
 * Scores planning and reads the numbers.
 *
 * @param network The network.
 * @param inputs Inputs of planning.
 * @returns Numbers and states; caller disposes.
 */
export function readPlans(
  network: CompactNetwork,
  inputs: readonly CompactInputs[],
): ReadPlans {
  const batch = packBatch(inputs);
  return swept(() => {
    const encoded = network.encode(batch);
    const { switching, planning, values } = network.scorePlans(batch, encoded);
    const state = tf.keep(encoded.state);
    return {
      switching: numbersOf(switching),
      planning: spread(numbersOf(planning), batch.subgoalRows),
      rows: batch.subgoalRows,
      values: byDecision((name) => numbersOf(values[name])),
      state,
      [Symbol.dispose]: () => state.dispose(),
    };
  });
}

/**
 * Scores actions and reads the numbers.
 *
 * @param network The network.
 * @param inputs Inputs of acting.
 * @param state States of the same turns, from {@linkcode readPlans}.
 * @returns Numbers.
 */
export function readActions(
  network: CompactNetwork,
  inputs: readonly CompactInputs[],
  state: tf.Tensor2D,
): ActionNumbers {
  const batch = packBatch(inputs);
  return swept(() => {
    const encoded = network.encode(batch, state);
    const { execution, value } = network.scoreActions(batch, encoded);
    return {
      execution: spread(numbersOf(execution), batch.actionRows),
      value: numbersOf(value),
      rows: batch.actionRows,
    };
  });
}

/** Reads a real-valued tensor off the device. */
export function numbersOf(tensor: tf.Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

/** From one number for each row to one for each candidate. */
function spread(numbers: Float32Array, { rows }: Ragged): Float32Array {
  return Float32Array.from(rows, (row) => numbers[row]!);
}
