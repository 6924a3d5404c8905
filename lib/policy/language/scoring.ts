/**
 * Scores of written replies, differentiable in every trained weight: log-probabilities and entropies
 * of their tokens, and the three values; and the critic's values outside a gradient.
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
import { linear, lookUp, tokenLogProbs } from "../decoder/layers.ts";
import { outputTable, qwen2States } from "../decoder/qwen2.ts";
import { isForced, type NextTokens } from "./grammar.ts";
import { joined, sharePrefixes } from "./prefix_sharing.ts";
import type { ActionPrompt, ByDecision } from "../../trajectory.ts";

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
  const sequences = replies.map((written) =>
    joined(written.prompt, written.reply.subarray(0, lastRead(written)))
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

/** The last token that is predicted with a choice, or before which a value is read: those after it are given. */
function lastRead({ reply, choices, executionSlot }: WrittenReply): number {
  const chosen = choices
    ? choices.findLastIndex((next) => !isForced(next))
    : reply.length - 1;
  return Math.max(0, chosen, executionSlot);
}

/**
 * Groups sequences so that little is padded and each group, padded, has few enough tokens. Returns
 * indices of each group, the longest sequence last.
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

/** One column per chunk: log-probs and entropies of units, then three values of each reply. */
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

/**
 * Reads the value heads.
 *
 * @param states States of all tokens. Shape `(rows, width)`.
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

/** A token of a reply. */
export interface WrittenUnit {
  /** Row of the state that predicts it. */
  readonly row: number;
  readonly token: number;
  /** Allowed tokens in its place; absent means any. */
  readonly next: NextTokens | undefined;
}

/** Numbers of units. Shapes `(units,)`. */
export interface UnitScores {
  readonly logProbs: tf.Tensor1D;
  /** Entropy of its distribution, in nats. */
  readonly entropies: tf.Tensor1D;
}

/** Units that are scored together. */
interface Group {
  readonly score: (units: readonly WrittenUnit[]) => UnitScores;
  readonly members: number[];
}

/** Lower bound of the probability left by exclusions. */
const LEAST_REST = 1e-6;

/**
 * Scores units; log-probability and entropy of a forced token are 0.
 *
 * @param states Shape `(rows, width)`.
 * @param options `table`: turns states into logits, shape `(vocabulary, width)`, or its packed float16; `scale`: inverse temperature.
 * @returns Scores in the order of the units; the caller disposes them.
 */
export function scoreUnits(
  units: readonly WrittenUnit[],
  states: tf.Tensor,
  options: { table: tf.Tensor; scale: number },
): UnitScores {
  const at = { ...options, states };
  const zeros = (some: readonly WrittenUnit[]): UnitScores => ({
    logProbs: tf.zeros([some.length]),
    entropies: tf.zeros([some.length]),
  });
  const groups = new Map<unknown, Group>();
  const keys = new Map<readonly number[], Map<number, object>>();
  units.forEach(({ next }, i) => {
    const scale = scaleOf(next, options.scale);
    const key = next === undefined ? "any" : "except" in next
      // One for each kind of place: its list and its temperature.
      ? keys.getOrInsertComputed(next.except, () => new Map())
        .getOrInsertComputed(scale, () => ({}))
      : next.only.length > 1
      ? "few"
      : "forced";
    const group = groups.getOrInsertComputed(key, () => ({
      members: [],
      score: key === "forced"
        ? zeros
        : key === "few"
        ? (some) => scoreFew(some, at)
        : next && "except" in next
        ? (some) => scoreRest(some, { ...at, scale, except: next.except })
        : (some) => scoreAny(some, at),
    }));
    group.members.push(i);
  });
  if (groups.size === 0) return zeros([]);
  const order = new Int32Array(units.length);
  let offset = 0;
  const parts = [...groups.values()].map(({ members, score }) => {
    for (const i of members) order[i] = offset++;
    return score(members.map((i) => units[i]!));
  });
  const places = tf.tensor1d(order, "int32");
  const column = (name: keyof UnitScores) =>
    tf.gather(
      tf.concat(parts.map((part) => part[name])),
      places,
    ) as tf.Tensor1D;
  return { logProbs: column("logProbs"), entropies: column("entropies") };
}

/** The inverse of the temperature at which a token was drawn; that of greedy decoding is 1. */
function scaleOf(next: NextTokens | undefined, usual: number): number {
  const { temperature } = next ?? {};
  if (temperature === undefined) return usual;
  return temperature > 0 ? 1 / temperature : 1;
}

/** States and output table that all units share. */
interface Place {
  readonly states: tf.Tensor;
  readonly table: tf.Tensor;
  readonly scale: number;
}

/** States and tokens of units. */
function gatherUnits(units: readonly WrittenUnit[], states: tf.Tensor) {
  const rows = tf.tensor1d(units.map(({ row }) => row), "int32");
  return {
    here: tf.gather(states, rows), // (units, width)
    targets: tf.tensor1d(units.map(({ token }) => token), "int32"),
  };
}

/** Tokens sampled from the whole vocabulary. */
function scoreAny(
  units: readonly WrittenUnit[],
  { states, table, scale }: Place,
): UnitScores {
  const { here, targets } = gatherUnits(units, states);
  return tokenLogProbs(here, table, { targets, scale });
}

/**
 * Tokens sampled from the vocabulary without excluded ones: with `r = 1 − Σ p(excluded)`,
 * `log p' = log p − log r` and `H' = log Z + log r − (E[x] − Σ p x over excluded) / r`.
 */
function scoreRest(
  units: readonly WrittenUnit[],
  { states, table, scale, except }: Place & { except: readonly number[] },
): UnitScores {
  const { here, targets } = gatherUnits(units, states);
  const all = tokenLogProbs(here, table, { targets, scale });
  const own = tf.mul(tf.sum(tf.mul(here, lookUp(table, targets)), 1), scale);
  const normalizer = tf.sub(own, all.logProbs); // log Z
  const excluded = lookUp(table, tf.tensor1d([...except], "int32"));
  const logits = tf.mul(tf.matMul(here, excluded, false, true), scale);
  const shares = tf.exp(tf.sub(logits, tf.expandDims(normalizer, 1)));
  const rest = tf.maximum(tf.sub(1, tf.sum(shares, 1)), LEAST_REST);
  const logRest = tf.log(rest);
  const mean = tf.sub(normalizer, all.entropies); // E[x]
  const kept = tf.div(tf.sub(mean, tf.sum(tf.mul(shares, logits), 1)), rest);
  return {
    logProbs: tf.sub(all.logProbs, logRest),
    entropies: tf.sub(tf.add(normalizer, logRest), kept),
  };
}

/** Tokens sampled from a list. */
function scoreFew(
  units: readonly WrittenUnit[],
  { states, table, scale }: Place,
): UnitScores {
  const lists = units.map(({ next }) =>
    next && "only" in next ? next.only : []
  );
  const n = units.length, most = Math.max(...lists.map((x) => x.length));
  const ids = new Int32Array(n * most);
  const added = new Float32Array(n * most).fill(-1e9); // offsets, and a mask of the padding
  const hits = new Float32Array(n * most);
  const scales = Float32Array.from(units, ({ next }) => scaleOf(next, scale));
  lists.forEach((list, i) => {
    const { next } = units[i]!;
    const offsets = next && "only" in next ? next.offsets : undefined;
    ids.set(list, i * most);
    list.forEach((_, k) => added[i * most + k] = offsets?.[k] ?? 0);
    hits[i * most + list.indexOf(units[i]!.token)] = 1;
  });
  const here = tf.expandDims(gatherUnits(units, states).here, 1); // (units, 1, width)
  const words = tf.reshape(
    lookUp(table, tf.tensor1d(ids, "int32")),
    [n, most, states.shape[1]!],
  );
  const logits = tf.mul(
    tf.sum(tf.mul(words, here), 2),
    tf.tensor2d(scales, [n, 1]),
  ); // (units, most)
  const logs = tf.logSoftmax(tf.add(logits, tf.tensor2d(added, [n, most])));
  const sum = (x: tf.Tensor) => tf.sum(x, 1) as tf.Tensor1D;
  return {
    logProbs: sum(tf.mul(logs, tf.tensor2d(hits, [n, most]))),
    entropies: tf.neg(sum(tf.mul(tf.exp(logs), logs))),
  };
}

/** A sequence for the critic, and where its values are read. */
export interface CriticQuestion {
  /** Prompt and known part of the reply. Shape `(tokens,)`. */
  readonly tokens: Int32Array;
  /** Tokens before the values of switching and planning. */
  readonly before: number;
  /** Tokens before the value of execution. */
  readonly execution: number;
  /** The action's own prompt, at whose end execution is valued instead. Shape `(tokens,)`. */
  readonly apart?: Int32Array;
}

/** Tokens, padding included, in one forward pass of a critic. */
export const READ_AT_ONCE = 16384;

/**
 * The critic's values in units of return, in the order of the questions; no count of tokens may be 0.
 */
export async function askCritic(
  network: LanguageNetwork,
  questions: readonly CriticQuestion[],
): Promise<ByDecision<number>[]> {
  const others = questions.flatMap(({ apart }) =>
    apart
      ? [{ tokens: apart, before: apart.length, execution: apart.length }]
      : []
  );
  const answers = await askEach(network, [...questions, ...others]);
  let at = questions.length;
  return questions.map(({ apart }, i) =>
    apart
      ? { ...answers[i]!, execution: answers[at++]!.execution }
      : answers[i]!
  );
}

/** The critic's values of sequences, equal ones read once. */
async function askEach(
  network: LanguageNetwork,
  asked: readonly CriticQuestion[],
): Promise<ByDecision<number>[]> {
  const found = new Map<string, number>();
  const questions: CriticQuestion[] = [];
  const places = asked.map((question) => {
    const { tokens, before, execution } = question;
    const key = `${before} ${execution} ${tokens.join()}`;
    return found.getOrInsertComputed(
      key,
      () => questions.push(question) - 1,
    );
  });
  const answers: ByDecision<number>[] = [];
  const lengths = questions.map(({ tokens }) => tokens.length);
  const { model, adapter } = network.critic ?? network.actor;
  for (const group of groupByLength(lengths, READ_AT_ONCE)) {
    const length = lengths[group.at(-1)!]!;
    const ids = new Int32Array(group.length * length);
    group.forEach((i, b) => ids.set(questions[i]!.tokens, b * length));
    const values = tf.tidy(() => {
      const batch = { ids, batch: group.length, length };
      const states = qwen2States(model, batch, { adapter });
      return valuesAt(
        network,
        states,
        group.map((i, b) => ({
          before: b * length + questions[i]!.before - 1,
          execution: b * length + questions[i]!.execution - 1,
        })),
      );
    });
    const numbers = await values.data();
    values.dispose();
    group.forEach((i, b) => {
      const head = (k: number) => numbers[k * group.length + b]!;
      answers[i] = {
        switching: head(0),
        planning: head(1),
        execution: head(2),
      };
    });
  }
  return places.map((place) => answers[place]!);
}

/**
 * Values from the actor's states during generation, in units of return.
 *
 * @param seen States before the reply and before the action, for each reply. Shapes `(width,)`.
 */
export async function readHeads(
  network: LanguageNetwork,
  seen: readonly { before: Float32Array; execution: Float32Array }[],
): Promise<ByDecision<number>[]> {
  const weight = await network.headWeight.data();
  const bias = await network.headBias.data();
  const read = (head: number, state: Float32Array) => {
    let sum = bias[head]!;
    for (let j = 0; j < state.length; j++) {
      sum += weight[head * state.length + j]! * state[j]!;
    }
    return sum * network.valueScale;
  };
  return seen.map(({ before, execution }) => ({
    switching: read(0, before),
    planning: read(1, before),
    execution: read(2, execution),
  }));
}
