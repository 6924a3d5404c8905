/**
 * Prefix sharing: a sequence that is a prefix of another is scored in that one's forward pass.
 *
 * @module
 */

/** Which sequences are computed, and which of them each sequence is a prefix of. */
export interface SharedPrefixes {
  /** Indices of the sequences that are computed. */
  readonly computed: readonly number[];
  /** For each sequence, the place in `computed` of one that starts with it. */
  readonly places: readonly number[];
}

/**
 * Finds the sequences that are no prefix of another.
 *
 * Attention is causal, so the states of a sequence are also those at the start of a longer one.
 * The turns of an episode whose prompts are its transcript so far are all computed with the last;
 * so are those of another episode that is equal so far.
 *
 * @param sequences Token ids. Shapes `(tokens,)`.
 */
export function sharePrefixes(
  sequences: readonly Int32Array[],
): SharedPrefixes {
  const order = sequences.map((_, i) => i)
    .sort((a, b) => compareTokens(sequences[a]!, sequences[b]!) || a - b);
  const longer = new Map<number, number>(); // sequence to the one that is computed
  let longest: number | undefined;
  for (const i of order.toReversed()) { // a prefix stands right before what it starts
    if (longest === undefined || !starts(sequences[i]!, sequences[longest]!)) {
      longest = i;
    }
    longer.set(i, longest);
  }
  const computed = sequences.flatMap((_, i) => longer.get(i) === i ? [i] : []);
  const places = new Map(computed.map((index, place) => [index, place]));
  return {
    computed,
    places: sequences.map((_, i) => places.get(longer.get(i)!)!),
  };
}

/** Orders by the first difference; a prefix comes before what it starts. */
function compareTokens(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Whether one sequence is a prefix of another. */
function starts(start: Int32Array, whole: Int32Array): boolean {
  return start.length <= whole.length &&
    start.every((token, i) => token === whole[i]);
}

/**
 * Puts one sequence after another.
 *
 * @param a Token ids. Shape `(tokens,)`.
 * @param b Token ids. Shape `(tokens,)`.
 */
export function joined(a: Int32Array, b: Int32Array): Int32Array<ArrayBuffer> {
  const whole = new Int32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
