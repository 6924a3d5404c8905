/**
 * Token and turn GAE on batches of padded rows.
 *
 * Every matrix is row-major with `rows · width` elements.
 *
 * @module
 */

import { generalizedAdvantages } from "../../lib/hae/gae.ts";
import { checkUnitInterval } from "../../lib/checks.ts";
import { normalizeColumn, type RowLayout, rowLayout } from "./row_layout.ts";

/** Rewards of a batch of padded rows. */
export interface RewardRows extends Pick<RowLayout, "rows" | "width" | "mask"> {
  /** Reward at each token slot. Shape `(rows, width)`. */
  readonly rewards: Float64Array;
}

/** Advantages and value targets of a batch of padded rows. */
export interface RowCredit {
  /** Advantage of each token. Shape `(rows, width)`. */
  readonly advantages: Float64Array;
  /** Return, or value target, of each token. Shape `(rows, width)`. */
  readonly returns: Float64Array;
}

/** Discount and lambda of {@linkcode rowTokenGae} and {@linkcode rowTurnGae}. */
export interface RowGaeOptions {
  /** Discount per token, or per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Weight of later residuals, in `[0, 1]`. @default {1} */
  lambda?: number;
}

/** Throws unless matrices have one number a slot, finite where arithmetic reads it, and columns one element a row. */
export function checkRewardRows(
  rows: RewardRows & { readonly values?: Float64Array },
  columns: Readonly<Record<string, ArrayLike<unknown>>> = {},
): void {
  const { width, mask, rewards, values } = rows;
  const read = { rewards, ...(values ? { values } : {}) };
  const slots = Object.entries({ mask, ...read }).map(([name, { length }]) =>
    [name, length, rows.rows * width] as const
  );
  const elements = Object.entries(columns).map(([name, { length }]) =>
    [name, length, rows.rows] as const
  );
  for (const [name, length, wanted] of [...slots, ...elements]) {
    if (length === wanted) continue;
    throw new RangeError(
      `Cannot assign credit as "${name}" must have ${wanted} elements: current value is ${length}`,
    );
  }
  for (const [name, matrix] of Object.entries(read)) {
    const at = matrix.findIndex((x) => !Number.isFinite(x));
    if (at < 0) continue;
    throw new RangeError(
      `Cannot assign credit as "${name}" must be finite on slot ${
        at % width
      } of row ${Math.floor(at / width)}: current value is ${matrix[at]}`,
    );
  }
}

/** One number a row, at each of its real tokens. */
export function overTokens(
  { rows, width, mask }: RewardRows,
  column: ArrayLike<number>,
): Float64Array {
  const matrix = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    for (let at = i * width; at < (i + 1) * width; at++) {
      if (mask[at] === 1) matrix[at] = column[i]!;
    }
  }
  return matrix;
}

/**
 * Whitens a matrix by the statistics of its masked elements: `(x − mean) / sqrt(variance + 1e-8)`, sample variance.
 *
 * @param values Any shape.
 * @param mask 1 where an element counts. Same shape.
 * @returns Every element whitened, masked or not. Same shape.
 */
export function maskedWhiten(
  values: Float64Array,
  mask: Uint8Array,
): Float64Array {
  const taken = values.filter((_, at) => mask[at] === 1);
  if (taken.length === 0) return values.slice();
  const center = taken.reduce((a, b) => a + b, 0) / taken.length;
  const squares = taken.reduce((sum, x) => sum + (x - center) ** 2, 0);
  const variance = taken.length > 1 ? squares / (taken.length - 1) : 0;
  const scale = Math.sqrt(variance + 1e-8);
  return values.map((x) => (x - center) / scale);
}

/**
 * Estimates token-level GAE of each row by itself; rows are not chained across turns.
 *
 * Padding takes part with its reward and value, so that the value one past the last token is a learned terminal
 * value. Advantages are whitened over real tokens; padding keeps whitened numbers, which a loss masks.
 *
 * @param rows Rewards and values at each token slot.
 * @param options Discount per token, and lambda.
 * @returns Whitened advantages, and returns `A + V` before whitening.
 * @throws {RangeError} If `gamma` or `lambda` is outside `[0, 1]`, a length is wrong or a number not finite.
 * @see {@link https://arxiv.org/abs/1707.06347 | PPO}
 */
export function rowTokenGae(
  rows: RewardRows & {
    /** Value at each token slot. Shape `(rows, width)`. */
    readonly values: Float64Array;
  },
  options: RowGaeOptions = {},
): RowCredit {
  const { gamma = 1, lambda = 1 } = options;
  const { width, rewards, values, mask } = rows;
  checkUnitInterval("assign credit", { gamma });
  checkRewardRows(rows);
  const raw = new Float64Array(values.length);
  for (let i = 0; i < rows.rows; i++) {
    const from = i * width, to = from + width;
    const nextValues = new Float64Array(width);
    nextValues.set(values.subarray(from + 1, to));
    raw.set(
      generalizedAdvantages({
        rewards: rewards.subarray(from, to),
        values: values.subarray(from, to),
        nextValues,
        discounts: new Float64Array(width).fill(gamma),
      }, lambda),
      from,
    );
  }
  return {
    advantages: maskedWhiten(raw, mask),
    returns: raw.map((a, at) => a + values[at]!),
  };
}

/**
 * Estimates GAE over turns: rows of an episode are chained, copies of a turn share its advantage.
 *
 * A turn's reward is the sum over its tokens, its value that of its first token; a cut-off episode leads to 0.
 *
 * @param rows Rewards and values at each token slot, with the episode and turn of each row.
 * @param options Discount per turn, and lambda.
 * @returns Advantages whitened over the rows that have tokens, returns, and the slots where values are trained.
 * @throws {RangeError} If `gamma` or `lambda` is outside `[0, 1]`, a length is wrong or a number not finite.
 */
export function rowTurnGae(
  rows: RewardRows & RowLayout & {
    /** Value at each token slot. Shape `(rows, width)`. */
    readonly values: Float64Array;
    /** 1 where the world said that the episode is over after this turn. Shape `(rows,)`. */
    readonly done: Uint8Array;
  },
  options: RowGaeOptions = {},
): RowCredit & { readonly valueMask: Uint8Array } {
  const { gamma = 1, lambda = 1 } = options;
  const { width, rewards, mask, done } = rows;
  checkUnitInterval("assign credit", { gamma });
  checkRewardRows(rows, { done });
  const layout = rowLayout(rows, "dedupe");
  const { order, offsets, position, lengths } = layout;
  const values = Float64Array.from(
    order,
    (row) => lengths[row]! > 0 ? rows.values[row * width]! : 0,
  );
  const ends = new Set(offsets);
  const last = (p: number) => ends.has(p + 1);
  const advantages = generalizedAdvantages({
    rewards: Float64Array.from(order, (row) => {
      let sum = 0;
      for (let at = row * width; at < (row + 1) * width; at++) {
        sum += rewards[at]! * mask[at]!;
      }
      return sum;
    }),
    values,
    nextValues: values.map((_, p) => last(p) ? 0 : values[p + 1]!),
    // The chain is cut where the world ended it, and between episodes.
    discounts: Float64Array.from(
      order,
      (row, p) => last(p) || done[row] === 1 ? 0 : gamma,
    ),
  }, lambda);
  const byRow = (column: Float64Array) =>
    Float64Array.from(position, (p) => column[p]!);
  const raw = byRow(advantages);
  const some = Uint8Array.from(lengths, (length) => length > 0 ? 1 : 0);
  const returns = byRow(advantages.map((a, p) => a + values[p]!));
  return {
    advantages: overTokens(rows, normalizeColumn(raw, some, "whiten")),
    returns: overTokens(rows, returns),
    valueMask: mask.map((one, at) => at % width === 0 ? one : 0),
  };
}
