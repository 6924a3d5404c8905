/**
 * Compares the critics for engines on the same batches: what each explains of returns that it has not seen, beyond the
 * baseline of the group, and how far it would be trusted.
 *
 * The batches are those of one training, with whatever policy its settings name, or of the worlds' expert who errs; the
 * critics only look on.
 *
 * ```sh
 * deno task critics --preset household-easy --expert 0.4 rollout.tasks=12 rollout.groupSize=4 iterations=8
 * deno task critics --preset household-easy rollout.groupSize=4 iterations=12
 * deno task critics --preset corridor-tinker --tables policy.maxReplyTokens=24 iterations=12
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import {
  assembleTraining,
  collectTrajectories,
  createEnvOpener,
  createRandom,
  defineConfig,
  type EnvSpec,
  type EpisodeBatch,
  expertPolicy,
  parseSettings,
  PRESETS,
  scheduleEpisodes,
  toEpisodeBatch,
  type TrainingConfig,
  withHints,
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
  readonly expert?: number;
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
  .option(
    "--expert <rate>",
    "play with the worlds' expert, and a random action at this share of turns, instead of training",
    rate,
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
  const { preset, tables, expert } = program.opts<Flags>();
  await using engine = tables
    ? startTableEngine({ vocabSize: 512, listen: false })
    : undefined;
  const config = defineConfig(
    PRESETS[preset],
    engine ? { policy: { url: engine.url, baseModel: "table" } } : {},
    parseSettings(program.args),
  );
  const rows = createRows(config);
  const batches = expert === undefined
    ? trainedBatches(config)
    : expertBatches(config, expert);
  let iteration = 0;
  for await (const batch of batches) {
    const won = batch.episodes.filter(({ success }) => success).length;
    const shown: string[] = [];
    for (const row of rows) {
      const began = performance.now();
      const { metrics } = await row.critic.credit(batch);
      row.seconds += (performance.now() - began) / 1000;
      const explained = metrics["critic_explained_variance"]!;
      row.explained.push(explained);
      shown.push(`${row.name} ${explained.toFixed(3)}`);
    }
    const success = (won / batch.episodes.length).toFixed(2);
    console.log(
      `iteration ${iteration++}: success ${success}, explained: ${
        shown.join(", ")
      }`,
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

/** Batches of a training, as its policy learns. */
async function* trainedBatches(
  config: TrainingConfig,
): AsyncGenerator<EpisodeBatch> {
  await using training = await assembleTraining(config);
  if (config.warmStart) await training.warmUp();
  for await (const { trajectories } of training) {
    yield toEpisodeBatch(trajectories);
  }
}

/** Batches of the expert, who takes a random action at some share of turns. */
async function* expertBatches(
  { seed, iterations, worlds, rollout }: TrainingConfig,
  slips: number,
): AsyncGenerator<EpisodeBatch> {
  await using opener = createEnvOpener();
  const policy = expertPolicy(({ observation, subgoal }, random) => {
    const { hint, admissibleActions: actions } = observation;
    const draw = random.fork("slip");
    if (hint && draw.uniform() >= slips) return hint;
    return {
      subgoal: subgoal ?? hint?.subgoal ?? "",
      action: actions[draw.integer(actions.length)]!,
    };
  });
  const { workers: _, ...schedule } = rollout;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const assignments = scheduleEpisodes(worlds as readonly EnvSpec[], {
      ...schedule,
      random: createRandom(seed).fork("critics", iteration),
    });
    yield toEpisodeBatch(
      await collectTrajectories(policy, assignments, {
        open: withHints(opener),
        bootstrap: false,
      }),
    );
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

function rate(text: string): number {
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("must be a number in [0, 1]");
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
