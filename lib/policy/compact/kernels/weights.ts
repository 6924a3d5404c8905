/**
 * Weights of a compact network in memory that threads share: one column in the order of checkpoints, matrices transposed
 * beside it for the backward pass.
 *
 * @module
 */

import type { SharedMemory } from "../../backends/wasm/shared_memory.ts";

/** A weight's place in the column. */
interface Place {
  /** Numbers before it. */
  readonly offset: number;
  readonly size: number;
  readonly shape: readonly number[];
}

/** Where the weights of a network are; plain data, so that a message can carry it. */
export interface WeightLayout {
  readonly places: Readonly<Record<string, Place>>;
  /** Numbers in a column, and in memory, where whole vectors are filled. */
  readonly size: number;
  readonly padded: number;
  /** Pointer to the column. */
  readonly column: number;
  /** Pointer to the same, each matrix transposed. */
  readonly transposed: number;
}

/** Makes room for weights of the given shapes. */
export function layOutWeights(
  shared: SharedMemory,
  shapes: Readonly<Record<string, readonly number[]>>,
): WeightLayout {
  const places: Record<string, Place> = {};
  let total = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, length) => product * length, 1);
    places[name] = { offset: total, size, shape };
    total += size;
  }
  const padded = Math.ceil(total / 4) * 4;
  const column = shared.allocate(4 * padded);
  const transposed = shared.allocate(4 * padded);
  return { places, size: total, padded, column, transposed };
}

/** Transposes the matrices anew, as the column has changed; the embedding is only looked up. */
export function transposeWeights(
  { kernels }: SharedMemory,
  { places, column, transposed }: WeightLayout,
): void {
  for (
    const [name, { offset, shape: [rows, columns] }] of Object.entries(places)
  ) {
    if (columns === undefined || name === "embedding") continue;
    const at = 4 * offset;
    kernels.transpose(rows!, columns, column + at, transposed + at);
  }
}
