/**
 * Log-probabilities and entropies of tokens that were drawn from a vocabulary, from a few of it,
 * or from all but a few.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { lookUp, tokenLogProbs } from "../decoder/layers.ts";
import type { NextTokens } from "./grammar.ts";

/** A token that was written. */
export interface WrittenUnit {
  /** Row of the state it was predicted from. */
  readonly row: number;
  /** The token. */
  readonly token: number;
  /** What could have been written instead; absent means anything. */
  readonly next: NextTokens | undefined;
}

/** Numbers of units. Shapes `(units,)`. */
export interface UnitScores {
  /** Log-probability of each token. */
  readonly logProbs: tf.Tensor1D;
  /** Entropy of what it was drawn from, in nats. */
  readonly entropies: tf.Tensor1D;
}

/** Units that are scored together. */
interface Group {
  readonly score: (units: readonly WrittenUnit[]) => UnitScores;
  readonly members: number[];
}

/** Least share of probability that exclusions are taken to leave. */
const LEAST_REST = 1e-6;

/**
 * Scores units. Where only one token could be written, both numbers are 0.
 *
 * @param units What was written.
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
  units.forEach(({ next }, i) => {
    const key = next === undefined ? "any" : "except" in next
      ? next.except // one list for each kind of place
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
        ? (some) => scoreRest(some, { ...at, except: next.except })
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

/** What every way of scoring needs. */
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

/** Tokens drawn from the whole vocabulary. */
function scoreAny(
  units: readonly WrittenUnit[],
  { states, table, scale }: Place,
): UnitScores {
  const { here, targets } = gatherUnits(units, states);
  return tokenLogProbs(here, table, { targets, scale });
}

/**
 * Tokens drawn from the vocabulary without some: with `r = 1 − Σ p(excluded)`,
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

/** Tokens drawn from a few. */
function scoreFew(
  units: readonly WrittenUnit[],
  { states, table, scale }: Place,
): UnitScores {
  const lists = units.map(({ next }) =>
    next && "only" in next ? next.only : []
  );
  const n = units.length, most = Math.max(...lists.map((x) => x.length));
  const ids = new Int32Array(n * most);
  const mask = new Float32Array(n * most).fill(-1e9);
  const hits = new Float32Array(n * most);
  lists.forEach((list, i) => {
    ids.set(list, i * most);
    mask.fill(0, i * most, i * most + list.length);
    hits[i * most + list.indexOf(units[i]!.token)] = 1;
  });
  const here = tf.expandDims(gatherUnits(units, states).here, 1); // (units, 1, width)
  const words = tf.reshape(
    lookUp(table, tf.tensor1d(ids, "int32")),
    [n, most, states.shape[1]!],
  );
  const logits = tf.mul(tf.sum(tf.mul(words, here), 2), scale); // (units, most)
  const logs = tf.logSoftmax(tf.add(logits, tf.tensor2d(mask, [n, most])));
  const sum = (x: tf.Tensor) => tf.sum(x, 1) as tf.Tensor1D;
  return {
    logProbs: sum(tf.mul(logs, tf.tensor2d(hits, [n, most]))),
    entropies: tf.neg(sum(tf.mul(tf.exp(logs), logs))),
  };
}
