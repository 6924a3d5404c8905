/**
 * Episodes as columns: the one layout between the rollout and the loss.
 *
 * The collector writes an {@linkcode EpisodeBatch} once; shaping, credit, normalization and samples are functions
 * from columns to columns. A {@linkcode Trajectory} is the plain record of one episode, for people, figures and
 * files; {@linkcode toEpisodeBatch} and {@linkcode trajectoryAt} convert between the two.
 *
 * @module
 */

import {
  type ByDecision,
  byDecision,
  type Credit,
  DECISIONS,
  type Trajectory,
  type Turn,
} from "./trajectory.ts";

/** The numbers of a batch of episodes, one episode after the other. */
export interface EpisodeColumns {
  /** Turn at which each episode starts, then the number of turns. Shape `(episodes + 1,)`. */
  readonly offsets: Int32Array;
  /** Reward of each turn. Shape `(turns,)`. */
  readonly rewards: Float64Array;
  /** 1 where a new subgoal was taken up. Shape `(turns,)`. */
  readonly switched: Uint8Array;
  /** Values before each decision, in units of return; `NaN` where unknown. Shape `(turns,)` each. */
  readonly values: ByDecision<Float64Array>;
  /** Values after the last turn of each episode; zeros unless truncated. Shape `(episodes,)` each. */
  readonly bootstrap: ByDecision<Float64Array>;
  /** 1 where the episode was cut off by a limit. Shape `(episodes,)`. */
  readonly truncated: Uint8Array;
  /** Probability of SWITCH before each switching decision; `NaN` where unknown. Shape `(turns,)`. */
  readonly switchProbabilities: Float64Array;
  /** Execution value of the subgoal held before each turn; `NaN` where unknown. Shape `(turns,)`. */
  readonly heldSubgoalValues: Float64Array;
  /** What the execution decision alone earns on a turn besides the reward; absent means nothing. Shape `(turns,)`. */
  readonly executionRewards?: Float64Array;
}

/** What is known of an episode as a whole, besides its numbers. */
export type EpisodeRecord = Omit<
  Trajectory,
  "turns" | "ending" | "bootstrap"
>;

/** Episodes as columns, with the texts and traces of their turns. */
export interface EpisodeBatch extends EpisodeColumns {
  /** 1 where the reply had the agreed form and the action was admissible. Shape `(turns,)`. */
  readonly valid: Uint8Array;
  /** Name, task, group and outcome of each episode. Shape `(episodes,)`. */
  readonly episodes: readonly EpisodeRecord[];
  /** Texts and traces; the reward that counts is the one in `rewards`. Shape `(turns,)`. */
  readonly turns: readonly Turn[];
}

/** One finished episode, as {@linkcode EpisodeWriter} takes it. */
export interface FinishedEpisode {
  /** Name, task, group and outcome. */
  readonly record: EpisodeRecord;
  /** The turns, in the order they were played. */
  readonly turns: readonly Turn[];
  /** Whether the episode was cut off by a limit. */
  readonly truncated: boolean;
  /** Values after the last turn; zeros unless truncated. */
  readonly bootstrap: ByDecision<number>;
}

/** Writes episodes into the columns of a batch. */
export interface EpisodeWriter {
  /** Appends an episode. */
  add(episode: FinishedEpisode): void;
  /** The batch; the writer takes no further episode. */
  finish(): EpisodeBatch;
}

/**
 * Opens a writer for a batch whose size is known.
 *
 * @param size Number of episodes, and of their turns together.
 * @returns The writer.
 */
export function createEpisodeWriter(
  size: { episodes: number; turns: number },
): EpisodeWriter {
  return new ColumnWriter(size.episodes, size.turns);
}

class ColumnWriter implements EpisodeWriter {
  readonly #batch;
  #episode = 0;
  #turn = 0;

  constructor(episodes: number, turns: number) {
    const column = () => new Float64Array(turns);
    this.#batch = {
      offsets: new Int32Array(episodes + 1),
      rewards: column(),
      switched: new Uint8Array(turns),
      valid: new Uint8Array(turns),
      values: byDecision(column),
      switchProbabilities: column(),
      heldSubgoalValues: column(),
      bootstrap: byDecision(() => new Float64Array(episodes)),
      truncated: new Uint8Array(episodes),
      episodes: new Array<EpisodeRecord>(episodes),
      turns: new Array<Turn>(turns),
    };
  }

  add({ record, turns, truncated, bootstrap }: FinishedEpisode): void {
    const batch = this.#batch, i = this.#episode++;
    batch.episodes[i] = record;
    batch.truncated[i] = truncated ? 1 : 0;
    batch.bootstrap.switching[i] = bootstrap.switching;
    batch.bootstrap.planning[i] = bootstrap.planning;
    batch.bootstrap.execution[i] = bootstrap.execution;
    this.#write(turns);
    batch.offsets[i + 1] = this.#turn;
  }

  #write(turns: readonly Turn[]): void {
    const { rewards, switched, valid, values, turns: all } = this.#batch;
    const { switching, planning, execution } = values;
    const { switchProbabilities, heldSubgoalValues } = this.#batch;
    let at = this.#turn;
    for (let t = 0; t < turns.length; t++, at++) {
      const turn = turns[t]!;
      const { decision } = turn;
      const known = decision.values;
      all[at] = turn;
      rewards[at] = turn.reward;
      switched[at] = decision.switched ? 1 : 0;
      valid[at] = decision.valid ? 1 : 0;
      switchProbabilities[at] = decision.switchProbability ?? NaN;
      heldSubgoalValues[at] = decision.heldSubgoalValue ?? NaN;
      switching[at] = known === undefined ? NaN : known.switching;
      planning[at] = known === undefined ? NaN : known.planning;
      execution[at] = known === undefined ? NaN : known.execution;
    }
    this.#turn = at;
  }

  finish(): EpisodeBatch {
    const { episodes, turns } = this.#batch;
    if (this.#episode !== episodes.length || this.#turn !== turns.length) {
      throw new RangeError(
        `Cannot finish a batch as it must hold ${episodes.length} episodes and ${turns.length} turns: current values are ${this.#episode} and ${this.#turn}`,
      );
    }
    return this.#batch;
  }
}

/**
 * Lays trajectories out as columns.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { toEpisodeBatch } from "@hiper/lab";
 *
 * const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
 * const decision = {
 *   switched: true,
 *   subgoal: "leave",
 *   action: "go",
 *   valid: true,
 *   trace: { kind: "untrainable" },
 * } as const;
 * const { offsets, rewards, switched } = toEpisodeBatch([{
 *   id: "corridor/0",
 *   task: "leave the corridor",
 *   group: "corridor/0",
 *   turns: [{ observation, decision, reward: 1 }],
 *   ending: "terminated",
 *   success: true,
 *   score: 1,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 *   seed: 0,
 * }]);
 * deepStrictEqual(offsets, new Int32Array([0, 1]));
 * deepStrictEqual(rewards, new Float64Array([1]));
 * deepStrictEqual(switched, new Uint8Array([1]));
 * ```
 *
 * @param trajectories Episodes.
 * @returns The same episodes as a batch, in order; turns are shared, not copied.
 */
export function toEpisodeBatch(
  trajectories: readonly Trajectory[],
): EpisodeBatch {
  let total = 0;
  for (const { turns } of trajectories) total += turns.length;
  const writer = new ColumnWriter(trajectories.length, total);
  for (const trajectory of trajectories) {
    const { turns, ending, bootstrap } = trajectory;
    writer.add({
      record: episodeRecord(trajectory),
      turns,
      truncated: ending === "truncated",
      bootstrap,
    });
  }
  return writer.finish();
}

/** What is known of a trajectory as a whole. */
function episodeRecord(trajectory: Trajectory): EpisodeRecord {
  const { turns: _, ending: __, bootstrap: ___, ...record } = trajectory;
  return record;
}

/**
 * Reads one episode of a batch as a plain record.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { toEpisodeBatch, trajectoryAt } from "@hiper/lab";
 *
 * const trajectory = {
 *   id: "corridor/0",
 *   task: "leave the corridor",
 *   group: "corridor/0",
 *   turns: [],
 *   ending: "truncated",
 *   success: false,
 *   score: 0,
 *   bootstrap: { switching: 0, planning: 0.5, execution: 0 },
 *   seed: 0,
 * } as const;
 * deepStrictEqual(trajectoryAt(toEpisodeBatch([trajectory]), 0), trajectory);
 * ```
 *
 * @param batch Episodes as columns.
 * @param index Which episode, from 0.
 * @returns Its record; rewards are those of the column.
 * @throws {RangeError} If there is no such episode.
 */
export function trajectoryAt(batch: EpisodeBatch, index: number): Trajectory {
  const episode = batch.episodes[index];
  if (!episode) {
    throw new RangeError(
      `Cannot read an episode as "index" must be below ${batch.episodes.length}: current value is ${index}`,
    );
  }
  const { offsets, rewards, bootstrap, truncated } = batch;
  const start = offsets[index]!, end = offsets[index + 1]!;
  return {
    ...episode,
    turns: batch.turns.slice(start, end).map((turn, t) => {
      const reward = rewards[start + t]!;
      return Object.is(turn.reward, reward) ? turn : { ...turn, reward };
    }),
    ending: truncated[index] === 1 ? "truncated" : "terminated",
    bootstrap: byDecision((name) => bootstrap[name][index]!),
  };
}

/**
 * Reads all episodes of a batch as plain records.
 *
 * @param batch Episodes as columns.
 * @returns One trajectory for each episode, in order.
 */
export function trajectoriesOf(batch: EpisodeBatch): Trajectory[] {
  return batch.episodes.map((_, index) => trajectoryAt(batch, index));
}

/**
 * Marks the decisions of a batch that were taken; only they can be trained.
 *
 * Execution is taken on every turn, planning on the first turn of each segment, switching on every turn but a first
 * one whose recorded log-probability is 0: it was forced, as no subgoal was held.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { toEpisodeBatch } from "@hiper/lab";
 * import { decisionsTaken } from "@hiper/lab/credit";
 *
 * const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
 * const turn = (switched: boolean) => ({
 *   observation,
 *   decision: {
 *     switched,
 *     subgoal: "leave",
 *     action: "go",
 *     valid: true,
 *     trace: { kind: "untrainable" },
 *   } as const,
 *   reward: 0,
 * });
 * const batch = toEpisodeBatch([{
 *   id: "corridor/0",
 *   task: "leave",
 *   group: "corridor/0",
 *   turns: [turn(true), turn(false)],
 *   ending: "terminated",
 *   success: true,
 *   score: 1,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 *   seed: 0,
 * }]);
 * deepStrictEqual(decisionsTaken(batch), {
 *   switching: new Uint8Array([1, 1]),
 *   planning: new Uint8Array([1, 0]),
 *   execution: new Uint8Array([1, 1]),
 * });
 * ```
 *
 * @param batch Episodes as columns.
 * @returns 1 where the decision was taken. Shape `(turns,)` each.
 */
export function decisionsTaken(batch: EpisodeBatch): ByDecision<Uint8Array> {
  const { offsets, switched, turns } = batch;
  const planning = switched.slice();
  const switching = new Uint8Array(turns.length).fill(1);
  for (let i = 0; i + 1 < offsets.length; i++) {
    const start = offsets[i]!;
    if (offsets[i + 1] === start) continue;
    planning[start] = 1;
    const { trace } = turns[start]!.decision;
    if (trace.kind === "choices" && trace.logProbs.switching === 0) {
      switching[start] = 0;
    }
  }
  const execution = new Uint8Array(turns.length).fill(1);
  return { switching, planning, execution };
}

/** Credit of a batch: columns of shape `(turns,)`, episode after episode. */
export type CreditColumns = Credit & Required<Pick<Credit, "trained">>;

/**
 * Lays the credit of single episodes out as columns of their batch.
 *
 * @param batch Episodes.
 * @param credits Credit of each episode, in order. Without `trained`, the decisions that were taken
 *   are trained; where one has no targets, they are `NaN`.
 * @returns Columns; targets only if an episode has some.
 * @throws {RangeError} If credits and episodes, or their turns, do not match in number.
 */
export function joinCredit(
  batch: EpisodeBatch,
  credits: readonly Credit[],
): CreditColumns {
  const { offsets, turns, episodes } = batch;
  if (credits.length !== episodes.length) {
    throw new RangeError(
      `Cannot join credit as each of ${episodes.length} episodes must have one: current value is ${credits.length}`,
    );
  }
  const advantages = byDecision(() => new Float64Array(turns.length));
  const targets = byDecision(() => new Float64Array(turns.length).fill(NaN));
  const trained = decisionsTaken(batch);
  for (const [i, credit] of credits.entries()) {
    for (const name of DECISIONS) {
      const own = credit.advantages[name];
      if (own.length !== offsets[i + 1]! - offsets[i]!) {
        throw new RangeError(
          `Cannot join credit as every turn of episode "${
            episodes[i]!.id
          }" must have a ${name} advantage: ${
            offsets[i + 1]! - offsets[i]!
          } turns, ${own.length} advantages`,
        );
      }
      advantages[name].set(own, offsets[i]!);
      if (credit.trained) trained[name].set(credit.trained[name], offsets[i]!);
      if (credit.targets) targets[name].set(credit.targets[name], offsets[i]!);
    }
  }
  const taught = credits.some((credit) => credit.targets);
  return taught ? { advantages, targets, trained } : { advantages, trained };
}

/**
 * Cuts the credit of a batch into that of single episodes.
 *
 * @param offsets First turn of each episode, then the number of turns. Shape `(episodes + 1,)`.
 * @param credit Columns of the batch.
 * @returns One credit for each episode, in order; its columns are views of those of the batch.
 */
export function splitCredit(
  offsets: Int32Array,
  credit: CreditColumns,
): Credit[] {
  const { advantages, targets, trained } = credit;
  const credits = new Array<Credit>(offsets.length - 1);
  for (let i = 0; i < credits.length; i++) {
    const start = offsets[i]!, end = offsets[i + 1]!;
    const numbers = (of: ByDecision<Float64Array>) => ({
      switching: of.switching.subarray(start, end),
      planning: of.planning.subarray(start, end),
      execution: of.execution.subarray(start, end),
    });
    const own = {
      advantages: numbers(advantages),
      trained: {
        switching: trained.switching.subarray(start, end),
        planning: trained.planning.subarray(start, end),
        execution: trained.execution.subarray(start, end),
      },
    };
    credits[i] = targets ? { ...own, targets: numbers(targets) } : own;
  }
  return credits;
}
