/**
 * Native TensorFlow, by its C interface or by the addon of a package; opt in:
 *
 * ```sh
 * deno task tensorflow                           # or any libtensorflow 2
 * export HIPER_TENSORFLOW=$PWD/.tensorflow       # its file, or a folder that holds it
 * deno run -P=native scripts/train.ts backend=tfjs-node
 * ```
 *
 * For large models: it has all threads, GPUs and more than 4 GiB of memory. Each operation has an
 * overhead of about 10 µs and decoding has no fused kernels, so small models decode several times
 * faster on `wasm` (`deno task bench-native` measures both).
 *
 * TensorFlow reads `TF_NUM_INTRAOP_THREADS` (threads of an operation),
 * `TF_ENABLE_ONEDNN_OPTS=0` (slower, last digits closer to other backends) and
 * `TF_CPP_MIN_LOG_LEVEL=2` (less logging). The names `tfjs-node` and `tfjs-node-gpu` differ
 * in whether GPUs may be used; the latter is refused when TensorFlow sees none.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { TensorflowBinding } from "./tensorflow_binding.ts";
import {
  openTensorflow,
  TENSORFLOW_VARIABLE,
  TensorflowContext,
} from "./tensorflow_library.ts";
import { namedLibrary } from "./named_library.ts";

/** Result of activating native TensorFlow: details, or the reason of failure. */
export type NativeAnswer =
  | { readonly detail: string }
  | { readonly refusal: string };

/**
 * Makes the library at a path the active backend, under the name `tensorflow`.
 *
 * @param options `gpu` asks for a graphics processor; otherwise none is used.
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

/** The project's binding under the registered backend, if any. */
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

/** Restores two functions of `node:util` that `@tensorflow/tfjs-node` 4 calls; Node 23 and Deno lack them. */
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

/** Where a package keeps its addon. */
const ADDON = "lib/napi-v8/tfjs_binding.node";

/**
 * Makes native TensorFlow the active backend: the library that the environment names, otherwise
 * an addon that was installed.
 */
export async function activateNative(
  name: "tfjs-node" | "tfjs-node-gpu",
): Promise<NativeAnswer> {
  const gpu = name === "tfjs-node-gpu";
  const path = namedLibrary(TENSORFLOW_VARIABLE);
  if (path !== undefined) {
    try {
      return await activateTensorflow(path, { gpu });
    } catch (error) {
      return { refusal: `TensorFlow must open (${messageOf(error)})` };
    }
  }
  const specifier = `@tensorflow/${name}`;
  if (!await hasAddon(specifier)) return { refusal: instructions(gpu) };
  await restoreLegacy();
  try {
    await import(specifier);
    await tf.setBackend("tensorflow");
    return { detail: `the addon of ${specifier}` };
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    return { refusal: `the addon of ${specifier} must load: ${reason}` };
  }
}

/** Whether a package and its addon are there. */
async function hasAddon(specifier: string): Promise<boolean> {
  const { createRequire } = await import("node:module");
  try {
    const { resolve } = createRequire(import.meta.url);
    const manifest = resolve(`${specifier}/package.json`);
    return Deno.statSync(manifest.replace("package.json", ADDON)).isFile;
  } catch {
    return false; // no package, no addon, or no permission to look
  }
}

/** Instructions for installing native TensorFlow. */
function instructions(gpu: boolean): string {
  const kind = gpu ? " built for CUDA" : "";
  const fetch = gpu ? "deno task tensorflow --gpu" : "deno task tensorflow";
  return `"${TENSORFLOW_VARIABLE}" must name the file or the folder of a libtensorflow${kind}, ` +
    `version 2 or later ("${fetch}" fetches one and prints the line to export), in a program ` +
    `that may call native code (deno run -P=native, or --allow-ffi --allow-env --allow-read)`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
