/**
 * The value heads of a language policy: in a gradient, on states of generation, and on sequences read for them.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { ByDecision } from "../../trajectory.ts";
import { linear } from "../decoder/layers.ts";
import { qwen2States } from "../decoder/qwen2.ts";
import type { LanguageNetwork, NetworkTensors } from "./network.ts";

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

/** Options of {@linkcode askCritic}. */
export interface AskOptions {
  /** Tokens, padding included, in one forward pass. @default {16384} */
  readonly tokensAtOnce?: number;
  /** Stops between two layers by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The critic's values in units of return, in the order of the questions; no count of tokens may be 0.
 */
export async function askCritic(
  network: LanguageNetwork,
  questions: readonly CriticQuestion[],
  options: AskOptions = {},
): Promise<ByDecision<number>[]> {
  const others = questions.flatMap(({ apart }) =>
    apart
      ? [{ tokens: apart, before: apart.length, execution: apart.length }]
      : []
  );
  const answers = await askEach(
    network,
    [...questions, ...others],
    options,
  );
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
  { tokensAtOnce = READ_AT_ONCE, signal }: AskOptions,
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
  for (const group of groupByLength(lengths, tokensAtOnce)) {
    const length = lengths[group.at(-1)!]!;
    const ids = new Int32Array(group.length * length);
    group.forEach((i, b) => ids.set(questions[i]!.tokens, b * length));
    const values = tf.tidy(() => {
      const batch = { ids, batch: group.length, length };
      const states = qwen2States(model, batch, { adapter, signal });
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
