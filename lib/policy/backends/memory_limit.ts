/**
 * How much memory the active backend has for tensors.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { describeAdapter } from "./webgpu/backend.ts";

/** Memory that tensors may take. */
export interface MemoryLimit {
  /** What holds them, such as "WebAssembly". */
  readonly place: string;
  /** Bytes in all; absent where it cannot be asked. */
  readonly bytes?: number;
  /** Bytes of one tensor at most; absent where only the sum counts. */
  readonly tensorBytes?: number;
}

/** Bytes that WebAssembly addresses. */
const WASM_BYTES = 2 ** 32;

/** The limit of the active backend; `undefined` where there is none to ask. */
export async function memoryLimit(): Promise<MemoryLimit | undefined> {
  const backend = tf.getBackend();
  if (backend === "wasm") return { place: "WebAssembly", bytes: WASM_BYTES };
  if (backend === "webgpu") {
    const adapter = await describeAdapter();
    return adapter && {
      place: `the graphics processor "${adapter.name}"`,
      tensorBytes: adapter.maxStorageBufferBindingSize,
    };
  }
  const asked = { name: "sys", kind: "systemMemoryInfo" } as const;
  const { state } = Deno.permissions.querySync(asked);
  if (state !== "granted") return undefined;
  return {
    place: "this machine's memory",
    bytes: Deno.systemMemoryInfo().available,
  };
}
