/**
 * Parts of the reference trainer's wrapper that only its recordings need: what its prompts list, and which
 * goals its loop draws.
 *
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}
 *
 * @module
 */

import {
  seedByScalar,
  twister,
} from "../../../lib/envs/webshop/parity/python_random.ts";

const SEPARATOR = " [SEP] ";

/**
 * Finds the wish in the first observation of an episode.
 *
 * @param observation A search page in mode `text`.
 * @returns The wish.
 * @throws {SyntaxError} If the observation does not begin like a search page.
 */
export function extractWebshopTask(observation: string): string {
  const [, label, task] = observation.split(SEPARATOR);
  if (label !== "Instruction:" || task === undefined) {
    throw new SyntaxError(
      `Cannot find the task as the second segment must be "Instruction:": current value is ${label}`,
    );
  }
  return task;
}

/**
 * Lists what a page accepts as the trainer's prompts do, the idle search button included.
 *
 * @param available Whether there is a search bar, and labels that can be clicked.
 * @returns Actions in page order.
 */
export function formatWebshopActions(
  available: { hasSearchBar: boolean; clickables: readonly string[] },
): string[] {
  const clicks = available.clickables.map((label) => `click[${label}]`);
  return available.hasSearchBar ? ["search[<your query>]", ...clicks] : clicks;
}

/**
 * Writes a list of actions as it stands in a prompt.
 *
 * @param actions Actions in page order.
 * @returns One quoted action a line.
 */
export function webshopActionBlock(actions: readonly string[]): string {
  return actions.map((action) => `'${action}',`).join("\n");
}

/** One earlier turn. */
export interface WebshopRecord {
  /** What was seen, formatted. */
  readonly observation: string;
  /** What was done. */
  readonly action: string;
}

/** Earlier turns as a prompt shows them. */
export interface WebshopHistory {
  /** One line for each turn shown. */
  readonly text: string;
  /** Turns shown. */
  readonly shown: number;
  /** Turns taken. */
  readonly taken: number;
  /** Number of the turn to be taken, from 1. */
  readonly current: number;
}

/**
 * Writes the last turns of an episode.
 *
 * @param records All turns so far.
 * @param length How many to show at most.
 * @returns Their text and counts.
 */
export function formatWebshopHistory(
  records: readonly WebshopRecord[],
  length: number,
): WebshopHistory {
  const first = Math.max(0, records.length - length);
  const lines = records.slice(first).map(({ observation, action }, i) => {
    const n = first + i + 1;
    return `[Observation ${n}: '${observation}', Action ${n}: '${action}']`;
  });
  return {
    text: lines.join("\n"),
    shown: lines.length,
    taken: records.length,
    current: records.length + 1,
  };
}

/** The goals of the trainer's batches. */
export interface WebshopTrainerGoals {
  /** Draws one batch: goal indices, each repeated for its group. */
  next(): number[];
}

/**
 * Draws goals as the trainer's loop does: without replacement within a batch, by NumPy's stream.
 *
 * Workers of one seed order the goals by that seed (`priceSeed` and `shuffleSeed`), so an index means
 * another goal to another worker.
 *
 * @param options Seed of the loop, the range of goals, tasks of a batch, episodes of a group.
 * @returns An endless supply of batches.
 * @throws {RangeError} If the range holds fewer goals than a batch needs.
 */
export function createWebshopTrainerGoals(
  options: {
    seed: number;
    start: number;
    end: number;
    tasks: number;
    groupSize?: number;
  },
): WebshopTrainerGoals {
  const { seed, start, end, tasks, groupSize = 1 } = options;
  if (!(tasks <= end - start)) {
    throw new RangeError(
      `Cannot draw goals as "tasks" must be at most the number of goals, ${
        end - start
      }: current value is ${tasks}`,
    );
  }
  const random = createNumpyRandom(seed);
  return {
    next: () =>
      random.choice(end - start, tasks)
        .flatMap((index) => Array<number>(groupSize).fill(start + index)),
  };
}

/** A stream that gives what NumPy's legacy `RandomState` gives for the same seed. */
export interface NumpyRandom {
  /** Draws that many of the integers `0 … population - 1` without replacement. */
  choice(population: number, count: number): number[];
}

/**
 * Opens NumPy's legacy stream of a seed; the reference trainer draws its goals with it.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * deepStrictEqual(createNumpyRandom(0).choice(500, 3), [90, 254, 283]);
 * ```
 *
 * @param seed An integer in `[0, 2 ** 32)`.
 * @returns A stream equal to `numpy.random.RandomState(seed)`.
 * @throws {RangeError} If `seed` is out of range.
 */
export function createNumpyRandom(seed: number): NumpyRandom {
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw new RangeError(
      `Cannot open a NumPy stream as "seed" must be an integer in [0, 2 ** 32): current value is ${seed}`,
    );
  }
  const next = twister(seedByScalar(seed));
  /** Draws from `[0, top]` by masked rejection. */
  const upTo = (top: number) => {
    const mask = top === 0 ? 0 : 0xffffffff >>> Math.clz32(top);
    let draw = (next() & mask) >>> 0;
    while (draw > top) draw = (next() & mask) >>> 0;
    return draw;
  };
  return {
    choice(population: number, count: number): number[] {
      const order = Array.from({ length: population }, (_, i) => i);
      for (let i = population - 1; i > 0; i--) {
        const j = upTo(i);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order.slice(0, count);
    },
  };
}
