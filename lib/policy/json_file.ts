/**
 * Files that hold one JSON object, read with errors that name them.
 *
 * @module
 */

import { readJson } from "../text_file.ts";

/**
 * Reads a file that must hold a JSON object.
 *
 * @param path The file.
 * @returns The object.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it holds no JSON.
 * @throws {TypeError} If the JSON is no object.
 */
export async function readJsonObject(
  path: string,
): Promise<Record<string, unknown>> {
  const value = await readJson(path);
  if (!isObject(value)) {
    throw new TypeError(
      `Cannot read "${path}" as it must hold a JSON object: current value is ${
        JSON.stringify(value)?.slice(0, 80)
      }`,
    );
  }
  return value;
}

/** Whether a value is an object with names. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
