/**
 * What must hold before a loss is computed, and messages that say where it does not.
 *
 * @module
 */

import { closest } from "fastest-levenshtein";
import type { Tensor } from "../../policy/backends/tensors.ts";

/**
 * Throws unless tensors share a shape; broadcasting would pair units that do not belong together.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param tensors Tensors by name; the first has the shape wanted.
 * @throws {TypeError} If a shape differs from the first.
 */
export function checkSameShape(
  task: string,
  tensors: Readonly<Record<string, Tensor>>,
): void {
  const [first, ...others] = Object.entries(tensors);
  for (const [name, { shape }] of others) {
    const [wantedName, wanted] = first!;
    if (`${shape}` === `${wanted.shape}`) continue;
    throw new TypeError(
      `Cannot ${task} as "${name}" must have the shape of "${wantedName}", [${wanted.shape}]: current value is [${shape}]`,
    );
  }
}

/**
 * Says that a setting has a word it does not know, and which was meant.
 *
 * @param what What the word should be, with its article.
 * @param word The word.
 * @param known All words it may be.
 */
export function unknownWord(
  what: string,
  word: string,
  known: readonly string[],
): RangeError {
  return new RangeError(
    `Cannot compute a loss as "${word}" is not ${what}: did you mean "${
      closest(String(word), known)
    }"?`,
  );
}
