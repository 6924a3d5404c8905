/**
 * Reading settings by a zod schema, with errors that name the setting and suggest the one that was meant.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { nearestName, suggest } from "./checks.ts";

/** A whole number above 0. */
export const count = z.int("must be a positive whole number")
  .positive("must be a positive whole number");
/** A whole number of at least 0. */
export const countOrNone = z.int("must be a whole number, not negative")
  .nonnegative("must be a whole number, not negative");
/** A number in `[0, 1]`. */
export const unit = z.number("must be in [0, 1]").min(0, "must be in [0, 1]")
  .max(1, "must be in [0, 1]");
/** A number of at least 0. */
export const rate = z.number().nonnegative();
/** A number above 0. */
export const positive = z.number().positive();

/** A setting that stays absent unless it is given; `unset` says what holds then. */
export function optional<T extends z.ZodType>(
  schema: T,
  meaning: string,
  unset?: unknown,
): z.ZodExactOptional<T> {
  return schema.exactOptional().meta({
    description: meaning,
    ...(unset !== undefined && { unset }),
  });
}

/**
 * Reads settings by a schema.
 *
 * @param schema What is allowed; strict objects refuse unknown keys.
 * @param settings What was given.
 * @param task What cannot be done otherwise, for messages: `read config`, `open a game`.
 * @returns The settings with defaults filled in.
 * @throws {TypeError} If a setting is unknown, missing or of the wrong kind; the first one is named.
 */
export function readSettings<T>(
  schema: z.ZodType<T>,
  settings: unknown,
  task: string,
): T {
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new TypeError(
    `Cannot ${task} as ${explain(schema, settings, issue!)}`,
  );
}

/** What is wrong: `"<path>" must be <this>: current value is <that>`. */
function explain(
  schema: z.ZodType,
  settings: unknown,
  issue: z.core.$ZodIssue,
): string {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const at = path.map((name) => `${name}.`).join("");
    const known = knownKeys(schema, settings, path);
    return `"${at}${key}" is not a setting${suggest(key, known, at)}`;
  }
  const given = path.reduce(child, settings);
  const value = given === undefined
    ? "absent"
    : typeof given === "number"
    ? String(given) // JSON has no word for what is not a number
    : JSON.stringify(given);
  const name = path.length > 0 ? `"${path.join(".")}"` : "it";
  const variants = () => variantNames(schema, settings, path);
  return `${name} ${demand(issue, variants)}: current value is ${value}${
    meant(given, issue.code === "invalid_value" ? issue.values : variants())
  }`;
}

/** The choice that was most likely meant. */
function meant(given: unknown, choices: readonly unknown[]): string {
  if (typeof given !== "string" || choices.length < 2) return "";
  const near = nearestName(
    given,
    choices.filter((one) => typeof one === "string"),
  );
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}

/** The value at a key, if there is one. */
function child(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

const KINDS: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  string: "text",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** What must hold; a message that a schema was given stands as it is. */
function demand(
  issue: z.core.$ZodIssue,
  variants: () => readonly string[],
): string {
  if (!/^(Invalid|Too) /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${oneOf(issue.values)}`;
    case "too_small": {
      const { inclusive = true, minimum, origin } = issue;
      if (origin === "array" || origin === "string") return "must not be empty";
      return `must be ${inclusive ? "at least" : "more than"} ${minimum}`;
    }
    case "too_big": {
      const { inclusive = true, maximum } = issue;
      return `must be ${inclusive ? "at most" : "less than"} ${maximum}`;
    }
    case "invalid_union": {
      const names = variants();
      if (names.length > 0) return `must be ${oneOf(names)}`;
      const parts = issue.errors.flatMap(([first]) =>
        first ? [demand(first, variants).replace(/^must be /, "")] : []
      );
      return `must be ${parts.join(", or ")}`;
    }
    default:
      return `must fit (${issue.message.replace(/^Invalid input: /, "")})`;
  }
}

function oneOf(values: readonly unknown[]): string {
  const list = values.map((value) =>
    typeof value === "string" ? `"${value}"` : String(value)
  );
  return list.length === 1 ? list[0]! : `one of ${list.join(", ")}`;
}

/** Settings that exist at a path, given which variants were chosen. */
function knownKeys(
  schema: z.ZodType,
  settings: unknown,
  path: readonly string[],
): string[] {
  const here = schemaAt(schema, settings, path);
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

/** Names that the discriminator at the end of a path may have. */
function variantNames(
  schema: z.ZodType,
  settings: unknown,
  path: readonly string[],
): string[] {
  const union = schemaAt(schema, settings, path.slice(0, -1), true);
  if (!(union instanceof z.ZodDiscriminatedUnion)) return [];
  return union.options.flatMap((option) => {
    const key = option instanceof z.ZodObject
      ? option.shape[union.def.discriminator]
      : undefined;
    return key instanceof z.ZodLiteral ? [...key.values].map(String) : [];
  });
}

/** The schema at a path; a union becomes the variant that the settings name, unless it is the last. */
function schemaAt(
  schema: z.ZodType,
  settings: unknown,
  path: readonly string[],
  keepUnion = false,
): unknown {
  let here = innerSchema(schema), value = settings;
  for (let i = 0;; i++) {
    const last = i === path.length;
    if (here instanceof z.ZodDiscriminatedUnion && !(last && keepUnion)) {
      here = variant(here, value);
    }
    if (last) return here;
    const key = path[i]!;
    if (here instanceof z.ZodObject) here = innerSchema(here.shape[key]);
    else if (here instanceof z.ZodRecord) here = innerSchema(here.valueType);
    else if (here instanceof z.ZodArray) here = innerSchema(here.element);
    else return undefined;
    value = child(value, key);
  }
}

function variant(union: z.ZodDiscriminatedUnion, value: unknown): unknown {
  const { discriminator } = union.def;
  const name = child(value, discriminator);
  return union.options.find((option) => {
    const key = option instanceof z.ZodObject
      ? option.shape[discriminator]
      : undefined;
    return key instanceof z.ZodLiteral && key.values.has(name as string);
  });
}

/**
 * Finds the schema inside defaults, optional settings and transformations.
 *
 * @param schema A schema, perhaps wrapped.
 * @returns The schema that says what the value is.
 */
export function innerSchema(schema: unknown): unknown {
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

/**
 * Keeps the settings that were given: options do not take `undefined` for an answer.
 *
 * @param settings Settings, some of them perhaps `undefined`.
 * @returns Those that are not.
 */
export function present<T extends object>(
  settings: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
