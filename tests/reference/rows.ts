/**
 * Hierarchical advantages of row batches: one row a turn, padded to a fixed number of token slots.
 *
 * This is the layout of trainers that flatten episodes before credit. The estimation is that of
 * {@linkcode hierarchicalAdvantages}; this file only finds episodes in rows and spreads numbers over tokens. Every
 * matrix is row-major with `rows · width` elements.
 *
 * @module
 */

import {
  type ByDecision,
  byDecision,
  DECISIONS,
} from "../../lib/trajectory.ts";
import {
  type HaeColumns,
  type HaeOptions,
  hierarchicalAdvantages,
} from "../../lib/hae/hae.ts";
import { checkChoice } from "../../lib/checks.ts";
import { type Normalization, NORMALIZATIONS } from "../../lib/hae/normalize.ts";
import {
  collectMasks,
  normalizeColumn,
  type OrderedRows,
  rowLayout,
} from "./row_layout.ts";
import {
  boundaryFlags,
  checkRows,
  type HaeRows,
  hasSwitchingHead,
  readValues,
  rewordedFlags,
  tails,
} from "./row_inputs.ts";
import type { ShapingOptions } from "../../lib/hae/shaping.ts";

/** Settings of {@linkcode rowAdvantages}. */
export interface HaeRowOptions
  extends Omit<HaeOptions, "heads" | "switching">, ShapingOptions {
  /** How advantages are normalized, each decision over the rows that have tokens of it. @default {"none"} */
  normalize?: Normalization;
  /**
   * Rows with the same episode and turn: `dedupe` credits them once and copies the result, `reference` takes each
   * copy for a further turn, as the authors' code does with the copies that pad a batch.
   *
   * @default {"dedupe"}
   */
  duplicates?: "dedupe" | "reference";
  /** Whether the planner's advantage also goes to the switching tokens of segment starts. @default {false} */
  planningToSwitching?: boolean;
  /** Whether the planner's advantage goes to the subgoal tokens of segment starts. @default {true} */
  planningToPlanning?: boolean;
  /** Whether the switching advantage goes to the switching tokens. @default {true} */
  switchingToSwitching?: boolean;
}

/** What {@linkcode rowAdvantages} gives. */
export interface HaeRowCredit {
  /** Sum over decisions: what the policy gradient sees. Shape `(rows, width)`. */
  readonly total: Float64Array;
  /** Advantages spread over each decision's tokens. Shape `(rows, width)` each. */
  readonly advantages: ByDecision<Float64Array>;
  /** Value targets at the slots where heads are read. Shape `(rows, width)` each. */
  readonly returns: ByDecision<Float64Array>;
  /** Tokens that learn from each decision's advantage. Shape `(rows, width)` each. */
  readonly masks: ByDecision<Uint8Array>;
  /** Numbers of each row before they are spread. Shape `(rows,)` each. */
  readonly turns: {
    /** Rewards after shaping. */
    readonly rewards: Float64Array;
    /** Values that were read. */
    readonly values: ByDecision<Float64Array>;
    /** 1 where a segment starts. */
    readonly boundaries: Uint8Array;
    /** Advantages, normalized if asked for. */
    readonly advantages: ByDecision<Float64Array>;
    /** Value targets; 0 where there is none. */
    readonly targets: ByDecision<Float64Array>;
  };
}

/**
 * Shapes rewards, estimates hierarchical advantages and spreads them over tokens.
 *
 * @param rows A batch of padded rows, in any order.
 * @param options Discount, lambdas, shaping, normalization.
 * @returns Advantages, returns and masks in the same layout.
 * @throws {RangeError} If a matrix has the wrong size, a setting is out of range, or a number that is read is not finite.
 * @throws {TypeError} If `truncation` is `bootstrap`, an episode is cut off, and no bootstrap values are given.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, hierarchical advantage estimation
 */
export function rowAdvantages(
  rows: HaeRows,
  options: HaeRowOptions = {},
): HaeRowCredit {
  const { normalize = "none", duplicates = "dedupe" } = options;
  checkChoice("assign credit", { normalize }, NORMALIZATIONS);
  checkRows(rows);
  const layout = rowLayout(rows, duplicates);
  const values = readValues(rows, layout.lengths);
  const batch = orderedBatch(rows, { layout, values, options });
  const boundaries = boundaryFlags(batch.switched, layout.offsets);
  const credit = hierarchicalAdvantages(batch, {
    ...estimationOf(options),
    heads: hasSwitchingHead(rows) ? 3 : 2,
    switching: "return",
  });
  const masks = spanMasks(rows, { layout, boundaries, options });
  const advantages = byDecision((name) =>
    normalizeRows(credit.advantages[name], {
      mask: Uint8Array.from(layout.order, (row) => masks[name].some[row]!),
      mode: normalize,
    })
  );
  const spread = (column: ArrayLike<number>) =>
    Float64Array.from(layout.position, (p) => column[p]!);
  const turns = {
    rewards: spread(batch.rewards),
    values,
    boundaries: Uint8Array.from(layout.position, (p) => boundaries[p]!),
    advantages: byDecision((name) => spread(advantages[name])),
    targets: byDecision((name) =>
      spread(credit.targets[name].map((x) => Number.isNaN(x) ? 0 : x))
    ),
  };
  return { turns, ...spreadRows(rows, turns, masks) };
}

/** Rows in the order of their episodes, with shaped rewards. */
function orderedBatch(
  rows: HaeRows,
  from: {
    layout: OrderedRows;
    values: ByDecision<Float64Array>;
    options: HaeRowOptions;
  },
): HaeColumns {
  const { layout, values, options } = from;
  const { truncation = "bootstrap" } = options;
  const { order, offsets } = layout;
  const gather = (column: Float64Array) =>
    Float64Array.from(order, (row) => column[row]!);
  const flags = (column: Uint8Array) =>
    Uint8Array.from(order, (row) => column[row]!);
  const done = flags(rows.done), switched = flags(rows.switched);
  const rewards = shapedRewards({
    offsets,
    rewards: gather(rows.rewards),
    switched,
    ...(rows.valid ? { valid: flags(rows.valid) } : {}),
    reworded: rewordedFlags(rows, { order, offsets, switched, options }),
  }, options);
  return {
    offsets,
    rewards,
    switched,
    done,
    values: byDecision((name) => gather(values[name])),
    bootstrap: tails(rows, { order, offsets, done, truncation }),
    episodes: layout.episodes.map((id) => ({ ...UNKNOWN_EPISODE, id })),
  };
}

/** Normalizes a column by the rows that have tokens, keeping the others' numbers for the record. */
function normalizeRows(
  column: Float64Array,
  how: { mask: Uint8Array; mode: Normalization },
): Float64Array {
  return how.mask.includes(1)
    ? normalizeColumn(column, how.mask, how.mode)
    : column;
}

/** A mask over tokens, and over the rows that have any of them. */
interface SpanMask {
  readonly tokens: Uint8Array;
  readonly some: Uint8Array;
}

/** Tokens that learn from each decision's advantage. */
function spanMasks(
  rows: HaeRows,
  turns: {
    layout: { position: Int32Array };
    boundaries: Uint8Array;
    options: HaeRowOptions;
  },
): ByDecision<SpanMask> {
  const { layout, boundaries, options } = turns;
  const {
    planningToSwitching = false,
    planningToPlanning = true,
    switchingToSwitching = true,
  } = options;
  const spans = rows.spans ?? {};
  const starts = (row: number) => boundaries[layout.position[row]!] === 1;
  const always = () => true;
  return {
    execution: collectMasks(rows, [spans.execution ?? rows.mask], always),
    planning: collectMasks(rows, [
      planningToPlanning ? spans.planning : undefined,
      planningToSwitching ? spans.switching : undefined,
    ], starts),
    switching: collectMasks(rows, [
      switchingToSwitching && hasSwitchingHead(rows)
        ? spans.switching
        : undefined,
    ], always),
  };
}

/** Spreads the numbers of rows over their tokens and value slots. */
function spreadRows(
  rows: HaeRows,
  turns: HaeRowCredit["turns"],
  masks: ByDecision<SpanMask>,
): Omit<HaeRowCredit, "turns"> {
  const { width, mask, valueMasks } = rows;
  const size = rows.rows * width;
  const fill = (column: Float64Array, tokens: Uint8Array | undefined) => {
    const matrix = new Float64Array(size);
    for (let row = 0; tokens && row < rows.rows; row++) {
      const value = column[row]!;
      for (let at = row * width; at < (row + 1) * width; at++) {
        if (tokens[at] === 1 && mask[at] === 1) matrix[at] = value;
      }
    }
    return matrix;
  };
  const headless = !hasSwitchingHead(rows);
  const advantages = byDecision((name) =>
    fill(turns.advantages[name], masks[name].tokens)
  );
  const total = new Float64Array(size);
  for (const name of DECISIONS) {
    const part = advantages[name];
    for (let at = 0; at < size; at++) total[at]! += part[at]!;
  }
  return {
    total,
    advantages,
    returns: byDecision((name) =>
      fill(
        turns.targets[name],
        name === "switching" && headless ? undefined : valueMasks[name],
      )
    ),
    masks: byDecision((name) => masks[name].tokens),
  };
}

const UNKNOWN_EPISODE = {
  id: "",
  task: "",
  group: "",
  success: false,
  score: 0,
  seed: 0,
};

/** What the estimation reads of the options. */
function estimationOf(options: HaeRowOptions): HaeOptions {
  const { gamma, lambdaTurn, lambdaSegment, lambdaBoundary, truncation } =
    options;
  return {
    ...(gamma !== undefined && { gamma }),
    ...(lambdaTurn !== undefined && { lambdaTurn }),
    ...(lambdaSegment !== undefined && { lambdaSegment }),
    ...(lambdaBoundary !== undefined && { lambdaBoundary }),
    ...(truncation !== undefined && { truncation }),
  };
}

/** Shaped rewards of rows in order, whose wording is known by flags. */
function shapedRewards(
  columns: {
    offsets: Int32Array;
    rewards: Float64Array;
    switched: Uint8Array;
    valid?: Uint8Array;
    reworded: Uint8Array;
  },
  options: ShapingOptions,
): Float64Array {
  const { offsets, switched, valid, reworded } = columns;
  const { keepPenalty = 0, keepPenaltyMode = "normalized" } = options;
  const { invalidActionPenalty = 0, consistencyPenalty = 0 } = options;
  const shaped = columns.rewards.slice();
  for (let i = 0; i + 1 < offsets.length; i++) {
    const turns = offsets[i + 1]! - offsets[i]!;
    const kept = keepPenaltyMode === "fixed"
      ? keepPenalty
      : turns > 1
      ? keepPenalty / turns
      : 0;
    for (let p = offsets[i]!; p < offsets[i + 1]!; p++) {
      if (switched[p] !== 1) shaped[p]! += kept;
      if (valid && valid[p] !== 1) shaped[p]! -= invalidActionPenalty;
      if (reworded[p] === 1) shaped[p]! += consistencyPenalty;
    }
  }
  return shaped;
}
