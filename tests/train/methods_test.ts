/** Every estimator that a config can train learns the shortest corridor from reward alone. */

import { ok } from "node:assert/strict";
import { type Estimator, TRAINABLE } from "../../lib/hae/estimator.ts";
import { ESTIMATORS } from "../../lib/hae/estimators.ts";
import { assembleTraining } from "../../lib/train/assemble.ts";
import { defineConfig } from "../../lib/train/config/config.ts";

/** Success of the training episodes of each iteration: 64 episodes, in groups of 8 where these are compared. */
async function train(name: string, grouped: boolean): Promise<number[]> {
  const config = defineConfig({
    seed: 1,
    iterations: 14,
    threads: 1,
    policy: { name: "compact", buckets: 256, embedding: 12, width: 24 },
    worlds: [{ kind: "corridor", length: 3, doors: 0 }],
    rollout: {
      tasks: grouped ? 8 : 64,
      groupSize: grouped ? 8 : 1,
      maxTurns: 4,
    },
    update: { minibatchSize: 128, learningRate: 8e-3 },
    evaluation: { every: 0 },
  }, JSON.parse(JSON.stringify({ estimator: { name } })));
  await using training = await assembleTraining(config);
  const successes: number[] = [];
  for await (const { metrics } of training) {
    successes.push(metrics.success_rate!);
  }
  return successes;
}

const mean = (numbers: readonly number[]) =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

for (const [name, record] of Object.entries<Estimator>(ESTIMATORS)) {
  const { policies = TRAINABLE, shown, grouped } = record;
  if (!policies.includes("compact")) continue;
  Deno.test(`"${name}" learns the corridor from reward alone`, async () => {
    ok(shown.includes("corridor"), "its record says so");
    const successes = await train(name, grouped);
    const before = mean(successes.slice(0, 2)),
      after = mean(successes.slice(-3));
    ok(before < 0.1, `before: ${before}`);
    ok(after > 0.4, `after: ${successes}`);
  });
}
