/**
 * What replicas of a policy in Workers gain, on work of a training's size: one thread beside two.
 *
 * Shards are computed one after the other on this thread alone, or every second one by a replica. On a
 * machine with other work the times mean little and the ratios are too small.
 *
 * @module
 */

import type { EnvSpec } from "../../lib/envs/text_env.ts";
import { assignCredit } from "../../lib/hae/credit.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import type { LanguagePolicy } from "../../lib/policy/language/policy.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import {
  type AssembledPolicy,
  assemblePolicy,
} from "../../lib/train/assemble_policy.ts";
import { situationAt, toSamples } from "../../lib/train/batch.ts";
import {
  defineConfig,
  type TrainingConfig,
} from "../../lib/train/config/config.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { createReplicaPool } from "../../lib/train/workers/pool.ts";
import {
  createSharedLearner,
  sharePolicy,
} from "../../lib/train/workers/shared_policy.ts";
import type { Situation, Trajectory } from "../../lib/trajectory.ts";
import { fromRows, type SampleRow, toRows } from "../_samples.ts";
import { sessionAt } from "../policy/_sessions.ts";

const HOUSEHOLD = [{ kind: "household", hints: false }];
const CORRIDOR = [{ kind: "corridor", length: 9 }];

await selectBackend("wasm");

/** Alone and uncut; alone in microbatches; with one replica in microbatches. */
async function teams({ config, specs, policy }: Load) {
  const order = { config, specs, backend: "wasm" } as const;
  const alone = await createReplicaPool(policy, { ...order, workers: 0 });
  const two = await createReplicaPool(policy, { ...order, workers: 1 });
  addEventListener("unload", () => void two[Symbol.asyncDispose]());
  const team = (pool: typeof alone, microbatches: number) => {
    const player = sharePolicy(policy, { pool, microbatches });
    const learner = createSharedLearner(player, { pool, microbatches });
    return { player, learner };
  };
  return {
    "one thread": { player: policy, learner: createPpoLearner(policy) },
    "one thread, 4 microbatches": team(alone, 4),
    "two threads, 2 microbatches": team(two, 2),
    "two threads, 4 microbatches": team(two, 4),
  };
}

/** One gradient step that changes next to nothing. */
const STEP = { epochs: 1, learningRate: 1e-9, random: createRandom(1) };

/** A policy and its work. */
interface Load {
  readonly specs: readonly EnvSpec[];
  readonly config: TrainingConfig;
  readonly policy: AssembledPolicy;
  readonly step: { readonly name: string; readonly samples: SampleRow[] };
  readonly turn: { readonly name: string; readonly situations: Situation[] };
}

async function compare(load: Load): Promise<void> {
  const { step: { samples }, turn: { situations } } = load;
  const randoms = situations.map((_, i) => createRandom(i));
  const minibatchSize = samples.length;
  for (const [name, team] of Object.entries(await teams(load))) {
    const { player, learner } = team;
    const settings = { baseline: name === "one thread", n: 8, warmup: 2 };
    Deno.bench(name, { group: load.step.name, ...settings }, async () => {
      await learner.update(fromRows(samples), { ...STEP, minibatchSize });
    });
    Deno.bench(name, { group: load.turn.name, ...settings }, async (b) => {
      using session = await sessionAt(player, situations);
      const seen = situations.map(({ observation }) => observation);
      b.start();
      await session.decide([...seen.keys()], seen, randoms);
      b.end();
    });
  }
}

/** Episodes of a compact policy that has learned nothing. */
async function play(policy: AssembledPolicy, specs: readonly EnvSpec[]) {
  const random = createRandom(1);
  const schedule = { random, tasks: 128, maxTurns: 25 };
  return await collectTrajectories(policy, scheduleEpisodes(specs, schedule));
}

/** Situations after some turns, where there are so many. */
const after = (turns: number, trajectories: readonly Trajectory[]) =>
  trajectories.filter((one) => one.turns.length > turns)
    .map((one) => situationAt(one, turns));

async function compactLoad(specs: readonly EnvSpec[]): Promise<Load> {
  const config = defineConfig({ worlds: [...specs] });
  const policy = await assemblePolicy(config, specs);
  const trajectories = await play(policy, specs);
  const credits = assignCredit(trajectories, { name: "hae" });
  const samples = toRows(toSamples(trajectories, credits)).slice(0, 512);
  const situations = after(20, trajectories);
  const name = `compact policy: ${situations.length} households decided`;
  return {
    specs,
    config,
    policy,
    step: { name: `compact policy: ${samples.length} turns learned`, samples },
    turn: { name, situations },
  };
}

/** Replies of 64 tokens to prompts of 128, about nothing. */
function nonsense(
  { tokenizer: { vocabSize } }: LanguagePolicy,
): SampleRow[] {
  const random = createRandom(2);
  const tokens = (length: number) =>
    Int32Array.from({ length }, () => random.integer(vocabSize));
  const observation = { text: "", admissibleActions: [], stateKey: "" };
  return Array.from({ length: 16 }, () => ({
    observation,
    decision: {
      switched: true,
      subgoal: "",
      action: "",
      valid: true,
      trace: {
        kind: "tokens",
        prompt: tokens(128),
        reply: tokens(64),
        logProbs: new Float32Array(64).fill(-5),
        spans: {
          switching: { start: 0, end: 4 },
          planning: { start: 4, end: 24 },
          execution: { start: 24, end: 64 },
        },
      },
    },
    advantages: { switching: 1, planning: -1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
    targets: { switching: 1, planning: 1, execution: 1 },
  }));
}

async function languageLoad(specs: readonly EnvSpec[]): Promise<Load> {
  const config = defineConfig({
    worlds: [...specs],
    policy: {
      name: "language",
      layers: 3,
      hiddenSize: 128,
      maxReplyTokens: 64,
    },
  });
  const policy = await assemblePolicy(config, specs) as LanguagePolicy;
  const player = await assemblePolicy(
    defineConfig({ worlds: [...specs] }),
    specs,
  );
  const situations = after(1, await play(player, specs)).slice(0, 64);
  const model = `language model of ${
    (policy.parameters / 1e6).toFixed(1)
  } million`;
  return {
    specs,
    config,
    policy,
    step: {
      name: `${model}: 16 x 192 tokens learned`,
      samples: nonsense(policy),
    },
    turn: {
      name: `${model}: ${situations.length} replies of 64 tokens`,
      situations,
    },
  };
}

await compare(await compactLoad(HOUSEHOLD));
await compare(await languageLoad(CORRIDOR));
