/**
 * Strategies of a schedule: several are drawn for each task, the most different are kept, and each is played several times.
 *
 * @module
 */

import { checkPositiveInteger } from "../checks.ts";
import { EpisodeLostError, type OpenEnv } from "../envs/text_env.ts";
import { selectDiverse } from "../hae/strata.ts";
import type { DrawnStrategy, StrategicPolicy } from "../policy/policy.ts";
import { createRandom } from "../random.ts";
import type { Situation } from "../trajectory.ts";
import type { LostEpisode } from "./collect.ts";
import type { Assignment } from "./schedule.ts";
import { embedTexts, meanDistance, type Similarity } from "./similarity.ts";

/** How strategies are drawn. */
export interface DrawStrategiesOptions {
  /** Strategies drawn for each task. */
  readonly drawn: number;
  /** Strategies kept of them, by farthest-point selection. */
  readonly kept: number;
  /** Whose cosine the selection compares. @default {"words"} */
  readonly similarity?: Similarity;
  /** Opens worlds, to see their starts. */
  readonly open: OpenEnv;
  /** Stops between two tasks, by throwing its reason. */
  readonly signal?: AbortSignal;
  /** Told of each episode whose world is elsewhere and was gone at the start. @default {a lost episode is an error} */
  readonly onLost?: (episode: LostEpisode) => void;
}

/** The strategies of one group. */
export interface StrategyGroup {
  /** The group, as episodes name it. */
  readonly group: string;
  /** Those kept, in the order of selection; equal ones where fewer distinct ones were drawn. */
  readonly kept: readonly DrawnStrategy[];
  /** Mean distance between two of those drawn, 1 minus the cosine. */
  readonly drawnDistance: number;
  /** The same between two of those kept. */
  readonly keptDistance: number;
  /** Distinct strategies among those drawn. */
  readonly distinct: number;
}

/** A schedule with strategies. */
export interface StrategySchedule {
  /** The episodes, each with its strategy: consecutive replicas of a group share one. */
  readonly assignments: readonly Assignment[];
  /** Strategies by group, in the order of the schedule. */
  readonly groups: readonly StrategyGroup[];
}

/**
 * Gives the episodes of a schedule their strategies.
 *
 * For each group `drawn` strategies are drawn from the policy at the group's start. The first is kept, then always the
 * one whose largest cosine to those kept is smallest, until there are `kept` (StraTA's farthest-point selection). The
 * group's episodes are divided evenly among them. A stream of the group's seed draws, so that a schedule drawn again by
 * the same weights is the same.
 *
 * @param policy Writes strategies.
 * @param assignments Episodes, groups contiguous; the size of each group is a multiple of `kept`.
 * @param options How many, how compared, and the opener of worlds.
 * @returns Episodes with strategies, and the strategies of each group.
 * @throws {RangeError} If fewer are drawn than kept, or a group cannot be divided evenly.
 * @see {@link https://arxiv.org/abs/2605.06642 | StraTA}
 */
export async function drawStrategies(
  policy: StrategicPolicy,
  assignments: readonly Assignment[],
  options: DrawStrategiesOptions,
): Promise<StrategySchedule> {
  const { drawn, kept, similarity = "words", signal } = options;
  checkPositiveInteger("draw strategies", { drawn, kept });
  if (drawn < kept) {
    throw new RangeError(
      `Cannot draw strategies as "drawn" must be at least "kept", which is ${kept}: current value is ${drawn}`,
    );
  }
  const members = Map.groupBy(assignments, ({ group }) => group);
  const starts: { group: string; seed: number; situation: Situation }[] = [];
  for (const [group, own] of members) {
    signal?.throwIfAborted();
    if (own.length % kept !== 0) {
      throw new RangeError(
        `Cannot draw strategies as the episodes of a group must be a multiple of "kept", which is ${kept}: "${group}" has ${own.length}`,
      );
    }
    const situation = await startOf(own, options);
    if (situation) starts.push({ group, seed: own[0]!.seed, situation });
  }
  const all = await policy.drawStrategies(
    starts.flatMap(({ situation }) => Array<Situation>(drawn).fill(situation)),
    starts.flatMap(({ seed }) => {
      const random = createRandom(seed).fork("strategies");
      return Array.from({ length: drawn }, (_, j) => random.fork(j));
    }),
  );
  const groups = starts.map(({ group }, i) =>
    selectGroup(group, all.slice(i * drawn, (i + 1) * drawn), {
      ...{ kept, similarity },
    })
  );
  return {
    groups,
    assignments: groups.flatMap(({ group, kept: strategies }) => {
      const own = members.get(group)!;
      const each = own.length / kept;
      return own.map((assignment, i) => ({
        ...assignment,
        strategy: strategies[Math.floor(i / each)]!.strategy,
      }));
    }),
  };
}

/** Keeps the most different strategies of a group. */
function selectGroup(
  group: string,
  drawn: readonly DrawnStrategy[],
  options: { readonly kept: number; readonly similarity: Similarity },
): StrategyGroup {
  const texts = drawn.map(({ strategy }) => strategy.text);
  const embeddings = embedTexts(texts, options.similarity);
  const selected = selectDiverse(embeddings, options.kept);
  return {
    group,
    kept: selected.map((i) => drawn[i]!),
    drawnDistance: meanDistance(embeddings),
    keptDistance: meanDistance(selected.map((i) => embeddings[i]!)),
    distinct: new Set(texts).size,
  };
}

/** What a group's episodes start from; `undefined` where its world is gone. */
async function startOf(
  own: readonly Assignment[],
  { open, onLost }: DrawStrategiesOptions,
): Promise<Situation | undefined> {
  const { spec, seed } = own[0]!;
  try {
    const env = await open(spec, seed);
    try {
      const { task, observation } = await env.start();
      return { task, past: [], observation };
    } finally {
      await env[Symbol.asyncDispose]?.();
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof EpisodeLostError && onLost) {
      for (const { id } of own) onLost({ id, turns: 0, reason });
      return undefined;
    }
    throw new Error(
      `Cannot draw strategies of "${
        own[0]!.group
      }" as its world failed at the start: ${reason}`,
      { cause },
    );
  }
}
