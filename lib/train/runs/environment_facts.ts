/**
 * Facts about software and machine that a run keeps, so that its numbers can be understood later.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Backend } from "../../policy/backends/select.ts";

/** What a run was computed with; plain JSON. */
export interface EnvironmentFacts {
  /** Version of Deno. */
  readonly deno: string;
  /** Version of its JavaScript engine. */
  readonly v8: string;
  /** Version of TensorFlow.js. */
  readonly tensorflow: string;
  /** Backend in use. */
  readonly backend: string;
  /** Why it is this one, where that is known. */
  readonly backendReason?: string;
  /** Operating system and processor family, `linux x86_64`. */
  readonly machine: string;
  /** Processor cores. */
  readonly cores: number;
}

/**
 * Describes software and machine; call it when the backend was selected.
 *
 * @param backend What `selectBackend` returned, for the reason of its choice.
 * @returns Facts that need no permission to be known.
 */
export function describeEnvironment(backend?: Backend): EnvironmentFacts {
  return {
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    tensorflow: tf.version_core,
    backend: tf.getBackend(),
    ...(backend && { backendReason: backend.reason }),
    machine: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
  };
}
