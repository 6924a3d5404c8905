/**
 * Keys and values of what a decoder has read, kept from one reply to the next.
 *
 * When the prompt of a turn begins with the conversation so far, only what is new is read.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";

/** Caches of some sequences, and what was fed to fill them. */
export interface KeptReading {
  /** Keys and values by layer. Shapes `(rows, groups, room, size)`. */
  readonly caches: Readonly<Record<string, tf.Tensor>>;
  /** Token ids that were fed, row by row. */
  readonly fed: readonly (readonly number[])[];
  /** How many of them were the prompt. Shape `(rows,)`. */
  readonly asked: readonly number[];
  /** Weights that read them. */
  readonly weights: readonly tf.Tensor[];
}

/** Caches that hold the beginnings of some prompts. */
export interface RecalledReading {
  /** Keys and values by layer; the caller disposes them. */
  readonly caches: Record<string, tf.Tensor>;
  /** Tokens of each prompt that are in them. */
  readonly places: Int32Array;
  /** Positions in the caches. */
  readonly room: number;
}

/** Remembers the last batches that were read. Dispose it when the weights are. */
export interface ReadingMemory extends Disposable {
  /** Forgets everything, so that what is read next depends on nothing that was read before. */
  forget(): void;
  /** Takes what a decoder has read; it is the memory's to dispose. */
  keep(reading: KeptReading): void;
  /**
   * Looks for the caches that hold most of some prompts. Those that the prompts go on from are
   * handed out; of those that only begin alike, a copy is, as others may go on from them.
   *
   * @param prompts Token ids. Shapes `(tokens,)`.
   * @param options The weights at hand, and positions that will be needed.
   * @returns Caches, or `undefined` when the prompts are better read anew.
   */
  recall(
    prompts: readonly Int32Array[],
    options: { weights: readonly tf.Tensor[]; room: number },
  ): RecalledReading | undefined;
}

/** Batches that are remembered; the oldest is forgotten. */
export const KEPT_BATCHES = 8;

/** Share of the longest prompt up to which reading what is new beats reading all anew. */
const MOST_NEW = 0.8;

/**
 * Makes a memory.
 *
 * @returns A memory of nothing.
 */
export function createReadingMemory(): ReadingMemory {
  const kept: Kept[] = [];
  const free = ({ caches }: Kept) => tf.dispose(caches);
  const forget = () => {
    for (const one of kept.splice(0)) free(one);
  };
  return {
    forget,
    keep({ caches, fed, asked, weights }) {
      const ids = weights.map(({ dataId }) => dataId);
      kept.push({ caches: { ...caches }, fed, asked, ids });
      if (kept.length > KEPT_BATCHES) free(kept.shift()!);
    },
    recall(prompts, { weights, room }) {
      const stale = (one: Kept) =>
        one.ids.some((id, i) => id !== weights[i]?.dataId);
      while (kept.length > 0 && stale(kept[0]!)) free(kept.shift()!);
      const best = leastNew(kept, prompts);
      if (!best) return undefined;
      const { one, rows } = best;
      const handOut = rows.every(({ row, length }) =>
        length >= one.asked[row]!
      );
      if (handOut) kept.splice(kept.indexOf(one), 1);
      const places = Int32Array.from(rows, ({ length }) => length);
      return { ...arranged(one.caches, rows, { room, handOut }), places };
    },
    [Symbol.dispose]: forget,
  };
}

interface Kept {
  readonly caches: Record<string, tf.Tensor>;
  readonly fed: KeptReading["fed"];
  readonly asked: KeptReading["asked"];
  readonly ids: readonly object[];
}

/** A row, and how much of a prompt it holds. */
interface Match {
  readonly row: number;
  readonly length: number;
}

/** The row that holds most of a prompt, its last token apart, which has to be fed to go on. */
function bestRow(fed: KeptReading["fed"], prompt: Int32Array): Match {
  let best: Match = { row: 0, length: 0 };
  for (const [row, tokens] of fed.entries()) {
    const most = Math.min(tokens.length, prompt.length - 1);
    let length = 0;
    while (length < most && tokens[length] === prompt[length]) length++;
    if (length > best.length) best = { row, length };
  }
  return best;
}

/** The reading after which the fewest tokens are new, if those are few enough; the oldest of equals. */
function leastNew(
  kept: readonly Kept[],
  prompts: readonly Int32Array[],
): { one: Kept; rows: Match[] } | undefined {
  const longest = Math.max(...prompts.map(({ length }) => length));
  let best: { one: Kept; rows: Match[] } | undefined;
  let least = MOST_NEW * longest;
  for (const one of kept) {
    const rows = prompts.map((prompt) => bestRow(one.fed, prompt));
    const added = Math.max(
      ...prompts.map((prompt, i) => prompt.length - rows[i]!.length),
    );
    if (best ? added >= least : added > least) continue;
    best = { one, rows };
    least = added;
  }
  return best;
}

/** The rows that are wanted, with room for more: copied, or handed out and the rest freed. */
function arranged(
  caches: Record<string, tf.Tensor>,
  rows: readonly Match[],
  { room, handOut }: { room: number; handOut: boolean },
): { caches: Record<string, tf.Tensor>; room: number } {
  const [count, , had] = Object.values(caches)[0]!.shape as [
    number,
    number,
    number,
  ];
  const same = rows.length === count && rows.every(({ row }, i) => row === i);
  if (handOut && same && had >= room) return { caches, room: had };
  const wide = had >= room ? had : 2 * room;
  const order = Int32Array.from(rows, ({ row }) => row);
  const moved = Object.entries(caches).map(([name, cache]) => {
    const fresh = tf.tidy(() => {
      const picked = tf.gather(cache, tf.tensor1d(order, "int32"));
      if (wide === had) return picked;
      return tf.pad(picked, [[0, 0], [0, 0], [0, wide - had], [0, 0]]);
    });
    if (handOut) cache.dispose();
    return [name, tf.keep(fresh)] as const;
  });
  return { caches: Object.fromEntries(moved), room: wide };
}
