/**
 * Household tasks, parsed from a sentence, a goal or a path.
 *
 * The six task types and their sentences are those of ALFWorld (Shridhar et al. 2021).
 *
 * @module
 */

import type { Formula } from "../pddl/formula.ts";

/** The six kinds of household task, named as in ALFRED. */
export const HOUSEHOLD_TASK_TYPES = [
  "pick_and_place_simple",
  "look_at_obj_in_light",
  "pick_clean_then_place_in_recep",
  "pick_heat_then_place_in_recep",
  "pick_cool_then_place_in_recep",
  "pick_two_obj_and_place",
] as const;

/** Name of one of the {@linkcode HOUSEHOLD_TASK_TYPES}. */
export type HouseholdTaskType = typeof HOUSEHOLD_TASK_TYPES[number];

/** What may have to be done to an object before it is put down. */
export type Transformation = "clean" | "heat" | "cool";

/** The transformations, in the order in which commands and proposals list them. */
export const TRANSFORMATIONS = ["clean", "heat", "cool"] as const;

/** Task type, adjective of the result, and receptacle class of the station of each transformation. */
export const TRANSFORMATION: Readonly<
  Record<
    Transformation,
    {
      readonly type: HouseholdTaskType;
      readonly adjective: string;
      readonly station: string;
    }
  >
> = {
  clean: {
    type: "pick_clean_then_place_in_recep",
    adjective: "clean",
    station: "SinkBasin",
  },
  heat: {
    type: "pick_heat_then_place_in_recep",
    adjective: "hot",
    station: "Microwave",
  },
  cool: {
    type: "pick_cool_then_place_in_recep",
    adjective: "cool",
    station: "Fridge",
  },
};

/** The transformation of the object that a task type asks for; undefined where it asks for none. */
export function transformationOf(
  type: HouseholdTaskType,
): Transformation | undefined {
  return TRANSFORMATIONS.find((how) => TRANSFORMATION[how].type === type);
}

/** A household task in parts; classes are words as the world spells them, `soapbar`. */
export interface HouseholdTask {
  /** Which of the six. */
  readonly type: HouseholdTaskType;
  /** Class of the object to deal with. */
  readonly object: string;
  /** Class of the receptacle it goes to; absent when it is to be looked at. */
  readonly receptacle?: string;
  /** Class of the lamp it is looked at under; absent otherwise. */
  readonly lamp?: string;
  /** What must be done to it first; absent when nothing must. */
  readonly transformation?: Transformation;
}

const LOOK =
  /^(?:look at (?:an? |the )?(\w+) under the (\w+)|examine (?:an? |the )?(\w+) with the (\w+))$/;
const TWO =
  /^(?:put two (\w+) (?:in|on) (\w+)|find two (\w+) and put them (?:in|on) (\w+))$/;
const ADJECTIVE = /^put an? (clean|hot|cool) (\w+) (?:in|on) (\w+)$/;
const VERB = /^(clean|heat|cool) some (\w+) and put it (?:in|on) (\w+)$/;
const SIMPLE =
  /^(?:put (?:an?|some) (\w+) (?:in|on) (\w+)|find some (\w+) and put it (?:in|on) (\w+))$/;

/**
 * Reads a task sentence in any of ALFWorld's wordings.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parseHouseholdTask } from "@hiper/lab/envs/household";
 *
 * deepStrictEqual(parseHouseholdTask("Your task is to: put a hot mug in sidetable."), {
 *   type: "pick_heat_then_place_in_recep",
 *   object: "mug",
 *   receptacle: "sidetable",
 *   transformation: "heat",
 * });
 * ```
 *
 * @param task The sentence, with or without `Your task is to:` and its period.
 * @returns Its parts, or `undefined` when it is worded differently.
 */
export function parseHouseholdTask(task: string): HouseholdTask | undefined {
  const marker = "your task is to:";
  const lower = task.toLowerCase();
  const from = lower.indexOf(marker);
  const sentence = (from < 0 ? lower : lower.slice(from + marker.length))
    .trim().replace(/\.$/, "").trim();

  const look = LOOK.exec(sentence);
  if (look !== null) {
    const object = look[1] ?? look[3] ?? "", lamp = look[2] ?? look[4] ?? "";
    return { type: "look_at_obj_in_light", object, lamp };
  }
  const two = TWO.exec(sentence);
  if (two !== null) {
    const object = two[1] ?? two[3] ?? "";
    const receptacle = two[2] ?? two[4] ?? "";
    return { type: "pick_two_obj_and_place", object, receptacle };
  }
  const changed = ADJECTIVE.exec(sentence) ?? VERB.exec(sentence);
  if (changed !== null) {
    const [, word = "", object = "", receptacle = ""] = changed;
    const transformation = TRANSFORMATIONS.find((how) =>
      how === word || TRANSFORMATION[how].adjective === word
    )!;
    const { type } = TRANSFORMATION[transformation];
    return { type, object, receptacle, transformation };
  }
  const simple = SIMPLE.exec(sentence);
  if (simple === null) return undefined;
  const object = simple[1] ?? simple[3] ?? "";
  const receptacle = simple[2] ?? simple[4] ?? "";
  return { type: "pick_and_place_simple", object, receptacle };
}

/**
 * Class of a named thing: `sidetable 2` is a `sidetable`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { householdClass } from "@hiper/lab/envs/household";
 *
 * strictEqual(householdClass("sidetable 2"), "sidetable");
 * ```
 *
 * @param name Name as the world displays it.
 * @returns The name without its number.
 */
export function householdClass(name: string): string {
  const space = name.indexOf(" ");
  return space < 0 ? name : name.slice(0, space);
}

/**
 * Finds the kind of task in the path of a game.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { taskTypeOfPath } from "@hiper/lab/envs/household";
 *
 * const path = "valid_seen/pick_two_obj_and_place-Pan-None-Desk-3/trial/game.tw-pddl";
 * strictEqual(taskTypeOfPath(path), "pick_two_obj_and_place");
 * ```
 *
 * @param path A path below the dataset's folder.
 * @returns The kind, or nothing where no folder is named for one.
 */
export function taskTypeOfPath(path: string): HouseholdTaskType | undefined {
  return HOUSEHOLD_TASK_TYPES.find((type) => path.includes(`${type}-`));
}

/**
 * Finds the kind of task in the goal of a game.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   generateHousehold,
 *   taskTypeOfGoal,
 * } from "@hiper/lab/envs/household";
 *
 * const { problem } = generateHousehold({ taskType: "look_at_obj_in_light" }, 1);
 * strictEqual(taskTypeOfGoal(problem.goal), "look_at_obj_in_light");
 * ```
 *
 * @param goal The goal of a household game.
 * @returns The kind, or nothing where the goal is of no known kind.
 */
export function taskTypeOfGoal(goal: Formula): HouseholdTaskType | undefined {
  const predicates = new Set<string>();
  let distinct = false;
  const visit = (formula: Formula): void => {
    switch (formula.kind) {
      case "atom":
        predicates.add(formula.atom.predicate);
        break;
      case "equal":
        distinct = true;
        break;
      case "and":
      case "or":
        formula.parts.forEach(visit);
        break;
      default:
        visit(formula.part);
    }
  };
  visit(goal);
  if (predicates.has("istoggled")) return "look_at_obj_in_light";
  if (!predicates.has("inreceptacle")) return undefined;
  if (predicates.has("ishot")) return "pick_heat_then_place_in_recep";
  if (predicates.has("iscool")) return "pick_cool_then_place_in_recep";
  if (predicates.has("isclean")) return "pick_clean_then_place_in_recep";
  return distinct ? "pick_two_obj_and_place" : "pick_and_place_simple";
}
