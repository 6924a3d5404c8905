/** Every published method that a compact policy can be trained by learns the shortest corridor from reward alone. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { TRAINABLE } from "../../lib/hae/estimator.ts";
import { estimatorOf } from "../../lib/hae/credit.ts";
import { type Estimator } from "../../lib/hae/estimator.ts";
import { ESTIMATORS } from "../../lib/hae/estimators.ts";
import { assembleTraining } from "../../lib/train/assemble.ts";
import { checkMethod } from "../../lib/train/check_method.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../lib/train/config/config.ts";
import {
  METHOD_NAMES,
  type MethodName,
  METHODS,
  methodSettings,
} from "../../lib/train/config/methods.ts";
import { PRESETS } from "../../lib/train/config/presets.ts";

/** 64 episodes an iteration, whatever the method's groups are. */
const shortest = {
  seed: 1,
  iterations: 14,
  threads: 1,
  policy: { name: "compact", buckets: 256, embedding: 12, width: 24 },
  worlds: [{ kind: "corridor", length: 3, doors: 0 }],
  rollout: { tasks: 64, maxTurns: 4 },
  update: { minibatchSize: 128, learningRate: 8e-3 },
  evaluation: { every: 0 },
} as const satisfies PartialDeep<TrainingConfig>;

const writes = (name: MethodName) => "writes" in METHODS[name];

/** Success of the training episodes of each iteration. */
async function train(name: MethodName): Promise<number[]> {
  const config = defineConfig(shortest, methodSettings(name, shortest));
  await using training = await assembleTraining(config);
  const successes: number[] = [];
  for await (const { metrics } of training) {
    successes.push(metrics.success_rate!);
  }
  return successes;
}

const mean = (numbers: readonly number[]) =>
  numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

for (const name of METHOD_NAMES.filter((one) => !writes(one))) {
  Deno.test(`"${name}" learns the corridor from reward alone`, async () => {
    const successes = await train(name);
    const before = mean(successes.slice(0, 2));
    const after = mean(successes.slice(-3));
    ok(before < 0.15, `before: ${before}`);
    ok(after > 0.35, `after: ${successes}`);
  });
}

Deno.test("an estimator is said to learn the corridor if it is one of these methods'", () => {
  const tested = new Set(
    METHOD_NAMES.filter((one) => !writes(one)).map((one) =>
      defineConfig(shortest, methodSettings(one, shortest)).estimator.name
    ),
  );
  for (const [name, record] of Object.entries<Estimator>(ESTIMATORS)) {
    const { policies = TRAINABLE, shown } = record;
    strictEqual(shown.includes("corridor"), tested.has(name as never), name);
    strictEqual(policies.includes("compact"), tested.has(name as never), name);
  }
});

Deno.test("every method fits every preset that it can train, at the preset's number of episodes", () => {
  for (const [preset, world] of Object.entries(PRESETS)) {
    const policy = world.policy?.name ?? "compact";
    for (const name of METHOD_NAMES) {
      if (writes(name) && policy !== "language") {
        throws(() => methodSettings(name, world), /must be "language"/);
        continue;
      }
      // Models and servers are named by the user; engines know neither greedy episodes nor another loss.
      if (policy === "tinker") continue;
      const model = policy === "language" && world.policy &&
          "directory" in world.policy
        ? { policy: { directory: "model" } }
        : {};
      const plain = defineConfig(world, model as PartialDeep<TrainingConfig>);
      const config = defineConfig(
        world,
        model as PartialDeep<TrainingConfig>,
        methodSettings(name, world),
      );
      checkMethod(config);
      const { tasks, groupSize } = config.rollout;
      const episodes = plain.rollout.tasks * plain.rollout.groupSize;
      ok(
        Math.abs(tasks * groupSize - episodes) <= METHODS[name].groupSize / 2,
        `${preset}, ${name}`,
      );
      strictEqual(
        estimatorOf(config.estimator.name).grouped && groupSize < 2,
        false,
      );
    }
  }
});

Deno.test("a method takes over the preset's discount, and HiPER its settings", () => {
  const world = PRESETS["household-easy"];
  deepStrictEqual(methodSettings("hiper", world).estimator, world.estimator);
  deepStrictEqual(methodSettings("turn-ppo", world).estimator, {
    ...{ name: "gae", gamma: 0.97, lambda: 0.95 },
  });
  throws(
    () => methodSettings("grop" as MethodName, world),
    /did you mean "grpo"/,
  );
});
