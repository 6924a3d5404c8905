/** A training without tensors: one number is learned, everything else is the real thing. */

import {
  CORRIDOR_SUBGOALS,
  openCorridorSpec,
} from "../../lib/envs/corridor.ts";
import {
  planExecute,
  randomExecutor,
  randomPlanner,
} from "../../lib/policy/plan_execute.ts";
import type { Learner, Policy } from "../../lib/policy/policy.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../lib/train/config/config.ts";
import { createTraining, type Training } from "../../lib/train/training.ts";

const spec = { kind: "corridor", length: 5, doors: 1 };

export function countingConfig(
  change: PartialDeep<TrainingConfig> = {},
): TrainingConfig {
  return defineConfig({
    iterations: 9,
    worlds: [spec],
    rollout: { tasks: 4, groupSize: 2, maxTurns: 10 },
    estimator: { name: "grpo" },
    evaluation: { every: 4, tasks: 3, maxTurns: 10, sets: { again: [spec] } },
    record: { checkpointEvery: 2, trajectoriesEvery: 3 },
  }, change);
}

/** Switching depends on the number learned, so trajectories show whether it was restored. */
export function countingTraining(
  config: TrainingConfig,
  options: {
    failAt?: number;
    saving?: (directory: string) => Promise<void>;
    signal?: AbortSignal;
    warmUps?: { count: number };
  } = {},
): Training {
  let learned = 0.3, updates = 0;
  const { warmUps } = options;
  const policy: Policy = {
    open: (starts) =>
      planExecute(
        randomPlanner({
          proposeSubgoals: () => CORRIDOR_SUBGOALS,
          switchProbability: learned,
        }),
        randomExecutor(),
      ).open(starts),
  };
  const learner: Learner = {
    update(samples, { random }) {
      const push = samples.advantages.execution.reduce((sum, a) => sum + a, 0);
      learned = 0.5 + Math.atan(learned + push + random.uniform()) / Math.PI;
      return Promise.resolve({
        learned: updates++ === options.failAt ? NaN : learned,
      });
    },
    async save(directory) {
      await options.saving?.(directory);
      await Deno.writeTextFile(
        `${directory}/learned.json`,
        JSON.stringify({ learned, updates }),
      );
    },
    async load(directory) {
      const text = await Deno.readTextFile(`${directory}/learned.json`);
      ({ learned, updates } = JSON.parse(text));
    },
  };
  return createTraining(config, {
    policy,
    learner,
    specs: [spec],
    evaluation: { again: [spec] },
    open: openCorridorSpec,
    ...(options.signal && { signal: options.signal }),
    ...(warmUps && {
      warmUp: () => {
        warmUps.count++;
        learned = 0.7;
        return Promise.resolve();
      },
    }),
  });
}
