/**
 * Presets of worlds that run in programs of their own: a browser, a Java machine.
 *
 * @module
 */

import type { PartialDeep, TrainingConfig } from "./config.ts";

/** Episodes are costly and short: an iteration has some fifty turns, which are read more often. */
const FEW_SAMPLES = { minibatchSize: 32, epochs: 6 };

/**
 * Ten short tasks on screens, each episode with words and places of its own; needs Chromium.
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
    iterations: 40,
    worlds: [tasks],
    rollout: { tasks: 20, maxTurns: 6, balanceBy: "task" },
    update: { ...base.update, ...FEW_SAMPLES },
    evaluation: {
      every: 20,
      tasks: 50,
      maxTurns: 6,
      balanceBy: "task",
      sets: { test: [tasks] },
    },
  };
}

/**
 * The five shortest tasks of ScienceWorld, variations of the part `train`; needs Java.
 *
 * @param base How a compact policy learns.
 * @returns The preset.
 */
export function scienceworldPreset(
  base: PartialDeep<TrainingConfig>,
): PartialDeep<TrainingConfig> {
  return {
    ...base,
    iterations: 40,
    worlds: scienceworldTasks("train"),
    rollout: { tasks: 10, maxTurns: 15, balanceBy: "task" },
    update: { ...base.update, ...FEW_SAMPLES },
    evaluation: {
      every: 20,
      tasks: 20,
      maxTurns: 15,
      balanceBy: "task",
      sets: { dev: scienceworldTasks("dev"), test: scienceworldTasks("test") },
    },
  };
}

/** The tasks by length of their gold paths, 5 to 10 actions; verbs that they need. */
function scienceworldTasks(split: string) {
  return ["4-2", "7-1", "7-2", "7-3", "4-3"].map((task) => ({
    kind: "scienceworld",
    task,
    split,
    look: true,
    verbs: ["teleport", "focus on", "pick up", "move", "look around"],
  }));
}
