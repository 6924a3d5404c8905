/**
 * Measures of a plan: which actions served the held subgoal, and which subgoals were achieved before they were left.
 *
 * Both are judged by a rule of the world ({@linkcode SubgoalRule}) on what was recorded, whatever policy played.
 *
 * @module
 */

import type { SubgoalRule } from "../envs/text_env.ts";
import type { AnsweredTurn, Observation, Turn } from "../trajectory.ts";

/** An episode to be judged. */
export interface JudgedEpisode {
  /** Its task. */
  readonly task: string;
  /** Its turns. Shape `(turns,)`. */
  readonly turns: readonly Turn[];
  /** What the last turn led to; without it the last turn achieves nothing. */
  readonly finalObservation?: Observation;
}

/** What a rule says of turns, episode after episode. */
export interface PlanColumns {
  /** 1 where the action serves the subgoal in force. Shape `(turns,)`. */
  readonly served: Uint8Array;
  /** 1 where the turn achieves the subgoal in force. Shape `(turns,)`. */
  readonly achieved: Uint8Array;
}

/**
 * Judges the turns of episodes.
 *
 * @param episodes Episodes as recorded.
 * @param rule The rule of their world.
 * @returns Columns over all turns, in order.
 */
export function judgePlans(
  episodes: readonly JudgedEpisode[],
  rule: SubgoalRule,
): PlanColumns {
  const count = episodes.reduce((sum, { turns }) => sum + turns.length, 0);
  const served = new Uint8Array(count), achieved = new Uint8Array(count);
  let at = 0;
  for (const { task, turns, finalObservation } of episodes) {
    const past: AnsweredTurn[] = []; // grows, so that a rule can read on where it stopped
    for (const [t, turn] of turns.entries()) {
      const { observation, decision: { subgoal, action } } = turn;
      if (rule.serves(subgoal, action, { task, past, observation })) {
        served[at] = 1;
      }
      past.push(turn);
      const next = turns[t + 1]?.observation ?? finalObservation;
      if (next && rule.achieved(subgoal, { task, past, observation: next })) {
        achieved[at] = 1;
      }
      at++;
    }
  }
  return { served, achieved };
}

/**
 * Summarizes plans: `served_rate`, the share of turns whose action serves the subgoal in force, and `achieved_rate`,
 * the share of segments whose subgoal is achieved before it is left or the episode ends.
 */
export function summarizePlans(
  episodes: readonly JudgedEpisode[],
  { served, achieved }: PlanColumns,
): Record<string, number> {
  let at = 0, serving = 0, segments = 0, successes = 0;
  for (const { turns } of episodes) {
    let done = true; // no segment before the first
    for (const [t, { decision }] of turns.entries()) {
      if (t === 0 || decision.switched) {
        segments++;
        done = false;
      }
      serving += served[at]!;
      if (!done && achieved[at] === 1) {
        successes++;
        done = true;
      }
      at++;
    }
  }
  return {
    served_rate: at === 0 ? 0 : serving / at,
    achieved_rate: segments === 0 ? 0 : successes / segments,
  };
}
