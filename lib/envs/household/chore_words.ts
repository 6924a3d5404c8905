/**
 * Words of several household tasks in one episode: one instruction for all, and what is said when one is done.
 *
 * @module
 */

import { parseHouseholdTask } from "./task.ts";

/** Whether chores count in the order in which they are named, or in any. */
export type ChoreOrder = "given" | "any";

/** Stands between an observation and each chore that was done by the action, without a period. */
export const CHORE_DONE = "\nDone: ";

const THEN = ", then ", ALSO = ", and also ", ANY = ", in any order";

/**
 * Words one instruction for several tasks.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { choresSentence } from "./chore_words.ts";
 *
 * const tasks = ["put a mug in desk", "look at book under the desklamp"];
 * strictEqual(
 *   choresSentence(tasks, "given"),
 *   "put a mug in desk, then look at book under the desklamp",
 * );
 * ```
 *
 * @param tasks Sentences without periods.
 * @param order How they count.
 * @returns A sentence without a period; a single task stays as it is.
 */
export function choresSentence(
  tasks: readonly string[],
  order: ChoreOrder,
): string {
  if (tasks.length === 1) return tasks[0]!;
  return order === "given" ? tasks.join(THEN) : tasks.join(ALSO) + ANY;
}

/**
 * Finds the tasks of an instruction that can be done now: the first that is not done where their order counts, every
 * one that is not done else.
 *
 * @param instruction An instruction, with or without a period; one task stays as it is.
 * @param done Tasks that were said to be done, as worded in it.
 * @returns Sentences of tasks.
 */
export function choresLeft(
  instruction: string,
  done: readonly string[],
): string[] {
  const sentence = instruction.trim().replace(/\.$/, "");
  const ordered = !sentence.endsWith(ANY);
  const tasks = ordered
    ? sentence.split(THEN)
    : sentence.slice(0, -ANY.length).split(ALSO);
  // A sentence of a person may hold the same words.
  if (tasks.length === 1 || !tasks.every(parseHouseholdTask)) {
    return [instruction];
  }
  const left = tasks.filter((task) => !done.includes(task));
  return ordered ? left.slice(0, 1) : left;
}
