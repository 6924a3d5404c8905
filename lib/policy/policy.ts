/**
 * Contracts of policies by power: a {@linkcode Policy} opens sessions that decide, a
 * {@linkcode Scorer} scores decisions again, a {@linkcode DifferentiablePolicy} does so inside a gradient
 * tape, a {@linkcode Learner} improves the policy.
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
  Strategy,
  Trajectory,
  Turn,
} from "../trajectory.ts";
import type { Tensor1D, Variable } from "./backends/tensors.ts";

/** Start of an episode, before its first observation. */
export interface EpisodeStart {
  /** The task in words. */
  readonly task: string;
  /** The strategy to follow, for policies that follow one; absent leaves it to the policy. */
  readonly strategy?: Strategy;
}

/** Decides, episode by episode. */
export interface Policy {
  /**
   * Most episodes that are played at once, each in a session of its own and at its own pace, for policies that decide
   * elsewhere. Absent plays all of them side by side, one batched decision a turn.
   */
  readonly episodesAtOnce?: number;
  /**
   * Opens a session for episodes that are played side by side; row `i` of the session is episode `i`.
   *
   * @param starts One for each episode.
   * @returns The session; the caller disposes it.
   */
  open(starts: readonly EpisodeStart[]): PolicySession;
}

/**
 * Episodes in progress: the session owns the policy's memory of them and its caches.
 *
 * Every turn of an episode is either decided ({@linkcode PolicySession.decide}) or taken in
 * ({@linkcode PolicySession.encode}); both move the row to the next turn. The arguments of a call
 * are parallel lists with one entry for each of the named rows.
 */
export interface PolicySession extends Disposable {
  /**
   * Takes one decision for each row, drawn from that row's own stream, so that the result does not
   * depend on how rows are batched.
   */
  decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Decision[] | Promise<Decision[]>;
  /**
   * Values of each row before any decision is taken there, in units of return; `execution` is that
   * of the held subgoal. The row does not move on. Needed by HAE and GAE for truncated episodes.
   */
  values?(
    rows: readonly number[],
    observations: readonly Observation[],
  ): ByDecision<number>[] | Promise<ByDecision<number>[]>;
  /**
   * Takes decisions made elsewhere as this policy's own: with traces that can be learned, this
   * policy's log-probabilities, and its values. Needed for imitation, for mixtures of policies and
   * for GEAR's teacher.
   */
  encode?(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    options?: EncodeOptions,
  ): Decision[] | Promise<Decision[]>;
  /** Frees caches of episodes that have ended; their values can still be computed. */
  end?(rows: readonly number[]): void;
}

/** Options of {@linkcode PolicySession.encode}. */
export interface EncodeOptions {
  /**
   * Whether log-probabilities and values are computed; without them a learner treats the samples as
   * on-policy. @default {true}
   */
  readonly score?: boolean;
  /**
   * A teacher's hint for each row, added to the policy's inputs of this turn alone. Units of this policy's own traces stay as they are. @default {nothing}
   */
  readonly hints?: readonly string[];
}

/** A policy whose sessions have every power. */
export interface CompletePolicy extends Policy {
  /** Opens a session; see {@linkcode Policy.open}. */
  open(starts: readonly EpisodeStart[]): CompleteSession;
}

/** A session that values and encodes. */
export type CompleteSession =
  & PolicySession
  & Required<Pick<PolicySession, "values" | "encode">>;

/** A switch that a policy has decided, before it is played. */
export interface PlannedSwitch {
  /** Row of the session. */
  readonly row: number;
  /** What the policy saw; `subgoal` is the held one, absent on the first turn. */
  readonly situation: Situation;
  /** Subgoals that it chose among. */
  readonly proposed: readonly string[];
  /** The subgoal that it chose. */
  readonly chosen: string;
  /** A stream of the turn's own. */
  readonly random: Random;
}

/** Names the subgoal that is held in the place of the chosen one; the held subgoal makes the turn one that keeps it. */
export type PlanIntervention = (planned: PlannedSwitch) => string;

/** A policy whose subgoals can be exchanged while it plays: what depends on the plan changes, and nothing else does. */
export interface IntervenablePolicy extends Policy {
  /**
   * The same weights, with other subgoals at the policy's own switches. For measurements: its decisions cannot be
   * learned from.
   *
   * @param replace Names the subgoal in force.
   * @param temperature Sampling temperature. @default {1}
   */
  intervened(replace: PlanIntervention, temperature?: number): Policy;
}

/** A strategy that was drawn. */
export interface DrawnStrategy {
  /** What to follow. */
  readonly strategy: Strategy;
  /**
   * The planning choices that it was composed by, each of which trains planning; none where the trace of an episode's
   * first turn holds it.
   */
  readonly choices: readonly AnsweredTurn[];
}

/**
 * A policy that follows a strategy: one that an episode starts with, or else one that it draws itself before the first
 * turn.
 */
export interface StrategicPolicy extends Policy {
  /**
   * Draws one strategy for each situation, none of which has been played in, from that situation's own stream.
   *
   * @param situations Starts of episodes; one may stand there several times.
   * @param randoms One stream for each.
   */
  drawStrategies(
    situations: readonly Situation[],
    randoms: readonly Random[],
  ): DrawnStrategy[] | Promise<DrawnStrategy[]>;
}

/** A policy that answers questions that are no turns of an episode, such as a judge's. */
export interface AnsweringPolicy {
  /**
   * Writes one answer to each conversation, drawn from its own stream.
   *
   * @param conversations Messages with the role and the content of each; the last one asks.
   * @param randoms One stream for each.
   * @param options Longest answer, in tokens.
   */
  answer(
    conversations: readonly (readonly {
      readonly role: "system" | "user" | "assistant";
      readonly content: string;
    }[])[],
    randoms: readonly Random[],
    options: { readonly maxTokens: number },
  ): Promise<string[]>;
}

/** A policy that reads texts token by token, and can learn to predict them. */
export interface ReadingPolicy {
  /**
   * The text of each episode as one sample, for language modeling; `mask` is 1 for units of the world and 0
   * for replies. Shape `(units,)`.
   */
  readingSamples(
    trajectories: readonly Trajectory[],
  ): { decision: Decision; mask: Float32Array }[];
}

/** A turn to be scored again. */
export interface ScoredTurn {
  /** The decision, with a trace of the policy that scores it. */
  readonly decision: Decision;
}

/** Scores of one decision, unit by unit. */
export interface SampleScores {
  /** Log-probability of each unit. Shape `(units,)`. */
  readonly logProbs: Float32Array;
  /** Entropy of the distribution each unit was drawn from, in nats. Shape `(units,)`. */
  readonly entropies: Float32Array;
}

/** Scores decisions already made. Needed by GEAR and for the divergence from a reference. */
export interface Scorer {
  /**
   * Log-probabilities and entropies under the present weights, from what the traces recorded.
   *
   * @param samples Turns or samples.
   * @returns One for each, in order.
   */
  scoreSamples(
    samples: readonly ScoredTurn[],
  ): SampleScores[] | Promise<SampleScores[]>;
}

/** Turns to learn from, as columns; a row is a turn. */
export interface SampleBatch {
  /** Observation and decision of each row. Shape `(rows,)`. */
  readonly turns: readonly Turn[];
  /** Number of the episode that the turn belongs to; rows of one number can be kept together. Shape `(rows,)`. */
  readonly episodes: Int32Array;
  /** Advantage of each decision, after normalization if any; 0 where it is not trained. Shape `(rows,)` each. */
  readonly advantages: ByDecision<Float64Array>;
  /** 1 where the decision is in the policy gradient, 0 where it was not taken. Shape `(rows,)` each. */
  readonly trained: ByDecision<Uint8Array>;
  /** Targets of the value heads; `NaN` where a head has none on a turn. Shape `(rows,)` each. */
  readonly targets?: ByDecision<Float64Array>;
  /** Weight of each unit (token or choice), row after row; absent means 1 everywhere. Shape `(units,)`. */
  readonly unitWeights?: Float32Array;
}

/** How a {@linkcode Learner} improves a policy; every field has a default in the learner. */
export interface UpdateOptions {
  /** Passes over the samples. */
  epochs?: number;
  /** Samples in one gradient step. */
  minibatchSize?: number;
  /**
   * What is shuffled: turns, or whole episodes, so that what their turns share is computed once.
   * Then the last episode of a minibatch may make it larger than its size.
   */
  minibatchBy?: "turn" | "episode";
  /** Treats samples as on-policy: every ratio is 1 on each step, as for imitation. */
  onPolicy?: boolean;
  /** Whose probability ratio is clipped: each unit's (PPO), or one for all units of a turn (GSPO). */
  loss?: "ppo" | "gspo";
  /** How the losses of units become one number; a sequence is a turn. GSPO knows `seq-mean-token-mean` alone. */
  aggregation?:
    | "token-mean"
    | "seq-mean-token-sum"
    | "seq-mean-token-mean"
    | "seq-mean-token-sum-norm";
  /** Divisor of `seq-mean-token-sum-norm`: units of the longest sequence. Absent means the longest of the samples. */
  aggregationLength?: number;
  /**
   * Truncated importance sampling, for units that another engine or precision drew: the learner scores them again
   * before its first step, ratios start from its own log-probabilities, and advantages are weighed by
   * `min(p_learner / p_sampler, limit)`. Absent trusts the sampler's.
   */
  samplerCorrection?: {
    /** Whether each unit has a weight, or all units of a turn that of their product. @default {"token"} */
    readonly level?: "token" | "sequence";
    /** Largest weight. @default {2} */
    readonly limit?: number;
  };
  /** Clip range of the probability ratio; `[below, above]` for an asymmetric one. */
  clipRange?: number | readonly [number, number];
  /** Dual-clip bound on negative advantages, above 1; 0 turns it off. */
  dualClip?: number;
  /** Clip range of value predictions, in units of return; 0 turns it off. */
  valueClipRange?: number;
  /** Step size of AdamW. */
  learningRate?: number;
  /** Step size at the end of training; it changes linearly. Absent means it stays. */
  finalLearningRate?: number;
  /** Weight decay of AdamW. */
  weightDecay?: number;
  /** Weight of the value loss. */
  valueCoefficient?: number;
  /** Weight of the entropy bonus. */
  entropyCoefficient?: number;
  /** Weight of the entropy bonus at the end of training; it changes linearly. Absent means it stays. */
  finalEntropyCoefficient?: number;
  /** Weight of the KL penalty towards the reference policy. */
  klCoefficient?: number;
  /** Estimator of that divergence. */
  klEstimator?: "k1" | "k2" | "k3" | "abs" | "kl" | "mse" | "low_var_kl";
  /** Whether the divergence is a term of the loss, or is taken out of rewards before credit is assigned. */
  klPlacement?: "loss" | "reward";
  /** Moves `klCoefficient` after each update towards what holds the divergence at a target. Absent leaves it. */
  adaptiveKl?: {
    /** Divergence of a turn's units on average to aim at, in nats. */
    readonly target: number;
    /** Turns over which the coefficient may change by about a fifth. @default {10000} */
    readonly horizon?: number;
  };
  /** Approximate KL at which an update stops early; 0 turns it off. */
  targetKl?: number;
  /** Largest gradient norm; larger gradients are scaled down. */
  maxGradientNorm?: number;
}

/** Improves a policy. When `update` resolves, the next `decide` is by the new one. */
export interface Learner {
  /**
   * Learns from samples; resolves to one flat row of numbers about the update. `progress` is the
   * share of training that is done, in `[0, 1]`; settings with a final value follow it. `signal` ends the
   * update before its next minibatch, by throwing its reason: weights and moments are those of its start.
   * `iteration` is the number of iterations that are done with this update; absent in imitation.
   */
  update(
    samples: SampleBatch,
    options: UpdateOptions & {
      random: Random;
      progress?: number;
      iteration?: number;
      signal?: AbortSignal;
    },
  ): Promise<Record<string, number>>;
  /** Reverts the last update, for a run that stops before its iteration is recorded. */
  revert?(): void;
  /** Writes weights and optimizer state to files in a folder. */
  save(directory: string): Promise<void>;
  /** Reads what {@linkcode Learner.save} wrote. */
  load(directory: string): Promise<void>;
  /** Makes the current weights the reference policy, as after a warm start. */
  setReference?(): void;
  /**
   * What is taken out of the reward of each turn for its divergence from the reference policy, with
   * `klPlacement: "reward"`; the next update adapts the coefficient to it. `counts` is 1 where a decision was
   * taken. Shape `(turns,)`.
   */
  rewardPenalties?(
    turns: readonly ScoredTurn[],
    counts: ByDecision<Uint8Array>,
    options: UpdateOptions,
  ): Promise<Float64Array>;
}

/** Scores of a batch by {@linkcode DifferentiablePolicy.score}; the caller disposes all of it. */
export interface ScoredBatch {
  /**
   * Log-probability of each unit, sample after sample, in the order of `decisionUnits`.
   * Shape `(units,)`.
   */
  readonly logProbs: Tensor1D;
  /** Entropy of the distribution each unit was drawn from, in nats. Shape `(units,)`. */
  readonly entropies: Tensor1D;
  /** Value before each decision, in units of return. Shapes `(samples,)`. */
  readonly values: ByDecision<Tensor1D>;
}

/**
 * A policy whose decisions can be differentiated.
 *
 * The order of units is that of `decisionUnits` in `lib/trajectory.ts`; scoring again with unchanged
 * weights gives every unit the log-probability recorded when it was chosen.
 */
export interface DifferentiablePolicy extends Policy, Scorer {
  /** Weights, under names that stay the same from run to run; checkpoints use these names. */
  readonly variables: Readonly<Record<string, Variable>>;
  /**
   * Scores turns again, from what their traces recorded when the policy decided. Synchronous, so that
   * it can stand inside `tf.variableGrads`, which disposes what is not kept; outside one the caller
   * disposes what is returned.
   */
  score(
    turns: readonly ScoredTurn[],
    options?: {
      /** Whether the turns are one of several parts that `partition` gave. @default {false} */
      readonly isPart?: boolean;
    },
  ): ScoredBatch;
  /**
   * Splits turns into microbatches whose intermediate numbers fit in memory, so that each is differentiated on its own;
   * absent means that all are taken at once.
   *
   * @returns Indices of the turns of each microbatch; one that holds all keeps their order.
   */
  partition?(turns: readonly ScoredTurn[]): number[][];
  /** Writes what other programs load of it, beside what learning goes on from; absent where there is nothing. */
  saveAdapter?(directory: string): Promise<void>;
  /** Frees the weights. The policy cannot be used afterwards. */
  dispose(): void;
}
