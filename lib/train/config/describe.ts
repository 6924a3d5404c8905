/**
 * A list of every setting with its kind, meaning, default and present value, from the schemas that read them.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { DATASETS, WORLDS } from "../../envs/open_env.ts";
import { innerSchema } from "../../settings.ts";
import { mergeParts, type PartialDeep, type TrainingConfig } from "./config.ts";
import { configSchema } from "./schema.ts";
import { isObject, type Json } from "./settings.ts";

/** One setting of a training run. */
export interface SettingDescription {
  /** Path on the command line: `update.learningRate`; `worlds[kind=corridor].length` for a setting of worlds. */
  readonly path: string;
  /** Accepted values: `number in [0, 1]`. */
  readonly kind: string;
  /** Its effect. */
  readonly meaning: string;
  /** Default as typed on the command line, or in words; absent for required settings and those without one. */
  readonly fallback?: string;
  /** The given value; for worlds, that of each. */
  readonly given?: Json;
  /** The choice to which it belongs, where another one is made: `policy.name=language`. */
  readonly choice?: string;
}

/**
 * Lists every setting of a training run, those of other policies, estimators and worlds included.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { describeSettings } from "@hiper/lab";
 *
 * const settings = describeSettings({ update: { epochs: 2 } });
 * deepStrictEqual(settings.find(({ path }) => path === "update.epochs"), {
 *   path: "update.epochs",
 *   kind: "whole number > 0",
 *   meaning: "Passes over the samples of an iteration.",
 *   fallback: "3",
 *   given: 2,
 * });
 * ```
 *
 * @param parts Settings that are given, such as a preset and command-line settings; they may be incomplete.
 * @returns Settings in reading order.
 */
export function describeSettings(
  ...parts: readonly PartialDeep<TrainingConfig>[]
): SettingDescription[] {
  return [
    ...describeObject(configSchema, { path: "", given: mergeParts(parts) }),
  ];
}

/** Position of a schema. */
interface Place {
  readonly path: string;
  readonly given: Json | undefined;
  readonly choice?: string;
}

/** Settings of an object. */
function* describeObject(
  schema: z.ZodObject,
  { path, given, choice }: Place,
): Generator<SettingDescription> {
  for (const [key, field] of Object.entries(schema.shape)) {
    yield* describe(field, {
      path: path === "" ? key : `${path}.${key}`,
      given: isObject(given) ? given[key] : undefined,
      ...(choice !== undefined && { choice }),
    });
  }
}

/** A setting and its children. */
function* describe(
  field: z.core.$ZodType,
  place: Place,
): Generator<SettingDescription> {
  const schema = innerSchema(field);
  const { path, given } = place;
  if (path === "worlds") {
    yield describeOne(field, place);
    yield* describeWorlds(given);
  } else if (schema instanceof z.ZodDiscriminatedUnion) {
    yield* describeVariants(schema, {
      ...place,
      meaning: notesOf(field).description,
    });
  } else if (!(schema instanceof z.ZodObject)) {
    yield describeOne(field, place);
  } else if (!(field instanceof z.ZodExactOptional)) {
    yield* describeObject(schema, place);
  } else {
    if (given === undefined) yield describeOne(field, place);
    const choice = "name" in schema.shape ? `${path}.name=gear` : `${path}={}`;
    yield* describeObject(schema, {
      ...place,
      ...(given === undefined && { choice }),
    });
  }
}

/** The settings of the variant that is given, then those of the others. */
function* describeVariants(
  union: z.ZodDiscriminatedUnion,
  place: Place & { readonly meaning?: string | undefined },
): Generator<SettingDescription> {
  const { path, given, meaning = "" } = place;
  const { discriminator } = union.def;
  const now = isObject(given) ? given[discriminator] : undefined;
  const names: string[] = [];
  const others: SettingDescription[] = [];
  const own: SettingDescription[] = [];
  for (const option of union.options) {
    if (!(option instanceof z.ZodObject)) continue;
    const { [discriminator]: literal, ...shape } = option.shape;
    const [name] = literal instanceof z.ZodLiteral ? [...literal.values] : [];
    names.push(String(name));
    const rest = z.strictObject(shape);
    if (name === now) own.push(...describeObject(rest, place));
    else {
      const choice = `${path}.${discriminator}=${name}`;
      others.push(...describeObject(rest, { path, given: undefined, choice }));
    }
  }
  yield {
    path: `${path}.${discriminator}`,
    kind: names.join(" | "),
    meaning,
    ...(now !== undefined && { given: now }),
  };
  yield* own;
  yield* others;
}

/** Settings of every kind of world and every dataset. */
function* describeWorlds(
  worlds: Json | undefined,
): Generator<SettingDescription> {
  const present = Array.isArray(worlds) ? worlds.filter(isObject) : [];
  const families = [["kind", WORLDS], ["dataset", DATASETS]] as const;
  for (const [key, records] of families) {
    for (const [name, { settings }] of Object.entries(records)) {
      const schema = innerSchema(settings);
      if (!(schema instanceof z.ZodObject)) continue;
      const { [key]: _, ...shape } = schema.shape;
      const alike = present.filter((world) => world[key] === name);
      const given: Record<string, Json> = {};
      for (const setting of Object.keys(shape)) {
        const values = alike.flatMap((world) => world[setting] ?? []);
        const unlike = new Set(values.map((value) => JSON.stringify(value)));
        if (values.length > 0) {
          given[setting] = unlike.size === 1 ? values[0]! : values;
        }
      }
      for (const [setting, field] of Object.entries(shape)) {
        yield describeOne(field, {
          path: `worlds[${key}=${name}].${setting}`,
          given: given[setting],
          ...(alike.length === 0 &&
            { choice: `worlds=[{"${key}":"${name}"}]` }),
        });
      }
    }
  }
}

function describeOne(
  field: z.core.$ZodType,
  { path, given, choice }: Place,
): SettingDescription {
  const { description = "", unset, initial } = notesOf(field);
  const otherwise = initial ?? unset;
  const fallback = typeof otherwise === "string" || otherwise === undefined
    ? otherwise
    : JSON.stringify(otherwise);
  const sentence = description.replace(/^./, (first) => first.toUpperCase())
    .replace(/[^.]$/, "$&.");
  return {
    path,
    kind: kindOf(
      z.toJSONSchema(field, { unrepresentable: "any", io: "input" }),
    ),
    meaning: sentence,
    ...(fallback !== undefined && { fallback }),
    ...(given !== undefined && { given }),
    ...(choice !== undefined && { choice }),
  };
}

/** Description and default of a schema, which may stand on any of its wrappers. */
function notesOf(
  field: z.core.$ZodType,
): { description?: string; unset?: unknown; initial?: unknown } {
  const { description, unset } = z.globalRegistry.get(field) ?? {};
  const initial = field instanceof z.ZodDefault
    ? field.def.defaultValue
    : undefined;
  const inner = field instanceof z.ZodOptional ||
      field instanceof z.ZodExactOptional || field instanceof z.ZodDefault ||
      field instanceof z.ZodPrefault
    ? notesOf(field.unwrap())
    : {};
  return {
    ...inner,
    ...(description !== undefined && { description }),
    ...(unset !== undefined && { unset }),
    ...(initial !== undefined && { initial }),
  };
}

const SIMPLE_KINDS: Readonly<Record<string, string>> = {
  boolean: "true | false",
  string: "text",
  object: "settings",
};

/** Accepted values in words. */
function kindOf(schema: z.core.JSONSchema._JSONSchema): string {
  if (typeof schema === "boolean") return "anything";
  const { type, anyOf, prefixItems, items } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map(String).join(" | ");
  if (anyOf) return [...new Set(anyOf.map(kindOf))].join(", or ");
  if (type === "integer" || type === "number") {
    return `${type === "integer" ? "whole number" : "number"}${
      boundsOf(schema)
    }`;
  }
  if (type === "array") {
    if (prefixItems) return `[${prefixItems.map(kindOf).join(", ")}]`;
    const each = items === undefined || Array.isArray(items)
      ? "anything"
      : kindOf(items);
    return `list of ${each}`;
  }
  return SIMPLE_KINDS[String(type)] ?? "anything";
}

function boundsOf(
  { minimum, maximum, exclusiveMinimum }: z.core.JSONSchema.JSONSchema,
): string {
  const least = minimum === -Number.MAX_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (least !== undefined && most !== undefined) {
    return ` in [${least}, ${most}]`;
  }
  if (exclusiveMinimum !== undefined) return ` > ${exclusiveMinimum}`;
  if (least !== undefined) return ` >= ${least}`;
  return most === undefined ? "" : ` <= ${most}`;
}
