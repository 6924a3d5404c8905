/**
 * Generation on a GPU, where device-to-host readback is expensive: several tokens for each readback.
 *
 * Free replies are sampled on the device several tokens ahead of the readback. Constrained replies read
 * back at each choice; the forced tokens after it are fed together.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { DECODE } from "../backends/wasm/kernel_names.ts";
import { roomFor } from "../decoder/decoder.ts";
import {
  type GpuDecoder,
  openGpuDecoder,
  padRows,
} from "../decoder/gpu_decoder.ts";
import type { NextTokens } from "./grammar.ts";
import { linear } from "../decoder/layers.ts";
import { outputTable, type Qwen2 } from "../decoder/qwen2.ts";
import {
  type FilledGenerationOptions,
  finishReply,
  type GeneratedReply,
  type PartialReply,
  startReply,
  writeToken,
} from "./partial_reply.ts";

/**
 * Writes replies without a form.
 *
 * @param prompts Token ids, none empty.
 * @returns Replies in the order of the prompts.
 * @throws {RangeError} If a prompt is empty, or too long to be replied to.
 */
export async function generateFreely(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: FilledGenerationOptions,
): Promise<GeneratedReply[]> {
  const { maxTokens, tokensPerReadback, temperature, randoms } = options;
  if (!(Number.isSafeInteger(tokensPerReadback) && tokensPerReadback >= 1)) {
    throw new RangeError(
      `Cannot write replies as "tokensPerReadback" must be a positive integer: current value is ${tokensPerReadback}`,
    );
  }
  const replies = prompts.map(startReply);
  const table = outputTable(model);
  using decoder = open(model, prompts, options);
  const ones = prompts.map(() => 1);
  let drawn: tf.Tensor2D | undefined;
  for (let k = 0; k < maxTokens && replies.some(({ done }) => !done);) {
    options.signal?.throwIfAborted();
    const steps = Math.min(tokensPerReadback, maxTokens - k);
    const seen: tf.Tensor2D[] = [], written: tf.Tensor2D[] = [];
    for (let step = 0; step < steps; step++) {
      const states = drawn
        ? feedDrawn(decoder, drawn, ones)
        : feedRows(decoder, prompts, prompts.map(({ length }) => [length - 1]));
      const uniforms = replies.map(({ done }, row) =>
        done ? 0 : randoms[row]!.uniform()
      );
      const draw = { uniforms, temperature, rules: NO_RULES };
      if (step === 0) drawn?.dispose();
      drawn = sampleTokens(states, table, draw);
      seen.push(states);
      written.push(drawn);
    }
    const last = tf.clone(drawn!);
    const numbers = await readTogether([...written, ...seen]);
    drawn = last;
    takeFree(replies, numbers, { ...options, steps });
    k += steps;
  }
  drawn?.dispose();
  return replies.map(finishReply);
}

/** Appends sampled tokens to replies, up to their ends. */
function takeFree(
  replies: readonly PartialReply[],
  numbers: readonly Float32Array[],
  options: FilledGenerationOptions & { steps: number },
): void {
  const { steps } = options;
  const width = numbers[steps]!.length / replies.length;
  for (const [row, reply] of replies.entries()) {
    for (let step = 0; step < steps && !reply.done; step++) {
      const drawn = numbers[step]!, states = numbers[steps + step]!;
      reply.states.push(states.slice(row * width, (row + 1) * width));
      writeToken(reply, {
        token: drawn[row]!,
        logProb: drawn[replies.length + row]!,
        forced: false,
      }, { ...options, grammar: undefined });
    }
  }
}

/**
 * Writes replies that have a form.
 *
 * @param prompts Token ids, none empty.
 * @returns Replies in the order of the prompts.
 * @throws {RangeError} If a prompt is empty, or too long to be replied to.
 */
export async function generateForms(
  model: Qwen2,
  prompts: readonly Int32Array[],
  options: FilledGenerationOptions,
): Promise<GeneratedReply[]> {
  const { temperature, randoms, grammars = [] } = options;
  const replies = prompts.map(startReply);
  const table = outputTable(model);
  using decoder = open(model, prompts, options);
  let fed = prompts.map((prompt) => [...prompt]); // what precedes the next token of each
  while (true) {
    options.signal?.throwIfAborted();
    const stretches = replies.map((reply, row) =>
      writeForced(reply, { ...options, row })
    );
    const choosing = replies.map(({ done }) => !done);
    const rows = fed.map((tokens, row) => [...tokens, ...stretches[row]!]);
    const last = options.lastState ? 1 : 0;
    const wanted = replies.map(({ tokens, states: { length } }, row) => {
      const needed = tokens.length + (choosing[row] ? 1 : last);
      const states = Math.max(0, needed - length);
      const start = fed[row]!.length - 1;
      return Array.from({ length: states }, (_, i) => start + i);
    });
    if (wanted.every((places) => places.length === 0)) break;
    const states = feedRows(decoder, rows, wanted);
    const ends = tf.tidy(() => tf.gather(states, lastOf(wanted)));
    const uniforms = choosing.map((does, row) =>
      does ? randoms[row]!.uniform() : 0
    );
    const rules = rulesOf(
      choosing.map((does, row) => does ? grammars[row]!.next() : undefined),
      table.shape[0]!,
    );
    const drawn = sampleTokens(ends, table, { uniforms, temperature, rules });
    ends.dispose();
    const [choices, seen] = await readTogether([drawn, states]);
    keepStates(replies, wanted, seen!);
    fed = replies.map((reply, row) => {
      if (!choosing[row]) return [];
      const token = choices![row]!, logProb = choices![replies.length + row]!;
      const next = { token, logProb, forced: false };
      writeToken(reply, next, { ...options, grammar: grammars[row] });
      reply.done ||= reply.tokens.length === options.maxTokens;
      return [token];
    });
    const whole = ({ done, states, tokens }: PartialReply) =>
      done && states.length >= tokens.length + last;
    if (replies.every(whole)) break;
  }
  return replies.map(finishReply);
}

/** Appends forced tokens up to the next choice and returns them. */
function writeForced(
  reply: PartialReply,
  options: FilledGenerationOptions & { row: number },
): number[] {
  const grammar = options.grammars?.[options.row];
  const tokens: number[] = [];
  while (!reply.done) {
    if (reply.tokens.length === options.maxTokens) {
      reply.done = true;
      break;
    }
    const next = grammar?.next();
    const only = next && "only" in next ? next.only : [];
    if (only.length !== 1) break;
    const forced = { token: only[0]!, logProb: 0, forced: true };
    writeToken(reply, forced, { ...options, grammar });
    tokens.push(only[0]!);
  }
  return tokens;
}

/** Stores the states before the newest tokens of each reply. */
function keepStates(
  replies: readonly PartialReply[],
  wanted: readonly (readonly number[])[],
  seen: Float32Array,
): void {
  const count = wanted.reduce(
    (sum, { length }) => sum + Math.max(1, length),
    0,
  );
  const width = seen.length / count;
  let at = 0;
  for (const [row, reply] of replies.entries()) {
    const own = wanted[row]!.length;
    for (let i = 0; i < own; i++) {
      reply.states.push(seen.slice((at + i) * width, (at + i + 1) * width));
    }
    at += Math.max(1, own);
  }
}

/** Opens a decoder with room for prompts and replies. */
function open(
  model: Qwen2,
  prompts: readonly Int32Array[],
  { maxTokens, adapter }: FilledGenerationOptions,
): GpuDecoder {
  const room = roomFor(model, prompts, maxTokens);
  return openGpuDecoder(model, { batch: prompts.length, room, adapter });
}

/** Feeds rows of any lengths; states after the wanted tokens of each, at least one a row. */
function feedRows(
  decoder: GpuDecoder,
  tokens: readonly ArrayLike<number>[],
  wanted: readonly (readonly number[])[],
): tf.Tensor2D {
  const padded = padRows(tokens);
  const rows = wanted.flatMap((places, b) =>
    (places.length > 0 ? places : [0]).map((place) => b * padded.fresh + place)
  );
  return decoder.feed({ ...padded, rows });
}

/** Feeds the sampled tokens. */
function feedDrawn(
  decoder: GpuDecoder,
  drawn: tf.Tensor2D,
  counts: readonly number[],
): tf.Tensor2D {
  return tf.tidy(() => {
    const batch = counts.length;
    const row = tf.reshape(tf.slice(drawn, [0, 0], [1, batch]), [batch]);
    const ids = tf.cast(row, "int32") as tf.Tensor1D;
    return decoder.feed({ ids, fresh: 1, counts });
  });
}

/** Row of the last requested state of each sequence. */
function lastOf(wanted: readonly (readonly number[])[]): tf.Tensor1D {
  let at = 0;
  const rows = wanted.map(({ length }) => (at += Math.max(1, length)) - 1);
  return tf.tensor1d(rows, "int32");
}

/** Reads back tensors in one transfer and frees them. */
async function readTogether(
  tensors: readonly tf.Tensor[],
): Promise<Float32Array[]> {
  const joined = tf.tidy(() =>
    tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])))
  );
  const numbers = await joined.data<"float32">();
  let at = 0;
  const parts = tensors.map(({ size }) => numbers.slice(at, at += size));
  tf.dispose([joined, ...tensors]);
  return parts;
}

/** Allowed tokens of each row as arrays. */
interface SamplingRules {
  /** For each row, the number of listed tokens (0 for any), and its mask (−1 for none). */
  readonly rows: readonly (readonly [listed: number, mask: number])[];
  /** Listed tokens of each row, padded. */
  readonly lists: readonly (readonly number[])[];
  /** A bit for each token, set where it is forbidden. */
  readonly masks: readonly Int32Array[];
}

/** No constraints. */
const NO_RULES: SamplingRules = { rows: [], lists: [], masks: [] };

/**
 * Converts allowed tokens into arrays; exclusion lists are compared by identity.
 *
 * @param next What may come next in each row; absent means anything.
 */
function rulesOf(
  next: readonly (NextTokens | undefined)[],
  vocabulary: number,
): SamplingRules {
  const masks = new Map<readonly number[], number>();
  const rows = next.map((some): [number, number] => {
    if (!some) return [0, -1];
    if ("only" in some) return [some.only.length, -1];
    return [0, masks.getOrInsertComputed(some.except, () => masks.size)];
  });
  const lists = next.map((some) => some && "only" in some ? some.only : []);
  return {
    rows,
    lists,
    masks: [...masks.keys()].map((tokens) => {
      const bits = new Int32Array(Math.ceil(vocabulary / 32));
      for (const token of tokens) bits[token >> 5]! |= 1 << (token & 31);
      return bits;
    }),
  };
}

/**
 * Draws a token of each row.
 *
 * @param states Normalized states. Shape `(rows, width)`.
 * @param table Turns states into logits. Shape `(vocabulary, width)`.
 * @param options A number from `[0, 1)` for each row, the temperature, and what may be sampled.
 * @returns Tokens, as numbers, and their log-probabilities; shape `(2, rows)`; the caller disposes it.
 */
function sampleTokens(
  states: tf.Tensor2D,
  table: tf.Tensor,
  options: {
    uniforms: readonly number[];
    temperature: number;
    rules: SamplingRules;
  },
): tf.Tensor2D {
  const { uniforms, temperature, rules } = options;
  const count = uniforms.length;
  const rows = rules.rows.length > 0
    ? rules.rows.flat()
    : uniforms.flatMap(() => [0, -1]);
  const listed = Math.max(1, ...rules.lists.map(({ length }) => length));
  const lists = new Int32Array(count * listed);
  rules.lists.forEach((list, row) => lists.set(list, row * listed));
  const masks = rules.masks.length > 0 ? rules.masks : [Int32Array.of(0)];
  const wide = masks[0]!.length;
  const bits = new Int32Array(masks.length * wide);
  masks.forEach((mask, i) => bits.set(mask, i * wide));
  return tf.tidy(() =>
    tf.engine().runKernel(DECODE.draw, {
      logits: linear(states, table),
      uniforms: tf.tensor1d([...uniforms]),
      rules: tf.tensor1d(rows, "int32"),
      lists: tf.tensor2d(lists, [count, listed], "int32"),
      masks: tf.tensor2d(bits, [masks.length, wide], "int32"),
    }, { temperature }) as tf.Tensor2D
  );
}
