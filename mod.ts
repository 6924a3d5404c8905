/**
 * HiPER Lab: hierarchical reinforcement learning of language agents.
 *
 * @module
 */

// Data model and seeds
export * from "./lib/trajectory.ts";
export * from "./lib/random.ts";

// Texts
export { matchingBlocks, similarityRatio } from "./lib/similarity.ts";
export type { MatchingBlock, SimilarityOptions } from "./lib/similarity.ts";

// Credit
export { segmentTurns } from "./lib/hae/segments.ts";
export type { Segment } from "./lib/hae/segments.ts";
export { generalizedAdvantages } from "./lib/hae/gae.ts";
export type { Steps } from "./lib/hae/gae.ts";
export { hierarchicalAdvantages } from "./lib/hae/hae.ts";
export { batchAdvantages } from "./lib/hae/hae_batch.ts";
export type { BatchColumns, BatchCredit } from "./lib/hae/hae_batch.ts";
export type { HaeOptions, Truncation } from "./lib/hae/hae_options.ts";
export { decisionsTaken, normalizeCredit } from "./lib/hae/normalize.ts";
export type { Normalization, NormalizeOptions } from "./lib/hae/normalize.ts";
export { shapeColumns, shapeRewards } from "./lib/hae/shaping.ts";
export type { ShapingColumns, ShapingOptions } from "./lib/hae/shaping.ts";
export { rowAdvantages } from "./lib/hae/rows.ts";
export type { HaeRowCredit, HaeRowOptions } from "./lib/hae/rows.ts";
export type { HaeRows } from "./lib/hae/row_inputs.ts";
export type { RowLayout } from "./lib/hae/row_layout.ts";

// Worlds
export type {
  EnvSpec,
  EnvStart,
  EnvStep,
  Hint,
  OpenEnv,
  ProposeSubgoals,
  TextEnv,
} from "./lib/envs/text_env.ts";

export {
  HOUSEHOLD_TASK_TYPES,
  householdClass,
  parseHouseholdTask,
} from "./lib/envs/household_task.ts";
export type {
  HouseholdTask,
  HouseholdTaskType,
  Transformation,
} from "./lib/envs/household_task.ts";
export {
  householdSubgoal,
  nameHouseholdSubgoal,
  proposeHouseholdSubgoals,
} from "./lib/envs/household_subgoals.ts";

// Policies
export { BACKENDS, selectBackend } from "./lib/policy/backend.ts";
export type { Backend, BackendName } from "./lib/policy/backend.ts";
export { openSafetensors, writeSafetensors } from "./lib/policy/safetensors.ts";
export type {
  Safetensors,
  StoredTensor,
  TensorValues,
  WriteSafetensorsOptions,
} from "./lib/policy/safetensors.ts";
export type { FloatFormat, StoredFormat } from "./lib/policy/number_formats.ts";
export { describeAdapter } from "./lib/policy/webgpu_backend.ts";
export type { AdapterReport } from "./lib/policy/webgpu_backend.ts";
export type {
  DifferentiablePolicy,
  ScoredBatch,
} from "./lib/policy/differentiable.ts";
export type {
  Critic,
  Learner,
  Policy,
  Rescored,
  Scorer,
  TrainingSample,
  UpdateOptions,
} from "./lib/policy/policy.ts";

// Losses
export {
  aggregate,
  aggregationWeights,
  masked,
  maskedMean,
  maskedVariance,
  maskedWhiten,
  sequenceMeans,
} from "./lib/train/aggregation.ts";
export type {
  AggregateOptions,
  AggregationMode,
  MaskedOptions,
  SequenceLayout,
} from "./lib/train/aggregation.ts";
export {
  adaptKlCoefficient,
  klEstimates,
  penalizeRewards,
} from "./lib/train/kl.ts";
export type {
  AdaptKlCoefficientOptions,
  KlEstimatesOptions,
  KlEstimator,
  PenalizedRewards,
  PenalizeRewardsOptions,
} from "./lib/train/kl.ts";
export { actorObjective, criticObjective } from "./lib/train/objective.ts";
export type {
  ActorObjective,
  ActorObjectiveOptions,
  CriticObjective,
  CriticObjectiveOptions,
  ValueHead,
} from "./lib/train/objective.ts";
export {
  policyLoss,
  sequencePolicyLoss,
  stopGradient,
  valueLoss,
} from "./lib/train/ppo_loss.ts";
export type {
  PolicyLoss,
  PolicyLossOptions,
  SequencePolicyLossOptions,
  UnitAggregation,
  ValueLoss,
  ValueLossOptions,
} from "./lib/train/ppo_loss.ts";
export { labelLogProbs, logitEntropies } from "./lib/train/token_loss.ts";

// Figures
export type { Figure } from "./lib/plots/theme.ts";
export {
  figureBundle,
  show,
  showLive,
  startNotebook,
} from "./lib/plots/show.ts";
export type { LiveFigure, MimeBundle } from "./lib/plots/show.ts";
export {
  creditComparison,
  episodeTimeline,
} from "./lib/plots/episode_figures.ts";
export { segmentLengths, valueCalibration } from "./lib/plots/batch_figures.ts";
export {
  ablationForest,
  learningCurve,
  successByTaskType,
} from "./lib/plots/learning_figures.ts";
export type { LearningCurveOptions } from "./lib/plots/learning_figures.ts";
export { htmlReport } from "./lib/plots/report.ts";
export type { ReportOptions, ReportSection } from "./lib/plots/report.ts";
