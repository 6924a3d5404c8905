/**
 * Prerequisites of TensorFlow.js: gradients of its operations and an active backend.
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
 * Throws without an active backend.
 *
 * @throws {TypeError} If no backend is active.
 */
export function requireBackend(doing: string): void {
  if (!tf.getBackend()) { // tf.backend() would create one
    throw new TypeError(
      `Cannot ${doing} as a backend must be active: call "await selectBackend()" before`,
    );
  }
}
