/**
 * A thread that computes parts of kernels on the heap of the tensors of another.
 *
 * @module
 */

import { workerData } from "node:worker_threads";
import { KERNEL_BYTES } from "./kernel_bytes.ts";
import { JobMemory, type KernelThreadOrder } from "./job_memory.ts";
import { type CutKernel, FEW_INSIDE } from "./kernel_parts.ts";

type Exports =
  & Record<CutKernel, (...parameters: readonly number[]) => void>
  & { setLeastOutside(least: number, few: number): void };

if (workerData) await serve(workerData as KernelThreadOrder);

async function serve(
  { memory, job, thread, library }: KernelThreadOrder,
): Promise<void> {
  const outside = library === undefined
    ? undefined
    : (await import("../native/openblas.ts")).openBlas(library)
      .productOn({ memory });
  const { instance } = await WebAssembly.instantiate(
    Uint8Array.fromBase64(KERNEL_BYTES),
    { env: { memory, multiplyOutside: outside?.multiply ?? (() => {}) } },
  );
  const kernels = instance.exports as WebAssembly.Exports & Exports;
  if (outside) kernels.setLeastOutside(outside.least, FEW_INSIDE);
  new JobMemory(memory, job, {
    thread,
    compute: (kernel, parameters) => kernels[kernel](...parameters),
  }).serve();
}
