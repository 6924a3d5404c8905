/**
 * What an evaluation is asked for: settings of a run, a preset or the command line, and how to play.
 *
 * @module
 */

import {
  defineConfig,
  findCheckpoint,
  parseSettings,
  type PartialDeep,
  PRESETS,
  readRunConfig,
  type TrainingConfig,
} from "../../mod.ts";
import {
  type BaselineName,
  type EvaluationSchedule,
  readPanel,
  renameSettings,
  schedulePanel,
} from "../../mod/studies.ts";
import type { InterventionName } from "../../mod/plans.ts";
import { type ServedFlags, withServed } from "./served.ts";
import { isSetting } from "../settings_first.ts";
import { modelSettings } from "./model.ts";

/** Who may play the same episodes beside the policy. */
export type OtherPlayer = BaselineName | "untrained";

/** Options of the command line. */
export interface Flags extends ServedFlags {
  readonly preset?: keyof typeof PRESETS;
  /** A published model in the place of the preset's policy. */
  readonly model?: string;
  /** File that gets prompts, replies and what the parser made of them. */
  readonly report?: string;
  readonly baseline?: readonly OtherPlayer[];
  /** Interventions on the plan. */
  readonly intervene?: readonly InterventionName[];
  readonly tasks?: number;
  readonly plays?: number;
  readonly temperature?: number;
  readonly metrics: readonly string[];
  readonly alfworld?: readonly string[];
  readonly wording?: "template" | "human";
  readonly panel?: string;
  readonly out?: string;
}

/** What is evaluated. */
export interface Request {
  readonly config: TrainingConfig;
  /** Folder of weights, and how many iterations they have learned; absent for a policy that has not learned. */
  readonly checkpoint?: {
    readonly directory: string;
    readonly iteration: number;
  };
  /** Where the policy came from, for the result file. */
  readonly source: Readonly<Record<string, unknown>>;
  /** The panel that is played instead of the evaluation sets. */
  readonly panel?: { readonly name: string; readonly hash: string };
  /** Its episodes. */
  readonly schedule?: EvaluationSchedule;
}

/** Games of ALFWorld that no training may use. */
const HELD_OUT = ["valid_seen", "valid_unseen"];

/**
 * Reads settings and finds weights.
 *
 * @throws {TypeError} If neither run, preset nor panel is given, or run and preset.
 * @throws {Error} If the run has no checkpoint, or no worlds to evaluate in.
 */
export async function readRequest(
  words: readonly string[],
  flags: Flags,
): Promise<Request> {
  if (flags.panel !== undefined) return await readPanelRequest(words, flags);
  const { config, run } = await configOf(words, flags);
  if (Object.keys(config.evaluation.sets).length === 0) {
    throw new Error(
      `Cannot evaluate as "evaluation.sets" must name worlds: none in ${
        run === undefined ? `preset "${flags.preset}"` : `"${run}/config.json"`
      }`,
    );
  }
  return { config, ...await weightsOf(run, flags) };
}

/** The request for a panel's episodes; without run or preset, its worlds are those of the policy. */
async function readPanelRequest(
  words: readonly string[],
  flags: Flags,
): Promise<Request> {
  const { panel: path, tasks, plays, wording, alfworld } = flags;
  for (const [name, value] of Object.entries({ tasks, plays, wording })) {
    if (value === undefined) continue;
    throw new TypeError(
      `Cannot evaluate on a panel as it says which episodes are played: "--${name}" must be absent`,
    );
  }
  const panel = await readPanel(path!);
  const schedule = await schedulePanel(panel, alfworld && { alfworld });
  const [first] = Object.values(schedule).flat();
  const { config, run } = await configOf(words, {
    ...(flags.preset && { preset: flags.preset }),
    ...(flags.temperature !== undefined && { temperature: flags.temperature }),
    ...(flags.url !== undefined && { url: flags.url }),
    ...(flags.servedModel !== undefined && { servedModel: flags.servedModel }),
  }, { worlds: [first!.spec] });
  const { name, hash } = panel;
  return {
    config,
    ...await weightsOf(run, flags),
    panel: { name, hash },
    schedule,
  };
}

async function weightsOf(
  run: string | undefined,
  { preset, url, servedModel, model }: Flags,
): Promise<Pick<Request, "checkpoint" | "source">> {
  if (servedModel !== undefined) {
    return { source: { url, servedModel, ...(preset && { preset }) } };
  }
  if (run === undefined) {
    return {
      source: {
        ...(preset !== undefined && { preset }),
        ...(model !== undefined && { model }),
      },
    };
  }
  const checkpoint = await newestCheckpoint(run);
  const { iteration } = checkpoint;
  return { checkpoint, source: { run, iteration } };
}

/**
 * Reads the settings of a run or a preset, with those of the command line and what the flags say.
 *
 * @param otherwise Settings where neither is given; without them that is an error.
 * @returns The settings, and the run's folder.
 */
export async function configOf(
  words: readonly string[],
  flags: Omit<Flags, "metrics">,
  otherwise?: PartialDeep<TrainingConfig>,
): Promise<{ config: TrainingConfig; run?: string }> {
  const [run, ...others] = words.filter((word) => !isSetting(word));
  const sources = [run, flags.preset].filter((one) => one !== undefined);
  if (
    others.length > 0 || sources.length > 1 ||
    (sources.length === 0 && otherwise === undefined)
  ) {
    throw new TypeError(
      `Cannot evaluate as there must be one run's folder, or "--preset" instead: current value is ${
        JSON.stringify([...sources, ...others])
      }`,
    );
  }
  if (flags.model !== undefined && flags.preset === undefined) {
    throw new TypeError(
      'Cannot judge a model as "--preset" must say in which worlds: it is absent',
    );
  }
  const base = withServed(
    run !== undefined
      ? await readRunConfig(run)
      : flags.preset !== undefined
      ? presetOf(flags.preset, flags.model)
      : defineConfig(otherwise!),
    flags,
  );
  const typed = renameSettings(
    parseSettings(words.filter(isSetting)),
    JSON.parse(JSON.stringify(base)),
  );
  for (const note of typed.notes) console.warn(`note: ${note}`);
  const config = withFlags(defineConfig(base, typed.settings as object), flags);
  return { config, ...(run !== undefined && { run }) };
}

/** A preset's settings, with a model in its policy's place. */
function presetOf(
  name: keyof typeof PRESETS,
  model: string | undefined,
): TrainingConfig {
  const preset = PRESETS[name];
  if (model === undefined) return defineConfig(preset);
  const { policy: _, ...others } = preset;
  const settings = modelSettings(model, preset);
  return settings.evaluation === undefined
    ? defineConfig(preset, settings)
    : defineConfig(others, settings);
}

async function newestCheckpoint(run: string) {
  const { checkpoint, passedOver } = await findCheckpoint(`${run}/checkpoints`);
  for (const { message } of passedOver) console.warn(message);
  if (checkpoint) return checkpoint;
  throw new Error(
    `Cannot evaluate as the run must have a checkpoint: none in "${run}"`,
  );
}

/** Settings with what the flags say of their evaluation. */
function withFlags(
  config: TrainingConfig,
  flags: Omit<Flags, "metrics">,
): TrainingConfig {
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
  if (alfworld === undefined) return defineConfig(config, { evaluation });
  const settings = wording === undefined ? {} : { settings: { wording } };
  const sets = HELD_OUT.map((split) => [split, [
    { dataset: "alfworld", directory: alfworld, split, ...settings },
  ]]);
  const none = Object.keys(config.evaluation.sets).map((name) => [name, null]);
  return defineConfig(
    config,
    { evaluation: { sets: Object.fromEntries(none) } },
    {
      evaluation: {
        ...(tasks === undefined && { tasks: "every", balanceBy: null }),
        maxTurns: 50, // as everyone has
        ...evaluation,
        sets: Object.fromEntries(sets),
      },
    },
  );
}
