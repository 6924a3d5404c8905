/**
 * Reward shaping: penalties for keeping a subgoal, for rewording it, and for invalid replies.
 *
 * @module
 */

import { checkChoice, checkLength, checkName } from "../checks.ts";
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

/** What shaping reads, for many episodes one after the other. */
export interface ShapingColumns {
  /** Turn at which each episode starts, then the number of turns. Shape `(episodes + 1,)`. */
  readonly offsets: Int32Array;
  /** Reward of each turn. Shape `(turns,)`. */
  readonly rewards: Float64Array;
  /** 1 where a new subgoal was taken up. Shape `(turns,)`. */
  readonly switched: Uint8Array;
  /** 1 where the turn was valid; absent means everywhere. Shape `(turns,)`. */
  readonly valid?: Uint8Array;
  /** 1 where a kept subgoal was worded anew; absent means nowhere. Shape `(turns,)`. */
  readonly reworded?: Uint8Array;
}

/**
 * Shapes the rewards of many episodes at once.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { shapeColumns } from "@hiper/lab";
 *
 * const shaped = shapeColumns({
 *   offsets: new Int32Array([0, 4]),
 *   rewards: new Float64Array([0, 0, 0, 1]),
 *   switched: new Uint8Array([1, 0, 1, 0]),
 * }, { keepPenalty: -0.5 });
 * // Each of two kept turns pays a quarter of the penalty.
 * deepStrictEqual(shaped, new Float64Array([0, -0.125, 0, 0.875]));
 * ```
 *
 * @param columns Concatenated columns; left as they are.
 * @param options Penalties.
 * @returns Shaped rewards. Shape `(turns,)`.
 * @throws {RangeError} If a penalty is not finite, a mode is unknown or a column has the wrong length.
 */
export function shapeColumns(
  columns: ShapingColumns,
  options: ShapingOptions = {},
): Float64Array {
  const { offsets, rewards, switched, valid, reworded } = columns;
  const {
    keepPenalty,
    keepPenaltyMode,
    invalidActionPenalty,
    consistencyPenalty,
  } = resolveShaping(options);
  for (const [name, column] of Object.entries({ switched, valid, reworded })) {
    checkLength("assign credit", { [name]: column }, rewards.length);
  }
  const shaped = new Float64Array(rewards.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    const start = offsets[i]!, end = offsets[i + 1]!;
    const turns = end - start;
    const kept = keepPenaltyMode === "fixed"
      ? keepPenalty
      : turns > 1
      ? keepPenalty / turns
      : 0;
    for (let t = start; t < end; t++) {
      let reward = rewards[t]!;
      if (switched[t] !== 1) reward += kept;
      if (valid !== undefined && valid[t] !== 1) reward -= invalidActionPenalty;
      if (reworded !== undefined && reworded[t] === 1) {
        reward += consistencyPenalty;
      }
      shaped[t] = reward;
    }
  }
  return shaped;
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
 * @param trajectories Episodes as recorded.
 * @param options Penalties.
 * @returns Episodes with shaped rewards, in the same order; all else is shared with the originals.
 * @throws {RangeError} If a penalty is not finite, or a mode or a setting's name is unknown.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, regularization of switching
 */
export function shapeRewards(
  trajectories: readonly Trajectory[],
  options: ShapingOptions,
): Trajectory[] {
  const settings = resolveShaping(options);
  for (const name of Object.keys(options)) {
    checkName("assign credit", name, {
      what: "a setting of shaping",
      names: Object.keys(settings),
    });
  }
  return trajectories.map((trajectory) => {
    const { turns } = trajectory;
    const rewards = shapeColumns({
      offsets: new Int32Array([0, turns.length]),
      rewards: Float64Array.from(turns, (turn) => turn.reward),
      switched: Uint8Array.from(turns, (t) => t.decision.switched ? 1 : 0),
      valid: Uint8Array.from(turns, (t) => t.decision.valid ? 1 : 0),
      reworded: Uint8Array.from(
        turns,
        (turn, t) => t > 0 && rewords(turn, turns[t - 1]!, settings) ? 1 : 0,
      ),
    }, settings);
    return {
      ...trajectory,
      turns: turns.map((turn, t) =>
        turn.reward === rewards[t] ? turn : { ...turn, reward: rewards[t]! }
      ),
    };
  });
}

/** Whether a turn keeps the subgoal but states another one than the turn before. */
function rewords(
  turn: Turn,
  before: Turn,
  settings: Required<ShapingOptions>,
): boolean {
  if (turn.decision.switched || settings.consistencyPenalty === 0) return false;
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

/**
 * Whether a kept subgoal counts as worded anew.
 *
 * @param stated What the turn states: text, or token ids.
 * @param known What the turn before states.
 * @param requiresBoth Whether nothing counts unless both state something; else stating nothing counts too.
 */
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

/** Fills in defaults and checks every setting. */
function resolveShaping(options: ShapingOptions): Required<ShapingOptions> {
  const {
    keepPenalty = 0,
    keepPenaltyMode = "normalized",
    invalidActionPenalty = 0,
    consistencyPenalty = 0,
    consistencyRequiresBoth = true,
    consistencyCompares = "text",
  } = options;
  const numbers = { keepPenalty, invalidActionPenalty, consistencyPenalty };
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isFinite(value)) continue;
    throw new RangeError(
      `Cannot shape rewards as "${name}" must be finite: current value is ${value}`,
    );
  }
  checkChoice("assign credit", { keepPenaltyMode }, ["fixed", "normalized"]);
  checkChoice("assign credit", { consistencyCompares }, ["text", "tokens"]);
  return {
    ...numbers,
    keepPenaltyMode,
    consistencyRequiresBoth,
    consistencyCompares,
  };
}
