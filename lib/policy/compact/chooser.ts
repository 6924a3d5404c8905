/**
 * Who chooses when a compact policy decides: chance, by its logits, or somebody else, whom it follows.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { Decision, Situation } from "../../trajectory.ts";
import {
  choosePlan,
  type Draw,
  draw,
  type PlanChoice,
  type PlanNumbers,
} from "./choice.ts";
import type { Draft } from "./inputs.ts";

/** Makes the choices of a batch of situations. */
export interface Chooser {
  /** A candidate subgoal besides the proposed ones. */
  alsoConsider(i: number): string | undefined;
  /** Decides whether to switch, and to which subgoal. */
  plan(draft: Draft, plans: PlanNumbers, i: number): PlanChoice;
  /** Decides the action; `logits` has shape `(actions,)`. */
  act(logits: Float32Array, i: number): Draw;
}

/**
 * Chooses by chance, each situation from its own stream.
 *
 * @param randoms One stream for each situation.
 * @param temperature Divides logits; 0 takes the largest.
 * @returns The chooser.
 */
export function byChance(
  randoms: readonly Random[],
  temperature: number,
): Chooser {
  return {
    alsoConsider: () => undefined,
    plan: (draft, plans, i) =>
      choosePlan(draft, plans, i, { random: randoms[i]!, temperature }),
    act: (logits, i) => draw(logits, { random: randoms[i]!, temperature }),
  };
}

/**
 * Chooses what somebody else chose, with the log-probabilities the policy gives to it.
 *
 * @param situations Where.
 * @param decisions What was decided there; traces and values are not looked at.
 * @returns The chooser.
 * @throws {RangeError} While choosing, if an action was not admissible.
 */
export function byExample(
  situations: readonly Situation[],
  decisions: readonly Decision[],
): Chooser {
  return {
    alsoConsider: (i) => decisions[i]!.subgoal || undefined,
    plan: (draft, plans, i) => followPlan(draft, plans, i, decisions[i]!),
    act(logits, i) {
      const { admissibleActions } = situations[i]!.observation;
      const { action } = decisions[i]!;
      const index = admissibleActions.indexOf(action);
      if (index < 0) {
        throw new RangeError(
          `Cannot follow a decision as its action must be admissible: current value is "${action}"`,
        );
      }
      return chosen(logits, index);
    },
  };
}

function followPlan(
  draft: Draft,
  plans: PlanNumbers,
  i: number,
  decision: Decision,
): PlanChoice {
  const { candidates, held } = draft;
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
function chosen(logits: Float32Array, index: number): Draw {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - top);
  return { index, logProb: logits[index]! - top - Math.log(total) };
}

/**
 * Follows decisions in rounds in which every episode occurs at most once, as a batch must be: what is
 * remembered of an episode moves on with its turns.
 *
 * @param situations Any situations; those of one episode share their first observation.
 * @param decisions What was decided in each.
 * @param decide Decides a batch by a chooser.
 * @returns The decisions as decided, in order.
 */
export function followInRounds(
  situations: readonly Situation[],
  decisions: readonly Decision[],
  decide: (situations: readonly Situation[], chooser: Chooser) => Decision[],
): Decision[] {
  const followed: Decision[] = [];
  for (const round of rounds(situations)) {
    const there = round.map((i) => situations[i]!);
    const chooser = byExample(there, round.map((i) => decisions[i]!));
    decide(there, chooser).forEach((one, k) => followed[round[k]!] = one);
  }
  return followed;
}

function rounds(situations: readonly Situation[]): number[][] {
  const seen = new Map<object, number>();
  const parted: number[][] = [];
  for (const [i, { past, observation }] of situations.entries()) {
    const episode = past[0]?.observation ?? observation;
    const round = seen.get(episode) ?? 0;
    seen.set(episode, round + 1);
    (parted[round] ??= []).push(i);
  }
  return parted;
}
