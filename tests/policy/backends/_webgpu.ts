/**
 * Tests that need WebGPU: those that any adapter can run, and those for a graphics card.
 *
 * @module
 */

import { describeAdapter } from "../../../lib/policy/backends/webgpu/backend.ts";

/** The adapter, if there is one; a Vulkan driver in software will do. */
export const ADAPTER = await describeAdapter();

/**
 * Whether every shape and shader is tested. An emulated adapter compiles large shaders for minutes,
 * so it gets one representative of each kernel unless `HIPER_GPU` is set.
 */
export const EVERYTHING = ADAPTER !== undefined &&
  (!ADAPTER.software || Deno.env.get("HIPER_GPU") !== undefined);

/** Registers a test that any adapter runs. */
export function onWebGpu(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `${name} [needs a WebGPU adapter]`,
    ignore: ADAPTER === undefined,
    fn,
  });
}

/** Registers a test for a graphics card: too slow on an emulated adapter. */
export function onCard(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `${name} [needs a graphics card: deno task test-gpu]`,
    ignore: !EVERYTHING,
    fn,
  });
}
