/**
 * TensorFlow.js on WebGPU, with the adapter's real limits, uncaptured GPU errors reported, and the
 * project's shaders registered.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { isEmulated, registerKernels } from "./program.ts";
import { registerFusedGradients } from "../wasm/gradients.ts";
import { FUSED } from "../wasm/kernel_names.ts";
import { ATTENTION } from "./attention.ts";
import { ATTENTION_GRADIENT } from "./attention_gradient.ts";
import { DECODING, SAMPLING } from "./decoding.ts";
import { ELEMENTS, NORMALIZATION, PROJECTION } from "./layer_kernels.ts";
import { FLOAT16 } from "./fp16.ts";
import { VOCABULARY } from "./vocabulary.ts";

/** Properties of a GPU adapter. */
export interface AdapterReport {
  /** Vendor, architecture and device in words. */
  readonly name: string;
  /** Whether it is emulated by the processor. */
  readonly software: boolean;
  /** Whether shaders may compute with 16-bit floats. */
  readonly halfPrecision: boolean;
  /** Largest buffer, in bytes. */
  readonly maxBufferSize: number;
  /** Largest part of a buffer one shader sees, in bytes. */
  readonly maxStorageBufferBindingSize: number;
  /** All limits by name. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Limits requested from the adapter at their maximum. */
const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Commands per submission; submitting each is a third slower. */
const SUBMIT_BATCH = 1000;

/** Bytes of freed tensors pending a submission that trigger it early: 128 MiB. */
const WAITING_BYTES = 2 ** 27;

/**
 * Describes the GPU adapter.
 *
 * @returns What is known of it; `undefined` where there is none.
 */
export async function describeAdapter(): Promise<AdapterReport | undefined> {
  const adapter = await requestAdapter();
  return adapter ? reportOf(adapter) : undefined;
}

/** Makes WebGPU the active backend. */
export async function activateWebGpu(
  options: { software: boolean },
): Promise<string | undefined> {
  const adapter = await requestAdapter();
  if (!adapter) return "there must be a WebGPU adapter (a Vulkan driver)";
  const report = reportOf(adapter);
  if (report.software && !options.software) {
    return `the adapter must not be emulated in software: it is "${report.name}"`;
  }
  const { WebGPUBackend: Stock } = await import(
    "npm:@tensorflow/tfjs-backend-webgpu@4.22.0"
  );
  const device = await adapter.requestDevice({
    requiredFeatures: report.halfPrecision ? ["shader-f16"] : [],
    requiredLimits: Object.fromEntries(
      LIMITS.map((name) => [name, adapter.limits[name]]),
    ),
  });
  // A failed command otherwise yields zeros without an error.
  device.addEventListener("uncapturederror", (event) => {
    if (!(event instanceof GPUUncapturedErrorEvent)) return;
    event.preventDefault();
    reportError(new Error(`WebGPU: ${event.error.message}`));
  });
  tf.env().set("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE", SUBMIT_BATCH);
  tf.removeBackend("webgpu");
  tf.registerBackend(
    "webgpu",
    () => new (frugal(Stock))(device, adapter.info),
    3,
  );
  await tf.setBackend("webgpu");
  installShaders();
  return undefined;
}

/**
 * The backend, submitting early when much is freed.
 *
 * What commands not yet submitted read is kept until they are. Without this, a thousand commands'
 * intermediate numbers are held at once.
 */
function frugal(Backend: typeof WebGPUBackend): typeof WebGPUBackend {
  return class extends Backend {
    #waiting = 0;

    override disposeData(dataId: object, force = false): boolean {
      const resource = this.tensorMap.has(dataId)
        ? this.tensorMap.get(dataId).resource
        : undefined;
      const freed = super.disposeData(dataId, force);
      if (
        freed && resource instanceof GPUBuffer && this.tensorMap.has(dataId)
      ) {
        this.#waiting += resource.size;
        if (this.#waiting > WAITING_BYTES) {
          this.endComputePassEncoder();
          this.submitQueue();
        }
      }
      return freed;
    }

    override submitQueue(): void {
      super.submitQueue();
      this.#waiting = 0;
    }
  };
}

/** The adapter with the most power, or none. */
async function requestAdapter(): Promise<GPUAdapter | undefined> {
  if (!("gpu" in navigator)) return undefined;
  const adapter = await navigator.gpu.requestAdapter({
    powerPreference: "high-performance",
  });
  return adapter ?? undefined;
}

/** Describes an adapter. */
function reportOf(adapter: GPUAdapter): AdapterReport {
  const { vendor, architecture, device, description } = adapter.info;
  const name = [vendor, architecture, device, description]
    .filter((part) => part !== "").join(" ");
  return {
    name,
    software: isEmulated(adapter.info),
    halfPrecision: adapter.features.has("shader-f16"),
    maxBufferSize: adapter.limits.maxBufferSize,
    maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    limits: Object.fromEntries(
      LIMITS.map((limit) => [limit, adapter.limits[limit]]),
    ),
  };
}

/** Makes the `webgpu` backend run the fused path. Does nothing when that was done before. */
export function installShaders(): void {
  if (tf.getKernel(FUSED.linear, "webgpu")) return;
  registerKernels({
    ...PROJECTION,
    ...NORMALIZATION,
    ...ELEMENTS,
    ...ATTENTION,
    ...ATTENTION_GRADIENT,
    ...VOCABULARY,
    ...DECODING,
    ...FLOAT16,
    ...SAMPLING,
  });
  registerFusedGradients();
}
