/**
 * Decoding on a GPU without readback: KV cache and states stay on the device.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { DECODE } from "../backends/wasm/kernel_names.ts";
import { headSizes } from "./config.ts";
import type { LoraAdapter } from "./lora.ts";
import { lookUp, rmsNorm, rotaryAttention } from "./layers.ts";
import { layer, type Qwen2, weightFinder } from "./qwen2.ts";

/** New tokens of each sequence. */
export interface FreshTokens {
  /** Ids, sequence after sequence, padded at their ends. Shape `(batch · fresh,)`. */
  readonly ids: tf.Tensor1D | Int32Array;
  readonly fresh: number;
  /** Tokens of each sequence without padding. Shape `(batch,)`. */
  readonly counts: readonly number[];
  /** Rows of `ids` whose states are returned; absent means all. */
  readonly rows?: readonly number[];
}

/** Sequences being decoded; dispose it when done. */
export interface GpuDecoder extends Disposable {
  /** Feeds tokens; the caller disposes the normalized states. Shape `(rows, width)`. */
  feed(tokens: FreshTokens): tf.Tensor2D;
}

/** Whether the active backend decodes without readback. */
export function decodesOnGpu(): boolean {
  return tf.getKernel(DECODE.attend, tf.getBackend()) !== undefined;
}

/** Opens empty caches with `room` tokens for each of `batch` sequences. */
export function openGpuDecoder(
  model: Qwen2,
  options: { batch: number; room: number; adapter?: LoraAdapter | undefined },
): GpuDecoder {
  const { batch, room, adapter } = options;
  const { config, weights } = model;
  const heads = headSizes(config);
  const caches = Array.from(
    { length: config.layers },
    () => tf.keep(tf.fill([batch, 2, heads.kvHeads, room, heads.size], 0)), // on the device, unlike zeros()
  );
  const taken = new Int32Array(batch);
  const find = weightFinder(model, adapter);
  return {
    feed: ({ ids, fresh, counts, rows }) => {
      const states = tf.tidy(() => {
        const begun = taken.some((place) => place > 0);
        const places = begun ? tf.tensor1d(taken.slice(), "int32") : undefined;
        const table = weights.get("model.embed_tokens.weight")!;
        const tokens = ids instanceof tf.Tensor
          ? ids
          : tf.tensor1d(ids, "int32");
        let x: tf.Tensor = lookUp(table, tokens); // (batch · fresh, width)
        for (const [i, cache] of caches.entries()) {
          const before = x;
          x = layer(before, {
            weights: find,
            prefix: `model.layers.${i}.`,
            model,
            adapter,
            attend: (qkv) =>
              attendKept(model, qkv, { cache, batch, room, fresh, places }),
          });
          before.dispose();
        }
        const wanted = rows ? tf.gather(x, tf.tensor1d([...rows], "int32")) : x;
        const gain = weights.get("model.norm.weight")!;
        return rmsNorm(wanted, gain, config.rmsEpsilon) as tf.Tensor2D;
      });
      counts.forEach((count, b) => taken[b]! += count);
      return states;
    },
    [Symbol.dispose]: () => tf.dispose(caches),
  };
}

/** Appends new keys and values to the cache and attends to all of it; without `places` the cache is empty. */
function attendKept(
  { config, angles }: Qwen2,
  qkv: tf.Tensor,
  options: {
    cache: tf.Tensor;
    batch: number;
    room: number;
    fresh: number;
    places: tf.Tensor1D | undefined;
  },
): tf.Tensor {
  const { cache, batch, room, fresh, places } = options;
  const heads = headSizes(config);
  const at = places ?? tf.zeros([batch], "int32");
  const inputs = { qkv, cache, ...angles, places: at };
  const attributes = { ...heads, fresh, room };
  tf.engine().runKernel(DECODE.append, inputs, attributes);
  return places
    ? tf.engine().runKernel(DECODE.attend, inputs, attributes) as tf.Tensor
    : rotaryAttention(qkv, angles, { batch, length: fresh, ...heads });
}

/** Pads rows of any lengths for {@linkcode GpuDecoder.feed}. */
export function padRows(
  tokens: readonly ArrayLike<number>[],
): Required<Pick<FreshTokens, "fresh" | "counts">> & { ids: Int32Array } {
  const counts = tokens.map(({ length }) => length);
  const fresh = Math.max(1, ...counts);
  const ids = new Int32Array(tokens.length * fresh);
  tokens.forEach((row, b) => ids.set(row, b * fresh));
  return { ids, fresh, counts };
}
