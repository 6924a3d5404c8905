/**
 * Finding episodes in rows: which rows belong together, in which order, and which are copies.
 *
 * @module
 */

import { checkChoice } from "../../lib/checks.ts";
import {
  type Normalization,
  normalizeInPlace,
} from "../../lib/hae/normalize.ts";

/** Which turn each row of a padded batch is. */
export interface RowLayout {
  /** Number of rows. */
  readonly rows: number;
  /** Token slots of a row. */
  readonly width: number;
  /** Episode of each row. Shape `(rows,)`. */
  readonly episode: readonly string[];
  /** Place of each row in its episode; only the order matters. Shape `(rows,)`. */
  readonly turn: ArrayLike<number>;
  /** 1 at real tokens, which come first. Shape `(rows, width)`. */
  readonly mask: Uint8Array;
}

/** Rows put in the order of their episodes. */
export interface OrderedRows {
  /** Row at each position, episode after episode. Shape `(positions,)`. */
  readonly order: Int32Array;
  /** Position of each row; copies share that of the row they copy. Shape `(rows,)`. */
  readonly position: Int32Array;
  /** Position at which each episode starts, then their number. Shape `(episodes + 1,)`. */
  readonly offsets: Int32Array;
  /** Name of each episode. Shape `(episodes,)`. */
  readonly episodes: readonly string[];
  /** Number of real tokens of each row. Shape `(rows,)`. */
  readonly lengths: Int32Array;
}

/**
 * Orders rows by episode and turn; equal turns keep their order in the batch.
 *
 * @param layout Which turn each row is.
 * @param duplicates Whether rows of the same episode and turn share one position or get one each.
 * @throws {RangeError} If a column has not one element for each row, the mask not one for each slot, or a turn's
 * place is not a number.
 */
export function rowLayout(
  layout: RowLayout,
  duplicates: "dedupe" | "reference",
): OrderedRows {
  const { rows, width, episode, turn, mask } = layout;
  checkChoice("assign credit", { duplicates }, ["dedupe", "reference"]);
  for (
    const [name, length] of [["episode", episode.length], [
      "turn",
      turn.length,
    ]] as const
  ) {
    if (length === rows) continue;
    throw new RangeError(
      `Cannot order rows as "${name}" must have ${rows} elements: current value is ${length}`,
    );
  }
  if (mask.length !== rows * width) {
    throw new RangeError(
      `Cannot order rows as "mask" must have ${rows} times ${width} elements: current value is ${mask.length}`,
    );
  }
  const lost = Array.from(turn).findIndex((place) => !Number.isFinite(place));
  if (lost >= 0) {
    throw new RangeError(
      `Cannot order rows as "turn" must be finite: row ${lost} of episode "${
        episode[lost]
      }" has ${turn[lost]}`,
    );
  }
  const groups = groupRows(episode);
  const order: number[] = [], offsets: number[] = [0];
  const position = new Int32Array(rows);
  for (const members of groups.values()) {
    members.sort((a, b) => turn[a]! - turn[b]!);
    for (const row of members) {
      const last = order.at(-1);
      const copy = duplicates === "dedupe" && last !== undefined &&
        order.length > offsets.at(-1)! && turn[last] === turn[row];
      if (!copy) order.push(row);
      position[row] = order.length - 1;
    }
    offsets.push(order.length);
  }
  const lengths = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let at = row * width; at < (row + 1) * width; at++) {
      lengths[row]! += mask[at]!;
    }
  }
  return {
    order: Int32Array.from(order),
    position,
    offsets: Int32Array.from(offsets),
    episodes: [...groups.keys()],
    lengths,
  };
}

/** Rows of each key, keys in the order in which they are first met. */
export function groupRows<K>(keys: readonly K[]): Map<K, number[]> {
  const groups = new Map<K, number[]>();
  for (const [row, key] of keys.entries()) {
    const members = groups.get(key);
    if (members) members.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

/** Union of masks over the rows that pass, real tokens only; also says which rows have any. */
export function collectMasks(
  layout: RowLayout,
  masks: readonly (Uint8Array | undefined)[],
  passes: (row: number) => boolean,
): { tokens: Uint8Array; some: Uint8Array } {
  const { rows, width, mask } = layout;
  const tokens = new Uint8Array(rows * width), some = new Uint8Array(rows);
  for (const one of masks) {
    if (!one) continue;
    for (let row = 0; row < rows; row++) {
      if (!passes(row)) continue;
      for (let at = row * width; at < (row + 1) * width; at++) {
        if (one[at] === 1 && mask[at] === 1) tokens[at] = some[row] = 1;
      }
    }
  }
  return { tokens, some };
}

/** Normalizes a copy of a column over the elements where a mask is 1; the others become 0. */
export function normalizeColumn(
  values: Float64Array,
  mask: Uint8Array,
  mode: Normalization,
): Float64Array {
  const copy = values.slice();
  normalizeInPlace(copy, mask, mode);
  return copy;
}
