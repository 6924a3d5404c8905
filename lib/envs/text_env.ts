/**
 * The contract of a world: text in, actions out, one episode each.
 *
 * Laws, checked for every world by `conformance` in `tests/envs/_conformance.ts`:
 *
 * 1. The same specification and seed give the same episode for the same actions.
 * 2. Every admissible action is accepted.
 * 3. An action that is not admissible changes nothing but the turn count.
 * 4. A world whose episode has ended refuses to step.
 * 5. Equal `stateKey`s mean equal states: the same actions lead to the same observations and rewards.
 *
 * @module
 */

import type { Hint, Observation, Situation } from "../trajectory.ts";

export type { Hint } from "../trajectory.ts";

/** What a world shows first. */
export interface EnvStart {
  /** The task, in words. */
  readonly task: string;
  /** Kind of task, where the world distinguishes kinds. */
  readonly taskType?: string;
  /** What is seen before the first action. */
  readonly observation: Observation;
}

/** What an action led to. */
export interface EnvStep {
  /** What is seen now. */
  readonly observation: Observation;
  /** What the world pays for the action. */
  readonly reward: number;
  /** Present when the episode is over: ended by the world, or cut off by its limit. */
  readonly ending?: "terminated" | "truncated";
  /** Whether the task is accomplished. */
  readonly success: boolean;
  /** The world's own score in `[0, 1]`, where it has one besides success. */
  readonly score?: number;
}

/** One world, for one episode. There is no reset: open another. */
export interface TextEnv {
  /** Begins the episode; called once, before any step. */
  start(): EnvStart | Promise<EnvStart>;
  /** Takes one action. Throws an `Error` after the episode has ended. */
  step(action: string): EnvStep | Promise<EnvStep>;
  /** What an expert with full knowledge would do now; absent from worlds without an expert. */
  hint?(): Hint | undefined;
  /**
   * A picture of what is shown now, PNG in base64; nothing where the episode has ended. Absent from worlds without
   * pictures.
   */
  picture?(): Promise<string | undefined>;
  /** Frees what the world holds, if it holds anything. */
  [Symbol.asyncDispose]?(): Promise<void>;
}

/**
 * The world is gone, or what a step did is unknown, as a world elsewhere may fail: a time is over, a connection lost.
 *
 * Such a step is never repeated, as it may have been taken. The episode ends and has no outcome: it is counted as
 * lost, and neither scored nor learned from.
 */
export class EpisodeLostError extends Error {
  /** The class, for messages. */
  override readonly name = "EpisodeLostError";
}

/** Enough to open a world anywhere, a Worker included: plain data, structured-cloneable. */
export interface EnvSpec {
  /** Which world: a built-in name, or one that the caller's own {@linkcode OpenEnv} opens. */
  readonly kind: string;
  /** Settings of that world. */
  readonly [setting: string]: unknown;
}

/** Opens the world of a specification; the seed decides everything the specification leaves open. */
export type OpenEnv = (
  spec: EnvSpec,
  seed: number,
) => TextEnv | Promise<TextEnv>;

/**
 * What a world knows of the subgoals that it lists: a rule of the world, whatever policy plays.
 *
 * It reads what was observed, as an agent does, so that a recorded episode can be judged by it.
 */
export interface SubgoalRule {
  /** Whether an action, in a situation, is a step towards a subgoal. */
  serves(subgoal: string, action: string, situation: Situation): boolean;
  /**
   * Whether the last turn of a situation's past achieved a subgoal, as what is observed now shows; false where nothing
   * has been played.
   */
  achieved(subgoal: string, situation: Situation): boolean;
}

/** Candidate subgoals in a situation; a world provides the function, planners take it. */
export type ProposeSubgoals = (situation: Situation) => readonly string[];

/**
 * Candidate subgoals for the next step of a strategy, before the first turn: `steps` come before it and are taken as
 * achieved.
 */
export type ProposeStrategy = (
  situation: Situation,
  steps: readonly string[],
) => readonly string[];

/**
 * Actions that are as good as the expert's given only what was observed, that one among
 * them; a single one where the observations are enough.
 */
export type ListAlternatives = (
  situation: Situation,
  hint: Hint,
) => readonly string[];
