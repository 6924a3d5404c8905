// Kernels that touch every number once: normalization, gating, biases, the optimizer.

import { exp1, exp4, fma, laneSum, wholeBytes } from "./vector.as";

/** 1 / sqrt(mean(x²) + epsilon) of one row. */
function inverseRms(d: i32, x: usize, epsilon: f32): f32 {
  let s = f32x4.splat(0);
  const whole = wholeBytes(d), end = <usize>d << 2;
  let j: usize = 0;
  for (; j < whole; j += 16) {
    const v = v128.load(x + j);
    s = fma(s, v, v);
  }
  let sum = laneSum(s);
  for (; j < end; j += 4) sum += f32.load(x + j) * f32.load(x + j);
  return <f32>1 / sqrt<f32>(sum / <f32>d + epsilon);
}

/** y = x / rms(x) · gain, row by row. */
export function rmsNorm(rows: i32, d: i32, x: usize, gain: usize, y: usize, epsilon: f32): void {
  const whole = wholeBytes(d), end = <usize>d << 2;
  for (let i = 0; i < rows; i++) {
    const inverse = inverseRms(d, x, epsilon), scale = f32x4.splat(inverse);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      v128.store(y + j, f32x4.mul(f32x4.mul(v128.load(x + j), scale), v128.load(gain + j)));
    }
    for (; j < end; j += 4) f32.store(y + j, f32.load(x + j) * inverse * f32.load(gain + j));
    x += end;
    y += end;
  }
}

/** dx = r · (g·dy − x · r² · mean(g·dy·x)), with r = 1 / rms(x). */
export function rmsNormGradX(rows: i32, d: i32, x: usize, gain: usize, dy: usize, dx: usize, epsilon: f32): void {
  const whole = wholeBytes(d), end = <usize>d << 2;
  for (let i = 0; i < rows; i++) {
    const r = inverseRms(d, x, epsilon), scale = f32x4.splat(r);
    let s = f32x4.splat(0);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      s = fma(s, f32x4.mul(v128.load(x + j), v128.load(dy + j)), v128.load(gain + j));
    }
    let sum = laneSum(s);
    for (; j < end; j += 4) sum += f32.load(x + j) * f32.load(dy + j) * f32.load(gain + j);
    const pull: f32 = -r * r * r * sum / <f32>d, pulls = f32x4.splat(pull);
    for (j = 0; j < whole; j += 16) {
      const push = f32x4.mul(f32x4.mul(v128.load(dy + j), v128.load(gain + j)), scale);
      v128.store(dx + j, fma(push, v128.load(x + j), pulls));
    }
    for (; j < end; j += 4) {
      f32.store(dx + j, f32.load(dy + j) * f32.load(gain + j) * r + f32.load(x + j) * pull);
    }
    x += end;
    dy += end;
    dx += end;
  }
}

/** dgain = Σ over rows of dy · x / rms(x). */
export function rmsNormGradGain(rows: i32, d: i32, x: usize, dy: usize, dgain: usize, epsilon: f32): void {
  const whole = wholeBytes(d), end = <usize>d << 2;
  memory.fill(dgain, 0, end);
  for (let i = 0; i < rows; i++) {
    const r = inverseRms(d, x, epsilon), scale = f32x4.splat(r);
    let j: usize = 0;
    for (; j < whole; j += 16) {
      const product = f32x4.mul(v128.load(x + j), v128.load(dy + j));
      v128.store(dgain + j, fma(v128.load(dgain + j), product, scale));
    }
    for (; j < end; j += 4) {
      f32.store(dgain + j, f32.load(dgain + j) + f32.load(x + j) * f32.load(dy + j) * r);
    }
    x += end;
    dy += end;
  }
}

/** y = gate · sigmoid(gate) · up. */
export function swiGlu(n: i32, gate: usize, up: usize, y: usize): void {
  const whole = wholeBytes(n), end = <usize>n << 2, one = f32x4.splat(1);
  let j: usize = 0;
  for (; j < whole; j += 16) {
    const g = v128.load(gate + j);
    const s = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))));
    v128.store(y + j, f32x4.mul(f32x4.mul(g, s), v128.load(up + j)));
  }
  for (; j < end; j += 4) {
    const g = f32.load(gate + j);
    f32.store(y + j, g / (<f32>1 + exp1(-g)) * f32.load(up + j));
  }
}

/** dgate = dy · up · s · (1 + gate · (1 − s)), with s = sigmoid(gate). */
export function swiGluGradGate(n: i32, gate: usize, up: usize, dy: usize, dgate: usize): void {
  const whole = wholeBytes(n), end = <usize>n << 2, one = f32x4.splat(1);
  let j: usize = 0;
  for (; j < whole; j += 16) {
    const g = v128.load(gate + j);
    const s = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))));
    const slope = f32x4.mul(s, fma(one, g, f32x4.sub(one, s)));
    v128.store(dgate + j, f32x4.mul(f32x4.mul(v128.load(dy + j), v128.load(up + j)), slope));
  }
  for (; j < end; j += 4) {
    const g = f32.load(gate + j), s = <f32>1 / (<f32>1 + exp1(-g));
    f32.store(dgate + j, f32.load(dy + j) * f32.load(up + j) * s * (<f32>1 + g * (<f32>1 - s)));
  }
}

/** x += bias, row by row. */
export function addBias(rows: i32, d: i32, x: usize, bias: usize): void {
  const whole = wholeBytes(d), end = <usize>d << 2;
  for (let i = 0; i < rows; i++) {
    let j: usize = 0;
    for (; j < whole; j += 16) {
      v128.store(x + j, f32x4.add(v128.load(x + j), v128.load(bias + j)));
    }
    for (; j < end; j += 4) f32.store(x + j, f32.load(x + j) + f32.load(bias + j));
    x += end;
  }
}

/** sums = Σ over rows of x. */
export function sumRows(rows: i32, d: i32, x: usize, sums: usize): void {
  memory.fill(sums, 0, <usize>d << 2);
  for (let i = 0; i < rows; i++) addBias(1, d, sums, x + (<usize>i * d << 2));
}

/** out[i] = table[rows[i]], rows of d numbers. */
export function gatherRows(n: i32, d: i32, table: usize, rows: usize, out: usize): void {
  const bytes = <usize>d << 2;
  for (let i = 0; i < n; i++) {
    memory.copy(out, table + <usize>i32.load(rows + (<usize>i << 2)) * bytes, bytes);
    out += bytes;
  }
}
