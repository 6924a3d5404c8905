/**
 * Settings as JSON: merging parts, and parsing `path=value` of a command line.
 *
 * @module
 */

/** A JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Discriminators of variants, whose settings are not merged. */
const VARIANT_KEYS = ["name", "kind", "dataset"] as const;

/**
 * Merges settings: objects key by key, everything else replaced; `null` removes a setting.
 *
 * An object that names another variant replaces the one before as a whole.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { mergeSettings } from "@hiper/lab";
 *
 * deepStrictEqual(
 *   mergeSettings({ seed: 1, update: { epochs: 2 } }, { update: { clipRange: 0.1 } }),
 *   { seed: 1, update: { epochs: 2, clipRange: 0.1 } },
 * );
 * ```
 *
 * @param base Settings so far.
 * @param change Settings that win.
 * @returns New settings; the arguments are left as they are.
 */
export function mergeSettings(base: Json, change: Json): Json {
  if (!isObject(base) || !isObject(change)) return change;
  const other = VARIANT_KEYS.some((key) =>
    key in change && key in base && change[key] !== base[key]
  );
  if (other) return change;
  const merged: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null || key === "__proto__") delete merged[key];
    else merged[key] = mergeSettings(merged[key] ?? {}, value);
  }
  return merged;
}

/**
 * Parses command-line settings: `estimator.gamma=0.9`, `estimator.name=gae`.
 *
 * Values are JSON where they parse as JSON, else text.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parseSettings } from "@hiper/lab";
 *
 * deepStrictEqual(parseSettings(["seed=3", "estimator.name=gae"]), {
 *   seed: 3,
 *   estimator: { name: "gae" },
 * });
 * ```
 *
 * @param words One setting each.
 * @returns The settings, nested.
 * @throws {SyntaxError} If a word is not of the form `path=value`.
 */
export function parseSettings(
  words: readonly string[],
): Readonly<Record<string, Json>> {
  let settings: Json = {};
  for (const word of words) {
    const match = /^([\w-]+(?:\.[\w-]+)*)=(.*)$/s.exec(word);
    if (!match) {
      throw new SyntaxError(
        `Cannot read a setting as it must have the form path=value: current value is "${word}"`,
      );
    }
    const change = match[1]!.split(".").reduceRight<Json>(
      (value, key) => ({ [key]: value }),
      parseValue(match[2]!),
    );
    settings = combine(settings, change);
  }
  return settings as Readonly<Record<string, Json>>;
}

/** Merges without the semantics of `null` and variants, which {@linkcode mergeSettings} applies later. */
function combine(base: Json, change: Json): Json {
  if (!isObject(base) || !isObject(change)) return change;
  const merged: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    merged[key] = key in merged ? combine(merged[key]!, value) : value;
  }
  return merged;
}

function parseValue(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether a JSON value is an object. */
export function isObject(
  value: Json | undefined,
): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Finds where two settings differ first. Returns the path of the first difference in the order of
 * keys, or `undefined` when they are equal.
 */
export function firstDifference(a: Json, b: Json): string | undefined {
  if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (!(key in a) || !(key in b)) return key;
      const below = firstDifference(a[key]!, b[key]!);
      if (below !== undefined) return below === "" ? key : `${key}.${below}`;
    }
    return undefined;
  }
  return JSON.stringify(a) === JSON.stringify(b) ? undefined : "";
}
