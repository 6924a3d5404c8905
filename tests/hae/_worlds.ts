/**
 * Small random worlds for laws: few states, probabilities of leaving, any discount.
 *
 * @module
 */

import fc from "fast-check";
import { createRandom, type Random } from "../../lib/random.ts";
import {
  randomTabularPolicy,
  type TabularPolicy,
  type TabularSmdp,
  type TabularValues,
} from "../../lib/hae/study/tabular.ts";
import { byDecision } from "../../lib/trajectory.ts";

/** A world and who plays in it. */
export interface Play {
  readonly world: TabularSmdp;
  readonly policy: TabularPolicy;
}

/** Draws a world with two states, subgoals and actions, and a policy. */
export function randomPlay(seed: number, horizon: number): Play {
  const random = createRandom(seed);
  const gamma = seed % 3 === 0 ? 1 : 0.7 + 0.3 * random.uniform();
  const draw = (length: number) =>
    Float64Array.from({ length }, () => random.normal());
  const world = {
    states: 2,
    subgoals: 2,
    actions: 2,
    horizon,
    gamma,
    start: new Float64Array([0.3, 0.7]),
    transitions: probabilities(random),
    rewards: draw(8),
    exitRewards: draw(2),
    noise: 0,
  };
  return {
    world,
    policy: randomTabularPolicy(world, { random, deviation: 1 }),
  };
}

/** Eight rows of two next states and an exit. */
function probabilities(random: Random): Float64Array {
  const table = new Float64Array(16);
  for (let row = 0; row < 8; row++) {
    const weights = [0, 1, 2].map(() => random.uniform());
    const total = weights.reduce((a, b) => a + b, 0);
    table.set([weights[0]! / total, weights[1]! / total], 2 * row);
  }
  return table;
}

/** A critic that knows nothing. */
export function anyCritic(values: TabularValues, seed: number): TabularValues {
  const random = createRandom(seed);
  return byDecision((name) => values[name].map(() => 3 * random.normal()));
}

/** Seeds of worlds. */
export const seeds = fc.integer({ min: 0, max: 1e6 });

/** Lambdas and other weights. */
export const weights = fc.double({ min: 0, max: 1, noNaN: true });
