/**
 * What is known of every estimator, as plain data: the rows of the table in `docs/estimators.md`.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EstimatorName } from "./credit.ts";
import { type Estimator, SHOWN, TRAINABLE } from "./estimator.ts";
import { ESTIMATORS } from "./estimators.ts";

/** One estimator in words. */
export interface EstimatorDescription {
  /** Its name in a config. */
  readonly name: EstimatorName;
  /** Name of the method or its authors. */
  readonly title: string;
  /** Address of the publication. */
  readonly paper: string;
  /** The advantage, in the notation of `docs/estimators.md`. */
  readonly equation: string;
  /** What shares one advantage. */
  readonly unit: string;
  /** Whether it reads values. */
  readonly critic: boolean;
  /** Whether it compares the episodes of a group. */
  readonly groups: boolean;
  /** Kinds of policy that a config can train by it. */
  readonly policies: readonly string[];
  /** Its settings: name, and default as typed on the command line, `absent` or `required`. */
  readonly settings: readonly {
    readonly name: string;
    readonly standard: string;
  }[];
  /** What a turn costs beyond playing it. */
  readonly cost: string;
  /** Runs that show that it learns: name, and link from `docs/`. */
  readonly shown: readonly { readonly name: string; readonly link: string }[];
}

/**
 * Describes every estimator.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { describeEstimators } from "@hiper/lab/credit";
 *
 * const gigpo = describeEstimators().find(({ name }) => name === "gigpo")!;
 * ok(gigpo.groups && !gigpo.critic);
 * ok(gigpo.settings.some(({ name }) => name === "similarity"));
 * ```
 *
 * @returns One description for each, in reading order.
 */
export function describeEstimators(): EstimatorDescription[] {
  return Object.entries<Estimator>(ESTIMATORS).map(([name, record]) => ({
    name: name as EstimatorName,
    title: record.title,
    paper: record.paper,
    equation: record.equation,
    unit: record.unit,
    critic: record.critic,
    groups: record.grouped,
    policies: record.policies ?? TRAINABLE,
    settings: Object.entries(record.settings.shape).map(([key, schema]) => ({
      name: key,
      standard: schema instanceof z.ZodType ? defaultOf(schema) : "required",
    })),
    cost: record.cost,
    shown: record.shown.map((run) => ({ name: run, link: SHOWN[run] })),
  }));
}

function defaultOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodDefault) {
    return JSON.stringify(schema.def.defaultValue).replaceAll('"', "");
  }
  return schema instanceof z.ZodExactOptional ? "absent" : "required";
}
