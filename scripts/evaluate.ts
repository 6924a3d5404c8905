/**
 * Plays evaluation worlds with what a run learned, or with a policy that has not learned, and with baselines.
 *
 * ```sh
 * deno task evaluate runs/corridor-0
 * deno task evaluate runs/household-0 --baseline random expert untrained --tasks 96 --out runs/results.json
 * deno task evaluate runs/household-0 --intervene other random freeze
 * deno task evaluate --preset household evaluation.tasks=60 seed=3
 * deno task evaluate --model models/smollm2-135m --preset household --report runs/replies.md
 * deno task evaluate runs/household-0 --panel panels/household.json --out runs/results.json
 * deno task evaluate runs/household-0 --alfworld data/alfworld --plays 3 --metrics success_rate turns
 * deno task evaluate runs/household-0 --alfworld data/alfworld --wording human --temperature 0
 * deno task evaluate --preset household --url http://127.0.0.1:8001/v1 --served-model Qwen/Qwen3-1.7B
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import {
  assembleTraining,
  describeEnvironment,
  type Evaluation,
  PRESETS,
} from "../mod.ts";
import { INTERVENTIONS } from "../mod/plans.ts";
import { checkWritable, playerResults, writeResults } from "../mod/studies.ts";
import { explain } from "./explain.ts";
import { playAll } from "./evaluate/players.ts";
import { type Flags, readRequest } from "./evaluate/request.ts";
import { replyReport } from "./evaluate/reply_report.ts";
import {
  isAlfworld,
  printKinds,
  printMetrics,
  printSuccess,
} from "./evaluate/tables.ts";
import { printUsage, usageOf } from "./evaluate/served.ts";
import { settingsFirst } from "./settings_first.ts";

const program = new Command("evaluate")
  .description(
    "Play evaluation worlds with what a run learned, or without a run.",
  )
  .argument(
    "[words...]",
    "a run's folder, and settings that win over its own, as path=value",
  )
  .addOption(
    new Option(
      "--preset <name>",
      "settings to play with instead of a run's; the policy has not learned",
    ).choices(Object.keys(PRESETS)),
  )
  .option(
    "--model <place>",
    "folder, GGUF file or hub name of a published model that plays a preset's worlds as it is",
  )
  .option(
    "--report <file>",
    "write a language model's prompts, replies and what the parser made of them, as Markdown",
  )
  .addOption(
    new Option("--baseline <names...>", "who else plays the same episodes")
      .choices(["random", "expert", "untrained"]),
  )
  .option(
    "--panel <file>",
    "play a panel's episodes; a world that starts otherwise than it says is refused",
  )
  .addOption(
    new Option(
      "--intervene <names...>",
      "play the same episodes with other subgoals at the policy's switches: those of another game, uniform draws from what is proposed, or the first for good",
    ).choices(INTERVENTIONS),
  )
  .option(
    "--url <address>",
    "let a model play that is on an OpenAI-compatible server, such as http://127.0.0.1:8001/v1",
  )
  .option("--served-model <name>", "the model, by the server's name")
  .option("--out <file>", "write every episode's result as JSON")
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
    [
      "success_rate",
      "score",
      "turns",
      "segment_length",
      "served_rate",
      "achieved_rate",
      "valid_rate",
    ],
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
  program.parse(settingsFirst(Deno.args), { from: "user" });
  const flags = program.opts<Flags>();
  if (flags.out !== undefined) await checkWritable(flags.out);
  if (flags.report !== undefined) await checkWritable(flags.report);
  const request = await readRequest(program.args, flags);
  const { config, checkpoint, source, panel } = request;
  await using training = await assembleTraining(config);
  if (checkpoint) await training.load(checkpoint.directory);
  const found: Record<string, Evaluation> = {};
  for await (const [name, evaluation] of playAll(request, training, flags)) {
    found[name] = evaluation;
  }
  printMetrics(found, flags.metrics);
  printSuccess(found);
  printKinds(found, isAlfworld(config));
  if (flags.report !== undefined) {
    const [name, played] = Object.entries(found)[0]!;
    const report = replyReport(
      flags.model ?? name,
      played,
      training.policy,
    );
    await Deno.writeTextFile(flags.report, report);
    console.log(report.slice(0, report.indexOf("\n\n##")));
    console.log(`wrote ${flags.report}`);
  }
  const served = usageOf(training);
  if (served) printUsage(served);
  if (flags.out === undefined) return;
  const environment = {
    ...describeEnvironment(training.backend),
    ...(served && { served }),
  };
  const players = Object.entries(found)
    .map(([name, evaluation]) => playerResults(name, evaluation));
  await writeResults(flags.out, {
    source,
    ...(panel && { panel }),
    settings: config,
    environment,
    players,
  });
  console.log(`\nwrote ${flags.out}`);
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
