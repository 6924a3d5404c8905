/**
 * What presets have in common: worlds, and how a compact policy learns from sparse reward.
 *
 * @module
 */

import type { ALFWORLD_SPLITS } from "../../envs/alfworld/dataset.ts";
import { HOUSEHOLD_TASK_TYPES } from "../../envs/household/task.ts";
import type { PartialDeep, TrainingConfig } from "./config.ts";

/** Part of ALFWorld's games. */
type AlfworldSplit = typeof ALFWORLD_SPLITS[number];

/**
 * How a compact policy learns from sparse reward alone. Advantages flow over segments' ends
 * (`lambdaBoundary`) as the planner's first values are worth little.
 */
export const fromSparseReward = {
  estimator: {
    name: "hae",
    gamma: 0.97,
    lambdaTurn: 0.95,
    lambdaSegment: 0.95,
    lambdaBoundary: 0.95,
  },
  update: {
    minibatchSize: 512,
    learningRate: 3e-3,
    finalLearningRate: 3e-4,
    entropyCoefficient: 0.01,
    finalEntropyCoefficient: 0.003,
  },
} as const satisfies PartialDeep<TrainingConfig>;

/** Game files of ALFWorld where its own tools put them. */
export function alfworldGames(...split: readonly AlfworldSplit[]) {
  return [{ dataset: "alfworld", split }];
}

/** One specification for each kind of task, so that schedules can be balanced. */
export function households(split: string, difficulty?: string) {
  return HOUSEHOLD_TASK_TYPES.map((taskType) => ({
    kind: "household",
    split,
    taskType,
    ...(difficulty === undefined ? {} : { difficulty }),
  }));
}

/** A part of the goals of a generated catalog. */
export function webshopPart(split: string) {
  return { kind: "webshop", catalog: { size: 1000, seed: 1 }, split };
}
