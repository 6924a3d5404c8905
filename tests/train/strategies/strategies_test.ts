import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { toEpisodeBatch } from "../../../lib/episode_batch.ts";
import { creditBatch } from "../../../lib/hae/credit.ts";
import {
  planExecute,
  randomExecutor,
  scriptedPlanner,
} from "../../../lib/policy/plan_execute.ts";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import { batchSamples } from "../../../lib/train/batch.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../../lib/train/config/config.ts";
import { withStrategyRows } from "../../../lib/train/strategies/rows.ts";
import { createTraining } from "../../../lib/train/training.ts";
import type { AnsweredTurn, Trajectory } from "../../../lib/trajectory.ts";

const CORRIDOR: PartialDeep<TrainingConfig> = {
  ...{ seed: 1, threads: 1, iterations: 9, backend: "wasm" },
  worlds: [{ kind: "corridor", length: 5, doors: 1 }],
  rollout: { tasks: 16, groupSize: 8, maxTurns: 12 },
  estimator: { name: "strata" },
  strategies: { kept: 2 },
  update: { learningRate: 5e-3, entropyCoefficient: 0.01 },
  evaluation: { every: 0 },
};

const assemble = (...parts: PartialDeep<TrainingConfig>[]) =>
  assembleTraining(defineConfig(CORRIDOR, ...parts));

Deno.test("StraTA learns the corridor from reward alone", async () => {
  await using training = await assemble();
  const rows: Readonly<Record<string, number>>[] = [];
  for await (const { metrics, trajectories } of training) {
    rows.push(metrics);
    ok(trajectories.every(({ strategy }) => strategy !== undefined));
  }
  const success = rows.map(({ success_rate }) => success_rate!);
  ok(success[0]! < 0.5, `at first: ${success}`);
  const late = success.slice(-3).reduce((sum, rate) => sum + rate, 0) / 3;
  ok(late >= 0.85, `at last: ${success}`);
  const [first] = rows;
  ok(first!["strategies_distinct"]! > 2.5);
  ok(first!["strategy_distance/kept"]! > first!["strategy_distance/drawn"]!);
  ok(rows.at(-1)!["flagged_rate"]! < first!["flagged_rate"]!);
});

/** Rows of metrics up to an iteration. */
async function train(
  training: Awaited<ReturnType<typeof assemble>>,
  until: number,
): Promise<string[]> {
  const rows: string[] = [];
  for await (const { metrics } of training) {
    rows.push(JSON.stringify(metrics));
    if (training.iteration >= until) break;
  }
  return rows;
}

Deno.test("a run with strategies goes on from a checkpoint, with another number of threads, to the same numbers", async () => {
  const short = {
    iterations: 4,
    rollout: { tasks: 8, groupSize: 4, maxTurns: 8 },
    evaluation: { every: 2, tasks: 4, sets: { again: CORRIDOR.worlds! } },
  };
  await using whole = await assemble(short);
  const rows = await train(whole, 4);
  const directory = await Deno.makeTempDir();
  await using begun = await assemble(short, { threads: 2 });
  deepStrictEqual(await train(begun, 2), rows.slice(0, 2));
  await begun.save(directory);
  await using resumed = await assemble(short);
  await resumed.load(directory);
  deepStrictEqual(await train(resumed, 4), rows.slice(2));
  await Deno.remove(directory, { recursive: true });
});

Deno.test("replicas in Workers follow strategies to the same numbers", async () => {
  const rows: string[][] = [];
  for (const workers of [0, 1]) {
    await using training = await assemble({
      rollout: { tasks: 4, groupSize: 4 },
      replicas: { workers, microbatches: 2 },
    });
    rows.push(await train(training, 2));
  }
  deepStrictEqual(rows[1], rows[0]);
});

Deno.test("settings that contradict strategies are refused before the first episode", async () => {
  const refused = (
    message: RegExp,
    ...parts: PartialDeep<TrainingConfig>[]
  ) => rejects(assemble(...parts), message);
  await refused(
    /"rollout.groupSize" must give each of 2 strategies .* so 4 or another multiple of 2: current value is 1/,
    { rollout: { groupSize: 1 } },
  );
  await refused(/current value is 2/, { rollout: { groupSize: 2 } });
  await refused(/current value is 7/, { rollout: { groupSize: 7 } });
  await refused(
    /"strategies.drawn" must be at least "strategies.kept", which is 2: current value is 1/,
    { strategies: { drawn: 1 } },
  );
  await refused(/"policy.flat" is true/, {
    policy: { name: "compact", flat: true },
  });
  await refused(/strategies.judge.name=rule, openai or none/, {
    strategies: { judge: { name: "policy" } },
  });
  await refused(/"warmStart" must be absent/, { warmStart: {} });
  await refused(/"policy.name" is "openai"/, {
    policy: { name: "openai", url: "http://127.0.0.1:9/v1", model: "m" },
  });
  await refused(/must answer/, {
    strategies: {
      judge: { name: "openai", url: "http://127.0.0.1:9/v1", model: "m" },
    },
  });
  const read = (...parts: PartialDeep<TrainingConfig>[]) =>
    defineConfig(CORRIDOR, ...parts);
  throws(
    () => read({ estimator: { name: "grpo" } }),
    /"strategies" has no effect where "estimator.name" is "grpo".*strategies=null/,
  );
  throws(
    () => read({ strategies: { kept: 1 } }),
    /"strategies.kept" must be at least 2/,
  );
  throws(
    () => read({ strategies: { similarity: "meaning" } } as never),
    /one of "words", "characters"/,
  );
});

Deno.test("a policy that writes no strategies is refused when training begins", async () => {
  const config = defineConfig(CORRIDOR);
  const training = createTraining(config, {
    specs: [{ kind: "corridor" }],
    policy: planExecute(scriptedPlanner(() => "leave"), randomExecutor()),
    learner: {
      update: () => Promise.resolve({}),
      save: () => Promise.resolve(),
      load: () => Promise.resolve(),
    },
  });
  await rejects(
    training[Symbol.asyncIterator]().next(),
    /the policy must write strategies: it has no "drawStrategies"/,
  );
});

Deno.test("the credit of a composed strategy stands once on its choices, and a written one's on the first turn", () => {
  const turn: AnsweredTurn = {
    observation: { text: "", admissibleActions: ["go"], stateKey: "" },
    decision: {
      ...{ switched: true, subgoal: "a", action: "go", valid: true },
      trace: { kind: "untrainable" },
    },
  };
  const episode = (
    id: number,
    strategy: string,
    score: number,
  ): Trajectory => ({
    ...{ id: `${id}`, strategy, task: "leave", group: "g", seed: 0 },
    ...{ ending: "terminated", success: score > 0, score },
    turns: [{ ...turn, reward: 0 }, { ...turn, reward: score }],
    bootstrap: { switching: 0, planning: 0, execution: 0 },
  });
  const batch = toEpisodeBatch([
    ...[episode(0, "a", 1), episode(1, "a", 0)],
    ...[episode(2, "b", 0), episode(3, "b", 0)],
  ]);
  const samples = batchSamples(batch, creditBatch(batch, { name: "strata" }));
  const { planning } = samples.advantages;
  ok(planning[0]! > 0 && planning[4]! < 0);
  const drawn = (text: string, choices: number) => ({
    strategy: { text, steps: [text] },
    choices: Array.from({ length: choices }, () => turn),
  });
  const numbers = {
    group: "g",
    drawnDistance: 0,
    keptDistance: 0,
    distinct: 2,
  };
  const kept = [drawn("a", 2), drawn("a", 2), drawn("b", 0)];
  const joined = withStrategyRows(samples, batch, [{ ...numbers, kept }]);
  strictEqual(joined.turns.length, 10); // eight turns, two choices
  const trained = [...joined.trained.planning];
  deepStrictEqual(trained, [0, 0, 0, 0, 1, 0, 0, 0, 1, 1]);
  strictEqual(joined.advantages.planning[4], planning[4]);
  deepStrictEqual(
    [...joined.advantages.planning.slice(8)],
    [planning[0], planning[0]],
  );
  deepStrictEqual([...joined.trained.execution.slice(8)], [0, 0]);
  deepStrictEqual(samples.trained.planning[0], 1, "samples stay as they are");
});
