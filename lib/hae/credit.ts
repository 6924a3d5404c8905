/**
 * Credit by the name of an estimator, for a batch of episodes and for trajectories.
 *
 * @module
 */

import { checkName } from "../checks.ts";
import {
  type CreditColumns,
  type EpisodeBatch,
  splitCredit,
  toEpisodeBatch,
} from "../episode_batch.ts";
import { readSettings } from "../settings.ts";
import type { Credit, Trajectory } from "../trajectory.ts";
import type { Estimator } from "./estimator.ts";
import { ESTIMATORS } from "./estimators.ts";
import type { BiLevelOptions } from "./bi_level.ts";
import type { GaeCreditOptions } from "./gae.ts";
import type { GigpoOptions } from "./gigpo.ts";
import type { BestOfGroupOptions, PoolingOptions } from "./group_credit.ts";
import type { HaeCreditOptions } from "./hae.ts";
import type { Normalization } from "./normalize.ts";
import type { ReinforceOptions, RemaxOptions } from "./reinforce.ts";
import type { StrategyCreditOptions } from "./strata.ts";

/**
 * An estimator by name, with its settings. Plain JSON.
 *
 * Critic-based: `hae`, `gae` (turns), `token-gae` (single decisions, chained), `bi-level-gae`. Group-relative: `grpo`, `dr-grpo`,
 * `rloo`, `reinforce++-baseline`, `gigpo`, `pass-at-k`, `strata`. By returns: `reinforce`, `reinforce++`, `remax`.
 */
export type EstimatorConfig =
  | ({ readonly name: "hae" } & Readonly<HaeCreditOptions>)
  | ({ readonly name: "gae" | "token-gae" } & Readonly<GaeCreditOptions>)
  | ({ readonly name: "bi-level-gae" } & Readonly<BiLevelOptions>)
  | (
    & {
      readonly name: "grpo";
      /** Whether scores are divided by their group's deviation. @default {true} */
      readonly scaleByDeviation?: boolean;
    }
    & Readonly<PoolingOptions>
  )
  | ({ readonly name: "dr-grpo" | "rloo" } & Readonly<PoolingOptions>)
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

/** Names of all estimators, in reading order. */
export const ESTIMATOR_NAMES = Object.keys(
  ESTIMATORS,
) as readonly EstimatorName[];

/**
 * Throws unless a configuration names an estimator, only settings it has, and values they may have.
 *
 * @example
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { checkEstimator } from "@hiper/lab/credit";
 *
 * checkEstimator({ name: "hae", gamma: 0.9 });
 * throws(
 *   () => checkEstimator(JSON.parse('{"name": "hae", "gama": 0.9}')),
 *   /gamma/,
 * );
 * ```
 *
 * @param estimator Configuration, perhaps from a file.
 * @throws {RangeError} If the name or a setting is unknown; the nearest that exists is suggested.
 * @throws {TypeError} If a setting is out of range or of the wrong kind.
 */
export function checkEstimator(estimator: EstimatorConfig): void {
  fillSettings(estimator);
}

/** Checked settings of an estimator, with every default. */
function fillSettings({ name, ...given }: EstimatorConfig) {
  checkName("assign credit", name, {
    what: "an estimator",
    names: ESTIMATOR_NAMES,
  });
  const { settings } = estimatorOf(name);
  for (const key of Object.keys(given)) {
    checkName("assign credit", key, {
      what: `a setting of "${name}"`,
      names: Object.keys(settings.shape),
    });
  }
  return readSettings(settings, given, "assign credit");
}

/** The record of an estimator, whatever its settings are. */
export function estimatorOf(name: EstimatorName): Estimator {
  return ESTIMATORS[name];
}

/**
 * Assigns credit to the decisions of a batch: columns in, columns out.
 *
 * @param batch Episodes, with shaped rewards if any.
 * @param estimator An estimator by name, with its settings.
 * @returns Columns of shape `(turns,)`, episode after episode.
 * @throws {RangeError} If the name or a setting is unknown, or a reward or value is not finite.
 * @throws {TypeError} If a setting is out of range or of the wrong kind, or episodes lack what the estimator needs.
 */
export function creditBatch(
  batch: EpisodeBatch,
  estimator: EstimatorConfig,
): CreditColumns {
  const settings = fillSettings(estimator);
  return estimatorOf(estimator.name).credit(batch, settings);
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
 * @returns One credit for each trajectory, in order, with the decisions that are trained.
 * @throws {RangeError} If the name or a setting is unknown, or a reward or value is not finite.
 * @throws {TypeError} If a setting is out of range or of the wrong kind, or trajectories lack what the estimator needs.
 */
export function assignCredit(
  trajectories: readonly Trajectory[],
  estimator: EstimatorConfig,
): Credit[] {
  const batch = toEpisodeBatch(trajectories);
  return splitCredit(batch.offsets, creditBatch(batch, estimator));
}
