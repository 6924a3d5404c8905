/**
 * Chooses how native TensorFlow is reached: by its C interface, or by the addon of a package.
 *
 * Opt in, three steps:
 *
 * ```sh
 * deno task tensorflow                           # or bring your own libtensorflow 2
 * export HIPER_TENSORFLOW=$PWD/.tensorflow       # its file, or a folder that holds it
 * deno run -P=native scripts/train.ts backend=tfjs-node
 * ```
 *
 * It is for large models: an operation costs about ten microseconds on the way, and writing takes
 * plain operations, so that small models write several times faster on `wasm`
 * (`deno task bench-native` measures both). What it has and WebAssembly has not is more than 4 GiB
 * of memory, every thread, and graphics processors.
 *
 * TensorFlow itself reads `TF_NUM_INTRAOP_THREADS` (threads of an operation),
 * `TF_ENABLE_ONEDNN_OPTS=0` (slower, last digits nearer to others') and
 * `TF_CPP_MIN_LOG_LEVEL=2` (less on the console). The names `tfjs-node` and `tfjs-node-gpu` differ
 * in whether graphics processors may be used; the latter is refused when TensorFlow sees none.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { namedLibrary } from "./named_library.ts";
import {
  activateTensorflow,
  type NativeAnswer,
  restoreLegacy,
} from "./tensorflow_backend.ts";
import { TENSORFLOW_VARIABLE } from "./tensorflow_library.ts";

/** Where a package keeps its addon. */
const ADDON = "lib/napi-v8/tfjs_binding.node";

/**
 * Makes native TensorFlow the active backend: the library that the environment names, otherwise
 * an addon that was installed.
 *
 * @param name Whether on the processor or on a graphics processor.
 * @returns What is in use, or why it cannot be, with instructions.
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

/** What a user can do to have native TensorFlow. */
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
