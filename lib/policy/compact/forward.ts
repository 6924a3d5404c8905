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

/** Does work on tensors and frees all of them; what it returns is plain data. */
export function swept<T>(work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

/** Scores planning and reads the numbers. */
export function readPlans(
  network: CompactNetwork,
  inputs: readonly CompactInputs[],
): PlanNumbers {
  const batch = packBatch(inputs);
  return swept(() => {
    const trunk = network.readTrunk(batch);
    const { switching, planning, values } = network.scorePlans(batch, trunk);
    return {
      switching: numbersOf(switching),
      planning: spread(numbersOf(planning), batch.subgoalRows),
      rows: batch.subgoalRows,
      values: byDecision((name) => numbersOf(values[name])),
    };
  });
}

/** Scores actions and reads the numbers. */
export function readActions(
  network: CompactNetwork,
  inputs: readonly CompactInputs[],
): ActionNumbers {
  const batch = packBatch(inputs);
  return swept(() => {
    const trunk = network.readTrunk(batch);
    const { execution, value } = network.scoreActions(batch, trunk);
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
