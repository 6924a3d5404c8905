/** What `docs/your-own.md` shows is what runs here: a world, a policy, a learner and an estimator in the one loop. */

import { ok } from "node:assert/strict";
import { assembleTraining, createTraining, defineConfig } from "@hiper/lab";
import { conformance } from "../envs/_conformance.ts";
import { openEnv, proposeSubgoals } from "./errand_world.ts";
import { tableLearner } from "./table_learner.ts";
import { type Table, tablePolicy } from "./table_policy.ts";

const FILES = [
  "errand_world.ts",
  "table_policy.ts",
  "table_learner.ts",
  "clock_estimator.ts",
  "train_errand.ts",
];

for (const file of FILES) {
  Deno.test(`docs/your-own.md shows ${file} as it is tested`, async () => {
    const source = await Deno.readTextFile(new URL(file, import.meta.url));
    const document = new URL("../../docs/your-own.md", import.meta.url);
    const shown = await Deno.readTextFile(document);
    ok(shown.includes(`\`\`\`ts ignore\n${source}\`\`\`\n`), `${file} differs`);
  });
}

conformance("errand", openEnv, { kind: "errand" });

const settings = {
  iterations: 30,
  rollout: { tasks: 32, maxTurns: 12 },
  evaluation: { every: 0 },
};

Deno.test("world, policy, learner and estimator learn together", async () => {
  const script = new URL("train_errand.ts", import.meta.url).pathname;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=test", "--no-check", script],
    env: { NO_COLOR: "1" },
  }).output();
  const rates = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => Number(line.split(" ")[1]));
  ok(rates.length === 30 && rates[0]! < 0.6 && rates.at(-1)! > 0.9, `${rates}`);
});

Deno.test("the same world and policy learn with a built-in estimator", async () => {
  const specs = [{ kind: "errand" }];
  const estimator = { name: "reinforce", gamma: 0.9 } as const;
  const config = defineConfig({ ...settings, worlds: specs, estimator });
  const table: Table = new Map();
  const training = createTraining(config, {
    specs,
    open: openEnv,
    policy: tablePolicy(table, proposeSubgoals()),
    learner: tableLearner(table),
  });
  const rates = [];
  for await (const { metrics } of training) rates.push(metrics.success_rate!);
  ok(rates.at(-1)! > 0.8, `${rates}`);
});

Deno.test("the errand trains from configuration, as a module", async () => {
  const { href: url } = new URL("errand_world.ts", import.meta.url);
  const config = defineConfig({
    ...settings,
    iterations: 2,
    worlds: [{ kind: "module", url }],
  });
  await using training = await assembleTraining(config);
  for await (const { metrics } of training) ok(metrics.updates! > 0);
});
