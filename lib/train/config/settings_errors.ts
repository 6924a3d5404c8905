/**
 * Reading settings by a schema, with errors that name the setting and suggest what was meant.
 *
 * @module
 */

import { closest } from "fastest-levenshtein";
import { z } from "zod";
import type { Json } from "./settings.ts";

/**
 * Reads settings by a schema.
 *
 * @param schema What is allowed.
 * @param settings What was given.
 * @param what What is being read, for messages: `config`.
 * @returns The settings with defaults filled in.
 * @throws {TypeError} If a setting is unknown or of the wrong kind; the first one is named.
 */
export function readSettings<T>(
  schema: z.ZodType<T>,
  settings: Json,
  what: string,
): T {
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new TypeError(
    `Cannot read ${what} as ${explain(schema, settings, issue!)}`,
  );
}

function explain(
  schema: z.ZodType,
  settings: Json,
  issue: z.core.$ZodIssue,
): string {
  const path = issue.path.map(String);
  const at = (key: string) => [...path, key].join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const known = knownKeys(schema, settings, path);
    const meant = known.length > 0 ? closest(key, known) : undefined;
    const hint = meant === undefined ? "" : `: did you mean "${at(meant)}"?`;
    return `"${at(key)}" is not a setting${hint}`;
  }
  const given = path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    settings,
  );
  if (
    issue.code === "invalid_union" && "discriminator" in issue
  ) {
    const choices = variantNames(schema, settings, path);
    const name = path.length > 0 ? path.join(".") : what(issue);
    return `"${name}" must be one of ${
      choices.map((c) => `"${c}"`).join(", ")
    }: current value is ${JSON.stringify(given)}`;
  }
  const value = given === undefined ? "absent" : JSON.stringify(given);
  return `"${path.join(".")}" does not fit (${
    issue.message.replace(/^Invalid input: /, "")
  }): current value is ${value}`;
}

function what(issue: z.core.$ZodIssue): string {
  return issue.code;
}

/** Settings that exist at a path, given which variants were chosen. */
function knownKeys(
  schema: z.ZodType,
  settings: Json,
  path: readonly string[],
): string[] {
  const here = descend(schema, settings, path);
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

/** Names that the discriminator at the end of a path may have. */
function variantNames(
  schema: z.ZodType,
  settings: Json,
  path: readonly string[],
): string[] {
  const union = descend(schema, settings, path.slice(0, -1), true);
  if (!(union instanceof z.ZodDiscriminatedUnion)) return [];
  return union.options.flatMap((option) => {
    const key = option instanceof z.ZodObject
      ? option.shape[union.def.discriminator]
      : undefined;
    return key instanceof z.ZodLiteral ? [...key.values].map(String) : [];
  });
}

/** The schema at a path; a union becomes the variant that the settings name, unless it is the last. */
function descend(
  schema: unknown,
  settings: unknown,
  path: readonly string[],
  keepUnion = false,
): unknown {
  let here = unwrap(schema), value = settings;
  for (let i = 0;; i++) {
    const last = i === path.length;
    if (here instanceof z.ZodDiscriminatedUnion && !(last && keepUnion)) {
      here = variant(here, value);
    }
    if (last) return here;
    const key = path[i]!;
    if (here instanceof z.ZodObject) here = unwrap(here.shape[key]);
    else if (here instanceof z.ZodRecord) here = unwrap(here.valueType);
    else if (here instanceof z.ZodArray) here = unwrap(here.element);
    else return undefined;
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
}

function variant(union: z.ZodDiscriminatedUnion, value: unknown): unknown {
  const { discriminator } = union.def;
  const name = (value as Record<string, unknown> | undefined)?.[discriminator];
  return union.options.find((option) => {
    const key = option instanceof z.ZodObject
      ? option.shape[discriminator]
      : undefined;
    return key instanceof z.ZodLiteral && key.values.has(name as string);
  });
}

function unwrap(schema: unknown): unknown {
  let here = schema;
  while (true) {
    if (
      here instanceof z.ZodOptional || here instanceof z.ZodExactOptional ||
      here instanceof z.ZodDefault || here instanceof z.ZodPrefault
    ) here = here.unwrap();
    else if (here instanceof z.ZodPipe) here = here.in;
    else return here;
  }
}
