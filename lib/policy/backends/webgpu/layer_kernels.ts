/**
 * Shaders of a decoder layer apart from attention: projection, RMSNorm and gating, with their gradients.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { FUSED } from "../wasm/kernel_names.ts";
import {
  reduction,
  rowsOf,
  type RunKernel,
  runShader,
  THREADS,
} from "./program.ts";

/** Kernels by name. */
export const PROJECTION: Readonly<Record<string, RunKernel>> = {
  [FUSED.linear]: (backend, { x, w, bias }) => {
    const { rows, width } = rowsOf(x!);
    const product = multiply(backend, {
      a: { ...x!, shape: [rows, width] },
      b: w!,
      transposeB: true,
      bias,
    });
    return { ...product, shape: [...x!.shape.slice(0, -1), w!.shape[0]!] };
  },
  [FUSED.addLowRank]: (backend, { base, low, up }, { scale }) => {
    const { rows, width: outputs } = rowsOf(base!);
    const count = rows * outputs;
    return runShader(backend, {
      name: "add_low_rank",
      inputs: { base: base!, low: low!, up: up! },
      shape: base!.shape,
      groups: Math.ceil(count / THREADS),
      integers: { count, outputs, rank: up!.shape[1]! },
      reals: { scale: scale! },
      body: `
        let i = group * ${THREADS} + lane;
        if (i >= uniforms.count) { return; }
        let start = i / uniforms.outputs * uniforms.rank;
        let other = i % uniforms.outputs * uniforms.rank;
        var sum = 0.0;
        for (var k = 0; k < uniforms.rank; k++) { sum += low[start + k] * up[other + k]; }
        result[i] = base[i] + uniforms.scale * sum;`,
    });
  },
  [FUSED.sumRows]: (backend, { x }) =>
    columnSums(backend, {
      name: "sum_rows",
      inputs: { x: x! },
      term: "x[place]",
      ...rowsOf(x!),
    }),
};

/** A product of matrices by the backend's own shaders. */
export function multiply(
  backend: WebGPUBackend,
  options: {
    a: tf.TensorInfo;
    b: tf.TensorInfo;
    transposeA?: boolean;
    transposeB?: boolean;
    bias?: tf.TensorInfo | undefined;
  },
): tf.TensorInfo {
  const { a, b, bias, transposeA = false, transposeB = false } = options;
  const { kernelFunc } = tf.getKernel("_FusedMatMul", "webgpu")!;
  return kernelFunc({
    inputs: bias ? { a, b, bias } : { a, b },
    backend,
    attrs: { transposeA, transposeB, activation: "linear" },
  }) as tf.TensorInfo;
}

/** Columns one workgroup adds up, and threads that share each. */
const COLUMNS = 16;

/**
 * Adds rows: a workgroup takes some columns, and the rows are interleaved over its threads. Shape
 * `(width,)`; the caller disposes it.
 */
export function columnSums(
  backend: WebGPUBackend,
  options: {
    name: string;
    inputs: Readonly<Record<string, tf.TensorInfo>>;
    term: string;
    rows: number;
    width: number;
  },
): tf.TensorInfo {
  const { name, inputs, term, rows, width } = options;
  return runShader(backend, {
    name,
    inputs,
    shape: [width],
    groups: Math.ceil(width / COLUMNS),
    threads: COLUMNS * COLUMNS,
    integers: { rows, width },
    declarations: `var<workgroup> parts : array<f32, ${COLUMNS * COLUMNS}>;`,
    body: `
      let column = group * ${COLUMNS} + lane % ${COLUMNS};
      var sum = 0.0;
      if (column < uniforms.width) {
        for (var row = lane / ${COLUMNS}; row < uniforms.rows; row += ${COLUMNS}) {
          let place = row * uniforms.width + column;
          sum += ${term};
        }
      }
      parts[lane] = sum;
      workgroupBarrier();
      if (lane < ${COLUMNS} && column < uniforms.width) {
        for (var other = 1; other < ${COLUMNS}; other++) {
          sum += parts[lane + other * ${COLUMNS}];
        }
        result[column] = sum;
      }`,
  });
}

/** Of each row: `1 / sqrt(mean(x²) + epsilon)`, left in `inverse`. */
const INVERSE = `
  var square = 0.0;
  for (var j = lane; j < uniforms.width; j += 64) {
    let v = x[start + j];
    square += v * v;
  }
  let inverse = inverseSqrt(
    sumOf(lane, square) / f32(uniforms.width) + uniforms.epsilon);`;

/** Preamble of a row's workgroup. */
const ROW = `
  if (group >= uniforms.rows) { return; }
  let start = group * uniforms.width;
  ${INVERSE}`;

/** Kernels by name. */
export const NORMALIZATION: Readonly<Record<string, RunKernel>> = {
  [FUSED.rmsNorm]: (backend, { x, gain }, { epsilon }) => {
    const { rows, width } = rowsOf(x!);
    return runShader(backend, {
      name: "rms_norm",
      inputs: { x: x!, gain: gain! },
      shape: x!.shape,
      groups: rows,
      integers: { rows, width },
      reals: { epsilon: epsilon! },
      declarations: () => reduction({ name: "sumOf" }),
      body: `${ROW}
        for (var j = lane; j < uniforms.width; j += 64) {
          result[start + j] = x[start + j] * inverse * gain[j];
        }`,
    });
  },
  [FUSED.rmsNormGradX]: (backend, { x, gain, dy }, { epsilon }) => {
    const { rows, width } = rowsOf(x!);
    return runShader(backend, {
      name: "rms_norm_grad_x",
      inputs: { x: x!, gain: gain!, dy: dy! },
      shape: x!.shape,
      groups: rows,
      integers: { rows, width },
      reals: { epsilon: epsilon! },
      declarations: () => reduction({ name: "sumOf" }),
      body: `${ROW}
        var product = 0.0;
        for (var j = lane; j < uniforms.width; j += 64) {
          product += x[start + j] * dy[start + j] * gain[j];
        }
        let pull = inverse * inverse * inverse * sumOf(lane, product) /
          f32(uniforms.width);
        for (var j = lane; j < uniforms.width; j += 64) {
          result[start + j] = dy[start + j] * gain[j] * inverse -
            x[start + j] * pull;
        }`,
    });
  },
  [FUSED.rmsNormGradGain]: (backend, { x, dy }, { epsilon }) => {
    const { rows, width } = rowsOf(x!);
    const inverses = runShader(backend, {
      name: "rms_inverse",
      inputs: { x: x! },
      shape: [rows],
      groups: rows,
      integers: { rows, width },
      reals: { epsilon: epsilon! },
      declarations: () => reduction({ name: "sumOf" }),
      body: `${ROW}
        if (lane == 0) { result[group] = inverse; }`,
    });
    const dgain = columnSums(backend, {
      name: "rms_norm_grad_gain",
      inputs: { x: x!, dy: dy!, inverses },
      term: "x[place] * dy[place] * inverses[row]",
      rows,
      width,
    });
    backend.disposeData(inverses.dataId);
    return dgain;
  },
};

/** Kernels by name. */
export const ELEMENTS: Readonly<Record<string, RunKernel>> = {
  [FUSED.swiGlu]: (backend, { gate, up }) =>
    eachNumber(backend, {
      name: "swi_glu",
      inputs: { gate: gate!, up: up! },
      value: "gate[i] / (1.0 + exp(-gate[i])) * up[i]",
    }),
  [FUSED.swiGluGradGate]: (backend, { gate, up, dy }) =>
    eachNumber(backend, {
      name: "swi_glu_grad_gate",
      inputs: { gate: gate!, up: up!, dy: dy! },
      before: "let share = 1.0 / (1.0 + exp(-gate[i]));",
      value: "dy[i] * up[i] * share * (1.0 + gate[i] * (1.0 - share))",
    }),
};

/** Computes one element per position from the inputs there. */
function eachNumber(
  backend: WebGPUBackend,
  options: {
    name: string;
    inputs: Readonly<Record<string, tf.TensorInfo>>;
    before?: string;
    value: string;
  },
): tf.TensorInfo {
  const { name, inputs, before = "", value } = options;
  const { shape } = Object.values(inputs)[0]!;
  const count = tf.util.sizeFromShape(shape);
  return runShader(backend, {
    name,
    inputs,
    shape,
    groups: Math.ceil(count / THREADS),
    integers: { count },
    body: `
      let i = group * ${THREADS} + lane;
      if (i >= uniforms.count) { return; }
      ${before}
      result[i] = ${value};`,
  });
}
