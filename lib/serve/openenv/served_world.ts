/**
 * A world as it is served: how an episode is opened by seed or by task, and which tasks there are.
 *
 * @module
 */

import type { z } from "npm:zod@4.6.7";
import { suggest } from "../../checks.ts";
import {
  checkSpec,
  createEnvOpener,
  DATASETS,
  readDataset,
  WORLDS,
} from "../../envs/open_env.ts";
import type { EnvSpec, OpenEnv, TextEnv } from "../../envs/text_env.ts";
import { createRandom } from "../../random.ts";

/** A task of a split, as the task API lists it. */
export interface ServedTask {
  /** Name that `reset` takes as `task_id`: `train/17`. */
  readonly id: string;
  /** The world to open. */
  readonly spec: EnvSpec;
}

/** What an episode is asked for; the keywords of `reset`. */
export interface EpisodeRequest {
  /** Decides everything that the task leaves open. */
  readonly seed: number;
  /** A task of the task API: its `id`. */
  readonly taskId?: string;
  /** Number of a task within its split, from 0. */
  readonly taskIndex?: number;
  /** Split of `taskIndex`, or of the drawn task. */
  readonly split?: string;
}

/** An opened episode, and the task that was chosen. */
export interface ServedEpisode {
  /** The world, not started yet. */
  readonly env: TextEnv;
  /** Its task, where the world lists tasks and one was named or drawn. */
  readonly taskId?: string;
}

/** A world that sessions play. */
export interface ServedWorld {
  /** Name in `/metadata` and in the task API. */
  readonly name: string;
  /** What it is, in a sentence. */
  readonly description: string;
  /** Splits in order; empty where the world lists no tasks. */
  readonly splits: readonly string[];
  /** Lists the tasks of a split. */
  readonly tasks: (split: string) => Promise<readonly ServedTask[]>;
  /** Opens an episode. */
  readonly open: (request: EpisodeRequest) => Promise<ServedEpisode>;
  /** Ends processes that worlds keep between episodes. */
  [Symbol.asyncDispose]?(): Promise<void>;
}

/** Options of {@linkcode createServedWorld}. */
export interface ServedWorldOptions {
  /** Settings of the world, as a specification or a dataset takes them. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Split that is played where `reset` names none. @default {the first} */
  readonly split?: string;
  /** Tasks listed in each split of a world that is drawn from seeds. @default {1000} */
  readonly tasks?: number;
  /** Opens worlds. @default {an opener that keeps compiled games} */
  readonly open?: OpenEnv;
}

const TASK = "serve a world";

/**
 * Makes a served world of a kind, a dataset, or both of one name.
 *
 * A world whose kind opens by seed alone (`household`, `webshop`, `corridor`) plays the seed of `reset`; one
 * that exists as a dataset only (`alfworld`) draws a task of the split by the seed.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createServedWorld } from "@hiper/lab/ecosystem";
 *
 * const world = await createServedWorld("household");
 * deepStrictEqual(world.splits, ["train", "seen", "unseen"]);
 * const { env } = await world.open({ seed: 3 });
 * await env.start();
 * ```
 *
 * @param name A kind of world, or a dataset.
 * @param options Settings, the split, and how many tasks are listed.
 * @returns The world. Caller disposes, after the server.
 * @throws {TypeError} If nothing has that name, or a setting does not fit.
 */
export async function createServedWorld(
  name: string,
  options: ServedWorldOptions = {},
): Promise<ServedWorld & AsyncDisposable> {
  const { settings = {}, tasks: count = 1000 } = options;
  const own = options.open ? undefined : createEnvOpener();
  const open = options.open ?? own!;
  const kind = Object.hasOwn(WORLDS, name) ? WORLDS[name] : undefined;
  const dataset = Object.hasOwn(DATASETS, name) ? DATASETS[name] : undefined;
  if (kind === undefined && dataset === undefined) {
    const known = [
      ...new Set([...Object.keys(WORLDS), ...Object.keys(DATASETS)]),
    ];
    throw new TypeError(
      `Cannot ${TASK} as it must be a kind of world or a dataset, unlike "${name}"${
        suggest(name, known)
      }`,
    );
  }
  if (kind !== undefined) checkSpec({ ...settings, kind: name });
  const shape = shapeOf(dataset?.settings);
  const splits = splitsOf(shape?.split);
  const list = createTaskList(splits, async (split) => {
    const drawn = shape !== undefined && "count" in shape;
    const { specs } = await readDataset({
      ...settings,
      dataset: name,
      split,
      ...(drawn && { count }),
    });
    return specs;
  });
  const first = options.split ?? splits[0];
  checkSplit(splits, options.split);
  if (kind === undefined && first !== undefined) await list(first);
  return {
    name,
    description: `${name}: a text world of HiPER Lab`,
    splits,
    tasks: list,
    open: async ({ seed, taskId, taskIndex, split }) => {
      checkSplit(splits, split);
      const asked = split ?? first;
      const listed =
        await findTask(list, { taskId, taskIndex, split: asked }) ??
          (kind === undefined ? await drawTask(list, asked!, seed) : undefined);
      if (listed !== undefined) {
        return { env: await open(listed.spec, seed), taskId: listed.id };
      }
      const chosen = split ?? options.split;
      const spec = {
        ...settings,
        kind: name,
        ...(chosen !== undefined && { split: chosen }),
      };
      return { env: await open(spec, seed) };
    },
    [Symbol.asyncDispose]: async () => await own?.[Symbol.asyncDispose](),
  };
}

/** The settings of an object schema, by name. */
function shapeOf(
  schema: z.ZodType | undefined,
): Readonly<Record<string, unknown>> | undefined {
  const shape = (schema as { shape?: Readonly<Record<string, unknown>> })
    ?.shape;
  return shape;
}

/** The words that a setting may have, found through defaults and unions. */
function splitsOf(setting: unknown): string[] {
  const { options, def } = (setting ?? {}) as {
    options?: readonly unknown[];
    def?: { innerType?: unknown };
  };
  if (options?.every((one) => typeof one === "string")) {
    return [...options] as string[];
  }
  const inner = options ?? (def?.innerType ? [def.innerType] : []);
  for (const one of inner) {
    const found = splitsOf(one);
    if (found.length > 0) return found;
  }
  return [];
}

/** Lists each split once, when it is first asked for. */
function createTaskList(
  splits: readonly string[],
  list: (split: string) => Promise<readonly EnvSpec[]>,
): ServedWorld["tasks"] {
  const known = new Map<string, Promise<readonly ServedTask[]>>();
  return (split) => {
    checkSplit(splits, split);
    const found = known.get(split) ??
      list(split).then((specs) =>
        specs.map((spec, i) => ({ id: `${split}/${i}`, spec }))
      );
    known.set(split, found);
    found.catch(() => known.delete(split));
    return found;
  };
}

/** Throws unless the world has that split. */
function checkSplit(splits: readonly string[], split: string | undefined) {
  if (split === undefined || splits.includes(split)) return;
  throw new RangeError(
    `Cannot open a task as "split" must be one of ${
      splits.map((one) => `"${one}"`).join(", ") ||
      "none, as there are no tasks"
    }: current value is "${split}"`,
  );
}

/** The task that is named, if one is. */
async function findTask(
  list: ServedWorld["tasks"],
  asked: {
    taskId: string | undefined;
    taskIndex: number | undefined;
    split: string | undefined;
  },
): Promise<ServedTask | undefined> {
  const { taskId, taskIndex } = asked;
  if (taskId === undefined && taskIndex === undefined) return undefined;
  const slash = taskId?.lastIndexOf("/") ?? -1;
  const split = taskId === undefined ? asked.split : taskId.slice(0, slash);
  const index = taskId === undefined ? taskIndex! : Number(
    taskId.slice(slash + 1) || NaN,
  );
  if (split === undefined || (taskId !== undefined && slash < 1)) {
    throw new RangeError(
      `Cannot open a task as "task_id" must be split/index of a world with tasks: current value is "${
        taskId ?? taskIndex
      }"`,
    );
  }
  const tasks = await list(split);
  const task = Number.isInteger(index) ? tasks[index] : undefined;
  if (task !== undefined) return task;
  throw new RangeError(
    `Cannot open a task as its index must be below ${tasks.length} in split "${split}": current value is "${
      taskId ?? taskIndex
    }"`,
  );
}

/** A task that the seed draws, as `deno task play` draws it. */
async function drawTask(
  list: ServedWorld["tasks"],
  split: string,
  seed: number,
): Promise<ServedTask> {
  const tasks = await list(split);
  return tasks[createRandom(seed).integer(tasks.length)]!;
}
