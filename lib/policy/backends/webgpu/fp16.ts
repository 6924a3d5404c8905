/**
 * Products with frozen weights stored as 16-bit floats, two to a word, and computed with in 32 bits.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { FUSED } from "../wasm/kernel_names.ts";
import {
  reduction,
  rowsOf,
  type RunKernel,
  runShader,
  THREADS,
} from "./program.ts";
import { multiply } from "./layer_kernels.ts";

/** Kernels by name. */
export const FLOAT16: Readonly<Record<string, RunKernel>> = {
  [FUSED.linearHalf]: (backend, { x, w, bias }) =>
    project(backend, { x: x!, w: w!, bias }),
  [FUSED.linearHalfGradX]: (backend, { dy, w }) =>
    projectBack(backend, { dy: dy!, w: w! }),
  [FUSED.lookUpHalf]: (backend, { table, ids }) => {
    const words = table!.shape[1]!, rows = ids!.shape[0]!;
    const count = rows * words;
    return runShader(backend, {
      name: "look_up_half",
      inputs: { table: table!, ids: ids! },
      shape: [rows, 2 * words],
      groups: Math.ceil(count / THREADS),
      integers: { count, words },
      body: `
        let i = group * ${THREADS} + lane;
        if (i >= uniforms.count) { return; }
        let row = i / uniforms.words;
        let word = table[ids[row] * uniforms.words + i - row * uniforms.words];
        let pair = unpack2x16float(bitcast<u32>(word));
        result[2 * i] = pair.x;
        result[2 * i + 1] = pair.y;`,
    });
  },
};

/** Rows up to which each output has a workgroup of its own. */
const FEW_ROWS = 8;

/** `x · wᵀ + bias`, whichever way `w` is stored; the caller disposes it. */
export function project(
  backend: WebGPUBackend,
  { x, w, bias }: {
    x: tf.TensorInfo;
    w: tf.TensorInfo;
    bias?: tf.TensorInfo | undefined;
  },
): tf.TensorInfo {
  const { rows, width } = rowsOf(x);
  const outputs = w.shape[0]!;
  if (w.dtype !== "int32") {
    const a = { ...x, shape: [rows, width] };
    return multiply(backend, { a, b: w, transposeB: true, bias });
  }
  const shape = [...x.shape.slice(0, -1), outputs];
  const inputs: Record<string, tf.TensorInfo> = bias
    ? { x, w, bias }
    : { x, w };
  const start = bias ? "bias[column]" : "0.0";
  const name = bias ? "biased" : "plain";
  return rows <= FEW_ROWS
    ? runShader(backend, {
      name: `half_few_${name}`,
      inputs,
      shape,
      groups: outputs,
      integers: { rows, words: width / 2, outputs },
      declarations: () => reduction({ name: "sumOf" }),
      body: () => FEW(start),
    })
    : tiled(backend, {
      name: `half_${name}`,
      inputs,
      shape,
      sizes: { rows, inner: width, columns: outputs },
      start,
      load: FORTH,
    });
}

/** `dy · w`, whichever way `w` is stored; the caller disposes it. */
export function projectBack(
  backend: WebGPUBackend,
  { dy, w }: { dy: tf.TensorInfo; w: tf.TensorInfo },
): tf.TensorInfo {
  const { rows, width } = rowsOf(dy);
  if (w.dtype !== "int32") {
    return multiply(backend, { a: { ...dy, shape: [rows, width] }, b: w });
  }
  const columns = 2 * w.shape[1]!;
  return tiled(backend, {
    name: "half_back",
    inputs: { x: dy, w },
    shape: [...dy.shape.slice(0, -1), columns],
    sizes: { rows, inner: width, columns },
    start: "0.0",
    load: BACK,
  });
}

/** A workgroup for each output: its threads go along the row of `w`, for all rows of `x`. */
const FEW = (start: string) => `
  let column = group;
  if (column >= uniforms.outputs) { return; }
  var sums = array<f32, ${FEW_ROWS}>();
  for (var k = lane; k < uniforms.words; k += ${THREADS}) {
    let pair = unpack2x16float(bitcast<u32>(w[column * uniforms.words + k]));
    for (var r = 0; r < uniforms.rows; r++) {
      let at = 2 * (r * uniforms.words + k);
      sums[r] += x[at] * pair.x + x[at + 1] * pair.y;
    }
  }
  for (var r = 0; r < uniforms.rows; r++) {
    let sum = sumOf(lane, sums[r]);
    if (lane == 0) { result[r * uniforms.outputs + column] = sum + ${start}; }
  }`;

/** Edge of a tile of the result, and how much of the inner sum is at hand at a time. */
const TILE = 32;

/** Text that fills the tile of weights: columns are rows of `w`. */
const FORTH = `
  let column = column0 + i / ${TILE / 2};
  let k = k0 + i % ${TILE / 2} * 2;
  var pair = vec2<f32>(0.0);
  if (column < uniforms.columns && k < uniforms.inner) {
    pair = unpack2x16float(bitcast<u32>(w[(column * uniforms.inner + k) / 2]));
  }
  let at = i / ${TILE / 2} * ${TILE + 1} + i % ${TILE / 2} * 2;
  right[at] = pair.x;
  right[at + 1] = pair.y;`;

/** The same where the inner sum goes along rows of `w`. */
const BACK = `
  let column = column0 + i % ${TILE / 2} * 2;
  let k = k0 + i / ${TILE / 2};
  var pair = vec2<f32>(0.0);
  if (column < uniforms.columns && k < uniforms.inner) {
    pair = unpack2x16float(bitcast<u32>(w[(k * uniforms.columns + column) / 2]));
  }
  let at = i % ${TILE / 2} * 2 * ${TILE + 1} + i / ${TILE / 2};
  right[at] = pair.x;
  right[at + ${TILE + 1}] = pair.y;`;

/** Both tiles are filled, multiplied and added up until the inner sum is complete. */
const TILED = (load: string, start: string) => `
      let row0 = group / uniforms.across * ${TILE};
      let column0 = group % uniforms.across * ${TILE};
      if (row0 >= uniforms.rows) { return; }
      let down = lane / 8 * 4;
      let right0 = lane % 8;
      var sums = array<array<f32, 4>, 4>();
      for (var k0 = 0; k0 < uniforms.inner; k0 += ${TILE}) {
        workgroupBarrier();
        for (var i = lane; i < ${TILE * TILE}; i += ${THREADS}) {
          let row = row0 + i / ${TILE};
          let k = k0 + i % ${TILE};
          var number = 0.0;
          if (row < uniforms.rows && k < uniforms.inner) {
            number = x[row * uniforms.inner + k];
          }
          left[i / ${TILE} * ${TILE + 1} + i % ${TILE}] = number;
        }
        for (var i = lane; i < ${TILE * TILE / 2}; i += ${THREADS}) { ${load} }
        workgroupBarrier();
        for (var k = 0; k < ${TILE}; k++) {
          for (var r = 0; r < 4; r++) {
            let number = left[(down + r) * ${TILE + 1} + k];
            for (var c = 0; c < 4; c++) {
              sums[r][c] += number * right[(right0 + 8 * c) * ${TILE + 1} + k];
            }
          }
        }
      }
      for (var r = 0; r < 4; r++) {
        for (var c = 0; c < 4; c++) {
          let row = row0 + down + r;
          let column = column0 + right0 + 8 * c;
          if (row < uniforms.rows && column < uniforms.columns) {
            result[row * uniforms.columns + column] = sums[r][c] + ${start};
          }
        }
      }`;

/** A product tile by tile: each thread computes 4 × 4 numbers of a tile of 32 × 32. */
function tiled(
  backend: WebGPUBackend,
  options: {
    name: string;
    inputs: Readonly<Record<string, tf.TensorInfo>>;
    shape: readonly number[];
    sizes: { rows: number; inner: number; columns: number };
    start: string;
    load: string;
  },
): tf.TensorInfo {
  const { name, inputs, shape, sizes, start, load } = options;
  const across = Math.ceil(sizes.columns / TILE);
  return runShader(backend, {
    name,
    inputs,
    shape,
    groups: across * Math.ceil(sizes.rows / TILE),
    integers: { ...sizes, across },
    declarations: () => `
      var<workgroup> left : array<f32, ${TILE * (TILE + 1)}>;
      var<workgroup> right : array<f32, ${TILE * (TILE + 1)}>;`,
    body: () => TILED(load, start),
  });
}
