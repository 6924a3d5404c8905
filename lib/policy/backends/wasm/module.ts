/**
 * The compiled kernels and the WebAssembly heap of the `wasm` backend on which they work.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BackendWasm } from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
import { KERNEL_BYTES } from "./kernel_bytes.ts";
import { CUT_KERNELS, type CutKernel, FEW_INSIDE } from "./kernel_parts.ts";
import { KernelTeam, type OwnMemory } from "./kernel_team.ts";

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

/** Takes pointers, sizes and settings in the order of the sources. */
export type KernelFunction = (...parameters: number[]) => void;

/** Kernels, without the parameters for memory that each thread has of its own. */
export type Kernels = Readonly<
  Record<
    | CutKernel
    | "fillCache"
    | "gatherRows"
    | "rmsNormGradGain"
    | "sumRows"
    | "widen",
    KernelFunction
  >
>;

/** Functions of the compiled module. */
type KernelExports = Kernels & OwnMemory & {
  readonly setLeastOutside: KernelFunction;
};

/** The compiled module on a heap. */
export interface KernelModule {
  /** The kernels; large ones are computed by all threads. */
  readonly kernels: Kernels;
  readonly heap: Heap;
  /** Threads at most, this one included; the others start when there is work for them. */
  threads: number;
  /** Parts of kernels that other threads have computed so far. */
  readonly computedElsewhere: number;
  /** External matrix product that replaces the module's, if any. */
  readonly outside: OutsideProduct | undefined;
  /** Sets or removes the external product for large matrices. */
  multiplyBy(outside: OutsideProduct | undefined): void;
}

/** An external matrix product on the heap. */
export interface OutsideProduct {
  readonly detail: string;
  /** The file of the library, which other threads open too. */
  readonly library: string;
  /** Multiplications from which on a product is faster than the module's. */
  readonly least: number;
  /** The parameters of `matmul`; pointers may be negative beyond 2 GiB. */
  readonly multiply: KernelFunction;
}

/** A kernel: tensors and settings by name in, one tensor or several out. */
export type RunKernel = (
  inputs: Record<string, tf.TensorInfo>,
  attributes: Record<string, number>,
) => tf.TensorInfo | tf.TensorInfo[];

/** Instantiates the module on a heap. */
export async function instantiateKernels(heap: Heap): Promise<KernelModule> {
  let outside: OutsideProduct | undefined;
  const multiplyOutside: KernelFunction = (...parameters) =>
    outside!.multiply(...parameters); // called only while there is one
  const { instance } = await WebAssembly.instantiate(
    Uint8Array.fromBase64(KERNEL_BYTES),
    { env: { memory: heap.memory, multiplyOutside } },
  );
  const exports = instance.exports as WebAssembly.Exports & KernelExports;
  const team = new KernelTeam(
    heap,
    exports,
    (kernel, parameters) => exports[kernel](...parameters),
  );
  const cut = Object.fromEntries(CUT_KERNELS.map((kernel) => [
    kernel,
    (...parameters: readonly number[]) => team.compute(kernel, parameters),
  ])) as Record<CutKernel, KernelFunction>;
  return {
    kernels: { ...exports, ...cut },
    heap,
    get threads() {
      return team.threads;
    },
    set threads(count) {
      team.threads = count;
    },
    get computedElsewhere() {
      return team.computedElsewhere;
    },
    get outside() {
      return outside;
    },
    multiplyBy(other) {
      outside = other;
      team.library = other?.library;
      exports.setLeastOutside(other ? other.least : -1, FEW_INSIDE);
    },
  };
}
