/**
 * Trains a policy and records it in a run folder.
 *
 * ```sh
 * deno task train --preset corridor
 * deno task train --preset household --minutes 30 --out runs/house seed=3 estimator.gamma=0.99
 * deno task train --preset alfworld --data data/alfworld tasks.jsonl --splits valid_train
 * deno task train --resume --out runs/house
 * deno task train --preset household --settings learning rate
 * ```
 *
 * @module
 */

import cliProgress from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type AssembleOptions,
  assembleTraining,
  defineConfig,
  describeEnvironment,
  describeSettings,
  type ImitationProgress,
  type IterationRecord,
  type Json,
  mergeSettings,
  openRun,
  parseSettings,
  PRESETS,
  readRunConfig,
  recordTraining,
  type Run,
  type Training,
  type TrainingConfig,
} from "../mod.ts";
import { ALFWORLD_SPLITS } from "../mod/household.ts";
import {
  METHOD_NAMES,
  type MethodName,
  methodSettings,
  readJson,
  renameSettings,
} from "../mod/studies.ts";
import { explain } from "./explain.ts";
import { listSettings } from "./list_settings.ts";
import { settingsFirst } from "./settings_first.ts";
import { stopOnSignals } from "./stop_signals.ts";

interface Flags {
  readonly preset: keyof typeof PRESETS;
  readonly method?: MethodName;
  readonly config?: string;
  readonly data?: readonly string[];
  readonly splits?: readonly string[];
  readonly out?: string;
  readonly resume?: true;
  readonly minutes?: number;
  readonly settings?: true | readonly string[];
}

const ABOUT_SETTINGS = `
Every setting is typed as path=value, and taken back by path=null:
  deno task train --preset household seed=3 update.learningRate=0.001
  deno task train --preset household --settings          every setting in force
  deno task train --preset household --settings kl       those about the KL divergence
  deno task train policy.name=language --settings        those of another policy
`;

const ABOUT_ALFWORLD = `
ALFWorld (--preset alfworld) trains on the games in the splits train and valid_train,
and evaluates on every game of valid_seen and valid_unseen. They are not part of this
project. Its own installer fetches them:
  pip install alfworld && alfworld-download
which leaves json_2.1.1/<split>/<task>/<trial>/game.tw-pddl in $ALFWORLD_DATA, or in
~/.cache/alfworld, where the games are found without more words. Elsewhere, --data names
the folder, with or without the json_2.1.1. A split may be spread over folders:
  deno task train --preset alfworld --data data/alfworld data/more
With some of the splits only, --splits names those to learn in:
  deno task train --preset alfworld --splits valid_train
ALFRED's recorded tasks make further training games. A file with one task a line is read
as it is; a folder of traj_data.json files is first made into one, or into game files:
  deno task train --preset alfworld --data data/alfworld tasks.jsonl --splits valid_train
  deno task import-alfred <file or folder> --out data/alfred`;

const program = new Command("train")
  .description("Train a policy; everything it does is kept in a run's folder.")
  .argument(
    "[settings...]",
    "settings that win over preset and file, as path=value; see --settings",
  )
  .addOption(
    new Option("--preset <name>", "settings to start from")
      .choices(Object.keys(PRESETS)).default("household"),
  )
  .addOption(
    new Option(
      "--method <name>",
      "published method that the preset's world and policy are trained by, at as many episodes",
    ).choices(METHOD_NAMES),
  )
  .option("--config <file>", "JSON file of settings that win over the preset")
  .option(
    "--data <paths...>",
    "folders of ALFWorld's games, files of ALFRED's tasks (default: $ALFWORLD_DATA, data/alfworld or ~/.cache/alfworld)",
  )
  .addOption(
    new Option(
      "--splits <names...>",
      "splits of ALFWorld to learn in (default: train valid_train)",
    ).choices(ALFWORLD_SPLITS.filter((name) => name.includes("train"))),
  )
  .option(
    "--out <folder>",
    "the run's folder (default: runs/<preset>[-<method>]-<seed>)",
  )
  .option("--resume", "go on with the run in --out, with its own settings")
  .option("--minutes <number>", "stop after this time and save", minutes)
  .option(
    "--settings [words...]",
    "list every setting with its kind, default and value, or those with these words",
  )
  .addHelpText("after", ABOUT_SETTINGS + ABOUT_ALFWORLD)
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(settingsFirst(Deno.args), { from: "user" });
  const flags = program.opts<Flags>();
  if (flags.settings !== undefined) {
    return await showSettings(flags, program.args);
  }
  const { config, directory } = await readConfig(flags, program.args);
  if (config.policy.name === "openai") {
    throw new TypeError(
      'Cannot train as "policy.name" must name a policy that learns: current value is "openai", which deno task evaluate judges',
    );
  }
  // The first Ctrl-C (or SIGTERM) stops at the next decision, layer or minibatch, saves and ends: the iteration under
  // way is played again by the run that goes on. A second one kills, as everywhere.
  using stop = stopOnSignals(() =>
    console.error("\nstopping and saving; once more ends at once")
  );
  const line = progressLine(config.iterations);
  await using training = await assembleTraining(config, {
    signal: stop.signal,
    onNotice: (message) => console.warn(message),
    ...(line.live && { onProgress: line.showProgress }),
  });
  await using run = await openRun(directory, config, {
    resume: flags.resume === true,
    environment: describeEnvironment(training.backend),
  });
  announce(run, training);
  const { signal } = stop;
  await train(training, run, { signal, line, minutes: flags.minutes });
  if (!signal.aborted) await evaluateUnlessStopped(training, run, signal);
}

/** Settings and folder; a resumed run has its own settings. */
async function readConfig(
  flags: Flags,
  words: readonly string[],
): Promise<{ config: TrainingConfig; directory: string }> {
  const { preset, file, typed } = await readParts(flags, words);
  const configFrom = (before: object) => {
    try {
      return defineConfig(before, file, typed);
    } catch (error) {
      if (flags.config === undefined || !(error instanceof Error)) throw error;
      defineConfig(before, typed); // throws too where the file is not the reason
      throw new TypeError(`${error.message} (in "${flags.config}")`);
    }
  };
  checkPreset(flags.preset, () => configFrom(preset));
  const name = [flags.preset, ...(flags.method ? [flags.method] : [])];
  const directory = flags.out ??
    `runs/${name.join("-")}-${configFrom(preset).seed}`;
  const before = flags.resume ? await readRunConfig(directory) : preset;
  return { config: configFrom(before), directory };
}

/** The authors' settings suit no policy but a language model. */
function checkPreset(preset: string, config: () => TrainingConfig): void {
  if (!preset.startsWith("hiper-")) return;
  const { name } = config().policy;
  if (name !== "compact") return;
  throw new TypeError(
    `Cannot train by preset "${preset}" as "policy.name" must be that of a language model, which its step size is for: current value is "${name}"`,
  );
}

/** Settings of the preset, of the file and of the command line; older names are noted. */
async function readParts(flags: Flags, words: readonly string[]) {
  const given = flags.config === undefined
    ? {}
    : await readSettingsFile(flags.config);
  const preset = withData(PRESETS[flags.preset], flags);
  const base: Json = JSON.parse(JSON.stringify(preset));
  const file = renameSettings(given, base);
  const typed = renameSettings(
    parseSettings(words),
    mergeSettings(base, file.settings),
  );
  for (const note of [...file.notes, ...typed.notes]) {
    console.warn(`note: ${note}`);
  }
  const world = [file.settings, typed.settings].reduce(mergeSettings, base);
  const method = flags.method &&
    methodSettings(flags.method, world as typeof preset);
  return {
    preset: method
      ? mergeSettings(base, JSON.parse(JSON.stringify(method))) as typeof preset
      : preset,
    file: file.settings as object,
    typed: typed.settings as object,
  };
}

/** Prints the settings of what would be trained. */
async function showSettings(
  flags: Flags,
  args: readonly string[],
): Promise<void> {
  const words = flags.settings === true ? [] : flags.settings ?? [];
  const isTyped = (word: string) => word.includes("=");
  const { preset, file, typed } = await readParts(
    flags,
    [...args, ...words.filter(isTyped)],
  );
  const settings = describeSettings(preset, file, typed);
  console.log(
    listSettings(settings, words.filter((word) => !isTyped(word))),
  );
}

async function readSettingsFile(path: string): Promise<Json & object> {
  const cannot = `Cannot read settings as "${path}" must`;
  const settings = await readJson(path) as Json;
  if (typeof settings === "object" && settings && !Array.isArray(settings)) {
    return settings;
  }
  throw new TypeError(
    `${cannot} hold an object: current value is ${JSON.stringify(settings)}`,
  );
}

/** The same settings, with ALFWorld's games from other places, and other splits to learn in. */
function withData(
  preset: typeof PRESETS[keyof typeof PRESETS],
  { data, splits }: Flags,
): typeof preset {
  const recordings = data?.filter(isRecording) ?? [];
  const folders = data?.filter((path) => !isRecording(path)) ?? [];
  const moved = JSON.parse(
    JSON.stringify(preset),
    (_, value) =>
      folders.length > 0 && value?.dataset === "alfworld"
        ? { ...value, directory: folders }
        : value,
  );
  if (!moved.worlds.some(isAlfworld)) {
    if (data === undefined && splits === undefined) return preset;
    throw new TypeError(
      'Cannot read "--data" and "--splits" as the preset must be one that plays ALFWorld',
    );
  }
  const worlds = moved.worlds.map((world: World) =>
    splits !== undefined && isAlfworld(world)
      ? { ...world, split: splits }
      : world
  );
  const recorded = recordings.map((path) => ({ dataset: "alfred", path }));
  return { ...moved, worlds: [...recorded, ...worlds] };
}

interface World {
  readonly dataset?: string;
}

function isAlfworld({ dataset }: World): boolean {
  return dataset === "alfworld";
}

/** Whether a path is that of ALFRED's recorded tasks, one a line. */
function isRecording(path: string): boolean {
  return path.endsWith(".jsonl");
}

function announce(run: Run, { config, backend, worlds }: Training): void {
  for (const { message } of run.passedOver) {
    console.warn(
      `${message}; goes on from iteration ${run.checkpoint?.iteration ?? 0}`,
    );
  }
  const [skipped, ...others] = worlds.skipped;
  if (skipped !== undefined) {
    console.warn(
      `${others.length + 1} damaged ${
        others.length === 0 ? "file was" : "files were"
      } skipped, ${others.length === 0 ? "" : "the first "}${skipped}`,
    );
  }
  const from = run.checkpoint?.iteration ?? 0;
  console.log(
    `${run.directory}: iterations ${from} to ${config.iterations}, ${config.estimator.name}, seed ${config.seed}`,
  );
  if (backend) console.log(`backend ${backend.reason}`);
  const sets = Object.entries(worlds.evaluation)
    .map(([name, count]) => `${name} (${count})`).join(", ");
  console.log(
    `learns in ${worlds.learning} ${
      worlds.learning === 1 ? "world" : "worlds"
    }, is evaluated on ${sets || "none"}`,
  );
}

async function train(
  training: Training,
  run: Run,
  options: {
    signal: AbortSignal;
    line: ReturnType<typeof progressLine>;
    minutes: number | undefined;
  },
): Promise<void> {
  const { signal, line, minutes = Infinity } = options;
  line.start(run.checkpoint?.iteration ?? 0);
  try {
    for await (
      const record of recordTraining(training, run, {
        ...{ signal, minutes },
        onPass: line.showPass,
      })
    ) {
      line.show(record);
    }
  } finally {
    line.end();
  }
}

/** How far an iteration is. */
type Progress = Parameters<NonNullable<AssembleOptions["onProgress"]>>[0];

/** A live line in a terminal, one line for each iteration elsewhere. */
function progressLine(iterations: number) {
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value}/{total} | {words} | {eta_formatted} left",
    barsize: 20,
    hideCursor: true,
    clearOnComplete: false,
    etaBuffer: 20,
  }, cliProgress.Presets.shades_classic);
  const live = Deno.stderr.isTerminal();
  let last = "";
  return {
    live,
    start(done: number) {
      if (live) bar.start(iterations, done, { words: "" });
    },
    /** Within an iteration, in a terminal alone. */
    showProgress({ stage, done, total, tokens, seconds }: Progress) {
      const what = stage === "playing" ? "episodes played" : "turns learned";
      const rate = Math.round(tokens / Math.max(seconds, 1e-3));
      const words = `${done}/${total} ${what}, ${rate} tokens/s`;
      bar.update({ words: last === "" ? words : `${words} | ${last}` });
    },
    showPass({ passes, of, logProb }: ImitationProgress) {
      const words = `imitated ${passes}/${of} passes, ` +
        `log-probability ${logProb.toFixed(3)}`;
      if (live) bar.update({ words });
      else console.log(words);
    },
    show(record: IterationRecord) {
      const words = last = describe(record);
      if (live) bar.update(record.iteration + 1, { words });
      else console.log(`${record.iteration + 1}/${iterations} ${words}`);
    },
    end() {
      if (live) bar.stop();
    },
  };
}

function describe({ metrics, timing }: IterationRecord): string {
  const seconds = Object.entries(timing)
    .reduce((sum, [name, lap]) => name.includes("/") ? sum : sum + lap, 0);
  const turns = metrics.turns! * metrics.episodes!;
  return [
    `success ${percent(metrics.success_rate)}`,
    `return ${metrics.return?.toFixed(2)}`,
    `${metrics.turns?.toFixed(1)} turns`,
    `KL ${metrics.approximate_kl?.toFixed(4) ?? "-"}`,
    `${Math.round(turns / seconds)} turns/s`,
    ...evaluated(metrics),
  ].join(", ");
}

/** Success on the evaluation sets, if they were just played. */
function evaluated(metrics: Readonly<Record<string, number>>): string[] {
  return Object.entries(metrics).flatMap(([name, value]) =>
    name !== "success_rate" && name.endsWith("/success_rate")
      ? [`${name.replace("/success_rate", "")} ${percent(value)}`]
      : []
  );
}

/** Evaluates a run that has done its iterations; a run that is stopped here has saved them. */
async function evaluateUnlessStopped(
  training: Training,
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  try {
    await evaluateRun(training, run);
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
}

async function evaluateRun(training: Training, run: Run): Promise<void> {
  const evaluation = await training.evaluate();
  await run.writeEvaluation(evaluation);
  for (const words of evaluated(evaluation.metrics)) {
    console.log(`success on ${words}`);
  }
}

function percent(share: number | undefined): string {
  return share === undefined ? "-" : `${(100 * share).toFixed(0)} %`;
}

function minutes(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("must be a positive number");
}

try {
  await main();
} catch (error) {
  const message = explain(error);
  console.error(message);
  if (message.startsWith("Cannot list alfworld")) {
    console.error("deno task train --help says where its games come from");
  }
  if (message.startsWith("Cannot read config")) {
    console.error(
      "deno task train --settings lists every setting; --settings <word> searches among them",
    );
  }
  Deno.exit(1);
}
