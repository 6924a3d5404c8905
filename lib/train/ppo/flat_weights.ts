/**
 * The weights of a policy as one long column of numbers, and back.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { TensorValues } from "../../policy/decoder/safetensors.ts";

/**
 * Lays tensors end to end.
 *
 * @param variables What decides order and sizes.
 * @param tensors One for each; zeros stand in where one is missing.
 * @param options `before`: numbers to lay before them. @default {none}
 * @returns Shape `(before + weights,)`. Caller disposes.
 */
export function flattenTensors(
  variables: readonly tf.Variable[],
  tensors: readonly (tf.Tensor | null)[],
  options: { before?: tf.Tensor1D } = {},
): tf.Tensor1D {
  const { before } = options;
  const parts = variables.map((variable, i): tf.Tensor => {
    const tensor = tensors[i];
    return tensor ? tf.reshape(tensor, [-1]) : tf.zeros([variable.size]);
  });
  return tf.concat(before ? [before, ...parts] : parts) as tf.Tensor1D;
}

/**
 * Reads the numbers of all variables with one transfer.
 *
 * @param variables Weights.
 * @returns Shape `(weights,)`.
 */
export async function readWeights(
  variables: readonly tf.Variable[],
): Promise<Float32Array<ArrayBuffer>> {
  const column = tf.tidy(() => flattenTensors(variables, variables));
  const numbers = Float32Array.from(await column.data<"float32">());
  column.dispose();
  return numbers;
}

/**
 * Cuts a column into named tensors.
 *
 * @param variables What decides order, names and shapes.
 * @param numbers Shape `(weights,)`.
 * @returns Numbers by name, ready to be written.
 */
export function nameWeights(
  variables: Readonly<Record<string, tf.Variable>>,
  numbers: Float32Array<ArrayBuffer>,
): Record<string, TensorValues> {
  let at = 0;
  return Object.fromEntries(
    Object.entries(variables).map(([name, variable]) => {
      const { shape, size } = variable;
      const values = numbers.slice(at, at + size);
      at += size;
      return [name, { shape, values }];
    }),
  );
}

/**
 * Writes a column into the variables.
 *
 * @param variables Weights; they change.
 * @param numbers Shape `(weights,)`.
 */
export function assignWeights(
  variables: readonly tf.Variable[],
  numbers: Float32Array,
): void {
  let at = 0;
  tf.tidy(() => {
    for (const variable of variables) {
      const { shape, size } = variable;
      variable.assign(tf.tensor(numbers.slice(at, at + size), shape));
      at += size;
    }
  });
}
