/**
 * Losses on tensors: policy and value losses, their aggregation, KL estimates, AdamW.
 *
 * @module
 */

export type {
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Variable,
} from "../lib/policy/backends/tensors.ts";
export { aggregate, aggregationWeights } from "../lib/train/ppo/aggregation.ts";
export type {
  AggregateOptions,
  AggregationMode,
  SequenceLayout,
} from "../lib/train/ppo/aggregation.ts";
export {
  adaptKlCoefficient,
  klEstimates,
  penalizeRewards,
} from "../lib/train/ppo/kl.ts";
export type {
  AdaptKlCoefficientOptions,
  KlEstimatesOptions,
  KlEstimator,
  PenalizedRewards,
  PenalizeRewardsOptions,
} from "../lib/train/ppo/kl.ts";
export {
  policyLoss,
  sequencePolicyLoss,
  stopGradient,
  valueLoss,
} from "../lib/train/ppo/losses.ts";
export type {
  PolicyLoss,
  PolicyLossOptions,
  SequencePolicyLossOptions,
  UnitAggregation,
  ValueLoss,
  ValueLossOptions,
} from "../lib/train/ppo/losses.ts";
export { importanceWeights } from "../lib/train/ppo/sampler_correction.ts";
export type { ImportanceWeightsOptions } from "../lib/train/ppo/sampler_correction.ts";
export { actorObjective, criticObjective } from "../lib/train/ppo/objective.ts";
export type {
  ActorObjective,
  ActorObjectiveOptions,
  CriticObjective,
  CriticObjectiveOptions,
  ValueHead,
} from "../lib/train/ppo/objective.ts";
export {
  beginAdamW,
  clipGradient,
  stepAdamW,
} from "../lib/train/ppo/optimizer.ts";
export type { AdamWOptions, AdamWState } from "../lib/train/ppo/optimizer.ts";
