// Matrices stored as bfloat16, two to a word: widening, and products of few rows that widen as they read.

import { highHalf, lowHalf, multiplyRows } from "./few_rows.as";

// @ts-ignore: decorator
@inline
function widenEight(from: usize, to: usize): void {
  const v = v128.load(from);
  v128.store(to, lowHalf(v));
  v128.store(to, highHalf(v), 16);
}

/** Widens a line of the cache: 32 numbers. */
// @ts-ignore: decorator
@inline
function widenLine(from: usize, to: usize): void {
  widenEight(from, to);
  widenEight(from + 16, to + 32);
  widenEight(from + 32, to + 64);
  widenEight(from + 48, to + 96);
}

/** Widens `count` numbers, at four places in turn, so that none waits for the others' cache misses. */
export function widen(count: i32, from: usize, to: usize): void {
  const part = (count >> 2) & ~31, apart = <usize>part << 1, wide = <usize>part << 2;
  for (let x: usize = 0; x < apart; x += 64) {
    const f = from + x, t = to + (x << 1);
    widenLine(f, t);
    widenLine(f + apart, t + wide);
    widenLine(f + 2 * apart, t + 2 * wide);
    widenLine(f + 3 * apart, t + 3 * wide);
  }
  let i = 4 * part;
  for (; i < (count & ~7); i += 8) widenEight(from + (<usize>i << 1), to + (<usize>i << 2));
  for (; i < count; i++) {
    f32.store(to + (<usize>i << 2), reinterpret<f32>(<u32>load<u16>(from + (<usize>i << 1)) << 16));
  }
}

/** C (m, n) = A (m, k) · Bᵀ for few rows of A, B (n, k) of halves; added to C when `add` is not 0. */
export function matmulHalves(m: i32, n: i32, k: i32, a: usize, lda: i32, b: usize, c: usize, ldc: i32, add: i32): void {
  multiplyRows<u16>(m, n, k, a, <usize>lda << 2, b, <usize>k << 1, c, <usize>ldc << 2, add != 0);
}
