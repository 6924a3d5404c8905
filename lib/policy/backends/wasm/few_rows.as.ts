// Products of few rows, which are limited by reading B: C = A · Bᵀ, both read along their rows, B in 32-bit floats or
// in bfloat16, which is widened in registers.
//
// Each number of C is the sum of four lanes, taken in the same order for any number of rows, columns and either
// format, so that results do not depend on how rows are batched.

import { fma } from "./vector.as";

/** Four numbers of eight, as 32-bit floats. */
// @ts-ignore: decorator
@inline
export function lowHalf(v: v128): v128 {
  return v128.shuffle<i16>(i16x8.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The other four. */
// @ts-ignore: decorator
@inline
export function highHalf(v: v128): v128 {
  return v128.shuffle<i16>(i16x8.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** The first four of eight numbers. */
// @ts-ignore: decorator
@inline
function first<T>(p: usize): v128 {
  return isFloat<T>() ? v128.load(p) : lowHalf(v128.load(p));
}

/** The last four of eight numbers. */
// @ts-ignore: decorator
@inline
function second<T>(p: usize): v128 {
  return isFloat<T>() ? v128.load(p, 16) : highHalf(v128.load(p));
}

/** Four numbers, where no more may be read. */
// @ts-ignore: decorator
@inline
function four<T>(p: usize): v128 {
  return isFloat<T>() ? v128.load(p) : lowHalf(v128.load64_zero(p));
}

// @ts-ignore: decorator
@inline
function one<T>(p: usize): f32 {
  return isFloat<T>() ? f32.load(p) : reinterpret<f32>(<u32>load<u16>(p) << 16);
}

/** Sums of the lanes of four vectors, each in the order ((0 + 1) + 2) + 3. */
// @ts-ignore: decorator
@inline
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const xy = v128.shuffle<f32>(a, b, 2, 6, 3, 7), zw = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const lane0 = v128.shuffle<i64>(ab, cd, 0, 2), lane1 = v128.shuffle<i64>(ab, cd, 1, 3);
  const lane2 = v128.shuffle<i64>(xy, zw, 0, 2), lane3 = v128.shuffle<i64>(xy, zw, 1, 3);
  return f32x4.add(f32x4.add(f32x4.add(lane0, lane1), lane2), lane3);
}

/** The columns beyond the last whole four, added to a sum; then the sum is written. */
// @ts-ignore: decorator
@inline
function write<T>(sum: f32, k: i32, a: usize, b: usize, c: usize, add: bool): void {
  for (let x = k & ~3; x < k; x++) sum += f32.load(a + (<usize>x << 2)) * one<T>(b + <usize>x * sizeof<T>());
  f32.store(c, add ? sum + f32.load(c) : sum);
}

/** One row of A times eight rows of B, which are that many bytes apart, as are the numbers of C. */
function oneByEight<T>(k: i32, a: usize, b: usize, ldb: usize, c: usize, apart: usize, add: bool): void {
  const b1 = b + ldb, b2 = b1 + ldb, b3 = b2 + ldb, b4 = b3 + ldb, b5 = b4 + ldb, b6 = b5 + ldb, b7 = b6 + ldb;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  let p = a, x: usize = 0;
  const whole = <usize>(k & ~7) * sizeof<T>();
  for (; x < whole; x += 8 * sizeof<T>()) {
    const y = v128.load(p), t = v128.load(p, 16);
    s0 = fma(fma(s0, y, first<T>(b + x)), t, second<T>(b + x));
    s1 = fma(fma(s1, y, first<T>(b1 + x)), t, second<T>(b1 + x));
    s2 = fma(fma(s2, y, first<T>(b2 + x)), t, second<T>(b2 + x));
    s3 = fma(fma(s3, y, first<T>(b3 + x)), t, second<T>(b3 + x));
    s4 = fma(fma(s4, y, first<T>(b4 + x)), t, second<T>(b4 + x));
    s5 = fma(fma(s5, y, first<T>(b5 + x)), t, second<T>(b5 + x));
    s6 = fma(fma(s6, y, first<T>(b6 + x)), t, second<T>(b6 + x));
    s7 = fma(fma(s7, y, first<T>(b7 + x)), t, second<T>(b7 + x));
    p += 32;
  }
  if (k & 4) {
    const y = v128.load(p);
    s0 = fma(s0, y, four<T>(b + x));
    s1 = fma(s1, y, four<T>(b1 + x));
    s2 = fma(s2, y, four<T>(b2 + x));
    s3 = fma(s3, y, four<T>(b3 + x));
    s4 = fma(s4, y, four<T>(b4 + x));
    s5 = fma(s5, y, four<T>(b5 + x));
    s6 = fma(s6, y, four<T>(b6 + x));
    s7 = fma(s7, y, four<T>(b7 + x));
  }
  const left = laneSums(s0, s1, s2, s3), right = laneSums(s4, s5, s6, s7);
  const c4 = c + 4 * apart;
  write<T>(f32x4.extract_lane(left, 0), k, a, b, c, add);
  write<T>(f32x4.extract_lane(left, 1), k, a, b1, c + apart, add);
  write<T>(f32x4.extract_lane(left, 2), k, a, b2, c + 2 * apart, add);
  write<T>(f32x4.extract_lane(left, 3), k, a, b3, c + 3 * apart, add);
  write<T>(f32x4.extract_lane(right, 0), k, a, b4, c4, add);
  write<T>(f32x4.extract_lane(right, 1), k, a, b5, c4 + apart, add);
  write<T>(f32x4.extract_lane(right, 2), k, a, b6, c4 + 2 * apart, add);
  write<T>(f32x4.extract_lane(right, 3), k, a, b7, c4 + 3 * apart, add);
}

/** Two rows of A, or one, times four rows of B, which are that many bytes apart, as are the numbers of C. */
function twoByFour<T>(
  k: i32, h: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize, apart: usize, add: bool,
): void {
  const a1 = h > 1 ? a + lda : a, b1 = b + ldb, b2 = b1 + ldb, b3 = b2 + ldb;
  let s00 = f32x4.splat(0), s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
  let p: usize = 0, x: usize = 0;
  const whole = <usize>(k & ~7) * sizeof<T>();
  for (; x < whole; x += 8 * sizeof<T>()) {
    let y = v128.load(a + p), t = v128.load(a1 + p), z = first<T>(b + x);
    s00 = fma(s00, y, z);
    s10 = fma(s10, t, z);
    z = first<T>(b1 + x);
    s01 = fma(s01, y, z);
    s11 = fma(s11, t, z);
    z = first<T>(b2 + x);
    s02 = fma(s02, y, z);
    s12 = fma(s12, t, z);
    z = first<T>(b3 + x);
    s03 = fma(s03, y, z);
    s13 = fma(s13, t, z);
    y = v128.load(a + p, 16);
    t = v128.load(a1 + p, 16);
    z = second<T>(b + x);
    s00 = fma(s00, y, z);
    s10 = fma(s10, t, z);
    z = second<T>(b1 + x);
    s01 = fma(s01, y, z);
    s11 = fma(s11, t, z);
    z = second<T>(b2 + x);
    s02 = fma(s02, y, z);
    s12 = fma(s12, t, z);
    z = second<T>(b3 + x);
    s03 = fma(s03, y, z);
    s13 = fma(s13, t, z);
    p += 32;
  }
  if (k & 4) {
    const y = v128.load(a + p), t = v128.load(a1 + p);
    let z = four<T>(b + x);
    s00 = fma(s00, y, z);
    s10 = fma(s10, t, z);
    z = four<T>(b1 + x);
    s01 = fma(s01, y, z);
    s11 = fma(s11, t, z);
    z = four<T>(b2 + x);
    s02 = fma(s02, y, z);
    s12 = fma(s12, t, z);
    z = four<T>(b3 + x);
    s03 = fma(s03, y, z);
    s13 = fma(s13, t, z);
  }
  const upper = laneSums(s00, s01, s02, s03), lower = laneSums(s10, s11, s12, s13);
  write<T>(f32x4.extract_lane(upper, 0), k, a, b, c, add);
  write<T>(f32x4.extract_lane(upper, 1), k, a, b1, c + apart, add);
  write<T>(f32x4.extract_lane(upper, 2), k, a, b2, c + 2 * apart, add);
  write<T>(f32x4.extract_lane(upper, 3), k, a, b3, c + 3 * apart, add);
  if (h < 2) return;
  c += ldc;
  write<T>(f32x4.extract_lane(lower, 0), k, a1, b, c, add);
  write<T>(f32x4.extract_lane(lower, 1), k, a1, b1, c + apart, add);
  write<T>(f32x4.extract_lane(lower, 2), k, a1, b2, c + 2 * apart, add);
  write<T>(f32x4.extract_lane(lower, 3), k, a1, b3, c + 3 * apart, add);
}

/** Up to four rows of A times two rows of B, or one, which are that many bytes apart, as are the numbers of C. */
function fourByTwo<T>(
  k: i32, h: i32, a: usize, lda: usize, w: i32, b: usize, ldb: usize, c: usize, ldc: usize, apart: usize, add: bool,
): void {
  const a1 = h > 1 ? a + lda : a, a2 = h > 2 ? a1 + lda : a, a3 = h > 3 ? a2 + lda : a, b1 = w > 1 ? b + ldb : b;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  let p: usize = 0, x: usize = 0;
  const whole = <usize>(k & ~7) * sizeof<T>();
  for (; x < whole; x += 8 * sizeof<T>()) {
    let z = first<T>(b + x), t = first<T>(b1 + x), y = v128.load(a + p);
    s00 = fma(s00, y, z);
    s01 = fma(s01, y, t);
    y = v128.load(a1 + p);
    s10 = fma(s10, y, z);
    s11 = fma(s11, y, t);
    y = v128.load(a2 + p);
    s20 = fma(s20, y, z);
    s21 = fma(s21, y, t);
    y = v128.load(a3 + p);
    s30 = fma(s30, y, z);
    s31 = fma(s31, y, t);
    z = second<T>(b + x);
    t = second<T>(b1 + x);
    y = v128.load(a + p, 16);
    s00 = fma(s00, y, z);
    s01 = fma(s01, y, t);
    y = v128.load(a1 + p, 16);
    s10 = fma(s10, y, z);
    s11 = fma(s11, y, t);
    y = v128.load(a2 + p, 16);
    s20 = fma(s20, y, z);
    s21 = fma(s21, y, t);
    y = v128.load(a3 + p, 16);
    s30 = fma(s30, y, z);
    s31 = fma(s31, y, t);
    p += 32;
  }
  if (k & 4) {
    const z = four<T>(b + x), t = four<T>(b1 + x);
    let y = v128.load(a + p);
    s00 = fma(s00, y, z);
    s01 = fma(s01, y, t);
    y = v128.load(a1 + p);
    s10 = fma(s10, y, z);
    s11 = fma(s11, y, t);
    y = v128.load(a2 + p);
    s20 = fma(s20, y, z);
    s21 = fma(s21, y, t);
    y = v128.load(a3 + p);
    s30 = fma(s30, y, z);
    s31 = fma(s31, y, t);
  }
  const left = laneSums(s00, s10, s20, s30), right = laneSums(s01, s11, s21, s31);
  write<T>(f32x4.extract_lane(left, 0), k, a, b, c, add);
  if (h > 1) write<T>(f32x4.extract_lane(left, 1), k, a1, b, c + ldc, add);
  if (h > 2) write<T>(f32x4.extract_lane(left, 2), k, a2, b, c + 2 * ldc, add);
  if (h > 3) write<T>(f32x4.extract_lane(left, 3), k, a3, b, c + 3 * ldc, add);
  if (w < 2) return;
  write<T>(f32x4.extract_lane(right, 0), k, a, b1, c + apart, add);
  if (h > 1) write<T>(f32x4.extract_lane(right, 1), k, a1, b1, c + ldc + apart, add);
  if (h > 2) write<T>(f32x4.extract_lane(right, 2), k, a2, b1, c + 2 * ldc + apart, add);
  if (h > 3) write<T>(f32x4.extract_lane(right, 3), k, a3, b1, c + 3 * ldc + apart, add);
}

/**
 * C (m, n) = A (m, k) · Bᵀ with B of shape (n, k) in 32-bit floats (`T` is `f32`) or in bfloat16 (`u16`); added to C
 * when `add` is not 0. Strides count bytes.
 */
// @ts-ignore: decorator
@inline
export function multiplyRows<T>(
  m: i32, n: i32, k: i32, a: usize, lda: usize, b: usize, ldb: usize, c: usize, ldc: usize, add: bool,
): void {
  // Several places far apart are read in order, so that none waits for the others' misses.
  const places = m == 1 ? 8 : m == 2 ? 4 : 2;
  const part = n / places, whole = part * places;
  const far = <usize>part * ldb, apart = <usize>part << 2;
  for (let j = 0; j < part; j++) {
    const row = b + <usize>j * ldb, to = c + (<usize>j << 2);
    if (m == 1) {
      oneByEight<T>(k, a, row, far, to, apart, add);
      continue;
    }
    if (m == 2) {
      twoByFour<T>(k, m, a, lda, row, far, to, ldc, apart, add);
      continue;
    }
    for (let i = 0; i < m; i += 4) {
      fourByTwo<T>(
        k, min(4, m - i), a + <usize>i * lda, lda, 2, row, far, to + <usize>i * ldc, ldc, apart, add,
      );
    }
  }
  for (let j = whole; j < n; j++) {
    for (let i = 0; i < m; i += 4) {
      fourByTwo<T>(
        k, min(4, m - i), a + <usize>i * lda, lda, 1, b + <usize>j * ldb, 0,
        c + <usize>i * ldc + (<usize>j << 2), ldc, 0, add,
      );
    }
  }
}
