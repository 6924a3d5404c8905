/**
 * ScienceWorld as specifications: `{ kind: "scienceworld", task, variation | split, … }`.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import { present, readSettings } from "../../settings.ts";
import type { EnvSpec, TextEnv } from "../text_env.ts";
import type { EnvDataset, World } from "../world.ts";
import { findScienceworld } from "./files.ts";
import { createJavaPool, type JavaPool } from "./java.ts";
import { openScienceworldEpisode } from "./scienceworld.ts";
import { SCIENCEWORLD_DATASET, SCIENCEWORLD_SPEC } from "./settings.ts";
import { SCIENCEWORLD_SUBGOAL_RULE } from "./subgoal_rule.ts";
import { proposeScienceworldSubgoals } from "./subgoals.ts";
import {
  AGENTGYM_TASKS,
  checkSimplifications,
  findScienceworldTask,
  SCIENCEWORLD_TASKS,
  scienceworldRange,
} from "./tasks.ts";

/** ScienceWorld's simulator, one machine for each open episode. */
export const SCIENCEWORLD: World = {
  settings: SCIENCEWORLD_SPEC,
  createOpener: ({ processes = Infinity }) => {
    const pools = new Map<string, Promise<JavaPool>>();
    const poolOf = (options: {
      data?: string;
      java?: string;
      heap?: number;
      memory?: number;
    }) => {
      const { data, memory = 6144, ...how } = options;
      const key = JSON.stringify([data, memory, how]);
      const known = pools.get(key);
      if (known) return known;
      const pool = findScienceworld(data).then((files) =>
        createJavaPool(files, { ...how, memory, idle: processes })
      );
      pools.set(key, pool);
      pool.catch(() => pools.delete(key)); // found later, perhaps
      return pool;
    };
    const open = async (spec: EnvSpec, seed: number): Promise<TextEnv> => {
      const { data, java, heap, memory, ...settings } = readSettings(
        SCIENCEWORLD_SPEC,
        spec,
        "open a scienceworld",
      );
      const { task: word, variation, split, simplifications, ...rest } =
        settings;
      const task = findScienceworldTask(word);
      const chosen = chooseVariation(task.variations, { variation, split }, {
        task: task.name,
        seed,
      });
      const given = checkSimplifications(simplifications ?? "easy", task);
      const pool = await poolOf(present({ data, java, heap, memory }));
      return await openScienceworldEpisode(pool, {
        ...present(rest),
        task: task.name,
        variation: chosen,
        simplifications: given,
      });
    };
    return Object.assign(open, {
      async [Symbol.asyncDispose]() {
        const open = await Promise.allSettled(pools.values());
        pools.clear();
        for (const one of open) {
          if (one.status === "fulfilled") {
            await one.value[Symbol.asyncDispose]();
          }
        }
      },
    });
  },
  datasets: {
    scienceworld: {
      settings: SCIENCEWORLD_DATASET,
      list: (dataset) => ({ specs: listScienceworld(dataset), skipped: [] }),
    },
  },
  proposeSubgoals: proposeScienceworldSubgoals,
  subgoalRule: SCIENCEWORLD_SUBGOAL_RULE,
};

/** The variation that a specification means; the seed draws one from a part. */
function chooseVariation(
  variations: number,
  { variation, split }: {
    readonly variation: number | undefined;
    readonly split: "train" | "dev" | "test" | undefined;
  },
  { task, seed }: { readonly task: string; readonly seed: number },
): number {
  if (variation !== undefined) {
    const { start, end } = split === undefined
      ? { start: 0, end: variations }
      : scienceworldRange(variations, split);
    if (variation >= start && variation < end) return variation;
    throw new RangeError(
      `Cannot open a scienceworld as "variation" must be in [${start}, ${end}) for ${task}: current value is ${variation}`,
    );
  }
  const { start, end } = scienceworldRange(variations, split ?? "train");
  return start + createRandom(seed).fork("variation").integer(end - start);
}

/** Lists variations task by task. */
function listScienceworld(dataset: EnvDataset): EnvSpec[] {
  const { tasks, subset = "all", split = "train", count, settings = {} } =
    readSettings(SCIENCEWORLD_DATASET, dataset, "list scienceworlds");
  const all = subset === "all" ? SCIENCEWORLD_TASKS : AGENTGYM_TASKS;
  const chosen = tasks?.map(findScienceworldTask) ?? all;
  for (const task of chosen) {
    if (all.includes(task)) continue;
    throw new TypeError(
      `Cannot list scienceworlds as "tasks" must be in the subset ${subset}: current value is "${task.name}"`,
    );
  }
  return chosen.flatMap(({ name, variations }) => {
    const { start, end } = split === "all"
      ? { start: 0, end: variations }
      : scienceworldRange(variations, split);
    const last = Math.min(end, start + (count ?? Infinity));
    return Array.from({ length: last - start }, (_, i) => ({
      ...present(settings),
      kind: "scienceworld",
      task: name,
      variation: start + i,
    }));
  });
}
