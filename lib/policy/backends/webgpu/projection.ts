/**
 * Projections and the sums their biases need.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { FUSED } from "../wasm/kernel_names.ts";
import { rowsOf, type RunKernel, runShader, THREADS } from "./program.ts";

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
 * Adds rows: a workgroup takes some columns, and the rows go around among its threads.
 *
 * @param backend The backend.
 * @param options Rows and their width; `term`: what is added, of `row` and `place`.
 * @returns Shape `(width,)`; the caller disposes it.
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
