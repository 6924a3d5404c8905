/**
 * What an evaluation is asked for: settings of a run, a preset or the command line, and how to play.
 *
 * @module
 */

import {
  defineConfig,
  findCheckpoint,
  parseSettings,
  PRESETS,
  readRunConfig,
  type TrainingConfig,
} from "../../mod.ts";
import { type BaselineName, renameSettings } from "../../mod/studies.ts";
import { isSetting } from "../settings_first.ts";

/** Who may play the same episodes beside the policy. */
export type OtherPlayer = BaselineName | "untrained";

/** Options of the command line. */
export interface Flags {
  readonly preset?: keyof typeof PRESETS;
  readonly baseline?: readonly OtherPlayer[];
  readonly tasks?: number;
  readonly plays?: number;
  readonly temperature?: number;
  readonly metrics: readonly string[];
  readonly alfworld?: readonly string[];
  readonly wording?: "template" | "human";
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
}

/** Games of ALFWorld that no training may use. */
const HELD_OUT = ["valid_seen", "valid_unseen"];

/**
 * Reads settings and finds weights.
 *
 * @throws {TypeError} If neither run nor preset is given, or both.
 * @throws {Error} If the run has no checkpoint, or no worlds to evaluate in.
 */
export async function readRequest(
  words: readonly string[],
  flags: Flags,
): Promise<Request> {
  const [run, ...others] = words.filter((word) => !isSetting(word));
  if (
    others.length > 0 || (run === undefined) === (flags.preset === undefined)
  ) {
    throw new TypeError(
      `Cannot evaluate as there must be one run's folder, or "--preset" instead: current value is ${
        JSON.stringify([run, ...others, flags.preset].filter(Boolean))
      }`,
    );
  }
  const base = run === undefined
    ? defineConfig(PRESETS[flags.preset!])
    : await readRunConfig(run);
  const typed = renameSettings(
    parseSettings(words.filter(isSetting)),
    JSON.parse(JSON.stringify(base)),
  );
  for (const note of typed.notes) console.warn(`note: ${note}`);
  const config = withFlags(defineConfig(base, typed.settings as object), flags);
  if (Object.keys(config.evaluation.sets).length === 0) {
    throw new Error(
      `Cannot evaluate as "evaluation.sets" must name worlds: none in ${
        run === undefined ? `preset "${flags.preset}"` : `"${run}/config.json"`
      }`,
    );
  }
  if (run === undefined) return { config, source: { preset: flags.preset } };
  const checkpoint = await newestCheckpoint(run);
  const { iteration } = checkpoint;
  return { config, checkpoint, source: { run, iteration } };
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
function withFlags(config: TrainingConfig, flags: Flags): TrainingConfig {
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
