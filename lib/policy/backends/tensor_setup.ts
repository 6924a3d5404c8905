/**
 * What the core of TensorFlow.js must be given before it computes and differentiates.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/**
 * Registers the gradients of TensorFlow.js's own operations, which its core alone has not.
 * Does nothing when they are there.
 */
export async function registerGradients(): Promise<void> {
  if (tf.getGradient("Multiply") === undefined) {
    await import("npm:@tensorflow/tfjs@4.22.0");
  }
}

/**
 * Refuses to go on without a backend.
 *
 * @throws {TypeError} If no backend is active.
 */
export function requireBackend(doing: string): void {
  if (!tf.getBackend()) { // asking for the backend itself would begin to make one
    throw new TypeError(
      `Cannot ${doing} as a backend must be active: call "await selectBackend()" before`,
    );
  }
}
