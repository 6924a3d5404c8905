/**
 * Turns in memory that threads share: the inputs that traces recorded, field after field, and batches gathered from them.
 *
 * @module
 */

import type { Arena } from "../../backends/wasm/shared_memory.ts";
import {
  ACTION_COLUMNS,
  ACTION_TEXTS,
  type CompactInputs,
  CONTEXT_COLUMNS,
  EXECUTOR_COLUMNS,
  STATE_COLUMNS,
  STATE_TEXTS,
  TextTable,
} from "../batch.ts";
import { SUBGOAL_RELATIONS } from "../relations.ts";

/**
 * What fields have entries for: a turn, an executor that does not see the task, of which a turn has one or none, and
 * subgoal candidates, rows of actions and actions, of which it has any number.
 */
type Level = "turn" | "executor" | "subgoal" | "row" | "action";

/** A field of {@linkcode CompactInputs} that batches carry. */
interface Field {
  readonly name: Exclude<keyof CompactInputs, "texts">;
  /** What it has one entry for. */
  readonly level: Level;
  /** Numbers in one entry. */
  readonly width: number;
  /** Whether its numbers name texts. */
  readonly texts?: true;
}

const FIELDS: readonly Field[] = [
  { name: "stateTexts", level: "turn", width: STATE_TEXTS, texts: true },
  { name: "state", level: "turn", width: STATE_COLUMNS },
  { name: "contextTexts", level: "turn", width: 2, texts: true },
  { name: "contexts", level: "turn", width: 2 * CONTEXT_COLUMNS },
  { name: "executorTexts", level: "executor", width: STATE_TEXTS, texts: true },
  { name: "executor", level: "executor", width: EXECUTOR_COLUMNS },
  { name: "subgoalTexts", level: "subgoal", width: 1, texts: true },
  { name: "subgoals", level: "subgoal", width: SUBGOAL_RELATIONS },
  { name: "actionTexts", level: "row", width: ACTION_TEXTS, texts: true },
  { name: "actions", level: "row", width: ACTION_COLUMNS },
  { name: "actionRows", level: "action", width: 1 },
];

/** One thing for each level. */
type ByLevel<T> = Readonly<Record<Level, T>>;
/** Pointers by field. */
type Pointers = Readonly<Record<Field["name"], number>>;

/** Distinct texts, as lists of words. */
export interface SharedTexts {
  readonly count: number;
  /** First word of each text, and the number of words. Shape `(texts + 1,)`. */
  readonly starts: number;
  readonly words: number;
}

/** Turns one after the other; every value but `texts` is a pointer, so that a message can carry it. */
export interface TurnStore {
  readonly texts: SharedTexts;
  /** First entry of each turn by level, and the number of entries. Shapes `(turns + 1,)`. */
  readonly starts: ByLevel<number>;
  readonly fields: Pointers;
}

/** Some turns of a store, side by side. */
export interface TurnBatch {
  readonly size: number;
  readonly texts: SharedTexts;
  /** Entries by level, of each turn the first, and their number. Shapes `(turns + 1,)`. */
  readonly starts: ByLevel<Int32Array>;
  readonly fields: Pointers;
  /** Pointers to the turn of each entry. */
  readonly owners: ByLevel<number>;
}

function byLevel<T>(make: (level: Level) => T): ByLevel<T> {
  return {
    turn: make("turn"),
    executor: make("executor"),
    subgoal: make("subgoal"),
    row: make("row"),
    action: make("action"),
  };
}

function byField(make: (field: Field) => number): Pointers {
  return Object.fromEntries(
    FIELDS.map((field) => [field.name, make(field)]),
  ) as Record<Field["name"], number>;
}

/** Entries of a turn. */
const ENTRIES: ByLevel<(turn: CompactInputs) => number> = {
  turn: () => 1,
  executor: ({ executorTexts }) => executorTexts.length / STATE_TEXTS,
  subgoal: ({ subgoalTexts }) => subgoalTexts.length,
  row: ({ actionTexts }) => actionTexts.length / ACTION_TEXTS,
  action: ({ actionRows }) => actionRows.length,
};

/**
 * Writes turns to memory; equal texts become one.
 *
 * @throws {RangeError} If a text names a word beyond the embedding's `buckets`.
 */
export function storeTurns(
  arena: Arena,
  turns: readonly CompactInputs[],
  buckets: number,
): TurnStore {
  const { shared } = arena;
  const table = new TextTable();
  const numbers = turns.map(({ texts }) => table.add(texts));
  for (const word of table.words) {
    if (word >= 0 && word < buckets) continue;
    throw new RangeError(
      `Cannot score a decision as its words must be in [0, ${buckets}): current value is ${word}`,
    );
  }
  const counts = byLevel((level) => {
    const starts = new Int32Array(turns.length + 1);
    turns.forEach((turn, i) =>
      starts[i + 1] = starts[i]! + ENTRIES[level](turn)
    );
    return starts;
  });
  const total = (level: Level) => counts[level][turns.length]!;
  return {
    texts: {
      count: table.starts.length,
      starts: arena.integers([...table.starts, table.words.length]),
      words: arena.integers(table.words),
    },
    starts: byLevel((level) => arena.integers(counts[level])),
    fields: byField(({ name, level, width, texts }) => {
      const length = width * total(level);
      const pointer = arena.take(length);
      const whole = texts || name === "actionRows"
        ? shared.integers(pointer, length)
        : shared.floats(pointer, length);
      let at = 0;
      for (let i = 0; i < turns.length; i++) {
        const part = turns[i]![name];
        checkLength(part.length, width * ENTRIES[level](turns[i]!), name);
        if (texts) {
          const own = numbers[i]!;
          for (const text of part) whole[at++] = text < 0 ? 0 : own[text]!;
        } else {
          whole.set(part, at);
          at += part.length;
        }
      }
      return pointer;
    }),
  };
}

function checkLength(length: number, wanted: number, name: string): void {
  if (length === wanted) return;
  throw new RangeError(
    `Cannot score a decision as its trace must carry ${wanted} numbers in "${name}": current value is ${length}`,
  );
}

/** Gathers turns by number. */
export function gatherTurns(
  arena: Arena,
  store: TurnStore,
  rows: ArrayLike<number>,
): TurnBatch {
  const { shared } = arena, { kernels } = shared;
  const size = rows.length, list = arena.integers(rows);
  const last = Math.max(-1, ...Array.from(rows)) + 1;
  const starts = byLevel((level) => {
    const all = shared.integers(store.starts[level], last + 1);
    const own = new Int32Array(size + 1);
    for (let i = 0; i < size; i++) {
      own[i + 1] = own[i]! + all[rows[i]! + 1]! - all[rows[i]!]!;
    }
    return own;
  });
  return {
    size,
    texts: store.texts,
    starts,
    fields: byField(({ name, level, width }) => {
      const pointer = arena.take(width * starts[level][size]!);
      const from = store.fields[name];
      kernels.gatherRuns(size, list, store.starts[level], width, from, pointer);
      return pointer;
    }),
    owners: byLevel((level) => {
      const length = starts[level][size]!, pointer = arena.take(length);
      const owners = shared.integers(pointer, length);
      for (let i = 0; i < size; i++) {
        owners.fill(i, starts[level][i], starts[level][i + 1]);
      }
      return pointer;
    }),
  };
}
