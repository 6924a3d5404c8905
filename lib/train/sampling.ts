/**
 * Which episodes an iteration learns from: groups that are drawn again where they hold nothing to learn (dynamic
 * sampling), and greedily played episodes to compare with.
 *
 * @module
 */

import {
  type EpisodeBatch,
  toEpisodeBatch,
  trajectoriesOf,
} from "../episode_batch.ts";
import type { EnvSpec } from "../envs/text_env.ts";
import { episodeScores } from "../hae/group_credit.ts";
import { filterGroups } from "../hae/group_filter.ts";
import type { Random } from "../random.ts";
import { type Assignment, scheduleEpisodes } from "../rollout/schedule.ts";
import type { Trajectory } from "../trajectory.ts";
import type { RolloutConfig } from "./config/config.ts";

/** Plays episodes. */
export type PlayEpisodes = (
  assignments: readonly Assignment[],
) => Promise<EpisodeBatch>;

/** What was played for an iteration. */
export interface SampledEpisodes {
  /** Episodes to learn from. */
  readonly batch: EpisodeBatch;
  /** Every episode that was played, for statistics; those of the batch alone would favor what is neither easy nor hard. */
  readonly played: readonly Trajectory[];
  /** The first assignment of each group that was played. */
  readonly groups: readonly Assignment[];
  /** What dynamic sampling cost, for the iteration's row. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Draws and plays the episodes of an iteration.
 *
 * With dynamic sampling, groups without something to learn are dropped and as many are drawn instead, at most
 * `extraGroups` in all; the groups of a last draw that reaches the bound stay as they are. The first `tasks` groups are
 * those of a run without it.
 *
 * @see {@link https://arxiv.org/abs/2503.14476 | DAPO}, dynamic sampling
 */
export async function sampleEpisodes(
  specs: readonly EnvSpec[],
  options: {
    readonly rollout: RolloutConfig;
    readonly random: Random;
    readonly play: PlayEpisodes;
  },
): Promise<SampledEpisodes> {
  const { rollout: { dynamicSampling, ...schedule }, random, play } = options;
  if (dynamicSampling === undefined) {
    const assignments = scheduleEpisodes(specs, { ...schedule, random });
    const batch = await play(assignments);
    const played = trajectoriesOf(batch);
    return { batch, played, groups: firstOfGroups(assignments), metrics: {} };
  }
  const { keep = "unequal", fraction, extraGroups = 3 * schedule.tasks } =
    dynamicSampling;
  const most = schedule.tasks + (keep === "unequal" ? extraGroups : 0);
  const drawn = groupsOf(
    scheduleEpisodes(specs, { ...schedule, random, tasks: most }),
  );
  const played: Trajectory[] = [];
  let kept: readonly Trajectory[] = [];
  let next = 0;
  for (let wanted = schedule.tasks; wanted > 0;) {
    const some = drawn.slice(next, next + wanted);
    next += some.length;
    const fresh = trajectoriesOf(await play(some.flat()));
    played.push(...fresh);
    const stay = filterGroups(fresh, {
      keep,
      ...(fraction !== undefined && { fraction }),
    });
    const groups = countGroups(kept) + countGroups(stay);
    const last = next === most && groups < schedule.tasks;
    kept = [...kept, ...(last && keep === "unequal" ? fresh : stay)];
    wanted = keep === "unequal"
      ? Math.min(schedule.tasks - countGroups(kept), most - next)
      : 0;
  }
  return {
    batch: toEpisodeBatch(kept),
    played,
    groups: firstOfGroups(drawn.slice(0, next).flat()),
    metrics: {
      extra_episodes: drawn.slice(schedule.tasks, next).flat().length,
      dropped_episodes: played.length - kept.length,
    },
  };
}

/** Assignments by their group, in order. */
function groupsOf(assignments: readonly Assignment[]): Assignment[][] {
  return [...Map.groupBy(assignments, ({ group }) => group).values()];
}

function firstOfGroups(assignments: readonly Assignment[]): Assignment[] {
  return groupsOf(assignments).map(([first]) => first!);
}

function countGroups(trajectories: readonly Trajectory[]): number {
  return new Set(trajectories.map(({ group }) => group)).size;
}

/** Episodes that were played greedily. */
export interface GreedyEpisodes {
  /** Score of each, by its group. */
  readonly baselines: Readonly<Record<string, number>>;
  /** Numbers for the iteration's row. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Plays one more episode of each group that a batch has, from the group's start. */
export async function playGreedily(
  { episodes }: EpisodeBatch,
  options: {
    /** The first assignment of each group. */
    readonly groups: readonly Assignment[];
    /** Plays greedily. */
    readonly play: PlayEpisodes;
    /** Shapes rewards as those of the batch are shaped. */
    readonly shape: (played: EpisodeBatch) => EpisodeBatch;
  },
): Promise<GreedyEpisodes> {
  const { groups, play, shape } = options;
  const needed = new Set(episodes.map(({ group }) => group));
  const played = await play(
    groups.filter(({ group }) => needed.has(group))
      .map((first) => ({ ...first, id: `${first.group}#greedy` })),
  );
  const scores = episodeScores(shape(played));
  const successes = played.episodes.filter(({ success }) => success).length;
  return {
    baselines: Object.fromEntries(
      played.episodes.map(({ group }, i) => [group, scores[i]!]),
    ),
    metrics: {
      greedy_episodes: played.episodes.length,
      greedy_success_rate: successes / played.episodes.length,
    },
  };
}
