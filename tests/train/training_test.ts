import * as tf from "@tensorflow/tfjs-core";
import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  assembleBaseline,
  assembleTraining,
} from "../../lib/train/assemble.ts";
import { ESTIMATOR_NAMES } from "../../lib/hae/credit.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../lib/train/config/config.ts";
import { describeEnvironment } from "../../lib/train/runs/environment_facts.ts";
import { METRIC_MEANINGS } from "../../lib/train/metrics.ts";
import { PRESETS } from "../../lib/train/config/presets.ts";
import { createTraining, type Training } from "../../lib/train/training.ts";
import {
  planExecute,
  randomExecutor,
  scriptedPlanner,
} from "../../lib/policy/plan_execute.ts";
import { byDecision } from "../../lib/trajectory.ts";
import { countingConfig, countingTraining } from "./_counting.ts";

const corridor = [{ kind: "corridor", length: 5, doors: 1 }];

function smallConfig(
  change: PartialDeep<TrainingConfig> = {},
): TrainingConfig {
  return defineConfig(PRESETS.corridor, {
    seed: 1,
    backend: "wasm",
    iterations: 4,
    worlds: corridor,
    rollout: { tasks: 16 },
    evaluation: { every: 0, tasks: 32, sets: { again: corridor } },
  }, change);
}

type Row = Readonly<Record<string, number>>;

async function rowsOf(training: Training): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const { metrics } of training) rows.push(metrics);
  return rows;
}

async function train(config: TrainingConfig): Promise<Row[]> {
  await using training = await assembleTraining(config);
  return await rowsOf(training);
}

Deno.test("A training learns the corridor, from chance to the expert's way", async () => {
  const config = smallConfig({
    iterations: 24,
    rollout: { tasks: 64 },
    update: { learningRate: 1e-3 },
  });
  await using training = await assembleTraining(config);
  const chance = await training.evaluate(
    await assembleBaseline(config, "random"),
  );
  const expert = await training.evaluate(
    await assembleBaseline(config, "expert"),
  );
  const rows = await rowsOf(training);
  const success = "again/success_rate", turns = "again/turns";
  ok(chance.metrics[success]! < 0.6, `chance ${chance.metrics[success]}`);
  strictEqual(expert.metrics[success], 1);
  ok(rows.at(-1)![success]! >= 0.95, `learned ${rows.at(-1)![success]}`);
  ok(rows.at(-1)![turns]! < chance.metrics[turns]! / 2);
  ok(rows.at(-1)!["explained_variance/execution"]! > 0);
});

Deno.test("An evaluation of every world plays each once for each replica", async () => {
  const lengths = [3, 5, 7, 9, 11];
  const sets = {
    all: lengths.map((length) => ({ kind: "corridor", length, doors: 0 })),
  };
  const config = smallConfig({
    evaluation: { tasks: "every", groupSize: 2, maxTurns: 2, sets },
  });
  await using training = await assembleTraining(config);
  strictEqual(training.worlds.learning, 1);
  strictEqual(training.worlds.evaluation.all, 5);
  const { trajectories } = await training.evaluate();
  const groups = trajectories.map(({ group }) => group)
    .filter((group) => group.startsWith("all/"));
  deepStrictEqual(
    groups,
    lengths.flatMap((_, i) => [
      `all/corridor/${i}`,
      `all/corridor/${i}`,
    ]),
  );
});

Deno.test("Every number of a training's rows has a meaning", async () => {
  const config = smallConfig({ iterations: 1, rollout: { tasks: 4 } });
  const [row] = await train(config);
  const names = Object.keys(row!).map((name) =>
    name.replace(/^(again|longer)\//, "")
      .replace(/^success_rate\/.*/, "success_rate/<task type>")
      .replace(/\/(switching|planning|execution)$/, "/<decision>")
  );
  ok(names.includes("policy_loss"));
  deepStrictEqual(names.filter((name) => !(name in METRIC_MEANINGS)), []);
});

Deno.test("A training says what computes and why, and the environment's facts repeat it", async () => {
  await using training = await assembleTraining(
    smallConfig({ backend: "auto" }),
  );
  const { backend } = training;
  strictEqual(backend?.name, "wasm");
  ok(/^wasm: .*compact policy/.test(backend.reason), backend.reason);
  const facts = describeEnvironment(backend);
  strictEqual(facts.backend, "wasm");
  strictEqual(facts.backendReason, backend.reason);
});

Deno.test("A training that is saved and loaded gives the numbers of one that went on", async () => {
  const directory = `${await Deno.makeTempDir()}/checkpoint`;
  const config = smallConfig();
  const whole = await train(config);
  const before: Row[] = [];
  {
    await using training = await assembleTraining(config);
    for await (const { metrics } of training) {
      before.push(metrics);
      if (before.length === 2) break;
    }
    await training.save(directory);
  }
  await using training = await assembleTraining(config);
  await training.load(directory);
  strictEqual(training.iteration, 2);
  deepStrictEqual([...before, ...await rowsOf(training)], whole);
});

Deno.test("Worlds in Workers change no number", async () => {
  const config = smallConfig({ iterations: 2 });
  const there = smallConfig({ iterations: 2, rollout: { workers: 2 } });
  deepStrictEqual(await train(there), await train(config));
});

Deno.test("Iterations go on where the reader left, and evaluating in between changes nothing", async () => {
  const config = countingConfig();
  const whole = await rowsOf(countingTraining(config));
  const training = countingTraining(config);
  const rows: Row[] = [];
  while (training.iteration < config.iterations) {
    for await (const { metrics } of training) {
      rows.push(metrics);
      break;
    }
    await training.evaluate();
  }
  deepStrictEqual(rows, whole);
});

Deno.test("A warm start imitates the expert before the first iteration", async () => {
  const config = smallConfig({
    iterations: 1,
    warmStart: {
      episodes: 64,
      epochs: 12,
      minibatchSize: 64,
      learningRate: 3e-3,
    },
    update: { learningRate: 0 },
  });
  const [first] = await train(config);
  ok(first!.success_rate! >= 0.9, `after imitating ${first!.success_rate}`);
});

Deno.test("GEAR refines the samples of a training whose worlds have experts", async () => {
  // One credit for the decisions of a turn: GEAR moves none between decisions that have credits of their own.
  const shared = {
    iterations: 2,
    estimator: { name: "reinforce++" },
  } as const;
  const plain = await train(smallConfig(shared));
  const refined = await train(
    smallConfig({ ...shared, tokenWeights: { name: "gear" } }),
  );
  deepStrictEqual(refined[0]!.return, plain[0]!.return);
  ok(refined[0]!.policy_loss !== plain[0]!.policy_loss);
});

Deno.test("A thousand iterations hold no more memory than a hundred", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-read", "--allow-env"].concat(
      "--v8-flags=--expose-gc",
      new URL("_heap.ts", import.meta.url).pathname,
    ),
    stdout: "piped",
    stderr: "piped",
  }).output();
  const heaps = new TextDecoder().decode(stdout).trim().split("\n").map(Number);
  strictEqual(heaps.length, 2, new TextDecoder().decode(stderr));
  // 900 iterations of 80 turns: keeping so much as one number of each turn would show
  ok(heaps[1]! - heaps[0]! < 512 * 1024, heaps.join(" then "));
});

Deno.test("Iterating leaves no tensor behind", async () => {
  await using training = await assembleTraining(smallConfig());
  const counts: number[] = [];
  for await (const _ of training) counts.push(tf.memory().numTensors);
  strictEqual(new Set(counts.slice(1)).size, 1, counts.join(", "));
});

Deno.test("Every estimator trains", async () => {
  const rollout = { tasks: 2, groupSize: 8 };
  for (const name of ESTIMATOR_NAMES) {
    // a name is all that a person typed; `defineConfig` looks at it
    const estimator = { name } as
      & PartialDeep<TrainingConfig>["estimator"]
      & object;
    const rows = await train(
      smallConfig({ iterations: 1, estimator, rollout }),
    );
    ok(Number.isFinite(rows[0]!.policy_loss), name);
  }
});

Deno.test("an estimator's settings are refused before anything is played", async () => {
  const gamma = 7;
  throws(() => smallConfig({ estimator: { name: "hae", gamma } }), {
    name: "TypeError",
    message:
      'Cannot read config as "estimator.gamma" must be in [0, 1]: current value is 7',
  });
  const config = {
    ...smallConfig(),
    estimator: { name: "hae", gamma },
  } as const;
  await rejects(assembleTraining(config), {
    name: "TypeError",
    message:
      'Cannot assign credit as "gamma" must be in [0, 1]: current value is 7',
  });
});

Deno.test("assembleTraining() refuses to compare episodes that are alone", async () => {
  for (const name of ["grpo", "rloo", "gigpo"] as const) {
    const config = smallConfig({ estimator: { name } });
    await rejects(assembleTraining(config), {
      name: "RangeError",
      message:
        `Cannot assemble a training by "${name}" as "rollout.groupSize" must be at least 2: current value is 1`,
    });
  }
  const scored = smallConfig({
    estimator: { name: "grpo", singleton: "score" },
  });
  await using training = await assembleTraining(scored);
  strictEqual(training.iteration, 0);
});

Deno.test("assembleTraining() refuses worlds of an unknown kind", async () => {
  await rejects(
    assembleTraining(smallConfig({ worlds: [{ kind: "corrid" }] })),
    { name: "TypeError", message: /did you mean "corridor"/ },
  );
});

Deno.test("assembleTraining() refuses mistyped settings of worlds, those of evaluation included", async () => {
  const worlds = [{ kind: "corridor", lenght: 5 }];
  const sets = { held: [{ kind: "household", roon: "kitchen" }] };
  await rejects(assembleTraining(smallConfig({ worlds })), {
    name: "TypeError",
    message: /"lenght" is not a setting: did you mean "length"/,
  });
  await rejects(assembleTraining(smallConfig({ evaluation: { sets } })), {
    name: "TypeError",
    message: /"roon" is not a setting: did you mean "room"/,
  });
});

Deno.test("assembleTraining() refuses worlds that share no list of subgoals, unless it needs none", async () => {
  const worlds = [...corridor, { kind: "household" }];
  await rejects(assembleTraining(smallConfig({ worlds })), {
    name: "TypeError",
    message: /must share a list of subgoals unless "policy.flat" is true/,
  });
  const flat = smallConfig({ worlds, policy: { name: "compact", flat: true } });
  await using training = await assembleTraining(flat);
  strictEqual(training.iteration, 0);
});

Deno.test("a training that failed in its first iteration goes on without another warm start", async () => {
  let warmUps = 0, failures = 0;
  const specs = [{ kind: "corridor", length: 3, doors: 0 }];
  const config = defineConfig({
    worlds: specs,
    iterations: 1,
    evaluation: { every: 0 },
  });
  const training = createTraining(config, {
    specs,
    policy: planExecute(scriptedPlanner(() => "leave"), randomExecutor()),
    learner: {
      update: () =>
        failures++ === 0
          ? Promise.reject(new Error("a passing fault"))
          : Promise.resolve({}),
      save: () => Promise.resolve(),
      load: () => Promise.resolve(),
    },
    assignCredit: (trajectories) =>
      trajectories.map(({ turns }) => ({
        advantages: byDecision(() => new Float64Array(turns.length)),
      })),
    warmUp: () => Promise.resolve(void warmUps++),
  });
  await rejects(Array.fromAsync(training), /a passing fault/);
  strictEqual((await Array.fromAsync(training)).length, 1);
  strictEqual(warmUps, 1);
});
