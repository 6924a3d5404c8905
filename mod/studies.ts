/**
 * Studies: exact gradients and variance in small worlds, ablations, statistics over seeds, and tables.
 *
 * @module
 */

export type { RandomState } from "../lib/random.ts";
export { wilsonInterval } from "../lib/numeric.ts";
export { enumerateTabular, exactVariance } from "../lib/hae/study/enumerate.ts";
export type {
  EnumeratedEpisodes,
  EnumerateTabularOptions,
  ExactVarianceOptions,
} from "../lib/hae/study/enumerate.ts";
export {
  exactGradient,
  exactOccupancies,
  exactReturn,
  exactValues,
} from "../lib/hae/study/exact.ts";
export type {
  ExactOptions,
  ExactValues,
  Objective,
  Occupancies,
} from "../lib/hae/study/exact.ts";
export {
  randomTabularPolicy,
  sampleTabular,
  tabularProbabilities,
} from "../lib/hae/study/tabular.ts";
export type {
  RandomTabularPolicyOptions,
  SampleTabularOptions,
  TabularEpisodes,
  TabularPolicy,
  TabularSmdp,
  TabularValues,
} from "../lib/hae/study/tabular.ts";
export { tabularTrajectories } from "../lib/hae/study/tabular_credit.ts";
export type {
  StudyOptions,
  TabularTrajectoriesOptions,
} from "../lib/hae/study/tabular_credit.ts";
export {
  distortValues,
  estimatorLabel,
  gradientVariance,
} from "../lib/hae/study/variance.ts";
export type {
  DistortValuesOptions,
  GradientVarianceOptions,
  VarianceRow,
} from "../lib/hae/study/variance.ts";
export {
  batchError,
  describeBatchError,
  describeBias,
  describeVariance,
} from "../lib/hae/study/variance_conclusions.ts";
export {
  createChainSmdp,
  varianceStudy,
} from "../lib/hae/study/variance_study.ts";
export type {
  ChainSmdpOptions,
  VarianceStudyOptions,
  VarianceStudyRow,
} from "../lib/hae/study/variance_study.ts";
export {
  METHOD_NAMES,
  METHODS,
  methodSettings,
} from "../lib/train/config/methods.ts";
export type {
  Method,
  MethodContext,
  MethodName,
} from "../lib/train/config/methods.ts";
export {
  gradientCosines,
  methodGradients,
} from "../lib/train/studies/method_gradients.ts";
export type {
  GradientMethod,
  MethodGradient,
} from "../lib/train/studies/method_gradients.ts";
export { createBaseline } from "../lib/train/evaluation.ts";
export type { Baseline, BaselineName } from "../lib/train/evaluation.ts";
export {
  listAblationRuns,
  runAblation,
} from "../lib/train/studies/ablation.ts";
export type {
  AblationPlan,
  AblationProgress,
  AblationRun,
  RunAblationOptions,
} from "../lib/train/studies/ablation.ts";
export {
  readAblationMetrics,
  summarizeAblation,
} from "../lib/train/studies/ablation_summary.ts";
export type { SummarizeAblationOptions } from "../lib/train/studies/ablation_summary.ts";
export {
  playerResults,
  readResults,
  writeResults,
} from "../lib/train/studies/evaluation_results.ts";
export type {
  EpisodeResult,
  EvaluationResults,
  PlayerResults,
} from "../lib/train/studies/evaluation_results.ts";
export { evaluationSets } from "../lib/train/assemble.ts";
export { scheduleEvaluation } from "../lib/train/evaluation.ts";
export type {
  EvaluationSchedule,
  PlayOptions,
} from "../lib/train/evaluation.ts";
export {
  makePanel,
  readPanel,
  schedulePanel,
  writePanel,
} from "../lib/train/studies/panel.ts";
export type {
  Panel,
  PanelEpisode,
  PanelPlaces,
} from "../lib/train/studies/panel.ts";
export {
  compareResults,
  signTest,
} from "../lib/train/studies/paired_comparison.ts";
export type {
  CompareResultsOptions,
  PairedMeasure,
} from "../lib/train/studies/paired_comparison.ts";
export {
  packHorizons,
  packRun,
  readHorizons,
  unpackRun,
} from "../lib/train/studies/horizon_data.ts";
export type { HorizonResult } from "../lib/train/studies/horizon_data.ts";
export {
  compareHorizons,
  completeRuns,
  horizonTrend,
  iterationRatio,
  iterationsTo,
  summarizeHorizons,
} from "../lib/train/studies/horizon_summary.ts";
export type {
  HorizonDifference,
  HorizonRow,
} from "../lib/train/studies/horizon_summary.ts";
export { holm, meanInterval } from "../lib/train/studies/student.ts";
export type { MeanInterval } from "../lib/train/studies/student.ts";
export { learnTabular } from "../lib/hae/study/tabular_learning.ts";
export type {
  LearnTabularOptions,
  TabularProgress,
} from "../lib/hae/study/tabular_learning.ts";
export {
  stagedWorld,
  tabularHorizons,
} from "../lib/train/studies/tabular_horizons.ts";
export type { TabularHorizonsOptions } from "../lib/train/studies/tabular_horizons.ts";
export { readLines } from "../lib/train/runs/durable_file.ts";
export {
  SEGMENT_ESTIMATORS,
  segmentStudy,
} from "../lib/hae/study/segment_study.ts";
export type {
  SegmentRow,
  SegmentStudyOptions,
} from "../lib/hae/study/segment_study.ts";
export {
  chooseSettings,
  meanSuccess,
  readHorizonRecords,
  readHorizonStudy,
  runHorizonStudy,
} from "../lib/train/studies/horizon_study.ts";
export type {
  HorizonNews,
  HorizonRecord,
  HorizonRun,
  HorizonStudy,
  RunHorizonStudyOptions,
  TuningPoint,
  TuningRecord,
} from "../lib/train/studies/horizon_study.ts";
export {
  PUBLISHED_ALFWORLD,
  PUBLISHED_ALFWORLD_NOTE,
} from "../lib/train/studies/task_success.ts";
export type { PublishedResult } from "../lib/train/studies/task_success.ts";
export { readReport } from "../lib/train/studies/report_data.ts";
export {
  bootstrapInterval,
  interquartileMean,
  pairedDifference,
  stratifiedInterval,
} from "../lib/train/studies/statistics.ts";
export type {
  BootstrapOptions,
  Interval,
  PairedDifference,
  Statistic,
} from "../lib/train/studies/statistics.ts";
export { taskSuccess } from "../lib/train/studies/task_success.ts";
export { checkWritable } from "../lib/train/runs/durable_file.ts";
export { readParquet, writeParquet } from "../lib/train/runs/parquet.ts";
export { readEpisodes, turnsTable } from "../lib/train/runs/turns_table.ts";
export type {
  StoredEpisode,
  TurnsTableOptions,
} from "../lib/train/runs/turns_table.ts";
export { renameSettings } from "../lib/train/config/old_names.ts";
export { readJson } from "../lib/text_file.ts";
