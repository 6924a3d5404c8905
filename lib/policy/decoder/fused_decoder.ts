/**
 * Decoding by the fused kernel of `wasm`: equal prompts are read once, a beginning that all prompts share is read
 * once for a session, runs of given tokens are fed together, and logits are computed of the tokens asked for.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { throwIfStopped } from "../../pause.ts";
import { DECODE } from "../backends/wasm/kernel_names.ts";
import type { BatchKvCache } from "./kv_cache.ts";
import type {
  Caches,
  Decoder,
  DecoderOptions,
  DecoderOutput,
  PrefixCache,
} from "./decoding.ts";
import { padRows } from "./gpu_decoder.ts";
import { linear, lookUp, rmsNorm, rotaryAttention } from "./layers.ts";
import type { LoraAdapter } from "./lora.ts";
import { headSizes } from "./config.ts";
import { layer, outputTable, type Qwen2, weightFinder } from "./qwen2.ts";

/** Tokens from which on a shared beginning is kept. */
const LEAST_SHARED = 16;

/** Opens an empty cache of one beginning. */
export function createPrefixCache(): PrefixCache {
  let tokens: Int32Array = new Int32Array(0);
  let caches: Caches = {}, ids: readonly object[] = [];
  const forget = () => {
    tf.dispose(caches);
    caches = {};
    tokens = new Int32Array(0);
  };
  return {
    find(prompts, weights, read) {
      if (weights.some(({ dataId }, i) => dataId !== ids[i])) forget();
      const known = sharedLength([...prompts, tokens]);
      const common = sharedLength(prompts);
      const least = Math.min(...prompts.map(({ length }) => length)) - 1;
      if (Math.min(known, least) >= LEAST_SHARED) {
        return { caches, length: Math.min(known, least) };
      }
      const length = Math.min(common, least);
      if (prompts.length < 2 || length < LEAST_SHARED) {
        return { caches: {}, length: 0 };
      }
      forget();
      tokens = prompts[0]!.slice(0, length);
      ids = weights.map(({ dataId }) => dataId);
      caches = read(tokens);
      return { caches, length };
    },
    [Symbol.dispose]: forget,
  };
}

/** Length of the longest beginning of all sequences. */
function sharedLength(sequences: readonly Int32Array[]): number {
  const [first, ...others] = sequences;
  let length = 0;
  while (
    length < first!.length &&
    others.every((other) => other[length] === first![length])
  ) length++;
  return length;
}

/** Prompts without repetitions, and the place of each prompt among them. */
function distinct(
  prompts: readonly Int32Array[],
): { unique: Int32Array[]; places: number[] } {
  const found = new Map<string, number>();
  const unique: Int32Array[] = [];
  const places = prompts.map((prompt) =>
    found.getOrInsertComputed(prompt.join(), () => unique.push(prompt) - 1)
  );
  return { unique, places };
}

/** Decodes by the fused kernel. */
export async function startFused(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: DecoderOptions & { room: number },
): Promise<{ decoder: Decoder; output: DecoderOutput }> {
  const { adapter, kvCache } = options;
  const named = [...model.weights, ...(adapter?.weights ?? [])];
  const weights = named.map(([, weight]) => weight);
  const known = kvCache?.take(prompts, { ...options, weights });
  const reading = { model, adapter, named, signal: options.signal };
  const fed = prompts.map((prompt) => [...prompt]);
  if (known) {
    const { caches, room, places } = known;
    const rest = prompts.map((prompt, i) => prompt.subarray(places[i]!));
    const output = await answer(
      model,
      step({ ...reading, caches, room }, rest, { ...options, places }),
      options.words,
    );
    const decoder = decoderOf({ ...reading, caches, room }, fed, { kvCache });
    return { decoder, output };
  }
  const room = Math.min(options.room + 1, model.config.maxLength);
  const { unique, places } = distinct(prompts);
  const { caches, output } = await readPrompts(reading, unique, {
    ...options,
    room,
    weights,
  });
  const start = { ...reading, caches, room };
  if (!kvCache) {
    const decoder = decoderOf(start, fed, { places });
    return { decoder, output: rowsOf(output, places, unique.length) };
  }
  const whole = { ...start, caches: repeatRows(caches, places) };
  const decoder = decoderOf(whole, fed, { kvCache });
  return { decoder, output: rowsOf(output, places, unique.length) };
}

/** A model, and its weights as the kernel takes them. */
interface Reading {
  readonly model: Qwen2;
  readonly adapter: LoraAdapter | undefined;
  readonly named: readonly (readonly [string, tf.Tensor])[];
  readonly signal?: AbortSignal | undefined;
}

/** The same with keys and values, which are written to. */
interface Sequences extends Reading {
  readonly caches: Caches;
  readonly room: number;
}

/** Reads prompts into new caches. */
async function readPrompts(
  reading: Reading,
  prompts: readonly Int32Array[],
  options: DecoderOptions & { room: number; weights: readonly tf.Tensor[] },
): Promise<{ caches: Caches; output: DecoderOutput }> {
  const { model } = reading;
  const { room, prefixes, weights, words } = options;
  const readOne = (prefix: Int32Array) => {
    const room = prefix.length;
    const caches = createCaches(model, 1, room);
    tf.tidy(() => void prefill({ ...reading, caches, room }, [prefix]));
    return caches;
  };
  const shared = prefixes?.find(prompts, weights, readOne);
  if (!shared || shared.length === 0) {
    const caches = createCaches(model, prompts.length, room);
    const states = tf.tidy(() =>
      prefill({ ...reading, caches, room }, prompts)
    );
    return { caches, output: await answer(model, { states }, words) };
  }
  const { length } = shared;
  const caches: Caches = {};
  for (const [name, cache] of Object.entries(shared.caches)) {
    caches[name] = tf.tidy(() => {
      const [, heads, , size] = cache.shape as [number, number, number, number];
      const own = tf.slice(cache, [0, 0, 0, 0], [1, heads, length, size]);
      const wide = tf.pad(own, [[0, 0], [0, 0], [0, room - length], [0, 0]]);
      return tf.keep(tf.tile(wide, [prompts.length, 1, 1, 1]));
    });
  }
  const rest = prompts.map((prompt) => prompt.subarray(length));
  const places = new Int32Array(prompts.length).fill(length);
  const said = step({ ...reading, caches, room }, rest, { places, words });
  return { caches, output: await answer(model, said, words) };
}

/**
 * A decoder of sequences that have been read. Sequences whose tokens are equal so far have one cache, and are
 * computed once, until they part; those that have ended have none. Caches that are kept for a later turn stay apart.
 */
function decoderOf(
  start: Sequences,
  fed: number[][],
  options: {
    kvCache?: BatchKvCache | undefined;
    /** The cache of each sequence. @default {one each} */
    places?: readonly number[];
  },
): Decoder {
  const { kvCache } = options;
  const { model, named } = start;
  const { room } = start;
  let { caches } = start;
  let places = options.places ?? fed.map((_, row) => row);
  let count = 1 + Math.max(...places);
  /** Deals sequences to caches anew: one for each way of going on. */
  const part = (rows: readonly Int32Array[]): readonly Int32Array[] => {
    const ways = new Map<string, { from: number; row: number; at: number }>();
    const at = rows.map((tokens, row) => {
      if (tokens.length === 0) return 0; // has ended: its output means nothing
      const from = places[row]!, key = `${from}:${tokens.join()}`;
      const next = { from, row, at: ways.size };
      return ways.getOrInsertComputed(key, () => next).at;
    });
    const parted = [...ways.values()];
    if (parted.length !== count || parted.some(({ from }, i) => from !== i)) {
      caches = repeatRows(caches, parted.map(({ from }) => from));
      count = parted.length;
    }
    places = at;
    return parted.map(({ row }) => rows[row]!);
  };
  const feed = async (
    rows: readonly Int32Array[],
    words?: readonly number[],
  ): Promise<DecoderOutput> => {
    const before = kvCache ? undefined : part(rows);
    const given = before ??
      rows.map((row) => row.length > 0 ? row : Int32Array.of(0));
    const lengths = before
      ? before.map((tokens) => fed[rows.indexOf(tokens)]!.length)
      : fed.map((tokens, row) => {
        if (rows[row]!.length > 0) return tokens.length;
        // A sequence that has ended is fed a token that is not counted.
        tokens.length = Math.min(tokens.length, room - 1);
        return tokens.length;
      });
    const said = step({ ...start, caches }, given, {
      places: Int32Array.from(lengths),
      words,
    });
    const output = await answer(model, said, words);
    rows.forEach((tokens, row) => fed[row]!.push(...tokens));
    return before ? rowsOf(output, places, count) : output;
  };
  return {
    feed,
    next: (tokens) => feed(Array.from(tokens, (id) => Int32Array.of(id))),
    [Symbol.dispose]: () => {
      const weights = named.map(([, weight]) => weight);
      if (kvCache) kvCache.put({ caches, fed, weights });
      else tf.dispose(caches);
    },
  };
}

/** What the kernel computed: states after the last token of each row, and logits unless they were not wanted. */
interface Said {
  readonly states: tf.Tensor;
  readonly logits?: tf.Tensor;
}

/** Feeds the next tokens of each row. */
function step(
  { model, adapter, named, caches, room }: Sequences,
  rows: readonly Int32Array[],
  options: { places: Int32Array; words?: readonly number[] | undefined },
): Said {
  const { ids, fresh, counts } = padRows(rows);
  const { config, angles } = model;
  const silent = options.words !== undefined;
  const attributes = {
    layers: config.layers,
    ...headSizes(config),
    room,
    epsilon: config.rmsEpsilon,
    scale: adapter?.scale ?? 0,
    silent,
  };
  return tf.tidy(() => {
    const [logits, states] = tf.engine().runKernel(DECODE.step, {
      ...Object.fromEntries(named),
      ...caches,
      ...angles,
      tokens: tf.tensor1d(ids, "int32"),
      places: tf.tensor1d(options.places, "int32"),
      ...(fresh > 1 && { counts: tf.tensor1d([...counts], "int32") }),
    }, attributes) as [tf.Tensor, tf.Tensor];
    return silent ? { states } : { states, logits };
  });
}

/** Reads states, and logits of some words, of all where none are named; frees what was said. */
async function answer(
  model: Qwen2,
  said: Said,
  words: readonly number[] | undefined,
): Promise<DecoderOutput> {
  const logits = said.logits ??
    (words?.length === 0 ? undefined : tf.tidy(() => {
      const table = outputTable(model);
      const asked = words
        ? lookUp(table, tf.tensor1d([...words], "int32"))
        : table;
      return linear(said.states, asked);
    }));
  const output = {
    logits: logits
      ? Float32Array.from(await logits.data())
      : new Float32Array(0),
    states: Float32Array.from(await said.states.data()),
  };
  tf.dispose([said.states, ...(logits ? [logits] : [])]);
  return output;
}

/** Some rows of an output, in another order. */
function rowsOf(
  { logits, states }: DecoderOutput,
  from: readonly number[],
  had: number,
): DecoderOutput {
  const pick = (numbers: Float32Array) => {
    const width = numbers.length / had;
    const picked = new Float32Array(from.length * width);
    from.forEach((row, i) =>
      picked.set(numbers.subarray(row * width, (row + 1) * width), i * width)
    );
    return picked;
  };
  return { logits: pick(logits), states: pick(states) };
}

/** Some rows of caches, one layer after the other; frees what was given. */
function repeatRows(caches: Caches, rows: readonly number[]): Caches {
  const picked: Caches = {};
  for (const [name, cache] of Object.entries(caches)) {
    picked[name] = tf.tidy(() =>
      tf.keep(tf.gather(cache, tf.tensor1d([...rows], "int32")))
    );
    cache.dispose();
  }
  return picked;
}

/** Empty keys and values of every layer. */
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

/** Prefills the caches with prompts; returns the state of each last token. */
function prefill(
  { model, adapter, caches, room, signal }: Sequences,
  prompts: readonly Int32Array[],
): tf.Tensor2D {
  const { config, angles, weights } = model;
  const attributes = { ...headSizes(config), room };
  const batch = prompts.length;
  const length = Math.max(...prompts.map((prompt) => prompt.length));
  const ids = new Int32Array(batch * length);
  prompts.forEach((prompt, row) => ids.set(prompt, row * length));
  const find = weightFinder(model, adapter);
  const table = weights.get("model.embed_tokens.weight")!;
  let x: tf.Tensor = lookUp(table, tf.tensor1d(ids, "int32"));
  for (let i = 0; i < config.layers; i++) {
    throwIfStopped(signal);
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
