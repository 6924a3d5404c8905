/**
 * A kernel that threads compute in parts, in the memory that they share: what is to be done, and which parts are taken.
 *
 * One word counts the jobs and the parts that were taken of the last one. A thread takes a part by adding to that word; it
 * fails to if a part was taken or a job begun since it read the word.
 *
 * @module
 */

import { type Cut, CUT_KERNELS, type CutKernel } from "./kernel_parts.ts";

/** Parameters at most. */
const MOST = 16;
/** Places among the integers; words that threads write are on cache lines of their own. */
const TAKEN = 0, CLOSED = 1, DONE = 16, FAILED = 17;
const KERNEL = 32, COUNT = 33, COUNTER = 34, GRAIN = 35, PARTS = 36, PAGES = 37;
const INTEGERS = 40;
/** Places among the numbers. */
const PARAMETERS = 0, MOVES = MOST, OWN = 2 * MOST, NUMBERS = 3 * MOST;
/** Bits of the word that count parts; all of them set: a job is being written. */
const PART_BITS = 10, NONE = 2 ** PART_BITS - 1;
/** Rounds in which a thread looks at a word before it sleeps: some hundred microseconds. */
const PATIENCE = 4096;

/** Bytes of a page of memory. */
const PAGE = 65_536;

/** Bytes of a job. */
export const JOB_BYTES = 4 * INTEGERS + 8 * NUMBERS;

/** A kernel in parts. */
export interface Job extends Cut {
  readonly kernel: CutKernel;
  /** What the kernel takes; pointers are byte offsets. */
  readonly parameters: readonly number[];
  /** Bytes by which parameters move from one thread to the next. */
  readonly own: Readonly<Record<number, number>>;
}

/** What a thread is started with. */
export interface KernelThreadOrder {
  readonly memory: WebAssembly.Memory;
  /** Where the job is. */
  readonly job: number;
  readonly thread: number;
  /** The file of OpenBLAS, if it multiplies. */
  readonly library: string | undefined;
}

/** Computes some units of a kernel. */
export type Compute = (
  kernel: CutKernel,
  parameters: readonly number[],
) => void;

/** Jobs, one after the other, as one thread sees them. */
export class JobMemory {
  readonly #integers: Int32Array;
  readonly #numbers: Float64Array;
  readonly #thread: number;
  readonly #compute: Compute;
  readonly #memory: WebAssembly.Memory;
  /** Size of the memory as this thread knows it. */
  #pages: number;

  /**
   * @param memory The memory that threads share.
   * @param pointer Where the job is.
   * @param thread Number of this thread; the first one posts jobs.
   * @param compute Computes a part.
   */
  constructor(
    memory: WebAssembly.Memory,
    pointer: number,
    { thread, compute }: { thread: number; compute: Compute },
  ) {
    this.#integers = new Int32Array(memory.buffer, pointer, INTEGERS);
    this.#numbers = new Float64Array(
      memory.buffer,
      pointer + 4 * INTEGERS,
      NUMBERS,
    );
    this.#memory = memory;
    this.#pages = memory.buffer.byteLength / PAGE;
    this.#thread = thread;
    this.#compute = compute;
    if (thread === 0) this.#integers.fill(0);
  }

  /**
   * Computes a kernel together with the threads that are there.
   *
   * @returns Number of parts that the others computed.
   * @throws {Error} If a part fails.
   */
  post(job: Job): number {
    const words = this.#integers;
    const before = Atomics.load(words, TAKEN) >>> PART_BITS;
    Atomics.store(words, TAKEN, before << PART_BITS | NONE);
    const { kernel, parameters, counter, grain, parts, moves, own } = job;
    words[KERNEL] = CUT_KERNELS.indexOf(kernel);
    words[COUNT] = parameters.length;
    words[COUNTER] = counter;
    words[GRAIN] = grain;
    words[PARTS] = parts;
    words[PAGES] = this.#memory.buffer.byteLength / PAGE;
    const numbers = this.#numbers;
    numbers.fill(0, MOVES);
    numbers.set(parameters, PARAMETERS);
    for (const i in moves) numbers[MOVES + Number(i)] = moves[i]!;
    for (const i in own) numbers[OWN + Number(i)] = own[i]!;
    words[DONE] = words[FAILED] = 0;
    Atomics.store(words, TAKEN, (before + 1) << PART_BITS);
    Atomics.notify(words, TAKEN);
    let failure: unknown;
    let here = 0;
    const fail = (error: unknown) => failure = error;
    for (let taken = 0; taken >= 0; taken = this.#takePart(fail)) {
      here += taken;
    }
    for (let rounds = 0;; rounds++) {
      const done = Atomics.load(words, DONE);
      if (done === parts) break;
      if (rounds > PATIENCE) Atomics.wait(words, DONE, done);
    }
    if (failure) throw failure;
    if (Atomics.load(words, FAILED)) {
      throw new Error(
        `Cannot compute "${kernel}" as another thread failed to compute its part`,
      );
    }
    return parts - here;
  }

  /** Lets the threads that serve end. */
  close(): void {
    const words = this.#integers;
    Atomics.store(words, CLOSED, 1);
    Atomics.or(words, TAKEN, NONE);
    Atomics.notify(words, TAKEN);
  }

  /** Computes parts of jobs that another thread posts, until that closes. */
  serve(): void {
    const words = this.#integers;
    for (let rounds = 0; Atomics.load(words, CLOSED) === 0; rounds++) {
      const seen = Atomics.load(words, TAKEN);
      const taken = this.#takePart(() => Atomics.store(words, FAILED, 1));
      if (taken >= 0) rounds = 0;
      else if (rounds > PATIENCE) Atomics.wait(words, TAKEN, seen);
    }
  }

  /** Takes one part and computes it; returns 1, 0 if another thread was faster, or -1 if there is none. */
  #takePart(onFailure: (error: unknown) => void): -1 | 0 | 1 {
    const words = this.#integers, numbers = this.#numbers;
    const seen = Atomics.load(words, TAKEN), part = seen & NONE;
    const parts = words[PARTS]!;
    if (part >= parts) return -1;
    const kernel = CUT_KERNELS[words[KERNEL]!]!;
    const count = words[COUNT]!, counter = words[COUNTER]!;
    const grain = words[GRAIN]!, pages = words[PAGES]!;
    const parameters = Array.from(numbers.subarray(PARAMETERS, count));
    const total = parameters[counter]!, units = Math.ceil(total / grain);
    const start = (index: number) => grain * Math.floor(units * index / parts);
    const from = start(part), to = Math.min(total, start(part + 1));
    for (let i = 0; i < count; i++) {
      parameters[i]! += from * numbers[MOVES + i]! +
        this.#thread * numbers[OWN + i]!;
    }
    parameters[counter] = to - from;
    if (Atomics.compareExchange(words, TAKEN, seen, seen + 1) !== seen) {
      return 0;
    }
    try {
      if (pages !== this.#pages) { // takes notice of memory that the first thread has added
        this.#memory.grow(0);
        this.#pages = pages;
      }
      this.#compute(kernel, parameters);
    } catch (error) {
      onFailure(error);
    }
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
    return 1;
  }
}
