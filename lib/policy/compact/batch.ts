/**
 * Inputs of the compact network: one turn's arrays, and a batch of turns as a few long columns.
 *
 * @module
 */

import {
  ACTION_RELATIONS,
  STATE_NUMBERS,
  SUBGOAL_ACTION_RELATIONS,
  SUBGOAL_RELATIONS,
} from "./relations.ts";

/** Texts of a state: task, observation, last action, verbs applied to the task's things, and to the reachable ones. */
export const STATE_TEXTS = 5;
/** Texts of an action: itself, the verbs applied to the first thing it names, the last observation at its place. */
export const ACTION_TEXTS = 3;
/** Columns of an action. */
export const ACTION_COLUMNS = ACTION_RELATIONS + SUBGOAL_ACTION_RELATIONS;
/** Columns of a state: its own, then max and mean of its actions' relations. */
export const STATE_COLUMNS = STATE_NUMBERS + 2 * ACTION_RELATIONS;
/** Columns that a subgoal adds: its own, then max and mean of the actions' relations to it. */
export const CONTEXT_COLUMNS = SUBGOAL_RELATIONS + 2 * SUBGOAL_ACTION_RELATIONS;
/** Columns of an executor that knows the task through its subgoal alone: a state's, then the subgoal's. */
export const EXECUTOR_COLUMNS = STATE_COLUMNS + CONTEXT_COLUMNS;

/**
 * Network inputs of one turn; flat typed arrays, so that a trace can carry them.
 *
 * Texts are lists of rows of the embedding table; the other fields name them by position.
 */
export type CompactInputs = {
  /** Texts one after the other, each preceded by its length. */
  readonly texts: Int32Array;
  /** Shape `(STATE_TEXTS,)`. */
  readonly stateTexts: Int32Array;
  /** Shape `(STATE_COLUMNS,)`. */
  readonly state: Float32Array;
  /** One text for each subgoal candidate. */
  readonly subgoalTexts: Int32Array;
  /** Shape `(candidates, SUBGOAL_RELATIONS)`. */
  readonly subgoals: Float32Array;
  /** Texts of the held and of the chosen subgoal, -1 for none. Shape `(2,)`. */
  readonly contextTexts: Int32Array;
  /** Shape `(2, CONTEXT_COLUMNS)`, zeros for none. */
  readonly contexts: Float32Array;
  /** Row of each action in the two fields below; identical actions share one. Shape `(actions,)`. */
  readonly actionRows: Int32Array;
  /** Shape `(rows, ACTION_TEXTS)`. */
  readonly actionTexts: Int32Array;
  /** Shape `(rows, ACTION_COLUMNS)`, related to the chosen subgoal. */
  readonly actions: Float32Array;
  /** The texts of the state with the subgoal in the task's place. Shape `(STATE_TEXTS,)`, or none where the executor sees the task. */
  readonly executorTexts: Int32Array;
  /** State and chosen subgoal with the subgoal in the task's place. Shape `(EXECUTOR_COLUMNS,)`, or none. */
  readonly executor: Float32Array;
};

/**
 * The typed inputs of a trace.
 *
 * @throws {TypeError} If one is missing or of another kind.
 */
export function readInputs(
  inputs: Readonly<Record<string, Float32Array | Int32Array>> | undefined,
): CompactInputs {
  const read = <T extends Int32Array | Float32Array>(
    name: keyof CompactInputs,
    kind: { new (length: number): T },
  ): T => {
    const column = inputs?.[name];
    if (column instanceof kind) return column;
    throw new TypeError(
      `Cannot score a decision as its trace must carry "${name}" of a compact policy`,
    );
  };
  const integers = (name: keyof CompactInputs) => read(name, Int32Array);
  const reals = (name: keyof CompactInputs) => read(name, Float32Array);
  return {
    texts: integers("texts"),
    stateTexts: integers("stateTexts"),
    state: reals("state"),
    subgoalTexts: integers("subgoalTexts"),
    subgoals: reals("subgoals"),
    contextTexts: integers("contextTexts"),
    contexts: reals("contexts"),
    actionRows: integers("actionRows"),
    actionTexts: integers("actionTexts"),
    actions: reals("actions"),
    executorTexts: integers("executorTexts"),
    executor: reals("executor"),
  };
}

/** Candidates of samples in a ragged layout, and the rows they share. */
export interface Ragged {
  /** First candidate of each sample, and the number of candidates at the end. Shape `(samples + 1,)`. */
  readonly starts: Int32Array;
  /** Row of each candidate. Shape `(candidates,)`. */
  readonly rows: Int32Array;
  /** Sample of each row. Shape `(rows,)`. */
  readonly owners: Int32Array;
}

/** Columns of a batch; the network uploads them. */
export interface CompactBatch {
  readonly size: number;
  /** Distinct texts, at least one; the first is empty. */
  readonly texts: number;
  /** Rows of the embedding table. Shape `(words,)`. */
  readonly words: Int32Array;
  /** Text of each word. Shape `(words,)`. */
  readonly wordTexts: Int32Array;
  /** One over the number of words. Shape `(texts,)`. */
  readonly scales: Float32Array;
  /** Shape `(samples, STATE_TEXTS)`. */
  readonly stateTexts: Int32Array;
  /** Shape `(samples, STATE_COLUMNS)`. */
  readonly state: Float32Array;
  /** Text of each subgoal candidate. */
  readonly subgoalTexts: Int32Array;
  /** Shape `(candidates, SUBGOAL_RELATIONS)`. */
  readonly subgoals: Float32Array;
  /** Samples of the candidates. */
  readonly subgoalRows: Ragged;
  /** Held and chosen subgoals. Shapes `(samples,)`; the empty text for none. */
  readonly contextTexts: readonly [held: Int32Array, chosen: Int32Array];
  /** Shapes `(samples, CONTEXT_COLUMNS)`. */
  readonly contexts: readonly [held: Float32Array, chosen: Float32Array];
  /** Shapes `(actions,)`; see {@linkcode ACTION_TEXTS}. */
  readonly actionTexts: readonly [
    own: Int32Array,
    verbs: Int32Array,
    gist: Int32Array,
  ];
  /** Shape `(actions, ACTION_COLUMNS)`. */
  readonly actions: Float32Array;
  /** Samples of the actions, and their rows in the two fields above. */
  readonly actionRows: Ragged;
  /** Shape `(samples, STATE_TEXTS)`, or none where the executor sees the task. */
  readonly executorTexts: Int32Array;
  /** Shape `(samples, EXECUTOR_COLUMNS)`, or none. */
  readonly executor: Float32Array;
}

/** Distinct texts of a batch, numbered in order of appearance. */
export class TextTable {
  /** Numbers of the texts that share a hash. */
  readonly #known = new Map<number, number[]>();
  readonly words: number[] = [];
  readonly owners: number[] = [];
  readonly scales: number[] = [0];
  /** First word of each text. */
  readonly starts: number[] = [0];

  /** Numbers of the texts of one turn, in their order. */
  add(packed: Int32Array): number[] {
    const numbers: number[] = [];
    for (let at = 0; at < packed.length; at += 1 + packed[at]!) {
      numbers.push(this.#number(packed, at + 1, packed[at]!));
    }
    return numbers;
  }

  #number(packed: Int32Array, at: number, length: number): number {
    let hash = length;
    for (let i = at; i < at + length; i++) {
      hash = Math.imul(hash ^ packed[i]!, 0x01000193);
    }
    let alike = this.#known.get(hash);
    if (alike === undefined) this.#known.set(hash, alike = []);
    for (const number of alike) {
      if (this.#holds(number, packed, at, length)) return number;
    }
    const number = this.scales.length;
    alike.push(number);
    this.starts.push(this.words.length);
    for (let i = at; i < at + length; i++) {
      this.words.push(packed[i]!);
      this.owners.push(number);
    }
    this.scales.push(1 / length);
    return number;
  }

  #holds(
    number: number,
    packed: Int32Array,
    at: number,
    length: number,
  ): boolean {
    const start = this.starts[number]!;
    const end = this.starts[number + 1] ?? this.words.length;
    if (end - start !== length) return false;
    for (let i = 0; i < length; i++) {
      if (this.words[start + i] !== packed[at + i]) return false;
    }
    return true;
  }
}

/** Concatenates arrays. */
function concatenate(parts: readonly Float32Array[]): Float32Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Counts candidates and rows of each sample; `rowsOf` gives the rows of a sample's candidates. */
function ragged(
  samples: readonly CompactInputs[],
  rowsOf: (sample: CompactInputs) => {
    readonly rows: Int32Array;
    readonly count: number;
  },
): Ragged {
  const parts = samples.map(rowsOf);
  const starts = new Int32Array(parts.length + 1);
  let total = 0;
  parts.forEach(({ rows, count }, i) => {
    starts[i + 1] = starts[i]! + rows.length;
    total += count;
  });
  const rows = new Int32Array(starts[parts.length]!);
  const owners = new Int32Array(total);
  let first = 0;
  parts.forEach((part, i) => {
    const start = starts[i]!;
    for (let j = 0; j < part.rows.length; j++) {
      rows[start + j] = first + part.rows[j]!;
    }
    owners.fill(i, first, first + part.count);
    first += part.count;
  });
  return { starts, rows, owners };
}

/** One row per candidate. */
function ownRows(count: number): { rows: Int32Array; count: number } {
  return { rows: Int32Array.from({ length: count }, (_, i) => i), count };
}

/** Concatenates the inputs of samples, in their order; equal texts become one. */
export function packBatch(samples: readonly CompactInputs[]): CompactBatch {
  const size = samples.length;
  const table = new TextTable();
  const stateTexts = new Int32Array(size * STATE_TEXTS);
  const subgoalTexts: number[] = [];
  const actionTexts: [number[], number[], number[]] = [[], [], []];
  const pair = <T>(make: () => T): [T, T] => [make(), make()];
  const executorTexts: number[] = [];
  const contextTexts = pair(() => new Int32Array(size));
  const contexts = pair(() => new Float32Array(size * CONTEXT_COLUMNS));
  samples.forEach((sample, i) => {
    const numbers = table.add(sample.texts);
    sample.stateTexts.forEach((text, j) => {
      stateTexts[i * STATE_TEXTS + j] = text < 0 ? 0 : numbers[text]!;
    });
    for (const text of sample.subgoalTexts) {
      subgoalTexts.push(text < 0 ? 0 : numbers[text]!);
    }
    for (const side of [0, 1] as const) {
      const text = sample.contextTexts[side]!;
      contextTexts[side][i] = text < 0 ? 0 : numbers[text]!;
      const from = side * CONTEXT_COLUMNS;
      contexts[side].set(
        sample.contexts.subarray(from, from + CONTEXT_COLUMNS),
        i * CONTEXT_COLUMNS,
      );
    }
    for (const text of sample.executorTexts) {
      executorTexts.push(text < 0 ? 0 : numbers[text]!);
    }
    sample.actionTexts.forEach((text, j) => {
      actionTexts[j % ACTION_TEXTS]!.push(text < 0 ? 0 : numbers[text]!);
    });
  });
  return {
    size,
    texts: table.scales.length,
    words: Int32Array.from(table.words),
    wordTexts: Int32Array.from(table.owners),
    scales: Float32Array.from(table.scales),
    stateTexts,
    state: concatenate(samples.map((sample) => sample.state)),
    subgoalTexts: Int32Array.from(subgoalTexts),
    subgoals: concatenate(samples.map((sample) => sample.subgoals)),
    subgoalRows: ragged(
      samples,
      (sample) => ownRows(sample.subgoalTexts.length),
    ),
    contextTexts,
    contexts,
    actionTexts: [
      Int32Array.from(actionTexts[0]),
      Int32Array.from(actionTexts[1]),
      Int32Array.from(actionTexts[2]),
    ],
    actions: concatenate(samples.map((sample) => sample.actions)),
    actionRows: ragged(samples, (sample) => ({
      rows: sample.actionRows,
      count: sample.actionTexts.length / ACTION_TEXTS,
    })),
    executorTexts: Int32Array.from(executorTexts),
    executor: concatenate(samples.map((sample) => sample.executor)),
  };
}
