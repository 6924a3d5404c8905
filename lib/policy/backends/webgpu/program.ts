/**
 * The project's shaders on the WebGPU backend of TensorFlow.js: flat inputs, one flat output.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";

/** Shader text, or a function that writes it when the shader is first compiled. */
export type ShaderText = string | (() => string);

/** One shader and what it works on. */
export interface Shader {
  /** Cache key: must contain every value that is written into the text. */
  readonly name: string;
  /** Tensors by the names under which the text reads them, as flat arrays. */
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  /** Shape of what it writes to `result`. */
  readonly shape: readonly number[];
  /** Kind of what it writes. @default {"float32"} */
  readonly dtype?: "float32" | "int32";
  /** A tensor to write into, instead of a new one. */
  readonly output?: tf.TensorInfo;
  /** Workgroups; more than one dimension holds are spread over three. */
  readonly groups: number;
  /** Threads of a workgroup. @default {64} */
  readonly threads?: number;
  /** Whole numbers that the text reads as `uniforms.name`. */
  readonly integers?: Readonly<Record<string, number>>;
  /** Real numbers, likewise. */
  readonly reals?: Readonly<Record<string, number>>;
  /** Functions and workgroup memory the body uses. */
  readonly declarations?: ShaderText;
  /** What every thread does; `group` and `lane` say which thread it is. */
  readonly body: ShaderText;
}

/** A kernel: tensors and settings by name in, one tensor or several out. */
export type RunKernel = (
  backend: WebGPUBackend,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attributes: Readonly<Record<string, number>>,
) => tf.TensorInfo | tf.TensorInfo[];

/** Whether an adapter is emulated by the processor. */
export function isEmulated(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|software/i.test(info.description);
}

/** Threads of a workgroup unless said otherwise. */
export const THREADS = 64;

/** Registers kernels for the `webgpu` backend. */
export function registerKernels(
  kernels: Readonly<Record<string, RunKernel>>,
): void {
  for (const [kernelName, run] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: "webgpu",
      kernelFunc: ({ inputs, backend, attrs }) => {
        const device: unknown = backend, settings: unknown = attrs ?? {};
        return run(
          device as WebGPUBackend,
          inputs as Record<string, tf.TensorInfo>,
          settings as Record<string, number>,
        );
      },
    });
  }
}

/** Enqueues a shader. Returns what it writes to; the caller disposes it. */
export function runShader(
  backend: WebGPUBackend,
  shader: Shader,
): tf.TensorInfo {
  const { name, inputs, shape, dtype = "float32", groups } = shader;
  const { threads = THREADS, integers = {}, reals = {} } = shader;
  const output = shader.output ?? backend.makeTensorInfo([...shape], dtype);
  const fields = [
    ...Object.keys(integers).map((key) => `${key} : i32, `),
    ...Object.keys(reals).map((key) => `${key} : f32, `),
  ];
  backend.runWebGPUProgram(
    {
      variableNames: Object.keys(inputs),
      outputShape: [tf.util.sizeFromShape(output.shape)],
      workgroupSize: [threads, 1, 1],
      dispatch: [groups, 1, 1],
      dispatchLayout: { x: [0] },
      shaderKey: `hiper_${name}`,
      uniforms: fields.join(""),
      getUserCode: () => textOf(shader),
    },
    Object.values(inputs).map(flat),
    dtype,
    [
      ...Object.values(integers).map((x) => ({ type: "int32", data: [x] })),
      ...Object.values(reals).map((x) => ({ type: "float32", data: [x] })),
    ],
    flat(output),
  );
  return output;
}

/** The tensor as a flat array. */
function flat(x: tf.TensorInfo): tf.TensorInfo {
  const { dataId, dtype } = x;
  return { dataId, dtype, shape: [tf.util.sizeFromShape(x.shape)] };
}

/** The text of a shader, around its body. */
function textOf({ declarations = "", body }: Shader): string {
  return `
    ${written(declarations)}
    fn main(index : i32) {
      let group = i32(workgroupId.x + numWorkgroups.x *
        (workgroupId.y + numWorkgroups.y * workgroupId.z));
      let lane = i32(localIndex);
      ${written(body)}
    }`;
}

/** The text itself. */
function written(text: ShaderText): string {
  return typeof text === "string" ? text : text();
}

/** Rows of a tensor, and numbers in each. */
export function rowsOf(x: tf.TensorInfo): { rows: number; width: number } {
  const width = x.shape.at(-1)!;
  return { width, rows: tf.util.sizeFromShape(x.shape) / Math.max(1, width) };
}

/** Reduces the threads' values by `join` (sum by default); every thread gets the result. */
export function reduction(
  options: { name: string; threads?: number; join?: string },
): string {
  const { name, threads = THREADS, join = "a + b" } = options;
  return `
    var<workgroup> ${name}Parts : array<f32, ${threads}>;
    fn ${name}Join(a : f32, b : f32) -> f32 { return ${join}; }
    fn ${name}(lane : i32, part : f32) -> f32 {
      workgroupBarrier(); // earlier values have been read
      ${name}Parts[lane] = part;
      for (var step = ${threads / 2}; step > 0; step = step / 2) {
        workgroupBarrier();
        if (lane < step) {
          ${name}Parts[lane] = ${name}Join(${name}Parts[lane], ${name}Parts[lane + step]);
        }
      }
      workgroupBarrier();
      return ${name}Parts[0];
    }`;
}
