/**
 * Shaders that treat every number alike: gating.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { FUSED } from "../wasm/kernel_names.ts";
import { type RunKernel, runShader, THREADS } from "./program.ts";

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

/** Computes one number of each place, from the inputs there. */
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
