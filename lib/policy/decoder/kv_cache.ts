/**
 * KV caches of episodes, reused from turn to turn: where a prompt extends the conversation so far, only
 * its new tokens are computed.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/** Caches of sequences, with the tokens in them. */
export interface KvCaches {
  /** Keys and values by layer. Shapes `(rows, kvHeads, room, headSize)`. */
  readonly caches: Readonly<Record<string, tf.Tensor>>;
  /** Token ids that were fed, row by row. */
  readonly fed: readonly (readonly number[])[];
  /** Weights that computed them. */
  readonly weights: readonly tf.Tensor[];
}

/** Caches that hold prefixes of prompts. */
export interface FoundKvCaches {
  /** Keys and values by layer; the caller disposes them. */
  readonly caches: Record<string, tf.Tensor>;
  /** Cached tokens of each prompt. Shape `(prompts,)`. */
  readonly places: Int32Array;
  readonly room: number;
}

/** The store, for one batch of episodes. */
export interface BatchKvCache {
  /**
   * Takes the caches of the batch's episodes out of the store.
   *
   * @param prompts Token ids, one sequence for each episode. Shapes `(tokens,)`.
   * @param options The present weights, and positions that will be needed.
   * @returns Caches, or `undefined` when the prompts are better computed anew.
   */
  take(
    prompts: readonly Int32Array[],
    options: { weights: readonly tf.Tensor[]; room: number },
  ): FoundKvCaches | undefined;
  /** Puts the caches of the batch's episodes into the store, which disposes them. */
  put(caches: KvCaches): void;
}

/** KV caches of the episodes of a session. Dispose it with the session. */
export interface KvCacheStore extends Disposable {
  /** The store for some episodes that are decoded together. */
  of(episodes: readonly number[]): BatchKvCache;
  /** Frees the caches of episodes that take no further turn. */
  end(episodes: readonly number[]): void;
}

/** Most cached batches; the oldest is evicted. */
export const KEPT_BATCHES = 8;

/** Most bytes of caches beside the newest batch's; the oldest are evicted. */
export const KEPT_BYTES = 2 ** 30;

/** Share of new tokens in the longest prompt above which recomputing is faster than extending. */
const MOST_NEW = 0.8;

/** Growth factor of widened caches, so that most turns need not widen them. */
const AMPLE = 1.25;

/** A batch whose caches are kept. */
interface KeptBatch {
  readonly caches: Record<string, tf.Tensor>;
  readonly fed: KvCaches["fed"];
  readonly weights: readonly object[];
  /** Episode of each row; `undefined` once its cache is in another batch or the episode has ended. */
  readonly episodes: (number | undefined)[];
}

/** A row of a batch, and the tokens of a prompt that it holds. */
interface Match {
  readonly batch: KeptBatch;
  readonly row: number;
  readonly length: number;
}

/** Opens an empty store. */
export function createKvCacheStore(): KvCacheStore {
  return new Store();
}

class Store implements KvCacheStore {
  readonly #kept: KeptBatch[] = [];

  of(episodes: readonly number[]): BatchKvCache {
    return {
      take: (prompts, options) => this.#take(episodes, prompts, options),
      put: (caches) => this.#put(episodes, caches),
    };
  }

  end(episodes: readonly number[]): void {
    for (const episode of episodes) {
      for (const batch of this.#kept) leave(batch, episode);
    }
    this.#freeSpent();
  }

  [Symbol.dispose](): void {
    for (const { caches } of this.#kept.splice(0)) tf.dispose(caches);
  }

  #put(episodes: readonly number[], { caches, fed, weights }: KvCaches): void {
    this.end(episodes); // their rows in older batches are stale
    const ids = weights.map(({ dataId }) => dataId);
    const kept = this.#kept;
    kept.push({
      caches: { ...caches },
      fed,
      weights: ids,
      episodes: [...episodes],
    });
    while (kept.length > KEPT_BATCHES || overfull(kept)) {
      tf.dispose(kept.shift()!.caches);
    }
  }

  #take(
    episodes: readonly number[],
    prompts: readonly Int32Array[],
    { weights, room }: { weights: readonly tf.Tensor[]; room: number },
  ): FoundKvCaches | undefined {
    const kept = this.#kept;
    const isStale = (batch: KeptBatch) =>
      batch.weights.some((id, i) => id !== weights[i]?.dataId);
    while (kept.length > 0 && isStale(kept[0]!)) {
      tf.dispose(kept.shift()!.caches);
    }
    const rows = matchRows(kept, episodes, prompts);
    if (!rows) return undefined;
    const places = Int32Array.from(rows, ({ length }) => length);
    for (const { batch, row } of rows) batch.episodes[row] = undefined;
    const whole = sameRows(rows, room);
    if (whole) kept.splice(kept.indexOf(whole), 1);
    const found = whole
      ? { caches: whole.caches, room: roomOf(whole) }
      : arrange(rows, room);
    this.#freeSpent();
    return { ...found, places };
  }

  #freeSpent(): void {
    for (const batch of this.#kept.filter(isSpent)) {
      this.#kept.splice(this.#kept.indexOf(batch), 1);
      tf.dispose(batch.caches);
    }
  }
}

/** Takes an episode out of a batch. */
function leave(batch: KeptBatch, episode: number): void {
  const row = batch.episodes.indexOf(episode);
  if (row >= 0) batch.episodes[row] = undefined;
}

/** Whether a batch holds no episode. */
function isSpent({ episodes }: KeptBatch): boolean {
  return episodes.every((episode) => episode === undefined);
}

/** Whether all batches but the newest exceed the limits. */
function overfull(kept: readonly KeptBatch[]): boolean {
  const bytes = kept.slice(0, -1).reduce(
    (sum, { caches }) =>
      sum + Object.values(caches).reduce((all, { size }) => all + 4 * size, 0),
    0,
  );
  return bytes > KEPT_BYTES;
}

/** Positions in the caches of a batch. */
function roomOf({ caches }: KeptBatch): number {
  return Object.values(caches)[0]!.shape[2]!;
}

/** The row of each episode; `undefined` if too much of the prompts is new. */
function matchRows(
  kept: readonly KeptBatch[],
  episodes: readonly number[],
  prompts: readonly Int32Array[],
): Match[] | undefined {
  const [first] = kept;
  if (first === undefined) return undefined;
  const rows = episodes.map((episode, i): Match => {
    for (const batch of kept) {
      const row = batch.episodes.indexOf(episode);
      if (row < 0) continue;
      return { batch, row, length: shared(batch.fed[row]!, prompts[i]!) };
    }
    return { batch: first, row: 0, length: 0 }; // any row, all of it to be overwritten
  });
  const longest = Math.max(...prompts.map(({ length }) => length));
  const added = Math.max(
    ...prompts.map((prompt, i) => prompt.length - rows[i]!.length),
  );
  return added < MOST_NEW * longest ? rows : undefined;
}

/** Length of the common prefix of a prompt and the cached tokens, without the prompt's last token. */
function shared(fed: readonly number[], prompt: Int32Array): number {
  const most = Math.min(fed.length, prompt.length - 1);
  let length = 0;
  while (length < most && fed[length] === prompt[length]) length++;
  return length;
}

/** A cached batch that can be used without copying: same rows, same order, enough room. */
function sameRows(
  rows: readonly Match[],
  room: number,
): KeptBatch | undefined {
  const { batch } = rows[0]!;
  const same = rows.length === batch.fed.length && isSpent(batch) &&
    rows.every((match, i) => match.batch === batch && match.row === i);
  return same && roomOf(batch) >= room ? batch : undefined;
}

/** Copies rows into wider caches; frees the caches of batches without episodes. */
function arrange(
  rows: readonly Match[],
  room: number,
): { caches: Record<string, tf.Tensor>; room: number } {
  const sources = [...new Set(rows.map(({ batch }) => batch))];
  const had = Math.max(...sources.map(roomOf));
  const wide = had >= room ? had : Math.ceil(AMPLE * room);
  const caches: Record<string, tf.Tensor> = {};
  const spent = sources.filter(isSpent);
  for (const name of Object.keys(sources[0]!.caches)) {
    caches[name] = tf.tidy(() => {
      const parts = sources.map((batch) => {
        const wanted = rows.filter((match) => match.batch === batch);
        return widen(pick(batch.caches[name]!, wanted), wide);
      });
      const whole = parts.length === 1
        ? parts[0]!
        : inOrder(parts, sources, rows);
      return tf.keep(whole);
    });
    for (const batch of spent) batch.caches[name]!.dispose(); // layer by layer, to limit peak memory
  }
  return { caches, room: wide };
}

/** Rows of one batch, in the order of the prompts. */
function pick(cache: tf.Tensor, matches: readonly Match[]): tf.Tensor {
  const order = Int32Array.from(matches, ({ row }) => row);
  return tf.gather(cache, tf.tensor1d(order, "int32"));
}

/** The same rows with more positions. */
function widen(cache: tf.Tensor, wide: number): tf.Tensor {
  const had = cache.shape[2]!;
  if (had === wide) return cache;
  return tf.pad(cache, [[0, 0], [0, 0], [0, wide - had], [0, 0]]);
}

/** Rows of several concatenated batches, in the order of the prompts. */
function inOrder(
  parts: readonly tf.Tensor[],
  sources: readonly KeptBatch[],
  rows: readonly Match[],
): tf.Tensor {
  const next = parts.map((_, k) =>
    parts.slice(0, k).reduce((sum, { shape }) => sum + shape[0]!, 0)
  );
  const order = Int32Array.from(
    rows,
    ({ batch }) => next[sources.indexOf(batch)]!++,
  );
  return tf.gather(tf.concat([...parts], 0), tf.tensor1d(order, "int32"));
}
