import * as tf from "@tensorflow/tfjs-core";
import {
  deepStrictEqual,
  notDeepStrictEqual,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import {
  type AssembledPolicy,
  assemblePolicy,
} from "../../../lib/train/assemble_policy.ts";
import { situationAt } from "../../../lib/train/batch.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../../lib/train/config/config.ts";
import { createReplicaPool } from "../../../lib/train/workers/pool.ts";
import { sharePolicy } from "../../../lib/train/workers/shared_policy.ts";
import type { Training } from "../../../lib/train/training.ts";
import type {
  Decision,
  Situation,
  Trajectory,
} from "../../../lib/trajectory.ts";
import { decideAt } from "../../policy/_sessions.ts";

await selectBackend("wasm");

const WORLD = { kind: "corridor", length: 5, doors: 1 };

const compact: PartialDeep<TrainingConfig> = {
  seed: 1,
  backend: "wasm",
  iterations: 2,
  worlds: [WORLD],
  rollout: { tasks: 12, maxTurns: 6 },
  update: { epochs: 1, minibatchSize: 24, klCoefficient: 0.1 },
  evaluation: {
    every: 0,
    tasks: 9,
    maxTurns: 6,
    temperature: 0,
    sets: { again: [WORLD] },
  },
};

const language: PartialDeep<TrainingConfig> = {
  ...compact,
  policy: {
    name: "language",
    prompt: "transcript", // keeps what was read from turn to turn
    decoding: "admissible",
    layers: 1,
    hiddenSize: 16,
    maxReplyTokens: 40,
    maxContentTokens: 8,
  },
  rollout: { tasks: 9, groupSize: 2, maxTurns: 4 },
  update: {
    epochs: 1,
    minibatchSize: 24,
    minibatchBy: "episode",
    klCoefficient: 0.1,
  },
  warmStart: { episodes: 4, epochs: 1, minibatchSize: 12, lmLossWeight: 0.5 },
  tokenWeights: { name: "gear" },
};

type Row = Readonly<Record<string, number>>;

async function rowsOf(training: Training): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const { metrics } of training) rows.push(metrics);
  return rows;
}

async function train(
  base: PartialDeep<TrainingConfig>,
  replicas: { workers: number; microbatches: number },
): Promise<{ rows: Row[]; trajectories: readonly Trajectory[] }> {
  const config = defineConfig(base, { replicas });
  await using training = await assembleTraining(config);
  const rows = await rowsOf(training);
  const { trajectories } = await training.evaluate();
  return { rows, trajectories };
}

for (const [name, base] of Object.entries({ compact, language })) {
  Deno.test(`a training of a ${name} policy has the same numbers with 0, 1 and 2 replicas`, async () => {
    const alone = await train(base, { workers: 0, microbatches: 3 });
    deepStrictEqual(await train(base, { workers: 1, microbatches: 3 }), alone);
    deepStrictEqual(await train(base, { workers: 2, microbatches: 3 }), alone);
    const uncut = await train(base, { workers: 0, microbatches: 1 });
    notDeepStrictEqual(uncut.rows, alone.rows); // the last digits of sums
    strictEqual(uncut.rows[0]!.return, alone.rows[0]!.return);
  });
}

Deno.test("a training that was saved with replicas goes on without them to the same numbers", async () => {
  const directory = `${await Deno.makeTempDir()}/checkpoint`;
  const microbatches = 2;
  const whole = await train(compact, { workers: 0, microbatches });
  const rows: Row[] = [];
  {
    const replicas = { workers: 1, microbatches };
    const config = defineConfig(compact, { replicas });
    await using training = await assembleTraining(config);
    for await (const { metrics } of training) {
      rows.push(metrics);
      break;
    }
    await training.save(directory);
  }
  const replicas = { workers: 0, microbatches };
  const config = defineConfig(compact, { replicas });
  await using training = await assembleTraining(config);
  await training.load(directory);
  rows.push(...await rowsOf(training));
  deepStrictEqual(rows, whole.rows);
});

Deno.test("a training with replicas stops in the middle of an episode when it is told to", async () => {
  const stop = new AbortController();
  const config = defineConfig(compact, {
    replicas: { workers: 1 },
    rollout: { maxTurns: 1000 },
    worlds: [{ kind: "corridor", length: 99 }],
  });
  await using training = await assembleTraining(config, stop);
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await rejects(rowsOf(training), { message: "enough" });
});

Deno.test("replicas want work to share, and cores", async () => {
  const one = defineConfig(compact, {
    replicas: { workers: 2, microbatches: 1 },
  });
  await rejects(assembleTraining(one), {
    name: "RangeError",
    message:
      'Cannot share work with replicas as "replicas.microbatches" must be at least 2: current value is 1',
  });
  const card = defineConfig(compact, {
    backend: "webgpu",
    replicas: { workers: 1 },
  });
  await rejects(assembleTraining(card), {
    name: "RangeError",
    message:
      'Cannot share work with replicas as "backend" must use one core, as "wasm" and "cpu" do: current value is "webgpu"',
  });
});

const config = defineConfig(compact);
const order = { config, specs: [WORLD], backend: "wasm" } as const;

/** Situations from the middle of eight episodes, and a stream for each. */
async function middle(policy: AssembledPolicy) {
  const episodes = scheduleEpisodes([WORLD], {
    random: createRandom(3),
    tasks: 16,
    maxTurns: 6,
  });
  const trajectories = await collectTrajectories(policy, episodes);
  const situations = trajectories.filter(({ turns }) => turns.length > 3)
    .slice(0, 8).map((one) => situationAt(one, 3));
  strictEqual(situations.length, 8);
  const random = createRandom(7);
  return { situations, randoms: situations.map((_, i) => random.fork(i)) };
}

const logProbsOf = (decisions: readonly Decision[]) =>
  decisions.map(({ trace }) => trace.kind === "choices" && trace.logProbs);

Deno.test("replicas take the weights of the policy however they change, and leave streams as they are", async () => {
  const policy = await assemblePolicy(config, order.specs);
  await using pool = await createReplicaPool(policy, { ...order, workers: 1 });
  const shared = sharePolicy(policy, { pool, microbatches: 2 });
  const { situations, randoms } = await middle(policy);
  const first = await decideAt(shared, situations, randoms);
  deepStrictEqual(await decideAt(shared, situations, randoms), first);
  tf.tidy(() => {
    for (const variable of Object.values(policy.variables)) {
      variable.assign(tf.mul(variable, -0.5));
    }
  });
  const [near, far] = await pool.perform<"decide">(
    [0, 1].map((part) => ({
      kind: "decide",
      part,
      open: { starts: situations, temperature: undefined },
      ended: [],
      rows: [...situations.keys()],
      observations: situations.map(({ observation }) => observation),
      randoms: randoms.map(({ state }) => state),
    })),
  );
  deepStrictEqual(far, near);
  notDeepStrictEqual(logProbsOf(near!), logProbsOf(first));
  policy.dispose();
});

Deno.test("what goes wrong in a replica is thrown here, as what it is", async () => {
  const policy = await assemblePolicy(config, order.specs);
  await using pool = await createReplicaPool(policy, { ...order, workers: 1 });
  const shared = sharePolicy(policy, { pool, microbatches: 2 });
  const { situations, randoms } = await middle(policy);
  const before = await decideAt(shared, situations, randoms);
  const [one] = situations;
  const stuck: Situation = {
    ...one!,
    observation: { ...one!.observation, admissibleActions: [] },
  };
  for (const wrong of [1, 6]) { // here and there
    await rejects(
      async () =>
        await decideAt(shared, situations.with(wrong, stuck), randoms),
      {
        name: "RangeError",
        message:
          `Cannot decide as there must be an admissible action: none on turn 3 of task "${
            one!.task
          }"`,
      },
    );
  }
  deepStrictEqual(await decideAt(shared, situations, randoms), before);
  policy.dispose();
});

Deno.test("a pool refuses replicas that come out different, or not at all", async () => {
  const wide = await assemblePolicy(
    defineConfig(compact, { policy: { width: 12 } }),
    order.specs,
  );
  await rejects(createReplicaPool(wide, { ...order, workers: 2 }), {
    name: "TypeError",
    message: /^Cannot share work as replicas must have weight .* x 12: /,
  });
  const specs = [{ kind: "maze" }];
  await rejects(createReplicaPool(wide, { ...order, specs, workers: 2 }), {
    message:
      /^Cannot share work as every replica of the policy must be made: Cannot open a world as "kind" .*"maze"/,
  });
  wide.dispose();
});

Deno.test("a pool that has ended refuses jobs, and those under way", async () => {
  const policy = await assemblePolicy(config, order.specs);
  const pool = await createReplicaPool(policy, { ...order, workers: 1 });
  const { situations } = await middle(policy);
  const jobs = [0, 1].map((part) => ({
    kind: "values" as const,
    part,
    open: { starts: situations, temperature: undefined },
    ended: [],
    rows: [...situations.keys()],
    observations: situations.map(({ observation }) => observation),
  }));
  const ended = {
    message: "Cannot share work with a replica as the training has ended",
  };
  const underWay = rejects(pool.perform<"values">(jobs), ended);
  await pool[Symbol.asyncDispose]();
  await underWay;
  await rejects(pool.perform<"values">(jobs), ended);
  policy.dispose();
});
