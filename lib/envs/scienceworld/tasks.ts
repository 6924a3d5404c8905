/**
 * The benchmark's 30 tasks, their 7,207 variations, and the published splits.
 *
 * @see {@link https://arxiv.org/abs/2203.07540 | ScienceWorld} (Wang et al. 2022)
 *
 * @module
 */

import { suggest } from "../../checks.ts";

/** One task of the benchmark. */
export interface ScienceworldTask {
  /** Number in the paper: `"1-1"`. */
  readonly id: string;
  /** Name in the simulator: `"boil"`. */
  readonly name: string;
  /** Number of its variations. */
  readonly variations: number;
}

/** Tasks by number, as in the benchmark's own list. */
export const SCIENCEWORLD_TASKS: readonly ScienceworldTask[] = ([
  ["1-1", "boil", 30],
  ["1-2", "melt", 30],
  ["1-3", "freeze", 30],
  ["1-4", "change-the-state-of-matter-of", 30],
  ["2-1", "use-thermometer", 540],
  ["2-2", "measure-melting-point-known-substance", 436],
  ["2-3", "measure-melting-point-unknown-substance", 300],
  ["3-1", "power-component", 20],
  ["3-2", "power-component-renewable-vs-nonrenewable-energy", 20],
  ["3-3", "test-conductivity", 900],
  ["3-4", "test-conductivity-of-unknown-substances", 600],
  ["4-1", "find-living-thing", 300],
  ["4-2", "find-non-living-thing", 300],
  ["4-3", "find-plant", 300],
  ["4-4", "find-animal", 300],
  ["5-1", "grow-plant", 126],
  ["5-2", "grow-fruit", 126],
  ["6-1", "chemistry-mix", 32],
  ["6-2", "chemistry-mix-paint-secondary-color", 36],
  ["6-3", "chemistry-mix-paint-tertiary-color", 36],
  ["7-1", "lifespan-longest-lived", 125],
  ["7-2", "lifespan-shortest-lived", 125],
  ["7-3", "lifespan-longest-lived-then-shortest-lived", 125],
  ["8-1", "identify-life-stages-1", 14],
  ["8-2", "identify-life-stages-2", 10],
  ["9-1", "inclined-plane-determine-angle", 168],
  ["9-2", "inclined-plane-friction-named-surfaces", 1386],
  ["9-3", "inclined-plane-friction-unnamed-surfaces", 162],
  ["10-1", "mendelian-genetics-known-plant", 120],
  ["10-2", "mendelian-genetics-unknown-plant", 480],
] as const).map(([id, name, variations]) => ({ id, name, variations }));

/** Parts of a task's variations. */
export const SCIENCEWORLD_SPLITS = ["train", "dev", "test"] as const;

/** A part of a task's variations. */
export type ScienceworldSplit = typeof SCIENCEWORLD_SPLITS[number];

/** Numbers of the tasks that AgentGym leaves out. */
const NOT_IN_AGENTGYM: ReadonlySet<string> = new Set([
  ...["5-1", "5-2", "9-1", "9-2", "9-3", "10-1", "10-2"],
]);

/** AgentGym's subset: 23 tasks with 4,639 variations, in the order of its data index. */
export const AGENTGYM_TASKS: readonly ScienceworldTask[] = SCIENCEWORLD_TASKS
  .filter(({ id }) => !NOT_IN_AGENTGYM.has(id));

/**
 * Finds a task by its name, its number in the paper (`"1-1"`), `task-1-boil`, or the older spelling
 * `mendellian`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { findScienceworldTask } from "@hiper/lab/envs/scienceworld";
 *
 * strictEqual(findScienceworldTask("1-1").name, "boil");
 * ```
 *
 * @param word A name or number.
 * @returns The task.
 * @throws {TypeError} If there is none, with the nearest name.
 */
export function findScienceworldTask(word: string): ScienceworldTask {
  const plain = word.trim().toLowerCase().replace(/^task-\d+[a-z]?-/, "")
    .replace("mendellian", "mendelian");
  const found = SCIENCEWORLD_TASKS.find(({ id, name }) =>
    plain === id || plain === name
  );
  if (found) return found;
  const names = SCIENCEWORLD_TASKS.map(({ name }) => name);
  throw new TypeError(
    `Cannot open ScienceWorld as "task" must be one of its tasks: current value is "${word}"${
      suggest(plain, names)
    }`,
  );
}

/**
 * Range of the variations in a part: the first half trains, the next quarter develops, the rest tests;
 * tasks with fewer than five variations have their own rule.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { scienceworldRange } from "@hiper/lab/envs/scienceworld";
 *
 * deepStrictEqual(scienceworldRange(30, "test"), { start: 21, end: 30 });
 * ```
 *
 * @param variations Number of variations of the task.
 * @param split The part.
 * @returns Half-open range `[start, end)`; empty where the part has none.
 */
export function scienceworldRange(
  variations: number,
  split: ScienceworldSplit,
): { start: number; end: number } {
  const quarter = Math.floor(variations / 4);
  const train = variations < 4 ? Math.min(1, variations) : 2 * quarter;
  const dev = variations < 4 ? (variations === 3 ? 2 : train) : 3 * quarter;
  switch (split) {
    case "train":
      return { start: 0, end: train };
    case "dev":
      return { start: train, end: dev };
    case "test":
      return { start: variations === 1 ? 0 : dev, end: variations };
  }
}

/**
 * Finds AgentGym's data index of a variation.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { agentgymIndex, findScienceworldTask } from "@hiper/lab/envs/scienceworld";
 *
 * strictEqual(agentgymIndex(findScienceworldTask("melt"), 3), 33);
 * ```
 *
 * @param task The task.
 * @param variation Number of the variation.
 * @returns The index in `[0, 4639)`; `undefined` for tasks that it leaves out.
 */
export function agentgymIndex(
  task: ScienceworldTask,
  variation: number,
): number | undefined {
  const place = AGENTGYM_TASKS.indexOf(task);
  if (place < 0) return undefined;
  return AGENTGYM_TASKS.slice(0, place)
    .reduce((sum, { variations }) => sum + variations, variation);
}

/** Simplifications that the simulator knows, apart from `easy`. */
export const SIMPLIFICATIONS = [
  "teleportAction",
  "openDoors",
  "openContainers",
  "selfWateringFlowerPots",
  "noElectricalAction",
] as const;

/** Whether a task is about electricity, so that its actions cannot be left out. */
function isElectrical({ name }: ScienceworldTask): boolean {
  return name.includes("power-component") || name.includes("conductivity");
}

/**
 * Checks simplifications for a task: the simulator itself would accept some that break the episode.
 *
 * @param simplifications None (`""`), `"easy"`, or names joined by commas.
 * @param task The task.
 * @returns As the simulator takes them.
 * @throws {TypeError} If a name is unknown, `easy` stands beside others, or an electrical task would lose
 *   its actions.
 */
export function checkSimplifications(
  simplifications: string,
  task: ScienceworldTask,
): string {
  const names = simplifications.split(",").map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.length === 1 && names[0] === "easy") return "easy";
  const demand = (what: string, given: string) => {
    throw new TypeError(
      `Cannot open ScienceWorld as "simplifications" must ${what}: current value is "${given}"`,
    );
  };
  if (names.includes("easy")) {
    demand("have easy alone, or the names it stands for", simplifications);
  }
  for (const name of names) {
    if (SIMPLIFICATIONS.some((one) => one === name)) continue;
    demand(
      `be easy, or some of ${SIMPLIFICATIONS.join(", ")}, joined by commas`,
      simplifications,
    );
  }
  if (isElectrical(task) && names.includes("noElectricalAction")) {
    demand(
      `leave the electrical actions to the task ${task.name}`,
      simplifications,
    );
  }
  return names.join(",");
}
