/**
 * Rollout in lock-step: one batched decision for all worlds on each turn.
 *
 * Synchronous worlds are never awaited; the overhead of a turn is a few microseconds.
 *
 * @module
 */

import { createPause } from "../pause.ts";
import { createEnvOpener } from "../envs/open_env.ts";
import {
  type EnvStart,
  type EnvStep,
  EpisodeLostError,
  type OpenEnv,
  type TextEnv,
} from "../envs/text_env.ts";
import {
  createEpisodeWriter,
  type EpisodeBatch,
  type FinishedEpisode,
  toEpisodeBatch,
  trajectoriesOf,
} from "../episode_batch.ts";
import type { EpisodeStart, Policy, PolicySession } from "../policy/policy.ts";
import { Gate } from "../gate.ts";
import { createRandom, type Random } from "../random.ts";
import {
  byDecision,
  type Decision,
  type Observation,
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
  /** Whether truncated episodes are bootstrapped by the policy's critic, if any. @default {true} */
  readonly bootstrap?: boolean;
  /**
   * Told of each episode that was lost, as its world is elsewhere and gone; the batch is without it.
   * @default {a lost episode is an error}
   */
  readonly onLost?: (episode: LostEpisode) => void;
}

/** An episode without an outcome. */
export interface LostEpisode {
  /** Name of its assignment. */
  readonly id: string;
  /** Turns whose outcome is known. */
  readonly turns: number;
  /** Why it was lost. */
  readonly reason: string;
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
 * Plays every assignment into the columns that credit and learning take.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { collectEpisodes, createRandom, expertPolicy, scheduleEpisodes } from "@hiper/lab";
 *
 * const policy = expertPolicy(() => ({ subgoal: "leave", action: "go right" }));
 * const spec = { kind: "corridor", length: 3, doors: 0, exit: "right" };
 * const random = createRandom(1);
 * const episodes = scheduleEpisodes([spec], { random, tasks: 2, maxTurns: 9 });
 * const { rewards } = await collectEpisodes(policy, episodes);
 * strictEqual(rewards.length, 4); // two turns to the right in each
 * ```
 *
 * @param policy Decides; when its sessions value, truncated episodes are bootstrapped.
 * @param assignments Episodes to play.
 * @param options The opener of worlds, and a signal to stop early.
 * @returns The batch, episodes in the order of the assignments.
 * @throws {Error} If a world fails, naming its episode; the world's own error is the cause.
 * @throws {TypeError} If the policy does not give one decision for each row.
 */
export async function collectEpisodes(
  policy: Policy,
  assignments: readonly Assignment[],
  options: CollectOptions = {},
): Promise<EpisodeBatch> {
  if (policy.episodesAtOnce !== undefined) {
    return await collectApart(policy, assignments, options);
  }
  return await playOut(playBatch(policy, assignments, options));
}

async function playOut(
  turns: AsyncGenerator<RolloutProgress, EpisodeBatch, void>,
): Promise<EpisodeBatch> {
  let next = await turns.next();
  while (!next.done) next = await turns.next();
  return next.value;
}

/** Plays each episode in a session of its own, a bounded number at once; the order of the result is that of the assignments. */
async function collectApart(
  policy: Policy,
  assignments: readonly Assignment[],
  options: CollectOptions,
): Promise<EpisodeBatch> {
  const gate = new Gate(policy.episodesAtOnce ?? 1);
  const failed = new AbortController();
  const { open = createEnvOpener(), signal } = options;
  const own = {
    ...options,
    open,
    signal: signal ? AbortSignal.any([signal, failed.signal]) : failed.signal,
  };
  const played = await Promise.allSettled(
    assignments.map((assignment) =>
      gate.run(async () => {
        try {
          own.signal.throwIfAborted();
          return await playOut(playBatch(policy, [assignment], own));
        } catch (error) {
          failed.abort(error); // the other episodes are not needed any more
          throw error;
        }
      })
    ),
  );
  signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  return toEpisodeBatch(
    played.flatMap((one) =>
      one.status === "fulfilled" ? trajectoriesOf(one.value) : []
    ),
  );
}

/**
 * Plays every assignment into plain records. The result depends on neither timing nor batching.
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
 * @param policy Decides; when its sessions value, truncated episodes are bootstrapped.
 * @param assignments Episodes to play.
 * @param options The opener of worlds, and a signal to stop early.
 * @returns One trajectory for each assignment, in order.
 * @throws {Error} If a world fails, naming its episode; the world's own error is the cause.
 * @throws {TypeError} If the policy does not give one decision for each row.
 */
export async function collectTrajectories(
  policy: Policy,
  assignments: readonly Assignment[],
  options: CollectOptions = {},
): Promise<Trajectory[]> {
  return trajectoriesOf(await collectEpisodes(policy, assignments, options));
}

/**
 * Plays as {@linkcode collectTrajectories} does, turn by turn; a caller can show progress, and
 * stops playing by leaving the loop.
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
 * @param policy Decides; when its sessions value, truncated episodes are bootstrapped.
 * @param assignments Episodes to play.
 * @param options The opener of worlds, and a signal to stop early.
 * @returns Progress after each turn; at last the trajectories, in order of assignment.
 */
export async function* playEpisodes(
  policy: Policy,
  assignments: readonly Assignment[],
  options: CollectOptions = {},
): AsyncGenerator<RolloutProgress, Trajectory[], void> {
  return trajectoriesOf(yield* playBatch(policy, assignments, options));
}

/** Plays in one session; yields progress, returns the batch. */
async function* playBatch(
  policy: Policy,
  assignments: readonly Assignment[],
  options: CollectOptions,
): AsyncGenerator<RolloutProgress, EpisodeBatch, void> {
  const { signal, bootstrap = true, onLost } = options;
  const own = options.open ? undefined : createEnvOpener();
  const open = options.open ?? own!;
  const episodes = assignments.map((one, row) => new Episode(one, row, onLost));
  const pause = createPause(signal);
  let session: PolicySession | undefined;
  try {
    const opening = awaitAll(episodes.map((episode) => episode.open(open)));
    if (isPromise(opening)) await opening;
    const starting = awaitAll(episodes.map((episode) => episode.start()));
    const starts = isPromise(starting) ? await starting : starting;
    episodes.forEach((episode, i) => episode.begin(starts[i]));
    session = policy.open(episodes.map(({ opening }) => opening));
    let playing = episodes.filter(({ lost }) => !lost);
    for (let turn = 0; playing.length > 0; turn++) {
      signal?.throwIfAborted();
      const rows = playing.map(({ row }) => row);
      const observations = playing.map(({ observation }) => observation);
      const randoms = playing.map((episode) => episode.random.fork(turn));
      const deciding = session.decide(rows, observations, randoms);
      const decisions = isPromise(deciding) ? await deciding : deciding;
      checkCount("decisions", decisions.length, playing.length);
      const stepping = awaitAll(
        playing.map((e, i) =>
          decisions[i]!.outgrown ? undefined : e.step(decisions[i]!)
        ),
      );
      const steps = isPromise(stepping) ? await stepping : stepping;
      for (const [i, episode] of playing.entries()) {
        if (decisions[i]!.outgrown) episode.cut();
        else episode.record(decisions[i]!, steps[i]);
        if (episode.over) await episode.dispose();
      }
      const over = playing.filter((episode) => episode.over);
      if (over.length > 0) session.end?.(over.map(({ row }) => row));
      playing = playing.filter((episode) => !episode.over);
      const finished = episodes.length - playing.length;
      yield { turn: turn + 1, playing: playing.length, finished };
      await pause();
    }
    const whole = episodes.filter(({ lost }) => !lost);
    if (bootstrap) await valueCut(session, whole);
    return writeBatch(whole);
  } finally {
    session?.[Symbol.dispose]();
    for (const episode of episodes) await episode.dispose();
    await own?.[Symbol.asyncDispose]();
  }
}

/**
 * Throws if every episode was lost.
 *
 * @param task What cannot be done otherwise, for the message.
 * @param played Number of episodes that have an outcome, and those that were lost.
 */
export function checkPlayed(
  task: string,
  played: { readonly episodes: number; readonly lost: readonly LostEpisode[] },
): void {
  const { episodes, lost } = played;
  if (episodes > 0 || lost.length === 0) return;
  const { id, reason } = lost[0]!;
  throw new EpisodeLostError(
    `Cannot ${task} as an episode must have an outcome: all ${lost.length} were lost, the first, "${id}", as ${reason}`,
  );
}

/** A world in progress and its record. */
class Episode {
  readonly row: number;
  readonly random: Random;
  readonly turns: Turn[] = [];
  /** Values after the last turn; zeros unless the episode is truncated and valued. */
  bootstrap = byDecision(() => 0);
  ending: "terminated" | "truncated" | undefined;
  /** Whether the world is gone; nothing of the episode counts then. */
  lost = false;
  readonly #assignment: Assignment;
  readonly #onLost: CollectOptions["onLost"];
  #env: TextEnv | undefined;
  #begin: EnvStart | undefined;
  #last: EnvStep | undefined;

  constructor(
    assignment: Assignment,
    row: number,
    onLost: CollectOptions["onLost"],
  ) {
    this.#assignment = assignment;
    this.#onLost = onLost;
    this.row = row;
    this.random = createRandom(assignment.seed)
      .fork("replica", assignment.replica);
  }

  /** The current observation. */
  get observation(): Observation {
    return (this.#last ?? this.#begin)!.observation;
  }

  /** What the policy is told before the first turn. */
  get opening(): EpisodeStart {
    const { strategy } = this.#assignment;
    return { task: this.#begin?.task ?? "", ...(strategy && { strategy }) };
  }

  /** Whether nothing more is played. */
  get over(): boolean {
    return this.lost || this.ending !== undefined;
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

  start(): EnvStart | undefined | Promise<EnvStart | undefined> {
    return this.lost ? undefined : this.#guarded(() => this.#env!.start());
  }

  begin(start: EnvStart | undefined): void {
    this.#begin = start;
  }

  step(
    decision: Decision,
  ): EnvStep | undefined | Promise<EnvStep | undefined> {
    return this.#guarded(() => {
      const { lost, action } = decision;
      if (lost !== undefined) throw new EpisodeLostError(lost);
      return this.#env!.step(action);
    });
  }

  /** Ends the episode before its present turn. */
  cut(): void {
    if (this.turns.length === 0) {
      throw new TypeError(
        `Cannot play episode "${this.#assignment.id}" as a policy must decide on the first turn: it says that what was seen outgrew its context`,
      );
    }
    this.ending = "truncated";
  }

  /** Records a turn; a step without an outcome has lost the episode. */
  record(decision: Decision, step: EnvStep | undefined): void {
    if (step === undefined) return;
    const { observation } = this;
    this.turns.push({ observation, decision, reward: step.reward });
    this.#last = step;
    const full = this.turns.length >= this.#assignment.maxTurns;
    this.ending = step.ending ?? (full ? "truncated" : undefined);
  }

  finished(): FinishedEpisode {
    const { id, group, seed } = this.#assignment;
    const { task, taskType } = this.#begin!;
    const { success, score = success ? 1 : 0, observation } = this.#last!;
    const strategy = this.turns[0]?.decision.strategy;
    return {
      record: {
        id,
        task,
        ...(taskType === undefined ? {} : { taskType }),
        group,
        ...(strategy === undefined ? {} : { strategy }),
        success,
        score,
        finalObservation: observation,
        seed,
      },
      turns: this.turns,
      truncated: this.ending === "truncated",
      bootstrap: this.bootstrap,
    };
  }

  async dispose(): Promise<void> {
    const env = this.#env;
    this.#env = undefined;
    await env?.[Symbol.asyncDispose]?.();
  }

  /** Adds the episode's id to errors of its world, sync or async; `undefined` if the episode is lost. */
  #guarded<T>(
    call: () => T | Promise<T>,
  ): T | undefined | Promise<T | undefined> {
    const explain = (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const { id } = this.#assignment;
      if (cause instanceof EpisodeLostError && this.#onLost) {
        this.lost = true;
        this.#onLost({ id, turns: this.turns.length, reason });
        return undefined;
      }
      return Promise.reject(
        new Error(
          `Cannot play episode "${id}" as its world failed on turn ${this.turns.length}: ${reason}`,
          { cause },
        ),
      );
    };
    try {
      const result = call();
      return isPromise(result) ? result.catch(explain) : result;
    } catch (cause) {
      return explain(cause); // as a rejection, so that other worlds are awaited too
    }
  }
}

/** Bootstrap values of truncated episodes, if the session has a critic. */
async function valueCut(
  session: PolicySession,
  episodes: readonly Episode[],
): Promise<void> {
  const cut = episodes.filter(({ ending }) => ending === "truncated");
  if (!session.values || cut.length === 0) return;
  const rows = cut.map(({ row }) => row);
  const seen = cut.map(({ observation }) => observation);
  const values = await session.values(rows, seen);
  checkCount("values", values.length, cut.length);
  cut.forEach((episode, i) => episode.bootstrap = values[i]!);
}

/** Lays finished episodes out as columns. */
function writeBatch(episodes: readonly Episode[]): EpisodeBatch {
  const writer = createEpisodeWriter({
    episodes: episodes.length,
    turns: episodes.reduce((sum, { turns }) => sum + turns.length, 0),
  });
  for (const episode of episodes) writer.add(episode.finished());
  return writer.finish();
}

function checkCount(what: string, count: number, rows: number): void {
  if (count !== rows) {
    throw new TypeError(
      `Cannot collect trajectories as the policy must give one of its ${what} for each of ${rows} situations: current count is ${count}`,
    );
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** All values at once; a promise only when one of them is. The first failure in order is thrown. */
function awaitAll<T>(values: readonly (T | Promise<T>)[]): T[] | Promise<T[]> {
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
