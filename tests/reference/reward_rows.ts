/**
 * Where the reward of a row sits, and the penalties that are added there.
 *
 * @module
 */

/** What {@linkcode placeRewards} reads. */
export interface RewardPlacement {
  /** Number of rows. */
  readonly rows: number;
  /** Token slots of a row. */
  readonly width: number;
  /** Real tokens of each row. Shape `(rows,)`. */
  readonly lengths: ArrayLike<number>;
  /** Reward of each row: its turn's, or its whole episode's. Shape `(rows,)`. */
  readonly rewards: ArrayLike<number>;
  /** What each reward is divided by: tokens of the row, or turns of the episode. Shape `(rows,)`; absent means 1. */
  readonly divisors?: ArrayLike<number>;
}

/**
 * Places one reward a row at its last real token; rows without tokens get none.
 *
 * @param placement Rewards and lengths.
 * @returns Rewards at token slots. Shape `(rows, width)`.
 * @throws {RangeError} If a row has more tokens than slots.
 */
export function placeRewards(placement: RewardPlacement): Float64Array {
  const { rows, width, rewards, divisors } = placement;
  const matrix = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const slot = lastSlot(placement, i);
    if (slot < 0) continue;
    matrix[slot] = rewards[i]! / (divisors?.[i] ?? 1);
  }
  return matrix;
}

/**
 * Adds an amount at the last real token of the rows that are flagged.
 *
 * A penalty for invalid replies flags them with a negative amount; the flat penalty for keeping flags rows whose
 * parsed switch word is KEEP.
 *
 * @param matrix Rewards at token slots; left as they are. Shape `(rows, width)`.
 * @param layout Number of rows, slots and real tokens.
 * @param penalty The amount, and which rows get it. Flags have shape `(rows,)`.
 * @returns New rewards. Shape `(rows, width)`.
 * @throws {RangeError} If a row has more tokens than slots.
 */
export function addAtLastToken(
  matrix: Float64Array,
  layout: Pick<RewardPlacement, "rows" | "width" | "lengths">,
  penalty: { amount: number; flagged: ArrayLike<number | boolean> },
): Float64Array {
  const result = matrix.slice();
  for (let i = 0; i < layout.rows; i++) {
    const slot = lastSlot(layout, i);
    if (slot >= 0 && penalty.flagged[i]) result[slot]! += penalty.amount;
  }
  return result;
}

/** Index of a row's last real token in the matrix; -1 for a row without tokens. */
function lastSlot(
  { width, lengths }: Pick<RewardPlacement, "width" | "lengths">,
  row: number,
): number {
  const length = lengths[row]!;
  if (!(length >= 0 && length <= width)) {
    throw new RangeError(
      `Cannot place rewards as a row must have at most ${width} tokens: row ${row} has ${length}`,
    );
  }
  return length === 0 ? -1 : row * width + length - 1;
}
