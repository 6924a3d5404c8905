/**
 * Sequences that begin alike, read once: whoever reads the longest has read those it starts with.
 *
 * @module
 */

/** Which sequences are read, and where each one is found in them. */
export interface SharedReadings {
  /** Indices of the sequences that are read. */
  readonly read: readonly number[];
  /** For each sequence, the place in `read` of one that starts with it. */
  readonly host: readonly number[];
}

/**
 * Finds the sequences that are not the start of another.
 *
 * Attention is causal, so the states of a sequence are also those at the start of a longer one.
 * The turns of an episode whose prompts are its transcript so far are all read with the last.
 *
 * @param sequences Token ids. Shapes `(tokens,)`.
 * @returns What to read, and where the others are; of equal sequences one is read.
 */
export function shareReadings(
  sequences: readonly Int32Array[],
): SharedReadings {
  const order = sequences.map((_, i) => i)
    .sort((a, b) => compareTokens(sequences[a]!, sequences[b]!) || a - b);
  const hosts = new Map<number, number>(); // sequence to the one that is read
  let longest: number | undefined;
  for (const i of order.toReversed()) { // a start stands right before what it starts
    if (longest === undefined || !starts(sequences[i]!, sequences[longest]!)) {
      longest = i;
    }
    hosts.set(i, longest);
  }
  const read = sequences.flatMap((_, i) => hosts.get(i) === i ? [i] : []);
  const places = new Map(read.map((index, place) => [index, place]));
  return { read, host: sequences.map((_, i) => places.get(hosts.get(i)!)!) };
}

/** Orders by the first difference; a start comes before what it starts. */
function compareTokens(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Whether one sequence is the start of another. */
function starts(start: Int32Array, whole: Int32Array): boolean {
  return start.length <= whole.length &&
    start.every((token, i) => token === whole[i]);
}

/**
 * Puts one sequence after another.
 *
 * @param a Token ids. Shape `(tokens,)`.
 * @param b Token ids. Shape `(tokens,)`.
 * @returns A new sequence.
 */
export function joined(a: Int32Array, b: Int32Array): Int32Array<ArrayBuffer> {
  const whole = new Int32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
