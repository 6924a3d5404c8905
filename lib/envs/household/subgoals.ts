/**
 * Subgoals for household tasks: wordings, proposals, and the segmentation of a plan into subgoals.
 *
 * Proposals use only observations, and contain useless and premature subgoals beside the useful one,
 * so that planning remains a decision.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { Hint, ListAlternatives, ProposeSubgoals } from "../text_env.ts";
import { type HouseholdMemory, rememberHousehold } from "./memory.ts";
import {
  householdClass,
  type HouseholdTask,
  parseHouseholdTask,
  TRANSFORMATION,
  type Transformation,
  TRANSFORMATIONS,
} from "./task.ts";
import { guessHouseholdTask } from "./wording.ts";
import { choresLeft } from "./chore_words.ts";

/** Wordings of subgoals; arguments are classes (`mug`) unless marked as names (`mug 1`). */
export const householdSubgoal = {
  /** Look for an object: ends when one can be taken. */
  find: (object: string): string => `find a ${object}`,
  /** Look for another object after one was delivered. */
  findSecond: (object: string): string => `find a second ${object}`,
  /** Look into the receptacles of a class, one after the other. */
  search: (receptacle: string): string => `search the ${receptacle}`,
  /** Go to a place where an object was seen and take it; both are names. */
  take: (object: string, receptacle: string): string =>
    `take the ${object} from ${receptacle}`,
  /** Go where it can be done and clean, heat or cool the held object. */
  transform: (how: Transformation, object: string): string =>
    `${how} the ${object}`,
  /** Go to a receptacle of the class, open it if need be, put the held object there. */
  put: (object: string, receptacle: string): string =>
    `put the ${object} in the ${receptacle}`,
  /** Get rid of a held object, anywhere. */
  putDown: (object: string): string => `put the ${object} down`,
  /** Turn on a lamp that can be reached from here. */
  use: (lamp: string): string => `use the ${lamp}`,
  /** Open a receptacle here; a name. */
  open: (receptacle: string): string => `open the ${receptacle}`,
} as const;

/** Seen instances of the wanted object beyond which no remembered one is offered. */
const MAX_TARGETS = 3;
/** Other things lying here that are offered. */
const MAX_DISTRACTORS = 2;
/** Kinds of receptacle whose search is offered, those with most left to see. */
const MAX_SEARCHES = 3;

/**
 * Lists candidate subgoals in a household, from observations alone.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { proposeHouseholdSubgoals } from "@hiper/lab/envs/household";
 *
 * const subgoals = proposeHouseholdSubgoals({
 *   task: "put a hot mug in sidetable.",
 *   past: [],
 *   observation: {
 *     text: "You arrive at desk 1. On the desk 1, you see a mug 2.",
 *     admissibleActions: ["go to sidetable 1", "take mug 2 from desk 1"],
 *     stateKey: "",
 *   },
 * });
 * ok(subgoals.includes("take the mug 2 from desk 1"));
 * ok(subgoals.includes("put the mug in the sidetable"));
 * ```
 *
 * @param situation The task, the turns so far and what is seen now.
 * @returns Distinct subgoals in a fixed order; never empty.
 */
export const proposeHouseholdSubgoals: ProposeSubgoals = (
  situation: Situation,
): readonly string[] => {
  const memory = rememberHousehold(situation);
  const actions = situation.observation.admissibleActions;
  const proposals = new Set<string>();
  const tasks = choresLeft(situation.task, memory.done).flatMap((sentence) =>
    parseHouseholdTask(sentence) ?? guessHouseholdTask(sentence) ?? []
  );
  for (const task of tasks) addTaskSubgoals(proposals, task, memory, actions);
  const wanted = new Set(tasks.map(({ object }) => object));
  addOtherSubgoals(proposals, wanted, memory, actions);
  if (memory.held === undefined) addSearches(proposals, memory);
  if (proposals.size === 0) proposals.add("look around");
  return [...proposals];
};

/**
 * Lists the actions that are as good as the expert's given only the observations: the expert knows
 * where objects are, while for an agent every unseen receptacle is equally good to search.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { listHouseholdAlternatives } from "@hiper/lab/envs/household";
 *
 * const text = "Looking quickly around you, you see a desk 1, and a shelf 1.";
 * const admissibleActions = ["go to desk 1", "go to shelf 1", "inventory"];
 * const observation = { text, admissibleActions, stateKey: "" };
 * const situation = { task: "put a mug in desk.", past: [], observation };
 * deepStrictEqual(
 *   listHouseholdAlternatives(situation, { subgoal: "find a mug", action: "go to shelf 1" }),
 *   ["go to desk 1", "go to shelf 1"],
 * );
 * ```
 *
 * @param situation The task, the turns so far and what is seen now.
 * @param hint What the expert does.
 * @returns Admissible actions, that of the expert among them.
 */
export const listHouseholdAlternatives: ListAlternatives = (
  situation: Situation,
  { subgoal, action }: Hint,
): readonly string[] => {
  if (!subgoal.startsWith(FINDING)) return [action];
  const looks = looksInside(situation);
  return looks.includes(action) ? looks : [action];
};

/** What subgoals begin with that look for something. */
const FINDING = "find a ";

/** Actions that show the inside of one more receptacle; a closed one here comes first. */
function looksInside(situation: Situation): string[] {
  const { receptacles, seen, here } = rememberHousehold(situation);
  const { admissibleActions } = situation.observation;
  const open = `open ${here}`;
  if (
    here !== undefined && !seen.has(here) && admissibleActions.includes(open)
  ) {
    return [open];
  }
  return receptacles.filter((name) => !seen.has(name))
    .map((name) => `go to ${name}`)
    .filter((go) => admissibleActions.includes(go));
}

/** Subgoals about what the task names. */
function addTaskSubgoals(
  proposals: Set<string>,
  task: HouseholdTask,
  memory: HouseholdMemory,
  actions: readonly string[],
): void {
  const { object, receptacle, lamp } = task;
  proposals.add(householdSubgoal.find(object));
  if (task.type === "pick_two_obj_and_place") {
    proposals.add(householdSubgoal.findSecond(object));
  }
  addTargets(proposals, object, memory, actions);
  for (const how of TRANSFORMATIONS) {
    const station = TRANSFORMATION[how].station.toLowerCase();
    if (how === task.transformation || hasClass(memory, station)) {
      proposals.add(householdSubgoal.transform(how, object));
    }
  }
  if (receptacle !== undefined) {
    proposals.add(householdSubgoal.put(object, receptacle));
  }
  if (lamp !== undefined) {
    proposals.add(householdSubgoal.find(lamp));
    proposals.add(householdSubgoal.use(lamp));
  }
}

/** Adds taking each wanted object within reach, then some remembered elsewhere. */
function addTargets(
  proposals: Set<string>,
  object: string,
  memory: HouseholdMemory,
  actions: readonly string[],
): void {
  let offered = 0;
  for (const action of actions) {
    const taking = parseTake(action);
    if (taking === undefined || householdClass(taking.object) !== object) {
      continue;
    }
    proposals.add(householdSubgoal.take(taking.object, taking.receptacle));
    offered++;
  }
  for (const [name, place] of memory.places) {
    if (offered >= MAX_TARGETS) return;
    if (householdClass(name) !== object || place === memory.here) continue;
    proposals.add(householdSubgoal.take(name, place));
    offered++;
  }
}

/** Subgoals about other things here. */
function addOtherSubgoals(
  proposals: Set<string>,
  wanted: ReadonlySet<string>,
  memory: HouseholdMemory,
  actions: readonly string[],
): void {
  if (memory.held !== undefined) {
    proposals.add(householdSubgoal.putDown(householdClass(memory.held)));
  }
  let distractors = 0, opened = false;
  for (const action of actions) {
    if (!opened && action.startsWith("open ")) {
      opened = true;
      proposals.add(householdSubgoal.open(action.slice("open ".length)));
    } else if (action.startsWith("use ")) {
      const lamp = householdClass(action.slice("use ".length));
      proposals.add(householdSubgoal.use(lamp));
    } else if (distractors < MAX_DISTRACTORS) {
      const taking = parseTake(action);
      if (taking === undefined || wanted.has(householdClass(taking.object))) {
        continue;
      }
      proposals.add(householdSubgoal.take(taking.object, taking.receptacle));
      distractors++;
    }
  }
}

/** Adds searching the classes with most receptacles not yet seen; ties in the order named. */
function addSearches(proposals: Set<string>, memory: HouseholdMemory): void {
  const unseen = new Map<string, number>();
  for (const receptacle of memory.receptacles) {
    if (memory.seen.has(receptacle)) continue;
    const name = householdClass(receptacle);
    unseen.set(name, (unseen.get(name) ?? 0) + 1);
  }
  const most = [...unseen].sort(([, a], [, b]) => b - a);
  for (const [name] of most.slice(0, MAX_SEARCHES)) {
    proposals.add(householdSubgoal.search(name));
  }
}

function hasClass(memory: HouseholdMemory, name: string): boolean {
  return memory.receptacles.some((receptacle) =>
    householdClass(receptacle) === name
  );
}

function parseTake(
  action: string,
): { object: string; receptacle: string } | undefined {
  if (!action.startsWith("take ")) return undefined;
  const from = action.indexOf(" from ");
  if (from < 0) return undefined;
  return {
    object: action.slice("take ".length, from),
    receptacle: action.slice(from + " from ".length),
  };
}

/**
 * Names the subgoal that the first action of a plan serves.
 *
 * The first action of the plan that changes more than the location or a door decides; the actions
 * before it belong to the same subgoal, except that searching ends where the object can be taken or
 * used. The subgoal is among {@linkcode proposeHouseholdSubgoals} for the same state.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { nameHouseholdSubgoal } from "@hiper/lab/envs/household";
 *
 * const task = "put a hot mug in sidetable.";
 * const plan = ["go to desk 1", "take mug 1 from desk 1", "go to microwave 1"];
 * strictEqual(nameHouseholdSubgoal(task, plan), "find a mug");
 * strictEqual(
 *   nameHouseholdSubgoal(task, plan.slice(1)),
 *   "take the mug 1 from desk 1",
 * );
 * ```
 *
 * @param task The task sentence.
 * @param plan Actions from now to the end of the task, in order.
 * @returns The subgoal in words; `undefined` for an empty plan or an unreadable task.
 */
export function nameHouseholdSubgoal(
  task: string,
  plan: readonly string[],
): string | undefined {
  const wanted = parseHouseholdTask(task);
  const [first] = plan;
  if (wanted === undefined || first === undefined) return undefined;
  const effect = plan.find((action) => !/^(?:go to|open|close) /.test(action));
  if (effect === undefined) {
    // Only walking is left: back to a lamp that is already on.
    return householdSubgoal.find(wanted.lamp ?? wanted.object);
  }
  const taking = parseTake(effect);
  if (taking !== undefined) {
    if (effect === first) {
      return householdSubgoal.take(taking.object, taking.receptacle);
    }
    return deliversLast(wanted, plan)
      ? householdSubgoal.findSecond(wanted.object)
      : householdSubgoal.find(householdClass(taking.object));
  }
  return nameOfEffect(wanted, effect, effect === first);
}

/** Whether one of two objects is already where it belongs. */
function deliversLast(task: HouseholdTask, plan: readonly string[]): boolean {
  return task.type === "pick_two_obj_and_place" &&
    plan.filter((action) => /^(?:move|put) /.test(action)).length === 1;
}

function nameOfEffect(
  task: HouseholdTask,
  action: string,
  isNext: boolean,
): string | undefined {
  const transforming = /^(clean|heat|cool) (.+) with /.exec(action);
  if (transforming !== null) {
    const how = TRANSFORMATIONS.find((one) => one === transforming[1])!;
    return householdSubgoal.transform(how, householdClass(transforming[2]!));
  }
  const moving = /^(?:move (.+) to|put (.+) in\/on) (.+)$/.exec(action);
  if (moving !== null) {
    const object = householdClass(moving[1] ?? moving[2]!);
    const receptacle = householdClass(moving[3]!);
    return object === task.object && receptacle === task.receptacle
      ? householdSubgoal.put(object, receptacle)
      : householdSubgoal.putDown(object);
  }
  if (!action.startsWith("use ")) return undefined;
  const lamp = householdClass(action.slice("use ".length));
  return isNext ? householdSubgoal.use(lamp) : householdSubgoal.find(lamp);
}
