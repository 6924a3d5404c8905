/**
 * Sessions whose only state is the history of each episode, and policies made of a function of
 * {@linkcode Situation}.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type {
  AnsweredTurn,
  ByDecision,
  Decision,
  Observation,
  Situation,
} from "../trajectory.ts";
import type { EpisodeStart, Policy, PolicySession } from "./policy.ts";

/** The turns of episodes in progress. */
export class EpisodeHistories {
  readonly #episodes: readonly { task: string; past: AnsweredTurn[] }[];

  constructor(starts: readonly Pick<EpisodeStart, "task">[]) {
    this.#episodes = starts.map(({ task }) => ({ task, past: [] }));
  }

  /**
   * The situation of an episode; its `past` grows as turns are recorded.
   *
   * @throws {RangeError} If the session has no such row.
   */
  situation(row: number, observation: Observation): Situation {
    const { task, past } = this.#at(row);
    const subgoal = past.at(-1)?.decision.subgoal;
    return subgoal === undefined
      ? { task, past, observation }
      : { task, past, observation, subgoal };
  }

  record(row: number, observation: Observation, decision: Decision): void {
    this.#at(row).past.push({ observation, decision });
  }

  /** Appends a turn to each of some episodes. */
  recordAll(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
  ): void {
    for (let i = 0; i < rows.length && i < decisions.length; i++) {
      this.record(rows[i]!, observations[i]!, decisions[i]!);
    }
  }

  #at(row: number): { task: string; past: AnsweredTurn[] } {
    const episode = this.#episodes[row];
    if (episode !== undefined) return episode;
    throw new RangeError(
      `Cannot play an episode as its row must be below ${this.#episodes.length}: current value is ${row}`,
    );
  }
}

/** A policy as functions of situations. */
export interface SituationFunctions {
  /** One decision for each situation, drawn from that situation's own stream; `rows` are those of the session. */
  decide(
    situations: readonly Situation[],
    randoms: readonly Random[],
    rows: readonly number[],
  ): Decision[] | Promise<Decision[]>;
  /** Values of each situation before any decision is taken there, in units of return. */
  values?(
    situations: readonly Situation[],
  ): ByDecision<number>[] | Promise<ByDecision<number>[]>;
}

/**
 * Makes a policy of a function from situations to decisions; its only state is the history of each
 * episode, which the situation holds.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, statelessPolicy } from "@hiper/lab";
 *
 * const policy = statelessPolicy({
 *   decide: (situations) =>
 *     situations.map(({ observation }) => ({
 *       switched: false,
 *       subgoal: "",
 *       action: observation.admissibleActions[0]!,
 *       valid: true,
 *       trace: { kind: "untrainable" },
 *     })),
 * });
 * using session = policy.open([{ task: "find a mug" }]);
 * const observation = { text: "", admissibleActions: ["look"], stateKey: "" };
 * const [decision] = await session.decide([0], [observation], [createRandom(1)]);
 * strictEqual(decision!.action, "look");
 * ```
 *
 * @param functions Decisions, and values if any.
 * @returns A policy whose sessions encode decisions unchanged.
 */
export function statelessPolicy(functions: SituationFunctions): Policy {
  return { open: (starts) => new StatelessSession(functions, starts) };
}

class StatelessSession implements PolicySession {
  readonly values?: NonNullable<PolicySession["values"]>;
  readonly #functions: SituationFunctions;
  readonly #histories: EpisodeHistories;

  constructor(
    functions: SituationFunctions,
    starts: readonly EpisodeStart[],
  ) {
    this.#functions = functions;
    this.#histories = new EpisodeHistories(starts);
    if (functions.values) {
      this.values = (rows, observations) =>
        functions.values!(this.#situations(rows, observations));
    }
  }

  decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Decision[] | Promise<Decision[]> {
    const situations = this.#situations(rows, observations);
    return whenReady(
      this.#functions.decide(situations, randoms, rows),
      (decisions) => {
        this.#histories.recordAll(rows, observations, decisions);
        return decisions;
      },
    );
  }

  encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
  ): Decision[] {
    this.#histories.recordAll(rows, observations, decisions);
    return [...decisions];
  }

  [Symbol.dispose](): void {}

  /** Snapshots of situations, unaffected by later turns. */
  #situations(
    rows: readonly number[],
    observations: readonly Observation[],
  ): Situation[] {
    return rows.map((row, i) => {
      const situation = this.#histories.situation(row, observations[i]!);
      return { ...situation, past: situation.past.slice() };
    });
  }
}

/**
 * Applies a function to a value or to what a promise resolves to; the result is a promise only for a
 * promise.
 */
export function whenReady<T, R>(
  value: T | Promise<T>,
  next: (value: T) => R | Promise<R>,
): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
