/**
 * Settings of published experiments.
 *
 * @module
 */

import { checkName } from "../checks.ts";
import type { EstimatorConfig } from "./credit.ts";
import type { ShapingOptions } from "./shaping.ts";

/** Shaping and estimator of one experiment. */
export interface CreditPreset {
  /** How rewards are shaped before credit is assigned. */
  readonly shaping: Readonly<ShapingOptions>;
  /** How credit is assigned. */
  readonly estimator: EstimatorConfig;
}

/** What both HiPER experiments share: the authors' scripts and the configuration defaults in force under them. */
const HIPER_ESTIMATOR = {
  name: "hae",
  gamma: 1,
  lambdaTurn: 1,
  lambdaSegment: 0.95,
  lambdaBoundary: 0,
  heads: 3,
  switching: "return",
  normalize: "reference",
  planningToSwitching: false,
  planningToPlanning: true,
  switchingToSwitching: true,
} as const;

const HIPER_SHAPING = {
  keepPenaltyMode: "normalized",
  consistencyPenalty: -0.3,
  consistencyRequiresBoth: true,
  consistencyCompares: "tokens",
  invalidActionPenalty: 0.1,
} as const;

/** The presets, by name. */
const PRESETS: Readonly<Record<string, CreditPreset>> = {
  "hiper-alfworld": {
    shaping: { ...HIPER_SHAPING, keepPenalty: -0.3 },
    estimator: { ...HIPER_ESTIMATOR, truncation: "reference" },
  },
  "hiper-webshop": {
    shaping: { ...HIPER_SHAPING, keepPenalty: -3.5 },
    estimator: { ...HIPER_ESTIMATOR, truncation: "zero" },
  },
};

/**
 * Names the shaping and estimator of a published experiment.
 *
 * `hiper-alfworld` and `hiper-webshop` are the settings of the authors' scripts: advantages
 * normalized by the reference formula; a cut-off ALFWorld episode leads to its own last values, a WebShop one to 0.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { creditPreset } from "@hiper/lab/credit";
 *
 * strictEqual(creditPreset("hiper-webshop").shaping.keepPenalty, -3.5);
 * ```
 *
 * @param name `hiper-alfworld` or `hiper-webshop`.
 * @returns Settings for `shapeRewards` and `assignCredit`.
 * @throws {RangeError} If there is no such preset.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, experiments
 */
export function creditPreset(name: string): CreditPreset {
  checkName("assign credit", name, {
    what: "a preset",
    names: Object.keys(PRESETS),
  });
  return PRESETS[name]!;
}
