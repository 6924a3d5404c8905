/**
 * Decoding with a KV cache by plain operations, for backends without fused kernels.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { LoraAdapter } from "./lora.ts";
import { rmsNorm } from "./layers.ts";
import { headSizes, layer, type Qwen2, weightFinder } from "./qwen2.ts";

/** Keys and values of everything fed so far; sequences end together, so short ones start late. */
export interface ReferenceCache {
  /** Keys, rotated, and values of each layer. Shapes `(batch, kvHeads, length, size)`. */
  readonly layers: readonly { keys: tf.Tensor; values: tf.Tensor }[];
  /** Positions before the first token of each sequence. Shape `(batch,)`. */
  readonly starts: Int32Array;
  /** Positions taken. */
  readonly length: number;
}

/**
 * Feeds tokens.
 *
 * @param model The decoder.
 * @param rows Tokens of each sequence; after the first call one each.
 * @param options The adapter, and the cache of earlier tokens; the caller disposes both caches.
 * @returns State of each last token, shape `(batch, width)`, and the grown cache.
 */
export function decodeByReference(
  model: Qwen2,
  rows: readonly Int32Array[],
  options: {
    adapter: LoraAdapter | undefined;
    cache: ReferenceCache | undefined;
  },
): { states: tf.Tensor2D; cache: ReferenceCache } {
  const { adapter, cache } = options;
  const { config, weights } = model;
  const batch = rows.length;
  const fresh = Math.max(...rows.map((row) => row.length));
  const past = cache?.length ?? 0, length = past + fresh;
  const starts = cache?.starts ??
    Int32Array.from(rows, (row) => fresh - row.length);
  const ids = new Int32Array(batch * fresh);
  rows.forEach((row, b) => ids.set(row, b * fresh + fresh - row.length));
  const layers: { keys: tf.Tensor; values: tf.Tensor }[] = [];
  const states = tf.tidy(() => {
    const sizes = { starts, past, fresh };
    const places = placesOf(model, sizes), mask = maskOf(model, sizes);
    const find = weightFinder(model, adapter);
    const table = weights.get("model.embed_tokens.weight")!;
    let x: tf.Tensor = tf.gather(table, tf.tensor1d(ids, "int32"));
    for (let i = 0; i < config.layers; i++) {
      const prefix = `model.layers.${i}.`, before = cache?.layers[i];
      const attendTo = (qkv: tf.Tensor) => {
        const options = { batch, fresh, places, mask, before };
        const { out, keys, values } = attend(model, qkv, options);
        layers.push({ keys: tf.keep(keys), values: tf.keep(values) });
        return out;
      };
      const parts = { weights: find, prefix, model, adapter };
      x = layer(x, { ...parts, attend: attendTo });
    }
    const rows = Array.from({ length: batch }, (_, b) => (b + 1) * fresh - 1);
    const last = tf.gather(x, tf.tensor1d(rows, "int32")); // (batch, width)
    const gain = weights.get("model.norm.weight")!;
    return rmsNorm(last, gain, config.rmsEpsilon) as tf.Tensor2D;
  });
  return { states, cache: { layers, starts, length } };
}

/** Cosines and sines of the new tokens' positions. Shapes `(batch, 1, fresh, size / 2)`. */
function placesOf(
  model: Qwen2,
  sizes: { starts: Int32Array; past: number; fresh: number },
): { cos: tf.Tensor; sin: tf.Tensor } {
  const { starts, past, fresh } = sizes;
  const places = new Int32Array(starts.length * fresh);
  starts.forEach((start, b) => {
    for (let t = 0; t < fresh; t++) {
      places[b * fresh + t] = Math.max(0, past + t - start);
    }
  });
  const rows = tf.tensor1d(places, "int32");
  const half = headSizes(model.config).size / 2;
  const pick = (table: tf.Tensor2D) =>
    tf.reshape(tf.gather(table, rows), [starts.length, 1, fresh, half]);
  return { cos: pick(model.angles.cos), sin: pick(model.angles.sin) };
}

/** 0 where a query may look, a large negative number elsewhere. Shape `(batch, 1, share · fresh, length)`. */
function maskOf(
  model: Qwen2,
  sizes: { starts: Int32Array; past: number; fresh: number },
): tf.Tensor {
  const { starts, past, fresh } = sizes;
  const { heads, kvHeads } = model.config;
  const queries = heads / kvHeads * fresh, length = past + fresh;
  const mask = new Float32Array(starts.length * queries * length).fill(-1e9);
  starts.forEach((start, b) => {
    for (let q = 0; q < queries; q++) {
      const row = (b * queries + q) * length, own = past + q % fresh;
      // A padding query looks at itself, so that its softmax stays finite.
      mask.fill(0, row + Math.min(start, own), row + own + 1);
    }
  });
  return tf.tensor(mask, [starts.length, 1, queries, length]);
}

/** Attention of new tokens over everything so far. */
function attend(
  model: Qwen2,
  qkv: tf.Tensor,
  options: {
    batch: number;
    fresh: number;
    places: { cos: tf.Tensor; sin: tf.Tensor };
    mask: tf.Tensor;
    before: { keys: tf.Tensor; values: tf.Tensor } | undefined;
  },
): { out: tf.Tensor; keys: tf.Tensor; values: tf.Tensor } {
  const { batch, fresh, places, mask, before } = options;
  const { heads, kvHeads, size } = headSizes(model.config);
  const [q, k, v] = tf.split(
    qkv,
    [heads, kvHeads, kvHeads].map((n) => n * size),
    1,
  );
  const apart = (x: tf.Tensor, n: number) =>
    tf.transpose(tf.reshape(x, [batch, fresh, n, size]), [0, 2, 1, 3]);
  const turn = (x: tf.Tensor) => {
    const [u, w] = tf.split(x, 2, 3);
    return tf.concat([
      tf.sub(tf.mul(u!, places.cos), tf.mul(w!, places.sin)),
      tf.add(tf.mul(w!, places.cos), tf.mul(u!, places.sin)),
    ], 3);
  };
  const newKeys = turn(apart(k!, kvHeads)), newValues = apart(v!, kvHeads);
  const keys = before ? tf.concat([before.keys, newKeys], 2) : newKeys;
  const values = before ? tf.concat([before.values, newValues], 2) : newValues;
  const queries = tf.reshape(
    turn(apart(q!, heads)),
    [batch, kvHeads, heads / kvHeads * fresh, size],
  );
  const scores = tf.mul(
    tf.matMul(queries, keys, false, true),
    1 / Math.sqrt(size),
  ); // (batch, kvHeads, share · fresh, length)
  const mixed = tf.matMul(tf.softmax(tf.add(scores, mask)), values);
  const split = tf.reshape(mixed, [batch, heads, fresh, size]);
  const out = tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [
    batch * fresh,
    heads * size,
  ]);
  return { out, keys, values };
}
