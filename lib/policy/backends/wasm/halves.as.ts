// Matrices stored as bfloat16, two to a word: widening, and products of very few rows that widen as they read.

import { fma, laneSum } from "./vector.as";

/** Four numbers of eight, as 32-bit floats. */
// @ts-ignore: decorator
@inline
function low(v: v128): v128 {
  return v128.shuffle<i16>(i16x8.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The other four. */
// @ts-ignore: decorator
@inline
function high(v: v128): v128 {
  return v128.shuffle<i16>(i16x8.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function one(p: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(p) << 16);
}

/** Widens `count` numbers. */
export function widen(count: i32, from: usize, to: usize): void {
  const whole = count & ~7;
  let i = 0;
  for (; i < whole; i += 8) {
    const v = v128.load(from);
    v128.store(to, low(v));
    v128.store(to, high(v), 16);
    from += 16;
    to += 32;
  }
  for (; i < count; i++) {
    f32.store(to, one(from));
    from += 2;
    to += 4;
  }
}

/** C (m, n) = A (m, k) · Bᵀ for up to 3 rows of A, B (n, k) of halves; added to C when `add` is not 0. */
export function matmulHalves(m: i32, n: i32, k: i32, a: usize, lda: i32, b: usize, c: usize, ldc: i32, add: i32): void {
  const rowA = <usize>lda << 2, rowC = <usize>ldc << 2, rowB = <usize>k << 1;
  const a1 = m > 1 ? a + rowA : a, a2 = m > 2 ? a + 2 * rowA : a;
  for (let j = 0; j < n; j += 4) {
    const w = min(4, n - j);
    dots(m, k, a, a1, a2, b + <usize>j * rowB, rowB, w, c + (<usize>j << 2), rowC, add != 0);
  }
}

function dots(
  m: i32, k: i32, a: usize, a1: usize, a2: usize, b: usize, rowB: usize, w: i32, c: usize, rowC: usize, add: bool,
): void {
  const b1 = w > 1 ? b + rowB : b, b2 = w > 2 ? b + 2 * rowB : b, b3 = w > 3 ? b + 3 * rowB : b;
  if (m == 1) {
    oneRow(k, a, b, b1, b2, b3, w, c, add);
    return;
  }
  let s00 = f32x4.splat(0), s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00;
  let s12 = s00, s13 = s00, s20 = s00, s21 = s00, s22 = s00, s23 = s00;
  const whole = <usize>(k & ~7) << 1;
  for (let x: usize = 0; x < whole; x += 16) {
    const p = x << 1;
    const y0 = v128.load(a + p), y1 = v128.load(a1 + p), y2 = v128.load(a2 + p);
    const t0 = v128.load(a + p, 16), t1 = v128.load(a1 + p, 16), t2 = v128.load(a2 + p, 16);
    let v = v128.load(b + x), z = low(v);
    s00 = fma(s00, y0, z);
    s10 = fma(s10, y1, z);
    s20 = fma(s20, y2, z);
    z = high(v);
    s00 = fma(s00, t0, z);
    s10 = fma(s10, t1, z);
    s20 = fma(s20, t2, z);
    v = v128.load(b1 + x);
    z = low(v);
    s01 = fma(s01, y0, z);
    s11 = fma(s11, y1, z);
    s21 = fma(s21, y2, z);
    z = high(v);
    s01 = fma(s01, t0, z);
    s11 = fma(s11, t1, z);
    s21 = fma(s21, t2, z);
    v = v128.load(b2 + x);
    z = low(v);
    s02 = fma(s02, y0, z);
    s12 = fma(s12, y1, z);
    s22 = fma(s22, y2, z);
    z = high(v);
    s02 = fma(s02, t0, z);
    s12 = fma(s12, t1, z);
    s22 = fma(s22, t2, z);
    v = v128.load(b3 + x);
    z = low(v);
    s03 = fma(s03, y0, z);
    s13 = fma(s13, y1, z);
    s23 = fma(s23, y2, z);
    z = high(v);
    s03 = fma(s03, t0, z);
    s13 = fma(s13, t1, z);
    s23 = fma(s23, t2, z);
  }
  writeDots(k, a, b, b1, b2, b3, w, c, s00, s01, s02, s03, add);
  writeDots(k, a1, b, b1, b2, b3, w, c + rowC, s10, s11, s12, s13, add);
  if (m > 2) writeDots(k, a2, b, b1, b2, b3, w, c + 2 * rowC, s20, s21, s22, s23, add);
}

/** Limited by reading B. */
function oneRow(k: i32, a: usize, b: usize, b1: usize, b2: usize, b3: usize, w: i32, c: usize, add: bool): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const whole = <usize>(k & ~7) << 1;
  for (let x: usize = 0; x < whole; x += 16) {
    const y = v128.load(a + (x << 1)), t = v128.load(a + (x << 1), 16);
    const v0 = v128.load(b + x), v1 = v128.load(b1 + x), v2 = v128.load(b2 + x), v3 = v128.load(b3 + x);
    s0 = fma(fma(s0, y, low(v0)), t, high(v0));
    s1 = fma(fma(s1, y, low(v1)), t, high(v1));
    s2 = fma(fma(s2, y, low(v2)), t, high(v2));
    s3 = fma(fma(s3, y, low(v3)), t, high(v3));
  }
  writeDots(k, a, b, b1, b2, b3, w, c, s0, s1, s2, s3, add);
}

function writeDots(
  k: i32, a: usize, b: usize, b1: usize, b2: usize, b3: usize, w: i32, c: usize,
  s0: v128, s1: v128, s2: v128, s3: v128, add: bool,
): void {
  writeDot(k, a, b, c, s0, add);
  if (w > 1) writeDot(k, a, b1, c + 4, s1, add);
  if (w > 2) writeDot(k, a, b2, c + 8, s2, add);
  if (w > 3) writeDot(k, a, b3, c + 12, s3, add);
}

/** Adds the columns that fill no eight, in the order of 32-bit products. */
function writeDot(k: i32, a: usize, b: usize, c: usize, s: v128, add: bool): void {
  let x = k & ~7;
  let lanes = s;
  if (k - x >= 4) {
    const v = v128.load64_zero(b + (<usize>x << 1));
    lanes = fma(lanes, v128.load(a + (<usize>x << 2)), low(v));
    x += 4;
  }
  let sum = laneSum(lanes);
  for (; x < k; x++) sum += f32.load(a + (<usize>x << 2)) * one(b + (<usize>x << 1));
  f32.store(c, add ? sum + f32.load(c) : sum);
}
