/**
 * Native TensorFlow as a backend of TensorFlow.js, without an addon.
 *
 * The kernels are those of `@tensorflow/tfjs-node`; the binding under them is the project's own,
 * so that any libtensorflow serves and nothing is compiled or installed.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { TensorflowBinding } from "./tensorflow_binding.ts";
import { TensorflowContext } from "./tensorflow_context.ts";
import { openTensorflow } from "./tensorflow_library.ts";

/** How native TensorFlow answers. */
export type NativeAnswer =
  /** What is in use. */
  | { readonly detail: string }
  /** Why it is not. */
  | { readonly refusal: string };

/**
 * Makes native TensorFlow the active backend, under the name `tensorflow`.
 *
 * @param path Its library, or a folder that holds it.
 * @param options `gpu` asks for a graphics processor; otherwise none is used.
 * @returns Version and devices, or why TensorFlow cannot do what was asked.
 * @throws {TypeError} If the library cannot be opened, is another library, or is too old.
 */
export async function activateTensorflow(
  path: string,
  options: { gpu: boolean },
): Promise<NativeAnswer> {
  const binding = currentBinding();
  if (binding?.isUsingGpuDevice() === options.gpu) {
    await tf.setBackend("tensorflow");
    return { detail: describe(binding) };
  }
  const library = openTensorflow(path);
  const opened = new TensorflowBinding(new TensorflowContext(library, options));
  if (options.gpu && !opened.isUsingGpuDevice()) {
    const kinds = opened.context.devices().map(({ name }) => name).join(", ");
    return {
      refusal:
        `TensorFlow ${library.version} ("${library.path}") must see a graphics processor: ` +
        `it sees ${kinds}; a library built for CUDA, and its driver, are needed`,
    };
  }
  await useBinding(opened);
  return { detail: describe(opened) };
}

/** The binding under the registered backend, if it is the project's. */
function currentBinding(): TensorflowBinding | undefined {
  const backend = tf.findBackend("tensorflow");
  if (!backend || !("binding" in backend)) return undefined;
  const { binding } = backend;
  return binding instanceof TensorflowBinding ? binding : undefined;
}

/** Registers a backend on a binding, and the kernels. */
async function useBinding(binding: TensorflowBinding): Promise<void> {
  await restoreLegacy();
  const { NodeJSKernelBackend } = await import(
    "npm:@tensorflow/tfjs-node@4.22.0/dist/nodejs_kernel_backend.js"
  );
  await import("npm:@tensorflow/tfjs-node@4.22.0/dist/register_all_kernels.js");
  if (tf.findBackend("tensorflow")) tf.removeBackend("tensorflow");
  tf.registerBackend(
    "tensorflow",
    () => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node"),
    4,
  );
  await tf.setBackend("tensorflow");
}

/** Puts back two functions that version 4 of `@tensorflow/tfjs-node` calls and Node 23 and Deno lack. */
export async function restoreLegacy(): Promise<void> {
  const { default: util } = await import("node:util");
  const legacy: {
    isNullOrUndefined?: (x: unknown) => boolean;
    isArray?: (x: unknown) => boolean;
  } = util;
  legacy.isNullOrUndefined ??= (x) => x === null || x === undefined;
  legacy.isArray ??= Array.isArray;
}

/** Version, file and devices in words. */
function describe({ context }: TensorflowBinding): string {
  const { version, path } = context.library;
  const kinds = context.devices().map(({ kind }) => kind).join(", ");
  return `TensorFlow ${version} through its C interface, on ${kinds}, from "${path}"`;
}
