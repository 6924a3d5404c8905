/**
 * What a language policy's critic thinks, outside any gradient.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { ByDecision } from "../../trajectory.ts";
import type { LanguageNetwork } from "./network.ts";
import { groupByLength, valuesAt } from "./scoring.ts";
import { qwen2States } from "../decoder/qwen2.ts";

/** What the critic reads, and after which of its tokens it is asked. */
export interface CriticQuestion {
  /** Prompt, and what of the reply is known. Shape `(tokens,)`. */
  readonly tokens: Int32Array;
  /** Tokens read before the values of switching and planning. */
  readonly before: number;
  /** Tokens read before the value of execution. */
  readonly execution: number;
}

/** Tokens, padding included, in one pass of a critic by default. */
export const READ_AT_ONCE = 16384;

/**
 * Asks the critic.
 *
 * @param network All weights.
 * @param questions What it reads; no count of tokens may be 0.
 * @param options `microbatchTokens`: tokens, padding included, in one pass. @default {16384}
 * @returns Values in units of return, in the order of the questions.
 */
export async function askCritic(
  network: LanguageNetwork,
  questions: readonly CriticQuestion[],
  options: { microbatchTokens?: number } = {},
): Promise<ByDecision<number>[]> {
  const { microbatchTokens = READ_AT_ONCE } = options;
  const answers: ByDecision<number>[] = [];
  const lengths = questions.map(({ tokens }) => tokens.length);
  const { model, adapter } = network.critic ?? network.actor;
  for (const group of groupByLength(lengths, microbatchTokens)) {
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
  return answers;
}

/**
 * Reads the value heads off states that were seen while writing.
 *
 * @param network All weights; its heads must read the actor's states.
 * @param seen States before the reply and before the action, for each reply. Shapes `(width,)`.
 * @returns Values in units of return, in the same order.
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
