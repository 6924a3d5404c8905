/**
 * The strategies of an iteration: whether a policy writes them, and their schedule.
 *
 * @module
 */

import { createEnvOpener } from "../../envs/open_env.ts";
import type { OpenEnv } from "../../envs/text_env.ts";
import type { Policy, StrategicPolicy } from "../../policy/policy.ts";
import type { LostEpisode } from "../../rollout/collect.ts";
import type { Assignment } from "../../rollout/schedule.ts";
import {
  drawStrategies,
  type StrategySchedule,
} from "../../rollout/strategies.ts";
import { drawnOf, type StrategiesConfig } from "../config/strategy_settings.ts";

/** A policy that may write strategies. */
export type MaybeStrategic =
  & Policy
  & Partial<Pick<StrategicPolicy, "drawStrategies">>;

/** How the episodes of an iteration are played. */
interface Playing {
  readonly open?: OpenEnv;
  readonly signal?: AbortSignal;
  readonly onLost?: (episode: LostEpisode) => void;
}

/**
 * Gives the episodes of an iteration their strategies.
 *
 * @throws {TypeError} If the policy writes none.
 */
export async function scheduleStrategies(
  policy: MaybeStrategic,
  assignments: readonly Assignment[],
  { strategies, ...playing }: Playing & {
    readonly strategies: StrategiesConfig;
  },
): Promise<StrategySchedule> {
  if (!writesStrategies(policy)) {
    throw new TypeError(
      'Cannot train by "strata" as the policy must write strategies: it has no "drawStrategies"',
    );
  }
  const { kept, similarity } = strategies;
  const own = playing.open ? undefined : createEnvOpener();
  try {
    return await drawStrategies(policy, assignments, {
      ...{ kept, similarity, drawn: drawnOf(strategies) },
      ...playing,
      open: playing.open ?? own!,
    });
  } finally {
    await own?.[Symbol.asyncDispose]();
  }
}

function writesStrategies(policy: MaybeStrategic): policy is StrategicPolicy {
  return policy.drawStrategies !== undefined;
}
