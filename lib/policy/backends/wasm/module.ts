/**
 * The compiled module of kernels: its functions, on the heap of the `wasm` backend.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Heap } from "./heap.ts";
import { KERNEL_BYTES } from "./kernel_bytes.ts";

/** Takes pointers, sizes and settings in the order of the sources. */
export type KernelFunction = (...parameters: number[]) => void;

/** Functions of the compiled module. */
export interface KernelExports {
  matmulScratchBytes(): number;
  attentionScratchBytes(length: number): number;
  matmul: KernelFunction;
  setLeastOutside: KernelFunction;
  rmsNorm: KernelFunction;
  rmsNormGradX: KernelFunction;
  rmsNormGradGain: KernelFunction;
  swiGlu: KernelFunction;
  swiGluGradGate: KernelFunction;
  addBias: KernelFunction;
  sumRows: KernelFunction;
  gatherRows: KernelFunction;
  rotaryRows: KernelFunction;
  attention: KernelFunction;
  attentionGrad: KernelFunction;
  attendNext: KernelFunction;
  attendRest: KernelFunction;
  attendRestBytes(room: number): number;
  fillCache: KernelFunction;
  tokenLogProbs: KernelFunction;
  tokenLogProbsGrad: KernelFunction;
}

/** The compiled module on a heap, with its scratch space. */
export interface KernelModule {
  /** Functions of the module. */
  readonly exports: KernelExports;
  /** The heap it works on. */
  readonly heap: Heap;
  /** Scratch memory of the matrix product. */
  readonly scratch: number;
  /** What multiplies matrices instead of the module; nothing unless it was asked for. */
  readonly outside: OutsideProduct | undefined;
  /** Hands the products of large matrices to something else, or takes them back. */
  multiplyBy(outside: OutsideProduct | undefined): void;
}

/** Something outside of the module that multiplies matrices on the heap. */
export interface OutsideProduct {
  /** What it is, in words. */
  readonly detail: string;
  /** Multiplications from which on a product is worth the way there. */
  readonly least: number;
  /** The parameters of `matmul` without `scratch`; pointers may be negative beyond 2 GiB. */
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
  const scratch = heap.allocate(exports.matmulScratchBytes());
  return {
    exports,
    heap,
    scratch,
    get outside() {
      return outside;
    },
    multiplyBy(other) {
      outside = other;
      exports.setLeastOutside(other ? other.least : -1);
    },
  };
}
