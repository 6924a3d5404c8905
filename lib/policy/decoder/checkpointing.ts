/**
 * Gradient checkpointing, and operations whose gradients retain none of their inputs.
 *
 * TensorFlow.js retains the inputs of a sum for their shapes, and all intermediate results of a function
 * until its gradient is computed.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/** A function of the tensors that are differentiated; anything else it uses gets no gradient. */
export type Compute<T extends tf.Tensor = tf.Tensor> = (
  inputs: readonly tf.Tensor[],
) => T;

/**
 * Adds numbers of one shape and keeps neither, as the gradient is the same for both. Returns the
 * same shape; the caller disposes it.
 */
export function add(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.customGrad((...all) => ({
    value: tf.add(all[0] as tf.Tensor, all[1] as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => [tf.clone(dy), tf.clone(dy)],
  }))(a, b);
}

/**
 * Puts columns side by side and keeps none.
 *
 * @param parts Shapes `(rows, any)`.
 * @returns Shape `(rows, sum of columns)`; the caller disposes it.
 */
export function concatColumns(parts: readonly tf.Tensor2D[]): tf.Tensor {
  const widths = parts.map(({ shape }) => shape[1]);
  return tf.customGrad((...all) => ({
    value: tf.concat(all.slice(0, parts.length) as tf.Tensor2D[], 1),
    gradFunc: (dy: tf.Tensor) => tf.split(dy, widths, 1),
  }))(...parts);
}

/**
 * Runs a function without retaining intermediate results; its gradient runs it again.
 *
 * Trades a second forward pass for memory that does not grow with depth.
 *
 * @param compute Function of `inputs` alone; anything else it uses gets no gradient.
 * @param inputs What is differentiated, weights included.
 * @returns What `compute` returned; the caller disposes it.
 */
export function checkpoint<T extends tf.Tensor>(
  compute: Compute<T>,
  inputs: readonly tf.Tensor[],
): T {
  const run = tf.customGrad((...all) => {
    const save = all.pop() as tf.GradSaveFunc;
    const tensors = all as tf.Tensor[];
    save(tensors);
    return {
      value: compute(tensors),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        gradientsOf(compute, saved, dy)
          .map((gradient, i) => gradient ?? tf.zerosLike(saved[i]!)),
    };
  });
  return run(...inputs) as T;
}

/**
 * Runs functions one after the other and puts their results next to each other; the gradient
 * runs each again and adds up as it goes, so that memory does not grow with their number.
 *
 * @param axis Where the results are joined. @default {0}
 * @returns The joined results; the caller disposes them.
 */
export function checkpointChunks<T extends tf.Tensor>(
  computes: readonly Compute<T>[],
  inputs: readonly tf.Tensor[],
  axis = 0,
): T {
  const run = tf.customGrad((...all) => {
    const save = all.pop() as tf.GradSaveFunc;
    const tensors = all as tf.Tensor[];
    save(tensors);
    const parts = computes.map((compute) => tf.tidy(() => compute(tensors)));
    const sizes = parts.map(({ shape }) => shape[axis]!);
    return {
      value: tf.concat(parts, axis),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        let sums: (tf.Tensor | null)[] = saved.map(() => null);
        for (const [k, part] of tf.split(dy, sizes, axis).entries()) {
          const more = gradientsOf(computes[k]!, saved, part);
          sums = sums.map((sum, i) => accumulate(sum, more[i]!));
        }
        return sums.map((sum, i) => sum ?? tf.zerosLike(saved[i]!));
      },
    };
  });
  return run(...inputs) as T;
}

/** Gradients of a function run again; `null` where an input is not used. */
function gradientsOf(
  compute: Compute,
  inputs: tf.Tensor[],
  dy: tf.Tensor,
): (tf.Tensor | null)[] {
  // An inner tape replaces the outer one, which is being unwound: put it back.
  const { state } = tf.engine();
  const outer = state.activeTape;
  const { value, grads } = tf.engine().gradients(
    () => compute(inputs),
    inputs,
    dy,
    true, // an input may be unused in this run
  );
  state.activeTape = outer;
  value.dispose();
  return inputs.map((_, i) => grads[i] ?? null);
}

/** Sum of the defined terms, which are freed. */
function accumulate(
  a: tf.Tensor | null,
  b: tf.Tensor | null,
): tf.Tensor | null {
  if (!a || !b) return a ?? b;
  const sum = tf.add(a, b);
  tf.dispose([a, b]);
  return sum;
}
