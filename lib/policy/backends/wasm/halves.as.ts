// Matrices stored as bfloat16, two to a word: widening, and products of few rows that widen as they read.

import { highHalf, lowHalf, multiplyRows } from "./few_rows.as";
import { FEW_ROWS, matmul, PANEL_DEPTH } from "./matmul.as";

/** Numbers widened at once, which stay in the cache of a core. */
const BLOCK: i32 = 1 << 18;
/** Columns of C computed at once. */
const WIDTH: i32 = 1024;
/** Columns of C computed at once for few rows of A, in at most so many multiplications that OpenBLAS does not pack. */
const FEW_WIDTH: i32 = 64, FEW_WORK: i32 = 1000000;

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

/** Bytes of memory that `matmulWidened` widens into. */
export function widenedBytes(): usize {
  return <usize>max(BLOCK, WIDTH * PANEL_DEPTH) << 2;
}

/**
 * C (m, n) = A (m, k) · op(B) with B of halves, (n, k) where `tb` says so, else (k, n), its rows `ldb` numbers apart; added
 * to C when `add` is not 0. B is widened into `block` part by part; their depth keeps the order of sums.
 */
export function matmulWidened(
  m: i32, n: i32, k: i32, a: usize, lda: i32, b: usize, ldb: i32, tb: i32, c: usize, ldc: i32, add: i32,
  block: usize, scratch: usize,
): void {
  const isFew = tb && m <= FEW_ROWS, columns = min(n, isFew ? FEW_WIDTH : WIDTH);
  const deepest = isFew ? FEW_WORK / (m * columns) : BLOCK / columns;
  const most = max(1, deepest / PANEL_DEPTH) * PANEL_DEPTH;
  for (let j = 0; j < n; j += columns) {
    const wide = min(columns, n - j);
    for (let i = 0; i < k; i += most) {
      const deep = min(most, k - i), rows = tb ? wide : deep, width = tb ? deep : wide;
      const from = b + (<usize>(tb ? j * ldb + i : i * ldb + j) << 1), runs = width == ldb ? 1 : rows;
      for (let r = 0; r < runs; r++) {
        widen(width * rows / runs, from + (<usize>r * ldb << 1), block + (<usize>r * width << 2));
      }
      matmul(
        m, wide, deep, a + (<usize>i << 2), lda, 0, block, width, tb, c + (<usize>j << 2), ldc, i32(add || i > 0),
        scratch,
      );
    }
  }
}
