/**
 * Strategies of StraTA: drawing them, comparing them, and judging the turns under them.
 *
 * @module
 */

export { strategyTable } from "../lib/plots/strategy_table.ts";
export type { StrategyTableOptions } from "../lib/plots/strategy_table.ts";
export { embedTexts, meanDistance } from "../lib/rollout/similarity.ts";
export type { Similarity } from "../lib/rollout/similarity.ts";
export { drawStrategies } from "../lib/rollout/strategies.ts";
export type {
  DrawStrategiesOptions,
  StrategyGroup,
  StrategySchedule,
} from "../lib/rollout/strategies.ts";
export {
  formatJudgePrompt,
  judgeByModel,
  judgeByRule,
  readVerdict,
} from "../lib/train/strategies/judge.ts";
export type {
  AskJudge,
  StrategyJudge,
  Verdicts,
} from "../lib/train/strategies/judge.ts";
export type {
  StrategiesConfig,
  StrategyJudgeConfig,
} from "../lib/train/config/strategy_settings.ts";
export type { StrategyForm } from "../lib/policy/compact/strategies.ts";
export type { ProposeStrategy } from "../lib/envs/text_env.ts";
export type {
  AnsweringPolicy,
  DrawnStrategy,
  StrategicPolicy,
} from "../lib/policy/policy.ts";
export type { Strategy, WrittenStrategy } from "../lib/trajectory.ts";
export type { MaybeStrategic } from "../lib/train/strategies/scheduling.ts";
