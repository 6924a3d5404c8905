/**
 * From logits to log-probabilities and entropies, each with a gradient of its own.
 *
 * Both gradients are written by hand: they need no gather (whose gradient the wasm backend
 * lacks) and keep one tensor of the logits' size instead of several.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Tensor } from "../../policy/backends/tensors.ts";

/**
 * Scores labels under logits: `z[label] − logsumexp(z)`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 *
 * await tf.setBackend("cpu");
 * const logProbs = labelLogProbs(tf.tensor2d([[0, 0]]), tf.tensor1d([1], "int32"));
 * strictEqual(logProbs.dataSync()[0], Math.fround(Math.log(0.5)));
 * ```
 *
 * @param logits Shape `(…, choices)`.
 * @param labels Integers in `[0, choices)`. Shape `(…)`.
 * @returns Log-probabilities, differentiable in the logits. Shape `(…)`. Caller disposes.
 * @throws {TypeError} If the shapes do not fit.
 */
export function labelLogProbs(
  logits: Tensor,
  labels: Tensor,
): Tensor {
  const [rows, choices] = rowsOf(logits);
  if (labels.size !== rows) {
    throw new TypeError(
      `Cannot score labels as there must be one for each of ${rows} rows of logits: current value is ${labels.size}`,
    );
  }
  const score = tf.customGrad((...inputs: (Tensor | tf.GradSaveFunc)[]) => {
    const z = inputs[0] as Tensor;
    const save = inputs[1] as tf.GradSaveFunc;
    const logProbs = tf.logSoftmax(tf.reshape(z, [rows, choices]));
    const offsets = tf.mul(tf.range(0, rows, 1, "int32"), choices);
    const places = tf.add(
      offsets,
      tf.cast(tf.reshape(labels, [rows]), "int32"),
    );
    const chosen = tf.gather(
      tf.reshape(logProbs, [rows * choices]),
      tf.cast(places, "int32"),
    );
    save([logProbs]);
    return {
      value: tf.reshape(chosen, labels.shape),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const flat = tf.cast(tf.reshape(labels, [rows]), "int32");
        const hit = tf.cast(tf.oneHot(flat, choices), "float32");
        const slope = tf.sub(hit, tf.exp(saved[0]!)); // (rows, choices)
        return tf.reshape(
          tf.mul(slope, tf.reshape(dy, [rows, 1])),
          logits.shape,
        );
      },
    };
  });
  return tf.tidy(() => score(logits));
}

/**
 * Measures the entropy of the distribution that logits stand for: `logsumexp(z) − Σ p·z`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 *
 * await tf.setBackend("cpu");
 * const entropies = logitEntropies(tf.tensor2d([[5, 5]]));
 * strictEqual(entropies.dataSync()[0], Math.fround(Math.log(2)));
 * ```
 *
 * @param logits Shape `(…, choices)`.
 * @returns Entropies in nats, differentiable in the logits. Shape `(…)`. Caller disposes.
 */
export function logitEntropies(logits: Tensor): Tensor {
  const [rows, choices] = rowsOf(logits);
  const measure = tf.customGrad(
    (...inputs: (Tensor | tf.GradSaveFunc)[]) => {
      const z = inputs[0] as Tensor;
      const save = inputs[1] as tf.GradSaveFunc;
      // A choice ruled out by a logit of minus infinity adds 0, not 0 · infinity.
      const logProbs = tf.maximum(
        tf.logSoftmax(tf.reshape(z, [rows, choices])),
        -1e30,
      );
      const entropies = tf.neg(tf.sum(tf.mul(tf.exp(logProbs), logProbs), 1));
      save([logProbs, entropies]);
      return {
        value: tf.reshape(entropies, logits.shape.slice(0, -1)),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [logs, entropy] = saved as [Tensor, Tensor];
          const surprise = tf.add(logs, tf.reshape(entropy, [rows, 1]));
          const slope = tf.neg(tf.mul(tf.exp(logs), surprise)); // (rows, choices)
          return tf.reshape(
            tf.mul(slope, tf.reshape(dy, [rows, 1])),
            logits.shape,
          );
        },
      };
    },
  );
  return tf.tidy(() => measure(logits));
}

/** Rows and choices of logits of any rank. */
function rowsOf(logits: Tensor): [number, number] {
  const choices = logits.shape.at(-1) ?? 1;
  return [logits.size / Math.max(1, choices), choices];
}
