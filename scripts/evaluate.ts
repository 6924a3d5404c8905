/**
 * Plays a run's evaluation worlds with what it learned, and with baselines for comparison.
 *
 * ```sh
 * deno task evaluate runs/corridor-0
 * deno task evaluate runs/household-0 --baseline random expert --tasks 96
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import {
  assembleBaseline,
  assembleTraining,
  type BaselineName,
  defineConfig,
  type Evaluation,
  findCheckpoint,
  readRunConfig,
} from "../mod.ts";

interface Flags {
  readonly baseline?: readonly BaselineName[];
  readonly tasks?: number;
  readonly temperature?: number;
  readonly metrics?: readonly string[];
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
  const found: Record<string, Evaluation> = {
    [`iteration ${checkpoint.iteration}`]: await training.evaluate(),
  };
  for (const name of flags.baseline ?? []) {
    const baseline = await assembleBaseline(config, name);
    found[name] = await training.evaluate(baseline);
  }
  print(found, flags.metrics ?? []);
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
