/**
 * Exact values, occupancies and policy gradient of a tabular world with a horizon.
 *
 * Values come from one pass backwards in time, occupancies from one pass forwards; nothing is
 * sampled and nothing is solved iteratively.
 *
 * @module
 */

import { type ByDecision, byDecision } from "../../trajectory.ts";
import {
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
} from "./tabular.ts";

/**
 * What is differentiated.
 *
 * - `discounted`: `E Σ gamma^t r_t`; the gradient weighs the state of turn `t` by `gamma^t`
 * - `undiscounted`: `E Σ r_t`, as if `gamma` were 1, whatever estimators discount
 */
export type Objective = "discounted" | "undiscounted";

/** Options for {@linkcode exactGradient} and its companions. */
export interface ExactOptions {
  /** What is differentiated. @default {"discounted"} */
  readonly objective?: Objective;
}

/** What is known of a policy in a world. */
export interface ExactValues extends ByDecision<Float64Array> {
  /** Value of each action. Shape `(horizon, states, subgoals, actions)`. */
  readonly actions: Float64Array;
}

/** Probability of standing before each decision, at each time. */
export interface Occupancies {
  /** Before switching, by held subgoal; nothing at time 0. Shape `(horizon, states, subgoals)`. */
  readonly switching: Float64Array;
  /** Before planning. Shape `(horizon, states)`. */
  readonly planning: Float64Array;
  /** Before execution, by subgoal in force. Shape `(horizon, states, subgoals)`. */
  readonly execution: Float64Array;
}

/**
 * Computes the value of standing before each decision, at each time.
 *
 * `Q = r + gamma · W(next state, subgoal)`, `V_execution = Σ π Q`, `V_planning = Σ μ V_execution`,
 * `V_switching = W = β V_planning + (1 − β) V_execution`; all 0 at the horizon.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   exactValues,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const { planning } = exactValues(world, policy);
 * ok(planning[0]! < planning[world.states - 1]!); // closer to the goal is better
 * ```
 *
 * @returns Values indexed by time, in units of return.
 * @throws {RangeError} If the policy has not the size of the world.
 */
export function exactValues(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: ExactOptions = {},
): ExactValues {
  const { states, subgoals, actions, horizon, transitions } = smdp;
  const gamma = discountOf(smdp, options);
  const odds = tabularProbabilities(smdp, policy);
  const pairs = states * subgoals;
  const values = {
    switching: new Float64Array(horizon * pairs),
    planning: new Float64Array(horizon * states),
    execution: new Float64Array(horizon * pairs),
    actions: new Float64Array(horizon * pairs * actions),
  };
  for (let time = horizon - 1; time >= 0; time--) {
    for (let pair = 0; pair < pairs; pair++) {
      const state = Math.floor(pair / subgoals), subgoal = pair % subgoals;
      let mean = 0;
      for (let row = pair * actions; row < (pair + 1) * actions; row++) {
        let future = 0, stays = 0;
        for (let next = 0; next < states; next++) {
          const chance = transitions[row * states + next]!;
          stays += chance;
          if (time + 1 === horizon) continue;
          const after = ((time + 1) * states + next) * subgoals + subgoal;
          future += chance * values.switching[after]!;
        }
        const value = smdp.rewards[row]! +
          (1 - stays) * smdp.exitRewards[state]! + gamma * future;
        values.actions[time * pairs * actions + row] = value;
        mean += odds.execution[row]! * value;
      }
      values.execution[time * pairs + pair] = mean;
      values.planning[time * states + state]! += odds.planning[pair]! * mean;
    }
    for (let pair = 0; pair < pairs; pair++) {
      const beta = odds.switching[pair]!;
      const state = Math.floor(pair / subgoals);
      values.switching[time * pairs + pair] =
        beta * values.planning[time * states + state]! +
        (1 - beta) * values.execution[time * pairs + pair]!;
    }
  }
  return values;
}

/**
 * Computes how likely each decision is met at each time.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   exactOccupancies,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const { switching, planning } = exactOccupancies(world, policy);
 * strictEqual(planning[0], 1); // every episode plans first, in the first state,
 * strictEqual(switching[0], 0); // where nothing is held that could be switched
 * ```
 *
 * @returns Probabilities, not discounted.
 * @throws {RangeError} If the policy has not the size of the world.
 */
export function exactOccupancies(
  smdp: TabularSmdp,
  policy: TabularPolicy,
): Occupancies {
  const { states, subgoals, actions, horizon, transitions } = smdp;
  const odds = tabularProbabilities(smdp, policy);
  const pairs = states * subgoals;
  const switching = new Float64Array(horizon * pairs);
  const planning = new Float64Array(horizon * states);
  const execution = new Float64Array(horizon * pairs);
  planning.set(smdp.start); // on the first turn switching is forced
  for (let time = 0; time < horizon; time++) {
    for (let pair = 0; pair < pairs; pair++) {
      const here = switching[time * pairs + pair]!;
      const beta = odds.switching[pair]!;
      const state = Math.floor(pair / subgoals);
      planning[time * states + state]! += here * beta;
      execution[time * pairs + pair]! += here * (1 - beta);
    }
    for (let pair = 0; pair < pairs; pair++) {
      const state = Math.floor(pair / subgoals), subgoal = pair % subgoals;
      const here = time * pairs + pair;
      execution[here]! += planning[time * states + state]! *
        odds.planning[pair]!;
      if (time + 1 === horizon) continue;
      for (let row = pair * actions; row < (pair + 1) * actions; row++) {
        const mass = execution[here]! * odds.execution[row]!;
        for (let next = 0; next < states; next++) {
          const after = ((time + 1) * states + next) * subgoals + subgoal;
          switching[after]! += mass * transitions[row * states + next]!;
        }
      }
    }
  }
  return { switching, planning, execution };
}

/**
 * Computes what the policy earns: the objective that {@linkcode exactGradient} differentiates.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { byDecision, createRandom } from "@hiper/lab";
 * import {
 *   exactGradient,
 *   exactReturn,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const gradient = exactGradient(world, policy);
 * const logits = byDecision((name) =>
 *   policy.logits[name].map((logit, i) => logit + 0.01 * gradient[name][i]!)
 * );
 * ok(exactReturn(world, { logits }) > exactReturn(world, policy)); // a small step uphill
 * ```
 *
 * @returns Expected return of an episode.
 * @throws {RangeError} If the policy has not the size of the world.
 */
export function exactReturn(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: ExactOptions = {},
): number {
  const { planning } = exactValues(smdp, policy, options);
  return smdp.start.reduce((sum, p, state) => sum + p * planning[state]!, 0);
}

/**
 * Computes the exact gradient of the expected return with respect to every logit.
 *
 * `Σ_t gamma^t E[∇log β · A_switching + ∇log μ · A_planning + ∇log π · A_execution]`, with the
 * exact advantages `V_planning − V_execution(held)` times `q − β`, `V_execution − V_planning` and
 * `Q − V_execution`.
 *
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, hierarchical policy gradient
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   exactGradient,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const { planning } = exactGradient(world, policy);
 * ok(planning[0]! > 0); // the first stage asks for subgoal 0
 * ```
 *
 * @returns Derivatives in the shapes of the logits.
 * @throws {RangeError} If the policy has not the size of the world.
 */
export function exactGradient(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: ExactOptions = {},
): ByDecision<Float64Array> {
  const { states, subgoals, actions, horizon } = smdp;
  const odds = tabularProbabilities(smdp, policy);
  const values = exactValues(smdp, policy, options);
  const met = exactOccupancies(smdp, policy);
  const pairs = states * subgoals, gamma = discountOf(smdp, options);
  const gradient = byDecision((name) =>
    new Float64Array(policy.logits[name].length)
  );
  for (let time = 0; time < horizon; time++) {
    const weight = gamma ** time;
    for (let pair = 0; pair < pairs; pair++) {
      const here = time * pairs + pair;
      const standing = time * states + Math.floor(pair / subgoals);
      const gap = values.execution[here]! - values.planning[standing]!;
      const beta = odds.switching[pair]!;
      gradient.switching[pair]! -= weight * met.switching[here]! * beta *
        (1 - beta) * gap;
      gradient.planning[pair]! += weight * met.planning[standing]! *
        odds.planning[pair]! * gap;
      for (let row = pair * actions; row < (pair + 1) * actions; row++) {
        const advantage = values.actions[time * pairs * actions + row]! -
          values.execution[here]!;
        gradient.execution[row]! += weight * met.execution[here]! *
          odds.execution[row]! * advantage;
      }
    }
  }
  return gradient;
}

/** Discount of the objective. */
function discountOf(smdp: TabularSmdp, options: ExactOptions): number {
  return options.objective === "undiscounted" ? 1 : smdp.gamma;
}
