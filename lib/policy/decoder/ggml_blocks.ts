/**
 * Numbers in the block formats of GGML, as GGUF files store them.
 *
 * A block of 32 or 256 numbers shares scales; each number is `scale · integer`, less an offset in some
 * formats. Arithmetic is in 32 bits, in the order of the reference, so that results are equal bit by bit.
 *
 * @module
 * @see {@link https://github.com/ggml-org/ggml/blob/master/docs/gguf.md | the file format}
 */

import { decodeValues } from "./number_formats.ts";

/** A stored format: numbers in a block, bytes of a block, and its decoder. */
export interface GgmlFormat {
  readonly name: string;
  readonly numbers: number;
  readonly bytes: number;
  readonly decode: (
    bytes: Uint8Array<ArrayBuffer>,
  ) => Float32Array<ArrayBuffer>;
}

/** Decodes one block: bytes from `at`, numbers to `to`. */
type DecodeBlock = (
  block: Block,
  at: number,
  y: Float32Array,
  to: number,
) => void;

/** Bytes of a tensor, also as halves and signed bytes. */
interface Block {
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  /** 16-bit floats; blocks have even sizes, so that scales are aligned. */
  readonly f16: Float16Array;
}

const { fround } = Math;

/** Formats by their number in GGUF files. */
export const GGML_FORMATS: ReadonlyMap<number, GgmlFormat> = new Map([
  [0, plain("F32", 4)],
  [1, plain("F16", 2)],
  [2, blocks("Q4_0", [32, 18], q4_0)],
  [3, blocks("Q4_1", [32, 20], q4_1)],
  [6, blocks("Q5_0", [32, 22], q5_0)],
  [7, blocks("Q5_1", [32, 24], q5_1)],
  [8, blocks("Q8_0", [32, 34], q8_0)],
  [12, blocks("Q4_K", [256, 144], q4_k)],
  [13, blocks("Q5_K", [256, 176], q5_k)],
  [14, blocks("Q6_K", [256, 210], q6_k)],
  [30, plain("BF16", 2)],
]);

/** A format without blocks. */
function plain(name: "F32" | "F16" | "BF16", bytes: number): GgmlFormat {
  return {
    name,
    numbers: 1,
    bytes,
    decode: (data) => decodeValues(data, name) as Float32Array<ArrayBuffer>,
  };
}

/** A format of blocks. */
function blocks(
  name: string,
  [numbers, bytes]: readonly [number, number],
  decodeBlock: DecodeBlock,
): GgmlFormat {
  return {
    name,
    numbers,
    bytes,
    decode(data) {
      const { buffer } = data.byteOffset === 0 ? data : data.slice();
      const block = {
        u8: new Uint8Array(buffer),
        i8: new Int8Array(buffer),
        f16: new Float16Array(buffer),
      };
      const count = data.length / bytes;
      const y = new Float32Array(count * numbers);
      for (let i = 0; i < count; i++) {
        decodeBlock(block, i * bytes, y, i * numbers);
      }
      return y;
    },
  };
}

function q4_0({ u8, f16 }: Block, at: number, y: Float32Array, to: number) {
  const d = f16[at >> 1]!;
  for (let j = 0; j < 16; j++) {
    const q = u8[at + 2 + j]!;
    y[to + j] = d * ((q & 15) - 8);
    y[to + 16 + j] = d * ((q >> 4) - 8);
  }
}

function q4_1({ u8, f16 }: Block, at: number, y: Float32Array, to: number) {
  const d = f16[at >> 1]!, m = f16[(at >> 1) + 1]!;
  for (let j = 0; j < 16; j++) {
    const q = u8[at + 4 + j]!;
    y[to + j] = fround(d * (q & 15)) + m;
    y[to + 16 + j] = fround(d * (q >> 4)) + m;
  }
}

/** The fifth bits of 32 numbers. */
function highBits(u8: Uint8Array, at: number): number {
  return u8[at]! | u8[at + 1]! << 8 | u8[at + 2]! << 16 | u8[at + 3]! << 24;
}

function q5_0({ u8, f16 }: Block, at: number, y: Float32Array, to: number) {
  const d = f16[at >> 1]!, high = highBits(u8, at + 2);
  for (let j = 0; j < 16; j++) {
    const q = u8[at + 6 + j]!;
    y[to + j] = d * ((q & 15 | (high >>> j & 1) << 4) - 16);
    y[to + 16 + j] = d * ((q >> 4 | (high >>> j + 16 & 1) << 4) - 16);
  }
}

function q5_1({ u8, f16 }: Block, at: number, y: Float32Array, to: number) {
  const d = f16[at >> 1]!, m = f16[(at >> 1) + 1]!;
  const high = highBits(u8, at + 4);
  for (let j = 0; j < 16; j++) {
    const q = u8[at + 8 + j]!;
    y[to + j] = fround(d * (q & 15 | (high >>> j & 1) << 4)) + m;
    y[to + 16 + j] = fround(d * (q >> 4 | (high >>> j + 16 & 1) << 4)) + m;
  }
}

function q8_0({ i8, f16 }: Block, at: number, y: Float32Array, to: number) {
  const d = f16[at >> 1]!;
  for (let j = 0; j < 32; j++) y[to + j] = d * i8[at + 2 + j]!;
}

/** Scale and offset of one of the eight groups of a block: six bits each, packed in twelve bytes. */
function scaleAndOffset(
  u8: Uint8Array,
  at: number,
  group: number,
): [number, number] {
  if (group < 4) return [u8[at + group]! & 63, u8[at + group + 4]! & 63];
  const both = u8[at + group + 4]!;
  return [
    both & 15 | u8[at + group - 4]! >> 6 << 4,
    both >> 4 | u8[at + group]! >> 6 << 4,
  ];
}

function q4_k({ u8, f16 }: Block, at: number, y: Float32Array, to: number) {
  groupsOf256(
    u8,
    f16,
    at,
    (l, group) => {
      const q = u8[at + 16 + (group >> 1) * 32 + l]!;
      return group & 1 ? q >> 4 : q & 15;
    },
    y,
    to,
  );
}

function q5_k({ u8, f16 }: Block, at: number, y: Float32Array, to: number) {
  groupsOf256(
    u8,
    f16,
    at,
    (l, group) => {
      const q = u8[at + 48 + (group >> 1) * 32 + l]!;
      return (group & 1 ? q >> 4 : q & 15) |
        (u8[at + 16 + l]! >> group & 1) << 4;
    },
    y,
    to,
  );
}

/** Eight groups of 32 numbers, each with a scale and an offset. */
function groupsOf256(
  u8: Uint8Array,
  f16: Float16Array,
  at: number,
  integer: (l: number, group: number) => number,
  y: Float32Array,
  to: number,
) {
  const d = f16[at >> 1]!, m = f16[(at >> 1) + 1]!;
  for (let group = 0; group < 8; group++) {
    const [scale, offset] = scaleAndOffset(u8, at + 4, group);
    const times = fround(d * scale), less = fround(m * offset);
    for (let l = 0; l < 32; l++) {
      y[to + group * 32 + l] = fround(times * integer(l, group)) - less;
    }
  }
}

function q6_k({ u8, i8, f16 }: Block, at: number, y: Float32Array, to: number) {
  const d = f16[at + 208 >> 1]!;
  for (let half = 0; half < 2; half++) {
    const low = at + 64 * half, high = at + 128 + 32 * half;
    const scales = at + 192 + 8 * half;
    for (let quarter = 0; quarter < 4; quarter++) {
      for (let l = 0; l < 32; l++) {
        const nibbles = u8[low + (quarter & 1) * 32 + l]!;
        const q = (quarter & 2 ? nibbles >> 4 : nibbles & 15) |
          (u8[high + l]! >> 2 * quarter & 3) << 4;
        const scale = fround(d * i8[scales + 2 * quarter + (l >> 4)]!);
        y[to + 128 * half + 32 * quarter + l] = scale * (q - 32);
      }
    }
  }
}
