import { ok, rejects, strictEqual } from "node:assert/strict";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import {
  defineConfig,
  type PartialDeep,
  type TrainingConfig,
} from "../../../lib/train/config/config.ts";

const TINY: PartialDeep<TrainingConfig> = {
  ...{ seed: 3, iterations: 5, backend: "wasm" },
  policy: {
    ...{ name: "language", decoding: "admissible", planning: "listed" },
    ...{ layers: 1, hiddenSize: 32, maxReplyTokens: 40 },
  },
  worlds: [{ kind: "corridor", length: 5, doors: 0, exit: "right" }],
  rollout: { tasks: 6, groupSize: 8, maxTurns: 5 },
  estimator: { name: "strata" },
  strategies: { kept: 2, drawn: 4 },
  update: {
    ...{ epochs: 2, minibatchSize: 96, learningRate: 3e-3 },
    entropyCoefficient: 0,
  },
  evaluation: { every: 0 },
};

const assemble = (...parts: PartialDeep<TrainingConfig>[]) =>
  assembleTraining(defineConfig(TINY, ...parts));

Deno.test("a tiny language policy learns strategies and actions by StraTA from reward alone", async () => {
  await using training = await assemble();
  const success: number[] = [];
  for await (const { metrics, trajectories } of training) {
    success.push(metrics["success_rate"]!);
    ok(trajectories.every(({ strategy }) => strategy !== undefined));
    ok(metrics["flagged_rate"]! > 0, "the world's rule judges listed ones");
  }
  ok(success[0]! < 0.4, `at first: ${success}`);
  ok(success.at(-1)! > 0.8, `at last: ${success}`);
});

Deno.test("another model judges, and what it says is shown in the metrics", async () => {
  const asked: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (request.method === "GET") {
        return Response.json({ data: [{ id: "judge" }] });
      }
      const { messages } = await request.json();
      asked.push(messages.at(-1).content);
      const content = asked.length % 2 === 0 ? "1" : "I cannot say.";
      const message = { role: "assistant", content };
      return Response.json({
        choices: [{ index: 0, message, finish_reason: "stop" }],
      });
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}/v1`;
  await using training = await assemble({
    iterations: 1,
    policy: { name: "compact" },
    rollout: { tasks: 2, groupSize: 4 },
    strategies: { judge: { name: "openai", url, model: "judge" } },
  });
  for await (const { metrics, trajectories } of training) {
    strictEqual(asked.length, 8);
    strictEqual(metrics["verdicts_unread"], 4);
    const turns = trajectories.reduce((sum, one) => sum + one.turns.length, 0);
    ok(Math.abs(metrics["flagged_rate"]! - 4 / turns) < 1e-12);
    const [first] = trajectories;
    ok(asked.some((text) => text.includes(`Strategy: ${first!.strategy}`)));
  }
});

Deno.test("the policy itself judges, and a verdict that cannot be read flags nothing", async () => {
  await using training = await assemble({
    iterations: 1,
    rollout: { tasks: 1, groupSize: 4, maxTurns: 2 },
    strategies: { judge: { name: "policy", maxReplyTokens: 4 } },
  });
  for await (const { metrics } of training) {
    strictEqual(metrics["verdicts_unread"], 4); // it has learned nothing yet
    strictEqual(metrics["flagged_rate"], 0);
  }
});

Deno.test("settings of subgoals that are chosen turn by turn are refused beside strategies", async () => {
  const refused = (
    policy: Record<string, unknown>,
    message: RegExp,
    more: PartialDeep<TrainingConfig> = {},
  ) =>
    rejects(
      assemble({ policy: { name: "language", ...policy } }, more),
      message,
    );
  await refused({ prompt: "transcript" }, /"policy.prompt" .* "transcript"/);
  await refused({ executor: "subgoal" }, /policy.executor=null/);
  await refused({ switchBias: 1 }, /policy.switchBias=null/);
  await refused({ mode: "alfworld" }, /policy.mode=null/);
  await refused(
    { planning: "free" },
    /set policy.planning=listed or another strategies.judge.name/,
    { strategies: { judge: { name: "rule" } } },
  );
  await refused({}, /"warmStart.lmLossWeight" must be 0/, {
    warmStart: { lmLossWeight: 0.5 },
  });
});
