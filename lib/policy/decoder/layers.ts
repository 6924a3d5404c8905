/**
 * The operations of a language model, each differentiable on every backend: by a fused kernel
 * where the backend has one, by plain TensorFlow.js operations elsewhere.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "../backends/wasm/kernel_names.ts";
import { add, checkpointChunks } from "./checkpointing.ts";

/** Shape of the attention of one batch. */
export interface AttentionSizes {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  /** Key and value heads; query heads share them evenly. */
  readonly kvHeads: number;
  readonly size: number;
}

/** Cosines and sines of the rotary angles. Shapes `(length, size / 2)`. */
export interface RotaryAngles {
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
}

/** Logits held at a time by the plain path. */
const LOGITS_AT_ONCE = 2 ** 24;

/** Whether the active backend has a fused kernel. */
function isFused(kernel: string): boolean {
  return tf.getKernel(kernel, tf.getBackend()) !== undefined;
}

/** Whether a tensor is a weight that is not trained. */
function isFrozen(tensor: tf.Tensor): boolean {
  return tensor instanceof tf.Variable && !tensor.trainable;
}

/** Runs a fused kernel. */
function fused<T extends tf.Tensor | tf.Tensor[]>(
  kernel: string,
  inputs: tf.NamedTensorMap,
  attributes: object = {},
): T {
  return tf.engine().runKernel(
    kernel,
    inputs,
    attributes as tf.NamedAttrMap,
  ) as T;
}

/**
 * Projects rows: `y = x · wᵀ + bias`.
 *
 * @param x Shape `(..., inputs)`.
 * @param w Shape `(outputs, inputs)`, as checkpoints store it, or packed as float16.
 * @param bias Shape `(outputs,)`.
 * @returns Shape `(..., outputs)`; the caller disposes it.
 */
export function linear(
  x: tf.Tensor,
  w: tf.Tensor,
  bias?: tf.Tensor,
): tf.Tensor {
  if (isFused(FUSED.linear)) {
    const kernel = w.dtype === "int32" ? FUSED.linearHalf : FUSED.linear;
    return fused(kernel, bias ? { x, w, bias } : { x, w });
  }
  return tf.tidy(() => {
    const [outputs, inputs] = w.shape as [number, number];
    const rows = tf.reshape(x, [-1, inputs]);
    const product = tf.matMul(rows, w, false, true); // (rows, outputs)
    const y = bias ? tf.add(product, bias) : product;
    return tf.reshape(y, [...x.shape.slice(0, -1), outputs]);
  });
}

/**
 * Adds a low-rank change: `base + scale · low · upᵀ`.
 *
 * @param base Shape `(rows, outputs)`.
 * @param change `low`: shape `(rows, rank)`; `up`: shape `(outputs, rank)`; and their factor.
 * @returns Shape `(rows, outputs)`; the caller disposes it.
 */
export function addLowRank(
  base: tf.Tensor,
  change: { low: tf.Tensor; up: tf.Tensor; scale: number },
): tf.Tensor {
  const { low, up, scale } = change;
  return isFused(FUSED.addLowRank)
    ? fused(FUSED.addLowRank, { base, low, up }, { scale })
    : tf.tidy(() => add(base, linear(tf.mul(low, scale), up)));
}

/**
 * Gathers rows of a table.
 *
 * @param table Shape `(entries, width)`, or packed as float16.
 * @param ids Which rows; 32-bit integers. Shape `(rows,)`.
 * @returns Shape `(rows, width)`; the caller disposes it.
 */
export function lookUp(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  return table.dtype === "int32"
    ? fused(FUSED.lookUpHalf, { table, ids })
    : tf.gather(table, ids);
}

/**
 * Normalizes rows by their root mean square: `y = x / sqrt(mean(x²) + epsilon) · gain`.
 *
 * @param x Shape `(rows, width)`.
 * @param gain Shape `(width,)`.
 * @returns Shape `(rows, width)`; the caller disposes it.
 */
export function rmsNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  epsilon: number,
): tf.Tensor {
  if (isFused(FUSED.rmsNorm)) {
    return fused(FUSED.rmsNorm, { x, gain }, { epsilon });
  }
  return tf.tidy(() => {
    const square = tf.mean(tf.square(x), -1, true); // (rows, 1)
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(square, epsilon))), gain);
  });
}

/** Gated activation: `y = gate · sigmoid(gate) · up`. Returns the same shape; the caller disposes it. */
export function swiGlu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  if (isFused(FUSED.swiGlu)) return fused(FUSED.swiGlu, { gate, up });
  return tf.tidy(() => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));
}

/**
 * Attends causally, queries and keys rotated by their positions.
 *
 * Sequences start at position 0; padding at their end changes nothing before it.
 *
 * @param qkv Queries, keys and values side by side. Shape `(batch · length, (heads + 2 · kvHeads) · size)`.
 * @returns Shape `(batch · length, heads · size)`; the caller disposes it.
 */
export function rotaryAttention(
  qkv: tf.Tensor,
  angles: RotaryAngles,
  sizes: AttentionSizes,
): tf.Tensor {
  if (isFused(FUSED.attention)) {
    const { cos, sin } = angles;
    return fused(FUSED.attention, { qkv, cos, sin }, sizes);
  }
  return tf.tidy(() => {
    const { batch, length, heads, kvHeads, size } = sizes;
    const parts = [heads, kvHeads, kvHeads].map((n) => n * size);
    const [q, k, v] = tf.split(qkv, parts, 1);
    const split = (x: tf.Tensor, n: number) =>
      tf.transpose(tf.reshape(x, [batch, length, n, size]), [0, 2, 1, 3]);
    const share = heads / kvHeads;
    const queries = tf.reshape(
      rotate(split(q!, heads), angles, length),
      [batch, kvHeads, share * length, size],
    ); // heads of one group below each other, so that keys need no copies
    const keys = rotate(split(k!, kvHeads), angles, length); // (batch, kvHeads, length, size)
    const scores = tf.mul(
      tf.matMul(queries, keys, false, true),
      1 / Math.sqrt(size),
    ); // (batch, kvHeads, share · length, length)
    const weights = tf.softmax(tf.add(scores, causalMask(length, share)));
    const mixed = tf.matMul(weights, split(v!, kvHeads));
    const apart = tf.reshape(mixed, [batch, heads, length, size]);
    return tf.reshape(tf.transpose(apart, [0, 2, 1, 3]), [
      batch * length,
      heads * size,
    ]);
  });
}

/** Rotates pairs half a head apart. `x` has shape `(batch, heads, length, size)`. */
function rotate(
  x: tf.Tensor,
  angles: RotaryAngles,
  length: number,
): tf.Tensor {
  const half = x.shape[3]! / 2;
  const [u, v] = tf.split(x, 2, 3);
  const cos = tf.slice(angles.cos, [0, 0], [length, half]);
  const sin = tf.slice(angles.sin, [0, 0], [length, half]);
  return tf.concat([
    tf.sub(tf.mul(u!, cos), tf.mul(v!, sin)),
    tf.add(tf.mul(v!, cos), tf.mul(u!, sin)),
  ], 3);
}

/** 0 up to the diagonal and a large negative number above it, `share` times below each other. */
function causalMask(length: number, share: number): tf.Tensor2D {
  const mask = new Float32Array(share * length * length);
  for (let i = 0; i < share * length; i++) {
    mask.fill(-1e9, i * length + (i % length) + 1, (i + 1) * length);
  }
  return tf.tensor2d(mask, [share * length, length]);
}

/**
 * Scores tokens by a softmax over a vocabulary.
 *
 * `log p = x[token] − log Σ exp x` and `H = −Σ p log p`, with `x = scale · hidden · embeddingᵀ`.
 * Logits are computed in chunks and recomputed for the gradient, so that memory does
 * not grow with the vocabulary.
 *
 * @param hidden Shape `(rows, width)`.
 * @param embedding Shape `(vocabulary, width)`, or packed as float16.
 * @param options `targets`: the tokens, shape `(rows,)`; `scale`: inverse temperature, 1 unless
 * given; `logitsAtOnce`: logits held at a time by the plain path.
 * @returns Log-probability and entropy of each row in nats, shapes `(rows,)`; the caller disposes them.
 */
export function tokenLogProbs(
  hidden: tf.Tensor,
  embedding: tf.Tensor,
  options: { targets: tf.Tensor1D; scale?: number; logitsAtOnce?: number },
): { logProbs: tf.Tensor1D; entropies: tf.Tensor1D } {
  const { targets, scale = 1, logitsAtOnce = LOGITS_AT_ONCE } = options;
  if (isFused(FUSED.tokenLogProbs)) {
    const [logProbs, entropies, normalizers] = fused<tf.Tensor1D[]>(
      FUSED.tokenLogProbs,
      { hidden, embedding, targets },
      { scale },
    );
    normalizers!.dispose();
    return { logProbs: logProbs!, entropies: entropies! };
  }
  const rows = hidden.shape[0]!;
  const most = Math.max(1, Math.floor(logitsAtOnce / embedding.shape[0]!));
  const parts = Array.from({ length: Math.ceil(rows / most) }, (_, k) => {
    const start = k * most, count = Math.min(most, rows - start);
    return ([h, o, e = embedding]: readonly tf.Tensor[]) => {
      const [here, own] = [h!, o!].map((x) =>
        tf.slice(x, [start, 0], [count, -1])
      );
      return plainLogProbs(here!, own!, e, scale);
    };
  });
  return tf.tidy(() => {
    // Targets may be disposed before the gradient runs; their embeddings are kept.
    const own = tf.gather(embedding, tf.cast(targets, "int32")); // (rows, width)
    const inputs = [hidden, own, ...isFrozen(embedding) ? [] : [embedding]];
    const scores = parts.length === 1
      ? parts[0]!(inputs)
      : checkpointChunks(parts, inputs, 1); // (2, rows)
    const [logProbs, entropies] = tf.unstack(scores);
    return {
      logProbs: logProbs as tf.Tensor1D,
      entropies: entropies as tf.Tensor1D,
    };
  });
}

/** Log-probabilities and entropies of some rows, whose targets are embedded as `own`. Shape `(2, rows)`. */
function plainLogProbs(
  hidden: tf.Tensor,
  own: tf.Tensor,
  embedding: tf.Tensor,
  scale: number,
): tf.Tensor {
  const logits = tf.mul(tf.matMul(hidden, embedding, false, true), scale);
  const normalizers = tf.logSumExp(logits, 1); // (rows,)
  const chosen = tf.mul(tf.sum(tf.mul(hidden, own), 1), scale);
  const mean = tf.sum(tf.mul(tf.softmax(logits), logits), 1);
  return tf.stack([tf.sub(chosen, normalizers), tf.sub(normalizers, mean)]);
}
