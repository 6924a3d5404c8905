/**
 * The settings of a run's folder: written once, read back, and compared when the run goes on.
 *
 * @module
 */

import { parseJson } from "../../text_file.ts";
import { readStoredConfig, type TrainingConfig } from "../config/config.ts";
import { readIfThere, readLines, writeJson } from "./durable_file.ts";
import type { EnvironmentFacts } from "./environment_facts.ts";
import { firstDifference, type Json } from "../config/settings.ts";

/**
 * Reads the settings a run was started with.
 *
 * @param directory The run's folder.
 * @returns Every setting.
 * @throws {Error} If the folder holds no run.
 * @throws {SyntaxError} If its `config.json` is no JSON.
 * @throws {TypeError} If one of its settings is unknown or of the wrong kind.
 */
export async function readRunConfig(
  directory: string,
): Promise<TrainingConfig> {
  const path = `${directory}/config.json`;
  const text = await readIfThere(path);
  if (text === undefined) {
    throw new Error(
      `Cannot read a run as its folder must hold "config.json": current value is "${directory}"`,
    );
  }
  return readStoredConfig(parseJson(text, path));
}

/**
 * Writes settings and facts of a new run; compares settings with those of an old one.
 *
 * A run that was started but has saved nothing counts as new. `done` is the number of iterations saved: `undefined`
 * without a checkpoint, 0 after a warm start.
 *
 * @throws {Error} If the folder holds a run and `resume` is off, or its settings differ.
 * @throws {RangeError} If more iterations are done than the settings ask for.
 */
export async function claimRunFolder(
  directory: string,
  config: TrainingConfig,
  options: {
    resume: boolean;
    done: number | undefined;
    environment: EnvironmentFacts;
  },
): Promise<void> {
  const { resume, done, environment } = options;
  const fresh = done === undefined && await isFresh(directory);
  if (!fresh) {
    if (!resume) {
      throw new Error(
        `Cannot open run "${directory}" as it must be new unless it is resumed: it holds "config.json"`,
      );
    }
    const difference = differentSetting(config, await readRunConfig(directory));
    if (difference !== undefined) {
      throw new Error(
        `Cannot resume run "${directory}" as its settings must be the same: "${difference}" differs`,
      );
    }
    if (done !== undefined && done > config.iterations) {
      throw new RangeError(
        `Cannot resume run "${directory}" as "iterations" must be at least the ${done} that are done: current value is ${config.iterations}`,
      );
    }
  }
  await writeJson(`${directory}/config.json`, config);
  if (fresh) await writeJson(`${directory}/environment.json`, environment);
}

/** Whether nothing was recorded here, and `config.json`, if there is one, is a run's. */
async function isFresh(directory: string): Promise<boolean> {
  const rows = await readLines(`${directory}/metrics.jsonl`);
  if (rows.length > 0) return false;
  const text = await readIfThere(`${directory}/config.json`);
  if (text === undefined) return true;
  try {
    readStoredConfig(JSON.parse(text));
    return true;
  } catch {
    return false; // a file of another program is not replaced
  }
}

/** The path of a setting that differs, defaults filled in, other than the number of iterations and of Workers. */
export function differentSetting(
  config: TrainingConfig,
  before: TrainingConfig,
): string | undefined {
  const [now, then] = [config, before].map((settings): Json =>
    JSON.parse(JSON.stringify({
      ...settings,
      iterations: 0,
      replicas: { ...settings.replicas, workers: 0 },
    }))
  );
  return firstDifference(now!, then!);
}
