// Causal attention with rotary positions and grouped keys, for whole sequences and for one more token.
// Rows of qkv hold `heads` queries, then `groups` keys, then `groups` values, each of `size` numbers.

import { exp1, exp4, fma, laneMax, laneSum, wholeBytes } from "./vector.as";
import { matmul } from "./matmul.as";

/** Queries handled at a time, so that scores need a few rows of memory and half of them no work. */
const BLOCK: i32 = 64;

/** Most query heads of a group whose next token is computed together: the product of few rows packs nothing. */
const HEADS_AT_ONCE: i32 = 8;

/** Bytes of scratch `attention` and its gradient need for sequences of that length. */
export function attentionScratchBytes(length: i32): usize {
  return <usize>(2 * BLOCK * ((length + 3) & ~3)) << 2;
}

/** Rotates pairs (x[j], x[j + size / 2]) of one vector by angle · sign. */
function rotate(size: i32, x: usize, cos: usize, sin: usize, sign: f32): void {
  const half = size >> 1, whole = wholeBytes(half), end = <usize>half << 2, signs = f32x4.splat(sign);
  let j: usize = 0;
  for (; j < whole; j += 16) {
    const u = v128.load(x + j), v = v128.load(x + end + j);
    const c = v128.load(cos + j), s = f32x4.mul(v128.load(sin + j), signs);
    v128.store(x + j, f32x4.sub(f32x4.mul(u, c), f32x4.mul(v, s)));
    v128.store(x + end + j, fma(f32x4.mul(v, c), u, s));
  }
  for (; j < end; j += 4) {
    const u = f32.load(x + j), v = f32.load(x + end + j);
    const c = f32.load(cos + j), s = f32.load(sin + j) * sign;
    f32.store(x + j, u * c - v * s);
    f32.store(x + end + j, v * c + u * s);
  }
}

/** Rotates the first `heads` vectors of every row; row t of a sequence stands at position t. */
export function rotaryRows(
  batch: i32, length: i32, stride: i32, heads: i32, size: i32, x: usize, cos: usize, sin: usize, sign: f32,
): void {
  const half = <usize>(size >> 1) << 2;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      let p = x + (<usize>(b * length + t) * stride << 2);
      for (let h = 0; h < heads; h++) {
        rotate(size, p, cos + <usize>t * half, sin + <usize>t * half, sign);
        p += <usize>size << 2;
      }
    }
  }
}

/** p = softmax(scale · p) over n numbers, in place. */
function softmaxRow(n: i32, p: usize, scale: f32): void {
  const whole = wholeBytes(n), end = <usize>n << 2;
  let largest: f32 = f32.load(p), j: usize = 0;
  if (whole > 0) {
    let m = v128.load(p);
    for (; j < whole; j += 16) m = f32x4.pmax(m, v128.load(p + j));
    largest = laneMax(m);
  }
  for (; j < end; j += 4) largest = max(largest, f32.load(p + j));
  const shift = f32x4.splat(largest), scales = f32x4.splat(scale);
  let s = f32x4.splat(0);
  for (j = 0; j < whole; j += 16) {
    const e = exp4(f32x4.mul(f32x4.sub(v128.load(p + j), shift), scales));
    v128.store(p + j, e);
    s = f32x4.add(s, e);
  }
  let sum = laneSum(s);
  for (; j < end; j += 4) {
    const e = exp1((f32.load(p + j) - largest) * scale);
    f32.store(p + j, e);
    sum += e;
  }
  const inverse: f32 = <f32>1 / sum, inverses = f32x4.splat(inverse);
  for (j = 0; j < whole; j += 16) v128.store(p + j, f32x4.mul(v128.load(p + j), inverses));
  for (; j < end; j += 4) f32.store(p + j, f32.load(p + j) * inverse);
}

/** dp = scale · p · (dp − Σ p·dp) over n numbers, in place. */
function softmaxRowGrad(n: i32, p: usize, dp: usize, scale: f32): void {
  const whole = wholeBytes(n), end = <usize>n << 2;
  let s = f32x4.splat(0);
  let j: usize = 0;
  for (; j < whole; j += 16) s = fma(s, v128.load(p + j), v128.load(dp + j));
  let sum = laneSum(s);
  for (; j < end; j += 4) sum += f32.load(p + j) * f32.load(dp + j);
  const sums = f32x4.splat(sum), scales = f32x4.splat(scale);
  for (j = 0; j < whole; j += 16) {
    const pull = f32x4.sub(v128.load(dp + j), sums);
    v128.store(dp + j, f32x4.mul(f32x4.mul(v128.load(p + j), pull), scales));
  }
  for (; j < end; j += 4) {
    f32.store(dp + j, f32.load(p + j) * (f32.load(dp + j) - sum) * scale);
  }
}

/** Attention weights of rows i0.. of one head: p[x] = softmax over the positions up to i0 + x, zero after. */
function weights(
  i0: i32, rows: i32, width: i32, size: i32, q: usize, k: usize, stride: i32, p: usize, scratch: usize,
): void {
  const n = i0 + rows, scale: f32 = <f32>1 / sqrt<f32>(<f32>size);
  matmul(rows, n, size, q + (<usize>i0 * stride << 2), stride, 0, k, stride, 1, p, width, 0, scratch);
  for (let x = 0; x < rows; x++) {
    const row = p + (<usize>x * width << 2), seen = i0 + x + 1;
    softmaxRow(seen, row, scale);
    memory.fill(row + (<usize>seen << 2), 0, <usize>(n - seen) << 2);
  }
}

/** out (batch · length, heads · size) from qkv whose queries and keys were rotated. */
export function attention(
  batch: i32, length: i32, heads: i32, groups: i32, size: i32, qkv: usize, out: usize, room: usize, scratch: usize,
): void {
  const stride = (heads + 2 * groups) * size, d = heads * size, share = heads / groups, width = (length + 3) & ~3;
  for (let b = 0; b < batch; b++) {
    const row = qkv + (<usize>b * length * stride << 2), to = out + (<usize>b * length * d << 2);
    for (let h = 0; h < heads; h++) {
      const g = h / share, q = row + (<usize>h * size << 2);
      const k = row + (<usize>(heads + g) * size << 2), v = row + (<usize>(heads + groups + g) * size << 2);
      for (let i0 = 0; i0 < length; i0 += BLOCK) {
        const rows = min(BLOCK, length - i0);
        weights(i0, rows, width, size, q, k, stride, room, scratch);
        matmul(rows, size, i0 + rows, room, width, 0, v, stride, 0, to + (<usize>(i0 * d + h * size) << 2), d, 0, scratch);
      }
    }
  }
}

/** Gradient of `attention` in its rotated qkv; weights are computed again instead of kept. */
export function attentionGrad(
  batch: i32, length: i32, heads: i32, groups: i32, size: i32, qkv: usize, dout: usize, dqkv: usize, room: usize, scratch: usize,
): void {
  const stride = (heads + 2 * groups) * size, d = heads * size, share = heads / groups, width = (length + 3) & ~3;
  const scale: f32 = <f32>1 / sqrt<f32>(<f32>size);
  const p = room, dp = room + (<usize>(BLOCK * width) << 2);
  memory.fill(dqkv, 0, <usize>(batch * length) * stride << 2);
  for (let b = 0; b < batch; b++) {
    const row = <usize>b * length * stride << 2, from = dout + (<usize>b * length * d << 2);
    for (let h = 0; h < heads; h++) {
      const g = h / share, q = row + (<usize>h * size << 2);
      const k = row + (<usize>(heads + g) * size << 2), v = row + (<usize>(heads + groups + g) * size << 2);
      for (let i0 = 0; i0 < length; i0 += BLOCK) {
        const rows = min(BLOCK, length - i0), n = i0 + rows;
        const dy = from + (<usize>(i0 * d + h * size) << 2), qi = q + (<usize>i0 * stride << 2);
        weights(i0, rows, width, size, qkv + q, qkv + k, stride, p, scratch);
        matmul(rows, n, size, dy, d, 0, qkv + v, stride, 1, dp, width, 0, scratch);
        matmul(n, size, rows, p, width, 1, dy, d, 0, dqkv + v, stride, 1, scratch);
        for (let x = 0; x < rows; x++) {
          const at = <usize>x * width << 2, seen = i0 + x + 1;
          softmaxRowGrad(seen, p + at, dp + at, scale);
          memory.fill(dp + at + (<usize>seen << 2), 0, <usize>(n - seen) << 2);
        }
        matmul(rows, size, n, dp, width, 0, qkv + k, stride, 0, dqkv + qi, stride, 0, scratch);
        matmul(n, size, rows, dp, width, 1, qkv + qi, stride, 0, dqkv + k, stride, 1, scratch);
      }
    }
  }
}

/**
 * One more token for each of `batch` sequences: rotates its query and key at position places[b],
 * writes key and value into the caches (batch, groups, room, size), attends to everything so far.
 * `scores` has room for one sequence for each head of a group.
 */
export function attendNext(
  batch: i32, heads: i32, groups: i32, size: i32, qkv: usize, keys: usize, values: usize, places: usize,
  room: i32, out: usize, cos: usize, sin: usize, scores: usize,
): void {
  const stride = (heads + 2 * groups) * size, share = heads / groups, bytes = <usize>size << 2;
  const half = bytes >> 1, scale: f32 = <f32>1 / sqrt<f32>(<f32>size);
  const together = share <= HEADS_AT_ONCE ? share : 1;
  for (let b = 0; b < batch; b++) {
    const t = i32.load(places + (<usize>b << 2)), row = qkv + (<usize>b * stride << 2);
    for (let h = 0; h < heads + groups; h++) {
      rotate(size, row + <usize>h * bytes, cos + <usize>t * half, sin + <usize>t * half, 1);
    }
    for (let g = 0; g < groups; g++) {
      const slot = (<usize>(b * groups + g) * room + t) * bytes;
      memory.copy(keys + slot, row + <usize>(heads + g) * bytes, bytes);
      memory.copy(values + slot, row + <usize>(heads + groups + g) * bytes, bytes);
    }
    for (let h = 0; h < heads; h += together) { // heads that share keys read them once
      const first = <usize>(b * groups + h / share) * room * bytes, q = row + <usize>h * bytes;
      const o = out + <usize>(b * heads + h) * bytes;
      matmul(together, t + 1, size, q, size, 0, keys + first, size, 1, scores, t + 1, 0, 0);
      for (let x = 0; x < together; x++) softmaxRow(t + 1, scores + (<usize>(x * (t + 1)) << 2), scale);
      matmul(together, size, t + 1, scores, t + 1, 0, values + first, size, 0, o, size, 0, 0);
    }
  }
}

/**
 * The next counts[b] <= `count` tokens of each of `batch` sequences, from position places[b] on:
 * rotates their queries and keys, writes keys and values into the caches, attends causally.
 * Rows of qkv and out are (batch, count); those past counts[b] are left as they are.
 */
export function attendRest(
  batch: i32, count: i32, heads: i32, groups: i32, size: i32, qkv: usize, keys: usize, values: usize, places: usize, counts: usize,
  room: i32, out: usize, cos: usize, sin: usize, scores: usize, scratch: usize,
): void {
  const stride = (heads + 2 * groups) * size, share = heads / groups, d = heads * size, bytes = <usize>size << 2;
  const half = bytes >> 1, scale: f32 = <f32>1 / sqrt<f32>(<f32>size);
  for (let b = 0; b < batch; b++) {
    const t = i32.load(places + (<usize>b << 2)), n = i32.load(counts + (<usize>b << 2));
    const first = qkv + (<usize>(b * count) * stride << 2);
    for (let i = 0; i < n; i++) {
      const row = first + (<usize>i * stride << 2), turn = <usize>(t + i) * half;
      for (let h = 0; h < heads + groups; h++) rotate(size, row + <usize>h * bytes, cos + turn, sin + turn, 1);
      for (let g = 0; g < groups; g++) {
        const slot = (<usize>(b * groups + g) * room + t + i) * bytes;
        memory.copy(keys + slot, row + <usize>(heads + g) * bytes, bytes);
        memory.copy(values + slot, row + <usize>(heads + groups + g) * bytes, bytes);
      }
    }
    for (let h = 0; h < heads; h++) {
      const cache = <usize>(b * groups + h / share) * room * bytes;
      for (let i0 = 0; i0 < n; i0 += BLOCK) {
        const rows = min(BLOCK, n - i0), seen = t + i0 + rows, width = (seen + 3) & ~3;
        const q = first + (<usize>(i0 * stride + h * size) << 2);
        matmul(rows, seen, size, q, stride, 0, keys + cache, size, 1, scores, width, 0, scratch);
        for (let x = 0; x < rows; x++) {
          const at = scores + (<usize>(x * width) << 2), own = t + i0 + x + 1;
          softmaxRow(own, at, scale);
          memory.fill(at + (<usize>own << 2), 0, <usize>(seen - own) << 2);
        }
        const o = out + (<usize>((b * count + i0) * d + h * size) << 2);
        matmul(rows, size, seen, scores, width, 0, values + cache, size, 0, o, d, 0, scratch);
      }
    }
  }
}

/** Bytes of `scores` that `attendRest` needs for caches of that room. */
export function attendRestBytes(room: i32): usize {
  return <usize>(BLOCK * ((room + 3) & ~3)) << 2;
}

/** Copies rotated keys and values of a prompt from rows of qkv into the caches. */
export function fillCache(
  batch: i32, length: i32, heads: i32, groups: i32, size: i32, qkv: usize, keys: usize, values: usize, room: i32,
): void {
  const stride = <usize>((heads + 2 * groups) * size) << 2, bytes = <usize>size << 2;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      const row = qkv + <usize>(b * length + t) * stride;
      for (let g = 0; g < groups; g++) {
        const slot = (<usize>(b * groups + g) * room + t) * bytes;
        memory.copy(keys + slot, row + <usize>(heads + g) * bytes, bytes);
        memory.copy(values + slot, row + <usize>(heads + groups + g) * bytes, bytes);
      }
    }
  }
}
