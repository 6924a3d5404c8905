/**
 * Action selection: sampled from logits, or forced to a demonstrated decision.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { Decision, Observation } from "../../trajectory.ts";
import {
  type Choice,
  choosePlan,
  type PlanChoice,
  type PlanNumbers,
  sampleChoice,
} from "./choice.ts";
import type { InputBuilder } from "./inputs.ts";

/** Makes the choices of a batch of rows. */
export interface Chooser {
  /** A candidate subgoal besides the proposed ones. */
  alsoConsider(i: number): string | undefined;
  /** Decides whether to switch, and to which subgoal. */
  plan(builder: InputBuilder, plans: PlanNumbers, i: number): PlanChoice;
  /** Decides the action; `logits` has shape `(actions,)`. */
  act(logits: Float32Array, i: number): Choice;
}

/**
 * Samples each choice from its row's own stream.
 *
 * @param randoms One stream for each row.
 * @param temperature Divides logits; 0 takes the largest.
 * @returns The chooser.
 */
export function sampled(
  randoms: readonly Random[],
  temperature: number,
): Chooser {
  return {
    alsoConsider: () => undefined,
    plan: (builder, plans, i) =>
      choosePlan(builder, plans, i, { random: randoms[i]!, temperature }),
    act: (logits, i) =>
      sampleChoice(logits, { random: randoms[i]!, temperature }),
  };
}

/**
 * Makes the choices of decisions made elsewhere, with the log-probabilities that the policy gives them.
 *
 * @param observations What was seen.
 * @param decisions What was decided; traces and values are not used.
 * @returns The chooser.
 * @throws {RangeError} While choosing, if an action was not admissible.
 */
export function demonstrated(
  observations: readonly Observation[],
  decisions: readonly Decision[],
): Chooser {
  return {
    alsoConsider: (i) => decisions[i]!.subgoal || undefined,
    plan: (builder, plans, i) =>
      demonstratedPlan(builder, plans, i, decisions[i]!),
    act(logits, i) {
      const { admissibleActions } = observations[i]!;
      const { action } = decisions[i]!;
      const index = admissibleActions.indexOf(action);
      if (index < 0) {
        throw new RangeError(
          `Cannot encode a decision as its action must be admissible: current value is "${action}"`,
        );
      }
      return chosen(logits, index);
    },
  };
}

function demonstratedPlan(
  builder: InputBuilder,
  plans: PlanNumbers,
  i: number,
  decision: Decision,
): PlanChoice {
  const { candidates, held } = builder;
  const nothing = { index: -1, logProb: 0 };
  if (candidates.length === 0) {
    return {
      switched: false,
      subgoal: undefined,
      switching: { index: 0, logProb: 0 },
      planning: nothing,
      candidates,
      switchProbability: 0,
    };
  }
  const logit = plans.switching[i]!;
  const forced = held === undefined;
  const switchProbability = forced ? 1 : 1 / (1 + Math.exp(-logit));
  if (!forced && !decision.switched) {
    return {
      switched: false,
      subgoal: held,
      switching: chosen(Float32Array.of(0, logit), 0),
      planning: nothing,
      candidates: [],
      switchProbability,
    };
  }
  const { starts } = plans.rows;
  const logits = plans.planning.subarray(starts[i], starts[i + 1]);
  const index = candidates.indexOf(decision.subgoal);
  return {
    switched: true,
    subgoal: decision.subgoal,
    switching: forced
      ? { index: 1, logProb: 0 }
      : chosen(Float32Array.of(0, logit), 1),
    planning: chosen(logits, index),
    candidates,
    switchProbability,
  };
}

/** A choice that was made elsewhere, with its log-probability under a softmax. */
function chosen(logits: Float32Array, index: number): Choice {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - top);
  return { index, logProb: logits[index]! - top - Math.log(total) };
}
