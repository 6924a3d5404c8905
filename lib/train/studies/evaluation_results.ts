/**
 * Result files of evaluations: every episode with its world, seed, limit and outcome, beside the settings
 * and versions they were played with.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { Assignment } from "../../rollout/schedule.ts";
import { readSettings } from "../../settings.ts";
import { readJson } from "../../text_file.ts";
import type { Trajectory } from "../../trajectory.ts";
import type { Evaluation } from "../evaluation.ts";
import { writeJson } from "../runs/durable_file.ts";

const FORMAT = "hiper-evaluation";

const EPISODE = z.strictObject({
  id: z.string().describe("Set, group and replica"),
  world: z.looseObject({ kind: z.string() }).describe("Specification"),
  seed: z.int(),
  replica: z.int().min(0),
  maxTurns: z.int().min(1),
  taskType: z.string().optional(),
  ending: z.enum(["terminated", "truncated"]),
  success: z.boolean(),
  score: z.number().describe("The world's own score in [0, 1]"),
  return: z.number().describe("Sum of the rewards"),
  turns: z.int().min(0),
});

const RESULTS = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  source: z.record(z.string(), z.unknown()).describe(
    "Where the policy came from: run and iteration, or nothing",
  ),
  panel: z.strictObject({ name: z.string(), hash: z.string() }).optional(),
  settings: z.record(z.string(), z.unknown()),
  environment: z.record(z.string(), z.unknown()),
  players: z.array(z.strictObject({
    name: z.string(),
    metrics: z.record(z.string(), z.number()),
    episodes: z.array(EPISODE),
  })),
});

/** How one episode of an evaluation ended. */
export interface EpisodeResult {
  /** Set, group and replica; episodes of one panel are paired by it. */
  readonly id: string;
  /** Specification of the world. */
  readonly world: { readonly kind: string };
  /** Seed of the world. */
  readonly seed: number;
  /** Which episode of its group. */
  readonly replica: number;
  /** Turns after which the episode is truncated. */
  readonly maxTurns: number;
  /** Kind of task, where the world distinguishes kinds. */
  readonly taskType?: string | undefined;
  /** Ended by the world, or cut off by the limit. */
  readonly ending: "terminated" | "truncated";
  /** Whether the task was accomplished. */
  readonly success: boolean;
  /** The world's own score in `[0, 1]`. */
  readonly score: number;
  /** Sum of the rewards. */
  readonly return: number;
  /** Turns played. */
  readonly turns: number;
}

/** One player's evaluation. */
export interface PlayerResults {
  /** `policy`, or the name of a baseline. */
  readonly name: string;
  /** Numbers named `<set>/<metric>`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Episodes in the order they were scheduled. */
  readonly episodes: readonly EpisodeResult[];
}

/** A result file. */
export interface EvaluationResults {
  /** Where the policy came from: run and iteration, or nothing. */
  readonly source: Readonly<Record<string, unknown>>;
  /** The panel that was played, if one was. */
  readonly panel?:
    | { readonly name: string; readonly hash: string }
    | undefined;
  /** Every setting, as in a run's `config.json`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Versions and machine, as in a run's `environment.json`. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Who played, the policy first. */
  readonly players: readonly PlayerResults[];
}

/**
 * Describes how the episodes of an evaluation ended.
 *
 * @param name The player's name.
 * @param evaluation What it played.
 * @returns Metrics and episodes as plain data.
 */
export function playerResults(
  name: string,
  evaluation: Evaluation,
): PlayerResults {
  const { metrics, trajectories, assignments } = evaluation;
  const episodes = trajectories.map((episode, i) =>
    episodeResult(episode, assignments[i]!)
  );
  return { name, metrics, episodes };
}

function episodeResult(
  { taskType, turns, ending, success, score }: Trajectory,
  { id, spec, seed, replica, maxTurns }: Assignment,
): EpisodeResult {
  return {
    id,
    world: spec,
    seed,
    replica,
    maxTurns,
    ...(taskType !== undefined && { taskType }),
    ending,
    success,
    score,
    return: turns.reduce((sum, { reward }) => sum + reward, 0),
    turns: turns.length,
  };
}

/**
 * Writes a result file that is whole or absent.
 *
 * @throws {Error} If it cannot be written.
 */
export async function writeResults(
  path: string,
  results: EvaluationResults,
): Promise<void> {
  await writeJson(path, { format: FORMAT, version: 1, ...results });
}

/**
 * Reads a result file.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is no result file; the message names file, key and value.
 */
export async function readResults(path: string): Promise<EvaluationResults> {
  const { format: _, version: __, ...results } = readSettings(
    RESULTS,
    await readJson(path),
    `read results of "${path}"`,
  );
  return results;
}
