/**
 * Settings for published models with adapters, by world; `policy.directory` names the model.
 *
 * @module
 */

import type { PartialDeep, TrainingConfig } from "./config.ts";
import {
  alfworldGames,
  fromSparseReward,
  households,
  webshopPart,
} from "./preset_parts.ts";

/**
 * How a published model is trained with adapters: its replies are given their form, so that it learns what to
 * plan and what to do, not how to write tags. Subgoals are drawn from those that the world proposes, the
 * executor knows the task by the subgoal alone, and KEEP is likelier than SWITCH before training.
 */
const publishedModel = {
  name: "language",
  directory: "",
  prompt: "facts",
  decoding: "admissible",
  planning: "listed",
  executor: "subgoal",
  switchBias: -1,
  loraRank: 8,
  maxContentTokens: 12,
} as const satisfies PartialDeep<TrainingConfig["policy"]>;

/**
 * A published model (`policy.directory`) learns by reward alone to read the sign, to plan by it and to act by the
 * plan: in the shortest corridor, where an untrained model gets out by either end now and then; it is evaluated in a
 * longer one. Many episodes cost no more than few, as equal ones are computed once.
 */
export const corridorModel: PartialDeep<TrainingConfig> = {
  iterations: 10,
  policy: {
    ...publishedModel,
    historyLength: 0,
    temperatures: { execution: 3 },
    batchSize: 256,
  },
  worlds: [{ kind: "corridor", length: 3, doors: 0 }],
  rollout: { tasks: 128, maxTurns: 3 },
  estimator: { name: "hae", gamma: 0.9, lambdaTurn: 0.95 },
  update: {
    epochs: 1,
    minibatchSize: 160,
    minibatchBy: "episode",
    learningRate: 2e-3,
    finalLearningRate: 2e-4,
    entropyCoefficient: 0.02,
    finalEntropyCoefficient: 0,
  },
  evaluation: {
    every: 0,
    tasks: 200,
    maxTurns: 6,
    sets: { held_out: [{ kind: "corridor", length: 5, doors: 0 }] },
  },
  record: { checkpointEvery: 1, trajectoriesEvery: 1 },
};

/** How adapters of a published model learn in longer worlds: few large steps, as every token costs a reading. */
const adapters = {
  epochs: 1,
  minibatchSize: 128,
  minibatchBy: "episode",
  learningRate: 3e-4,
  entropyCoefficient: 0,
} as const satisfies PartialDeep<TrainingConfig["update"]>;

/** A published model in small rooms without doors, by reward alone. */
export const householdModel: PartialDeep<TrainingConfig> = {
  iterations: 200,
  policy: {
    ...publishedModel,
    historyLength: 2,
    executorHistory: 2,
    observationLimit: 400,
    valueScale: 1,
  },
  worlds: households("train", "easy"),
  rollout: { tasks: 48, maxTurns: 20, balanceBy: "taskType" },
  shaping: { keepPenalty: 0.2 },
  estimator: fromSparseReward.estimator,
  update: adapters,
  evaluation: {
    every: 0,
    tasks: 200,
    maxTurns: 20,
    balanceBy: "taskType",
    sets: { unseen: households("unseen", "easy") },
  },
  record: { checkpointEvery: 1 },
};

/** A published model with adapters in ALFWorld's games. */
export const alfworldModel: PartialDeep<TrainingConfig> = {
  ...householdModel,
  worlds: alfworldGames("train", "valid_train"),
  rollout: { tasks: 48, maxTurns: 50 },
  evaluation: {
    every: 0,
    tasks: "every",
    sets: {
      valid_seen: alfworldGames("valid_seen"),
      valid_unseen: alfworldGames("valid_unseen"),
    },
  },
};

/** A published model with adapters in a generated shop. */
export const webshopModel: PartialDeep<TrainingConfig> = {
  ...householdModel,
  policy: { ...householdModel.policy, observationLimit: 1200 },
  worlds: [webshopPart("train")],
  rollout: { tasks: 48, maxTurns: 15 },
  evaluation: {
    every: 0,
    tasks: 64,
    maxTurns: 15,
    sets: {
      seen: [webshopPart("validation")],
      unseen: [webshopPart("unseen-product")],
    },
  },
};
