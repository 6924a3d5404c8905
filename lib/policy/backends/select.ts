/**
 * Selects the TensorFlow.js backend, and reports why.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { installKernels } from "./wasm/install.ts";
import { withSharedMemory } from "./wasm/shared_heap.ts";
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
  /** Why it was chosen, and why the ones before it were not. */
  readonly reason: string;
  /** What it computes with, where a user chose that: a library, its version and file. */
  readonly detail?: string;
}

/** How a backend computes. */
export interface BackendOptions {
  /** Threads of `wasm`; they change speed and no number. @default {as many as there are cores} */
  readonly threads?: number | undefined;
}

/**
 * Makes one backend the active one of TensorFlow.js.
 *
 * - `tfjs-node-gpu`, `tfjs-node`: native TensorFlow, when the environment variable
 *   `HIPER_TENSORFLOW` names a libtensorflow 2 (`deno task tensorflow` fetches one) and the
 *   program may call native code (`-P=native`), or when the package's own addon is installed;
 * - `webgpu`: a GPU; a software adapter is used only if selected by name;
 * - `wasm`: WebAssembly SIMD with the project's own kernels, on all cores; runs everywhere. Where the
 *   environment variable `HIPER_OPENBLAS` names OpenBLAS and the program may call native code, products
 *   of matrices are OpenBLAS's, and last digits differ;
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
 * @param options How it computes.
 * @returns What was chosen and why.
 * @throws {RangeError} If there is no backend of that name, or `threads` is not a whole number from 1 on.
 * @throws {Error} If the backend asked for does not work here; the message says what it needs.
 * @throws {TypeError} If `HIPER_OPENBLAS` names a library that cannot be used.
 */
export async function selectBackend(
  name: BackendName | "auto" = "auto",
  { threads = navigator.hardwareConcurrency }: BackendOptions = {},
): Promise<Backend> {
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(
      `Cannot select a backend as "threads" must be a whole number from 1 on: current value is ${threads}`,
    );
  }
  if (name !== "auto" && !BACKENDS.includes(name)) {
    throw new RangeError(
      `Cannot select a backend as "name" must be "auto" or one of ${
        BACKENDS.join(", ")
      }: current value is "${name}"`,
    );
  }
  await registerGradients();
  tf.env().set("PROD", true); // no log messages of TensorFlow.js
  if (name !== "auto") {
    const answer = await activate(name, { software: true, threads });
    if ("refusal" in answer) {
      throw new Error(`Cannot use the backend "${name}" as ${answer.refusal}`);
    }
    const reason = `${name}: asked for${afterwards(answer)}`;
    return { name, reason, ...answer };
  }
  const refusals: string[] = [];
  for (const candidate of BACKENDS) {
    const answer = await activate(candidate, { software: false, threads });
    if ("refusal" in answer) {
      refusals.push(`not ${candidate} as ${answer.refusal}`);
      continue;
    }
    const chosen = `${candidate}${afterwards(answer)}`;
    const reason = [chosen, ...refusals].join("; ");
    return { name: candidate, reason, ...answer };
  }
  throw new Error(`Cannot select a backend: ${refusals.join("; ")}`);
}

/** Details of the active backend, or the reason why it is unavailable. */
type Answer = { readonly detail?: string } | { readonly refusal: string };

/** Details to follow a name. */
function afterwards({ detail }: { readonly detail?: string }): string {
  return detail === undefined ? "" : `, ${detail}`;
}

/** Activates a backend, or returns why it is not available. */
async function activate(
  name: BackendName,
  options: { software: boolean; threads: number },
): Promise<Answer> {
  switch (name) {
    case "tfjs-node-gpu":
    case "tfjs-node": {
      const { activateNative } = await import("./native/native_backend.ts");
      return await activateNative(name);
    }
    case "webgpu": {
      const { activateWebGpu } = await import("./webgpu/backend.ts");
      const refusal = await activateWebGpu(options);
      return refusal === undefined ? {} : { refusal };
    }
    case "wasm": {
      await import("npm:@tensorflow/tfjs-backend-wasm@4.22.0");
      try {
        await withSharedMemory(() => tf.setBackend("wasm"));
        (await installKernels()).threads = options.threads;
      } catch (error) {
        return {
          refusal: `WebAssembly SIMD must be available: ${messageOf(error)}`,
        };
      }
      const { multiplyByNamed } = await import("./native/openblas.ts");
      const detail = multiplyByNamed(await installKernels());
      return detail === undefined ? {} : { detail };
    }
    case "cpu":
      await tf.setBackend("cpu");
      return {};
  }
}

/** The message of anything thrown. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
