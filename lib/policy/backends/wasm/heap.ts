/**
 * The WebAssembly heap of the `wasm` backend.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BackendWasm } from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";

/** The emscripten functions in use. */
interface EmscriptenHeap {
  HEAPU8: Uint8Array<ArrayBuffer>;
  _malloc: (bytes: number) => number;
  _free: (pointer: number) => void;
  asm: { memory: WebAssembly.Memory };
}

/** Pointers into the heap of the `wasm` backend; every pointer is a byte offset. */
export interface Heap {
  /** The memory, to share with another module. */
  readonly memory: WebAssembly.Memory;
  /** Where a tensor's numbers start. */
  pointer(tensor: tf.TensorInfo): number;
  /** Makes room for a tensor of 32-bit floats; uninitialized. */
  output(shape: readonly number[]): tf.TensorInfo;
  /** Allocates memory that {@linkcode Heap.free} frees. */
  allocate(bytes: number): number;
  /** Frees what {@linkcode Heap.allocate} returned. */
  free(pointer: number): void;
  /** Numbers at a pointer; the view dies when the heap grows, so take it afresh. */
  floats(pointer: number, length: number): Float32Array<ArrayBuffer>;
  /** Integers at a pointer, under the same caution. */
  integers(pointer: number, length: number): Int32Array<ArrayBuffer>;
  copy(target: number, source: number, bytes: number): void;
  /** Counts one more user of a tensor's numbers and returns a tensor that shares them. */
  share(tensor: tf.TensorInfo): tf.TensorInfo;
  /** Frees a tensor unknown to the engine. */
  dispose(tensor: tf.TensorInfo): void;
}

/**
 * Opens the heap of the active backend and makes a failed allocation throw.
 *
 * By default a full heap yields pointer 0, where tensors silently overwrite each other.
 *
 * @throws {TypeError} If the active backend is not `wasm`.
 */
export function openHeap(): Heap {
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) {
    throw new TypeError(
      `Cannot open the heap as the backend must be "wasm": current value is "${tf.getBackend()}"`,
    );
  }
  const module = backend.wasm as typeof backend.wasm & EmscriptenHeap;
  guardAllocation(module);
  return {
    memory: module.asm.memory,
    pointer: (tensor) => backend.dataIdMap.get(tensor.dataId).memoryOffset,
    output: (shape) => backend.makeOutput([...shape], "float32"),
    allocate: (bytes) => module._malloc(bytes) >>> 0,
    free: (pointer) => module._free(pointer),
    floats: (pointer, length) =>
      new Float32Array(module.HEAPU8.buffer, pointer, length),
    integers: (pointer, length) =>
      new Int32Array(module.HEAPU8.buffer, pointer, length),
    copy: (target, source, bytes) => {
      module.HEAPU8.copyWithin(target, source, source + bytes);
    },
    share: (tensor) => {
      backend.incRef(tensor.dataId);
      return {
        dataId: tensor.dataId,
        shape: tensor.shape,
        dtype: tensor.dtype,
      };
    },
    dispose: (tensor) => {
      backend.disposeData(tensor.dataId);
    },
  };
}

/** Replaces the allocator by one that throws where the original returns 0. */
function guardAllocation(module: EmscriptenHeap): void {
  module._free(module._malloc(16)); // the first call replaces a stub of emscripten
  const allocate = module._malloc;
  if (allocate.name === "guarded") return;
  module._malloc = function guarded(bytes: number): number {
    const pointer = bytes < 2 ** 32 ? allocate(bytes) : 0;
    if (pointer === 0 && bytes > 0) {
      throw new RangeError(
        `Cannot allocate ${bytes} bytes as the WebAssembly heap holds at most 4 GiB: ` +
          `${module.HEAPU8.length} bytes are taken; use smaller micro-batches or gradient checkpointing`,
      );
    }
    return pointer;
  };
}
