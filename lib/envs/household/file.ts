/**
 * Household games as files: what a game file says about a household.
 *
 * @module
 */

import { householdProblem, printProblem } from "./problem.ts";
import { HOUSEHOLD_DOMAIN, householdGrammar } from "./rules.ts";
import type { HouseholdWorld } from "./world.ts";

/** A game file of ALFWorld's form; the keys are those of the format. */
export interface HouseholdGameFile {
  /** Types, predicates and actions, as PDDL. */
  readonly pddl_domain: string;
  /** Entities, first facts and goal, as PDDL. */
  readonly pddl_problem: string;
  /** Commands and feedback, as text grammar; the task sentence is in it. */
  readonly grammar: string;
  /** Whether a solution is known. */
  readonly solvable: boolean;
  /** Commands that win the game. */
  readonly walkthrough: readonly string[];
  /** Kind of task. */
  readonly task_type: string;
  /** How the game came about: everything needed to make it again. */
  readonly gen: Readonly<Record<string, unknown>>;
}

/**
 * Writes a household down as a game file, playable by any engine of the format.
 *
 * @param world The household.
 * @param walkthrough Commands that win it.
 * @param origin How it came about, recorded in the file.
 * @returns The file's contents, to be stored as JSON.
 */
export function householdGameFile(
  world: HouseholdWorld,
  walkthrough: readonly string[],
  origin: Readonly<Record<string, unknown>>,
): HouseholdGameFile {
  let problem: string | undefined;
  return {
    pddl_domain: HOUSEHOLD_DOMAIN,
    // Printed when read: most readers want the other texts.
    get pddl_problem() {
      return problem ??= printProblem(householdProblem(world), "alfred");
    },
    grammar: householdGrammar(world.sentence),
    solvable: true,
    walkthrough,
    task_type: world.goal.type,
    gen: origin,
  };
}
