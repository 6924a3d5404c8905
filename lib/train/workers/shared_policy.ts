/**
 * A policy whose batches are split into microbatches, which a pool of replicas works on side by side.
 *
 * An episode belongs to one part of a session from its first turn to its last, and a part to one
 * thread. Random streams travel by state, so results do not depend on the thread. Last digits may depend on the
 * size of a part, as small products use other kernels.
 *
 * @module
 */

import type {
  CompleteSession,
  EncodeOptions,
  EpisodeStart,
  Learner,
  SampleScores,
} from "../../policy/policy.ts";
import type { Random } from "../../random.ts";
import type { ByDecision, Decision, Observation } from "../../trajectory.ts";
import { tensorSteps } from "../ppo/gradient_steps.ts";
import { PpoLearner } from "../ppo/learner.ts";
import { splitMicrobatches } from "../ppo/microbatches.ts";
import type { Job, JobResults, SessionCall, WorkingPolicy } from "./jobs.ts";
import type { ReplicaPool } from "./pool.ts";

/** The replica pool, and the most parts of a batch. */
export interface SharingOptions {
  readonly pool: ReplicaPool;
  readonly microbatches: number;
}

/** Splits a policy's batches over its replicas; `variables` are the same. */
export function sharePolicy(
  policy: WorkingPolicy,
  options: SharingOptions,
): WorkingPolicy {
  const { pool, microbatches } = options;
  return {
    variables: policy.variables,
    open: (starts) => new SharedSession(starts, options),
    score: (turns) => policy.score(turns),
    async scoreSamples(samples): Promise<SampleScores[]> {
      const results = await pool.perform<"scoreSamples">(
        splitMicrobatches(samples, microbatches).map((some) => ({
          kind: "scoreSamples",
          samples: some.map(({ decision }) => ({ decision })),
        })),
      );
      return results.flatMap((some) => some!);
    },
    ...(policy.readingSamples && {
      readingSamples: (trajectories) => policy.readingSamples!(trajectories),
    }),
    atTemperature(temperature) {
      policy.atTemperature(temperature); // throws for an invalid temperature
      return {
        open: (starts) => new SharedSession(starts, options, temperature),
      };
    },
    ...(policy.intervened && {
      // Measurements are few: the thread of the weights plays them.
      intervened: (replace, temperature) =>
        policy.intervened!(replace, temperature),
    }),
    ...(policy.drawStrategies && {
      // Drawn at once, before the episodes: the thread of the weights draws.
      drawStrategies: (situations, randoms) =>
        policy.drawStrategies!(situations, randoms),
    }),
    ...(policy.saveAdapter && {
      saveAdapter: (directory) => policy.saveAdapter!(directory),
    }),
    ...(policy.answer && {
      answer: (conversations, randoms, limits) =>
        policy.answer!(conversations, randoms, limits),
    }),
    dispose: () => policy.dispose(),
  };
}

/** A part of a session: some of its rows, held by one thread. */
interface Part {
  readonly id: number;
  readonly starts: EpisodeStart[];
  /** Rows of the part that have ended since its last call. */
  ended: number[];
  opened: boolean;
}

/** Episodes distributed round-robin over parts, each with its own session. */
class SharedSession implements CompleteSession {
  readonly #pool: ReplicaPool;
  readonly #temperature: number | undefined;
  readonly #parts: readonly Part[];

  constructor(
    starts: readonly EpisodeStart[],
    { pool, microbatches }: SharingOptions,
    temperature?: number,
  ) {
    const count = splitMicrobatches(starts, microbatches).length;
    this.#pool = pool;
    this.#temperature = temperature;
    this.#parts = Array.from({ length: count }, (_, k) => ({
      id: pool.nextPart(),
      starts: starts.filter((_, row) => row % count === k),
      ended: [],
      opened: false,
    }));
  }

  decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Promise<Decision[]> {
    return this.#share<"decide">(rows, observations, (call, places) => ({
      kind: "decide",
      ...call,
      randoms: places.map((i) => randoms[i]!.state),
    }));
  }

  values(
    rows: readonly number[],
    observations: readonly Observation[],
  ): Promise<ByDecision<number>[]> {
    return this.#share<"values">(rows, observations, (call) => ({
      kind: "values",
      ...call,
    }));
  }

  encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    options: EncodeOptions = {},
  ): Promise<Decision[]> {
    const { hints, ...rest } = options;
    return this.#share<"encode">(rows, observations, (call, places) => ({
      kind: "encode",
      ...call,
      // A teacher scores the units of the trace; others write their own.
      decisions: places.map((i) =>
        hints ? decisions[i]! : withoutTrace(decisions[i]!)
      ),
      options: hints ? { ...rest, hints: places.map((i) => hints[i]!) } : rest,
    }));
  }

  end(rows: readonly number[]): void {
    for (const row of rows) {
      const { part, place } = this.#placeOf(row);
      part.ended.push(place);
    }
  }

  [Symbol.dispose](): void {
    this.#pool.close(this.#parts.map(({ id }) => id));
  }

  #placeOf(row: number): { part: Part; place: number } {
    const count = this.#parts.length;
    return { part: this.#parts[row % count]!, place: Math.floor(row / count) };
  }

  /** Calls each part that has some of the rows, and puts the results in their order. */
  async #share<K extends "decide" | "values" | "encode">(
    rows: readonly number[],
    observations: readonly Observation[],
    make: (call: SessionCall, places: readonly number[]) => Job<K>,
  ): Promise<JobResults[K][number][]> {
    const places = this.#parts.map((_, k) =>
      rows.flatMap((row, i) => row % this.#parts.length === k ? [i] : [])
    );
    const jobs = this.#parts.map((part, k) => {
      if (places[k]!.length === 0) return undefined;
      const { id, starts, ended, opened } = part;
      const temperature = this.#temperature;
      part.ended = [];
      part.opened = true;
      return make({
        part: id,
        open: opened ? undefined : { starts, temperature },
        ended,
        rows: places[k]!.map((i) => this.#placeOf(rows[i]!).place),
        observations: places[k]!.map((i) => observations[i]!),
      }, places[k]!);
    });
    const results = await this.#pool.perform<K>(jobs);
    const ordered = new Array<JobResults[K][number]>(rows.length);
    results.forEach((some: readonly JobResults[K][number][] | undefined, k) =>
      some?.forEach((one, j) => ordered[places[k]![j]!] = one)
    );
    return ordered;
  }
}

/** A decision without its trace. */
function withoutTrace(decision: Decision): Decision {
  const { switched, subgoal, action, valid } = decision;
  return { switched, subgoal, action, valid, trace: { kind: "untrainable" } };
}

/** Makes a learner whose gradients are computed by the replicas. */
export function createSharedLearner(
  policy: WorkingPolicy,
  options: SharingOptions,
): Learner {
  const { pool, microbatches } = options;
  return new PpoLearner(policy, (update) =>
    tensorSteps(policy, update, {
      microbatches,
      computeGradients: async (parts, settings) => {
        const gradients = await pool.perform<"computeGradient">(
          parts.map((microbatch) => ({
            kind: "computeGradient",
            microbatch,
            settings,
          })),
        );
        return gradients.map((gradient) => gradient!);
      },
    }));
}
