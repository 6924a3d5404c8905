/** Settings of methods that the learner keeps state for, or changes samples by: adaptive KL, KL in rewards, truncated importance sampling. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { proposeCorridorSubgoals } from "../../../lib/envs/corridor.ts";
import {
  decisionsTaken,
  type EpisodeBatch,
} from "../../../lib/episode_batch.ts";
import { creditBatch } from "../../../lib/hae/credit.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../../lib/policy/compact/policy.ts";
import type { SampleBatch } from "../../../lib/policy/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectEpisodes } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { batchSamples } from "../../../lib/train/batch.ts";
import { klEstimates } from "../../../lib/train/ppo/kl.ts";
import { createPpoLearner } from "../../../lib/train/ppo/learner.ts";
import { importanceWeights } from "../../../lib/train/ppo/sampler_correction.ts";
import { unitLogProbs } from "../../../lib/trajectory.ts";
import * as tf from "@tensorflow/tfjs-core";

await selectBackend("wasm");

const makePolicy = () =>
  createCompactPolicy({ seed: 1, proposeSubgoals: proposeCorridorSubgoals });

async function play(policy = makePolicy()): Promise<EpisodeBatch> {
  const corridor = { kind: "corridor", length: 5, doors: 0 };
  return await collectEpisodes(
    policy,
    scheduleEpisodes([corridor], {
      random: createRandom(2),
      tasks: 8,
      maxTurns: 6,
    }),
  );
}

const samplesOf = (batch: EpisodeBatch): SampleBatch =>
  batchSamples(batch, creditBatch(batch, { name: "reinforce" }));

const UPDATE = { minibatchSize: 64, learningRate: 1e-2, epochs: 2 } as const;
const random = createRandom(3);

Deno.test("the divergence in rewards is the coefficient times the sum over a turn's units, and 0 at the reference", async () => {
  const policy = makePolicy(), before = makePolicy();
  const learner = createPpoLearner(policy);
  const first = await play(policy);
  const options = { klCoefficient: 0.5, klPlacement: "reward" } as const;
  const penalize = (batch: EpisodeBatch, klEstimator: "k1" | "k2") =>
    learner.rewardPenalties!(batch.turns, decisionsTaken(batch), {
      ...options,
      klEstimator,
    });
  ok((await penalize(first, "k1")).every((one) => Math.abs(one) < 1e-5));
  await learner.update(samplesOf(first), { ...UPDATE, random });
  const batch = await play(policy);
  const taken = decisionsTaken(batch);
  const reference = await before.scoreSamples(batch.turns);
  for (const klEstimator of ["k1", "k2"] as const) {
    const penalties = await penalize(batch, klEstimator);
    for (const [t, { decision: { trace } }] of batch.turns.entries()) {
      const each = klEstimates(tf.tensor1d(unitLogProbs(trace)), {
        reference: tf.tensor1d(reference[t]!.logProbs),
        estimator: klEstimator,
      }).dataSync();
      const counted = [
        taken.switching[t]! * each[0]!,
        taken.planning[t]! * each[1]!,
        taken.execution[t]! * each[2]!,
      ].reduce((a, b) => a + b, 0);
      ok(Math.abs(penalties[t]! - 0.5 * counted) < 1e-5, `turn ${t}`);
    }
  }
  const row = await learner.update(samplesOf(batch), {
    ...{ ...UPDATE, ...options, klEstimator: "k1", random },
  });
  ok(row["reward_kl"]! > 0);
  strictEqual(row["kl_to_reference"], 0, "not in the loss");
  policy.dispose();
  before.dispose();
});

for (const klPlacement of ["loss", "reward"] as const) {
  Deno.test(`an adaptive coefficient moves towards the target, is saved, and is reverted (in ${klPlacement})`, async () => {
    const policy = makePolicy();
    const learner = createPpoLearner(policy);
    const options = {
      ...UPDATE,
      random,
      klPlacement,
      klCoefficient: 0.1,
      adaptiveKl: { target: 1e-4, horizon: 100 },
    };
    const step = async (by = learner) => {
      const batch = await play(policy);
      if (klPlacement === "reward") {
        await by.rewardPenalties!(batch.turns, decisionsTaken(batch), options);
      }
      const row = await by.update(samplesOf(batch), options);
      return { coefficient: row["kl_coefficient"]!, turns: batch.turns.length };
    };
    const first = await step();
    strictEqual(first.coefficient, 0.1);
    const second = await step(); // nothing had diverged: down by a fifth of turns / horizon
    ok(
      Math.abs(second.coefficient - 0.1 * (1 - 0.2 * first.turns / 100)) < 1e-9,
    );
    const third = await step(); // more than twice the target: up by as much
    const up = second.coefficient * (1 + 0.2 * second.turns / 100);
    ok(Math.abs(third.coefficient - up) < 1e-9);
    const directory = await Deno.makeTempDir();
    await learner.save(directory);
    const other = createPpoLearner(policy);
    await other.load(directory);
    const fourth = await step(other);
    const next = third.coefficient * (1 + 0.2 * third.turns / 100);
    ok(Math.abs(fourth.coefficient - next) < 1e-9);
    other.revert!();
    strictEqual((await step(other)).coefficient, fourth.coefficient);
    await Deno.remove(directory, { recursive: true });
    policy.dispose();
  });
}

Deno.test("samples of the learner's own need no correction", async () => {
  const policy = makePolicy();
  const learner = createPpoLearner(policy);
  const row = await learner.update(samplesOf(await play(policy)), {
    ...{ ...UPDATE, random, samplerCorrection: {} },
  });
  ok(Math.abs(row["sampler_kl"]!) < 1e-5 && row["sampler_gap"]! < 1e-4);
  ok(Math.abs(row["sampler_weight"]! - 1) < 1e-4);
  strictEqual(row["sampler_truncated"], 0);
  policy.dispose();
});

/** Samples as if another engine had drawn them, whose log-probabilities differ by known amounts. */
function drawnElsewhere(samples: SampleBatch): SampleBatch {
  const noise = createRandom(9);
  return {
    ...samples,
    turns: samples.turns.map((turn) => {
      const { trace } = turn.decision;
      if (trace.kind !== "choices") throw new TypeError("choices");
      const { switching, planning, execution } = trace.logProbs;
      const logProbs = {
        switching: switching - 0.5 * noise.normal(),
        planning: planning - 0.5 * noise.normal(),
        execution: execution - 0.5 * noise.normal(),
      };
      return {
        ...turn,
        decision: { ...turn.decision, trace: { ...trace, logProbs } },
      };
    }),
  };
}

for (const level of ["token", "sequence"] as const) {
  Deno.test(`samples of another engine are weighed by ${level}: the update is that of weighed advantages`, async () => {
    const one = makePolicy(), other = makePolicy();
    const samples = samplesOf(await play(one));
    const elsewhere = drawnElsewhere(samples);
    const row = await createPpoLearner(one).update(elsewhere, {
      ...{ ...UPDATE, random, samplerCorrection: { level, limit: 1.5 } },
    });
    ok(row["sampler_gap"]! > 0.5 && row["sampler_truncated"]! > 0);
    const names = ["switching", "planning", "execution"] as const;
    const weights = samples.turns.map(({ decision }, i) =>
      importanceWeights(unitLogProbs(decision.trace), {
        sampler: unitLogProbs(elsewhere.turns[i]!.decision.trace),
        mask: names.map((name) => samples.trained[name][i]!),
        ...{ level, limit: 1.5 },
      })
    );
    const expected = await createPpoLearner(other).update({
      ...samples,
      unitWeights: Float32Array.from(weights.flatMap((some) => [...some])),
    }, { ...UPDATE, random });
    ok(Math.abs(row["policy_loss"]! - expected["policy_loss"]!) < 1e-4);
    ok(Math.abs(row["gradient_norm"]! / expected["gradient_norm"]! - 1) < 1e-3);
    one.dispose();
    other.dispose();
  });
}

Deno.test("a checkpoint whose coefficient is no number is refused", async () => {
  const policy = makePolicy();
  const learner = createPpoLearner(policy);
  const directory = await Deno.makeTempDir();
  await learner.save(directory);
  const path = `${directory}/optimizer.safetensors`;
  const bytes = await Deno.readFile(path);
  const size = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + size));
  const header = JSON.parse(text);
  header.__metadata__.klCoefficient = "much";
  const changed = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + changed.length + bytes.length - 8 - size);
  new DataView(file.buffer).setBigUint64(0, BigInt(changed.length), true);
  file.set(changed, 8);
  file.set(bytes.subarray(8 + size), 8 + changed.length);
  await Deno.writeFile(path, file);
  await rejects(learner.load(directory), /coefficient of the divergence/);
  await Deno.remove(directory, { recursive: true });
  policy.dispose();
});

Deno.test("importanceWeights() truncates, by unit and by sequence, and leaves what does not count", () => {
  const logProbs = [0, 1, -1, 0];
  const sampler = [0, 0, 0, 5];
  const mask = [1, 1, 1, 0];
  const round = (weights: Float64Array) =>
    Array.from(weights, (w) => Math.round(w * 1e4) / 1e4);
  deepStrictEqual(round(importanceWeights(logProbs, { sampler, mask })), [
    1,
    2,
    0.3679,
    1,
  ]);
  deepStrictEqual(
    round(importanceWeights(logProbs, {
      ...{ sampler, mask, level: "sequence", offsets: [0, 2, 4], limit: 3 },
    })),
    [2.7183, 2.7183, 0.3679, 1],
  );
});
