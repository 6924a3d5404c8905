/** Dynamic sampling, greedily played baselines, and settings that contradict each other. */

import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { toEpisodeBatch } from "../../lib/episode_batch.ts";
import { createRandom } from "../../lib/random.ts";
import type { Assignment } from "../../lib/rollout/schedule.ts";
import { assembleTraining } from "../../lib/train/assemble.ts";
import { checkMethod } from "../../lib/train/check_method.ts";
import {
  defineConfig,
  type DynamicSamplingConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../lib/train/config/config.ts";
import { sampleEpisodes } from "../../lib/train/sampling.ts";
import type { Trajectory } from "../../lib/trajectory.ts";

const corridor = { kind: "corridor", length: 3, doors: 0 };

/** An episode of one turn that paid some reward. */
const episode = (
  { id, group, seed }: Assignment,
  reward: number,
): Trajectory => ({
  ...{ id, group, seed, task: "leave" },
  turns: [{
    observation: { text: "", admissibleActions: ["go"], stateKey: "" },
    decision: {
      ...{ switched: true, subgoal: "leave", action: "go", valid: true },
      trace: { kind: "untrainable" },
    },
    reward,
  }],
  ...{ ending: "terminated", success: reward > 0, score: reward },
  bootstrap: { switching: 0, planning: 0, execution: 0 },
});

/** Samples with worlds whose groups, in the order in which they are drawn, differ within or do not. */
async function sample(
  differs: readonly boolean[],
  dynamicSampling?: DynamicSamplingConfig,
) {
  const draws: string[][] = [];
  let group = -1;
  const sampled = await sampleEpisodes([corridor], {
    rollout: {
      ...{ tasks: 3, groupSize: 2, maxTurns: 1, workers: 0 },
      ...(dynamicSampling && { dynamicSampling }),
    },
    random: createRandom(1),
    play(assignments) {
      draws.push(assignments.map(({ id }) => id));
      return Promise.resolve(toEpisodeBatch(assignments.map((one) => {
        if (one.replica === 0) group++;
        const unequal = differs[group]!;
        return episode(one, unequal ? one.replica * (1 + group) : 1);
      })));
    },
  });
  const groups = new Set(sampled.batch.episodes.map((one) => one.group));
  return { ...sampled, draws, kept: [...groups] };
}

Deno.test("without dynamic sampling every group is played once and kept", async () => {
  const { draws, kept, metrics } = await sample([true, false, false]);
  deepStrictEqual(draws.map(({ length }) => length), [6]);
  strictEqual(kept.length, 3);
  deepStrictEqual(metrics, {});
});

Deno.test("as many groups are drawn as hold nothing to learn, until there are enough", async () => {
  const differs = [true, false, false, false, true, true];
  const { draws, kept, played, metrics } = await sample(differs, {});
  const plain = await sample([true, true, true]);
  deepStrictEqual(draws.map(({ length }) => length), [6, 4, 2]);
  deepStrictEqual(
    draws[0],
    plain.draws[0],
    "the first groups are those without it",
  );
  strictEqual(new Set(draws.flat()).size, 12, "no name twice");
  strictEqual(kept.length, 3);
  strictEqual(played.length, 12);
  deepStrictEqual(metrics, { extra_episodes: 6, dropped_episodes: 6 });
});

Deno.test("the bound on extra groups holds, and the last draw stays as it is", async () => {
  const never = Array<boolean>(20).fill(false);
  const bounded = await sample(never, { extraGroups: 4 });
  deepStrictEqual(bounded.draws.map(({ length }) => length), [6, 6, 2]);
  strictEqual(bounded.kept.length, 1);
  deepStrictEqual(bounded.metrics, { extra_episodes: 8, dropped_episodes: 12 });
  const none = await sample(never, { extraGroups: 0 });
  strictEqual(none.kept.length, 3);
});

Deno.test("groups of the largest spread stay without another draw", async () => {
  const { draws, kept } = await sample([true, true, true], {
    ...{ keep: "spread", fraction: 0.67 },
  });
  strictEqual(draws.length, 1);
  deepStrictEqual(kept, ["corridor/0.1", "corridor/0.2"]);
});

const small = (change: PartialDeep<TrainingConfig>) =>
  defineConfig({
    ...{ seed: 1, iterations: 3, threads: 1, backend: "wasm" },
    policy: { name: "compact", buckets: 256, embedding: 12, width: 24 },
    worlds: [corridor],
    rollout: { tasks: 4, groupSize: 4, maxTurns: 4 },
    evaluation: { every: 0 },
  }, change);

type Rows = Readonly<Record<string, number>>[];

async function rowsOf(training: AsyncIterable<{ metrics: Rows[number] }>) {
  const rows: Rows = [];
  for await (const { metrics } of training) rows.push(metrics);
  return rows;
}

/** Every new setting that has state or draws episodes, in one run. */
const everything = small({
  rollout: { dynamicSampling: { extraGroups: 4 } },
  estimator: { name: "remax" },
  update: {
    loss: "gspo",
    klCoefficient: 0.1,
    klPlacement: "reward",
    klEstimator: "k2",
    adaptiveKl: { target: 0.01, horizon: 100 },
    samplerCorrection: { level: "sequence" },
  },
});

Deno.test("a run with every setting of methods that is saved and loaded gives the numbers of one that went on", async () => {
  await using whole = await assembleTraining(everything);
  const expected = await rowsOf(whole);
  ok(expected.every((row) => row.greedy_episodes! > 0));
  ok(expected.every((row) => row.extra_episodes! >= 0 && row.episodes! >= 16));
  ok(expected[2]!.kl_coefficient !== expected[0]!.kl_coefficient);
  const directory = `${await Deno.makeTempDir()}/checkpoint`;
  const rows: Rows = [];
  {
    await using first = await assembleTraining(everything);
    for await (const { metrics } of first) {
      rows.push(metrics);
      if (rows.length === 2) break;
    }
    await first.save(directory);
  }
  await using second = await assembleTraining(everything);
  await second.load(directory);
  deepStrictEqual([...rows, ...await rowsOf(second)], expected);
});

Deno.test("settings that contradict each other are refused before anything is played, with what to change", async () => {
  const cases: [PartialDeep<TrainingConfig>, RegExp][] = [
    [
      { estimator: { name: "grpo" }, rollout: { groupSize: 1 } },
      /"grpo" as "rollout.groupSize" must be at least 2/,
    ],
    [
      { estimator: { name: "gigpo" }, rollout: { groupSize: 1 } },
      /"gigpo" as "rollout.groupSize" must be at least 2/,
    ],
    [
      { rollout: { groupSize: 1, dynamicSampling: {} } },
      /at least 2 for dynamic sampling.*rollout.dynamicSampling=null/,
    ],
    [
      { update: { valueCoefficient: 0 } },
      /"update.valueCoefficient" must be above 0.*estimator.name=grpo/,
    ],
    [
      { update: { loss: "gspo", aggregation: "token-mean" } },
      /"update.aggregation" must be "seq-mean-token-mean"/,
    ],
    [{
      estimator: { name: "rloo" },
      policy: { name: "language", critic: "separate" },
    }, /"policy.critic" must not be "separate".*estimator.name=hae/],
  ];
  for (const [change, message] of cases) {
    const config = small(change);
    throws(() => checkMethod(config), { name: "RangeError", message });
    await rejects(assembleTraining(config), { name: "RangeError", message });
  }
  checkMethod(small({}));
});

Deno.test("settings without effect beside the others are refused", () => {
  const cases: [PartialDeep<TrainingConfig>, RegExp][] = [
    [
      { update: { adaptiveKl: { target: 1 } } },
      /"update.adaptiveKl" has no effect where "update.klCoefficient" is 0/,
    ],
    [
      { update: { klPlacement: "reward" } },
      /"update.klPlacement" has no effect/,
    ],
    [{ update: { klEstimator: "k1" } }, /"update.klEstimator" has no effect/],
    [
      { update: { aggregationLength: 3 } },
      /"update.aggregationLength" has no effect/,
    ],
    [
      { rollout: { dynamicSampling: { fraction: 0.5 } } },
      /"rollout.dynamicSampling.fraction" has no effect/,
    ],
    [
      { rollout: { dynamicSampling: { keep: "spread", extraGroups: 1 } } },
      /"rollout.dynamicSampling.extraGroups" has no effect/,
    ],
  ];
  for (const [change, message] of cases) throws(() => small(change), message);
});

Deno.test("the length of a sequence and the aggregation of GSPO follow policy and loss", () => {
  const { update } = small({
    update: { aggregation: "seq-mean-token-sum-norm" },
  });
  strictEqual(update.aggregationLength, 3);
  strictEqual(
    small({ update: { loss: "gspo" } }).update.aggregation,
    "seq-mean-token-mean",
  );
  strictEqual(small({}).update.aggregation, "token-mean");
});
