/**
 * Scoring replies that were already written: log-probabilities and entropies of their tokens,
 * and the three values, differentiable in every trained weight.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { ScoredBatch } from "../differentiable.ts";
import {
  type LanguageNetwork,
  type NetworkTensors,
  trainedWeights,
  type TrunkTensors,
  withWeights,
} from "./network.ts";
import { checkpointChunks } from "../decoder/checkpointing.ts";
import { linear } from "../decoder/layers.ts";
import { outputTable, qwen2States } from "../decoder/qwen2.ts";
import type { NextTokens } from "./grammar.ts";
import { joined, sharePrefixes } from "./prefix_sharing.ts";
import { scoreUnits, type WrittenUnit } from "./unit_scores.ts";

/** A prompt and the reply that was written to it. */
export interface WrittenReply {
  /** Token ids of the prompt. */
  readonly prompt: Int32Array;
  /** Token ids of the reply; may be empty. */
  readonly reply: Int32Array;
  /** For each token what could have been written; absent means anything. */
  readonly choices?: readonly NextTokens[] | undefined;
  /** Token of the reply before which the execution value is read. */
  readonly executionSlot: number;
}

/** Options of {@linkcode scoreReplies}. */
export interface ScoreOptions {
  /** Temperature of the replies. */
  readonly temperature: number;
  /** Tokens, padding included, whose intermediate numbers are held at a time. @default {8192} */
  readonly microbatchTokens?: number;
  /** Whether layers are computed again for their gradients. @default {false} */
  readonly recompute?: boolean;
}

/** Sequences of one forward pass, and the replies in them. */
interface Chunk {
  /** Token ids, padded. Shape `(rows · length,)`. */
  readonly ids: Int32Array;
  readonly length: number;
  readonly replies: readonly WrittenReply[];
  /** Which of all replies these are. */
  readonly indices: readonly number[];
  /** Where in `ids` each of them starts, its prompt included. */
  readonly starts: readonly number[];
}

/** Chunks into which replies are split that fit all at once, so that little is padded. */
const SHARE = 4;

/**
 * Scores replies.
 *
 * Replies are padded and run in chunks of similar length. When they do not fit all at once, each
 * chunk is run again for its gradient, so that memory does not grow with their number. A prompt and
 * reply with which another prompt starts shares its pass: the turns of a transcript cost one sequence.
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
  const { microbatchTokens = 8192 } = options;
  const wide = chunkByLength(replies, microbatchTokens);
  const fits = wide.length === 1;
  const chunks = fits ? chunkByLength(replies, microbatchTokens / SHARE) : wide;
  const weights = Object.entries(trainedWeights(network));
  const [logProbs, entropies, switching, planning, execution] = tf.tidy(() => {
    const computes = chunks.map((chunk) => (tensors: readonly tf.Tensor[]) => {
      const replaced = weights.map(([name], i) => [name, tensors[i]!]);
      const here = withWeights(network, Object.fromEntries(replaced));
      return scoreChunk(here, chunk, options);
    });
    const inputs = weights.map(([, weight]) => weight);
    const column = computes.length === 0
      ? tf.tensor1d([])
      : fits
      ? tf.concat(computes.map((compute) => compute(inputs)))
      : checkpointChunks(computes, inputs);
    return inOrder(column, chunks, replies);
  });
  const values = { switching, planning, execution };
  return { logProbs, entropies, values };
}

/** Splits replies into chunks of similar length. */
function chunkByLength(
  replies: readonly WrittenReply[],
  microbatchTokens: number,
): Chunk[] {
  const sequences = replies.map(({ prompt, reply }) =>
    joined(prompt, reply.subarray(0, -1)) // the last token is only predicted
  );
  const { computed, places } = sharePrefixes(sequences);
  const sharing = Map.groupBy(replies.keys(), (i) => places[i]!);
  const lengths = computed.map((i) => sequences[i]!.length);
  return groupByLength(lengths, microbatchTokens).map((group) => {
    const length = lengths[group.at(-1)!]!;
    const ids = new Int32Array(group.length * length);
    group.forEach((place, row) =>
      ids.set(sequences[computed[place]!]!, row * length)
    );
    const indices = group.flatMap((place) => sharing.get(place)!);
    const starts = group.flatMap((place, row) =>
      sharing.get(place)!.map(() => row * length)
    );
    return {
      ids,
      length,
      indices,
      starts,
      replies: indices.map((i) => replies[i]!),
    };
  });
}

/**
 * Groups sequences so that little is padded and each group, padded, has few enough tokens.
 *
 * @param lengths Length of each sequence.
 * @param microbatchTokens Most tokens of a group of more than one.
 * @returns Indices of each group, the longest sequence last.
 */
export function groupByLength(
  lengths: readonly number[],
  microbatchTokens: number,
): number[][] {
  const order = lengths.map((_, i) => i)
    .sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const groups: number[][] = [];
  for (const i of order) {
    const group = groups.at(-1);
    if (group && (group.length + 1) * lengths[i]! <= microbatchTokens) {
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
  const { ids, length, replies, starts } = chunk;
  const { recompute = false } = options;
  const tokens = { ids, batch: ids.length / length, length };
  const read = ({ model, adapter }: TrunkTensors) =>
    qwen2States(model, tokens, { adapter, recompute }); // (batch · length, width)
  const states = read(network.actor);
  const { temperature } = options;
  const { logProbs, entropies } = scoreUnits(unitsOf(chunk), states, {
    table: outputTable(network.actor.model),
    scale: temperature > 0 ? 1 / temperature : 1,
  });
  const watched = network.critic ? read(network.critic) : states;
  const values = valuesAt(
    network,
    watched,
    replies.map(({ prompt, executionSlot }, b) => {
      const before = starts[b]! + prompt.length - 1;
      return { before, execution: before + executionSlot };
    }),
  );
  return tf.concat([logProbs, entropies, tf.reshape(values, [-1])]);
}

/** The tokens of a chunk's replies, each with the row it was predicted from. */
function unitsOf({ replies, starts }: Chunk): WrittenUnit[] {
  return replies.flatMap(({ prompt, reply, choices }, b) =>
    Array.from(reply, (token, t) => ({
      row: starts[b]! + prompt.length - 1 + t,
      token,
      next: choices?.[t],
    }))
  );
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

/**
 * Takes the column of all chunks apart and puts their numbers in the order of the replies:
 * log-probabilities, entropies, and the three values.
 */
function inOrder(
  column: tf.Tensor1D,
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
  const pick = (places: number[]) =>
    tf.gather(column, tf.tensor1d(places, "int32")) as tf.Tensor1D;
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
