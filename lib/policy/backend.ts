/**
 * Picks the machine that computes with tensors, and says why.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { installKernels } from "./kernels/install.ts";
import { registerGradients } from "./tensor_setup.ts";

/** Backends in the order in which `"auto"` tries them. */
export const BACKENDS = [
  "tfjs-node-gpu",
  "tfjs-node",
  "webgpu",
  "wasm",
  "cpu",
] as const;

/** Name of one of the {@linkcode BACKENDS}. */
export type BackendName = typeof BACKENDS[number];

/** The backend in use. */
export interface Backend {
  /** Which one it is. */
  readonly name: BackendName;
  /** Why it is this one, in words: what it is, and what stood against those before it. */
  readonly reason: string;
}

/**
 * Makes one backend the active one of TensorFlow.js.
 *
 * - `tfjs-node-gpu`, `tfjs-node`: native TensorFlow, when the package is in the import map and
 *   its native library can be loaded;
 * - `webgpu`: a graphics processor; one emulated in software is taken only when asked for by name;
 * - `wasm`: WebAssembly SIMD with this house's own kernels; runs everywhere;
 * - `cpu`: plain JavaScript, slow and exact, for comparison.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { selectBackend } from "@hiper/lab";
 *
 * const backend = await selectBackend("wasm");
 * strictEqual(backend.name, "wasm");
 * ```
 *
 * @param name A backend, or `"auto"` for the first that works here.
 * @returns What was chosen and why.
 * @throws {RangeError} If there is no backend of that name.
 * @throws {Error} If the backend asked for does not work here; the message says what it needs.
 */
export async function selectBackend(
  name: BackendName | "auto" = "auto",
): Promise<Backend> {
  if (name !== "auto" && !BACKENDS.includes(name)) {
    throw new RangeError(
      `Cannot select a backend as "name" must be "auto" or one of ${
        BACKENDS.join(", ")
      }: current value is "${name}"`,
    );
  }
  await registerGradients();
  tf.env().set("PROD", true); // no advertisements on the console
  if (name !== "auto") {
    const refusal = await activate(name, { software: true });
    if (refusal === undefined) return { name, reason: `${name}: asked for` };
    throw new Error(`Cannot use the backend "${name}" as ${refusal}`);
  }
  const refusals: string[] = [];
  for (const candidate of BACKENDS) {
    const refusal = await activate(candidate, { software: false });
    if (refusal === undefined) {
      return { name: candidate, reason: [candidate, ...refusals].join("; ") };
    }
    refusals.push(`not ${candidate} as ${refusal}`);
  }
  throw new Error(`Cannot select a backend: ${refusals.join("; ")}`);
}

/** Activates a backend, or says why it cannot be. */
async function activate(
  name: BackendName,
  options: { software: boolean },
): Promise<string | undefined> {
  switch (name) {
    case "tfjs-node-gpu":
    case "tfjs-node":
      return await activateNative(name);
    case "webgpu": {
      const { activateWebGpu } = await import("./webgpu_backend.ts");
      return await activateWebGpu(options);
    }
    case "wasm": {
      await import("@tensorflow/tfjs-backend-wasm");
      try {
        await tf.setBackend("wasm");
        await installKernels();
      } catch (error) {
        return `WebAssembly SIMD must be available: ${messageOf(error)}`;
      }
      return undefined;
    }
    case "cpu":
      await tf.setBackend("cpu");
      return undefined;
  }
}

/** Activates native TensorFlow, if its package and its library are there. */
async function activateNative(
  name: "tfjs-node" | "tfjs-node-gpu",
): Promise<string | undefined> {
  const specifier = `@tensorflow/${name}`;
  try {
    import.meta.resolve(specifier);
  } catch {
    return `"${specifier}" must be in the import map (npm:${specifier}@${tf.version_core})`;
  }
  // Native TensorFlow 4 calls two functions that Node 23 and Deno no longer have.
  const { default: util } = await import("node:util");
  const legacy: {
    isNullOrUndefined?: (x: unknown) => boolean;
    isArray?: (x: unknown) => boolean;
  } = util;
  legacy.isNullOrUndefined ??= (x) => x === null || x === undefined;
  legacy.isArray ??= Array.isArray;
  try {
    await import(specifier);
    await tf.setBackend("tensorflow");
    return undefined;
  } catch (error) {
    return nativeInstructions(name, messageOf(error));
  }
}

/** What a user can do about a native library that does not load. */
function nativeInstructions(name: string, message: string): string {
  const cuda = name === "tfjs-node-gpu"
    ? " built for CUDA (version 2.9.1 expects CUDA 11.2 and cuDNN 8.1)"
    : "";
  return `its native library must load: ${message.split("\n")[0]}. ` +
    `Put libtensorflow.so.2 and libtensorflow_framework.so.2${cuda} into ` +
    `node_modules/@tensorflow/${name}/deps/lib and build lib/napi-v8/tfjs_binding.node ` +
    `against them (deno install --allow-scripts=npm:@tensorflow/${name} downloads both), ` +
    `and run with --allow-ffi --allow-env --allow-read`;
}

/** The message of anything thrown. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
