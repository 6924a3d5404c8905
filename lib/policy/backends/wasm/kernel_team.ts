/**
 * Threads that compute kernels together: this one, which posts the work, and others that wait for it.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import type { Heap } from "./heap.ts";
import {
  type Compute,
  JOB_BYTES,
  JobMemory,
  type KernelThreadOrder,
} from "./job_memory.ts";
import { type CutKernel, CUTS } from "./kernel_parts.ts";

/** Sizes of the memory that kernels need beside their inputs and outputs, in bytes. */
export interface OwnMemory {
  readonly matmulScratchBytes: () => number;
  readonly widenedBytes: () => number;
  readonly attentionScratchBytes: (length: number) => number;
  readonly attendRestBytes: (room: number) => number;
}

/** Memory that each thread needs for itself, passed to kernels after their other parameters. */
interface OwnNeeds {
  /** Bytes of the first one, if there is one. */
  readonly bytes?: (sizes: OwnMemory, parameters: readonly number[]) => number;
  /** Whether the scratch of the matrix product is the last. */
  readonly scratch: boolean;
}

const NEEDS: Readonly<Partial<Record<CutKernel, OwnNeeds>>> = {
  matmul: { scratch: true },
  matmulWidened: {
    bytes: ({ widenedBytes }) => widenedBytes(),
    scratch: true,
  },
  attention: {
    bytes: (sizes, [, length]) => sizes.attentionScratchBytes(length!),
    scratch: true,
  },
  attentionGrad: {
    bytes: (sizes, [, length]) => sizes.attentionScratchBytes(length!),
    scratch: true,
  },
  attendNext: {
    bytes: (_, p) => 4 * p[8]! * p[1]! / p[2]!, // the room, for each head of a group
    scratch: false,
  },
  attendRest: {
    bytes: ({ attendRestBytes }, p) => attendRestBytes(p[10]!),
    scratch: true,
  },
};

/** Own memory is on cache lines of its own. */
const lines = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** Threads on one heap. */
export class KernelTeam {
  readonly #heap: Heap;
  readonly #sizes: OwnMemory;
  readonly #compute: Compute;
  readonly #scratchBytes: number;
  #threads = 1;
  #library: string | undefined;
  /** Scratch of all threads, one after the other. */
  #scratch: number;
  #jobs: JobMemory | undefined;
  /** Parts that the other threads have computed so far. */
  computedElsewhere = 0;

  constructor(heap: Heap, sizes: OwnMemory, compute: Compute) {
    this.#heap = heap;
    this.#sizes = sizes;
    this.#compute = compute;
    this.#scratchBytes = lines(sizes.matmulScratchBytes());
    this.#scratch = heap.allocate(this.#scratchBytes);
  }

  /** Threads at most, this one included; the others start with the first kernel that is worth it. */
  get threads(): number {
    return this.#threads;
  }
  set threads(count) {
    if (count === this.#threads) return;
    this.#part();
    this.#threads = count;
    this.#heap.free(this.#scratch);
    this.#scratch = this.#heap.allocate(count * this.#scratchBytes);
  }

  /** The library that multiplies matrices on every thread, if there is one. */
  set library(path: string | undefined) {
    if (path !== this.#library) this.#part();
    this.#library = path;
  }

  /**
   * Computes a kernel, in parts if that is worth it.
   *
   * @throws {Error} If a part fails.
   */
  compute(kernel: CutKernel, parameters: readonly number[]): void {
    const cut = CUTS[kernel](parameters);
    // Where sums depend on the parts, these are the same for any number of threads.
    const isWhole = cut.parts === 1 || cut.exact && this.#threads === 1;
    const jobs = isWhole ? undefined : this.#start();
    const { bytes, scratch = false } = NEEDS[kernel] ?? {};
    const size = lines(bytes?.(this.#sizes, parameters) ?? 0);
    const room = size && this.#heap.allocate(size * (jobs ? this.#threads : 1));
    const all = [...parameters, ...bytes ? [room] : []];
    if (scratch) all.push(this.#scratch);
    try {
      if (!jobs) return this.#compute(kernel, all);
      this.computedElsewhere += jobs.post({
        ...{ kernel, parameters: all, ...cut },
        own: {
          ...bytes && { [parameters.length]: size },
          ...scratch && { [all.length - 1]: this.#scratchBytes },
        },
      });
    } finally {
      if (size) this.#heap.free(room);
    }
  }

  /** Starts the other threads, if they were not. */
  #start(): JobMemory {
    if (this.#jobs) return this.#jobs;
    const { memory } = this.#heap, job = this.#heap.allocate(lines(JOB_BYTES));
    for (let thread = 1; thread < this.#threads; thread++) {
      startThread({ memory, job, thread, library: this.#library });
    }
    const compute = this.#compute;
    return this.#jobs = new JobMemory(memory, job, { thread: 0, compute });
  }

  /** Lets the other threads end. */
  #part(): void {
    this.#jobs?.close();
    this.#jobs = undefined;
  }
}

/**
 * Starts a thread, which joins in when it is ready. Where none can be started, as for modules that are not files, the
 * first thread does all of the work.
 */
function startThread(workerData: KernelThreadOrder): void {
  const url = new URL("./kernel_thread.ts", import.meta.url);
  if (url.protocol !== "file:") return;
  const worker = new Worker(url, { workerData });
  worker.unref();
  worker.on("error", () => {});
}
