/**
 * Plays a run's evaluation worlds with what it learned, and with baselines for comparison.
 *
 * ```sh
 * deno task evaluate runs/corridor-0
 * deno task evaluate runs/household-0 --baseline random expert --tasks 96
 * deno task evaluate runs/household-0 --alfworld data/alfworld --plays 3 --metrics success_rate turns
 * deno task evaluate runs/household-0 --alfworld data/alfworld --wording human --temperature 0
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import {
  assembleBaseline,
  assembleTraining,
  defineConfig,
  type Evaluation,
  findCheckpoint,
  readRunConfig,
  type TrainingConfig,
  type Trajectory,
} from "../mod.ts";
import {
  type BaselineName,
  PUBLISHED_ALFWORLD,
  PUBLISHED_ALFWORLD_NOTE,
  taskSuccess,
} from "../mod/studies.ts";
import { explain } from "./explain.ts";

/** Games of ALFWorld that no training may use. */
const HELD_OUT = ["valid_seen", "valid_unseen"];

interface Flags {
  readonly baseline?: readonly BaselineName[];
  readonly tasks?: number;
  readonly plays?: number;
  readonly temperature?: number;
  readonly metrics: readonly string[];
  readonly alfworld?: readonly string[];
  readonly wording?: "template" | "human";
}

const program = new Command("evaluate")
  .description("Play a run's evaluation worlds with what it learned.")
  .argument("<run>", "the run's folder")
  .addOption(
    new Option("--baseline <names...>", "who else plays the same episodes")
      .choices(["random", "expert"]),
  )
  .option("--tasks <number>", "tasks of each set", number)
  .option("--plays <number>", "episodes of each task", number)
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
    "--alfworld <folders...>",
    "play every validation game in ALFWorld's folders, instead of the run's worlds",
  )
  .addOption(
    new Option(
      "--wording <kind>",
      "who words ALFWorld's tasks: the game, or the first person who described the task",
    ).choices(["template", "human"]),
  )
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const directory = program.args[0]!;
  const flags = program.opts<Flags>();
  const config = withFlags(await readRunConfig(directory), flags);
  if (Object.keys(config.evaluation.sets).length === 0) {
    throw new Error(
      `Cannot evaluate as "evaluation.sets" of the run must name worlds: none in "${directory}/config.json"`,
    );
  }
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
  print(found, flags.metrics);
  printKinds(found, isAlfworld(config));
}

/** The run's settings with what the flags say of its evaluation. */
function withFlags(run: TrainingConfig, flags: Flags): TrainingConfig {
  const { tasks, plays, temperature, alfworld, wording } = flags;
  if (wording !== undefined && alfworld === undefined) {
    throw new TypeError(
      'Cannot choose the wording as "--alfworld" must name the games: it is absent',
    );
  }
  const evaluation = {
    ...(tasks === undefined ? {} : { tasks }),
    ...(plays === undefined ? {} : { groupSize: plays }),
    ...(temperature === undefined ? {} : { temperature }),
  };
  if (alfworld === undefined) return defineConfig(run, { evaluation });
  const settings = wording === undefined ? {} : { settings: { wording } };
  const sets = HELD_OUT.map((split) => [split, [
    { dataset: "alfworld", directory: alfworld, split, ...settings },
  ]]);
  const none = Object.keys(run.evaluation.sets).map((name) => [name, null]);
  return defineConfig(run, { evaluation: { sets: Object.fromEntries(none) } }, {
    evaluation: {
      ...(tasks === undefined && { tasks: "every", balanceBy: null }),
      maxTurns: 50, // as everyone has
      ...evaluation,
      sets: Object.fromEntries(sets),
    },
  });
}

function isAlfworld({ evaluation }: TrainingConfig): boolean {
  const worlds = Object.values(evaluation.sets).flat();
  return worlds.length > 0 &&
    worlds.every((world) => world.dataset === "alfworld");
}

/** Success by kind of task; beside published results where the games are ALFWorld's. */
function printKinds(
  found: Readonly<Record<string, Evaluation>>,
  alfworld: boolean,
): void {
  const players: Record<string, Trajectory[]> = {};
  for (const [player, { trajectories }] of Object.entries(found)) {
    for (const episode of trajectories) {
      if (episode.taskType === undefined) continue;
      (players[`${player}, ${episode.id.split("/")[0]}`] ??= []).push(episode);
    }
  }
  if (Object.keys(players).length === 0) return;
  console.log("\nsuccess by kind of task [95 % interval over games]");
  const success = taskSuccess(players);
  const [, ...kinds] = success.columnNames();
  const rows = success.objects() as Record<string, string>[];
  // A terminal has more room for kinds one below the other.
  console.table(Object.fromEntries(kinds.map((kind) => [
    kind,
    Object.fromEntries(rows.map((row) => [row.player, row[kind]])),
  ])));
  if (!alfworld) return;
  console.log(`\n${PUBLISHED_ALFWORLD_NOTE}`);
  for (const { player, success, source } of PUBLISHED_ALFWORLD) {
    console.log(`  ${success.padEnd(14)}${player} (${source})`);
  }
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
  console.error(explain(error));
  Deno.exit(1);
}
