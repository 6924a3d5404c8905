/**
 * Ridge regression on sparse rows by conjugate gradients.
 *
 * @module
 */

import type { SparseRows } from "./text_features.ts";

/** Rows that a fit takes, with their targets and weights. */
export interface WeightedRows {
  readonly features: SparseRows;
  /** Shape `(rows,)`. */
  readonly targets: Float64Array;
  /** Weight of each row; 0 leaves it out. Shape `(rows,)`. */
  readonly weights: Float64Array;
}

/**
 * Fits `w = argmin sum of weights · (target − features · w)² + alpha · |w|²`.
 *
 * @param parts Rows; parts may come from several iterations.
 * @param options `size` of the weights, `alpha`, and `steps` of conjugate gradients.
 * @returns The weights. Shape `(size,)`.
 */
export function fitRidge(
  parts: readonly WeightedRows[],
  options: { size: number; alpha: number; steps: number },
): Float64Array<ArrayBuffer> {
  const { size, alpha, steps } = options;
  const residual = new Float64Array(size);
  for (const { features, targets, weights } of parts) {
    for (let row = 0; row < targets.length; row++) {
      addRow(features, row, residual, weights[row]! * targets[row]!);
    }
  }
  const solution = new Float64Array(size);
  const direction = residual.slice();
  let square = dot(residual, residual);
  for (let step = 0; step < steps && square > 1e-18; step++) {
    const image = direction.map((one) => alpha * one);
    for (const { features, targets, weights } of parts) {
      for (let row = 0; row < targets.length; row++) {
        if (weights[row] === 0) continue;
        const along = dotRow(features, row, direction);
        if (along !== 0) addRow(features, row, image, weights[row]! * along);
      }
    }
    const length = square / dot(direction, image);
    for (let i = 0; i < size; i++) {
      solution[i]! += length * direction[i]!;
      residual[i]! -= length * image[i]!;
    }
    const next = dot(residual, residual);
    for (let i = 0; i < size; i++) {
      direction[i] = residual[i]! + next / square * direction[i]!;
    }
    square = next;
  }
  return solution;
}

/** Product of a row and a vector. */
export function dotRow(
  { offsets, indices, values }: SparseRows,
  row: number,
  vector: Float64Array,
): number {
  let sum = 0;
  for (let k = offsets[row]!; k < offsets[row + 1]!; k++) {
    sum += values[k]! * vector[indices[k]!]!;
  }
  return sum;
}

function addRow(
  { offsets, indices, values }: SparseRows,
  row: number,
  into: Float64Array,
  factor: number,
): void {
  for (let k = offsets[row]!; k < offsets[row + 1]!; k++) {
    into[indices[k]!]! += factor * values[k]!;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
