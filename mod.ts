/**
 * HiPER Lab: hierarchical reinforcement learning of language agents.
 *
 * The root entry holds what is needed to train, evaluate, credit and plot. The rest is exported by
 * domain: `@hiper/lab/credit`, `/losses`, `/language`, `/envs/household`, `/envs/webshop`,
 * `/envs/pddl`, `/studies`, `/plots` and `/ecosystem`.
 *
 * @module
 */

// Data and seeds
export {
  toEpisodeBatch,
  trajectoriesOf,
  trajectoryAt,
} from "./lib/episode_batch.ts";
export type {
  CreditColumns,
  EpisodeBatch,
  EpisodeColumns,
  EpisodeRecord,
} from "./lib/episode_batch.ts";
export { createRandom, drawIndex } from "./lib/random.ts";
export type { Random } from "./lib/random.ts";
export { byDecision, DECISIONS } from "./lib/trajectory.ts";
export type {
  ActionPrompt,
  AllowedTokens,
  AnsweredTurn,
  ByDecision,
  ChoiceTrace,
  Credit,
  Decision,
  DecisionName,
  DecisionTrace,
  Hint,
  Observation,
  Situation,
  TokenSpan,
  TokenTrace,
  Trajectory,
  Turn,
} from "./lib/trajectory.ts";

// Credit
export {
  assignCredit,
  creditBatch,
  ESTIMATOR_NAMES,
} from "./lib/hae/credit.ts";
export type { EstimatorConfig, EstimatorName } from "./lib/hae/credit.ts";
export { segmentTurns } from "./lib/hae/segments.ts";
export type { Segment } from "./lib/hae/segments.ts";
export { shapeBatch, shapeRewards } from "./lib/hae/shaping.ts";
export type { ShapingOptions } from "./lib/hae/shaping.ts";

// Worlds
export { openCorridor, proposeCorridorSubgoals } from "./lib/envs/corridor.ts";
export type { CorridorOptions } from "./lib/envs/corridor.ts";
export {
  createEnvOpener,
  findWorld,
  listEnvs,
  openEnv,
} from "./lib/envs/open_env.ts";
export type {
  EnvSpec,
  EnvStart,
  EnvStep,
  ListAlternatives,
  OpenEnv,
  ProposeSubgoals,
  SubgoalRule,
  TextEnv,
} from "./lib/envs/text_env.ts";
export type {
  EnvDataset,
  EnvListing,
  EnvOpenerOptions,
  WorldGuide,
} from "./lib/envs/world.ts";

// Policies
export { BACKENDS, selectBackend } from "./lib/policy/backends/select.ts";
export type {
  Backend,
  BackendName,
  BackendOptions,
} from "./lib/policy/backends/select.ts";
export { createCompactPolicy } from "./lib/policy/compact/policy.ts";
export type {
  CompactPolicy,
  CompactPolicyOptions,
} from "./lib/policy/compact/policy.ts";
export type { CompactSession } from "./lib/policy/compact/session.ts";
export type { DifferentiablePolicy, ScoredBatch } from "./lib/policy/policy.ts";
export {
  expertPolicy,
  mixPolicies,
  planExecute,
  randomExecutor,
  randomPlanner,
  scriptedExecutor,
  scriptedPlanner,
} from "./lib/policy/plan_execute.ts";
export type {
  Choose,
  Executor,
  Plan,
  PlannedSituation,
  Planner,
} from "./lib/policy/plan_execute.ts";
export type {
  CompletePolicy,
  CompleteSession,
  EncodeOptions,
  EpisodeStart,
  Learner,
  Policy,
  PolicySession,
  ReadingPolicy,
  SampleBatch,
  SampleScores,
  ScoredTurn,
  Scorer,
  UpdateOptions,
} from "./lib/policy/policy.ts";
export { statelessPolicy } from "./lib/policy/session.ts";
export type { SituationFunctions } from "./lib/policy/session.ts";

// Rollout
export {
  collectEpisodes,
  collectTrajectories,
  playEpisodes,
} from "./lib/rollout/collect.ts";
export type { CollectOptions, RolloutProgress } from "./lib/rollout/collect.ts";
export { createEnvPool } from "./lib/rollout/env_pool.ts";
export type { EnvPool, EnvPoolOptions } from "./lib/rollout/env_pool.ts";
export { withHints } from "./lib/rollout/hints.ts";
export { encodeEpisodes } from "./lib/rollout/replay.ts";
export type { EncodeEpisodesOptions } from "./lib/rollout/replay.ts";
export { scheduleEpisodes, scheduleEvery } from "./lib/rollout/schedule.ts";
export type { Assignment, ScheduleOptions } from "./lib/rollout/schedule.ts";

// Training
export { assembleBaseline, assembleTraining } from "./lib/train/assemble.ts";
export type { AssembleOptions } from "./lib/train/assemble.ts";
export { imitationSamples, toSamples } from "./lib/train/batch.ts";
export { defineConfig } from "./lib/train/config/config.ts";
export type {
  CompactPolicyConfig,
  EvaluationConfig,
  LanguagePolicyConfig,
  PartialDeep,
  RecordConfig,
  ReplicasConfig,
  RolloutConfig,
  TokenWeightsConfig,
  TrainingConfig,
  WarmStartConfig,
  WorldConfig,
} from "./lib/train/config/config.ts";
export type { TinkerPolicyConfig } from "./lib/remote/tinker/settings.ts";
export { describeSettings } from "./lib/train/config/describe.ts";
export type { SettingDescription } from "./lib/train/config/describe.ts";
export { PRESETS } from "./lib/train/config/presets.ts";
export type { PresetName } from "./lib/train/config/presets.ts";
export { mergeSettings, parseSettings } from "./lib/train/config/settings.ts";
export type { Json } from "./lib/train/config/settings.ts";
export { evaluatePolicy } from "./lib/train/evaluation.ts";
export type {
  Evaluation,
  EvaluationOptions,
  EvaluationSets,
} from "./lib/train/evaluation.ts";
export { imitateExpert } from "./lib/train/imitation/imitation.ts";
export type {
  ImitationOptions,
  ImitationProgress,
} from "./lib/train/imitation/imitation.ts";
export type { WarmUp } from "./lib/train/imitation/warm_start.ts";
export {
  METRIC_MEANINGS,
  summarizeCredit,
  summarizeTrajectories,
} from "./lib/train/metrics.ts";
export { createPpoLearner } from "./lib/train/ppo/learner.ts";
export { createTraining } from "./lib/train/training.ts";
export type {
  CreditedBatch,
  IterationRecord,
  Laps,
  TrainablePolicy,
  Training,
  TrainingParts,
  WorldCounts,
} from "./lib/train/training.ts";

// Runs
export {
  findCheckpoint,
  openCheckpoint,
  saveCheckpoint,
} from "./lib/train/runs/checkpoint.ts";
export type { Checkpoint } from "./lib/train/runs/checkpoint.ts";
export { describeEnvironment } from "./lib/train/runs/environment_facts.ts";
export type { EnvironmentFacts } from "./lib/train/runs/environment_facts.ts";
export { recordTraining } from "./lib/train/runs/record_training.ts";
export type { RecordTrainingOptions } from "./lib/train/runs/record_training.ts";
export {
  openRun,
  readMetrics,
  readRunConfig,
} from "./lib/train/runs/run_store.ts";
export type { OpenRunOptions, Run } from "./lib/train/runs/run_store.ts";

// Figures
export { segmentLengths } from "./lib/plots/batch_figures.ts";
export {
  creditComparison,
  episodeTimeline,
} from "./lib/plots/episode_figures.ts";
export type { Figure, PlotlyRecord } from "./lib/plots/figure.ts";
export { learningCurve } from "./lib/plots/learning_figures.ts";
export type { LearningCurveOptions } from "./lib/plots/learning_figures.ts";
export { show, showLive, startNotebook } from "./lib/plots/show.ts";
export type { LiveFigure } from "./lib/plots/show.ts";
