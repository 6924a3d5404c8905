import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  createCompactPolicy,
  sharedWeightsOf,
} from "../../../lib/policy/compact/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import {
  collectEpisodes,
  collectTrajectories,
} from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import { compactOptions } from "../../../lib/train/assemble_policy.ts";
import {
  type CompactPolicyConfig,
  defineConfig,
} from "../../../lib/train/config/config.ts";
import { assignCredit } from "../../../lib/hae/credit.ts";
import { toSamples } from "../../../lib/train/batch.ts";
import { createKernelLearner } from "../../../lib/train/ppo/learner.ts";
import { createTeam } from "../../../lib/train/workers/team.ts";

const WORLD = { kind: "corridor", length: 5, doors: 1 };
const EPISODES = { tasks: 40, maxTurns: 8 };

/** A training whose rollouts are large enough for threads. */
const assemble = (threads: number) =>
  assembleTraining(defineConfig({
    ...{ seed: 1, backend: "wasm", threads, iterations: 4 },
    worlds: [WORLD],
    rollout: EPISODES,
    update: { minibatchSize: 64 },
    evaluation: { every: 2, sets: { again: [WORLD] }, ...EPISODES },
  }));

type Trained = Awaited<ReturnType<typeof assemble>>;

/** Rows of the metrics of some iterations. */
async function train(training: Trained, iterations: number): Promise<string[]> {
  const rows: string[] = [];
  for await (const { metrics } of training) {
    rows.push(JSON.stringify(metrics));
    if (training.iteration >= iterations) break;
  }
  return rows;
}

Deno.test("metrics are the same bytes for one, two and three threads", async () => {
  const runs: string[][] = [];
  for (const threads of [1, 2, 3]) {
    await using training = await assemble(threads);
    runs.push(await train(training, 4));
  }
  const [alone, ...others] = runs;
  strictEqual(alone!.length, 4);
  for (const rows of others) deepStrictEqual(rows, alone);
});

Deno.test("a run goes on from a checkpoint with another number of threads", async () => {
  await using two = await assemble(2);
  const rows = await train(two, 2);
  const directory = await Deno.makeTempDir();
  await two.save(directory);
  await using one = await assemble(1);
  await one.load(directory);
  rows.push(...await train(one, 4));
  await using whole = await assemble(2);
  deepStrictEqual(rows, await train(whole, 4));
  await Deno.remove(directory, { recursive: true });
});

/** A policy, a team of two threads that has gathered, and episodes. */
async function gather() {
  await selectBackend("wasm");
  const { policy: config } = defineConfig({ worlds: [WORLD] });
  const compact = config as CompactPolicyConfig;
  const policy = createCompactPolicy(
    await compactOptions(compact, { seed: 1, specs: [WORLD] }),
  );
  const team = createTeam(sharedWeightsOf(policy)!, {
    ...{ threads: 2, policy: compact, specs: [WORLD] },
    ...{ hints: false, plays: true },
  });
  const random = createRandom(1);
  const episodes = scheduleEpisodes([WORLD], { random, ...EPISODES });
  while (team.size < 2) {
    await team.collect(policy, episodes);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { policy, team, episodes };
}

Deno.test("a team plays what one thread plays, and holds no more memory for playing it again", async () => {
  const { policy, team, episodes } = await gather();
  const memory = sharedWeightsOf(policy)!.network().handle.memory;
  await team.collect(policy, episodes);
  const before = memory.buffer.byteLength;
  const greedy = policy.atTemperature(0);
  for (const player of [policy, greedy]) {
    for (let again = 0; again < 3; again++) {
      const played = await team.collect(player, episodes);
      deepStrictEqual(played, await collectEpisodes(player, episodes));
    }
  }
  strictEqual(memory.buffer.byteLength, before);
  await team[Symbol.asyncDispose]();
  policy.dispose();
});

Deno.test("a thread computes with samples in memory that was added after it joined", async () => {
  const { policy, team, episodes } = await gather();
  const weights = sharedWeightsOf(policy)!;
  const trajectories = await collectTrajectories(policy, episodes);
  const credits = assignCredit(trajectories, { name: "hae" });
  const samples = toSamples(trajectories, credits);
  const learner = createKernelLearner(policy, weights, team.computeParts);
  for (const epochs of [1, 2]) {
    weights.network().shared.allocate(64 * 2 ** 20); // what follows is beyond it
    const random = createRandom(epochs);
    const row = await learner.update(samples, { random, epochs });
    ok(row.gradient_norm! > 0);
  }
  await team[Symbol.asyncDispose]();
  policy.dispose();
});

Deno.test("a team throws what a world throws on any thread, and stops by its signal", async () => {
  const { policy, team, episodes } = await gather();
  const broken = episodes.map((one) => ({
    ...one,
    spec: { ...WORLD, length: -1 },
  }));
  await rejects(team.collect(policy, broken), /length/);
  const signal = AbortSignal.abort(new Error("enough"));
  await rejects(team.collect(policy, episodes, { signal }), /enough/);
  ok((await team.collect(policy, episodes)).turns.length > 0);
  await team[Symbol.asyncDispose]();
  policy.dispose();
});

Deno.test("a policy that is not the team's plays on one thread", async () => {
  const { policy, team, episodes } = await gather();
  const own = { open: policy.open.bind(policy) };
  const played = await team.collect(own, episodes);
  deepStrictEqual(played, await collectEpisodes(policy, episodes));
  await team[Symbol.asyncDispose]();
  policy.dispose();
});
