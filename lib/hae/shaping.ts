/**
 * Reward shaping: penalties for keeping a subgoal, for rewording it, and for invalid replies.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import {
  type EpisodeBatch,
  toEpisodeBatch,
  trajectoriesOf,
} from "../episode_batch.ts";
import { readSettings } from "../settings.ts";
import type { Trajectory, Turn } from "../trajectory.ts";

/** Settings of {@linkcode shapeRewards}; by default nothing is shaped. */
export interface ShapingOptions {
  /** Added to the reward of turns that keep their subgoal, the first turn included; negative punishes. @default {0} */
  keepPenalty?: number;
  /**
   * `fixed` adds the penalty on every such turn; `normalized` adds it divided by the number of turns, so that an
   * episode pays the penalty times its share of kept turns. Episodes of one turn pay only in the fixed form.
   *
   * @default {"normalized"}
   */
  keepPenaltyMode?: "fixed" | "normalized";
  /**
   * Earned by the execution decision alone on a turn that achieves the subgoal in force, besides the return: the
   * subgoal's own end, which neither planning nor switching is credited with. Needs a world with a rule of subgoals
   * and an estimator that credits execution apart.
   *
   * @default {0}
   */
  subgoalReward?: number;
  /** Subtracted from the reward of invalid turns; positive punishes. @default {0} */
  invalidActionPenalty?: number;
  /** Added to the reward of a turn that keeps its subgoal but words it anew; negative punishes. @default {0} */
  consistencyPenalty?: number;
  /** Whether both turns must state a subgoal for the consistency penalty to apply. @default {true} */
  consistencyRequiresBoth?: boolean;
  /**
   * What is compared: the subgoals as text, or, where both turns have token traces, the tokens of their spans.
   *
   * @default {"text"}
   */
  consistencyCompares?: "text" | "tokens";
}

/** Settings of {@linkcode shapeRewards} as a schema, with defaults and help. */
export const shapingSettings = z.strictObject({
  keepPenalty: z.number("must be finite").default(0).describe(
    "added to the reward of turns that keep their subgoal; negative punishes",
  ),
  keepPenaltyMode: z.enum(["fixed", "normalized"]).default("normalized")
    .describe(
      "whether every such turn pays the penalty, or an episode the penalty times its share of kept turns",
    ),
  subgoalReward: z.number("must be finite").default(0).describe(
    "earned by execution alone on a turn that achieves the subgoal in force",
  ),
  invalidActionPenalty: z.number("must be finite").default(0).describe(
    "subtracted from the reward of invalid turns; positive punishes",
  ),
  consistencyPenalty: z.number("must be finite").default(0).describe(
    "added to the reward of a turn that keeps its subgoal but words it anew; negative punishes",
  ),
  consistencyRequiresBoth: z.boolean().default(true).describe(
    "whether both turns must state a subgoal for the consistency penalty to apply",
  ),
  consistencyCompares: z.enum(["text", "tokens"]).default("text").describe(
    "whether subgoals are compared as text or, where both turns have token traces, as tokens",
  ),
});

type ShapingSettings = z.output<typeof shapingSettings>;

/**
 * Shapes the rewards of a batch: columns in, columns out.
 *
 * @param batch Episodes as recorded; left as they are.
 * @param achieved 1 where the turn achieves the subgoal in force; needed for `subgoalReward`. Shape `(turns,)`.
 * @returns The same batch with shaped rewards; all else is shared.
 * @throws {TypeError} If a setting is unknown, out of range or of the wrong kind.
 * @see {@linkcode shapeRewards} for the formula
 */
export function shapeBatch(
  batch: EpisodeBatch,
  options: ShapingOptions,
  achieved?: Uint8Array,
): EpisodeBatch {
  const settings = readSettings(shapingSettings, options, "shape rewards");
  const { keepPenalty, invalidActionPenalty, consistencyPenalty } = settings;
  const { subgoalReward } = settings;
  if (subgoalReward !== 0) {
    return {
      ...shapeBatch(batch, { ...options, subgoalReward: 0 }),
      executionRewards: payEnds(batch, subgoalReward, achieved),
    };
  }
  if (
    keepPenalty === 0 && invalidActionPenalty === 0 && consistencyPenalty === 0
  ) return batch;
  const { offsets, rewards, switched, valid, turns } = batch;
  const shaped = new Float64Array(rewards.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    const start = offsets[i]!, end = offsets[i + 1]!;
    const kept = settings.keepPenaltyMode === "fixed"
      ? keepPenalty
      : end - start > 1
      ? keepPenalty / (end - start)
      : 0;
    for (let t = start; t < end; t++) {
      let reward = rewards[t]!;
      if (switched[t] !== 1) reward += kept;
      if (valid[t] !== 1) reward -= invalidActionPenalty;
      if (
        consistencyPenalty !== 0 && t > start &&
        rewords(turns[t]!, turns[t - 1]!, settings)
      ) reward += consistencyPenalty;
      shaped[t] = reward;
    }
  }
  return { ...batch, rewards: shaped };
}

/** Pays the first turn of each segment that achieves its subgoal. */
function payEnds(
  { offsets, switched }: EpisodeBatch,
  reward: number,
  achieved: Uint8Array | undefined,
): Float64Array {
  if (achieved?.length !== switched.length) {
    throw new TypeError(
      `Cannot shape rewards as "subgoalReward" needs to know which turns achieve their subgoal: current value is ${reward}, in worlds without a rule of subgoals`,
    );
  }
  const column = new Float64Array(switched.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let open = true;
    for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
      if (switched[t] === 1) open = true;
      if (!open || achieved[t] !== 1) continue;
      column[t] = reward;
      open = false;
    }
  }
  return column;
}

/**
 * Shapes rewards: trajectories in, new trajectories out; the originals are untouched.
 *
 * On a turn with reward `r` of an episode of `T` turns:
 * `r + keepPenalty / T` (or `+ keepPenalty`) if it keeps the subgoal, `− invalidActionPenalty` if it is invalid,
 * `+ consistencyPenalty` if it keeps the subgoal but states another than the turn before.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { shapeRewards } from "@hiper/lab";
 *
 * const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
 * const turn = (switched: boolean) => ({
 *   observation,
 *   decision: {
 *     switched,
 *     subgoal: "leave",
 *     action: "go",
 *     valid: true,
 *     trace: { kind: "untrainable" },
 *   } as const,
 *   reward: 1,
 * });
 * const [shaped] = shapeRewards([{
 *   id: "corridor/0",
 *   task: "leave",
 *   group: "corridor/0",
 *   turns: [turn(true), turn(false)],
 *   ending: "terminated",
 *   success: true,
 *   score: 1,
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 *   seed: 0,
 * }], { keepPenalty: -0.5 });
 * deepStrictEqual(shaped!.turns.map((turn) => turn.reward), [1, 0.75]);
 * ```
 *
 * @returns Episodes with shaped rewards, in the same order; all else is shared with the originals.
 * @throws {TypeError} If a setting is unknown, out of range or of the wrong kind.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, regularization of switching
 */
export function shapeRewards(
  trajectories: readonly Trajectory[],
  options: ShapingOptions,
): Trajectory[] {
  return trajectoriesOf(shapeBatch(toEpisodeBatch(trajectories), options));
}

/** Whether a turn keeps the subgoal but states another one than the turn before. */
function rewords(
  turn: Turn,
  before: Turn,
  settings: ShapingSettings,
): boolean {
  if (turn.decision.switched) return false;
  const { consistencyCompares, consistencyRequiresBoth } = settings;
  const stated = subgoalTokens(turn), known = subgoalTokens(before);
  return consistencyCompares === "tokens" && stated && known
    ? differs(stated, known, consistencyRequiresBoth)
    : differs(
      turn.decision.subgoal,
      before.decision.subgoal,
      consistencyRequiresBoth,
    );
}

/** The tokens a turn's subgoal was written with, none if it has no span; `undefined` without a token trace. */
function subgoalTokens({ decision }: Turn): Int32Array | undefined {
  const { trace } = decision;
  if (trace.kind !== "tokens") return undefined;
  const { start, end } = trace.spans.planning ?? { start: 0, end: 0 };
  return trace.reply.subarray(start, end);
}

/** Whether what a turn states is worded anew; with `requiresBoth` nothing counts unless both state something. */
export function differs<T>(
  stated: ArrayLike<T>,
  known: ArrayLike<T>,
  requiresBoth: boolean,
): boolean {
  if (requiresBoth && (stated.length === 0 || known.length === 0)) return false;
  if (stated.length === 0 || stated.length !== known.length) return true;
  for (let i = 0; i < stated.length; i++) {
    if (stated[i] !== known[i]) return true;
  }
  return false;
}
