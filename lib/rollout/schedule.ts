/**
 * Schedules of episodes: tasks drawn, groups, turn limits and seeds.
 *
 * @module
 */

import { checkPositiveInteger } from "../checks.ts";
import type { EnvSpec } from "../envs/text_env.ts";
import { type Random, shuffled } from "../random.ts";
import type { Strategy } from "../trajectory.ts";

/** One episode to play: plain data, so that it can be sent anywhere and played again. */
export interface Assignment {
  /** Unique within a schedule: the group and the replica, `household/7#3`. */
  readonly id: string;
  /** The world to open. */
  readonly spec: EnvSpec;
  /** Episodes with one group share a world and a start. */
  readonly group: string;
  /** Seed of the world, the same for a whole group. */
  readonly seed: number;
  /** Which episode of its group this is, from 0; tells their decision streams apart. */
  readonly replica: number;
  /** Turns after which a longer episode is truncated. */
  readonly maxTurns: number;
  /** The strategy to follow; absent leaves it to the policy. */
  readonly strategy?: Strategy;
}

/** Options of {@linkcode scheduleEpisodes}. */
export interface ScheduleOptions {
  /** Stream that draws tasks and seeds; the same stream gives the same episodes. */
  readonly random: Random;
  /** Tasks to draw, each once before any is drawn again. */
  readonly tasks: number;
  /** Episodes of each task, from one start. @default {1} */
  readonly groupSize?: number;
  /** Turns after which an episode is truncated. @default {50} */
  readonly maxTurns?: number;
  /** Setting of a specification over whose values tasks are spread evenly, such as `"taskType"`. */
  readonly balanceBy?: string;
}

/** Defaults of {@linkcode ScheduleOptions}. */
export const SCHEDULE_DEFAULTS = { groupSize: 1, maxTurns: 50 } as const;

/**
 * Draws tasks, repeats each for its group, and gives every episode its seed.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { createRandom, scheduleEpisodes } from "@hiper/lab";
 *
 * const episodes = scheduleEpisodes([{ kind: "corridor", length: 5 }], {
 *   random: createRandom(1),
 *   tasks: 2,
 *   groupSize: 2,
 * });
 * deepStrictEqual(episodes.map((episode) => episode.id), [
 *   "corridor/0#0",
 *   "corridor/0#1",
 *   "corridor/0.1#0",
 *   "corridor/0.1#1",
 * ]);
 * strictEqual(episodes[0]!.seed, episodes[1]!.seed); // one group, one start
 * ```
 *
 * @param specs Worlds to draw from.
 * @param options How many of them, how often, and the stream that draws.
 * @returns `tasks * groupSize` episodes; groups are contiguous.
 * @throws {RangeError} If there are no worlds, or a count is not a positive integer.
 * @throws {TypeError} If `balanceBy` names a setting that some world lacks.
 */
export function scheduleEpisodes(
  specs: readonly EnvSpec[],
  options: ScheduleOptions,
): Assignment[] {
  const { random, tasks, balanceBy } = options;
  const { groupSize, maxTurns } = { ...SCHEDULE_DEFAULTS, ...options };
  if (specs.length === 0) {
    throw new RangeError(
      "Cannot schedule episodes as there must be a world to play: current count is 0",
    );
  }
  checkPositiveInteger("schedule episodes", { tasks, groupSize, maxTurns });
  const episodes: Assignment[] = [];
  const draws = new Map<number, number>();
  for (const index of drawTasks(specs, { random, tasks, balanceBy })) {
    const spec = specs[index]!;
    const draw = draws.get(index) ?? 0;
    draws.set(index, draw + 1);
    const group = `${spec.kind}/${index}${draw === 0 ? "" : `.${draw}`}`;
    const { seed } = random.fork("world", index, draw);
    for (let replica = 0; replica < groupSize; replica++) {
      const id = `${group}#${replica}`;
      episodes.push({ id, spec, group, seed, replica, maxTurns });
    }
  }
  return episodes;
}

/**
 * Schedules every world once, for a complete evaluation.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, scheduleEvery } from "@hiper/lab";
 *
 * const specs = [{ kind: "corridor", length: 5 }, { kind: "corridor", length: 7 }];
 * strictEqual(scheduleEvery(specs, { random: createRandom(1) })[1]!.spec, specs[1]);
 * ```
 *
 * @param specs Worlds to play, in order.
 * @param options As for {@linkcode scheduleEpisodes}, without the count of tasks.
 * @returns `specs.length * groupSize` episodes in the order of the worlds.
 * @throws {RangeError} If there are no worlds, or a count is not a positive integer.
 */
export function scheduleEvery(
  specs: readonly EnvSpec[],
  options: Omit<ScheduleOptions, "tasks" | "balanceBy">,
): Assignment[] {
  const episodes = scheduleEpisodes(specs, { ...options, tasks: specs.length });
  const place = (episode: Assignment) =>
    Number(episode.group.split("/").at(-1));
  return episodes.sort((a, b) => place(a) - place(b) || a.replica - b.replica);
}

/** Indices of the drawn worlds: every world of a kind once, in a fresh order, before any again. */
function drawTasks(
  specs: readonly EnvSpec[],
  options: { random: Random; tasks: number; balanceBy: string | undefined },
): number[] {
  const { random, tasks, balanceBy } = options;
  const kinds = [...groupIndices(specs, balanceBy).entries()]
    .map(([kind, indices]) => ({
      kind,
      indices,
      order: [] as number[],
      pass: 0,
    }));
  const turn = shuffled(random.fork("kinds"), kinds);
  const drawn: number[] = [];
  for (let i = 0; i < tasks; i++) {
    const next = turn[i % turn.length]!;
    if (next.order.length === 0) {
      const stream = random.fork("order", next.kind, next.pass++);
      next.order = shuffled(stream, next.indices).reverse();
    }
    drawn.push(next.order.pop()!);
  }
  return drawn;
}

function groupIndices(
  specs: readonly EnvSpec[],
  balanceBy: string | undefined,
): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, spec] of specs.entries()) {
    const value = balanceBy === undefined ? "" : spec[balanceBy];
    if (value === undefined) {
      throw new TypeError(
        `Cannot balance a schedule as every world must have "${balanceBy}": world ${index} has none`,
      );
    }
    const group = groups.get(String(value));
    if (group) group.push(index);
    else groups.set(String(value), [index]);
  }
  return groups;
}
