/**
 * Compares the critics for engines on the same batches: what each explains of returns that it has not seen, beyond the
 * baseline of the group, and how far it would be trusted.
 *
 * The batches are those of one training, with whatever policy its settings name; the critics only look on.
 *
 * ```sh
 * deno task critics --preset household-easy rollout.groupSize=4 iterations=12
 * deno task critics --preset corridor-tinker --tables 'worlds=[{"kind":"corridor","length":5,"doors":1}]'
 * ```
 *
 * @module
 */

import { Command, Option } from "commander";
import {
  assembleTraining,
  defineConfig,
  parseSettings,
  PRESETS,
  toEpisodeBatch,
  type TrainingConfig,
} from "../mod.ts";
import {
  createLinearCritic,
  createNetworkCritic,
  LocalCritic,
  startTableEngine,
} from "../mod/tinker.ts";
import { explain } from "./explain.ts";
import { settingsFirst } from "./settings_first.ts";

interface Flags {
  readonly preset: keyof typeof PRESETS;
  readonly tables: boolean;
}

const program = new Command("critics")
  .description(
    "Compare the critics for engines on the batches of one training.",
  )
  .argument("[settings...]", "settings as path=value")
  .addOption(
    new Option("--preset <name>", "settings to start from").choices(
      Object.keys(PRESETS),
    ).makeOptionMandatory(),
  )
  .option(
    "--tables",
    "run an engine of tables in this process for a policy on an engine",
    false,
  )
  .showHelpAfterError();

interface Row {
  readonly name: string;
  readonly critic: LocalCritic;
  readonly explained: number[];
  seconds: number;
}

function createRows({ estimator, rollout, seed }: TrainingConfig): Row[] {
  const { maxTurns } = rollout;
  const models = {
    linear: createLinearCritic({ maxTurns }),
    network: createNetworkCritic({ maxTurns, seed }),
  };
  return Object.entries(models).map(([name, model]) => ({
    name,
    critic: new LocalCritic(estimator, model),
    explained: [],
    seconds: 0,
  }));
}

async function main(): Promise<void> {
  program.parse(settingsFirst(Deno.args), { from: "user" });
  const { preset, tables } = program.opts<Flags>();
  await using engine = tables
    ? startTableEngine({ vocabSize: 512, listen: false })
    : undefined;
  const config = defineConfig(
    PRESETS[preset],
    engine ? { policy: { url: engine.url, baseModel: "table" } } : {},
    parseSettings(program.args),
  );
  await using training = await assembleTraining(config);
  if (config.warmStart) await training.warmUp();
  const rows = createRows(config);
  for await (const { iteration, metrics, trajectories } of training) {
    const batch = toEpisodeBatch(trajectories);
    const shown: string[] = [];
    for (const row of rows) {
      const began = performance.now();
      const { metrics: found } = await row.critic.credit(batch);
      row.seconds += (performance.now() - began) / 1000;
      row.explained.push(found["critic_explained_variance"]!);
      shown.push(
        `${row.name} ${found["critic_explained_variance"]!.toFixed(3)}`,
      );
    }
    console.log(
      `iteration ${iteration}: success ${
        metrics["success_rate"]!.toFixed(2)
      }, explained: ${shown.join(", ")}`,
    );
  }
  console.table(Object.fromEntries(rows.map((row) => [row.name, {
    "explained, mean of the last half": round(
      mean(row.explained.slice(row.explained.length >> 1)),
    ),
    "trust at the end": round(row.critic.trust),
    "seconds an iteration": round(row.seconds / row.explained.length),
  }])));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
