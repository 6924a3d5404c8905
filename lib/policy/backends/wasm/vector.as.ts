// Small vector arithmetic shared by the kernels: fused multiply-add, sums across lanes, exponentials.

/** `acc + a * b`, fused where the processor can. */
// @ts-ignore: decorator
@inline
export function fma(acc: v128, a: v128, b: v128): v128 {
  return v128.relaxed_madd<f32>(a, b, acc);
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function laneSum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) +
    f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3);
}

/** Largest of the four lanes. */
// @ts-ignore: decorator
@inline
export function laneMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** 1.5 · 2^23: a small number added to it is rounded to a whole one. */
const ROUNDING: f32 = 12582912;

/**
 * Exponential by range reduction to [-ln 2 / 2, ln 2 / 2] and a polynomial of degree 6;
 * relative error about 1e-7. Arguments are clamped to [-87, 88], and below -50 the result is 0:
 * beside a 1 it would be rounded away, and numbers too small for a full mantissa, which it would
 * lead to, are a hundred times slower to compute with.
 */
// @ts-ignore: decorator
@inline
export function exp4(x0: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(x0, f32x4.splat(-87.0)), f32x4.splat(88.0)); // one instruction each, unlike min and max
  const shifted = fma(f32x4.splat(ROUNDING), x, f32x4.splat(1.44269504)); // x / ln 2, rounded, in the lowest bits
  const n = f32x4.sub(shifted, f32x4.splat(ROUNDING));
  let r = fma(x, n, f32x4.splat(-0.693359375)); // ln 2 in two parts
  r = fma(r, n, f32x4.splat(2.12194440e-4));
  let p = f32x4.splat(1.9875691500e-4);
  p = fma(f32x4.splat(1.3981999507e-3), p, r);
  p = fma(f32x4.splat(8.3334519073e-3), p, r);
  p = fma(f32x4.splat(4.1665795894e-2), p, r);
  p = fma(f32x4.splat(1.6666665459e-1), p, r);
  p = fma(f32x4.splat(5.0000001201e-1), p, r);
  p = f32x4.add(fma(r, p, f32x4.mul(r, r)), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23); // what ROUNDING adds is shifted out
  return v128.andnot(f32x4.mul(p, power), f32x4.lt(x0, f32x4.splat(-50.0)));
}

/** The same for one number. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** Bytes of the part of a row of `n` numbers that fills whole vectors. */
// @ts-ignore: decorator
@inline
export function wholeBytes(n: i32): usize {
  return <usize>(n & ~3) << 2;
}
