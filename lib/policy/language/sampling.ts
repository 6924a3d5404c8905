/**
 * Drawing a token from logits.
 *
 * @module
 */

import type { Random } from "../../random.ts";

/** How a token is drawn. */
export interface SamplingOptions {
  /** Flattens above 1, sharpens below; 0 takes the likeliest. */
  readonly temperature: number;
  /** Share of probability kept, the likeliest tokens first; 1 keeps all. */
  readonly topP: number;
  /** Tokens to draw from; absent means all. */
  readonly only?: readonly number[] | undefined;
  /** Tokens not to draw. */
  readonly except?: readonly number[] | undefined;
}

/**
 * Draws one token. Takes exactly one number from the stream, whatever the options.
 *
 * @param logits Shape `(vocabulary,)`; excluded ones are overwritten.
 * @param random Stream to draw from.
 * @param options Temperature, cut and choice.
 * @returns The token, and its log-probability among the allowed tokens at that temperature,
 * before the cut; 0 at temperature 0.
 */
export function sampleToken(
  logits: Float32Array,
  random: Random,
  options: SamplingOptions,
): { token: number; logProb: number } {
  const { temperature, topP, only, except = [] } = options;
  const uniform = random.uniform();
  const count = only ? only.length : logits.length;
  const tokenAt = (i: number) => only ? only[i]! : i;
  for (const token of except) logits[token] = -Infinity;
  let best = 0;
  for (let i = 1; i < count; i++) {
    if (logits[tokenAt(i)]! > logits[tokenAt(best)]!) best = i;
  }
  if (temperature === 0) return { token: tokenAt(best), logProb: 0 };
  const top = logits[tokenAt(best)]!;
  const weights = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    total += weights[i] = Math.exp((logits[tokenAt(i)]! - top) / temperature);
  }
  const order = topP < 1 ? nucleus(weights, topP * total) : undefined;
  const kept = order ? order.reduce((sum, i) => sum + weights[i]!, 0) : total;
  let rest = uniform * kept, chosen = -1;
  const last = order ? order.length : count;
  for (let k = 0; k < last; k++) {
    const i = order ? order[k]! : k;
    if (weights[i]! === 0) continue;
    chosen = i;
    rest -= weights[i]!;
    if (rest < 0) break;
  }
  return {
    token: tokenAt(chosen),
    logProb: Math.log(weights[chosen]! / total),
  };
}

/** The likeliest entries that together reach a mass, likeliest first. */
function nucleus(weights: Float64Array, mass: number): number[] {
  const order = Array.from(weights, (_, i) => i)
    .sort((a, b) => weights[b]! - weights[a]! || a - b);
  let sum = 0, size = 0;
  while (size < order.length && (size === 0 || sum < mass)) {
    sum += weights[order[size++]!]!;
  }
  return order.slice(0, size);
}
