/**
 * Household worlds: generated ones, ALFWorld's games, and ALFRED's recorded tasks.
 *
 * @module
 */

export {
  importAlfredTask,
  readAlfredPlacements,
} from "../lib/envs/alfworld/alfred_import.ts";
export type {
  AlfredGame,
  AlfredPlacements,
  AlfredRefusal,
  AlfredSpots,
  ImportAlfredOptions,
} from "../lib/envs/alfworld/alfred_import.ts";
export {
  listAlfred,
  listRecordedTasks,
  readRecordedTask,
} from "../lib/envs/alfworld/alfred_spec.ts";
export type { RecordedTask } from "../lib/envs/alfworld/alfred_spec.ts";
export { parseAlfredTask } from "../lib/envs/alfworld/alfred_task.ts";
export type { AlfredTask } from "../lib/envs/alfworld/alfred_task.ts";
export { ALFWORLD_SPLITS, listAlfworld } from "../lib/envs/alfworld/dataset.ts";
export {
  createHouseholdExpert,
  planHousehold,
} from "../lib/envs/household/expert.ts";
export type {
  HouseholdExpert,
  PlanSegment,
} from "../lib/envs/household/expert.ts";
export { createHouseholdGame } from "../lib/envs/household/game.ts";
export type {
  HouseholdGame,
  HouseholdGameFile,
} from "../lib/envs/household/game.ts";
export { HOUSEHOLD_SPLITS } from "../lib/envs/household/house.ts";
export type { HouseholdSplit } from "../lib/envs/household/house.ts";
export {
  generateHousehold,
  openHousehold,
  openHouseholdGame,
} from "../lib/envs/household/household.ts";
export type {
  HouseholdEnvOptions,
  HouseholdOptions,
  OpenHouseholdOptions,
} from "../lib/envs/household/household.ts";
export { HOUSEHOLD_DIFFICULTIES } from "../lib/envs/household/layout.ts";
export type { HouseholdDifficulty } from "../lib/envs/household/layout.ts";
export { listHouseholds } from "../lib/envs/household/spec.ts";
export {
  householdStep,
  proposeHouseholdSteps,
} from "../lib/envs/household/steps.ts";
export { proposeHouseholdStrategy } from "../lib/envs/household/strategy.ts";
export { HOUSEHOLD_SUBGOAL_RULE } from "../lib/envs/household/subgoal_rule.ts";
export {
  householdSubgoal,
  listHouseholdAlternatives,
  nameHouseholdSubgoal,
  proposeHouseholdSubgoals,
} from "../lib/envs/household/subgoals.ts";
export {
  HOUSEHOLD_ROOMS,
  PLAN_FIGURES,
  ROOM_FIGURES,
} from "../lib/envs/household/tables.ts";
export type {
  FixtureFigures,
  Histogram,
  HouseholdRoom,
  ObjectFigures,
  ReceptacleFigures,
  RoomFigures,
} from "../lib/envs/household/tables.ts";
export {
  HOUSEHOLD_TASK_TYPES,
  householdClass,
  parseHouseholdTask,
  taskTypeOfGoal,
  taskTypeOfPath,
} from "../lib/envs/household/task.ts";
export type {
  HouseholdTask,
  HouseholdTaskType,
  Transformation,
} from "../lib/envs/household/task.ts";
export { guessHouseholdTask } from "../lib/envs/household/wording.ts";
export type {
  HouseholdGoal,
  HouseholdLayout,
  HouseholdWorld,
  Receptacle,
  Standpoint,
  Thing,
} from "../lib/envs/household/world.ts";
export { ALFWORLD_REFERENCE } from "../lib/envs/pddl/game_env.ts";
export { openChores } from "../lib/envs/household/chores.ts";
export type { OpenChoresOptions } from "../lib/envs/household/chores.ts";
export type { ChoreOrder } from "../lib/envs/household/chore_words.ts";
