/**
 * The judge that a config names, and the settings of strategies that contradict each other.
 *
 * @module
 */

import type { SubgoalRule } from "../../envs/text_env.ts";
import { stepsOfStrategy } from "../../policy/compact/strategies.ts";
import type { AnsweringPolicy, Policy } from "../../policy/policy.ts";
import { createServedAnswers } from "../../remote/openai/answers.ts";
import type { TrainingConfig } from "../config/config.ts";
import {
  drawnOf,
  servedJudgeOf,
  STRATEGY_DEFAULTS,
  type StrategyJudgeConfig,
} from "../config/strategy_settings.ts";
import { judgeByModel, judgeByRule, type StrategyJudge } from "./judge.ts";

/**
 * Throws where settings of strategies contradict each other or the policy.
 *
 * @throws {TypeError} If the policy writes no strategies, or a setting cannot go with them.
 * @throws {RangeError} If numbers of strategies and episodes do not fit.
 */
export function checkStrategies(config: TrainingConfig): void {
  const { strategies, policy, rollout: { groupSize } } = config;
  if (!strategies) return;
  const task = 'Cannot assemble a training by "strata" as';
  if (policy.name !== "compact" && policy.name !== "language") {
    throw new TypeError(
      `${task} its policy must write strategies, "compact" or "language": current value of "policy.name" is "${policy.name}"`,
    );
  }
  if (policy.name === "compact" && policy.flat) {
    throw new TypeError(
      `${task} its policy must have a plan: current value of "policy.flat" is true`,
    );
  }
  const { kept } = strategies, drawn = drawnOf(strategies);
  if (drawn < kept) {
    throw new RangeError(
      `${task} "strategies.drawn" must be at least "strategies.kept", which is ${kept}: current value is ${drawn}`,
    );
  }
  if (groupSize % kept !== 0 || groupSize < 2 * kept) {
    throw new RangeError(
      `${task} "rollout.groupSize" must give each of ${kept} strategies ("strategies.kept") equally many episodes, at least 2, so ${
        2 * kept
      } or another multiple of ${kept}: current value is ${groupSize}`,
    );
  }
  if (policy.name === "compact") {
    refuseBesideCompact(config, task);
  } else refuseBesideLanguage(config, task);
}

function refuseBesideCompact({ warmStart }: TrainingConfig, task: string) {
  if (warmStart === undefined) return;
  throw new TypeError(
    `${task} an expert's strategies cannot be imitated by a compact policy: "warmStart" must be absent`,
  );
}

function refuseBesideLanguage(
  { policy, warmStart }: TrainingConfig,
  task: string,
): void {
  if (policy.name !== "language") return;
  const settings = {
    prompt: policy.prompt === "transcript" && policy.prompt,
    executor: policy.executor === "subgoal" && policy.executor,
    switchBias: policy.switchBias !== undefined && policy.switchBias,
    mode: policy.mode !== undefined && policy.mode !== "strict" && policy.mode,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (value === false) continue;
    throw new TypeError(
      `${task} "policy.${name}" is about subgoals that are chosen turn by turn: current value is ${
        JSON.stringify(value)
      }, take it back with policy.${name}=null`,
    );
  }
  if ((warmStart?.lmLossWeight ?? 0) === 0) return;
  throw new TypeError(
    `${task} "warmStart.lmLossWeight" must be 0, as episodes with strategies are not read as a conversation: current value is ${warmStart?.lmLossWeight}`,
  );
}

/** What a judge is made of. */
export interface JudgeComponents {
  readonly policy: Policy & Partial<AnsweringPolicy>;
  /** The rule of subgoals that the worlds share. */
  readonly rule: SubgoalRule | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes the judge of a config; `undefined` where no turn is flagged.
 *
 * @throws {TypeError} If the judge cannot judge: a rule that the worlds do not have or whose words strategies need not use, a
 * policy that answers no questions, a server that does not answer.
 */
export async function assembleJudge(
  config: TrainingConfig,
  components: JudgeComponents,
): Promise<StrategyJudge | undefined> {
  const { strategies, estimator } = config;
  if (!strategies || estimator.name !== "strata") return undefined;
  if (estimator.judgePenalty === 0) return undefined;
  const { rule, policy, signal } = components;
  const judge = strategies.judge ?? usualJudge(config, components);
  const task = "Cannot assemble a judge of strategies as";
  switch (judge.name) {
    case "none":
      return undefined;
    case "rule":
      if (!rule) {
        throw new TypeError(
          `${task} the worlds must share a rule of subgoals where "strategies.judge.name" is "rule": they have none`,
        );
      }
      if (!listsStrategies(config)) {
        throw new TypeError(
          `${task} a rule reads subgoals that the world lists: current value of "policy.planning" is "free", set policy.planning=listed or another strategies.judge.name`,
        );
      }
      return judgeByRule(rule, stepsOfStrategy);
    case "policy": {
      const { maxReplyTokens = STRATEGY_DEFAULTS.verdictTokens } = judge;
      const { answer } = policy;
      if (!answer) {
        throw new TypeError(
          `${task} a policy judges itself only if it writes text, as "language" does: current value of "policy.name" is "${config.policy.name}", set strategies.judge.name=rule, openai or none`,
        );
      }
      return judgeByModel((conversations, randoms) =>
        answer(conversations, randoms, { maxTokens: maxReplyTokens })
      );
    }
    case "openai":
      return judgeByModel(
        await createServedAnswers(servedJudgeOf(judge), { signal }),
      );
  }
}

/** Whether strategies are made of what the world lists. */
function listsStrategies({ policy }: TrainingConfig): boolean {
  return policy.name === "compact" ||
    (policy.name === "language" && policy.planning === "listed");
}

/** The judge where none is named. */
function usualJudge(
  config: TrainingConfig,
  { rule, policy }: JudgeComponents,
): StrategyJudgeConfig {
  const published = config.policy.name === "language" &&
    config.policy.directory !== undefined;
  if (published && policy.answer) return { name: "policy" };
  return { name: rule && listsStrategies(config) ? "rule" : "none" };
}
