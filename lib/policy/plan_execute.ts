/**
 * Planners that choose subgoals, executors that choose actions under them, and their
 * composition into a policy; random, scripted and expert ones.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type { Decision, Hint, Observation, Situation } from "../trajectory.ts";
import type { Policy, PolicySession } from "./policy.ts";
import { EpisodeHistories, statelessPolicy } from "./session.ts";

/** A planner's decision on a turn. */
export interface Plan {
  /** Whether the subgoal is newly chosen; always true on the first turn. */
  readonly switched: boolean;
  /** The subgoal in force from now on. */
  readonly subgoal: string;
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

/** A choice in one situation, with a stream to draw from. */
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
 * using session = policy.open([{ task: "find a mug" }]);
 * const observation = { text: "", admissibleActions: ["look"], stateKey: "" };
 * const [decision] = await session.decide([0], [observation], [createRandom(1)]);
 * strictEqual(decision!.action, "look");
 * strictEqual(decision!.switched, true);
 * ```
 *
 * @param planner Chooses subgoals.
 * @param executor Chooses actions.
 * @returns A policy whose decisions have no traces and cannot be trained.
 */
export function planExecute(planner: Planner, executor: Executor): Policy {
  return statelessPolicy({
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
  });
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
 * Plans by a function; another subgoal than the held one is a switch.
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
 * Follows an expert in subgoal and action.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, expertPolicy } from "@hiper/lab";
 * const policy = expertPolicy(() => ({ subgoal: "find a mug", action: "look" }));
 * using session = policy.open([{ task: "find a mug" }]);
 * const observation = { text: "", admissibleActions: ["wait"], stateKey: "" };
 * const [decision] = await session.decide([0], [observation], [createRandom(1)]);
 * strictEqual(decision!.valid, false); // the world does not accept "look" here
 * ```
 *
 * @param hint The expert's advice for a situation; it must draw from forks of the stream alone. @default {the observation's `hint`; see `withHints`}
 * @param fallback Decides where the expert gives no advice.
 * @returns A policy that follows the hints.
 * @throws {TypeError} While deciding, if there is neither advice nor a fallback.
 */
export function expertPolicy(
  hint: Choose<Hint | undefined> = ({ observation }) => observation.hint,
  fallback: Policy | undefined = undefined,
): Policy {
  const expert = statelessPolicy({
    decide: (situations, randoms) =>
      situations.map((situation, i) => {
        const advice = hint(situation, randoms[i]!);
        if (advice) {
          const { subgoal, action } = advice;
          const switched = subgoal !== situation.subgoal;
          return decision(situation, { switched, subgoal }, action);
        }
        throw new TypeError(
          `Cannot follow the expert as there must be a hint for every situation: none for "${situation.observation.text}"`,
        );
      }),
  });
  if (!fallback) return expert;
  return {
    open(starts) {
      const histories = new EpisodeHistories(starts);
      return new SharedEpisodes(
        [expert.open(starts), fallback.open(starts)],
        (row, observation, random) =>
          hint(histories.situation(row, observation), random) ? 0 : 1,
        histories,
      );
    },
  };
}

/**
 * Mixes two policies turn by turn; each encodes the other's decisions.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, expertPolicy, mixPolicies } from "@hiper/lab";
 * const [looks, waits] = ["look", "wait"].map((action) => expertPolicy(() => ({ subgoal: "", action })));
 * using session = mixPolicies(looks!, waits!, 1).open([{ task: "find a mug" }]);
 * const observation = { text: "", admissibleActions: ["look", "wait"], stateKey: "" };
 * const [decision] = await session.decide([0], [observation], [createRandom(1)]);
 * strictEqual(decision!.action, "wait");
 * ```
 *
 * @param usual Decides with probability `1 - rate`.
 * @param other Decides with probability `rate`.
 * @param rate Share of the other policy, in `[0, 1]`.
 * @returns A policy; with a rate of 0 it is the usual one, with 1 the other.
 * @throws {RangeError} If the rate is outside `[0, 1]`.
 * @throws {TypeError} While deciding, if a policy cannot encode the other's decisions.
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
    open: (starts) =>
      new SharedEpisodes(
        [usual.open(starts), other.open(starts)],
        (_row, _observation, random) =>
          random.fork("mix").uniform() < rate ? 1 : 0,
      ),
  };
}

/** Chooses which of two sessions decides a turn. */
type ChooseSession = (
  row: number,
  observation: Observation,
  random: Random,
) => 0 | 1;

/** Two sessions of the same episodes: on every turn one decides, and the other encodes the decision. */
class SharedEpisodes implements PolicySession {
  readonly #sessions: readonly [PolicySession, PolicySession];
  readonly #choose: ChooseSession;
  readonly #histories: EpisodeHistories | undefined;

  constructor(
    sessions: readonly [PolicySession, PolicySession],
    choose: ChooseSession,
    histories?: EpisodeHistories,
  ) {
    this.#sessions = sessions;
    this.#choose = choose;
    this.#histories = histories;
  }

  async decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Promise<Decision[]> {
    const chosen = rows.map((row, i) =>
      this.#choose(row, observations[i]!, randoms[i]!)
    );
    const decisions = new Array<Decision>(rows.length);
    for (const side of [0, 1] as const) {
      const mine = chosen.flatMap((s, i) => s === side ? [i] : []);
      if (mine.length === 0) continue;
      const there = mine.map((i) => rows[i]!);
      const seen = mine.map((i) => observations[i]!);
      const streams = mine.map((i) => randoms[i]!);
      const decided = await this.#sessions[side].decide(there, seen, streams);
      await takeIn(this.#sessions[1 - side]!, there, seen, decided);
      mine.forEach((i, k) => decisions[i] = decided[k]!);
    }
    this.#histories?.recordAll(rows, observations, decisions);
    return decisions;
  }

  async encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
  ): Promise<Decision[]> {
    for (const session of this.#sessions) {
      await takeIn(session, rows, observations, decisions);
    }
    this.#histories?.recordAll(rows, observations, decisions);
    return [...decisions];
  }

  end(rows: readonly number[]): void {
    for (const session of this.#sessions) session.end?.(rows);
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions) session[Symbol.dispose]();
  }
}

/** Advances a session by given decisions. */
async function takeIn(
  session: PolicySession,
  rows: readonly number[],
  observations: readonly Observation[],
  decisions: readonly Decision[],
): Promise<void> {
  if (!session.encode) {
    throw new TypeError(
      'Cannot mix policies as the sessions of each must have "encode", which takes in what the other decided: one has none',
    );
  }
  await session.encode(rows, observations, decisions, { score: false });
}

function pick(items: readonly string[], random: Random, what: string): string {
  if (items.length === 0) {
    throw new RangeError(`Cannot pick as there must be a choice: no ${what}`);
  }
  return items[random.integer(items.length)]!;
}
