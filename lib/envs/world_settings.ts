/**
 * Checking the settings of worlds and datasets, with errors that name the setting.
 *
 * @module
 */

import { closest } from "fastest-levenshtein";
import type { z } from "zod";

/**
 * Checks settings against a schema.
 *
 * @param schema What is allowed; unknown keys are refused by strict objects.
 * @param settings What was given.
 * @param what What is opened or listed, for messages: `a game`.
 * @returns The settings as the schema reads them.
 * @throws {TypeError} If a setting is unknown, missing or of the wrong kind.
 */
export function readWorldSettings<T>(
  schema: z.ZodType<T>,
  settings: Readonly<Record<string, unknown>>,
  what: string,
): T {
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === "unrecognized_keys") {
    const known = "shape" in schema ? Object.keys(schema.shape as object) : [];
    const key = issue.keys[0]!;
    throw new TypeError(
      `Cannot open ${what} as "${key}" is not a setting${meant(key, known)}`,
    );
  }
  const given = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    settings,
  );
  throw new TypeError(
    `Cannot open ${what} as "${
      issue.path.join(".")
    }" must fit (${issue.message}): current value is ${
      given === undefined ? "absent" : JSON.stringify(given)
    }`,
  );
}

/** A hint with the nearest known name, or with all of them where they are few. */
export function meant(name: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const all = known.map((one) => `"${one}"`).join(", ");
  return `: did you mean "${closest(name, known)}"? Known are ${all}`;
}
