/**
 * The training loop.
 *
 * @module
 */

import { checkFinite } from "../checks.ts";
import type { EnvSpec, OpenEnv, SubgoalRule } from "../envs/text_env.ts";
import {
  type CreditColumns,
  type EpisodeBatch,
  joinCredit,
  splitCredit,
  trajectoriesOf,
} from "../episode_batch.ts";
import { creditBatch, estimatorOf } from "../hae/credit.ts";
import { shapeBatch } from "../hae/shaping.ts";
import type { Backend } from "../policy/backends/select.ts";
import type { Learner, Policy, SampleBatch, Scorer } from "../policy/policy.ts";
import { createRandom, type Random } from "../random.ts";
import {
  checkPlayed,
  collectEpisodes,
  type LostEpisode,
} from "../rollout/collect.ts";
import type { Assignment } from "../rollout/schedule.ts";
import type { StrategyGroup } from "../rollout/strategies.ts";
import type { Credit, Situation, Trajectory } from "../trajectory.ts";
import { batchSamples } from "./batch.ts";
import { openCheckpoint, saveCheckpoint } from "./runs/checkpoint.ts";
import type { TrainingConfig } from "./config/config.ts";
import {
  type Baseline,
  type Evaluation,
  type EvaluationSchedule,
  type EvaluationSets,
  playEvaluation,
  scheduleEvaluation,
} from "./evaluation.ts";
import { summarizeCredit, summarizeTrajectories } from "./metrics.ts";
import { judgePlans, summarizePlans } from "./plans.ts";
import { penalizeRewards } from "./reward_divergence.ts";
import { refineReplies, withWeights } from "./refine.ts";
import { summarizeReplies } from "./partings.ts";
import {
  type GreedyEpisodes,
  type PlayEpisodes,
  playGreedily,
  sampleEpisodes,
} from "./sampling.ts";
import type { ImitationProgress } from "./imitation/imitation.ts";
import type { WarmUp } from "./imitation/warm_start.ts";
import type { StrategyJudge, Verdicts } from "./strategies/judge.ts";
import { summarizeStrategies, withStrategyRows } from "./strategies/rows.ts";
import {
  type MaybeStrategic,
  scheduleStrategies,
} from "./strategies/scheduling.ts";

/** Seconds by stage. */
export type Laps = Readonly<Record<string, number>>;

/** What one iteration did. */
export interface IterationRecord {
  /** Counted from 0. */
  readonly iteration: number;
  /** One flat row; names are explained in `METRIC_MEANINGS` and by the learner. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Episodes as the worlds paid for them. */
  readonly trajectories: readonly Trajectory[];
  /** Credit of each episode, as the estimator gave it. */
  readonly credits: readonly Credit[];
  /** Seconds by stage; the only part of a record that is not reproducible. */
  readonly timing: Laps;
}

/** How many specifications of worlds a training has; one may stand for endlessly many worlds. */
export interface WorldCounts {
  /** To learn in. */
  readonly learning: number;
  /** To evaluate on, by the name of the set. */
  readonly evaluation: Readonly<Record<string, number>>;
  /** Files of datasets that were skipped as they are damaged: one message each, which begins with the path. */
  readonly skipped: readonly string[];
}

/** A run in progress. Iterate it to train; stop iterating to stop; iterate again to go on. */
export interface Training
  extends AsyncIterable<IterationRecord>, AsyncDisposable {
  /** Every setting of the run. */
  readonly config: TrainingConfig;
  /** The policy as it is now. */
  readonly policy: Policy;
  /** What computes, and why; absent where the caller selected it. */
  readonly backend?: Backend;
  /** How many specifications of worlds there are to learn in, and in each set to evaluate on. */
  readonly worlds: WorldCounts;
  /** The iteration that comes next; as many are done. */
  readonly iteration: number;
  /** Imitates an expert if the config has a warm start that is not done yet; resolves to whether it did. Iterating begins with it. */
  warmUp(onPass?: (progress: ImitationProgress) => void): Promise<boolean>;
  /** The policy at the temperature of evaluations. */
  readonly evaluated: Policy;
  /** Plays the worlds set aside for evaluation, always the same episodes; a baseline may play them instead, or other episodes be played. */
  evaluate(
    baseline?: Baseline,
    schedule?: EvaluationSchedule,
  ): Promise<Evaluation>;
  /** Writes a checkpoint that is whole or absent. */
  save(directory: string): Promise<void>;
  /** Goes on from a checkpoint; the numbers are those of a run that was never interrupted. */
  load(directory: string): Promise<void>;
}

/** A policy with whatever powers it has. */
export type TrainablePolicy = MaybeStrategic & Partial<Scorer> & {
  /** The same policy, deciding at another temperature; used where an evaluation asks for one. */
  readonly atTemperature?: (temperature: number) => Policy;
};

/** A batch with values, its credit, and numbers about the values. */
export interface CreditedBatch {
  /** The batch, values filled in. */
  readonly batch: EpisodeBatch;
  /** Its credit. */
  readonly credit: CreditColumns;
  /** Numbers for the iteration's row. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The objects a training is made of. */
export interface TrainingParts {
  /** Plays; its sessions value if the estimator needs values, and it scores samples if tokens are weighted. */
  readonly policy: TrainablePolicy;
  /** Improves the policy. */
  readonly learner: Learner;
  /** Worlds to learn in. */
  readonly specs: readonly EnvSpec[];
  /** Worlds to evaluate in, by the name of the set. @default {{}} */
  readonly evaluation?: EvaluationSets;
  /** Opens worlds. @default {openEnv} */
  readonly open?: OpenEnv;
  /** Judges plans, for the metrics and for `shaping.subgoalReward`. */
  readonly subgoalRule?: SubgoalRule;
  /** Plays training and evaluation episodes. @default {collectEpisodes} */
  readonly collect?: typeof collectEpisodes;
  /** Credits episodes with shaped rewards, one credit for each, in order. @default {`config.estimator`} */
  readonly assignCredit?: (trajectories: readonly Trajectory[]) => Credit[];
  /** Values whole batches with shaped rewards and credits them, for policies that do not value; takes the place of `assignCredit`. */
  readonly critic?: (
    batch: EpisodeBatch,
  ) => CreditedBatch | Promise<CreditedBatch>;
  /** What the iteration cost elsewhere, for the record; not reproducible. Names hold a "/". */
  readonly costs?: () => Readonly<Record<string, number>>;
  /** The hint that the teacher of `tokenWeights` gets on a situation. */
  readonly hint?: (situation: Situation) => string;
  /** Flags turns that do not serve the strategy, for the estimator `strata`. @default {no turn is flagged} */
  readonly judge?: StrategyJudge;
  /** Learns from an expert before the first iteration. */
  readonly warmUp?: WarmUp;
  /** Stops while playing or learning, by throwing its reason; weights and iteration stay in step. */
  readonly signal?: AbortSignal;
  /** Files of datasets that were skipped, for the record. @default {none} */
  readonly skipped?: readonly string[];
  /** What computes with the policy's tensors, for the record. */
  readonly backend?: Backend;
  /** Frees what the parts hold. */
  readonly dispose?: () => void | Promise<void>;
}

/**
 * Trains with objects made by hand: worlds, policy, learner and estimator may all be the caller's own.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import {
 *   byDecision,
 *   createTraining,
 *   defineConfig,
 *   planExecute,
 *   randomExecutor,
 *   scriptedPlanner,
 * } from "@hiper/lab";
 *
 * const specs = [{ kind: "corridor", length: 3, doors: 0 }];
 * const training = createTraining(
 *   defineConfig({ worlds: specs, iterations: 1, evaluation: { every: 0 } }),
 *   {
 *     specs,
 *     policy: planExecute(scriptedPlanner(() => "leave"), randomExecutor()),
 *     learner: {
 *       update: ({ turns }) => Promise.resolve({ samples: turns.length }),
 *       save: () => Promise.resolve(),
 *       load: () => Promise.resolve(),
 *     },
 *     assignCredit: (trajectories) =>
 *       trajectories.map(({ turns, score }) => ({
 *         advantages: byDecision(() => new Float64Array(turns.length).fill(score)),
 *       })),
 *   },
 * );
 * for await (const { metrics } of training) ok(metrics.samples! > 0);
 * ```
 *
 * @param config Every setting; see `defineConfig`.
 * @param parts Policy, learner and worlds.
 * @returns A training that has not begun.
 * @throws {RangeError} While iterating, if an update gives a number that is not finite.
 */
export function createTraining(
  config: TrainingConfig,
  parts: TrainingParts,
): Training {
  return new OpenTraining(config, parts);
}

class OpenTraining implements Training {
  readonly config: TrainingConfig;
  readonly backend?: Backend;
  readonly #parts: TrainingParts;
  readonly #root: Random;
  #next = 0;
  /** Whether the warm start, if there is one, is behind. */
  #warm = false;

  constructor(config: TrainingConfig, parts: TrainingParts) {
    this.config = config;
    if (parts.backend) this.backend = parts.backend;
    this.#parts = parts;
    this.#root = createRandom(config.seed);
  }

  get policy(): Policy {
    return this.#parts.policy;
  }

  get worlds(): WorldCounts {
    const { specs, evaluation = {}, skipped = [] } = this.#parts;
    const counts = Object.entries(evaluation)
      .map(([name, { length }]) => [name, length] as const);
    return {
      learning: specs.length,
      evaluation: Object.fromEntries(counts),
      skipped,
    };
  }

  get iteration(): number {
    return this.#next;
  }

  async warmUp(
    onPass?: (progress: ImitationProgress) => void,
  ): Promise<boolean> {
    const { warmUp } = this.#parts;
    const due = warmUp !== undefined && !this.#warm;
    if (due) await warmUp(onPass);
    this.#warm = true;
    return due;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<IterationRecord, void, void> {
    const { config } = this;
    const { policy, learner, specs, open, signal } = this.#parts;
    const { collect = collectEpisodes } = this.#parts;
    const { subgoalRule, judge } = this.#parts;
    const stopping = signal && { signal };
    const playing = { ...(open && { open }), ...stopping };
    await this.warmUp();
    while (this.#next < config.iterations) {
      const iteration = this.#next;
      const random = this.#root.fork("iteration", iteration);
      const progress = iteration / config.iterations;
      const timing: Record<string, number> = {};
      let before = performance.now();
      const lap = (stage: string) => {
        const now = performance.now();
        timing[stage] = (now - before) / 1000;
        before = now;
      };
      const lost: LostEpisode[] = [];
      const noted = {
        ...playing,
        onLost: (episode: LostEpisode) => void lost.push(episode),
      };
      const { strategies } = config;
      const groups: StrategyGroup[] = [];
      const play = (by: TrainablePolicy): PlayEpisodes => async (scheduled) => {
        const drawn = strategies &&
          await scheduleStrategies(by, scheduled, { ...noted, strategies });
        groups.push(...drawn?.groups ?? []);
        const episodes = drawn?.assignments ?? scheduled;
        const some = await collect(by, episodes, noted);
        checkPlayed(`go on training after iteration ${iteration}`, {
          episodes: some.episodes.length,
          lost,
        });
        return some;
      };
      const { rollout } = config;
      const { batch: played, ...drawn } = await sampleEpisodes(specs, {
        ...{ rollout, random, play: play(policy) },
      });
      const greedy = await this.#playGreedily(played, drawn.groups, play);
      lap("rollout");
      const trajectories = trajectoriesOf(played);
      const plans = subgoalRule && judgePlans(trajectories, subgoalRule);
      const paid = await penalizeRewards(
        shapeBatch(played, config.shaping, plans?.achieved),
        { learner, update: config.update },
      );
      const verdicts = strategies && await judge?.(trajectories, random);
      const { batch: shaped, credit, metrics: valued } = await this.#credit(
        paid,
        { ...greedy, ...verdicts },
      );
      const refined = await this.#refine(played, batchSamples(shaped, credit));
      const samples = withStrategyRows(refined.samples, played, groups);
      lap("credit");
      const done = { progress, iteration: iteration + 1 };
      const options = { ...config.update, random, ...done, ...stopping };
      const update = await learner.update(samples, options);
      lap("update");
      this.#next = iteration + 1;
      const evaluated = await this.#evaluateOrRevert();
      lap("evaluation");
      const credits = splitCredit(played.offsets, credit);
      const metrics = {
        ...summarizeTrajectories(drawn.played),
        ...drawn.metrics,
        ...greedy?.metrics,
        ...(lost.length > 0 && { lost_episodes: lost.length }),
        ...(plans && summarizePlans(trajectories, plans)),
        ...summarizeStrategies(groups, trajectories, verdicts),
        ...summarizeCredit(shaped, credit),
        ...valued,
        ...refined.metrics,
        ...update,
        ...evaluated,
      };
      checkFinite(`go on training after iteration ${iteration}`, metrics);
      Object.assign(timing, this.#parts.costs?.());
      yield { iteration, metrics, trajectories, credits, timing };
    }
  }

  async #credit(
    batch: EpisodeBatch,
    { baselines, flagged }: Partial<GreedyEpisodes & Verdicts>,
  ): Promise<CreditedBatch> {
    const { assignCredit: own, critic } = this.#parts;
    if (critic) return await critic(batch);
    const { estimator } = this.config;
    const credit = own
      ? joinCredit(batch, own(trajectoriesOf(batch)))
      : creditBatch(
        batch,
        baselines && estimator.name === "remax"
          ? { ...estimator, baselines }
          : flagged && estimator.name === "strata"
          ? { ...estimator, flagged }
          : estimator,
      );
    return { batch, credit, metrics: {} };
  }

  /** Scores of an episode of each group that is played greedily, where the estimator compares with them. */
  async #playGreedily(
    batch: EpisodeBatch,
    groups: readonly Assignment[],
    play: (by: TrainablePolicy) => PlayEpisodes,
  ): Promise<GreedyEpisodes | undefined> {
    const { config: { estimator: { name }, shaping } } = this;
    const { policy, assignCredit: own } = this.#parts;
    if (own || !estimatorOf(name).greedy) return undefined;
    if (!policy.atTemperature) {
      throw new TypeError(
        `Cannot train by "${name}" as the policy must have "atTemperature" to play greedily: it has none`,
      );
    }
    return await playGreedily(batch, {
      ...{ groups, play: play(policy.atTemperature(0)) },
      // Ends of subgoals are paid to single decisions, not to the episode.
      shape: (played) => shapeBatch(played, { ...shaping, subgoalReward: 0 }),
    });
  }

  async #refine(
    played: EpisodeBatch,
    samples: SampleBatch,
  ): Promise<{ samples: SampleBatch; metrics: Record<string, number> }> {
    if (!this.config.tokenWeights) return { samples, metrics: {} };
    const { name: _, ...gear } = this.config.tokenWeights;
    const { policy, hint } = this.#parts;
    if (!canScore(policy) || !hint) {
      throw new TypeError(
        "Cannot refine samples as there must be a policy that scores samples and a hint for its teacher",
      );
    }
    const trajectories = trajectoriesOf(played);
    const options = { ...gear, policy, trajectories, hint };
    const replies = await refineReplies(samples, options);
    return {
      samples: withWeights(samples, replies),
      metrics: summarizeReplies(replies, trajectories),
    };
  }

  /** Evaluates if that is due; an iteration that is stopped meanwhile counts as not done. */
  async #evaluateOrRevert(): Promise<Readonly<Record<string, number>>> {
    const { learner, signal } = this.#parts;
    const { evaluation: { every }, iterations } = this.config;
    const due = this.#next === iterations ||
      (every > 0 && this.#next % every === 0);
    try {
      return due ? (await this.evaluate()).metrics : {};
    } catch (error) {
      if (signal?.aborted && error === signal.reason && learner.revert) {
        learner.revert();
        this.#next--;
      }
      throw error;
    }
  }

  get evaluated(): Policy {
    const { policy } = this.#parts;
    const { temperature } = this.config.evaluation;
    return temperature === 1
      ? policy
      : policy.atTemperature?.(temperature) ?? policy;
  }

  evaluate(
    baseline?: Baseline,
    schedule: EvaluationSchedule = this.#evaluationSchedule(),
  ): Promise<Evaluation> {
    const open = baseline?.open ?? this.#parts.open;
    const { subgoalRule } = this.#parts;
    // What cannot be taken back is not stopped.
    const { signal, learner: { revert }, collect } = this.#parts;
    return playEvaluation(baseline?.policy ?? this.evaluated, schedule, {
      ...(open && { open }),
      ...(subgoalRule && { subgoalRule }),
      ...(collect && { collect }),
      ...(signal && revert && { signal }),
    });
  }

  #evaluationSchedule(): EvaluationSchedule {
    const { every: _, sets: __, temperature: ___, ...options } =
      this.config.evaluation;
    const random = this.#root.fork("evaluation");
    return scheduleEvaluation(this.#parts.evaluation ?? {}, {
      ...options,
      random,
    });
  }

  async save(directory: string): Promise<void> {
    const { learner } = this.#parts;
    await saveCheckpoint(directory, {
      iteration: this.#next,
      warm: this.#warm,
      save: (folder) => learner.save(folder),
    });
  }

  async load(directory: string): Promise<void> {
    const checkpoint = await openCheckpoint(directory);
    await this.#parts.learner.load(checkpoint.directory);
    this.#next = checkpoint.iteration;
    this.#warm = checkpoint.warm;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.dispose?.();
  }
}

function canScore(policy: TrainablePolicy): policy is Policy & Scorer {
  return policy.scoreSamples !== undefined;
}
