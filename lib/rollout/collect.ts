/**
 * Playing a schedule in lock-step: one batched decision for all worlds on each turn.
 *
 * Worlds that answer at once are never awaited; a turn costs a few microseconds
 * besides the policy and the worlds.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { EnvStart, EnvStep, OpenEnv, TextEnv } from "../envs/text_env.ts";
import type { Critic, Policy } from "../policy/policy.ts";
import { createRandom, type Random } from "../random.ts";
import {
  byDecision,
  type Decision,
  type Observation,
  type Situation,
  type Trajectory,
  type Turn,
} from "../trajectory.ts";
import type { Assignment } from "./schedule.ts";

/** How episodes are played. */
export interface CollectOptions {
  /** Opens the worlds. @default {an opener of built-in worlds that reads each game file once} */
  readonly open?: OpenEnv;
  /** Stops between two turns by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** How far a schedule has been played. */
export interface RolloutProgress {
  /** Turns played in lock-step so far. */
  readonly turn: number;
  /** Episodes still being played. */
  readonly playing: number;
  /** Episodes that are over. */
  readonly finished: number;
}

/**
 * Plays every assignment. The result depends on neither timing nor batching.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   planExecute,
 *   randomExecutor,
 *   scheduleEpisodes,
 *   scriptedPlanner,
 * } from "@hiper/lab";
 *
 * const policy = planExecute(scriptedPlanner(() => "leave"), randomExecutor());
 * const episodes = scheduleEpisodes([{ kind: "corridor", length: 5 }], {
 *   random: createRandom(1),
 *   tasks: 3,
 *   maxTurns: 20,
 * });
 * const trajectories = await collectTrajectories(policy, episodes);
 * strictEqual(trajectories.length, 3);
 * ```
 *
 * @param policy Decides; when it is a critic too, truncated episodes are bootstrapped by it.
 * @param assignments Episodes to play.
 * @param options The opener of worlds, and a signal to stop early.
 * @returns One trajectory for each assignment, in order.
 * @throws {Error} If a world fails, naming its episode; the world's own error is the cause.
 * @throws {TypeError} If the policy does not give one decision for each situation.
 */
export async function collectTrajectories(
  policy: Policy & Partial<Critic>,
  assignments: readonly Assignment[],
  options: CollectOptions = {},
): Promise<Trajectory[]> {
  const turns = playEpisodes(policy, assignments, options);
  let next = await turns.next();
  while (!next.done) next = await turns.next();
  return next.value;
}

/**
 * Plays as {@linkcode collectTrajectories} does, turn by turn: whoever reads it may show
 * progress, or stop reading and thereby stop playing.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom, expertPolicy, playEpisodes, scheduleEpisodes } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 1, maxTurns: 9 });
 * const playing: number[] = [];
 * for await (const progress of playEpisodes(policy, episodes)) {
 *   playing.push(progress.playing);
 * }
 * deepStrictEqual(playing, [1, 0]); // out on the second turn
 * ```
 *
 * @param policy Decides, and bootstraps when it is a critic too.
 * @param assignments Episodes to play.
 * @param options The opener of worlds, and a signal to stop early.
 * @returns Progress after each turn; at last the trajectories, in order of assignment.
 */
export async function* playEpisodes(
  policy: Policy & Partial<Critic>,
  assignments: readonly Assignment[],
  options: CollectOptions = {},
): AsyncGenerator<RolloutProgress, Trajectory[], void> {
  const { open = createEnvOpener(), signal } = options;
  const episodes: Episode[] = [];
  const breath = signal ? createBreath() : undefined;
  try {
    for (const assignment of assignments) {
      episodes.push(new Episode(assignment));
    }
    const opening = settle(episodes.map((episode) => episode.open(open)));
    if (isPromise(opening)) await opening;
    const starts = settle(episodes.map((episode) => episode.start()));
    const started = isPromise(starts) ? await starts : starts;
    episodes.forEach((episode, i) => episode.begin(started[i]!));
    let playing = episodes;
    for (let turn = 0; playing.length > 0; turn++) {
      signal?.throwIfAborted();
      const situations = playing.map((episode) => episode.situation());
      const randoms = playing.map((episode) => episode.random.fork(turn));
      const deciding = policy.decide(situations, randoms);
      const decisions = isPromise(deciding) ? await deciding : deciding;
      checkCount("decisions", decisions.length, playing.length);
      const stepping = settle(playing.map((e, i) => e.step(decisions[i]!)));
      const steps = isPromise(stepping) ? await stepping : stepping;
      for (const [i, episode] of playing.entries()) {
        episode.record(decisions[i]!, steps[i]!);
        if (episode.ending) await episode.dispose();
      }
      playing = playing.filter((episode) => !episode.ending);
      const finished = episodes.length - playing.length;
      yield { turn: turn + 1, playing: playing.length, finished };
      await breath?.();
    }
    return await bootstrapped(policy, episodes);
  } finally {
    for (const episode of episodes) await episode.dispose();
  }
}

/** One world being played, and what was recorded of it. */
class Episode {
  readonly random: Random;
  readonly #assignment: Assignment;
  readonly #turns: Turn[] = [];
  #env: TextEnv | undefined;
  #begin: EnvStart | undefined;
  #last: EnvStep | undefined;
  #observation: Observation | undefined;
  #subgoal: string | undefined;
  ending: "terminated" | "truncated" | undefined;

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
    this.random = createRandom(assignment.seed)
      .fork("replica", assignment.replica);
  }

  open(open: OpenEnv): void | Promise<void> {
    const { spec, seed } = this.#assignment;
    const env = this.#guarded(() => open(spec, seed));
    if (!isPromise(env)) {
      this.#env = env;
      return;
    }
    return env.then((opened) => {
      this.#env = opened;
    });
  }

  start(): EnvStart | Promise<EnvStart> {
    return this.#guarded(() => this.#env!.start());
  }

  begin(start: EnvStart): void {
    this.#begin = start;
    this.#observation = start.observation;
  }

  situation(): Situation {
    const { task } = this.#begin!;
    const past = this.#turns.slice();
    const observation = this.#observation!;
    return this.#subgoal === undefined
      ? { task, past, observation }
      : { task, past, observation, subgoal: this.#subgoal };
  }

  step(decision: Decision): EnvStep | Promise<EnvStep> {
    return this.#guarded(() => this.#env!.step(decision.action));
  }

  record(decision: Decision, step: EnvStep): void {
    const observation = this.#observation!;
    this.#turns.push({ observation, decision, reward: step.reward });
    this.#observation = step.observation;
    this.#subgoal = decision.subgoal;
    this.#last = step;
    const full = this.#turns.length >= this.#assignment.maxTurns;
    this.ending = step.ending ?? (full ? "truncated" : undefined);
  }

  trajectory(bootstrap: Trajectory["bootstrap"]): Trajectory {
    const { id, group, seed } = this.#assignment;
    const { task, taskType } = this.#begin!;
    const { success, score = success ? 1 : 0, observation } = this.#last!;
    return {
      id,
      task,
      ...(taskType === undefined ? {} : { taskType }),
      group,
      turns: this.#turns,
      ending: this.ending!,
      success,
      score,
      bootstrap,
      finalObservation: observation,
      seed,
    };
  }

  async dispose(): Promise<void> {
    const env = this.#env;
    this.#env = undefined;
    await env?.[Symbol.asyncDispose]?.();
  }

  /** Names the episode in whatever its world throws, now or later. */
  #guarded<T>(call: () => T | Promise<T>): T | Promise<T> {
    const explain = (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const { id } = this.#assignment;
      return Promise.reject(
        new Error(
          `Cannot play episode "${id}" as its world failed on turn ${this.#turns.length}: ${reason}`,
          { cause },
        ),
      );
    };
    try {
      const result = call();
      return isPromise(result) ? result.catch(explain) : result;
    } catch (cause) {
      return explain(cause); // a rejection, so that other worlds' answers are awaited too
    }
  }
}

/** Trajectories of finished episodes, the truncated ones with the critic's last values. */
async function bootstrapped(
  policy: Policy & Partial<Critic>,
  episodes: readonly Episode[],
): Promise<Trajectory[]> {
  const zeros = byDecision(() => 0);
  const cut = episodes.filter((episode) => episode.ending === "truncated");
  if (!policy.evaluate || cut.length === 0) {
    return episodes.map((episode) => episode.trajectory(zeros));
  }
  const values = await policy.evaluate(cut.map((e) => e.situation()));
  checkCount("values", values.length, cut.length);
  const bootstrap = new Map(cut.map((episode, i) => [episode, values[i]!]));
  return episodes.map((e) => e.trajectory(bootstrap.get(e) ?? zeros));
}

function checkCount(what: string, count: number, situations: number): void {
  if (count !== situations) {
    throw new TypeError(
      `Cannot collect trajectories as the policy must give one of its ${what} for each of ${situations} situations: current count is ${count}`,
    );
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** All values at once; a promise only when one of them is. The first failure in order is thrown. */
function settle<T>(values: readonly (T | Promise<T>)[]): T[] | Promise<T[]> {
  const ready: T[] = [];
  for (const value of values) {
    if (isPromise(value)) return settleAll(values);
    ready.push(value);
  }
  return ready;
}

async function settleAll<T>(values: readonly (T | Promise<T>)[]): Promise<T[]> {
  const results = await Promise.allSettled(values);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Lets the outer event loop run now and then, so that signals are heard while worlds answer at once. */
function createBreath(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < 50) return undefined;
    return new Promise((resolve) =>
      setTimeout(() => {
        last = performance.now();
        resolve();
      }, 0)
    );
  };
}
