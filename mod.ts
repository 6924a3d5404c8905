/**
 * HiPER Lab: hierarchical reinforcement learning of language agents.
 *
 * @module
 */

// Data model and seeds
export * from "./lib/trajectory.ts";
export {
  decisionsTaken,
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
export * from "./lib/random.ts";

// Texts
export { matchingBlocks, similarityRatio } from "./lib/difflib.ts";
export type { MatchingBlock, SimilarityOptions } from "./lib/difflib.ts";

// Credit
export { segmentTurns } from "./lib/hae/segments.ts";
export type { Segment } from "./lib/hae/segments.ts";
export { generalizedAdvantages } from "./lib/hae/gae.ts";
export type { GaeCreditOptions, Steps } from "./lib/hae/gae.ts";
export { hierarchicalAdvantages } from "./lib/hae/hae.ts";
export type {
  HaeColumns,
  HaeCreditOptions,
  HaeOptions,
  Truncation,
} from "./lib/hae/hae.ts";
export { normalizeCredit } from "./lib/hae/normalize.ts";
export type { Normalization, NormalizeOptions } from "./lib/hae/normalize.ts";
export { shapeBatch, shapeRewards } from "./lib/hae/shaping.ts";
export type { ShapingOptions } from "./lib/hae/shaping.ts";
export { bestOfGroup, groupAdvantages } from "./lib/hae/group_credit.ts";
export type {
  BestOfGroupOptions,
  Comparison,
  GroupOptions,
  PoolingOptions,
} from "./lib/hae/group_credit.ts";
export { anchorGroups } from "./lib/hae/gigpo.ts";
export type { AnchorOptions, GigpoOptions } from "./lib/hae/gigpo.ts";
export type { ReinforceOptions, RemaxOptions } from "./lib/hae/reinforce.ts";
export {
  selectDiverse,
  strategyAdvantages,
  strategyReward,
  strategyTurnAdvantage,
} from "./lib/hae/strata.ts";
export type {
  StrategyCreditOptions,
  StrategyOptions,
} from "./lib/hae/strata.ts";
export { filterGroups, informativeEpisodes } from "./lib/hae/group_filter.ts";
export type { GroupFilterOptions } from "./lib/hae/group_filter.ts";
export {
  assignCredit,
  checkEstimator,
  creditBatch,
  ESTIMATOR_NAMES,
} from "./lib/hae/credit.ts";
export type { EstimatorConfig, EstimatorName } from "./lib/hae/credit.ts";
export { creditPreset } from "./lib/hae/presets.ts";
export type { CreditPreset } from "./lib/hae/presets.ts";
export { gearSegments, gearThreshold, gearWeights } from "./lib/hae/gear.ts";
export type { GearOptions, GearSegment } from "./lib/hae/gear.ts";

// Worlds
export type {
  EnvSpec,
  EnvStart,
  EnvStep,
  Hint,
  ListAlternatives,
  OpenEnv,
  ProposeSubgoals,
  TextEnv,
} from "./lib/envs/text_env.ts";
export {
  createEnvOpener,
  findWorld,
  listEnvs,
  openEnv,
} from "./lib/envs/open_env.ts";
export type {
  EnvDataset,
  EnvOpenerOptions,
  World,
  WorldDataset,
} from "./lib/envs/world.ts";
export { ALFWORLD_SPLITS, listAlfworld } from "./lib/envs/alfworld/dataset.ts";
export { ALFWORLD_REFERENCE } from "./lib/envs/pddl/game_settings.ts";
export {
  createHouseholdExpert,
  planHousehold,
} from "./lib/envs/household/expert.ts";
export type { PlanSegment } from "./lib/envs/household/expert.ts";
export {
  findTraceGame,
  readTraces,
  recordSteps,
  replayTrace,
} from "./lib/envs/pddl/trace.ts";
export type {
  GameTrace,
  TraceMismatch,
  TraceStep,
} from "./lib/envs/pddl/trace.ts";
export { openGame, readGame } from "./lib/envs/pddl/game_env.ts";
export type { GameEnv, GameEnvOptions } from "./lib/envs/pddl/game_env.ts";
export { compileGame } from "./lib/envs/pddl/game.ts";
export type { CompiledGame } from "./lib/envs/pddl/game.ts";
export { parseGameFile } from "./lib/envs/pddl/game_file.ts";
export type { GameFile } from "./lib/envs/pddl/game_file.ts";
export { NOTHING_HAPPENS } from "./lib/envs/pddl/play.ts";
export type { GamePlay, PlayStep } from "./lib/envs/pddl/play.ts";
export { GameError } from "./lib/envs/pddl/error.ts";
export type { GameErrorPlace, GameSection } from "./lib/envs/pddl/error.ts";
export { taskSentence } from "./lib/envs/pddl/task_sentence.ts";
export { taskTypeOfGoal, taskTypeOfPath } from "./lib/envs/household/task.ts";
export { parseDomain } from "./lib/envs/pddl/parser.ts";
export type { ActionSchema, Domain } from "./lib/envs/pddl/parser.ts";
export { parseProblem } from "./lib/envs/pddl/problem.ts";
export type { Problem } from "./lib/envs/pddl/problem.ts";
export type {
  Arities,
  Atom,
  Effect,
  Formula,
  TypedName,
} from "./lib/envs/pddl/formula.ts";
export {
  CORRIDOR_SUBGOALS,
  openCorridor,
  openCorridorSpec,
  proposeCorridorSubgoals,
} from "./lib/envs/corridor.ts";
export type { CorridorOptions } from "./lib/envs/corridor.ts";

export {
  generateHousehold,
  openHousehold,
  openHouseholdGame,
} from "./lib/envs/household/household.ts";
export { listHouseholds } from "./lib/envs/household/spec.ts";
export type {
  HouseholdEnvOptions,
  HouseholdOptions,
  OpenHouseholdOptions,
} from "./lib/envs/household/household.ts";
export { HOUSEHOLD_SPLITS } from "./lib/envs/household/house.ts";
export type { HouseholdSplit } from "./lib/envs/household/house.ts";
export { HOUSEHOLD_DIFFICULTIES } from "./lib/envs/household/layout.ts";
export type { HouseholdDifficulty } from "./lib/envs/household/layout.ts";
export {
  HOUSEHOLD_ROOMS,
  PLAN_FIGURES,
  ROOM_FIGURES,
} from "./lib/envs/household/tables.ts";
export type {
  FixtureFigures,
  Histogram,
  HouseholdRoom,
  ObjectFigures,
  ReceptacleFigures,
  RoomFigures,
} from "./lib/envs/household/tables.ts";
export { householdGame } from "./lib/envs/household/game.ts";
export type { HouseholdGame } from "./lib/envs/household/game.ts";
export type { HouseholdGameFile } from "./lib/envs/household/file.ts";
export type {
  HouseholdGoal,
  HouseholdLayout,
  HouseholdWorld,
  Receptacle,
  Standpoint,
  Thing,
} from "./lib/envs/household/world.ts";
export { listAlfred, recordedTasks } from "./lib/envs/alfworld/alfred_spec.ts";
export { parseAlfredTask } from "./lib/envs/alfworld/alfred_task.ts";
export type { AlfredTask } from "./lib/envs/alfworld/alfred_task.ts";
export {
  importAlfredTask,
  loadAlfredPlacements,
} from "./lib/envs/alfworld/alfred_import.ts";
export type {
  AlfredGame,
  AlfredPlacements,
  AlfredRefusal,
  AlfredSpots,
  ImportAlfredOptions,
} from "./lib/envs/alfworld/alfred_import.ts";
export {
  HOUSEHOLD_TASK_TYPES,
  householdClass,
  parseHouseholdTask,
} from "./lib/envs/household/task.ts";
export type {
  HouseholdTask,
  HouseholdTaskType,
  Transformation,
} from "./lib/envs/household/task.ts";
export { guessHouseholdTask } from "./lib/envs/household/wording.ts";
export {
  householdSubgoal,
  listHouseholdAlternatives,
  nameHouseholdSubgoal,
  proposeHouseholdSubgoals,
} from "./lib/envs/household/subgoals.ts";

// Worlds: WebShop
export { openWebshopEpisode } from "./lib/envs/webshop/webshop.ts";
export type {
  WebshopEnv,
  WebshopEpisodeOptions,
} from "./lib/envs/webshop/webshop.ts";
export { stockWebshopSpec } from "./lib/envs/webshop/spec.ts";
export { WEBSHOP_REFERENCE } from "./lib/envs/webshop/settings.ts";
export type { StockedWebshop } from "./lib/envs/webshop/shelf.ts";
export {
  countWebshopAlternatives,
  generateWebshop,
  generateWebshopCatalog,
  measureWebshopGoal,
} from "./lib/envs/webshop/world.ts";
export type {
  WebshopGoalFacts,
  WebshopGoalFilter,
} from "./lib/envs/webshop/world.ts";
export { generateWebshopProducts } from "./lib/envs/webshop/generator.ts";
export type {
  GeneratedProduct,
  WebshopGeneratorOptions,
} from "./lib/envs/webshop/generator.ts";
export type { WebshopDifficulty } from "./lib/envs/webshop/difficulty.ts";
export { createWebshopCataloger } from "./lib/envs/webshop/catalog.ts";
export type {
  WebshopAnnotations,
  WebshopCatalog,
  WebshopCataloger,
  WebshopCleaning,
  WebshopInstruction,
  WebshopProduct,
} from "./lib/envs/webshop/catalog.ts";
export {
  parseWebshopAnnotations,
  readWebshopCatalog,
  readWebshopNouns,
} from "./lib/envs/webshop/loader.ts";
export type { NamedJson, WebshopFiles } from "./lib/envs/webshop/loader.ts";
export { listWebshopGoals, pickWebshopGoal } from "./lib/envs/webshop/goals.ts";
export type {
  WebshopGoal,
  WebshopGoalList,
  WebshopGoalOption,
  WebshopGoalOptions,
} from "./lib/envs/webshop/goals.ts";
export {
  splitWebshopGoals,
  WEBSHOP_SCHEMES,
  WEBSHOP_SPLITS,
} from "./lib/envs/webshop/splits.ts";
export type {
  WebshopScheme,
  WebshopSplit,
  WebshopSplitting,
} from "./lib/envs/webshop/splits.ts";
export { proposeWebshopSubgoals } from "./lib/envs/webshop/subgoals.ts";
export { proposeWebshopQueries } from "./lib/envs/webshop/queries.ts";
export {
  adviseWebshop,
  planWebshopPurchase,
} from "./lib/envs/webshop/expert.ts";
export type { WebshopPlan } from "./lib/envs/webshop/expert.ts";
export {
  createWebshop,
  createWebshopSession,
  scoreWebshopState,
} from "./lib/envs/webshop/session.ts";
export type {
  Webshop,
  WebshopReply,
  WebshopSession,
  WebshopSessionOptions,
  WebshopSettings,
} from "./lib/envs/webshop/session.ts";
export {
  parseWebshopAction,
  WEBSHOP_START,
  WEBSHOP_SUB_PAGES,
} from "./lib/envs/webshop/state.ts";
export type {
  WebshopAction,
  WebshopRules,
  WebshopState,
  WebshopSubPage,
} from "./lib/envs/webshop/state.ts";
export { createWebshopSearch } from "./lib/envs/webshop/search/search.ts";
export type { WebshopSearch } from "./lib/envs/webshop/search/search.ts";
export { scoreWebshopPurchase } from "./lib/envs/webshop/reward.ts";
export type {
  WebshopPurchase,
  WebshopScore,
  WebshopScoring,
  WebshopTypeScore,
} from "./lib/envs/webshop/reward.ts";
export { parseNounTable, titleNouns } from "./lib/envs/webshop/nouns.ts";
export type { NounTagger } from "./lib/envs/webshop/nouns.ts";
export { webshopHtml } from "./lib/envs/webshop/site/html.ts";
export type { WebshopHtmlOptions } from "./lib/envs/webshop/site/html.ts";
export { serveWebshop } from "./lib/envs/webshop/site/server.ts";
export type {
  ServeWebshopOptions,
  WebshopAgent,
  WebshopServer,
} from "./lib/envs/webshop/site/server.ts";
export {
  createWebshopTrainerGoals,
  extractWebshopTask,
  formatWebshopActions,
  formatWebshopHistory,
  formatWebshopObservation,
  projectWebshopPlan,
  projectWebshopThought,
  webshopActionBlock,
  webshopTrainerReward,
} from "./lib/envs/webshop/parity/wrapper.ts";
export type {
  WebshopHistory,
  WebshopPlanProjection,
  WebshopProjection,
  WebshopRecord,
  WebshopTrainerGoals,
} from "./lib/envs/webshop/parity/wrapper.ts";

// Search, and what Python computes
export { createBm25Index } from "./lib/envs/webshop/search/bm25.ts";
export type {
  Bm25Document,
  Bm25Hits,
  Bm25Index,
  Bm25Statistics,
} from "./lib/envs/webshop/search/bm25.ts";
export { createWebshopAnalyzer } from "./lib/envs/webshop/search/analyzer.ts";
export type { WebshopAnalyzer } from "./lib/envs/webshop/search/analyzer.ts";
export { porterStem } from "./lib/envs/webshop/search/porter_stemmer.ts";
export { tokenSetRatio } from "./lib/envs/webshop/parity/token_set_ratio.ts";
export {
  createNumpyRandom,
  createPythonRandom,
} from "./lib/envs/webshop/parity/python_random.ts";
export type {
  NumpyRandom,
  PythonRandom,
} from "./lib/envs/webshop/parity/python_random.ts";
export { readJsonRows } from "./lib/envs/webshop/json_rows.ts";
export type { JsonRowsOptions } from "./lib/envs/webshop/json_rows.ts";

// Policies
export { createCompactPolicy } from "./lib/policy/compact/policy.ts";
export type {
  CompactPolicy,
  CompactPolicyOptions,
} from "./lib/policy/compact/policy.ts";
export { BACKENDS, selectBackend } from "./lib/policy/backends/select.ts";
export type { Backend, BackendName } from "./lib/policy/backends/select.ts";
export {
  openSafetensors,
  writeSafetensors,
} from "./lib/policy/decoder/safetensors.ts";
export type {
  Safetensors,
  StoredTensor,
  TensorValues,
  WriteSafetensorsOptions,
} from "./lib/policy/decoder/safetensors.ts";
export type {
  FloatFormat,
  StoredFormat,
} from "./lib/policy/decoder/number_formats.ts";
export {
  createLanguagePolicy,
  loadLanguagePolicy,
} from "./lib/policy/language/loading.ts";
export type {
  CreateLanguageOptions,
  LanguageTrainingOptions,
  LoadLanguageOptions,
} from "./lib/policy/language/loading.ts";
export type { LanguagePolicy } from "./lib/policy/language/policy.ts";
export type { LanguageOptions } from "./lib/policy/language/replies.ts";
export type { Decoding } from "./lib/policy/language/grammar.ts";
export { adamWStep } from "./lib/policy/backends/adamw.ts";
export type {
  AdamWStepOptions,
  AdamWTensors,
} from "./lib/policy/backends/adamw.ts";
export { LORA_TARGETS } from "./lib/policy/decoder/lora.ts";
export type { LoraOptions, LoraTarget } from "./lib/policy/decoder/lora.ts";
export type { Qwen2Config } from "./lib/policy/decoder/config.ts";
export { QWEN2_SIZES } from "./lib/policy/decoder/sizes.ts";
export {
  createTokenizer,
  loadTokenizer,
} from "./lib/policy/language/tokenizer.ts";
export type {
  ChatMessage,
  TextTokenizer,
  TokenizerFiles,
} from "./lib/policy/language/tokenizer.ts";
export {
  buildWorldTokenizer,
  formatBriefPrompt,
  formatTranscript,
} from "./lib/policy/language/small_model.ts";
export type {
  BriefPromptOptions,
  TranscriptOptions,
} from "./lib/policy/language/small_model.ts";
export { buildWordTokenizer } from "./lib/policy/language/word_tokenizer.ts";
export type { WordTokenizerOptions } from "./lib/policy/language/word_tokenizer.ts";
export { describeAdapter } from "./lib/policy/backends/webgpu/backend.ts";
export type { AdapterReport } from "./lib/policy/backends/webgpu/backend.ts";
export type {
  DifferentiablePolicy,
  ScoredBatch,
} from "./lib/policy/differentiable.ts";
export type {
  CompletePolicy,
  CompleteSession,
  Critic,
  EncodeOptions,
  EpisodeStart,
  Follower,
  Learner,
  Policy,
  PolicySession,
  ReadingPolicy,
  Rescored,
  Scorer,
  TrainingSample,
  UpdateOptions,
} from "./lib/policy/policy.ts";

export {
  expertPolicy,
  mixPolicies,
  planExecute,
  randomExecutor,
  randomPlanner,
  scriptedExecutor,
  scriptedPlanner,
} from "./lib/policy/plan_execute.ts";
export { statelessPolicy } from "./lib/policy/session.ts";
export type { SituationFunctions } from "./lib/policy/session.ts";
export type {
  Choose,
  Executor,
  Plan,
  PlannedSituation,
  Planner,
} from "./lib/policy/plan_execute.ts";

// Rollout
export { scheduleEpisodes, scheduleEvery } from "./lib/rollout/schedule.ts";
export type { Assignment, ScheduleOptions } from "./lib/rollout/schedule.ts";
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

// Training
export { imitationSamples, situationAt, toSamples } from "./lib/train/batch.ts";
export {
  METRIC_MEANINGS,
  prefixed,
  summarizeCredit,
  summarizeTrajectories,
} from "./lib/train/metrics.ts";
export { createBaseline } from "./lib/train/baselines.ts";
export type { Baseline, BaselineName } from "./lib/train/baselines.ts";
export { imitateExpert } from "./lib/train/imitation/imitation.ts";
export type { WarmUp } from "./lib/train/imitation/warm_start.ts";
export type {
  ImitationOptions,
  ImitationProgress,
} from "./lib/train/imitation/imitation.ts";
export { refineSamples } from "./lib/train/refine.ts";
export type { RefineOptions } from "./lib/train/refine.ts";
export { evaluatePolicy } from "./lib/train/evaluation.ts";
export type {
  Evaluation,
  EvaluationOptions,
  EvaluationSets,
} from "./lib/train/evaluation.ts";
export {
  findCheckpoint,
  openCheckpoint,
  saveCheckpoint,
} from "./lib/train/runs/checkpoint.ts";
export type { Checkpoint } from "./lib/train/runs/checkpoint.ts";
export { readParquet, writeParquet } from "./lib/train/runs/parquet.ts";
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
export {
  PUBLISHED_ALFWORLD,
  PUBLISHED_ALFWORLD_NOTE,
} from "./lib/train/studies/published_alfworld.ts";
export type { PublishedResult } from "./lib/train/studies/published_alfworld.ts";
export { taskSuccess } from "./lib/train/studies/task_success.ts";
export { PRESETS } from "./lib/train/config/presets.ts";
export type { PresetName } from "./lib/train/config/presets.ts";
export { mergeSettings, parseSettings } from "./lib/train/config/settings.ts";
export type { Json } from "./lib/train/config/settings.ts";
export { createTraining } from "./lib/train/training.ts";
export type {
  IterationRecord,
  TrainablePolicy,
  Training,
  TrainingParts,
  WorldCounts,
} from "./lib/train/training.ts";
export type { Laps } from "./lib/train/stopwatch.ts";
export { assembleBaseline, assembleTraining } from "./lib/train/assemble.ts";
export type { AssembleOptions } from "./lib/train/assemble.ts";
export { readRunConfig } from "./lib/train/runs/run_settings.ts";
export { openRun, readMetrics } from "./lib/train/runs/run_store.ts";
export type { OpenRunOptions, Run } from "./lib/train/runs/run_store.ts";
export { describeEnvironment } from "./lib/train/runs/environment_facts.ts";
export type { EnvironmentFacts } from "./lib/train/runs/environment_facts.ts";
export {
  cellName,
  listAblationRuns,
  runAblation,
} from "./lib/train/studies/ablation.ts";
export type {
  AblationPlan,
  AblationProgress,
  AblationRun,
  RunAblationOptions,
} from "./lib/train/studies/ablation.ts";
export {
  readAblationMetrics,
  summarizeAblation,
} from "./lib/train/studies/ablation_summary.ts";
export type { SummarizeAblationOptions } from "./lib/train/studies/ablation_summary.ts";
export { readReport } from "./lib/train/studies/report_data.ts";
export { recordTraining } from "./lib/train/runs/record_training.ts";
export type { RecordTrainingOptions } from "./lib/train/runs/record_training.ts";
export { readEpisodes, turnsTable } from "./lib/train/runs/turns_table.ts";
export type {
  StoredEpisode,
  TurnsTableOptions,
} from "./lib/train/runs/turns_table.ts";

// Tabular worlds and the variance study
export {
  randomTabularPolicy,
  sampleTabular,
  tabularProbabilities,
} from "./lib/hae/study/tabular.ts";
export type {
  RandomTabularPolicyOptions,
  SampleTabularOptions,
  TabularEpisodes,
  TabularPolicy,
  TabularSmdp,
  TabularValues,
} from "./lib/hae/study/tabular.ts";
export { tabularTrajectories } from "./lib/hae/study/tabular_trajectories.ts";
export type { TabularTrajectoriesOptions } from "./lib/hae/study/tabular_trajectories.ts";
export { stageWorld } from "./lib/hae/study/chain_smdp.ts";
export type { StageWorldOptions } from "./lib/hae/study/chain_smdp.ts";
export {
  exactGradient,
  exactOccupancies,
  exactReturn,
  exactValues,
} from "./lib/hae/study/exact.ts";
export type {
  ExactOptions,
  ExactValues,
  Objective,
  Occupancies,
} from "./lib/hae/study/exact.ts";
export { enumerateTabular, exactVariance } from "./lib/hae/study/enumerate.ts";
export type {
  EnumeratedEpisodes,
  EnumerateTabularOptions,
  ExactVarianceOptions,
} from "./lib/hae/study/enumerate.ts";
export {
  distortValues,
  estimatorLabel,
  gradientVariance,
} from "./lib/hae/study/variance.ts";
export type {
  DistortValuesOptions,
  GradientVarianceOptions,
} from "./lib/hae/study/variance.ts";
export type { StudyOptions } from "./lib/hae/study/tabular_credit.ts";
export type { VarianceRow } from "./lib/hae/study/gradient_moments.ts";
export { varianceStudy } from "./lib/hae/study/variance_study.ts";
export type {
  VarianceStudyOptions,
  VarianceStudyRow,
} from "./lib/hae/study/variance_study.ts";
export {
  batchError,
  concludeBatchError,
  concludeBias,
  concludeVariance,
} from "./lib/hae/study/variance_conclusions.ts";

// Statistics over seeds
export {
  bootstrapInterval,
  interquartileMean,
  pairedDifference,
  stratifiedInterval,
} from "./lib/train/studies/statistics.ts";
export type {
  BootstrapOptions,
  Interval,
  PairedDifference,
  Statistic,
} from "./lib/train/studies/statistics.ts";

// Losses
export type {
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Variable,
} from "./lib/policy/backends/tensors.ts";
export { aggregate, aggregationWeights } from "./lib/train/ppo/aggregation.ts";
export type {
  AggregateOptions,
  AggregationMode,
  SequenceLayout,
} from "./lib/train/ppo/aggregation.ts";
export {
  adaptKlCoefficient,
  klEstimates,
  penalizeRewards,
} from "./lib/train/ppo/kl.ts";
export type {
  AdaptKlCoefficientOptions,
  KlEstimatesOptions,
  KlEstimator,
  PenalizedRewards,
  PenalizeRewardsOptions,
} from "./lib/train/ppo/kl.ts";
export { actorObjective, criticObjective } from "./lib/train/ppo/objective.ts";
export type {
  ActorObjective,
  ActorObjectiveOptions,
  CriticObjective,
  CriticObjectiveOptions,
  ValueHead,
} from "./lib/train/ppo/objective.ts";
export {
  policyLoss,
  sequencePolicyLoss,
  stopGradient,
  valueLoss,
} from "./lib/train/ppo/losses.ts";
export type {
  PolicyLoss,
  PolicyLossOptions,
  SequencePolicyLossOptions,
  UnitAggregation,
  ValueLoss,
  ValueLossOptions,
} from "./lib/train/ppo/losses.ts";
export { labelLogProbs, logitEntropies } from "./lib/train/ppo/token_loss.ts";

export {
  BLOCKS,
  formatReply,
  parseReply,
} from "./lib/policy/language/blocks.ts";
export type {
  BlockName,
  ParsedReply,
  ParseReplyOptions,
  ReplyMode,
  ReplyProblem,
} from "./lib/policy/language/blocks.ts";
export {
  formatPrompt,
  historyWindow,
  readReply,
} from "./lib/policy/language/prompts.ts";
export type {
  PromptOptions,
  ReadReply,
  ReadReplyOptions,
} from "./lib/policy/language/prompts.ts";
export { locateBlocks } from "./lib/policy/language/block_spans.ts";
export type {
  BlockSpans,
  LocateOptions,
} from "./lib/policy/language/block_spans.ts";

// Figures
export type { Figure } from "./lib/plots/figure.ts";
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
export { varianceBars } from "./lib/plots/variance_figures.ts";
export type { VarianceBarsOptions } from "./lib/plots/variance_figures.ts";
export { segmentLengths, valueCalibration } from "./lib/plots/batch_figures.ts";
export { actionEntropy, switchRate } from "./lib/plots/batch_figures.ts";
export {
  ablationForest,
  learningCurve,
  successByTaskType,
} from "./lib/plots/learning_figures.ts";
export type { LearningCurveOptions } from "./lib/plots/learning_figures.ts";
export { momentsAgainstLambda } from "./lib/plots/variance_figures.ts";
export type { MomentsAgainstLambdaOptions } from "./lib/plots/variance_figures.ts";
export { errorAgainstBatch } from "./lib/plots/variance_figures.ts";
export type {
  BatchErrorCurve,
  ErrorAgainstBatchOptions,
} from "./lib/plots/variance_figures.ts";
export { episodeHtml } from "./lib/plots/episode_figures.ts";
export { replyTokens } from "./lib/plots/reply_figure.ts";
export type { ReplyTokensOptions } from "./lib/plots/reply_figure.ts";
export { intervalCurve } from "./lib/plots/learning_figures.ts";
export type { IntervalCurveOptions } from "./lib/plots/learning_figures.ts";
export { trainingReport } from "./lib/plots/training_report.ts";
export type { TrainingReportData } from "./lib/plots/training_report.ts";
export { htmlReport } from "./lib/plots/report.ts";
export type { ReportOptions, ReportSection } from "./lib/plots/report.ts";

// Learning
export { createPpoLearner } from "./lib/train/ppo/learner.ts";
export { languageMemory } from "./lib/train/studies/language_memory.ts";
export type {
  LanguageMemory,
  LanguageMemoryOptions,
  MemoryPeak,
} from "./lib/train/studies/language_memory.ts";
export {
  type AdamWOptions,
  type AdamWState,
  beginAdamW,
  clipGradient,
  stepAdamW,
} from "./lib/train/ppo/optimizer.ts";
