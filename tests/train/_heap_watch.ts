/**
 * Bytes that tensors and kernels hold on the heap of the `wasm` backend, counted exactly.
 *
 * The heap itself grows in steps and never shrinks, so its size says less.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

/** A count of the bytes allocated since it began. */
export interface HeapWatch extends Disposable {
  /** Bytes held now. */
  live(): number;
  /** Most bytes held at once since the last time this was asked, or since the beginning. */
  peak(): number;
}

/** Begins to count what the active `wasm` backend allocates. */
export function watchHeap(): HeapWatch {
  const { wasm } = tf.backend() as BackendWasm;
  const allocator = wasm as typeof wasm & {
    _malloc: (bytes: number) => number;
    _free: (pointer: number) => void;
  };
  const { _malloc: allocate, _free: free } = allocator;
  const sizes = new Map<number, number>();
  let live = 0, peak = 0;
  allocator._malloc = (bytes) => {
    const pointer = allocate(bytes);
    sizes.set(pointer >>> 0, bytes);
    live += bytes;
    peak = Math.max(peak, live);
    return pointer;
  };
  allocator._free = (pointer) => {
    live -= sizes.get(pointer >>> 0) ?? 0; // what was there before is not counted
    sizes.delete(pointer >>> 0);
    free(pointer);
  };
  return {
    live: () => live,
    peak() {
      const highest = peak;
      peak = live;
      return highest;
    },
    [Symbol.dispose]() {
      allocator._malloc = allocate;
      allocator._free = free;
    },
  };
}
