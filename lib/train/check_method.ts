/**
 * Settings that contradict each other: an estimator and what it needs of rollout, policy, critic and loss.
 *
 * @module
 */

import { estimatorOf } from "../hae/credit.ts";
import type { TrainingConfig } from "./config/config.ts";

/** Something that must hold of a config. */
interface Demand {
  /** Whether it is broken. */
  readonly broken: (config: TrainingConfig) => boolean;
  /** What must hold, and what to change. */
  readonly must: (config: TrainingConfig) => string;
  /** The value that breaks it. */
  readonly value: (config: TrainingConfig) => unknown;
}

const recordOf = ({ estimator }: TrainingConfig) => estimatorOf(estimator.name);

/** An episode that is alone in its group has an advantage of 0, unless it gets its score. */
const comparesNothing = (config: TrainingConfig) =>
  recordOf(config).grouped && config.rollout.groupSize < 2 &&
  !("singleton" in config.estimator &&
    config.estimator.singleton === "score");

const DEMANDS: readonly Demand[] = [
  {
    broken: comparesNothing,
    must: () => '"rollout.groupSize" must be at least 2',
    value: ({ rollout }) => rollout.groupSize,
  },
  {
    broken: ({ rollout }) =>
      rollout.dynamicSampling !== undefined && rollout.groupSize < 2,
    must: () =>
      '"rollout.groupSize" must be at least 2 for dynamic sampling, which drops groups of equal scores (or take it back with rollout.dynamicSampling=null)',
    value: ({ rollout }) => rollout.groupSize,
  },
  {
    broken: (config) =>
      recordOf(config).critic && config.policy.name !== "tinker" &&
      config.update.valueCoefficient === 0,
    must: () =>
      '"update.valueCoefficient" must be above 0, as its critic would never learn (or choose an estimator without one, such as estimator.name=grpo)',
    value: ({ update }) => update.valueCoefficient,
  },
  {
    broken: (config) =>
      !recordOf(config).critic && config.policy.name === "language" &&
      config.policy.critic === "separate",
    must: () =>
      '"policy.critic" must not be "separate", as it reads no values (take it back with policy.critic=null, or choose an estimator with a critic, such as estimator.name=hae)',
    value: () => "separate",
  },
  {
    broken: (config) =>
      recordOf(config).greedy === true && config.policy.name === "tinker",
    must: () =>
      '"policy.name" must be "compact" or "language", which play greedily at temperature 0',
    value: ({ policy }) => policy.name,
  },
  {
    broken: ({ update }) =>
      update.loss === "gspo" &&
      update.aggregation !== "seq-mean-token-mean",
    must: () =>
      '"update.aggregation" must be "seq-mean-token-mean" with update.loss=gspo (or take it back with update.aggregation=null)',
    value: ({ update }) => update.aggregation,
  },
];

/**
 * Refuses settings that contradict each other, before anything is opened or played.
 *
 * @throws {RangeError} If an estimator lacks what it needs, or settings exclude each other; the message says what to change.
 */
export function checkMethod(config: TrainingConfig): void {
  const demand = DEMANDS.find(({ broken }) => broken(config));
  if (!demand) return;
  throw new RangeError(
    `Cannot assemble a training by "${config.estimator.name}" as ${
      demand.must(config)
    }: current value is ${JSON.stringify(demand.value(config))}`,
  );
}
