/**
 * What learning is compared with: chance and the expert, on the same episodes.
 *
 * @module
 */

import type { ProposeSubgoals } from "../envs/text_env.ts";
import {
  expertPolicy,
  planExecute,
  randomExecutor,
  randomPlanner,
  scriptedPlanner,
} from "../policy/plan_execute.ts";
import type { OpenEnv } from "../envs/text_env.ts";
import type { Policy } from "../policy/policy.ts";
import { withHints } from "../rollout/hints.ts";

/** Name of a baseline. */
export type BaselineName = "random" | "expert";

/** A policy that does not learn, and the opener it has to be played with. */
export interface Baseline {
  /** Decides. */
  readonly policy: Policy;
  /** Opens worlds; an expert must be played with this one, as it reads their hints. */
  readonly open: OpenEnv;
}

/**
 * Makes a baseline.
 *
 * @param name `random` takes any admissible action under any proposed subgoal, `expert` follows the worlds' hints.
 * @param options The opener of worlds, and the proposer of subgoals; without proposals the random policy has no plan.
 * @returns The policy and its opener.
 */
export function createBaseline(
  name: BaselineName,
  options: { open: OpenEnv; proposeSubgoals?: ProposeSubgoals },
): Baseline {
  const { open, proposeSubgoals } = options;
  if (name === "expert") {
    return { policy: expertPolicy(), open: withHints(open) };
  }
  const planner = proposeSubgoals
    ? randomPlanner({ proposeSubgoals: orTask(proposeSubgoals) })
    : scriptedPlanner(() => "");
  return { policy: planExecute(planner, randomExecutor()), open };
}

/** The task itself where nothing is proposed. */
function orTask(propose: ProposeSubgoals): ProposeSubgoals {
  return (situation) => {
    const proposed = propose(situation);
    return proposed.length > 0 ? proposed : [situation.task];
  };
}
