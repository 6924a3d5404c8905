/**
 * Planners that choose subgoals, executors that choose actions under them, and their
 * composition into a policy; random, scripted and expert ones.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type { Decision, Situation } from "../trajectory.ts";
import type { Policy } from "./policy.ts";

/** What a planner decides on a turn. */
export interface Plan {
  /** Whether the subgoal is newly taken up; always so on the first turn. */
  readonly switched: boolean;
  /** The subgoal in force from now on. */
  readonly subgoal: string;
}

/** What an expert would do: a subgoal, and an action that serves it. */
export interface Advice {
  /** The subgoal to hold. */
  readonly subgoal: string;
  /** The action to take. */
  readonly action: string;
}

/** A situation in which the subgoal is settled. */
export type PlannedSituation = Situation & { readonly subgoal: string };

/** Chooses whether to switch, and to which subgoal. */
export interface Planner {
  /** One plan for each situation, drawn from that situation's own stream. */
  plan(
    situations: readonly Situation[],
    randoms: readonly Random[],
  ): Plan[] | Promise<Plan[]>;
}

/** Chooses actions that serve the subgoal in force. */
export interface Executor {
  /** One action for each situation, drawn from that situation's own stream. */
  act(
    situations: readonly PlannedSituation[],
    randoms: readonly Random[],
  ): string[] | Promise<string[]>;
}

/** Says something of one situation, with a stream to draw from. */
export type Choose<T> = (situation: Situation, random: Random) => T;

/**
 * Composes a planner and an executor into a policy: first the plan, then the action under it.
 *
 * The two draw from streams of their own (`"plan"` and `"act"`), so exchanging one never
 * changes what the other draws.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, planExecute, scriptedExecutor, scriptedPlanner } from "@hiper/lab";
 *
 * const policy = planExecute(
 *   scriptedPlanner(() => "find the mug"),
 *   scriptedExecutor((situation) => situation.observation.admissibleActions[0]!),
 * );
 * const observation = { text: "", admissibleActions: ["look"], stateKey: "" };
 * const situation = { task: "find a mug", past: [], observation };
 * const [decision] = await policy.decide([situation], [createRandom(1)]);
 * strictEqual(decision!.action, "look");
 * strictEqual(decision!.switched, true);
 * ```
 *
 * @param planner Decides what for.
 * @param executor Decides how.
 * @returns A policy whose decisions cannot be trained, as nothing records how they came about.
 */
export function planExecute(planner: Planner, executor: Executor): Policy {
  return {
    async decide(situations, randoms) {
      const plans = await planner.plan(
        situations,
        randoms.map((random) => random.fork("plan")),
      );
      const planned = situations.map((situation, i) => ({
        ...situation,
        subgoal: plans[i]!.subgoal,
      }));
      const actions = await executor.act(
        planned,
        randoms.map((random) => random.fork("act")),
      );
      return situations.map((situation, i) =>
        decision(situation, plans[i]!, actions[i]!)
      );
    },
  };
}

function decision(situation: Situation, plan: Plan, action: string): Decision {
  return {
    switched: plan.switched || situation.subgoal === undefined,
    subgoal: plan.subgoal,
    action,
    valid: situation.observation.admissibleActions.includes(action),
    trace: { kind: "untrainable" },
  };
}

/**
 * Plans by a function: whenever it names another subgoal than the one held, that is a switch.
 *
 * @param subgoal Names the subgoal for a situation.
 * @returns A planner.
 */
export function scriptedPlanner(subgoal: Choose<string>): Planner {
  return {
    plan: (situations, randoms) =>
      situations.map((situation, i) => {
        const chosen = subgoal(situation, randoms[i]!);
        return { switched: chosen !== situation.subgoal, subgoal: chosen };
      }),
  };
}

/**
 * Switches with a fixed probability, to any of the proposed subgoals.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom, randomPlanner } from "@hiper/lab";
 * const planner = randomPlanner({ proposeSubgoals: () => ["find a mug"] });
 * const observation = { text: "", admissibleActions: ["look"], stateKey: "" };
 * const first = { task: "find a mug", past: [], observation };
 * const [plan] = await planner.plan([first], [createRandom(1)]);
 * deepStrictEqual(plan, { switched: true, subgoal: "find a mug" });
 * ```
 *
 * @param options `proposeSubgoals` lists the candidates; `switchProbability` is that of every turn but the first. @default {0.2}
 * @returns A planner.
 * @throws {RangeError} If the probability is outside `[0, 1]`, or while planning, if nothing is proposed.
 */
export function randomPlanner(
  options: {
    proposeSubgoals: (situation: Situation) => readonly string[];
    switchProbability?: number;
  },
): Planner {
  const { proposeSubgoals, switchProbability = 0.2 } = options;
  if (!(switchProbability >= 0 && switchProbability <= 1)) {
    throw new RangeError(
      `Cannot plan at random as "switchProbability" must be in [0, 1]: current value is ${switchProbability}`,
    );
  }
  const plan = (situation: Situation, random: Random): Plan => {
    const { subgoal } = situation;
    if (subgoal !== undefined && random.uniform() >= switchProbability) {
      return { switched: false, subgoal };
    }
    const proposed = proposeSubgoals(situation);
    return { switched: true, subgoal: pick(proposed, random, "subgoal") };
  };
  return {
    plan: (situations, randoms) =>
      situations.map((situation, i) => plan(situation, randoms[i]!)),
  };
}

/**
 * Keeps each plan of another planner for a fixed number of turns.
 *
 * @param planner Asked only when a plan has run out.
 * @param turns How long a plan is held.
 * @returns A planner; with `turns` of 1 it switches on every turn.
 * @throws {RangeError} If `turns` is not a positive integer.
 */
export function heldFor(planner: Planner, turns: number): Planner {
  if (!(Number.isSafeInteger(turns) && turns > 0)) {
    throw new RangeError(
      `Cannot hold plans as "turns" must be a positive integer: current value is ${turns}`,
    );
  }
  return {
    async plan(situations, randoms) {
      const due = situations.flatMap((situation, i) =>
        turnsHeld(situation) % turns === 0 ? [i] : []
      );
      const plans = situations.map(({ subgoal = "" }): Plan => ({
        switched: false,
        subgoal,
      }));
      if (due.length === 0) return plans;
      const fresh = await planner.plan(
        due.map((i) => situations[i]!),
        due.map((i) => randoms[i]!),
      );
      due.forEach((i, k) => {
        plans[i] = { switched: true, subgoal: fresh[k]!.subgoal };
      });
      return plans;
    },
  };
}

/** Turns since the subgoal was taken up; 0 before the first. */
function turnsHeld(situation: Situation): number {
  const start = situation.past.findLastIndex((turn) => turn.decision.switched);
  return start < 0 ? 0 : situation.past.length - start;
}

/**
 * Acts by a function.
 *
 * @param action Names the action for a situation whose subgoal is settled.
 * @returns An executor.
 */
export function scriptedExecutor(
  action: (situation: PlannedSituation, random: Random) => string,
): Executor {
  return {
    act: (situations, randoms) =>
      situations.map((situation, i) => action(situation, randoms[i]!)),
  };
}

/**
 * Takes any admissible action, each as likely.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom, randomExecutor } from "@hiper/lab";
 * const observation = { text: "", admissibleActions: ["look"], stateKey: "" };
 * const situation = { task: "look", past: [], observation, subgoal: "look" };
 * deepStrictEqual(await randomExecutor().act([situation], [createRandom(1)]), ["look"]);
 * ```
 *
 * @returns An executor that throws a `RangeError` where no action is admissible.
 */
export function randomExecutor(): Executor {
  return scriptedExecutor((situation, random) =>
    pick(situation.observation.admissibleActions, random, "admissible action")
  );
}

/**
 * Does what an expert would do, subgoal and action.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, expertPolicy } from "@hiper/lab";
 * const policy = expertPolicy(() => ({ subgoal: "find a mug", action: "look" }));
 * const observation = { text: "", admissibleActions: ["wait"], stateKey: "" };
 * const situation = { task: "find a mug", past: [], observation };
 * const [decision] = await policy.decide([situation], [createRandom(1)]);
 * strictEqual(decision!.valid, false); // the world does not accept "look" here
 * ```
 *
 * @param hint What the expert says of a situation; see `openWithHints`.
 * @param fallback Decides where the expert is silent.
 * @returns A policy that never strays from the hints.
 * @throws {TypeError} While deciding, if the expert is silent and there is no fallback.
 */
export function expertPolicy(
  hint: (situation: Situation) => Advice | undefined,
  fallback?: Policy,
): Policy {
  return {
    async decide(situations, randoms) {
      const decisions: Decision[] = [];
      for (const [i, situation] of situations.entries()) {
        const advice = hint(situation);
        if (advice) {
          const { subgoal, action } = advice;
          const switched = subgoal !== situation.subgoal;
          decisions.push(decision(situation, { switched, subgoal }, action));
          continue;
        }
        const [instead] = await fallback?.decide([situation], [randoms[i]!]) ??
          [];
        if (!instead) {
          throw new TypeError(
            `Cannot follow the expert as there must be a hint for every situation: none for "${situation.observation.text}"`,
          );
        }
        decisions.push(instead);
      }
      return decisions;
    },
  };
}

/**
 * Lets one policy decide most turns and another the rest.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, expertPolicy, mixPolicies } from "@hiper/lab";
 * const [looks, waits] = ["look", "wait"].map((action) => expertPolicy(() => ({ subgoal: "", action })));
 * const observation = { text: "", admissibleActions: ["look", "wait"], stateKey: "" };
 * const situation = { task: "find a mug", past: [], observation };
 * const [decision] = await mixPolicies(looks!, waits!, 1).decide([situation], [createRandom(1)]);
 * strictEqual(decision!.action, "wait");
 * ```
 *
 * @param usual Decides with probability `1 - rate`.
 * @param other Decides with probability `rate`.
 * @param rate Share of the other policy, in `[0, 1]`.
 * @returns A policy; with a rate of 0 it is the usual one, with 1 the other.
 * @throws {RangeError} If the rate is outside `[0, 1]`.
 */
export function mixPolicies(
  usual: Policy,
  other: Policy,
  rate: number,
): Policy {
  if (!(rate >= 0 && rate <= 1)) {
    throw new RangeError(
      `Cannot mix policies as "rate" must be in [0, 1]: current value is ${rate}`,
    );
  }
  return {
    async decide(situations, randoms) {
      const strays = randoms.map((random) =>
        random.fork("mix").uniform() < rate
      );
      const decisions = new Array<Decision>(situations.length);
      for (const [policy, stray] of [[usual, false], [other, true]] as const) {
        const mine = strays.flatMap((s, i) => s === stray ? [i] : []);
        if (mine.length === 0) continue;
        const decided = await policy.decide(
          mine.map((i) => situations[i]!),
          mine.map((i) => randoms[i]!),
        );
        mine.forEach((i, k) => decisions[i] = decided[k]!);
      }
      return decisions;
    },
  };
}

function pick(items: readonly string[], random: Random, what: string): string {
  if (items.length === 0) {
    throw new RangeError(`Cannot pick as there must be a choice: no ${what}`);
  }
  return items[random.integer(items.length)]!;
}
