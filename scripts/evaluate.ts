/**
 * Plays a run's evaluation worlds with what it learned, and with baselines for comparison.
 *
 * ```sh
 * deno task evaluate runs/corridor-0
 * deno task evaluate runs/household-0 --baseline random expert --tasks 96
 * deno task evaluate runs/household-0 --alfworld data/alfworld --metrics success_rate turns
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import {
  assembleBaseline,
  assembleTraining,
  type BaselineName,
  collectTrajectories,
  createRandom,
  defineConfig,
  type Evaluation,
  findCheckpoint,
  listEnvs,
  prefixed,
  readRunConfig,
  scheduleEvery,
  summarizeTrajectories,
  type Training,
} from "../mod.ts";

/** Games of ALFWorld that no training may use. */
const HELD_OUT = ["valid_seen", "valid_unseen"];

interface Flags {
  readonly baseline?: readonly BaselineName[];
  readonly tasks?: number;
  readonly temperature?: number;
  readonly metrics?: readonly string[];
  readonly alfworld?: string;
}

const program = new Command("evaluate")
  .description("Play a run's evaluation worlds with what it learned.")
  .argument("<run>", "the run's folder")
  .addOption(
    new Option("--baseline <names...>", "who else plays the same episodes")
      .choices(["random", "expert"]),
  )
  .option("--tasks <number>", "tasks of each set", number)
  .option(
    "--temperature <number>",
    "of the policy; 0 takes the likeliest",
    number,
  )
  .option(
    "--metrics <names...>",
    "which metrics to print",
    ["success_rate", "score", "turns", "segment_length", "valid_rate"],
  )
  .option(
    "--alfworld <folder>",
    "play every validation game in ALFWorld's folder once, instead of the run's worlds",
  )
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const directory = program.args[0]!;
  const flags = program.opts<Flags>();
  const { tasks, temperature } = flags;
  const config = defineConfig(await readRunConfig(directory), {
    evaluation: {
      ...(tasks === undefined ? {} : { tasks }),
      ...(temperature === undefined ? {} : { temperature }),
    },
  });
  const { checkpoint, passedOver } = await findCheckpoint(
    `${directory}/checkpoints`,
  );
  for (const { message } of passedOver) console.warn(message);
  if (!checkpoint) {
    throw new Error(
      `Cannot evaluate as the run must have a checkpoint: none in "${directory}"`,
    );
  }
  await using training = await assembleTraining(config);
  await training.load(checkpoint.directory);
  const player = `iteration ${checkpoint.iteration}`;
  if (flags.alfworld !== undefined) {
    return print(
      { [player]: await playAlfworld(training, flags.alfworld) },
      flags.metrics ?? [],
    );
  }
  const found: Record<string, Evaluation> = {
    [player]: await training.evaluate(),
  };
  for (const name of flags.baseline ?? []) {
    const baseline = await assembleBaseline(config, name);
    found[name] = await training.evaluate(baseline);
  }
  print(found, flags.metrics ?? []);
}

/** Plays every held-out game of ALFWorld once, with 50 turns as everyone has. */
async function playAlfworld(
  training: Training,
  directory: string,
): Promise<Evaluation> {
  const { policy, config } = training;
  const metrics: Record<string, number> = {};
  const trajectories = [];
  for (const split of HELD_OUT) {
    const specs = await listEnvs({ dataset: "alfworld", directory, split });
    const random = createRandom(config.seed).fork("alfworld", split);
    const episodes = scheduleEvery(specs, { random, maxTurns: 50 });
    const played = await collectTrajectories(policy, episodes);
    Object.assign(metrics, prefixed(split, summarizeTrajectories(played)));
    trajectories.push(...played);
  }
  return { metrics, trajectories };
}

function print(
  found: Readonly<Record<string, Evaluation>>,
  wanted: readonly string[],
): void {
  const rows: Record<string, Record<string, number>> = {};
  for (const [player, { metrics }] of Object.entries(found)) {
    for (const [name, value] of Object.entries(metrics)) {
      const slash = name.indexOf("/");
      const metric = name.slice(slash + 1);
      if (!wanted.includes(metric)) continue;
      const row = rows[`${player}, ${name.slice(0, slash)}`] ??= {};
      row[metric] = Number(value.toFixed(3));
    }
  }
  if (Object.keys(rows).length === 0) {
    const names = Object.values(found).flatMap(({ metrics }) =>
      Object.keys(metrics).map((name) => name.slice(name.indexOf("/") + 1))
    );
    throw new RangeError(
      `Cannot print metrics as "--metrics" must be among ${
        [...new Set(names)].join(", ")
      }: current value is ${wanted.join(", ")}`,
    );
  }
  console.table(rows);
}

function number(text: string): number {
  const value = Number(text);
  if (value >= 0) return value;
  throw new InvalidArgumentError("must be a number, not negative");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
