/**
 * The compiled kernels on the WebAssembly heap of the `wasm` backend.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Heap } from "./heap.ts";
import { KERNEL_BYTES } from "./kernel_bytes.ts";
import { CUT_KERNELS, type CutKernel, FEW_INSIDE } from "./kernel_parts.ts";
import { KernelTeam, type OwnMemory } from "./kernel_team.ts";

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
