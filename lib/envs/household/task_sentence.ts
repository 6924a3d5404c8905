/**
 * What a game asks for: its sentence, and which of ALFWorld's six kinds of task it is.
 *
 * @module
 */

import { HOUSEHOLD_TASK_TYPES, type HouseholdTaskType } from "./task.ts";
import type { Formula } from "../pddl/formula.ts";

const TASK_MARK = "Your task is to: ";

/**
 * Finds the task sentence in what is read first.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { taskSentence } from "@hiper/lab";
 *
 * strictEqual(taskSentence("Hello.\n\nYour task is to: put a mug in desk."), "put a mug in desk.");
 * ```
 *
 * @param intro The first observation.
 * @returns What follows `Your task is to: `, or the whole text where that is missing.
 */
export function taskSentence(intro: string): string {
  const at = intro.indexOf(TASK_MARK);
  return (at < 0 ? intro : intro.slice(at + TASK_MARK.length)).trim();
}

/**
 * Asks for the same in other words.
 *
 * @param intro The first observation.
 * @param task What is to follow `Your task is to: `.
 * @returns The first observation with that sentence instead of its own, or after it where it has none.
 */
export function withTaskSentence(intro: string, task: string): string {
  const at = intro.indexOf(TASK_MARK);
  const before = at < 0 ? `${intro}\n\n` : intro.slice(0, at);
  return `${before}${TASK_MARK}${task}`;
}

/**
 * Finds the kind of task in the path of a game.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { taskTypeOfPath } from "@hiper/lab";
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
 * Tells the kind of task from what must hold at the end.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { generateHousehold, taskTypeOfGoal } from "@hiper/lab";
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
