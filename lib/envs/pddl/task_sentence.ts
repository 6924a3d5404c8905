/**
 * The task sentence of a game: what follows `Your task is to: ` in its first observation.
 *
 * @module
 */

const TASK_MARK = "Your task is to: ";

/**
 * Finds the task sentence in what is read first.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { taskSentence } from "@hiper/lab/envs/pddl";
 *
 * strictEqual(taskSentence("Hello.\n\nYour task is to: put a mug in desk."), "put a mug in desk.");
 * ```
 *
 * @param intro The first observation.
 * @returns What follows `Your task is to: `, or the whole text where that is missing.
 */
export function taskSentence(intro: string): string {
  const at = intro.indexOf(TASK_MARK);
  return (at < 0 ? intro : intro.slice(at + TASK_MARK.length)).trim();
}

/**
 * Replaces the task sentence.
 *
 * @param intro The first observation.
 * @param task What is to follow `Your task is to: `.
 * @returns The first observation with that sentence instead of its own, or after it where it has none.
 */
export function withTaskSentence(intro: string, task: string): string {
  const at = intro.indexOf(TASK_MARK);
  const before = at < 0 ? `${intro}\n\n` : intro.slice(0, at);
  return `${before}${TASK_MARK}${task}`;
}
