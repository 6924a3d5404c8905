// Kernels over rows of 32-bit floats in memory that threads share. Pointers are byte offsets; strides count numbers.
// A row of a result depends on its own inputs alone, so that results do not depend on how rows are batched.

import { fma, laneSum, wholeBytes } from "./vector.as";

/** Rows of B that stay in the cache while all of A passes. */
const DEPTH: i32 = 256;

/** C (6, 8) += A (6, depth) · B (depth, 8); strides in bytes. */
function tile(depth: i32, a: usize, aRow: usize, aDepth: usize, b: usize, bRow: usize, c: usize, cRow: usize): void {
  const r2 = 2 * aRow, r3 = 3 * aRow, r4 = 4 * aRow, r5 = 5 * aRow;
  let p = c;
  let c00 = v128.load(p), c01 = v128.load(p, 16);
  p += cRow;
  let c10 = v128.load(p), c11 = v128.load(p, 16);
  p += cRow;
  let c20 = v128.load(p), c21 = v128.load(p, 16);
  p += cRow;
  let c30 = v128.load(p), c31 = v128.load(p, 16);
  p += cRow;
  let c40 = v128.load(p), c41 = v128.load(p, 16);
  p += cRow;
  let c50 = v128.load(p), c51 = v128.load(p, 16);
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = fma(c00, x, b0);
    c01 = fma(c01, x, b1);
    x = v128.load32_splat(a + aRow);
    c10 = fma(c10, x, b0);
    c11 = fma(c11, x, b1);
    x = v128.load32_splat(a + r2);
    c20 = fma(c20, x, b0);
    c21 = fma(c21, x, b1);
    x = v128.load32_splat(a + r3);
    c30 = fma(c30, x, b0);
    c31 = fma(c31, x, b1);
    x = v128.load32_splat(a + r4);
    c40 = fma(c40, x, b0);
    c41 = fma(c41, x, b1);
    x = v128.load32_splat(a + r5);
    c50 = fma(c50, x, b0);
    c51 = fma(c51, x, b1);
    a += aDepth;
    b += bRow;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += cRow;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += cRow;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += cRow;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  c += cRow;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  c += cRow;
  v128.store(c, c50);
  v128.store(c, c51, 16);
}

/** One row of C, eight columns at a time, the rest one by one; strides in bytes. */
function oneRow(n: i32, depth: i32, a: usize, aDepth: usize, b: usize, bRow: usize, c: usize): void {
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    let c0 = v128.load(c), c1 = v128.load(c, 16);
    let p = a, q = b;
    for (let k = 0; k < depth; k++) {
      const x = v128.load32_splat(p);
      c0 = fma(c0, x, v128.load(q));
      c1 = fma(c1, x, v128.load(q, 16));
      p += aDepth;
      q += bRow;
    }
    v128.store(c, c0);
    v128.store(c, c1, 16);
    b += 32;
    c += 32;
  }
  for (; j < n; j++) {
    let sum = v128.load32_splat(c);
    let p = a, q = b;
    for (let k = 0; k < depth; k++) {
      sum = fma(sum, v128.load32_splat(p), v128.load32_splat(q));
      p += aDepth;
      q += bRow;
    }
    f32.store(c, f32x4.extract_lane(sum, 0));
    b += 4;
    c += 4;
  }
}

/** C (m, n) += A (m, k) · B (k, n). A has any strides, so that it may be a transposed matrix; rows of B and C are contiguous. */
export function addProduct(
  m: i32, n: i32, k: i32, a: usize, aRow: i32, aDepth: i32, b: usize, bRow: i32, c: usize, cRow: i32,
): void {
  const across = <usize>aRow << 2, down = <usize>aDepth << 2, rowB = <usize>bRow << 2, rowC = <usize>cRow << 2;
  const whole = n & ~7;
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    const b0 = b + <usize>k0 * rowB;
    let p = a + <usize>k0 * down, q = c, i = 0;
    for (; i + 6 <= m; i += 6) {
      for (let j = 0; j < whole; j += 8) {
        tile(depth, p, across, down, b0 + (<usize>j << 2), rowB, q + (<usize>j << 2), rowC);
      }
      if (whole < n) {
        for (let x: usize = 0; x < 6; x++) {
          oneRow(n - whole, depth, p + x * across, down, b0 + (<usize>whole << 2), rowB, q + x * rowC + (<usize>whole << 2));
        }
      }
      p += 6 * across;
      q += 6 * rowC;
    }
    for (; i < m; i++) {
      oneRow(n, depth, p, down, b0, rowB, q);
      p += across;
      q += rowC;
    }
  }
}

/** out (rows) += x (rows, k) · w (k), the rows of `x` `xRow` apart. */
export function addDots(rows: i32, k: i32, x: usize, xRow: i32, w: usize, out: usize): void {
  const whole = wholeBytes(k), end = <usize>k << 2;
  for (let i = 0; i < rows; i++) {
    let sum = f32x4.splat(0), j: usize = 0;
    for (; j < whole; j += 16) sum = fma(sum, v128.load(x + j), v128.load(w + j));
    let dot = f32.load(out) + laneSum(sum);
    for (; j < end; j += 4) dot += f32.load(x + j) * f32.load(w + j);
    f32.store(out, dot);
    x += <usize>xRow << 2;
    out += 4;
  }
}

/** The gradient of {@link addDots}: dx += d · w unless `dx` is 0, whose rows are `xRow` apart too, and dw += d · x. */
export function addDotsGradient(rows: i32, k: i32, x: usize, xRow: i32, w: usize, d: usize, dx: usize, dw: usize): void {
  for (let i = 0; i < rows; i++) {
    const scale = f32.load(d);
    if (scale != 0) {
      addScaled(k, scale, x, dw);
      if (dx) addScaled(k, scale, w, dx);
    }
    x += <usize>xRow << 2;
    if (dx) dx += <usize>xRow << 2;
    d += 4;
  }
}

/** out (n) += scale · x (n). */
// @ts-ignore: decorator
@inline
function addScaled(n: i32, scale: f32, x: usize, out: usize): void {
  const whole = wholeBytes(n), end = <usize>n << 2, scales = f32x4.splat(scale);
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(out + i, fma(v128.load(out + i), scales, v128.load(x + i)));
  for (; i < end; i += 4) f32.store(out + i, f32.load(out + i) + scale * f32.load(x + i));
}

/** Writes `row` (width) to every row of `out` (rows, width). */
export function fillRows(rows: i32, width: i32, row: usize, out: usize): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < rows; i++) {
    memory.copy(out, row, bytes);
    out += bytes;
  }
}

/** Adds the rows of `x` (rows, width) to `out` (width). */
export function addRows(rows: i32, width: i32, x: usize, out: usize): void {
  for (let i = 0; i < rows; i++) {
    add(width, x, out);
    x += <usize>width << 2;
  }
}

/** out (n) += x (n). */
export function add(n: i32, x: usize, out: usize): void {
  const whole = wholeBytes(n), end = <usize>n << 2;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(out + i, f32x4.add(v128.load(out + i), v128.load(x + i)));
  for (; i < end; i += 4) f32.store(out + i, f32.load(out + i) + f32.load(x + i));
}

/** Rectifies x (n) in place. */
export function rectify(n: i32, x: usize): void {
  const whole = wholeBytes(n), end = <usize>n << 2;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(x + i, f32x4.pmax(f32x4.splat(0), v128.load(x + i)));
  for (; i < end; i += 4) f32.store(x + i, max(<f32>0, f32.load(x + i)));
}

/** The gradient of {@link rectify}: d (n) is set to 0 where y (n) is. */
export function rectifyGradient(n: i32, y: usize, d: usize): void {
  const whole = wholeBytes(n), end = <usize>n << 2;
  let i: usize = 0;
  for (; i < whole; i += 16) v128.store(d + i, v128.and(v128.load(d + i), f32x4.gt(v128.load(y + i), f32x4.splat(0))));
  for (; i < end; i += 4) if (!(f32.load(y + i) > 0)) f32.store(d + i, 0);
}

/** out (columns, rows) = x (rows, columns) transposed. */
export function transpose(rows: i32, columns: i32, x: usize, out: usize): void {
  for (let i = 0; i < rows; i++) {
    let p = out + (<usize>i << 2);
    for (let j = 0; j < columns; j++) {
      f32.store(p, f32.load(x));
      x += 4;
      p += <usize>rows << 2;
    }
  }
}

/**
 * Mean embedding of the words of texts; `out` has `across` texts in each row. A text without words is 0.
 * `starts` are the first words of all texts, and one past the last; `table` is (words, width), width a multiple of 4.
 */
export function embed(
  count: i32, texts: usize, starts: usize, words: usize, table: usize, width: i32, out: usize,
): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < count; i++) {
    const text = starts + (<usize>i32.load(texts + (<usize>i << 2)) << 2);
    const first = i32.load(text), end = i32.load(text, 4);
    memory.fill(out, 0, bytes);
    for (let w = first; w < end; w++) {
      add(width, table + <usize>i32.load(words + (<usize>w << 2)) * bytes, out);
    }
    if (end > first + 1) {
      const scale = f32x4.splat(<f32>1 / <f32>(end - first));
      for (let x: usize = 0; x < bytes; x += 16) v128.store(out + x, f32x4.mul(v128.load(out + x), scale));
    }
    out += bytes;
  }
}

/** The gradient of {@link embed}: adds d (count, width) to the rows of `table` that the texts name; `d` is changed. */
export function embedGradient(
  count: i32, texts: usize, starts: usize, words: usize, d: usize, table: usize, width: i32,
): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < count; i++) {
    const text = starts + (<usize>i32.load(texts + (<usize>i << 2)) << 2);
    const first = i32.load(text), end = i32.load(text, 4);
    const scale = f32x4.splat(<f32>1 / <f32>max(1, end - first));
    for (let x: usize = 0; x < bytes; x += 16) v128.store(d + x, f32x4.mul(v128.load(d + x), scale));
    for (let w = first; w < end; w++) {
      add(width, d, table + <usize>i32.load(words + (<usize>w << 2)) * bytes);
    }
    d += bytes;
  }
}

/**
 * Gives texts numbers of their own: `texts`, every `stride`-th of `count`, become places in `list`, which takes each text
 * once. `marks` is 0 for every text, and is left so. Returns the length of the list.
 */
export function listTexts(count: i32, texts: usize, stride: i32, marks: usize, list: usize): i32 {
  let length = 0;
  for (let i = 0; i < count; i++) {
    const text = i32.load(texts), mark = marks + (<usize>text << 2);
    let place = i32.load(mark);
    if (place == 0) {
      i32.store(list + (<usize>length << 2), text);
      i32.store(mark, place = ++length);
    }
    i32.store(texts, place - 1);
    texts += <usize>stride << 2;
  }
  for (let i = 0; i < length; i++) i32.store(marks + (<usize>i32.load(list + (<usize>i << 2)) << 2), 0);
  return length;
}

/** Copies runs of numbers: for each of `count` rows, those from `starts[row]` to `starts[row + 1]`, `width` numbers each. */
export function gatherRuns(count: i32, rows: usize, starts: usize, width: i32, from: usize, out: usize): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < count; i++) {
    const run = starts + (<usize>i32.load(rows + (<usize>i << 2)) << 2);
    const size = <usize>(i32.load(run, 4) - i32.load(run)) * bytes;
    memory.copy(out, from + <usize>i32.load(run) * bytes, size);
    out += size;
  }
}

/** out (rows, width) += row `i / per` of `shared` (rows / per, width). */
export function addShared(rows: i32, width: i32, per: i32, shared: usize, out: usize): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < rows; i++) {
    add(width, shared + <usize>(i / per) * bytes, out);
    out += bytes;
  }
}

/** The gradient of {@link addShared}: row `i / per` of `shared` += row `i` of d (rows, width). */
export function addSharedGradient(rows: i32, width: i32, per: i32, d: usize, shared: usize): void {
  const bytes = <usize>width << 2;
  for (let i = 0; i < rows; i++) {
    add(width, d, shared + <usize>(i / per) * bytes);
    d += bytes;
  }
}

/**
 * The hidden layer of candidates and their logits. `hidden` (rows, width) comes with the projected relations; the sum and the
 * factor of the owner's state (owners, 2 · width), of the own text (texts, 2 · width), and up to two more projected
 * texts, which are only added, are put to it: rectify(hidden + sum + own sum + factor · own factor + more). A logit is
 * its product with `head` (width). Texts are every `stride`-th; 0 for a table that is absent.
 */
export function scoreRows(
  rows: i32, width: i32, owners: usize, state: usize, texts: usize, stride: i32, own: usize, second: usize, third: usize,
  head: usize, hidden: usize, logits: usize,
): void {
  const bytes = <usize>width << 2, step = <usize>stride << 2;
  for (let i = 0; i < rows; i++) {
    const s = state + 2 * bytes * <usize>i32.load(owners + (<usize>i << 2));
    const o = own + 2 * bytes * <usize>i32.load(texts);
    const x = second ? second + bytes * <usize>i32.load(texts, 4) : 0;
    const y = third ? third + bytes * <usize>i32.load(texts, 8) : 0;
    let sum = f32x4.splat(0);
    for (let j: usize = 0; j < bytes; j += 16) {
      let h = f32x4.add(f32x4.add(v128.load(hidden + j), v128.load(s + j)), v128.load(o + j));
      if (second) h = f32x4.add(h, v128.load(x + j));
      if (third) h = f32x4.add(h, v128.load(y + j));
      h = f32x4.pmax(f32x4.splat(0), fma(h, v128.load(s + bytes + j), v128.load(o + bytes + j)));
      v128.store(hidden + j, h);
      sum = fma(sum, h, v128.load(head + j));
    }
    f32.store(logits, laneSum(sum) + f32.load(logits));
    hidden += bytes;
    texts += step;
    logits += 4;
  }
}

/**
 * The gradient of {@link scoreRows}: `hidden` becomes the gradient of what was rectified, and `dHead`, `dState`, `dOwn`, `dSecond`
 * and `dThird` take theirs.
 */
export function scoreRowsGradient(
  rows: i32, width: i32, owners: usize, state: usize, texts: usize, stride: i32, own: usize, head: usize,
  dLogits: usize, hidden: usize, dState: usize, dOwn: usize, dSecond: usize, dThird: usize, dHead: usize,
): void {
  const bytes = <usize>width << 2, step = <usize>stride << 2;
  for (let i = 0; i < rows; i++) {
    const owner = 2 * bytes * <usize>i32.load(owners + (<usize>i << 2)), text = 2 * bytes * <usize>i32.load(texts);
    const s = state + owner + bytes, o = own + text + bytes, ds = dState + owner, dt = dOwn + text;
    const x = dSecond ? dSecond + bytes * <usize>i32.load(texts, 4) : 0;
    const y = dThird ? dThird + bytes * <usize>i32.load(texts, 8) : 0;
    const d = f32x4.splat(f32.load(dLogits));
    for (let j: usize = 0; j < bytes; j += 16) {
      const h = v128.load(hidden + j);
      v128.store(dHead + j, fma(v128.load(dHead + j), d, h));
      const g = v128.and(f32x4.mul(d, v128.load(head + j)), f32x4.gt(h, f32x4.splat(0)));
      v128.store(hidden + j, g);
      v128.store(ds + j, f32x4.add(v128.load(ds + j), g));
      v128.store(dt + j, f32x4.add(v128.load(dt + j), g));
      v128.store(ds + bytes + j, fma(v128.load(ds + bytes + j), g, v128.load(o + j)));
      v128.store(dt + bytes + j, fma(v128.load(dt + bytes + j), g, v128.load(s + j)));
      if (dSecond) v128.store(x + j, f32x4.add(v128.load(x + j), g));
      if (dThird) v128.store(y + j, f32x4.add(v128.load(y + j), g));
    }
    hidden += bytes;
    texts += step;
    dLogits += 4;
  }
}

/** Sum of squares of x (n). */
export function sumSquares(n: i32, x: usize): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) {
    const y = <f64>f32.load(x);
    sum += y * y;
    x += 4;
  }
  return sum;
}

/**
 * One step of AdamW on weights (n) along `scale` · gradient (n), moments in place; `c1` and `c2` correct the moments'
 * bias. The number of weights may have a rest that fills no vector: all columns are padded to whole ones.
 */
export function stepAdamW(
  n: i32, w: usize, g: usize, first: usize, second: usize,
  scale: f32, rate: f32, decay: f32, beta1: f64, beta2: f64, epsilon: f32, c1: f32, c2: f32,
): void {
  const end = <usize>n << 2;
  const b1 = f32x4.splat(<f32>beta1), b2 = f32x4.splat(<f32>beta2);
  const a1 = f32x4.splat(<f32>(1 - beta1)), a2 = f32x4.splat(<f32>(1 - beta2));
  const eps = f32x4.splat(epsilon), lr = f32x4.splat(-rate), wd = f32x4.splat(decay), k = f32x4.splat(scale);
  const s1 = f32x4.splat(c1), s2 = f32x4.splat(c2);
  for (let i: usize = 0; i < end; i += 16) {
    const d = f32x4.mul(k, v128.load(g + i));
    const m = fma(f32x4.mul(a1, d), b1, v128.load(first + i));
    const v = fma(f32x4.mul(a2, f32x4.mul(d, d)), b2, v128.load(second + i));
    v128.store(first + i, m);
    v128.store(second + i, v);
    const step = f32x4.div(f32x4.mul(m, s1), f32x4.add(f32x4.sqrt(f32x4.mul(v, s2)), eps));
    const x = v128.load(w + i);
    v128.store(w + i, fma(x, lr, fma(step, wd, x)));
  }
}
