/**
 * WebAssembly memory that threads share, and the kernels that work on its rows of numbers.
 *
 * Every thread instantiates the kernels on the same memory; nothing that is in it is copied from one thread to
 * another. Pointers are byte offsets.
 *
 * @module
 */

import { ROW_KERNEL_BYTES } from "./row_kernel_bytes.ts";

/** Takes pointers, sizes and settings in the order of `rows.as.ts`. */
type RowKernel = (...parameters: number[]) => void;

/** Kernels over rows; see `rows.as.ts`. */
export interface RowKernels {
  addProduct: RowKernel;
  addDots: RowKernel;
  addDotsGradient: RowKernel;
  fillRows: RowKernel;
  addRows: RowKernel;
  add: RowKernel;
  rectify: RowKernel;
  rectifyGradient: RowKernel;
  transpose: RowKernel;
  embed: RowKernel;
  embedGradient: RowKernel;
  listTexts: (...parameters: number[]) => number;
  gatherRuns: RowKernel;
  addShared: RowKernel;
  addSharedGradient: RowKernel;
  scoreRows: RowKernel;
  scoreRowsGradient: RowKernel;
  sumSquares: (n: number, x: number) => number;
  stepAdamW: RowKernel;
}

/** Largest memory: 4 GiB. */
const MOST_PAGES = 65_536, PAGE = 65_536;
/** Memory is allocated in blocks of so many bytes. */
const BLOCK = 64;
/** Where the number of allocated blocks is kept, and the first block that can be. */
const TOP = 16, FIRST_BLOCK = 32;

/** The compiled kernels, once for each thread. */
let compiled: WebAssembly.Module | undefined;

/** Memory that threads share. */
export class SharedMemory {
  /** To be sent to another thread, which opens it again. */
  readonly memory: WebAssembly.Memory;
  readonly kernels: RowKernels;
  #buffer: ArrayBufferLike;

  /** Opens the memory of another thread, or new memory. */
  constructor(memory?: WebAssembly.Memory) {
    this.memory = memory ?? new WebAssembly.Memory({
      initial: 16,
      maximum: MOST_PAGES,
      shared: true,
    });
    this.#buffer = this.memory.buffer;
    if (!memory) this.#top[0] = FIRST_BLOCK;
    compiled ??= new WebAssembly.Module(
      Uint8Array.fromBase64(ROW_KERNEL_BYTES),
    );
    const env = { memory: this.memory };
    const { exports } = new WebAssembly.Instance(compiled, { env });
    this.kernels = exports as WebAssembly.Exports & RowKernels;
  }

  /**
   * Allocates memory for good. Its numbers are 0.
   *
   * @throws {RangeError} If 4 GiB are taken.
   */
  allocate(bytes: number): number {
    const blocks = Math.ceil(bytes / BLOCK);
    const start = Atomics.add(this.#top, 0, blocks) * BLOCK;
    this.refresh();
    const lacking = start + blocks * BLOCK - this.#buffer.byteLength;
    if (lacking > 0) {
      try {
        this.memory.grow(Math.ceil(lacking / PAGE));
        this.#buffer = this.memory.buffer;
      } catch (cause) {
        throw new RangeError(
          `Cannot allocate ${bytes} bytes as the shared memory of a policy holds at most 4 GiB: current value is ${start} bytes; use fewer episodes in an iteration`,
          { cause },
        );
      }
    }
    return start;
  }

  /**
   * Takes notice of memory that other threads have added. A thread does so before it uses their pointers: until then
   * its views and its kernels are bound by the size that it knows.
   */
  refresh(): void {
    if (Atomics.load(this.#top, 0) * BLOCK <= this.#buffer.byteLength) return;
    this.memory.grow(0);
    this.#buffer = this.memory.buffer;
  }

  /** Numbers at a pointer. */
  floats(pointer: number, length: number): Float32Array {
    return new Float32Array(
      this.#covering(pointer + 4 * length),
      pointer,
      length,
    );
  }

  /** Integers at a pointer. */
  integers(pointer: number, length: number): Int32Array {
    return new Int32Array(
      this.#covering(pointer + 4 * length),
      pointer,
      length,
    );
  }

  get #top(): Int32Array {
    return new Int32Array(this.#buffer, 4 * TOP, 1);
  }

  /** The buffer, which is another one when the memory has grown. */
  #covering(end: number): ArrayBufferLike {
    if (end > this.#buffer.byteLength) this.refresh();
    return this.#buffer;
  }
}

/** Bytes that an arena asks for at least. */
const CHUNK = 1 << 20;

/** Memory for numbers that live until the arena is cleared; for one thread. */
export class Arena {
  readonly shared: SharedMemory;
  readonly #chunks: { readonly start: number; readonly bytes: number }[] = [];
  #chunk = 0;
  #used = 0;

  constructor(shared: SharedMemory) {
    this.shared = shared;
  }

  /** Takes room for numbers of 4 bytes; they are whatever was there before. */
  take(length: number): number {
    const bytes = Math.ceil(4 * length / BLOCK) * BLOCK;
    for (;;) {
      const chunk = this.#chunks[this.#chunk];
      if (chunk === undefined) {
        const size = Math.max(bytes, CHUNK * 2 ** this.#chunks.length);
        this.#chunks.push({ start: this.shared.allocate(size), bytes: size });
      } else if (this.#used + bytes > chunk.bytes) {
        this.#chunk++;
        this.#used = 0;
      } else {
        this.#used += bytes;
        return chunk.start + this.#used - bytes;
      }
    }
  }

  /** Takes room for numbers that begin at 0. */
  zeros(length: number): number {
    const pointer = this.take(length);
    this.shared.floats(pointer, length).fill(0);
    return pointer;
  }

  /** Takes room and writes integers to it. */
  integers(values: ArrayLike<number>): number {
    const pointer = this.take(values.length);
    this.shared.integers(pointer, values.length).set(values);
    return pointer;
  }

  /** Frees everything at once. */
  clear(): void {
    this.#chunk = this.#used = 0;
  }
}
