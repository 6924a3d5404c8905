/**
 * What hierarchical advantages read from a batch of padded rows.
 *
 * @module
 */

import {
  type ByDecision,
  byDecision,
  DECISIONS,
} from "../../lib/trajectory.ts";
import type { RowLayout } from "./row_layout.ts";
import { differs, type ShapingOptions } from "../../lib/hae/shaping.ts";

/** A batch of turns as padded rows. */
export interface HaeRows extends RowLayout {
  /** 1 where the world said that the episode is over after this turn. Shape `(rows,)`. */
  readonly done: Uint8Array;
  /** 1 where the row starts a segment. Shape `(rows,)`. */
  readonly switched: Uint8Array;
  /** Reward of each turn. Shape `(rows,)`. */
  readonly rewards: Float64Array;
  /** 1 where the reply was valid; absent means everywhere. Shape `(rows,)`. */
  readonly valid?: Uint8Array;
  /** Token ids of the replies; needed by the consistency penalty. Shape `(rows, width)`. */
  readonly responses?: Int32Array;
  /** Value heads at every slot; without planning, execution stands in. Shape `(rows, width)` each. */
  readonly values: Partial<ByDecision<Float64Array>> & {
    readonly execution: Float64Array;
  };
  /** 1 at the slot where a head is read, the first one counts. Shape `(rows, width)` each. */
  readonly valueMasks: Partial<ByDecision<Uint8Array>>;
  /** Tokens of each decision; execution defaults to every real token, the others to none. Shape `(rows, width)` each. */
  readonly spans?: Partial<ByDecision<Uint8Array>>;
  /** Values after the last turn of the row's episode, for `truncation: "bootstrap"`. Shape `(rows,)` each. */
  readonly bootstrap?: ByDecision<Float64Array>;
}

/** Throws unless every column has one element a row and every matrix one a slot. */
export function checkRows(rows: HaeRows): void {
  const { values, valueMasks, spans } = rows;
  const slots = rows.rows * rows.width;
  const columns = [
    ["done", rows.done],
    ["switched", rows.switched],
    ["rewards", rows.rewards],
    ["valid", rows.valid],
    ...DECISIONS.map((name) =>
      [`bootstrap.${name}`, rows.bootstrap?.[name]] as const
    ),
  ] as const;
  const matrices = [
    ["responses", rows.responses] as const,
    ...DECISIONS.flatMap((name) =>
      [
        [`values.${name}`, values[name]],
        [`valueMasks.${name}`, valueMasks[name]],
        [`spans.${name}`, spans?.[name]],
      ] as const
    ),
  ];
  const check = (name: string, length: number | undefined, wanted: number) => {
    if (length === undefined || length === wanted) return;
    throw new RangeError(
      `Cannot assign credit as "${name}" must have ${wanted} elements: current value is ${length}`,
    );
  };
  for (const [name, column] of columns) check(name, column?.length, rows.rows);
  for (const [name, matrix] of matrices) check(name, matrix?.length, slots);
}

/** Whether the critic has a switching head that can be read. */
export function hasSwitchingHead(rows: HaeRows): boolean {
  return rows.values.switching !== undefined &&
    rows.valueMasks.switching !== undefined;
}

/** Reads each head once a row: at its mask's first real slot, else at the last real token. */
export function readValues(
  rows: HaeRows,
  lengths: Int32Array,
): ByDecision<Float64Array> {
  const { width, mask } = rows;
  const read = (values: Float64Array, slots: Uint8Array | undefined) =>
    Float64Array.from(lengths, (length, row) => {
      let slot = Math.max(0, length - 1);
      for (let l = 0; slots && l < width; l++) {
        const at = row * width + l;
        if (slots[at] !== 1 || mask[at] !== 1) continue;
        slot = l;
        break;
      }
      return values[row * width + slot]!;
    });
  const { values, valueMasks } = rows;
  const execution = read(values.execution, valueMasks.execution);
  return {
    execution,
    planning: values.planning
      ? read(values.planning, valueMasks.planning)
      : execution,
    switching: values.switching && valueMasks.switching
      ? read(values.switching, valueMasks.switching)
      : new Float64Array(rows.rows),
  };
}

/** 1 at segment starts. */
export function boundaryFlags(
  switched: Uint8Array,
  offsets: Int32Array,
): Uint8Array {
  const flags = switched.slice();
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i + 1]! > offsets[i]!) flags[offsets[i]!] = 1;
  }
  return flags;
}

/** 1 where a kept subgoal's tokens differ from those of the turn before. */
export function rewordedFlags(
  rows: HaeRows,
  turns: {
    order: Int32Array;
    offsets: Int32Array;
    switched: Uint8Array;
    options: ShapingOptions;
  },
): Uint8Array {
  const { order, offsets, switched, options } = turns;
  const { consistencyPenalty = 0, consistencyRequiresBoth = true } = options;
  const flags = new Uint8Array(order.length);
  const span = rows.spans?.planning;
  if (consistencyPenalty === 0 || !span) return flags;
  const { responses, mask, width } = rows;
  if (!responses) {
    throw new TypeError(
      'Cannot shape rewards as the consistency penalty needs "responses": none are given',
    );
  }
  const stated = (p: number) => {
    const first = order[p]! * width;
    return responses.subarray(first, first + width).filter((_, l) =>
      span[first + l] === 1 && mask[first + l] === 1
    );
  };
  for (let i = 0; i + 1 < offsets.length; i++) {
    for (let p = offsets[i]! + 1; p < offsets[i + 1]!; p++) {
      if (switched[p] === 1) continue;
      flags[p] = Number(
        differs(stated(p), stated(p - 1), consistencyRequiresBoth),
      );
    }
  }
  return flags;
}

/** Bootstrap values of each episode. */
export function tails(
  rows: HaeRows,
  turns: {
    order: Int32Array;
    offsets: Int32Array;
    done: Uint8Array;
    truncation: string;
  },
): ByDecision<Float64Array> {
  const { order, offsets, done, truncation } = turns;
  const episodes = offsets.length - 1;
  const { bootstrap } = rows;
  if (truncation === "bootstrap" && !bootstrap) {
    for (let i = 0; i < episodes; i++) {
      if (done[offsets[i + 1]! - 1] === 1) continue;
      throw new TypeError(
        `Cannot assign credit as truncation "bootstrap" needs values after the last turn: episode "${
          rows.episode[order[offsets[i]!]!]
        }" is cut off and has none`,
      );
    }
  }
  return byDecision((name) =>
    bootstrap
      ? Float64Array.from(
        { length: episodes },
        (_, i) => bootstrap[name][order[offsets[i + 1]! - 1]!]!,
      )
      : new Float64Array(episodes)
  );
}
