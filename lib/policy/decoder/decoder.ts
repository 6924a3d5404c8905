/**
 * A Qwen2 decoder with KV caches: prompts once, then one token after the other.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { BatchKvCache } from "./kv_cache.ts";
import { DECODE } from "../backends/wasm/kernel_names.ts";
import { decodesOnGpu, openGpuDecoder, padRows } from "./gpu_decoder.ts";
import type { LoraAdapter } from "./lora.ts";
import { linear, rmsNorm, rotaryAttention } from "./layers.ts";
import { decodeByReference, type ReferenceCache } from "./reference_decoder.ts";
import {
  headSizes,
  layer,
  outputTable,
  type Qwen2,
  weightFinder,
} from "./qwen2.ts";

/** Logits and state for the next token of each sequence. */
export interface DecoderOutput {
  /** Logits of the next token. Shape `(batch · vocabulary,)`. */
  readonly logits: Float32Array;
  /** Normalized state they were read from. Shape `(batch · width,)`. */
  readonly states: Float32Array;
}

/** Sequences being decoded; dispose it when done. */
export interface Decoder extends Disposable {
  /** Feeds one more token to each sequence. */
  next(tokens: Int32Array): Promise<DecoderOutput>;
}

/** Options for {@linkcode startDecoder}. */
export interface DecoderOptions {
  /** Most tokens that will be fed after the prompts. */
  maxTokens: number;
  /** Low-rank changes to the weights. */
  adapter?: LoraAdapter | undefined;
  /** Caches of the turns before, and for the next; on backends with fused kernels. */
  kvCache?: BatchKvCache | undefined;
}

/**
 * Runs prompts through the decoder and keeps their keys and values.
 *
 * @param model The decoder.
 * @param prompts Token ids of each sequence; lengths may differ, none may be empty.
 * @param options Room to reserve, and the adapter.
 * @returns The open decoder, and its output for the first token after each prompt.
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
 * Finds how many tokens the longest prompt and its reply may have.
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

/** Decodes on a GPU, reading back the logits of every token. */
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

/** Reads back states and logits in one transfer, whose latency dominates its size. */
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

/** Takes rows of logits and states apart. */
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

/** Decodes by the fused kernel. */
async function startFused(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: DecoderOptions & { room: number },
): Promise<{ decoder: Decoder; output: DecoderOutput }> {
  const { adapter, kvCache } = options;
  const { config, angles } = model;
  const named = [...model.weights, ...(adapter?.weights ?? [])];
  const weights = named.map(([, weight]) => weight);
  const known = kvCache?.take(prompts, { ...options, weights });
  const room = known?.room ?? options.room;
  const caches = known?.caches ?? createCaches(model, prompts.length, room);
  const attributes = {
    layers: config.layers,
    ...headSizes(config),
    room,
    epsilon: config.rmsEpsilon,
    scale: adapter?.scale ?? 0,
  };
  const fed = prompts.map((prompt) => [...prompt]);
  const feed = (given: Record<string, Int32Array>) =>
    readBoth(() => {
      const numbers = Object.entries(given)
        .map(([name, row]) => [name, tf.tensor1d(row, "int32")] as const);
      return tf.engine().runKernel(DECODE.step, {
        ...Object.fromEntries(named),
        ...caches,
        ...angles,
        ...Object.fromEntries(numbers),
      }, attributes) as [tf.Tensor, tf.Tensor];
    });
  const output = known
    ? await feed(restOf(prompts, known.places))
    : await readBoth(() => {
      const states = prefill(model, prompts, { adapter, caches, attributes });
      return [tf.matMul(states, outputTable(model), false, true), states];
    });
  return {
    output,
    decoder: {
      next: async (tokens) => {
        const places = Int32Array.from(fed, ({ length }) => length);
        const step = await feed({ tokens, places });
        fed.forEach((row, i) => row.push(tokens[i]!));
        return step;
      },
      [Symbol.dispose]: () => {
        if (kvCache) kvCache.put({ caches, fed, weights });
        else tf.dispose(caches);
      },
    },
  };
}

/** Tokens of each prompt that are not in the caches yet, padded at the end, and where they go. */
function restOf(prompts: readonly Int32Array[], places: Int32Array) {
  const counts = Int32Array.from(
    prompts,
    ({ length }, i) => length - places[i]!,
  );
  const count = Math.max(...counts);
  const tokens = new Int32Array(prompts.length * count);
  prompts.forEach((prompt, i) =>
    tokens.set(prompt.subarray(places[i]!), i * count)
  );
  return { tokens, places, counts };
}

/** Keys and values of every layer, nothing in them yet. */
function createCaches(
  model: Qwen2,
  batch: number,
  room: number,
): Record<string, tf.Tensor> {
  const { kvHeads, size } = headSizes(model.config);
  const caches: Record<string, tf.Tensor> = {};
  for (let i = 0; i < model.config.layers; i++) {
    for (const name of ["keys", "values"]) {
      caches[`${name}.${i}`] = tf.keep(tf.zeros([batch, kvHeads, room, size]));
    }
  }
  return caches;
}

/** Computes logits and states, reads them and frees them. */
async function readBoth(
  make: () => [tf.Tensor, tf.Tensor],
): Promise<DecoderOutput> {
  const [logits, states] = tf.tidy(make);
  const output = {
    logits: Float32Array.from(await logits.data()),
    states: Float32Array.from(await states.data()),
  };
  tf.dispose([logits, states]);
  return output;
}

/** Runs prompts through the layers, keys and values into the caches; the state of each last token. */
function prefill(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: {
    adapter: LoraAdapter | undefined;
    caches: Readonly<Record<string, tf.Tensor>>;
    attributes: Record<string, number>;
  },
): tf.Tensor2D {
  const { adapter, caches, attributes } = options;
  const { config, angles, weights } = model;
  const batch = prompts.length;
  const length = Math.max(...prompts.map((prompt) => prompt.length));
  const ids = new Int32Array(batch * length);
  prompts.forEach((prompt, row) => ids.set(prompt, row * length));
  const find = weightFinder(model, adapter);
  const table = weights.get("model.embed_tokens.weight")!;
  let x: tf.Tensor = tf.gather(table, tf.tensor1d(ids, "int32"));
  for (let i = 0; i < config.layers; i++) {
    const before = x;
    x = layer(before, {
      weights: find,
      prefix: `model.layers.${i}.`,
      model,
      adapter,
      attend: (qkv) => {
        const keys = caches[`keys.${i}`]!, values = caches[`values.${i}`]!;
        tf.engine().runKernel(
          DECODE.fillCache,
          { qkv, keys, values, ...angles },
          attributes,
        );
        const sizes = { batch, length, ...headSizes(config) };
        return rotaryAttention(qkv, angles, sizes);
      },
    });
    before.dispose();
  }
  const last = prompts.map((prompt, row) => row * length + prompt.length - 1);
  const states = tf.gather(x, tf.tensor1d(last, "int32"));
  const gain = weights.get("model.norm.weight")!;
  return rmsNorm(states, gain, config.rmsEpsilon) as tf.Tensor2D;
}
