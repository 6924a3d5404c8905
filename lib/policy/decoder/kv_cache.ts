/**
 * Keys and values of what a decoder has read, kept from one reply to the next.
 *
 * When the prompt of a turn begins with the conversation so far, only what is new is read.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/** Caches of some sequences, and what was fed to fill them. */
export interface KeptReading {
  /** Keys and values by layer. Shapes `(rows, kvHeads, room, size)`. */
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
   * Looks, for each prompt, for the row that holds most of it, in whatever batch it was read.
   *
   * A row that a prompt goes on from is that prompt's alone from now on; of one that only begins
   * alike, a copy is handed out, as others may go on from it.
   *
   * @param prompts Token ids. Shapes `(tokens,)`.
   * @param options The weights at hand, and positions that will be needed.
   * @returns Caches, or `undefined` when the prompts are better read anew.
   */
  recall(
    prompts: readonly Int32Array[],
    options: { weights: readonly tf.Tensor[]; room: number },
  ): RecalledReading | undefined;
  /**
   * Forgets batches that some prompts went on from: the episodes of their other rows have ended.
   * To be called when all episodes that are played side by side have had their turn.
   */
  settle(): void;
}

/** Batches that are remembered; the oldest is forgotten. */
export const KEPT_BATCHES = 8;

/** Bytes of caches that are remembered beside the newest batch's; the oldest are forgotten. */
export const KEPT_BYTES = 2 ** 30;

/** Share of the longest prompt from which on reading all anew beats reading what is new. */
const MOST_NEW = 0.8;

/** Room of widened caches over what is needed now, so that most turns need not widen them. */
const AMPLE = 1.25;

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
  const release = (one: Kept) => {
    kept.splice(kept.indexOf(one), 1);
    free(one);
  };
  return {
    forget,
    keep({ caches, fed, asked, weights }) {
      const ids = weights.map(({ dataId }) => dataId);
      const gone = new Set<number>();
      kept.push({ caches: { ...caches }, fed, asked, ids, gone });
      while (kept.length > KEPT_BATCHES || overfull(kept)) {
        free(kept.shift()!);
      }
    },
    recall(prompts, { weights, room }) {
      const stale = (one: Kept) =>
        one.ids.some((id, i) => id !== weights[i]?.dataId);
      while (kept.length > 0 && stale(kept[0]!)) free(kept.shift()!);
      const rows = matchRows(kept, prompts);
      if (!rows) return undefined;
      const places = Int32Array.from(rows, ({ length }) => length);
      for (const { one, row, length } of rows) {
        if (length >= one.asked[row]!) one.gone.add(row);
      }
      const whole = handedOver(rows, room);
      if (whole) kept.splice(kept.indexOf(whole), 1);
      const found = whole
        ? { caches: whole.caches, room: roomOf(whole) }
        : arranged(rows, room);
      for (const one of kept.filter(isSpent)) release(one);
      return { ...found, places };
    },
    settle() {
      for (const one of kept.filter(({ gone }) => gone.size > 0)) release(one);
    },
    [Symbol.dispose]: forget,
  };
}

interface Kept {
  readonly caches: Record<string, tf.Tensor>;
  readonly fed: KeptReading["fed"];
  readonly asked: KeptReading["asked"];
  readonly ids: readonly object[];
  /** Rows that a prompt went on from. */
  readonly gone: Set<number>;
}

/** A row of a batch, and how much of a prompt it holds. */
interface Match {
  readonly one: Kept;
  readonly row: number;
  readonly length: number;
}

/** Whether prompts went on from all of its rows. */
function isSpent({ gone, fed }: Kept): boolean {
  return gone.size === fed.length;
}

/** Whether the older batches are too large together; the newest is needed in any case. */
function overfull(kept: readonly Kept[]): boolean {
  const bytes = kept.slice(0, -1).reduce(
    (sum, { caches }) =>
      sum + Object.values(caches).reduce((all, { size }) => all + 4 * size, 0),
    0,
  );
  return bytes > KEPT_BYTES;
}

/** Positions in the caches of a batch. */
function roomOf({ caches }: Kept): number {
  return Object.values(caches)[0]!.shape[2]!;
}

/** For each prompt the row that holds most of it, if little enough is new; the oldest of equals. */
function matchRows(
  kept: readonly Kept[],
  prompts: readonly Int32Array[],
): Match[] | undefined {
  if (kept.length === 0) return undefined;
  const claimed = new Map<Kept, Set<number>>();
  const rows = prompts.map((prompt) => {
    const match = bestRow(kept, prompt, claimed);
    const { one, row, length } = match;
    if (length >= one.asked[row]!) { // of equal prompts each goes on from a row of its own
      claimed.set(one, (claimed.get(one) ?? new Set()).add(row));
    }
    return match;
  });
  const longest = Math.max(...prompts.map(({ length }) => length));
  const added = Math.max(
    ...prompts.map((prompt, i) => prompt.length - rows[i]!.length),
  );
  return added < MOST_NEW * longest ? rows : undefined;
}

/** The row that holds most of a prompt, its last token apart, which has to be fed to go on. */
function bestRow(
  kept: readonly Kept[],
  prompt: Int32Array,
  claimed: ReadonlyMap<Kept, ReadonlySet<number>>,
): Match {
  let best: Match = { one: kept[0]!, row: 0, length: 0 };
  for (const one of kept) {
    const taken = claimed.get(one);
    for (const [row, tokens] of one.fed.entries()) {
      if (one.gone.has(row) || taken?.has(row)) continue;
      const most = Math.min(tokens.length, prompt.length - 1);
      let length = 0;
      while (length < most && tokens[length] === prompt[length]) length++;
      if (length > best.length) best = { one, row, length };
    }
  }
  return best;
}

/** The batch whose caches serve as they are: all its rows, in order, each gone on from, and room enough. */
function handedOver(rows: readonly Match[], room: number): Kept | undefined {
  const { one } = rows[0]!;
  const same = rows.length === one.fed.length && isSpent(one) &&
    rows.every((match, i) => match.one === one && match.row === i);
  return same && roomOf(one) >= room ? one : undefined;
}

/** Copies of the rows that are wanted, with room for more; frees batches with no rows left. */
function arranged(
  rows: readonly Match[],
  room: number,
): { caches: Record<string, tf.Tensor>; room: number } {
  const sources = [...new Set(rows.map(({ one }) => one))];
  const had = Math.max(...sources.map(roomOf));
  const wide = had >= room ? had : Math.ceil(AMPLE * room);
  const caches: Record<string, tf.Tensor> = {};
  const spent = sources.filter(isSpent);
  for (const name of Object.keys(sources[0]!.caches)) {
    caches[name] = tf.tidy(() => {
      const parts = sources.map((one) => {
        const wanted = rows.filter((match) => match.one === one);
        return widened(pick(one.caches[name]!, wanted), wide);
      });
      const whole = parts.length === 1
        ? parts[0]!
        : inOrder(parts, sources, rows);
      return tf.keep(whole);
    });
    for (const one of spent) one.caches[name]!.dispose(); // sooner than it is forgotten
  }
  return { caches, room: wide };
}

/** Rows of one batch, in the order of the prompts. */
function pick(cache: tf.Tensor, matches: readonly Match[]): tf.Tensor {
  const order = Int32Array.from(matches, ({ row }) => row);
  return tf.gather(cache, tf.tensor1d(order, "int32"));
}

/** The same rows with more positions. */
function widened(cache: tf.Tensor, wide: number): tf.Tensor {
  const had = cache.shape[2]!;
  if (had === wide) return cache;
  return tf.pad(cache, [[0, 0], [0, 0], [0, wide - had], [0, 0]]);
}

/** Rows of several batches, one batch after the other, put in the order of the prompts. */
function inOrder(
  parts: readonly tf.Tensor[],
  sources: readonly Kept[],
  rows: readonly Match[],
): tf.Tensor {
  const next = parts.map((_, k) =>
    parts.slice(0, k).reduce((sum, { shape }) => sum + shape[0]!, 0)
  );
  const order = Int32Array.from(
    rows,
    ({ one }) => next[sources.indexOf(one)]!++,
  );
  return tf.gather(tf.concat([...parts], 0), tf.tensor1d(order, "int32"));
}
