/**
 * Text games whose rules are PDDL: game files, compiled games, and recorded plays.
 *
 * @module
 */

export { GameError } from "../lib/envs/pddl/error.ts";
export type { GameErrorPlace, GameSection } from "../lib/envs/pddl/error.ts";
export type {
  Arities,
  Atom,
  Effect,
  Formula,
  TypedName,
} from "../lib/envs/pddl/formula.ts";
export { compileGame } from "../lib/envs/pddl/game.ts";
export type { CompiledGame } from "../lib/envs/pddl/game.ts";
export { openGame, readGame, taskSentence } from "../lib/envs/pddl/game_env.ts";
export type { GameEnv, GameEnvOptions } from "../lib/envs/pddl/game_env.ts";
export { parseGameFile } from "../lib/envs/pddl/game.ts";
export type { GameFile } from "../lib/envs/pddl/game.ts";
export { parseDomain } from "../lib/envs/pddl/parser.ts";
export type { ActionSchema, Domain } from "../lib/envs/pddl/parser.ts";
export { NOTHING_HAPPENS } from "../lib/envs/pddl/play.ts";
export type { GamePlay, PlayStep } from "../lib/envs/pddl/play.ts";
export { parseProblem } from "../lib/envs/pddl/parser.ts";
export type { Problem } from "../lib/envs/pddl/parser.ts";
export {
  findTraceGame,
  readTraces,
  recordSteps,
  replayTrace,
} from "../lib/envs/pddl/trace.ts";
export type {
  GameTrace,
  TraceMismatch,
  TraceStep,
} from "../lib/envs/pddl/trace.ts";
