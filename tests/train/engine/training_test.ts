/** Whole trainings on a table engine: learning, resuming, restarts of the server, many episodes at once, keys. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  assembleTraining,
  defineConfig,
  openRun,
  recordTraining,
  type TrainingConfig,
} from "../../../mod.ts";
import {
  type EngineCall,
  startTableEngine,
  type TableEngine,
  type TableEngineOptions,
} from "../../../lib/remote/tinker/table/table_engine.ts";
import { searchKey } from "./_search_key.ts";

/** Tokens that hold the words of the corridor. */
const VOCABULARY = 320;

function startEngine(options: Partial<TableEngineOptions> = {}): TableEngine {
  return startTableEngine({ vocabSize: VOCABULARY, ...options });
}

function corridor(
  url: string,
  settings: Record<string, unknown> = {},
): TrainingConfig {
  return defineConfig({
    iterations: 2,
    worlds: [{ kind: "corridor", length: 3, doors: 0 }],
    policy: {
      name: "tinker",
      url,
      baseModel: "table",
      rank: 4,
      prompt: "brief",
      maxReplyTokens: 24,
    },
    warmStart: {
      episodes: 8,
      epochs: 10,
      minibatchSize: 128,
      learningRate: 0.62,
    },
    rollout: { tasks: 4, groupSize: 4, maxTurns: 4 },
    estimator: { name: "hae", gamma: 0.9 },
    update: {
      epochs: 1,
      learningRate: 0.05,
      dualClip: 0,
      maxGradientNorm: 0,
      entropyCoefficient: 0,
    },
    evaluation: { every: 0 },
    record: { checkpointEvery: 1, trajectoriesEvery: 1 },
  }, settings);
}

/** Trains in a folder; stops after `iterations` without closing anything well, as a kill does. */
async function play(
  config: TrainingConfig,
  directory: string,
  options: { resume?: boolean; iterations?: number } = {},
): Promise<void> {
  await using training = await assembleTraining(config);
  await using run = await openRun(directory, config, options);
  let done = 0;
  for await (const _ of recordTraining(training, run)) {
    if (++done === options.iterations) break;
  }
}

async function rows(directory: string): Promise<Record<string, number>[]> {
  const text = await Deno.readTextFile(`${directory}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

const temporary = () => Deno.makeTempDir({ prefix: "hiper-engine-" });

Deno.test("a run on an engine learns, and goes on to the same numbers after its client was stopped", async () => {
  await using engine = startEngine();
  const whole = await temporary(), parts = await temporary();
  const config = corridor(engine.url);
  await play(config, whole);
  await play(config, parts, { iterations: 1 });
  await play(config, parts, { resume: true });
  const found = await rows(whole);
  deepStrictEqual(await rows(parts), found);
  strictEqual(found.length, 2);
  deepStrictEqual(found.map(({ iteration }) => iteration), [0, 1]);
  ok(
    found.at(-1)!["success_rate"]! > 0.4,
    `success ${found.map((row) => row["success_rate"])}`,
  );
  strictEqual(found[0]!["log_prob_gap"], 0);
  for (
    const name of [
      "tokens_sampled",
      "tokens_trained",
      "critic_trust",
      "critic_explained_variance",
      "approximate_kl",
      "gradient_norm",
    ]
  ) ok(Number.isFinite(found[0]![name]), name);
  const state = JSON.parse(
    await Deno.readTextFile(`${parts}/checkpoints/00000002/engine.json`),
  );
  ok(state.checkpoint.endsWith("/weights/iteration-000002"));
});

Deno.test("a restart of the server in any phase of an iteration changes no number", async () => {
  const train = async (restartAt?: string, count = 0) => {
    let restarted = false;
    const fault = (call: EngineCall) => {
      if (call.path === restartAt && call.count === count && !restarted) {
        restarted = true;
        engine.restart();
        return "lost-before" as const;
      }
      return undefined;
    };
    await using engine = startEngine({ fault });
    const directory = await temporary();
    await play(corridor(engine.url, { iterations: 1 }), directory);
    strictEqual(restarted, restartAt !== undefined);
    return await rows(directory);
  };
  const undisturbed = await train();
  // While sampling, before gradients, between gradients and step, and while saving, of the first iteration.
  deepStrictEqual(await train("POST /asample", 20), undisturbed);
  deepStrictEqual(await train("POST /forward_backward", 10), undisturbed);
  deepStrictEqual(await train("POST /optim_step", 10), undisturbed);
  deepStrictEqual(await train("POST /save_weights", 10), undisturbed);
});

Deno.test("200 episodes at once: the order of replies changes no number, and requests stay bounded", async () => {
  const settings = {
    iterations: 1,
    warmStart: null, // replies are noise, which is all that is needed here
    rollout: { tasks: 50, groupSize: 4, maxTurns: 2 },
    policy: { episodesInFlight: 200, maxReplyTokens: 4 },
  };
  const train = async (sampleDelay?: (count: number) => number) => {
    await using engine = startEngine(sampleDelay ? { sampleDelay } : {});
    const directory = await temporary();
    await play(corridor(engine.url, settings), directory);
    ok(engine.mostSamples <= 64, `${engine.mostSamples} samples at once`);
    return await rows(directory);
  };
  const prompt = await train();
  const shuffled = await train((count) => count * 7919 % 13);
  deepStrictEqual(shuffled, prompt);
  strictEqual(prompt[0]!["episodes"], 200);
});

Deno.test("the key of an account is in no file of a run", async () => {
  const key = "tml-never-to-be-written";
  const secret = await Deno.makeTempFile();
  await Deno.writeTextFile(secret, key);
  await using engine = startEngine();
  const directory = await temporary();
  const config = corridor(engine.url, {
    iterations: 1,
    policy: { keyFile: secret },
  });
  await play(config, directory);
  strictEqual(engine.calls.at(-1)!.headers.get("x-api-key"), key);
  ok(await searchKey(directory, key) > 5);
});

Deno.test("truncated importance sampling: weights are 1 and no number changes where sampler and trainer agree, else their ratio", async () => {
  const train = async (
    samplerCorrection?: Record<string, unknown>,
    samplerGap = 0,
  ) => {
    await using engine = startEngine({ samplerGap });
    const directory = await temporary();
    const config = corridor(engine.url, {
      iterations: 1,
      ...(samplerCorrection && { update: { samplerCorrection } }),
    });
    await play(config, directory);
    const [row] = await rows(directory);
    return row!;
  };
  const plain = await train();
  const {
    sampler_gap,
    sampler_kl,
    sampler_weight,
    sampler_truncated,
    ...same
  } = await train({ limit: 2 });
  deepStrictEqual(same, plain);
  ok(plain["updates"]! > 0);
  ok(sampler_gap! < 1e-6 && Math.abs(sampler_kl!) < 1e-6);
  ok(Math.abs(sampler_weight! - 1) < 1e-6 && sampler_truncated === 0);
  const apart = await train({ limit: 2 }, 0.1);
  ok(Math.abs(apart["sampler_kl"]! - 0.1) < 1e-5);
  ok(Math.abs(apart["sampler_weight"]! - Math.exp(-0.1)) < 1e-5);
  // The surrogate's ratios start from the trainer's log-probabilities.
  ok(Math.abs(apart["approximate_kl"]!) < 1e-6);
  ok(apart["log_prob_gap"]! < 1e-6);
});

Deno.test("settings that an engine would ignore, or an unknown model, end a run before it begins", async () => {
  await using engine = startEngine();
  const refused = (settings: Record<string, unknown>, message: RegExp) =>
    rejects(assembleTraining(corridor(engine.url, settings)), message);
  await refused({ update: { dualClip: 3 } }, /"update.dualClip" must be 0/);
  await refused({ update: { maxGradientNorm: 1 } }, /"update.maxGradientNorm"/);
  await refused(
    { estimator: { planningToSwitching: true } },
    /"estimator.planningToSwitching" must be false/,
  );
  await refused({ policy: { baseModel: "tabel" } }, /offers, "table"/);
  await rejects(
    () => Promise.resolve().then(() => corridor("http://me:word@host")),
    /without name and password/,
  );
});
