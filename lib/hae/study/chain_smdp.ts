/**
 * The world of the variance study: a chain of stages, each of which asks for another subgoal.
 *
 * @module
 */

import type { TabularSmdp } from "./tabular.ts";

/** Options for {@linkcode createChainSmdp}. */
export interface ChainSmdpOptions {
  /** Subgoal that each stage asks for, 0 or 1. @default {[0, 1, 0]} */
  readonly stages?: readonly number[];
  /** Positions in a stage. @default {3} */
  readonly positions?: number;
  /** Turns after which an episode is over. @default {18} */
  readonly horizon?: number;
  /** Discount per turn. @default {1} */
  readonly gamma?: number;
  /** Standard deviation of the noise on rewards. @default {0.5} */
  readonly noise?: number;
}

/** Probability of moving on, by whether the subgoal and the action are right. */
const PROGRESS = { right: [0.25, 0.85], wrong: [0.05, 0.15] } as const;

/**
 * Builds a chain of positions walked from left to right, two subgoals, two actions.
 *
 * A turn moves one position on with probability 0.85 under the stage's subgoal and the right
 * action (position plus subgoal, modulo 2), 0.25 with the wrong action, 0.15 and 0.05 under the
 * wrong subgoal. It costs 0.05; leaving the last position pays 10 and ends the episode.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createChainSmdp } from "@hiper/lab/studies";
 *
 * deepStrictEqual(createChainSmdp({ stages: [1], positions: 2 }).states, 2);
 * ```
 *
 * @param options Stages, length, horizon, discount and noise.
 * @returns The world as tables.
 */
export function createChainSmdp(options: ChainSmdpOptions = {}): TabularSmdp {
  const {
    stages = [0, 1, 0],
    positions = 3,
    horizon = 18,
    gamma = 1,
    noise = 0.5,
  } = options;
  const states = stages.length * positions, subgoals = 2, actions = 2;
  const rows = states * subgoals * actions;
  const transitions = new Float64Array(rows * states);
  for (let row = 0; row < rows; row++) {
    const action = row % actions;
    const subgoal = Math.floor(row / actions) % subgoals;
    const state = Math.floor(row / (actions * subgoals));
    const asked = stages[Math.floor(state / positions)]!;
    const progress = PROGRESS[subgoal === asked ? "right" : "wrong"];
    const on = progress[action === (state + subgoal) % 2 ? 1 : 0];
    transitions[row * states + state] = 1 - on;
    if (state + 1 < states) transitions[row * states + state + 1] = on;
  }
  const start = new Float64Array(states);
  start[0] = 1;
  const exitRewards = new Float64Array(states);
  exitRewards[states - 1] = 10;
  return {
    states,
    subgoals,
    actions,
    horizon,
    gamma,
    start,
    transitions,
    rewards: new Float64Array(rows).fill(-0.05),
    exitRewards,
    noise,
  };
}
