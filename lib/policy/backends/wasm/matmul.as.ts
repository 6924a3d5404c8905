// Matrix products of 32-bit floats. Pointers are byte offsets into the shared heap; strides count numbers.

import { multiplyRows } from "./few_rows.as";
import { fma } from "./vector.as";

/** Depth of one packed panel. */
export const PANEL_DEPTH: i32 = 256;
/** Columns of one packed panel, so that scratch does not grow with the width of B. */
const PANEL_WIDTH: i32 = 1024;
/** Up to so many rows, a product is limited by reading B, and packing B would double that. */
export const FEW_ROWS: i32 = 24;

/** A product computed outside of this module, with the parameters of `matmul` up to `add`. */
// @ts-ignore: decorator
@external("env", "multiplyOutside")
declare function multiplyOutside(
  m: i32, n: i32, k: i32, a: usize, lda: i32, ta: i32, b: usize, ldb: i32, tb: i32, c: usize, ldc: i32, add: i32,
): void;

/** Multiplications from which on a product is computed outside. */
let leastOutside: i64 = i64.MAX_VALUE;

/** Rows up to which products with a transposed B are computed here all the same. */
let fewInside: i32 = 0;

/** Computes products of at least so many multiplications outside, but not those of few rows; none if it is negative. */
export function setLeastOutside(least: i32, few: i32): void {
  leastOutside = least < 0 ? i64.MAX_VALUE : <i64>least;
  fewInside = few;
}

/** Bytes of scratch that `matmul` needs, whatever the shapes. */
export function matmulScratchBytes(): usize {
  return <usize>(PANEL_DEPTH * PANEL_WIDTH + 6 * PANEL_DEPTH + 64) << 2;
}

/** C tile (6, 8) = packed A (depth, 6)ᵀ · packed B (depth, 8), added to C unless `first`. */
function tile(depth: i32, ap: usize, bp: usize, c: usize, rowBytes: usize, first: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(bp), b1 = v128.load(bp, 16);
    let a = v128.load32_splat(ap);
    c00 = fma(c00, a, b0);
    c01 = fma(c01, a, b1);
    a = v128.load32_splat(ap, 4);
    c10 = fma(c10, a, b0);
    c11 = fma(c11, a, b1);
    a = v128.load32_splat(ap, 8);
    c20 = fma(c20, a, b0);
    c21 = fma(c21, a, b1);
    a = v128.load32_splat(ap, 12);
    c30 = fma(c30, a, b0);
    c31 = fma(c31, a, b1);
    a = v128.load32_splat(ap, 16);
    c40 = fma(c40, a, b0);
    c41 = fma(c41, a, b1);
    a = v128.load32_splat(ap, 20);
    c50 = fma(c50, a, b0);
    c51 = fma(c51, a, b1);
    ap += 24;
    bp += 32;
  }
  writeRow(c, c00, c01, first);
  c += rowBytes;
  writeRow(c, c10, c11, first);
  c += rowBytes;
  writeRow(c, c20, c21, first);
  c += rowBytes;
  writeRow(c, c30, c31, first);
  c += rowBytes;
  writeRow(c, c40, c41, first);
  c += rowBytes;
  writeRow(c, c50, c51, first);
}

// @ts-ignore: decorator
@inline
function writeRow(p: usize, left: v128, right: v128, first: bool): void {
  v128.store(p, first ? left : f32x4.add(left, v128.load(p)));
  v128.store(p, first ? right : f32x4.add(right, v128.load(p, 16)), 16);
}

/** Packs B[k0.., j0..] into blocks of (depth, 8), zeros beyond the last column. */
function packB(depth: i32, width: i32, b: usize, ldb: i32, tb: i32, packed: usize): void {
  const row = <usize>ldb << 2;
  for (let j0 = 0; j0 < width; j0 += 8) {
    const w = min(8, width - j0);
    let q = packed + <usize>(j0 * PANEL_DEPTH << 2);
    if (!tb && w == 8) {
      let p = b + (<usize>j0 << 2);
      for (let k = 0; k < depth; k++) {
        v128.store(q, v128.load(p));
        v128.store(q, v128.load(p, 16), 16);
        q += 32;
        p += row;
      }
      continue;
    }
    const across: usize = tb ? row : 4, down: usize = tb ? <usize>4 : row;
    let column = b + <usize>j0 * across;
    for (let x = 0; x < 8; x++) {
      let p = column, o = q + (x << 2);
      if (x < w) {
        for (let k = 0; k < depth; k++) {
          f32.store(o, f32.load(p));
          p += down;
          o += 32;
        }
      } else {
        for (let k = 0; k < depth; k++) {
          f32.store(o, 0);
          o += 32;
        }
      }
      column += across;
    }
  }
}

/** Packs `h` rows of A into (depth, 6), zeros beyond the last row. */
function packA(depth: i32, h: i32, a: usize, lda: i32, ta: i32, packed: usize): void {
  const row = <usize>lda << 2;
  if (ta && h == 6) {
    let p = a, q = packed;
    for (let k = 0; k < depth; k++) {
      v128.store(q, v128.load(p));
      i64.store(q, i64.load(p, 16), 16);
      q += 24;
      p += row;
    }
    return;
  }
  const across: usize = ta ? <usize>4 : row, down: usize = ta ? row : 4;
  let start = a;
  for (let x = 0; x < 6; x++) {
    let p = start, q = packed + (x << 2);
    if (x < h) {
      for (let k = 0; k < depth; k++) {
        f32.store(q, f32.load(p));
        p += down;
        q += 24;
      }
    } else {
      for (let k = 0; k < depth; k++) {
        f32.store(q, 0);
        q += 24;
      }
    }
    start += across;
  }
}

/** C = A · B for few rows of A: each row of A times B, sixteen columns at a time. */
function fewRows(m: i32, n: i32, k: i32, a: usize, lda: i32, b: usize, ldb: i32, c: usize, ldc: i32, add: i32): void {
  const row = <usize>ldb << 2;
  let j = 0;
  for (; j + 16 <= n; j += 16) {
    for (let i = 0; i < m; i++) {
      let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
      let p = b + (<usize>j << 2), q = a + (<usize>i * lda << 2);
      for (let x = 0; x < k; x++) {
        const y = v128.load32_splat(q);
        c0 = fma(c0, y, v128.load(p));
        c1 = fma(c1, y, v128.load(p, 16));
        c2 = fma(c2, y, v128.load(p, 32));
        c3 = fma(c3, y, v128.load(p, 48));
        p += row;
        q += 4;
      }
      const o = c + (<usize>i * ldc + j << 2);
      writeRow(o, c0, c1, !add);
      writeRow(o + 32, c2, c3, !add);
    }
  }
  for (let i = 0; i < m; i++) {
    for (let y = j; y < n; y++) {
      let sum: f32 = 0;
      let p = b + (<usize>y << 2), q = a + (<usize>i * lda << 2);
      for (let x = 0; x < k; x++) {
        sum += f32.load(q) * f32.load(p);
        p += row;
        q += 4;
      }
      const o = c + (<usize>i * ldc + y << 2);
      f32.store(o, add ? sum + f32.load(o) : sum);
    }
  }
}

/**
 * C (m, n) = op(A) (m, k) · op(B) (k, n), added to C when `add` is not 0.
 * `ta` says that A is stored as (k, m), `tb` that B is stored as (n, k).
 */
export function matmul(
  m: i32, n: i32, k: i32, a: usize, lda: i32, ta: i32, b: usize, ldb: i32, tb: i32,
  c: usize, ldc: i32, add: i32, scratch: usize,
): void {
  if (k == 0) {
    if (!add) {
      for (let i = 0; i < m; i++) memory.fill(c + (<usize>i * ldc << 2), 0, <usize>n << 2);
    }
    return;
  }
  const isFew = !ta && tb && m <= fewInside;
  if (!isFew && <i64>m * n * k >= leastOutside) {
    multiplyOutside(m, n, k, a, lda, ta, b, ldb, tb, c, ldc, add);
    return;
  }
  if (!ta && tb && m <= FEW_ROWS) {
    multiplyRows<f32>(m, n, k, a, <usize>lda << 2, b, <usize>ldb << 2, c, <usize>ldc << 2, add != 0);
    return;
  }
  if (!ta && !tb && m <= 8) {
    fewRows(m, n, k, a, lda, b, ldb, c, ldc, add);
    return;
  }
  const packedA = scratch, corner = packedA + <usize>(6 * PANEL_DEPTH << 2), packedB = corner + 256;
  for (let n0 = 0; n0 < n; n0 += PANEL_WIDTH) {
    const width = min(PANEL_WIDTH, n - n0);
    for (let k0 = 0; k0 < k; k0 += PANEL_DEPTH) {
      const depth = min(PANEL_DEPTH, k - k0);
      const first = k0 == 0 && !add;
      packB(depth, width, b + (tb ? <usize>n0 * ldb + k0 : <usize>k0 * ldb + n0) * 4, ldb, tb, packedB);
      for (let i0 = 0; i0 < m; i0 += 6) {
        const h = min(6, m - i0);
        packA(depth, h, a + (ta ? <usize>k0 * lda + i0 : <usize>i0 * lda + k0) * 4, lda, ta, packedA);
        tileRow(depth, h, width, packedA, packedB, corner, c + (<usize>i0 * ldc + n0 << 2), <usize>ldc << 2, first);
      }
    }
  }
}

/** One row of tiles; tiles that hang over an edge are computed aside, then copied. */
function tileRow(depth: i32, h: i32, width: i32, pa: usize, pb: usize, corner: usize, c: usize, rowBytes: usize, first: bool): void {
  for (let j = 0; j < width; j += 8) {
    const w = min(8, width - j), cp = c + (<usize>j << 2), bp = pb + <usize>(j * PANEL_DEPTH << 2);
    if (h == 6 && w == 8) {
      tile(depth, pa, bp, cp, rowBytes, first);
      continue;
    }
    tile(depth, pa, bp, corner, 32, true);
    for (let x = 0; x < h; x++) {
      for (let y = 0; y < w; y++) {
        const d = cp + <usize>x * rowBytes + (y << 2);
        const v = f32.load(corner + (x << 5) + (y << 2));
        f32.store(d, first ? v : v + f32.load(d));
      }
    }
  }
}
