/**
 * Makes a panel: a file of episodes, with a hash of every start, that evaluations on other machines can play too.
 *
 * ```sh
 * deno task panel --preset household --sets unseen --tasks 120 --name household --out panels/household.json
 * deno task panel --preset alfworld --alfworld data/alfworld --name alfworld --out panels/alfworld.json
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { createRandom, PRESETS } from "../mod.ts";
import {
  checkWritable,
  evaluationSets,
  makePanel,
  scheduleEvaluation,
  writePanel,
} from "../mod/studies.ts";
import { configOf, type Flags as EvaluateFlags } from "./evaluate/request.ts";
import { explain } from "./explain.ts";
import { settingsFirst } from "./settings_first.ts";

interface Flags extends Omit<EvaluateFlags, "metrics"> {
  readonly sets?: readonly string[];
  readonly name: string;
  readonly about?: string;
  readonly out: string;
}

const program = new Command("panel")
  .description(
    "Write the evaluation episodes of a preset or a run as a panel that other machines can play.",
  )
  .argument("[words...]", "a run's folder, and settings as path=value")
  .addOption(
    new Option("--preset <name>", "whose evaluation sets")
      .choices(Object.keys(PRESETS)),
  )
  .option("--sets <names...>", "sets to take (default: all)")
  .option("--tasks <number>", "tasks of each set", count)
  .option("--plays <number>", "episodes of each task", count)
  .option("--alfworld <folders...>", "ALFWorld's validation games, from here")
  .requiredOption("--name <name>", "the panel's name")
  .option("--about <text>", "what the panel is", "")
  .requiredOption("--out <file>", "the panel's file")
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(settingsFirst(Deno.args), { from: "user" });
  const flags = program.opts<Flags>();
  await checkWritable(flags.out);
  const { config } = await configOf(program.args, flags);
  const sets = await evaluationSets(config);
  const names = flags.sets ?? Object.keys(sets);
  const unknown = names.find((name) => !(name in sets));
  if (unknown !== undefined) {
    throw new RangeError(
      `Cannot make a panel as "--sets" must be among ${
        Object.keys(sets).join(", ")
      }: current value is "${unknown}"`,
    );
  }
  const { every: _, sets: __, temperature: ___, ...options } =
    config.evaluation;
  const schedule = scheduleEvaluation(
    Object.fromEntries(names.map((name) => [name, sets[name]!])),
    { ...options, random: createRandom(config.seed).fork("panel") },
  );
  const panel = await makePanel(schedule, {
    name: flags.name,
    about: flags.about ?? "",
    ...(flags.alfworld && { alfworld: flags.alfworld }),
  });
  await writePanel(flags.out, panel);
  console.log(
    `${flags.out}: ${panel.episodes.length} episodes, SHA-256 ${panel.hash}`,
  );
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("must be a positive whole number");
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
