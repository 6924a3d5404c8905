/**
 * Log-probabilities and entropies of the tokens of replies among what could have been written in their places.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { lookUp, tokenLogProbs } from "../decoder/layers.ts";
import type { NextTokens } from "./grammar.ts";

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
