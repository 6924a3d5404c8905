/**
 * The one door to every estimator: its configuration by name, and credit for a batch of trajectories.
 *
 * @module
 */

import { checkName } from "../checks.ts";
import type { Credit, Trajectory } from "../trajectory.ts";
import { checkTrajectories } from "./credit_checks.ts";
import {
  gaeCredit,
  type GaeCreditOptions,
  haeCredit,
  type HaeCreditOptions,
  tokenGaeCredit,
} from "./critic_credit.ts";
import {
  bestOfGroupCredit,
  gigpoCredit,
  type GigpoOptions,
  groupCredit,
  type PoolingOptions,
  reinforceCredit,
  type ReinforceOptions,
  remaxCredit,
  type RemaxOptions,
} from "./group_credit.ts";
import type { BestOfGroupOptions } from "./group_relative.ts";
import type { Normalization } from "./normalize.ts";
import {
  strategyCredit,
  type StrategyCreditOptions,
} from "./strategy_credit.ts";

/**
 * An estimator by name, with its settings. Plain JSON.
 *
 * Critic-based: `hae`, `gae` (turns), `token-gae` (single decisions, chained). Group-relative: `grpo`, `dr-grpo`,
 * `rloo`, `reinforce++-baseline`, `gigpo`, `pass-at-k`, `strata`. By returns: `reinforce`, `reinforce++`, `remax`.
 */
export type EstimatorConfig =
  | ({ readonly name: "hae" } & Readonly<HaeCreditOptions>)
  | ({ readonly name: "gae" } & Readonly<GaeCreditOptions>)
  | ({ readonly name: "token-gae" } & Readonly<GaeCreditOptions>)
  | (
    & {
      readonly name: "grpo";
      /** Whether scores are divided by their group's deviation. @default {true} */
      readonly scaleByDeviation?: boolean;
    }
    & Readonly<PoolingOptions>
  )
  | ({ readonly name: "dr-grpo" } & Readonly<PoolingOptions>)
  | ({ readonly name: "rloo" } & Readonly<PoolingOptions>)
  | (
    & {
      readonly name: "reinforce++-baseline";
      /** How centered scores are normalized over the turns of the batch. @default {"whiten"} */
      readonly normalize?: Normalization;
    }
    & Readonly<PoolingOptions>
  )
  | (
    & { readonly name: "reinforce++" }
    & Readonly<Omit<ReinforceOptions, "rewardToGo">>
  )
  | ({ readonly name: "reinforce" } & Readonly<ReinforceOptions>)
  | ({ readonly name: "remax" } & Readonly<RemaxOptions>)
  | ({ readonly name: "pass-at-k" } & Readonly<BestOfGroupOptions>)
  | ({ readonly name: "gigpo" } & Readonly<GigpoOptions>)
  | ({ readonly name: "strata" } & Readonly<StrategyCreditOptions>);

/** Name of an estimator. */
export type EstimatorName = EstimatorConfig["name"];

const GAE_SETTINGS = ["gamma", "lambda", "truncation", "normalize"] as const;
const POOLING_SETTINGS = ["pooling", "alone"] as const;

/** Every setting of every estimator; the type makes sure that each name is one. */
const SETTINGS: {
  readonly [Name in EstimatorName]: readonly Exclude<
    keyof Extract<EstimatorConfig, { name: Name }>,
    "name"
  >[];
} = {
  hae: [
    "gamma",
    "lambdaTurn",
    "lambdaSegment",
    "lambdaBoundary",
    "truncation",
    "heads",
    "switching",
    "normalize",
    "planningToSwitching",
    "planningToPlanning",
    "switchingToSwitching",
  ],
  gae: GAE_SETTINGS,
  "token-gae": GAE_SETTINGS,
  grpo: ["scaleByDeviation", ...POOLING_SETTINGS],
  "dr-grpo": POOLING_SETTINGS,
  rloo: POOLING_SETTINGS,
  "reinforce++-baseline": ["normalize", ...POOLING_SETTINGS],
  "reinforce++": ["gamma", "normalize"],
  reinforce: ["gamma", "rewardToGo", "normalize"],
  remax: ["baselines", "gamma"],
  "pass-at-k": ["scaleByDeviation"],
  gigpo: [
    "gamma",
    "stepWeight",
    "scaleByDeviation",
    "similarity",
    ...POOLING_SETTINGS,
  ],
  strata: ["topFraction", "judgePenalty", "judgeMode", "flagged"],
};

/** Estimators that need a critic; they check rewards along with values. */
const CRITICS: readonly string[] = ["hae", "gae", "token-gae"];

/** Names of all estimators, in reading order. */
export const ESTIMATORS: readonly string[] = Object.keys(SETTINGS);

/**
 * Throws unless a configuration names an estimator and only settings it has; offers the nearest that exists.
 *
 * @example
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { checkEstimator } from "@hiper/lab";
 *
 * checkEstimator({ name: "hae", gamma: 0.9 });
 * throws(
 *   () => checkEstimator(JSON.parse('{"name": "hae", "gama": 0.9}')),
 *   /gamma/,
 * );
 * ```
 *
 * @param estimator Configuration, perhaps from a file.
 * @throws {RangeError} If the name or a setting is unknown.
 */
export function checkEstimator(estimator: EstimatorConfig): void {
  checkName("assign credit", estimator.name, {
    what: "an estimator",
    names: ESTIMATORS,
  });
  const settings = SETTINGS[estimator.name];
  for (const key of Object.keys(estimator)) {
    if (key === "name") continue;
    checkName("assign credit", key, {
      what: `a setting of "${estimator.name}"`,
      names: settings,
    });
  }
}

/**
 * Assigns credit to the decisions of each trajectory.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { assignCredit, type Trajectory } from "@hiper/lab";
 *
 * const episode = (id: string, reward: number): Trajectory => ({
 *   id,
 *   task: "leave",
 *   group: "corridor/0",
 *   turns: [{
 *     observation: { text: "", admissibleActions: ["go"], stateKey: "" },
 *     decision: {
 *       switched: true,
 *       subgoal: "leave",
 *       action: "go",
 *       valid: true,
 *       trace: { kind: "untrainable" },
 *     },
 *     reward,
 *   }],
 *   ending: "terminated",
 *   success: reward > 0,
 *   score: reward,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 *   seed: 0,
 * });
 * const [won, lost] = assignCredit([episode("won", 1), episode("lost", 0)], {
 *   name: "rloo",
 * });
 * deepStrictEqual(won!.advantages.execution, new Float64Array([1]));
 * deepStrictEqual(lost!.advantages.execution, new Float64Array([-1]));
 * ```
 *
 * @param trajectories Episodes, with shaped rewards if any.
 * @param estimator An estimator by name, with its settings.
 * @returns One credit for each trajectory, in order; it says which decisions are trained.
 * @throws {RangeError} If the name or a setting is unknown or out of range, or a reward or value is not finite.
 * @throws {TypeError} If trajectories lack what the estimator needs.
 */
export function assignCredit(
  trajectories: readonly Trajectory[],
  estimator: EstimatorConfig,
): Credit[] {
  checkEstimator(estimator);
  if (!CRITICS.includes(estimator.name)) {
    checkTrajectories(estimator.name, trajectories);
  }
  switch (estimator.name) {
    case "hae":
      return haeCredit(trajectories, estimator);
    case "gae":
      return gaeCredit(trajectories, estimator);
    case "token-gae":
      return tokenGaeCredit(trajectories, estimator);
    case "grpo":
      return groupCredit(trajectories, {
        ...estimator,
        comparison: estimator.scaleByDeviation ?? true ? "deviation" : "center",
      });
    case "dr-grpo":
      return groupCredit(trajectories, { ...estimator, comparison: "center" });
    case "rloo":
      return groupCredit(trajectories, {
        ...estimator,
        comparison: "leave-one-out",
      });
    case "reinforce++-baseline":
      return groupCredit(trajectories, {
        normalize: "whiten",
        ...estimator,
        comparison: "center",
      });
    case "reinforce++":
      return reinforceCredit(trajectories, {
        normalize: "whiten",
        ...estimator,
      });
    case "reinforce":
      return reinforceCredit(trajectories, estimator);
    case "remax":
      return remaxCredit(trajectories, estimator);
    case "pass-at-k":
      return bestOfGroupCredit(trajectories, estimator);
    case "gigpo":
      return gigpoCredit(trajectories, estimator);
    case "strata":
      return strategyCredit(trajectories, estimator);
  }
}
