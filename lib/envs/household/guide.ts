/**
 * What planners, teachers and measures may know of a household, whatever game it is played in.
 *
 * @module
 */

import type { WorldGuide } from "../world.ts";
import { proposeHouseholdSteps } from "./steps.ts";
import { proposeHouseholdStrategy } from "./strategy.ts";
import { HOUSEHOLD_SUBGOAL_RULE } from "./subgoal_rule.ts";
import {
  listHouseholdAlternatives,
  proposeHouseholdSubgoals,
} from "./subgoals.ts";

/** The guide of households: drawn ones, ALFWorld's games, ALFRED's recorded tasks. */
export const HOUSEHOLD_GUIDE: WorldGuide = {
  proposeSubgoals: proposeHouseholdSubgoals,
  proposeSteps: proposeHouseholdSteps,
  proposeStrategy: proposeHouseholdStrategy,
  subgoalRule: HOUSEHOLD_SUBGOAL_RULE,
  alternatives: listHouseholdAlternatives,
};
