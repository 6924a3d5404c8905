/**
 * Presets of worlds that run in programs of their own: a browser, a Java machine.
 *
 * @module
 */

import type { PartialDeep, TrainingConfig } from "./config.ts";

/** Experts are imitated in small steps, each pass with new episodes. */
const IMITATION = {
  resample: true,
  minibatchSize: 8,
  learningRate: 3e-3,
  finalLearningRate: 3e-4,
};
/** Reward corrects what was imitated, in smaller steps. */
const CORRECTION = { minibatchSize: 32, epochs: 6, learningRate: 1e-3 };

/**
 * Ten short tasks on screens, each episode with words and places of its own; needs Chromium. Experts are imitated
 * first: filling in and choosing are not found by chance.
 *
 * @param base How a compact policy learns.
 * @returns The preset.
 */
export function miniwobPreset(
  base: PartialDeep<TrainingConfig>,
): PartialDeep<TrainingConfig> {
  const tasks = {
    dataset: "miniwob",
    set: "expert10",
    settings: { names: true, hints: true, pages: "reused" },
  };
  return {
    ...base,
    iterations: 10,
    worlds: [tasks],
    warmStart: { episodes: 50, epochs: 20, ...IMITATION },
    rollout: { tasks: 40, maxTurns: 8, balanceBy: "task" },
    update: { ...base.update, ...CORRECTION },
    evaluation: {
      every: 10,
      tasks: 50,
      maxTurns: 8,
      balanceBy: "task",
      sets: { test: [tasks] },
    },
  };
}

/**
 * Five short tasks of ScienceWorld, variations of the part `train`; needs Java. Gold paths are imitated first. Their
 * hints are for training alone: what is evaluated plays without them.
 *
 * @param base How a compact policy learns.
 * @returns The preset.
 */
export function scienceworldPreset(
  base: PartialDeep<TrainingConfig>,
): PartialDeep<TrainingConfig> {
  return {
    ...base,
    iterations: 8,
    worlds: scienceworldTasks("train").map((one) => ({ ...one, hints: true })),
    // Its steps are dear: what twenty gold paths show is read often.
    warmStart: { episodes: 20, epochs: 60, ...IMITATION, resample: false },
    rollout: { tasks: 20, maxTurns: 8, balanceBy: "task" },
    update: { ...base.update, ...CORRECTION },
    evaluation: {
      every: 8,
      tasks: 20,
      maxTurns: 8,
      balanceBy: "task",
      sets: { test: scienceworldTasks("test") },
    },
  };
}

/** Tasks with 2 to 5 actions where rooms are reached by `teleport`; verbs that they need. */
function scienceworldTasks(split: string) {
  return ["4-2", "7-1", "7-2", "7-3", "4-3"].map((task) => ({
    kind: "scienceworld",
    task,
    split,
    look: true,
    verbs: ["teleport", "focus on", "pick up", "move"],
  }));
}
