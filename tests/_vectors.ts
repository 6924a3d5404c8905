/**
 * Reads recorded vectors: JSON files of cases with inputs and expected outputs.
 *
 * They lie in `tests/vectors/<kind>/<file>.json`. The environment variable `HIPER_VECTORS` names
 * another folder of the same layout, so that further vectors can be replayed by the same tests.
 *
 * @module
 */

import { ok } from "node:assert/strict";

/** Folder of all vectors. */
const FOLDER = Deno.env.get("HIPER_VECTORS")
  ? new URL(`file://${Deno.realPathSync(Deno.env.get("HIPER_VECTORS")!)}/`)
  : new URL("vectors/", import.meta.url);

/**
 * Reads the cases of one file; `undefined` if the folder has no such file.
 *
 * @typeParam Case What the file's format holds; trusted, as a wrong one fails its test at once.
 * @param path Path below the folder: `hae/basic.json`.
 */
export function readCases<Case>(path: string): Case[] | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(new URL(path, FOLDER));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const file: { cases?: Case[] } = JSON.parse(text);
  ok(
    Array.isArray(file.cases) && file.cases.length > 0,
    `${path} holds no cases`,
  );
  return file.cases;
}

/** Names of the vector files of one kind, sorted; none if the folder has no such kind. */
export function listFiles(kind: string): string[] {
  try {
    return [...Deno.readDirSync(new URL(`${kind}/`, FOLDER))]
      .map((entry) => entry.name).filter((name) => name.endsWith(".json"))
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Parts of a case whose every entry a replay must read. */
const PARTS = ["cfg", "inputs", "outputs"];

/**
 * Hands out a case and keeps a list of the entries of its parts that no test has read yet, so that a setting or an
 * output that a replay does not know is a failure and not a silence.
 */
export function watchReads<Case>(
  vector: Case,
): { watched: Case; unread: Set<string> } {
  const unread = new Set<string>();
  const watched: Case = { ...vector };
  for (const name of PARTS) {
    const part: unknown = Reflect.get(Object(vector), name);
    if (typeof part !== "object" || part === null) continue;
    for (const key of Object.keys(part)) unread.add(`${name}.${key}`);
    const watch = new Proxy(part, {
      get(target, key) {
        unread.delete(`${name}.${String(key)}`);
        return Reflect.get(target, key);
      },
    });
    Object.assign(Object(watched), { [name]: watch });
  }
  return { watched, unread };
}

/**
 * Registers one test that replays every case of a file and names the first cases that differ.
 *
 * A case also fails if the replay leaves an entry of its settings, inputs or outputs unread.
 *
 * @param path Path below the folder.
 * @param replay Throws where the shipped code does not reproduce the case.
 * @param options `unread` names the entries, such as `cfg.note`, that need not be read.
 */
export function replayFile<Case>(
  path: string,
  replay: (vector: Case) => void,
  options: { unread?: readonly string[] } = {},
): void {
  const cases = readCases<Case>(path);
  Deno.test({
    name: cases
      ? `vectors ${path} are reproduced (${cases.length} cases)`
      : `vectors ${path} are reproduced [needs a file of HIPER_VECTORS]`,
    ignore: cases === undefined,
    fn() {
      const failures: string[] = [];
      for (const [index, vector] of cases!.entries()) {
        try {
          const { watched, unread } = watchReads(vector);
          replay(watched);
          for (const entry of options.unread ?? []) unread.delete(entry);
          ok(unread.size === 0, `nothing reads ${[...unread].join(", ")}`);
        } catch (error) {
          const reason = error instanceof Error ? error.message : `${error}`;
          failures.push(`case ${index} ${caseName(vector)}: ${reason}`);
        }
      }
      ok(
        failures.length === 0,
        `${failures.length} of ${cases!.length} cases differ:\n${
          failures.slice(0, 8).join("\n")
        }`,
      );
    },
  });
}

/**
 * Registers one test that replays the cases of a file that trajectories can express, by the estimators that train.
 *
 * Another test replays every case on padded rows and reads all of its entries.
 *
 * @param path Path below the folder.
 * @param replay Throws where the shipped code does not reproduce the case; returns `false` for a case that only
 *   padded rows can express, such as one with copies of turns.
 * @param least The smallest share of the cases that must be expressible.
 */
export function replayByEstimators<Case>(
  path: string,
  replay: (vector: Case) => boolean,
  least: number,
): void {
  const cases = readCases<Case>(path);
  Deno.test({
    name: `vectors ${path} are reproduced by the estimators that train`,
    ignore: cases === undefined, // the folder holds no such file
    fn() {
      let replayed = 0;
      for (const [index, vector] of cases!.entries()) {
        try {
          if (replay(vector)) replayed++;
        } catch (error) {
          const reason = error instanceof Error ? error.message : `${error}`;
          throw new Error(`case ${index} ${caseName(vector)}: ${reason}`);
        }
      }
      ok(
        replayed >= least * cases!.length,
        `${replayed} of ${cases!.length} cases are trajectories`,
      );
    },
  });
}

/**
 * Vector files that no test reads; a folder without any file is an error.
 *
 * @param kinds Folders to look into.
 * @param reads Whether the text of the tests speaks of a path.
 */
export function unreadFiles(
  kinds: readonly string[],
  reads: (path: string) => boolean,
): string[] {
  const paths = kinds.flatMap((kind) =>
    listFiles(kind).map((file) => `${kind}/${file}`)
  );
  ok(paths.length > 0, `${FOLDER.pathname} holds no ${kinds.join(", ")}`);
  return paths.filter((path) => !reads(path));
}

function caseName(vector: unknown): string {
  return typeof vector === "object" && vector !== null && "name" in vector
    ? String(vector.name)
    : "";
}

/** Numbers in any nesting. */
export type Nested = number | boolean | readonly Nested[];

/**
 * Asserts `|a - b| <= tolerance * (1 + |b|)` for every element of two nested lists of numbers.
 *
 * @param actual What the code gave; typed arrays count as lists.
 * @param expected What was recorded.
 * @param options Tolerance, and what to call the numbers in the message.
 */
export function assertClose(
  actual: unknown,
  expected: unknown,
  options: { tolerance: number; what: string },
): void {
  const { tolerance, what } = options;
  if (typeof expected === "number" || typeof expected === "boolean") {
    const a = Number(actual), b = Number(expected);
    ok(
      typeof actual === "number" || typeof actual === "boolean",
      `${what} is ${String(actual)}, expected ${expected}`,
    );
    ok(
      Math.abs(a - b) <= tolerance * (1 + Math.abs(b)),
      `${what} is ${a}, expected ${b}`,
    );
    return;
  }
  const a = asList(actual), b = asList(expected);
  ok(a && b, `${what} is not a list`);
  ok(
    a.length === b.length,
    `${what} has ${a.length} elements, expected ${b.length}`,
  );
  for (const [i, element] of b.entries()) {
    assertClose(a[i], element, { tolerance, what: `${what}[${i}]` });
  }
}

function asList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (
    value instanceof Float64Array || value instanceof Uint8Array ||
    value instanceof Float32Array || value instanceof Int32Array
  ) return Array.from<unknown>(value);
  return undefined;
}
