/**
 * Counts the work of a GPU: shaders dispatched, and readbacks that wait for it.
 *
 * @module
 */

/** Dispatches and readbacks while a function ran. */
export interface GpuCounts {
  /** Shaders enqueued. */
  readonly dispatches: number;
  /** Times numbers were read back. */
  readonly readings: number;
}

/**
 * Counts the dispatches and readbacks of a function.
 *
 * @param run What is counted.
 * @returns What it returned, and the counts; zeros where there is no WebGPU.
 */
export async function countGpuWork<T>(
  run: () => Promise<T>,
): Promise<GpuCounts & { value: T }> {
  if (!("GPUComputePassEncoder" in globalThis)) {
    return { value: await run(), dispatches: 0, readings: 0 };
  }
  const encoder = GPUComputePassEncoder.prototype;
  const buffer = GPUBuffer.prototype;
  const { dispatchWorkgroups } = encoder, { mapAsync } = buffer;
  let dispatches = 0, readings = 0;
  encoder.dispatchWorkgroups = function (...counts) {
    dispatches++;
    return dispatchWorkgroups.apply(this, counts);
  };
  buffer.mapAsync = function (...parameters) {
    readings++;
    return mapAsync.apply(this, parameters);
  };
  try {
    return { value: await run(), dispatches, readings };
  } finally {
    encoder.dispatchWorkgroups = dispatchWorkgroups;
    buffer.mapAsync = mapAsync;
  }
}
