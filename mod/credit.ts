/**
 * Credit assignment: every estimator as a function, and the parts they are made of.
 *
 * @module
 */

export { decisionsTaken } from "../lib/episode_batch.ts";
export { decisionUnits } from "../lib/trajectory.ts";
export { checkEstimator } from "../lib/hae/credit.ts";
export { describeEstimators } from "../lib/hae/describe_estimators.ts";
export type { EstimatorDescription } from "../lib/hae/describe_estimators.ts";
export type { BiLevelOptions } from "../lib/hae/bi_level.ts";
export { generalizedAdvantages } from "../lib/hae/gae.ts";
export type { GaeCreditOptions, Steps } from "../lib/hae/gae.ts";
export { gearSegments, gearThreshold, gearWeights } from "../lib/hae/gear.ts";
export type { GearOptions, GearSegment } from "../lib/hae/gear.ts";
export { anchorGroups } from "../lib/hae/gigpo.ts";
export type { AnchorOptions, GigpoOptions } from "../lib/hae/gigpo.ts";
export { bestOfGroup, groupAdvantages } from "../lib/hae/group_credit.ts";
export type {
  BestOfGroupOptions,
  Comparison,
  GroupOptions,
  PoolingOptions,
} from "../lib/hae/group_credit.ts";
export { filterGroups, informativeEpisodes } from "../lib/hae/group_filter.ts";
export type { GroupFilterOptions } from "../lib/hae/group_filter.ts";
export { hierarchicalAdvantages } from "../lib/hae/hae.ts";
export type {
  HaeColumns,
  HaeCreditOptions,
  HaeOptions,
  Truncation,
} from "../lib/hae/hae.ts";
export { NORMALIZATIONS, normalizeCredit } from "../lib/hae/normalize.ts";
export type { Normalization, NormalizeOptions } from "../lib/hae/normalize.ts";
export { creditPreset } from "../lib/hae/presets.ts";
export type { CreditPreset } from "../lib/hae/presets.ts";
export type { ReinforceOptions, RemaxOptions } from "../lib/hae/reinforce.ts";
export {
  selectDiverse,
  strategyAdvantages,
  strategyReward,
  strategyTurnAdvantage,
} from "../lib/hae/strata.ts";
export type {
  StrategyCreditOptions,
  StrategyOptions,
} from "../lib/hae/strata.ts";
export type { DynamicSamplingConfig } from "../lib/train/config/config.ts";
export { refineSamples } from "../lib/train/refine.ts";
export { refineReplies } from "../lib/train/refine.ts";
export type { Divergence, RefinedReply } from "../lib/train/refine.ts";
export { partingDecision, summarizeReplies } from "../lib/train/partings.ts";
export type { RefineOptions } from "../lib/train/refine.ts";
