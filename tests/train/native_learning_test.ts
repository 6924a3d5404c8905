/** Learning on native TensorFlow does what it does on WebAssembly; skipped where no library is named. */

import * as tf from "@tensorflow/tfjs-core";
import { deepStrictEqual, ok } from "node:assert/strict";
import {
  openCorridorSpec,
  proposeCorridorSubgoals,
} from "../../lib/envs/corridor.ts";
import { assignCredit } from "../../lib/hae/credit.ts";
import {
  type BackendName,
  selectBackend,
} from "../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../lib/policy/compact/policy.ts";
import type { DifferentiablePolicy, Policy } from "../../lib/policy/policy.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import { toSamples } from "../../lib/train/batch.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { NEEDS, TENSORFLOW } from "../policy/backends/_native.ts";
import { smallPolicy } from "../policy/_small_policy.ts";

type Learning = DifferentiablePolicy & Policy & { dispose(): void };

const POLICIES: Record<string, () => Learning> = {
  compact: () =>
    createCompactPolicy({
      seed: 1,
      proposeSubgoals: proposeCorridorSubgoals,
      valueScale: 1,
    }),
  language: () => smallPolicy({ decoding: "admissible" }),
};

/** Plays, learns once, and says what came of it. */
async function playAndLearn(backend: BackendName, make: () => Learning) {
  await selectBackend(backend);
  const policy = make();
  const learner = createPpoLearner(policy);
  const episodes = scheduleEpisodes(
    [{ kind: "corridor", length: 3, doors: 0 }],
    {
      random: createRandom(7),
      tasks: 4,
      maxTurns: 4,
    },
  );
  const trajectories = await collectTrajectories(policy, episodes, {
    open: openCorridorSpec,
  });
  const credits = assignCredit(trajectories, { name: "hae" });
  const samples = toSamples(trajectories, credits);
  const options = {
    epochs: 1,
    klCoefficient: 0.1,
    minibatchSize: 16,
    learningRate: 1e-3,
    random: createRandom(3),
  };
  const before = tf.memory().numTensors;
  const metrics = await learner.update(samples, options);
  const left = tf.memory().numTensors - before;
  const weights = Object.values(policy.variables).map((x) => x.dataSync());
  policy.dispose();
  const actions = trajectories.map(({ turns }) =>
    turns.map(({ decision }) => decision.action)
  );
  return { metrics, weights, actions, left };
}

for (const [name, make] of Object.entries(POLICIES)) {
  Deno.test({
    name:
      `a ${name} policy learns on native TensorFlow as on WebAssembly${NEEDS.TENSORFLOW}`,
    ignore: TENSORFLOW === undefined,
    fn: async () => {
      const native = await playAndLearn("tfjs-node", make);
      const wasm = await playAndLearn("wasm", make);
      deepStrictEqual(native.actions, wasm.actions);
      // The first divergence moves the weights at first off the device.
      deepStrictEqual([native.left, wasm.left], [-1, -1]);
      for (const [key, value] of Object.entries(wasm.metrics)) {
        const other = native.metrics[key]!;
        const size = Math.max(1e-2, Math.abs(value));
        ok(
          Math.abs(other - value) <= 1e-3 * size,
          `${key}: ${other}, ${value}`,
        );
      }
      // Steps are of 1e-3; where a slope is nearly 0, its sign is a matter of last digits.
      const apart = wasm.weights.flatMap((numbers, i) =>
        Array.from(numbers, (x, j) => Math.abs(x - native.weights[i]![j]!))
      );
      const far = apart.filter((distance) => distance > 1e-4).length;
      ok(far <= 0.01 * apart.length, `${far} of ${apart.length}`);
    },
  });
}
