/**
 * Evaluation: episodes without learning, of the policy or a baseline, always the same worlds from the same
 * starts, so that evaluations compare.
 *
 * @module
 */

import type {
  EnvSpec,
  OpenEnv,
  ProposeSubgoals,
  SubgoalRule,
} from "../envs/text_env.ts";
import type { Policy } from "../policy/policy.ts";
import { trajectoriesOf } from "../episode_batch.ts";
import {
  checkPlayed,
  collectEpisodes,
  type LostEpisode,
} from "../rollout/collect.ts";
import {
  type Assignment,
  scheduleEpisodes,
  scheduleEvery,
  type ScheduleOptions,
} from "../rollout/schedule.ts";
import type { Trajectory } from "../trajectory.ts";
import { summarizeTrajectories } from "./metrics.ts";
import { judgePlans, summarizePlans } from "./plans.ts";
import {
  expertPolicy,
  planExecute,
  randomExecutor,
  randomPlanner,
  scriptedPlanner,
} from "../policy/plan_execute.ts";
import { withHints } from "../rollout/hints.ts";

/** Worlds to evaluate in, by the name of the set, such as `seen` and `unseen`. */
export type EvaluationSets = Readonly<Record<string, readonly EnvSpec[]>>;

/** Episodes to evaluate in, by the name of the set. */
export type EvaluationSchedule = Readonly<
  Record<string, readonly Assignment[]>
>;

/** What an evaluation found. */
export interface Evaluation {
  /** Numbers named `<set>/<metric>`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The episodes, whose ids begin with the set's name. */
  readonly trajectories: readonly Trajectory[];
  /** World, seed and limit of each episode, in the order of `trajectories`; ids and groups as there. */
  readonly assignments: readonly Assignment[];
}

/** How an evaluation is played. */
export interface EvaluationOptions extends Omit<ScheduleOptions, "tasks"> {
  /** Tasks drawn from each set, or `"every"` world of it once. */
  readonly tasks: number | "every";
  /** Opens worlds. @default {openEnv} */
  readonly open?: OpenEnv;
  /** Judges the plans of the episodes. @default {plans are not judged} */
  readonly subgoalRule?: SubgoalRule;
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
  /** Plays the episodes. @default {collectEpisodes} */
  readonly collect?: typeof collectEpisodes;
}

/** How scheduled episodes are played. */
export type PlayOptions = Pick<
  EvaluationOptions,
  "open" | "signal" | "subgoalRule" | "collect"
>;

/**
 * Plays each set of worlds once and describes what happened.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   createRandom,
 *   evaluatePolicy,
 *   planExecute,
 *   scriptedExecutor,
 *   scriptedPlanner,
 * } from "@hiper/lab";
 *
 * const policy = planExecute(
 *   scriptedPlanner(() => "leave by the left end"),
 *   scriptedExecutor(() => "go left"),
 * );
 * const sets = { open: [{ kind: "corridor", doors: 0, exit: "left" }] };
 * const random = createRandom(1);
 * const { metrics } = await evaluatePolicy(policy, sets, { random, tasks: 4 });
 * strictEqual(metrics["open/success_rate"], 1);
 * ```
 *
 * @param sets Worlds by the name of the set; none gives no metrics.
 * @param options How many tasks, how long, and the stream that draws.
 * @returns Metrics named `<set>/<metric>`, and the episodes, whose ids begin with the set's name.
 * @throws {RangeError} If a set is empty.
 */
export async function evaluatePolicy(
  policy: Policy,
  sets: EvaluationSets,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const { open, signal, subgoalRule, collect, ...schedule } = options;
  return await playEvaluation(policy, scheduleEvaluation(sets, schedule), {
    ...(open && { open }),
    ...(signal && { signal }),
    ...(subgoalRule && { subgoalRule }),
    ...(collect && { collect }),
  });
}

/**
 * Draws the episodes of an evaluation.
 *
 * @param sets Worlds by the name of the set.
 * @param options How many tasks, how long, and the stream that draws; each set has a stream of its own.
 * @returns Episodes by the name of the set.
 * @throws {RangeError} If a set is empty.
 */
export function scheduleEvaluation(
  sets: EvaluationSets,
  options: Omit<EvaluationOptions, keyof PlayOptions>,
): EvaluationSchedule {
  const { random, tasks, balanceBy, ...lengths } = options;
  return Object.fromEntries(
    Object.entries(sets).map(([name, specs]) => {
      const schedule = { ...lengths, random: random.fork(name) };
      const episodes = tasks === "every"
        ? scheduleEvery(specs, schedule)
        : scheduleEpisodes(specs, {
          ...schedule,
          tasks,
          ...(balanceBy !== undefined && { balanceBy }),
        });
      return [name, episodes];
    }),
  );
}

/**
 * Plays the episodes of an evaluation and describes what happened.
 *
 * @param policy Decides.
 * @param schedule Episodes by the name of the set; none gives no metrics.
 * @param options The opener of worlds, and a signal to stop by.
 * @returns Metrics named `<set>/<metric>`, and the episodes, whose ids begin with the set's name.
 */
export async function playEvaluation(
  policy: Policy,
  schedule: EvaluationSchedule,
  options: PlayOptions = {},
): Promise<Evaluation> {
  const { subgoalRule, collect = collectEpisodes, ...playing } = options;
  const metrics: Record<string, number> = {};
  const trajectories: Trajectory[] = [];
  const assignments: Assignment[] = [];
  for (const [name, episodes] of Object.entries(schedule)) {
    const named = <T extends { id: string; group: string }>(one: T): T => ({
      ...one,
      id: `${name}/${one.id}`,
      group: `${name}/${one.group}`,
    });
    const lost: LostEpisode[] = [];
    const batch = await collect(policy, episodes, {
      ...playing,
      bootstrap: false, // an evaluation needs no values
      onLost: (episode) => lost.push(episode),
    });
    const played = trajectoriesOf(batch);
    checkPlayed(`evaluate on "${name}"`, { episodes: played.length, lost });
    const row: Record<string, number> = {
      ...summarizeTrajectories(played),
      ...(lost.length > 0 && { lost_episodes: lost.length }),
      ...(subgoalRule &&
        summarizePlans(played, judgePlans(played, subgoalRule))),
    };
    for (const metric in row) metrics[`${name}/${metric}`] = row[metric]!;
    trajectories.push(...played.map(named));
    const gone = new Set(lost.map(({ id }) => id));
    assignments.push(
      ...episodes.filter(({ id }) => !gone.has(id)).map(named),
    );
  }
  return { metrics, trajectories, assignments };
}

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
