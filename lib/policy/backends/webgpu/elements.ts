/**
 * Shaders that treat every number alike: gating and the optimizer.
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
  [FUSED.adamW]: (backend, { p, g, m, v }, a) => {
    const mean = (name: string, old: tf.TensorInfo, value: string) =>
      eachNumber(backend, {
        name,
        inputs: { old, g: g! },
        reals: { beta: a[name]! },
        value: `uniforms.beta * old[i] + (1.0 - uniforms.beta) * ${value}`,
      });
    const first = mean("beta1", m!, "g[i]");
    const second = mean("beta2", v!, "g[i] * g[i]");
    const { rate, decay, epsilon, unbias1, unbias2 } = a;
    const values = eachNumber(backend, {
      name: "adam_w",
      inputs: { p: p!, first, second },
      reals: {
        rate: rate!,
        decay: decay!,
        epsilon: epsilon!,
        unbias1: unbias1!,
        unbias2: unbias2!,
      },
      before: "let root = sqrt(second[i] * uniforms.unbias2);",
      value: `p[i] - uniforms.rate * (uniforms.decay * p[i] +
        first[i] * uniforms.unbias1 / (root + uniforms.epsilon))`,
    });
    return [values, first, second];
  },
};

/** Computes one number of each place, from the inputs there. */
function eachNumber(
  backend: WebGPUBackend,
  options: {
    name: string;
    inputs: Readonly<Record<string, tf.TensorInfo>>;
    reals?: Readonly<Record<string, number>>;
    before?: string;
    value: string;
  },
): tf.TensorInfo {
  const { name, inputs, reals = {}, before = "", value } = options;
  const { shape } = Object.values(inputs)[0]!;
  const count = tf.util.sizeFromShape(shape);
  return runShader(backend, {
    name,
    inputs,
    shape,
    groups: Math.ceil(count / THREADS),
    integers: { count },
    reals,
    body: `
      let i = group * ${THREADS} + lane;
      if (i >= uniforms.count) { return; }
      ${before}
      result[i] = ${value};`,
  });
}
