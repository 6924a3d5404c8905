/**
 * Similarity of texts by matching blocks (Ratcliff and Obershelp's gestalt pattern matching).
 *
 * Reproduces what Python's `difflib.SequenceMatcher` computes, its popularity rule included, because
 * published agents and simulators compare observations and attributes with it.
 *
 * @see {@link https://docs.python.org/3/library/difflib.html | Python's difflib}
 *
 * @module
 */

/** A run of equal elements: `a[startA + k] === b[startB + k]` for `k` below `length`. */
export interface MatchingBlock {
  readonly startA: number;
  readonly startB: number;
  readonly length: number;
}

/** Half-open ranges of both sequences still to be compared. */
interface Ranges {
  readonly lowA: number;
  readonly highA: number;
  readonly lowB: number;
  readonly highB: number;
}

const NOWHERE: readonly number[] = [];

/**
 * Finds the runs that two sequences share, in order and not touching: the longest first, then left
 * and right of it.
 *
 * Of equally long runs the one that starts first in `a` wins, then the one that starts first in
 * `b`. Elements are compared with `===`. Time grows with the number of equal pairs, at worst with
 * the product of both lengths for each block.
 */
export function matchingBlocks<T>(
  a: readonly T[],
  b: readonly T[],
): MatchingBlock[] {
  const places = placesOf(b);
  const lengths = [new Int32Array(b.length + 1), new Int32Array(b.length + 1)];
  const found: MatchingBlock[] = [];
  const open: Ranges[] = [
    { lowA: 0, highA: a.length, lowB: 0, highB: b.length },
  ];
  for (let ranges = open.pop(); ranges; ranges = open.pop()) {
    const seed = longestRun(a, { places, ranges, lengths });
    const block = extendRun(a, b, { seed, ranges });
    if (block.length === 0) continue;
    found.push(block);
    const { lowA, highA, lowB, highB } = ranges;
    const { startA, startB, length } = block;
    if (lowA < startA && lowB < startB) {
      open.push({ lowA, highA: startA, lowB, highB: startB });
    }
    if (startA + length < highA && startB + length < highB) {
      open.push({ lowA: startA + length, highA, lowB: startB + length, highB });
    }
  }
  found.sort((x, y) => x.startA - y.startA);
  return joinTouching(found);
}

/**
 * Measures how alike two texts are: `2 * matched / (|a| + |b|)`, in code points; 1 when both are
 * empty.
 *
 * Not symmetric: the popularity rule and ties look at `b`.
 */
export function similarityRatio(
  a: string,
  b: string,
): number {
  const pointsA = [...a], pointsB = [...b];
  const total = pointsA.length + pointsB.length;
  if (total === 0) return 1;
  let matched = 0;
  for (const block of matchingBlocks(pointsA, pointsB)) {
    matched += block.length;
  }
  return 2 * matched / total;
}

/**
 * Places of each element in `b`, in increasing order, without the popular ones: of at least 200
 * elements, those that occur more than `floor(length / 100) + 1` times. They start no block, but a
 * block grows over them.
 */
function placesOf<T>(
  b: readonly T[],
): ReadonlyMap<T, readonly number[]> {
  const places = new Map<T, number[]>();
  for (const [j, element] of b.entries()) {
    const known = places.get(element);
    if (known) known.push(j);
    else places.set(element, [j]);
  }
  if (b.length >= 200) {
    const limit = Math.floor(b.length / 100) + 1;
    for (const [element, known] of places) {
      if (known.length > limit) places.delete(element);
    }
  }
  return places;
}

/** The longest run within the ranges that uses no popular element; of length 0 at the ranges' start if none. */
function longestRun<T>(
  a: readonly T[],
  search: {
    readonly places: ReadonlyMap<T, readonly number[]>;
    readonly ranges: Ranges;
    readonly lengths: readonly Int32Array[];
  },
): MatchingBlock {
  const { lowA, highA, lowB, highB } = search.ranges;
  let best = { startA: lowA, startB: lowB, length: 0 };
  let current = search.lengths[0]!, previous = search.lengths[1]!;
  let toClear = NOWHERE;
  for (let i = lowA; i < highA; i++) {
    const here = search.places.get(a[i]!) ?? NOWHERE;
    for (const j of here) {
      if (j < lowB) continue;
      if (j >= highB) break;
      // lengths[j + 1] is the length of the run that ends at (i, j).
      const length = previous[j]! + 1;
      current[j + 1] = length;
      if (length > best.length) {
        best = { startA: i - length + 1, startB: j - length + 1, length };
      }
    }
    for (const j of toClear) previous[j + 1] = 0;
    toClear = here;
    [current, previous] = [previous, current];
  }
  for (const j of toClear) previous[j + 1] = 0;
  return best;
}

/** Grows a run in both directions over equal elements, popular ones too. */
function extendRun<T>(
  a: readonly T[],
  b: readonly T[],
  run: { readonly seed: MatchingBlock; readonly ranges: Ranges },
): MatchingBlock {
  const { lowA, highA, lowB, highB } = run.ranges;
  let { startA, startB, length } = run.seed;
  while (startA > lowA && startB > lowB && a[startA - 1] === b[startB - 1]) {
    startA--, startB--, length++;
  }
  while (
    startA + length < highA && startB + length < highB &&
    a[startA + length] === b[startB + length]
  ) length++;
  return { startA, startB, length };
}

/** Makes one block of blocks that touch in both sequences. */
function joinTouching(blocks: readonly MatchingBlock[]): MatchingBlock[] {
  const joined: MatchingBlock[] = [];
  for (const block of blocks) {
    const last = joined.at(-1);
    if (
      last && last.startA + last.length === block.startA &&
      last.startB + last.length === block.startB
    ) {
      joined[joined.length - 1] = {
        ...last,
        length: last.length + block.length,
      };
    } else joined.push(block);
  }
  return joined;
}
