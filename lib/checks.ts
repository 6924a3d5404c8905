/**
 * Checks of arguments and settings, each with one wording: `Cannot <task> as <what must hold>`.
 *
 * Every check takes the task first ("assign credit") and then the values by name.
 *
 * @module
 */

import { closest, distance } from "npm:fastest-levenshtein@1.0.16";

/**
 * Throws unless numbers lie in `[0, 1]`.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param values Numbers by name, such as discounts and lambdas.
 * @throws {RangeError} If one is outside `[0, 1]` or not a number.
 */
export function checkUnitInterval(
  task: string,
  values: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value >= 0 && value <= 1) continue;
    throw new RangeError(
      `Cannot ${task} as "${name}" must be in [0, 1]: current value is ${value}`,
    );
  }
}

/**
 * Throws unless numbers are finite.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param values Numbers by name.
 * @throws {RangeError} If one is infinite or not a number.
 */
export function checkFinite(
  task: string,
  values: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isFinite(value)) continue;
    throw new RangeError(
      `Cannot ${task} as "${name}" must be finite: current value is ${value}`,
    );
  }
}

/**
 * Throws unless numbers are positive integers.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param values Numbers by name.
 * @throws {RangeError} If one is not.
 */
export function checkPositiveInteger(
  task: string,
  values: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new RangeError(
      `Cannot ${task} as "${name}" must be a positive integer: current value is ${value}`,
    );
  }
}

/**
 * Throws unless columns have as many elements as they should; an absent column is not checked.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param columns Columns by name.
 * @param length Elements that each must have.
 * @throws {RangeError} If a column is shorter or longer.
 */
export function checkLength(
  task: string,
  columns: Readonly<Record<string, ArrayLike<unknown> | undefined>>,
  length: number,
): void {
  for (const [name, column] of Object.entries(columns)) {
    if (column === undefined || column.length === length) continue;
    throw new RangeError(
      `Cannot ${task} as "${name}" must have ${length} elements: current value is ${column.length}`,
    );
  }
}

/**
 * Throws unless settings have one of the values they may have.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param values Settings by name.
 * @param choices What each may be.
 * @throws {RangeError} If one is something else.
 */
export function checkChoice(
  task: string,
  values: Readonly<Record<string, unknown>>,
  choices: readonly unknown[],
): void {
  for (const [name, value] of Object.entries(values)) {
    if (choices.includes(value)) continue;
    const list = choices.map((choice) => JSON.stringify(choice)).join(", ");
    throw new RangeError(
      `Cannot ${task} as "${name}" must be one of ${list}: current value is ${
        JSON.stringify(value)
      }`,
    );
  }
}

/**
 * Throws unless a name is known, and suggests the nearest one that is.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param name The name.
 * @param known What it names, with its article ("an estimator"), and all names there are.
 * @throws {RangeError} If the name is none of them.
 */
export function checkName(
  task: string,
  name: unknown,
  known: { readonly what: string; readonly names: readonly string[] },
): void {
  const { what, names } = known;
  if (names.includes(name as string)) return;
  throw new RangeError(
    `Cannot ${task} as "${name}" is not ${what}${suggest(String(name), names)}`,
  );
}

/**
 * Throws unless tensors share a shape; broadcasting would pair units that do not belong together.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param tensors Tensors by name; the first has the shape wanted.
 * @throws {TypeError} If a shape differs from the first.
 */
export function checkSameShape(
  task: string,
  tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>,
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
 * Finds the known name that an unknown one most likely stands for.
 *
 * @param name An unknown name.
 * @param known Names there are.
 * @returns The nearest by edits; `undefined` if even that one is more than half of the name (and two edits) away.
 */
export function nearestName(
  name: string,
  known: readonly string[],
): string | undefined {
  if (known.length === 0) return undefined;
  const found = closest(name, known);
  const limit = Math.max(2, name.length / 2);
  return distance(name, found) <= limit ? found : undefined;
}

/**
 * The end of a message about an unknown name: the nearest known one, or all of them where none is near.
 *
 * @param name An unknown name.
 * @param known Names there are.
 * @param prefix What stands before every known name, such as the path of a setting. @default {""}
 * @returns `: did you mean "<name>"?`, or `: known are "<name>", "<name>"`; empty where no name is known.
 */
export function suggest(
  name: string,
  known: readonly string[],
  prefix = "",
): string {
  if (known.length === 0) return "";
  const near = nearestName(name, known);
  if (near !== undefined) return `: did you mean "${prefix}${near}"?`;
  return `: known are ${known.map((one) => `"${prefix}${one}"`).join(", ")}`;
}
