/**
 * Scores of written replies, differentiable in every trained weight: log-probabilities and entropies
 * of their tokens, and the three values.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { byDecision } from "../../trajectory.ts";
import type { ScoredBatch } from "../policy.ts";
import {
  type LanguageNetwork,
  type NetworkTensors,
  trainedWeights,
  type TrunkTensors,
  withWeights,
} from "./network.ts";
import { checkpointChunks } from "../decoder/checkpointing.ts";
import { outputTable, qwen2States } from "../decoder/qwen2.ts";
import { isForced, type NextTokens } from "./grammar.ts";
import { scoreUnits, type WrittenUnit } from "./unit_scores.ts";
import { groupByLength, valuesAt } from "./value_heads.ts";
import { joined, sharePrefixes } from "./prefix_sharing.ts";
import type { ActionPrompt } from "../../trajectory.ts";

/** A prompt and its reply. */
export interface WrittenReply {
  readonly prompt: Int32Array;
  /** Token ids of the reply; may be empty. */
  readonly reply: Int32Array;
  /** Allowed tokens at each position; absent means any. */
  readonly choices?: readonly NextTokens[] | undefined;
  /** Token of the reply before which the execution value is read. */
  readonly executionSlot: number;
  /** Where the rest of the reply is written to a prompt of its own. */
  readonly action?: ActionPrompt;
}

/** Options of {@linkcode scoreReplies}. */
export interface ScoreOptions {
  readonly temperature: number;
  /** Tokens, padding included, of one microbatch. @default {8192} */
  readonly microbatchTokens?: number;
  /** Whether gradients recompute layers (gradient checkpointing). @default {false} */
  readonly recompute?: boolean;
  /** Stops between two layers by throwing its reason. */
  readonly signal?: AbortSignal;
  /** Whether the replies are one of several microbatches: of similar lengths, which are padded to one. @default {false} */
  readonly isPart?: boolean;
}

/** Sequences of one forward pass, and the replies in them. */
interface Chunk {
  /** Token ids, padded. Shape `(rows · length,)`. */
  readonly ids: Int32Array;
  readonly length: number;
  readonly replies: readonly WrittenReply[];
  /** Their indices among all replies. */
  readonly indices: readonly number[];
  /** First token of each prompt in `ids`. */
  readonly starts: readonly number[];
}

/** Chunks per microbatch where one microbatch holds all replies; more chunks need less padding. */
const SHARE = 4;

/**
 * Scores replies.
 *
 * Replies are padded and run in chunks of similar length. When they do not fit all at once, each
 * chunk is run again for its gradient, so that memory does not grow with their number. A prompt and
 * reply with which another prompt starts shares its pass: the turns of a transcript cost one sequence.
 *
 * @param replies What was written; none may have an empty prompt.
 * @returns Scores in the order of the replies; the caller disposes them.
 */
export function scoreReplies(
  network: LanguageNetwork,
  replies: readonly WrittenReply[],
  options: ScoreOptions,
): ScoredBatch {
  const parts = replies.map(partsOf);
  const scored = scoreParts(network, parts.flat(), options);
  if (parts.every(({ length }) => length === 1)) return scored;
  const first: number[] = [], last: number[] = [];
  let at = 0;
  for (const { length } of parts) {
    first.push(at);
    last.push((at += length) - 1);
  }
  // Execution is valued where the action begins.
  const values = byDecision((name) => {
    const column = scored.values[name];
    const places = tf.tensor1d(name === "execution" ? last : first, "int32");
    const own = tf.tidy(() => tf.gather(column, places));
    places.dispose();
    column.dispose();
    return own;
  });
  return { ...scored, values };
}

/**
 * Splits replies into microbatches by tokens, so that each is differentiated in one pass: what {@linkcode scoreReplies}
 * would compute again chunk by chunk is computed once.
 *
 * @param microbatchTokens Tokens of a microbatch, padding included; a longer sequence is one of its own.
 * @returns Indices of the replies of each microbatch. Replies that share a pass stay together.
 */
export function partitionReplies(
  replies: readonly WrittenReply[],
  microbatchTokens: number,
): number[][] {
  const parts = replies.map(partsOf);
  const sequences = parts.flat().map(sequenceOf);
  const { computed, places } = sharePrefixes(sequences);
  const lengths = computed.map((i) => sequences[i]!.length);
  let at = 0;
  const needed = parts.map(({ length }) => places.slice(at, at += length));
  const longest = needed.map((own) =>
    own.reduce((best, place) => lengths[place]! > lengths[best]! ? place : best)
  );
  const order = replies.map((_, i) => i).sort((a, b) =>
    lengths[longest[a]!]! - lengths[longest[b]!]! ||
    longest[a]! - longest[b]! || a - b
  );
  const groups: number[][] = [];
  let held = new Set<number>();
  for (const i of order) {
    const wanted = new Set([...held, ...needed[i]!]);
    const group = groups.at(-1);
    // Lengths are in order: the newest sequence is the longest.
    if (group && wanted.size * lengths[longest[i]!]! <= microbatchTokens) {
      group.push(i);
      held = wanted;
    } else {
      groups.push([i]);
      held = new Set(needed[i]!);
    }
  }
  return groups.length <= 1 ? [replies.map((_, i) => i)] : groups;
}

/** A reply, or its plan and its action where each has a prompt of its own. */
function partsOf(written: WrittenReply): WrittenReply[] {
  const { action, prompt, reply, choices } = written;
  if (!action) return [written];
  const { start } = action;
  return [
    {
      ...{ prompt, executionSlot: 0 },
      reply: reply.subarray(0, start),
      choices: choices?.slice(0, start),
    },
    {
      prompt: action.prompt,
      executionSlot: 0,
      reply: reply.subarray(start),
      choices: choices?.slice(start),
    },
  ];
}

/** Scores replies that have one prompt each. */
function scoreParts(
  network: LanguageNetwork,
  replies: readonly WrittenReply[],
  options: ScoreOptions,
): ScoredBatch {
  const { microbatchTokens = 8192, isPart = false } = options;
  const wide = chunkByLength(replies, microbatchTokens);
  const fits = wide.length === 1;
  const chunks = fits && !isPart
    ? chunkByLength(replies, microbatchTokens / SHARE)
    : wide;
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
  const sequences = replies.map(sequenceOf);
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

/** The tokens that have to be read to score a reply. */
function sequenceOf(written: WrittenReply): Int32Array {
  return joined(written.prompt, written.reply.subarray(0, lastRead(written)));
}

/** The last token that is predicted with a choice, or before which a value is read: those after it are given. */
function lastRead({ reply, choices, executionSlot }: WrittenReply): number {
  const chosen = choices
    ? choices.findLastIndex((next) => !isForced(next))
    : reply.length - 1;
  return Math.max(0, chosen, executionSlot);
}

/** One column per chunk: log-probs and entropies of units, then three values of each reply. */
function scoreChunk(
  network: NetworkTensors,
  chunk: Chunk,
  options: ScoreOptions,
): tf.Tensor1D {
  const { ids, length, replies, starts } = chunk;
  const { recompute = false, signal } = options;
  const tokens = { ids, batch: ids.length / length, length };
  const read = ({ model, adapter }: TrunkTensors) =>
    qwen2States(model, tokens, { adapter, recompute, signal }); // (batch · length, width)
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

/** The tokens of a chunk's replies, with the rows that predict them. */
function unitsOf({ replies, starts }: Chunk): WrittenUnit[] {
  return replies.flatMap(({ prompt, reply, choices }, b) =>
    Array.from(reply, (token, t) => ({
      row: starts[b]! + prompt.length - 1 + t,
      token,
      next: choices?.[t],
    }))
  );
}

/** Splits the columns of all chunks into log-probs, entropies and three values, in the order of the replies. */
function inOrder(
  column: tf.Tensor1D,
  chunks: readonly Chunk[],
  replies: readonly WrittenReply[],
): [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D] {
  const starts: number[] = []; // first log-prob of each reply in all columns
  const shifts: number[] = []; // offset from its log-probs to its entropies
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
