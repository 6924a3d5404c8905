/**
 * RMSNorm and its two gradients as shaders: a workgroup takes a row, or some columns.
 *
 * @module
 */

import { FUSED } from "../wasm/kernel_names.ts";
import { columnSums } from "./projection.ts";
import { reduction, rowsOf, type RunKernel, runShader } from "./program.ts";

/** Of each row: `1 / sqrt(mean(x²) + epsilon)`, left in `inverse`. */
const INVERSE = `
  var square = 0.0;
  for (var j = lane; j < uniforms.width; j += 64) {
    let v = x[start + j];
    square += v * v;
  }
  let inverse = inverseSqrt(
    sumOf(lane, square) / f32(uniforms.width) + uniforms.epsilon);`;

/** What every thread of a row's workgroup begins with. */
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
