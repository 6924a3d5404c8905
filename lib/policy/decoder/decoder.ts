/**
 * Decoding with KV caches: prompts first, then one token of each sequence at a time; on a GPU, by
 * the fused kernel of `wasm`, or by plain operations.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Decoder, DecoderOptions, DecoderOutput } from "./decoding.ts";
import { DECODE } from "../backends/wasm/kernel_names.ts";
import { startFused } from "./fused_decoder.ts";
import { decodesOnGpu, openGpuDecoder, padRows } from "./gpu_decoder.ts";
import type { LoraAdapter } from "./lora.ts";
import { headSizes } from "./config.ts";
import { linear, rmsNorm } from "./layers.ts";
import { layer, outputTable, type Qwen2, weightFinder } from "./qwen2.ts";

/**
 * Prefills the KV caches with prompts. Returns the open decoder and its output for the first token.
 *
 * @param prompts Token ids of each sequence; lengths may differ, none may be empty.
 * @throws {RangeError} If a prompt is empty, or prompt and reply are longer than the model allows.
 */
export async function startDecoder(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: DecoderOptions,
): Promise<{ decoder: Decoder; output: DecoderOutput }> {
  const room = roomFor(model, prompts, options.maxTokens);
  if (tf.getKernel(DECODE.step, tf.getBackend())) {
    return await startFused(model, prompts, { ...options, room });
  }
  return decodesOnGpu()
    ? await startOnDevice(model, prompts, { ...options, room })
    : await startPlain(model, prompts, options);
}

/**
 * Positions that the longest prompt and its reply need.
 *
 * @throws {RangeError} If a prompt is empty, or prompt and reply are longer than the model allows.
 */
export function roomFor(
  model: Qwen2,
  prompts: readonly Int32Array[],
  maxTokens: number,
): number {
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  if (prompts.some((prompt) => prompt.length === 0)) {
    throw new RangeError(
      "Cannot decode as every prompt must have a token: one has none",
    );
  }
  const room = longest + maxTokens;
  if (room > model.config.maxLength) {
    throw new RangeError(
      `Cannot decode as prompt and reply must have at most ${model.config.maxLength} tokens: ` +
        `current value is ${longest} and ${maxTokens}`,
    );
  }
  return room;
}

/** Decodes on a GPU with a readback of logits for every token. */
async function startOnDevice(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: DecoderOptions & { room: number },
): Promise<{ decoder: Decoder; output: DecoderOutput }> {
  const decoder = openGpuDecoder(model, {
    ...options,
    batch: prompts.length,
  });
  const feed = async (tokens: readonly Int32Array[]) => {
    const padded = padRows(tokens);
    const rows = padded.counts.map((count, b) => b * padded.fresh + count - 1);
    return await readJoined(model, decoder.feed({ ...padded, rows }));
  };
  return {
    output: await feed(prompts),
    decoder: {
      next: (tokens) => feed(Array.from(tokens, (id) => Int32Array.of(id))),
      [Symbol.dispose]: () => decoder[Symbol.dispose](),
    },
  };
}

/** Decodes by plain operations. */
async function startPlain(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: DecoderOptions,
): Promise<{ decoder: Decoder; output: DecoderOutput }> {
  const { adapter } = options;
  let cache: ReferenceCache | undefined;
  const feed = async (rows: readonly Int32Array[]): Promise<DecoderOutput> => {
    const { states, cache: grown } = decodeByReference(model, rows, {
      adapter,
      cache,
    });
    forget(cache);
    cache = grown;
    return await readJoined(model, states);
  };
  const output = await feed(prompts);
  return {
    output,
    decoder: {
      next: (tokens) => feed(Array.from(tokens, (id) => Int32Array.of(id))),
      [Symbol.dispose]: () => forget(cache),
    },
  };
}

/** Reads back states and logits in one transfer, as latency dominates. */
async function readJoined(
  model: Qwen2,
  states: tf.Tensor2D,
): Promise<DecoderOutput> {
  const joined = tf.tidy(() =>
    tf.concat([linear(states, outputTable(model)), states], 1)
  );
  states.dispose();
  const numbers = Float32Array.from(await joined.data());
  joined.dispose();
  const { vocabSize, hiddenSize } = model.config;
  return unjoin(numbers, vocabSize, hiddenSize);
}

/** Frees a cache. */
function forget(cache: ReferenceCache | undefined): void {
  for (const { keys, values } of cache?.layers ?? []) {
    tf.dispose([keys, values]);
  }
}

/** Splits rows into logits and states. */
function unjoin(
  numbers: Float32Array,
  words: number,
  width: number,
): DecoderOutput {
  const rows = numbers.length / (words + width);
  const logits = new Float32Array(rows * words);
  const states = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const start = row * (words + width);
    logits.set(numbers.subarray(start, start + words), row * words);
    states.set(
      numbers.subarray(start + words, start + words + width),
      row * width,
    );
  }
  return { logits, states };
}

/** Keys and values of all tokens so far, aligned at the end: shorter sequences start later. */
export interface ReferenceCache {
  /** Keys, rotated, and values of each layer. Shapes `(batch, kvHeads, length, size)`. */
  readonly layers: readonly { keys: tf.Tensor; values: tf.Tensor }[];
  /** Positions before the first token of each sequence. Shape `(batch,)`. */
  readonly starts: Int32Array;
  /** Positions in use. */
  readonly length: number;
}

/** Feeds tokens. Returns state of each last token, shape `(batch, width)`, and the grown cache. */
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

/** Additive mask: 0 where a query attends, -1e9 elsewhere. Shape `(batch, 1, share · fresh, length)`. */
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
      // A padding query attends to itself, so that its softmax stays finite.
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
