/**
 * Jobs of a thread with a replica of the policy: parts of sessions, scoring and gradients.
 *
 * Requests and results are structured-cloneable, so that a job can travel to a Worker.
 *
 * @module
 */

import type {
  AnsweringPolicy,
  CompletePolicy,
  CompleteSession,
  DifferentiablePolicy,
  EncodeOptions,
  EpisodeStart,
  IntervenablePolicy,
  ReadingPolicy,
  SampleScores,
  ScoredTurn,
  StrategicPolicy,
} from "../../policy/policy.ts";
import { type RandomState, resumeRandom } from "../../random.ts";
import type { ByDecision, Decision, Observation } from "../../trajectory.ts";
import type { Microbatch } from "../ppo/microbatches.ts";
import { computeGradient, type PpoGradient } from "../ppo/step.ts";
import type { PpoSettings } from "../ppo/update_settings.ts";

/** A policy with all methods that jobs call. */
export interface WorkingPolicy
  extends
    DifferentiablePolicy,
    CompletePolicy,
    Partial<ReadingPolicy>,
    Partial<Pick<IntervenablePolicy, "intervened">>,
    Partial<Pick<StrategicPolicy, "drawStrategies">>,
    Partial<AnsweringPolicy> {
  /** Opens a session; see {@linkcode CompletePolicy.open}. */
  open(starts: readonly EpisodeStart[]): CompleteSession;
  /** The same weights, deciding at another temperature. */
  atTemperature(temperature: number): CompletePolicy;
}

/** A call of a part of a session. */
export interface SessionCall {
  /** Id of the part; one thread holds it from the first call to `close`. */
  readonly part: number;
  /** The part's episodes and temperature, on its first call. */
  readonly open: {
    readonly starts: readonly EpisodeStart[];
    /** The policy's own if absent. */
    readonly temperature: number | undefined;
  } | undefined;
  /** Rows of the part that take no further turn. */
  readonly ended: readonly number[];
  /** Rows of the part that are called. */
  readonly rows: readonly number[];
  /** Their observations. */
  readonly observations: readonly Observation[];
}

/** Arguments of each kind of job. */
export interface JobRequests {
  computeGradient: {
    readonly microbatch: Microbatch;
    readonly settings: PpoSettings;
  };
  scoreSamples: { readonly samples: readonly ScoredTurn[] };
  /** Decisions; see `PolicySession.decide`. */
  decide: SessionCall & { readonly randoms: readonly RandomState[] };
  /** Values; see `PolicySession.values`. */
  values: SessionCall;
  /** Decisions made elsewhere; see `PolicySession.encode`. */
  encode: SessionCall & {
    readonly decisions: readonly Decision[];
    readonly options: EncodeOptions;
  };
  /** The end of parts of sessions. */
  close: { readonly parts: readonly number[] };
}

/** Result of each kind of job: one entry per sample or row. */
export interface JobResults {
  computeGradient: PpoGradient;
  scoreSamples: SampleScores[];
  decide: Decision[];
  values: ByDecision<number>[];
  encode: Decision[];
  close: void;
}

/** Names of the kinds of jobs. */
export type JobKind = keyof JobRequests;

/** A job. */
export type Job<K extends JobKind = JobKind> = {
  [P in K]: { readonly kind: P } & JobRequests[P];
}[K];

/** Does jobs on one thread. */
export interface JobRunner {
  run<K extends JobKind>(job: Job<K>): Promise<JobResults[K]>;
}

type JobHandlers = {
  [K in JobKind]: (
    job: JobRequests[K],
  ) => JobResults[K] | Promise<JobResults[K]>;
};

/** Makes the runner of a thread, which owns the parts of sessions that it opens. */
export function createJobRunner(policy: WorkingPolicy): JobRunner {
  const parts = new Map<number, CompleteSession>();
  const partOf = ({ part, open, ended }: SessionCall): CompleteSession => {
    if (open) {
      const { starts, temperature } = open;
      const player = temperature === undefined
        ? policy
        : policy.atTemperature(temperature);
      parts.set(part, player.open(starts));
    }
    const session = parts.get(part)!;
    if (ended.length > 0) session.end?.(ended);
    return session;
  };
  const handlers: JobHandlers = {
    computeGradient: ({ microbatch, settings }) =>
      computeGradient(policy, microbatch, settings),
    scoreSamples: ({ samples }) => policy.scoreSamples(samples),
    decide: ({ rows, observations, randoms, ...call }) =>
      partOf({ rows, observations, ...call })
        .decide(rows, observations, randoms.map(resumeRandom)),
    values: ({ rows, observations, ...call }) =>
      partOf({ rows, observations, ...call }).values(rows, observations),
    encode: ({ rows, observations, decisions, options, ...call }) =>
      partOf({ rows, observations, ...call })
        .encode(rows, observations, decisions, options),
    close: (job) => {
      for (const part of job.parts) {
        parts.get(part)?.[Symbol.dispose]();
        parts.delete(part);
      }
    },
  };
  return {
    run: async <K extends JobKind>(job: Job<K>) =>
      await (handlers[job.kind] as JobHandlers[K])(job),
  };
}
