// Kernels over a vocabulary: log-probability and entropy of tokens, their gradient, drawing a token.

import { exp1, exp4, fma, laneMax, laneSum, wholeBytes } from "./vector.as";

/** Largest of n numbers. */
function largestOf(n: i32, x: usize): f32 {
  const whole = wholeBytes(n), end = <usize>n << 2;
  let largest: f32 = f32.load(x), j: usize = 0;
  if (whole > 0) {
    let m = v128.load(x);
    for (; j < whole; j += 16) m = f32x4.pmax(m, v128.load(x + j));
    largest = laneMax(m);
  }
  for (; j < end; j += 4) largest = max(largest, f32.load(x + j));
  return largest;
}

/** For each row of logits · scale: log-probability of its target, entropy, logarithm of the normalizer. */
export function tokenLogProbs(
  rows: i32, n: i32, logits: usize, targets: usize, scale: f32, logProbs: usize, entropies: usize, normalizers: usize,
): void {
  const whole = wholeBytes(n), end = <usize>n << 2, scales = f32x4.splat(scale);
  for (let i = 0; i < rows; i++) {
    const x = logits + <usize>i * end, at = <usize>i << 2;
    const largest = largestOf(n, x), shift = f32x4.splat(largest);
    let s = f32x4.splat(0), w = s;
    let j: usize = 0;
    for (; j < whole; j += 16) {
      const y = f32x4.mul(f32x4.sub(v128.load(x + j), shift), scales), e = exp4(y);
      s = f32x4.add(s, e);
      w = fma(w, e, y);
    }
    let sum = laneSum(s), weighted = laneSum(w);
    for (; j < end; j += 4) {
      const y = (f32.load(x + j) - largest) * scale, e = exp1(y);
      sum += e;
      weighted += e * y;
    }
    const log = <f32>Math.log(sum), target = x + (<usize>i32.load(targets + at) << 2);
    f32.store(logProbs + at, (f32.load(target) - largest) * scale - log);
    f32.store(entropies + at, log - weighted / sum);
    f32.store(normalizers + at, largest * scale + log);
  }
}

/**
 * Turns logits into their gradient, in place, for each row:
 * scale · (dlogProb · (1[target] − p) − dentropy · p · (log p + entropy)).
 */
export function tokenLogProbsGrad(
  rows: i32, n: i32, logits: usize, targets: usize, scale: f32, entropies: usize, normalizers: usize,
  dlogProbs: usize, dentropies: usize,
): void {
  const whole = wholeBytes(n), end = <usize>n << 2, scales = f32x4.splat(scale);
  for (let i = 0; i < rows; i++) {
    const x = logits + <usize>i * end, at = <usize>i << 2;
    const dl = f32.load(dlogProbs + at) * scale, dh = f32.load(dentropies + at) * scale;
    const log = f32.load(normalizers + at), h = f32.load(entropies + at);
    const logs = f32x4.splat(log), weight = f32x4.splat(-dl - dh * h), slope = f32x4.splat(-dh);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      const y = f32x4.sub(f32x4.mul(v128.load(x + j), scales), logs);
      v128.store(x + j, f32x4.mul(exp4(y), fma(weight, slope, y)));
    }
    for (; j < end; j += 4) {
      const y = f32.load(x + j) * scale - log;
      f32.store(x + j, exp1(y) * (-dl - dh * (y + h)));
    }
    const target = x + (<usize>i32.load(targets + at) << 2);
    f32.store(target, f32.load(target) + dl);
  }
}
