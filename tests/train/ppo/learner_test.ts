import * as tf from "@tensorflow/tfjs-core";
import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { proposeCorridorSubgoals } from "../../../lib/envs/corridor.ts";
import { assignCredit } from "../../../lib/hae/credit.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  type CompactPolicy,
  createCompactPolicy,
} from "../../../lib/policy/compact/policy.ts";
import type {
  DifferentiablePolicy,
  UpdateOptions,
} from "../../../lib/policy/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { toSamples } from "../../../lib/train/batch.ts";
import { createPpoLearner } from "../../../lib/train/ppo/learner.ts";
import { byDecision, type Trajectory } from "../../../lib/trajectory.ts";
import { smallPolicy } from "../../policy/_small_policy.ts";
import { fromRows, type SampleRow, toRows } from "../../_samples.ts";

await selectBackend("wasm");

const makePolicy = (seed = 1): CompactPolicy =>
  createCompactPolicy({
    seed,
    proposeSubgoals: proposeCorridorSubgoals,
    valueScale: 1,
  });

async function play(
  policy: CompactPolicy,
  iteration: number,
  tasks = 64,
): Promise<Trajectory[]> {
  const assignments = scheduleEpisodes([{
    kind: "corridor",
    length: 5,
    doors: 1,
  }], {
    random: createRandom(7).fork(iteration),
    tasks,
    maxTurns: 12,
  });
  return await collectTrajectories(policy, assignments);
}

async function samplesOf(
  policy: CompactPolicy,
  iteration = 0,
  tasks = 64,
): Promise<SampleRow[]> {
  const trajectories = await play(policy, iteration, tasks);
  const estimator = {
    name: "hae",
    gamma: 0.95,
    lambdaTurn: 0.95,
    lambdaBoundary: 0.95,
  } as const;
  return toRows(
    toSamples(trajectories, assignCredit(trajectories, estimator)),
  );
}

const successRate = (trajectories: readonly Trajectory[]): number =>
  trajectories.filter((one) => one.success).length / trajectories.length;

const weightsOf = (policy: CompactPolicy): Float32Array[] =>
  Object.values(policy.variables).map((variable) =>
    Float32Array.from(variable.dataSync())
  );

const SMALL: UpdateOptions = { minibatchSize: 128, learningRate: 3e-3 };

Deno.test("load() refuses a checkpoint of another policy, and leaves weights and moments as they were", async () => {
  const policy = makePolicy(1);
  const learner = createPpoLearner(policy);
  const samples = await samplesOf(policy, 0, 4);
  const before = weightsOf(policy);
  const others: readonly [DifferentiablePolicy, RegExp][] = [
    [
      createCompactPolicy({
        seed: 1,
        proposeSubgoals: proposeCorridorSubgoals,
        width: 24,
      }),
      /policy\.safetensors" as tensor ".*" must have shape \[.*\]: current value is \[.*\]/,
    ],
    [
      smallPolicy(),
      /policy\.safetensors" as it must hold the weights of this policy alone: it also holds "model\.embed_tokens\.weight"/,
    ],
  ];
  for (const [other, message] of others) {
    const directory = await Deno.makeTempDir();
    await createPpoLearner(other).save(directory);
    await rejects(learner.load(directory), { name: "TypeError", message });
    deepStrictEqual(weightsOf(policy), before);
    other.dispose();
    await Deno.remove(directory, { recursive: true });
  }
  const fresh = makePolicy(1);
  const options = { ...SMALL, random: createRandom(3) };
  deepStrictEqual(
    await learner.update(fromRows(samples), options),
    await createPpoLearner(fresh).update(fromRows(samples), options),
  );
  policy.dispose();
  fresh.dispose();
});

Deno.test("update() that is stopped takes its steps back, and revert() those of a whole update", async () => {
  const policy = makePolicy(1), unstopped = makePolicy(1);
  const learner = createPpoLearner(policy);
  const other = createPpoLearner(unstopped);
  const samples = await samplesOf(policy, 0);
  const options = () => ({ ...SMALL, epochs: 4, random: createRandom(3) });
  await learner.update(fromRows(samples), options());
  await other.update(fromRows(samples), options());
  const before = weightsOf(policy);
  let reads = 0;
  const reason = new Error("enough");
  const signal = {
    get aborted() {
      return reads > 2;
    },
    throwIfAborted() {
      if (++reads > 2) throw reason;
    },
    reason,
  } as AbortSignal;
  await rejects(
    learner.update(fromRows(samples), { ...options(), signal }),
    reason,
  );
  deepStrictEqual(weightsOf(policy), before);
  await learner.update(fromRows(samples), options());
  notDeepStrictEqual(weightsOf(policy), before);
  learner.revert!();
  deepStrictEqual(weightsOf(policy), before);
  deepStrictEqual(
    await learner.update(fromRows(samples), options()),
    await other.update(fromRows(samples), options()),
  );
  deepStrictEqual(weightsOf(policy), weightsOf(unstopped));
  policy.dispose();
  unstopped.dispose();
});

Deno.test("update() learns the corridor from sparse reward within seconds", async () => {
  const policy = makePolicy(1);
  const learner = createPpoLearner(policy);
  for (let iteration = 0; iteration < 24; iteration++) {
    const random = createRandom(1).fork("iteration", iteration);
    await learner.update(fromRows(await samplesOf(policy, iteration)), {
      ...SMALL,
      random,
    });
  }
  const rate = successRate(await play(policy, 999, 200));
  ok(rate >= 0.95, `success rate ${rate}`); // chance is at most one half
  policy.dispose();
});

Deno.test("a run that was saved and loaded goes on with identical numbers", async () => {
  const directory = await Deno.makeTempDir();
  const one = makePolicy(1), two = makePolicy(2);
  const first = createPpoLearner(one), second = createPpoLearner(two);
  const options = { ...SMALL, klCoefficient: 0.1, random: createRandom(3) };
  await first.update(fromRows(await samplesOf(one)), options);
  await first.save(directory);
  await second.load(directory);
  deepStrictEqual(weightsOf(two), weightsOf(one));
  const samples = await samplesOf(one, 1);
  deepStrictEqual(await samplesOf(two, 1), samples);
  deepStrictEqual(
    await second.update(fromRows(samples), options),
    await first.update(fromRows(samples), options),
  );
  deepStrictEqual(weightsOf(two), weightsOf(one));
  await Deno.remove(directory, { recursive: true });
  one.dispose();
  two.dispose();
});

Deno.test("update() raises what was better than expected", async () => {
  const policy = makePolicy();
  const learner = createPpoLearner(policy);
  const samples = (await samplesOf(policy, 0, 8)).map((sample) => ({
    ...sample,
    advantages: byDecision(() => 1),
    trained: { switching: false, planning: false, execution: true },
  }));
  const before = await policy.scoreSamples(samples);
  await learner.update(fromRows(samples), {
    epochs: 1,
    entropyCoefficient: 0,
    random: createRandom(1),
  });
  const after = await policy.scoreSamples(samples);
  const gain = after.reduce(
    (sum, row, i) => sum + row.logProbs[2]! - before[i]!.logProbs[2]!,
    0,
  );
  ok(gain > 0, `gain ${gain}`);
  policy.dispose();
});

Deno.test("without advantage, entropy, value and divergence nothing moves", async () => {
  const policy = makePolicy();
  const learner = createPpoLearner(policy);
  const samples = (await samplesOf(policy, 0, 8)).map((sample) => ({
    ...sample,
    advantages: byDecision(() => 0),
  }));
  const before = weightsOf(policy);
  await learner.update(fromRows(samples), {
    entropyCoefficient: 0,
    valueCoefficient: 0,
    random: createRandom(1),
  });
  deepStrictEqual(weightsOf(policy), before);
  policy.dispose();
});

Deno.test("a strong pull holds the policy near the weights it began with", async () => {
  const drift = async (klCoefficient: number): Promise<number> => {
    const policy = makePolicy();
    const learner = createPpoLearner(policy);
    let row: Record<string, number> = {};
    for (let iteration = 0; iteration < 4; iteration++) {
      const samples = await samplesOf(policy, 0, 16);
      row = await learner.update(fromRows(samples), {
        ...SMALL,
        klCoefficient,
        random: createRandom(iteration),
      });
    }
    const reference = makePolicy();
    const samples = await samplesOf(policy, 0, 16);
    const there = await reference.scoreSamples(samples),
      here = await policy.scoreSamples(samples);
    policy.dispose();
    reference.dispose();
    ok(klCoefficient === 0 || row["kl_to_reference"]! >= 0);
    let total = 0;
    here.forEach((one, i) =>
      one.logProbs.forEach((log, j) =>
        total += Math.abs(log - there[i]!.logProbs[j]!)
      )
    );
    return total / here.length;
  };
  const free = await drift(0), held = await drift(10);
  ok(held < free / 2, `${held} against ${free}`);
});

Deno.test("a step size that ends at 0 moves nothing at the end, and half as much half-way", async () => {
  const step = async (
    progress: number,
    learningRate: number,
    final?: number,
  ) => {
    const policy = makePolicy();
    await createPpoLearner(policy).update(
      fromRows(await samplesOf(policy, 0, 4)),
      {
        learningRate,
        ...(final === undefined ? {} : { finalLearningRate: final }),
        epochs: 1,
        progress,
        random: createRandom(1),
      },
    );
    const weights = weightsOf(policy);
    policy.dispose();
    return weights;
  };
  const still = makePolicy();
  const distance = (one: Float32Array[], two: Float32Array[]) =>
    Math.max(
      ...one.map((column, i) =>
        column.reduce(
          (far, x, j) => Math.max(far, Math.abs(x - two[i]![j]!)),
          0,
        )
      ),
    );
  strictEqual(distance(await step(1, 0.01, 0), weightsOf(still)), 0);
  strictEqual(distance(await step(0.5, 0.01, 0), await step(0, 0.005)), 0);
  ok(distance(await step(0.5, 0.01, 0), weightsOf(still)) > 0);
  still.dispose();
});

Deno.test("targetKl stops an update that went too far", async () => {
  const policy = makePolicy();
  const samples = await samplesOf(policy);
  const row = await createPpoLearner(policy).update(fromRows(samples), {
    ...SMALL,
    epochs: 50,
    targetKl: 0.01,
    random: createRandom(1),
  });
  ok(row["epochs"]! < 50, `${row["epochs"]} epochs`);
  policy.dispose();
});

Deno.test("update() leaves no tensor behind", async () => {
  const policy = makePolicy();
  const learner = createPpoLearner(policy);
  const samples = await samplesOf(policy, 0, 8);
  const options = { ...SMALL, klCoefficient: 0.1, random: createRandom(1) };
  await learner.update(fromRows(samples), options);
  const { numTensors } = tf.memory();
  await learner.update(fromRows(samples), options);
  strictEqual(tf.memory().numTensors, numTensors);
  policy.dispose();
});

Deno.test("update() stops at a number that is none, before weights are harmed", async () => {
  const policy = makePolicy();
  const samples = (await samplesOf(policy, 0, 2)).map((sample) => ({
    ...sample,
    advantages: byDecision(() => NaN),
  }));
  const before = weightsOf(policy);
  await rejects(
    createPpoLearner(policy).update(fromRows(samples), {
      random: createRandom(1),
    }),
    {
      name: "RangeError",
      message:
        'Cannot update as "policy_loss" must be finite: current value is NaN; the weights are those before this step',
    },
  );
  deepStrictEqual(weightsOf(policy), before);
  policy.dispose();
});

Deno.test("update() without anything to learn from does nothing", async () => {
  const policy = makePolicy();
  deepStrictEqual(
    await createPpoLearner(policy).update(fromRows([]), {
      random: createRandom(1),
    }),
    { updates: 0 },
  );
  policy.dispose();
});
