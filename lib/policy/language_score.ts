/**
 * Scoring replies that were already written: log-probabilities and entropies of their tokens,
 * and the three values, differentiable in every trained weight.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { ScoredBatch } from "./differentiable.ts";
import {
  type LanguageNetwork,
  type NetworkTensors,
  trainedWeights,
  type TrunkTensors,
  withWeights,
} from "./language_network.ts";
import { linear, recomputed, tokenLogProbs } from "./operations.ts";
import { outputTable, qwen2States } from "./qwen2.ts";

/** A prompt and the reply that was written to it. */
export interface WrittenReply {
  /** Token ids of the prompt. */
  readonly prompt: Int32Array;
  /** Token ids of the reply; may be empty. */
  readonly reply: Int32Array;
  /** For each token what could have been written: one token, some, or (`undefined`) any. */
  readonly allowed?: readonly (readonly number[] | undefined)[] | undefined;
  /** Token of the reply before which the execution value is read. */
  readonly executionSlot: number;
}

/** Options of {@linkcode scoreReplies}. */
export interface ScoreOptions {
  /** Temperature of the replies. */
  readonly temperature: number;
  /** Tokens, padding included, whose intermediate numbers are held at a time. @default {8192} */
  readonly tokensAtOnce?: number;
  /** Whether layers are computed again for their gradients. @default {false} */
  readonly recompute?: boolean;
}

/** Where the numbers of one chunk are found. */
interface Chunk {
  readonly replies: readonly WrittenReply[];
  /** Which of all replies these are. */
  readonly indices: readonly number[];
  readonly length: number;
}

/**
 * Scores replies.
 *
 * Replies are padded and run in chunks of similar length. When there is more than one chunk,
 * each is run again for its gradient, so that memory does not grow with their number.
 *
 * @param network All weights.
 * @param replies What was written; none may have an empty prompt.
 * @param options Temperature and memory.
 * @returns Scores in the order of the replies; the caller disposes them.
 */
export function scoreReplies(
  network: LanguageNetwork,
  replies: readonly WrittenReply[],
  options: ScoreOptions,
): ScoredBatch {
  const { tokensAtOnce = 8192 } = options;
  const chunks = chunkByLength(replies, tokensAtOnce);
  const weights = Object.entries(trainedWeights(network));
  const [logProbs, entropies, switching, planning, execution] = tf.tidy(() => {
    const columns = chunks.map((chunk) => {
      const compute = (tensors: readonly tf.Tensor[]) =>
        scoreChunk(
          withWeights(
            network,
            Object.fromEntries(
              weights.map(([name], i) => [name, tensors[i]!]),
            ),
          ),
          chunk,
          options,
        );
      const inputs = weights.map(([, weight]) => weight);
      return chunks.length === 1
        ? compute(inputs)
        : recomputed(compute, inputs);
    });
    return inOrder(columns, chunks, replies);
  });
  const values = { switching, planning, execution };
  return { logProbs, entropies, values };
}

/** Splits replies into chunks of similar length. */
function chunkByLength(
  replies: readonly WrittenReply[],
  tokensAtOnce: number,
): Chunk[] {
  const lengths = replies.map(({ prompt, reply }) =>
    prompt.length + Math.max(0, reply.length - 1)
  );
  return groupByLength(lengths, tokensAtOnce).map((indices) => ({
    indices,
    replies: indices.map((i) => replies[i]!),
    length: lengths[indices.at(-1)!]!,
  }));
}

/**
 * Groups sequences so that little is padded and each group, padded, has few enough tokens.
 *
 * @param lengths Length of each sequence.
 * @param tokensAtOnce Most tokens of a group of more than one.
 * @returns Indices of each group, the longest sequence last.
 */
export function groupByLength(
  lengths: readonly number[],
  tokensAtOnce: number,
): number[][] {
  const order = lengths.map((_, i) => i)
    .sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const groups: number[][] = [];
  for (const i of order) {
    const group = groups.at(-1);
    if (group && (group.length + 1) * lengths[i]! <= tokensAtOnce) {
      group.push(i);
    } else groups.push([i]);
  }
  return groups;
}

/** All numbers of one chunk in one column: log-probs and entropies of units, then three values of each reply. */
function scoreChunk(
  network: NetworkTensors,
  chunk: Chunk,
  options: ScoreOptions,
): tf.Tensor1D {
  const { replies, length } = chunk;
  const { recompute = false } = options;
  const ids = new Int32Array(replies.length * length);
  replies.forEach(({ prompt, reply }, b) => {
    ids.set(prompt, b * length);
    ids.set(reply.subarray(0, -1), b * length + prompt.length);
  }); // the last token of a reply is only predicted
  const tokens = { ids, batch: replies.length, length };
  const read = ({ model, adapter }: TrunkTensors) =>
    qwen2States(model, tokens, { adapter, recompute }); // (batch · length, width)
  const states = read(network.actor);
  const { logProbs, entropies } = scoreUnits(network, states, chunk, options);
  const watched = network.critic ? read(network.critic) : states;
  const values = valuesAt(
    network,
    watched,
    replies.map(({ prompt, executionSlot }, b) => {
      const before = b * length + prompt.length - 1;
      return { before, execution: before + executionSlot };
    }),
  );
  return tf.concat([logProbs, entropies, tf.reshape(values, [-1])]);
}

/**
 * Reads the value heads.
 *
 * @param network All weights.
 * @param states States of all tokens. Shape `(rows, width)`.
 * @param places Rows before the reply and before the action, for each reply.
 * @returns Values of switching, planning and execution. Shape `(3, replies)`.
 */
export function valuesAt(
  network: NetworkTensors,
  states: tf.Tensor,
  places: readonly { before: number; execution: number }[],
): tf.Tensor2D {
  const rows = [
    ...places.map(({ before }) => before),
    ...places.map(({ execution }) => execution),
  ];
  const picked = tf.gather(states, tf.tensor1d(rows, "int32"));
  const heads = tf.mul(
    linear(picked, network.headWeight, network.headBias),
    network.valueScale,
  ); // (2 · replies, 3)
  const n = places.length;
  const column = (start: number, head: number) =>
    tf.reshape(tf.slice(heads, [start, head], [n, 1]), [1, n]);
  return tf.concat([column(0, 0), column(0, 1), column(n, 2)]) as tf.Tensor2D;
}

/** Log-probabilities and entropies of every unit of a chunk. Shapes `(units,)`. */
function scoreUnits(
  network: NetworkTensors,
  states: tf.Tensor,
  chunk: Chunk,
  options: ScoreOptions,
): { logProbs: tf.Tensor1D; entropies: tf.Tensor1D } {
  const { model } = network.actor;
  const scale = options.temperature > 0 ? 1 / options.temperature : 1;
  const table = outputTable(model);
  const free = { rows: [] as number[], targets: [] as number[] };
  const chosen: { row: number; target: number; from: readonly number[] }[] = [];
  // Where each unit's numbers will be: free ones, then choices, then a zero for the forced.
  const places: { kind: "free" | "choice" | "forced"; index: number }[] = [];
  chunk.replies.forEach(({ prompt, reply, allowed }, b) => {
    reply.forEach((target, t) => {
      const row = b * chunk.length + prompt.length - 1 + t;
      const from = allowed?.[t];
      if (from === undefined) {
        places.push({ kind: "free", index: free.rows.length });
        free.rows.push(row);
        free.targets.push(target);
      } else if (from.length > 1) {
        places.push({ kind: "choice", index: chosen.length });
        chosen.push({ row, target, from });
      } else places.push({ kind: "forced", index: 0 });
    });
  });
  const parts: { logProbs: tf.Tensor; entropies: tf.Tensor }[] = [];
  if (free.rows.length > 0) {
    const here = tf.gather(states, tf.tensor1d(free.rows, "int32"));
    const targets = tf.tensor1d(free.targets, "int32");
    parts.push(tokenLogProbs(here, table, { targets, scale }));
  }
  if (chosen.length > 0) {
    parts.push(scoreChoices(states, table, chosen, scale));
  }
  const zero = tf.zeros([1]);
  parts.push({ logProbs: zero, entropies: zero });
  const offset = {
    free: 0,
    choice: free.rows.length,
    forced: free.rows.length + chosen.length,
  };
  const order = tf.tensor1d(
    places.map(({ kind, index }) => offset[kind] + index),
    "int32",
  );
  const column = (name: "logProbs" | "entropies") =>
    tf.gather(tf.concat(parts.map((part) => part[name])), order) as tf.Tensor1D;
  return { logProbs: column("logProbs"), entropies: column("entropies") };
}

/** Scores tokens that were drawn from a few. Shapes `(choices,)`. */
function scoreChoices(
  states: tf.Tensor,
  table: tf.Tensor,
  choices: readonly { row: number; target: number; from: readonly number[] }[],
  scale: number,
): { logProbs: tf.Tensor1D; entropies: tf.Tensor1D } {
  const n = choices.length;
  const most = Math.max(...choices.map(({ from }) => from.length));
  const ids = new Int32Array(n * most);
  const mask = new Float32Array(n * most).fill(-1e9);
  const hits = new Float32Array(n * most);
  choices.forEach(({ target, from }, i) => {
    ids.set(from, i * most);
    mask.fill(0, i * most, i * most + from.length);
    hits[i * most + from.indexOf(target)] = 1;
  });
  const rows = tf.tensor1d(choices.map(({ row }) => row), "int32");
  const here = tf.expandDims(tf.gather(states, rows), 1); // (choices, 1, width)
  const words = tf.reshape(
    tf.gather(table, tf.tensor1d(ids, "int32")),
    [n, most, -1],
  ); // (choices, most, width)
  const logits = tf.mul(tf.sum(tf.mul(words, here), 2), scale);
  const logs = tf.logSoftmax(tf.add(logits, tf.tensor2d(mask, [n, most])));
  const sum = (x: tf.Tensor) => tf.sum(x, 1) as tf.Tensor1D;
  return {
    logProbs: sum(tf.mul(logs, tf.tensor2d(hits, [n, most]))),
    entropies: tf.neg(sum(tf.mul(tf.exp(logs), logs))),
  };
}

/**
 * Takes columns of chunks apart and puts their numbers in the order of the replies:
 * log-probabilities, entropies, and the three values.
 */
function inOrder(
  columns: readonly tf.Tensor1D[],
  chunks: readonly Chunk[],
  replies: readonly WrittenReply[],
): [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D] {
  const starts: number[] = []; // where the log-probs of each reply are in all columns
  const shifts: number[] = []; // how much further its entropies are
  const values: { at: number; step: number }[] = [];
  let at = 0;
  for (const { indices, replies } of chunks) {
    const units = replies.reduce((sum, { reply }) => sum + reply.length, 0);
    let start = at;
    indices.forEach((index, b) => {
      starts[index] = start;
      shifts[index] = units;
      values[index] = { at: at + 2 * units + b, step: indices.length };
      start += replies[b]!.reply.length;
    });
    at += 2 * units + 3 * indices.length;
  }
  const all = columns.length > 0 ? tf.concat([...columns]) : tf.tensor1d([]);
  const pick = (places: number[]) =>
    tf.gather(all, tf.tensor1d(places, "int32")) as tf.Tensor1D;
  const units = (shift: (index: number) => number) =>
    pick(
      replies.flatMap(({ reply }, index) =>
        Array.from(reply, (_, t) => starts[index]! + shift(index) + t)
      ),
    );
  const value = (head: number) =>
    pick(values.map(({ at, step }) => at + head * step));
  return [
    units(() => 0),
    units((index) => shifts[index]!),
    value(0),
    value(1),
    value(2),
  ];
}
