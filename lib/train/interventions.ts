/**
 * Interventions on a plan: the same episodes with other subgoals in force, to find out how much the plan decides.
 *
 * The policy switches when it would; what it then takes up is exchanged:
 *
 * - `other`: the subgoals that the same policy took up in another game of the set, one after the other;
 * - `random`: a uniform draw from what is proposed in this game;
 * - `freeze`: the first subgoal stays.
 *
 * Success near that of the plan itself says that actions do not depend on it.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { IntervenablePolicy, PlanIntervention } from "../policy/policy.ts";
import type { Assignment } from "../rollout/schedule.ts";
import type { Trajectory } from "../trajectory.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Training } from "./training.ts";

/** Names of interventions. */
export const INTERVENTIONS = ["other", "random", "freeze"] as const;

/** Name of one of the {@linkcode INTERVENTIONS}. */
export type InterventionName = typeof INTERVENTIONS[number];

/**
 * Lists, for each episode, the subgoals of another game: of the next episode of the list whose task is worded
 * differently, in the order in which they were taken up. Where all are worded alike, a game that begins differently
 * is another one.
 *
 * @throws {RangeError} If all episodes have one task and begin alike.
 */
export function otherPlans(
  episodes: readonly Pick<Trajectory, "task" | "turns">[],
): string[][] {
  const plans = episodes.map(({ turns }) =>
    turns.filter(({ decision }, t) => t === 0 || decision.switched)
      .map(({ decision }) => decision.subgoal)
  );
  const tasks = episodes.map(({ task }) => task);
  const games = new Set(tasks).size > 1
    ? tasks
    : episodes.map(({ turns }) => turns[0]?.observation.text);
  return games.map((game, i) => {
    for (let step = 1; step < games.length; step++) {
      const j = (i + step) % games.length;
      if (games[j] !== game) return plans[j]!;
    }
    throw new RangeError(
      `Cannot exchange plans as there must be games with different tasks, or beginnings: all ${games.length} have "${
        tasks[i]
      }" and begin alike`,
    );
  });
}

/**
 * Makes the function that exchanges subgoals.
 *
 * @param name Which intervention.
 * @param episodes What was played without it, in the order of the session's rows; read by `other` alone.
 */
export function planIntervention(
  name: InterventionName,
  episodes: readonly Pick<Trajectory, "task" | "turns">[],
): PlanIntervention {
  if (name === "freeze") {
    return ({ situation, chosen }) => situation.subgoal ?? chosen;
  }
  if (name === "random") {
    return ({ proposed, chosen, random }) =>
      proposed[random.integer(proposed.length)] ?? chosen;
  }
  const plans = otherPlans(episodes);
  const taken = new Map<number, number>();
  return ({ row, chosen }) => {
    const count = taken.get(row) ?? 0;
    taken.set(row, count + 1);
    const plan = plans[row]!;
    return plan[count % plan.length] ?? chosen;
  };
}

/**
 * Plays the episodes of an evaluation again under an intervention.
 *
 * @param training Whose policy plays; a compact one with a plan.
 * @param name Which intervention.
 * @param unperturbed The evaluation without it: its episodes are played again.
 * @returns Metrics and episodes as of any evaluation.
 * @throws {TypeError} If subgoals of the policy cannot be exchanged.
 * @throws {RangeError} If all games of a set have one task and begin alike, for `other`.
 */
export async function evaluateIntervention(
  training: Training,
  name: InterventionName,
  unperturbed: Evaluation,
): Promise<Evaluation> {
  const { policy, config } = training;
  if (config.policy.name === "compact" && config.policy.flat) {
    throw new TypeError(
      'Cannot intervene as the policy must have a plan: "policy.flat" is true',
    );
  }
  if (!canIntervene(policy)) {
    throw new TypeError(
      `Cannot intervene as the policy's subgoals must be open to exchange, as a compact policy's are: current value is "${config.policy.name}"`,
    );
  }
  const open = createEnvOpener();
  const metrics: Record<string, number> = {};
  const trajectories: Trajectory[] = [], assignments: Assignment[] = [];
  for (const [set, part] of Object.entries(setsOf(unperturbed))) {
    const replace = planIntervention(name, part.episodes);
    const { temperature } = config.evaluation;
    const player = policy.intervened(replace, temperature);
    const played = await training.evaluate(
      { policy: player, open },
      { [set]: part.schedule },
    );
    Object.assign(metrics, played.metrics);
    trajectories.push(...played.trajectories);
    assignments.push(...played.assignments);
  }
  return { metrics, trajectories, assignments };
}

function canIntervene(policy: object): policy is IntervenablePolicy {
  return "intervened" in policy && typeof policy.intervened === "function";
}

/** The episodes of each set, and their assignments without the set's name. */
function setsOf({ trajectories, assignments }: Evaluation) {
  const sets: Record<
    string,
    { episodes: Trajectory[]; schedule: Assignment[] }
  > = {};
  assignments.forEach((assignment, i) => {
    const set = assignment.id.slice(0, assignment.id.indexOf("/"));
    const bare = (name: string) => name.slice(set.length + 1);
    const part = sets[set] ??= { episodes: [], schedule: [] };
    part.episodes.push(trajectories[i]!);
    part.schedule.push({
      ...assignment,
      id: bare(assignment.id),
      group: bare(assignment.group),
    });
  });
  return sets;
}
