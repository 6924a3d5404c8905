/**
 * Small worlds as tables: a semi-Markov decision process with subgoals, a softmax policy of the
 * plan-execute form, and episodes sampled from them.
 *
 * Everything is known of such a world, so exact values and gradients can be computed and
 * estimators judged against them.
 *
 * @module
 */

import { type ByDecision, byDecision } from "../../trajectory.ts";
import { softmax } from "../../numeric.ts";
import type { Random } from "../../random.ts";

/** A finite world with subgoals, as tables. */
export interface TabularSmdp {
  /** How many states there are. */
  readonly states: number;
  /** How many subgoals there are. */
  readonly subgoals: number;
  /** How many actions there are. */
  readonly actions: number;
  /** Turns after which an episode is over, whatever happened; nothing is worth anything then. */
  readonly horizon: number;
  /** Discount per turn, in `[0, 1]`. */
  readonly gamma: number;
  /** Probability of each first state. Shape `(states,)`. */
  readonly start: Float64Array;
  /** Probability of each next state; rows sum to 1 or less, the rest ends the episode. Shape `(states, subgoals, actions, states)`. */
  readonly transitions: Float64Array;
  /** Mean reward of a turn. Shape `(states, subgoals, actions)`. */
  readonly rewards: Float64Array;
  /** Reward added when the episode ends by itself in a state, not by the horizon. Shape `(states,)`. */
  readonly exitRewards: Float64Array;
  /** Standard deviation of the normal noise on each reward. */
  readonly noise: number;
}

/**
 * Logits of a plan-execute policy, the same on every turn.
 *
 * - `switching`: log-odds of SWITCH given state and held subgoal. Shape `(states, subgoals)`
 * - `planning`: logits of each subgoal given the state. Shape `(states, subgoals)`
 * - `execution`: logits of each action given state and subgoal. Shape `(states, subgoals, actions)`
 *
 * On the first turn nothing is held, and switching is not a decision.
 */
export interface TabularPolicy {
  /** The logits, by the decision they govern. */
  readonly logits: ByDecision<Float64Array>;
}

/**
 * Values indexed by time, as a horizon makes them differ from turn to turn.
 *
 * Shapes: switching `(horizon, states, subgoals)` by held subgoal, planning `(horizon, states)`,
 * execution `(horizon, states, subgoals)`.
 */
export type TabularValues = ByDecision<Float64Array>;

/** Many episodes, one after the other, as columns. */
export interface TabularEpisodes {
  /** Turn at which each episode starts, then the number of turns. Shape `(episodes + 1,)`. */
  readonly offsets: Int32Array;
  /** State before each turn. Shape `(turns,)`. */
  readonly states: Int32Array;
  /** Subgoal held before each turn; -1 on first turns. Shape `(turns,)`. */
  readonly held: Int32Array;
  /** 1 where a subgoal was chosen; always on first turns. Shape `(turns,)`. */
  readonly switched: Uint8Array;
  /** Subgoal in force. Shape `(turns,)`. */
  readonly subgoals: Int32Array;
  /** Action taken. Shape `(turns,)`. */
  readonly actions: Int32Array;
  /** Reward paid. Shape `(turns,)`. */
  readonly rewards: Float64Array;
}

/**
 * Turns logits into probabilities.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   randomTabularPolicy,
 *   createChainSmdp,
 *   tabularProbabilities,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const { planning } = tabularProbabilities(world, policy);
 * const ofFirstState = planning.subarray(0, world.subgoals);
 * ok(Math.abs(ofFirstState.reduce((sum, p) => sum + p) - 1) < 1e-12);
 * ```
 *
 * @returns Probability of SWITCH, of each subgoal, of each action, in the shapes of the logits.
 * @throws {RangeError} If a table has not the size of the world.
 */
export function tabularProbabilities(
  smdp: TabularSmdp,
  policy: TabularPolicy,
): ByDecision<Float64Array> {
  const { states, subgoals, actions } = smdp;
  const sizes = {
    switching: states * subgoals,
    planning: states * subgoals,
    execution: states * subgoals * actions,
  };
  for (const [name, size] of Object.entries(sizes)) {
    const length = policy.logits[name as keyof typeof sizes].length;
    if (length !== size) {
      throw new RangeError(
        `Cannot read the policy as "logits.${name}" must have ${size} elements: current value is ${length}`,
      );
    }
  }
  const { switching, planning, execution } = policy.logits;
  return {
    switching: switching.map((logit) => 1 / (1 + Math.exp(-logit))),
    planning: softmaxRows(planning, subgoals),
    execution: softmaxRows(execution, actions),
  };
}

function softmaxRows(logits: Float64Array, width: number): Float64Array {
  const result = new Float64Array(logits.length);
  for (let row = 0; row < logits.length; row += width) {
    result.set(softmax(logits.subarray(row, row + width)), row);
  }
  return result;
}

/** Options for {@linkcode randomTabularPolicy}. */
export interface RandomTabularPolicyOptions {
  /** Stream to draw from. */
  readonly random: Random;
  /** Standard deviation of the logits. @default {0.5} */
  readonly deviation?: number;
}

/**
 * Draws a policy whose logits are normal.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { randomTabularPolicy, createChainSmdp } from "@hiper/lab/studies";
 *
 * const even = randomTabularPolicy(createChainSmdp(), {
 *   random: createRandom(1),
 *   deviation: 0,
 * });
 * ok(even.logits.planning.every((logit) => logit === 0)); // every subgoal as likely
 * ```
 *
 * @returns A policy that tries everything now and then.
 */
export function randomTabularPolicy(
  smdp: TabularSmdp,
  options: RandomTabularPolicyOptions,
): TabularPolicy {
  const { random, deviation = 0.5 } = options;
  const pairs = smdp.states * smdp.subgoals;
  return {
    logits: byDecision((name) => {
      const stream = random.fork("logits", name);
      const size = name === "execution" ? pairs * smdp.actions : pairs;
      return Float64Array.from(
        { length: size },
        () => deviation * stream.normal(),
      );
    }),
  };
}

/** Options for {@linkcode sampleTabular}. */
export interface SampleTabularOptions {
  /** How many episodes to play. */
  readonly episodes: number;
  /** Stream to derive each episode's own stream from, by its number. */
  readonly random: Random;
  /** Number of the first episode: episodes 10 to 19 are the same however they are batched. @default {0} */
  readonly first?: number;
}

/**
 * Plays episodes.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   randomTabularPolicy,
 *   sampleTabular,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 10, random: createRandom(2) });
 * ok(episodes.offsets.length === 11);
 * ok(episodes.rewards.length <= 10 * world.horizon);
 * ```
 *
 * @returns Columns of all episodes.
 * @throws {RangeError} If the policy has not the size of the world.
 */
export function sampleTabular(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: SampleTabularOptions,
): TabularEpisodes {
  const { episodes, random, first = 0 } = options;
  const odds = tabularProbabilities(smdp, policy);
  const capacity = episodes * smdp.horizon;
  const columns = {
    offsets: new Int32Array(episodes + 1),
    states: new Int32Array(capacity),
    held: new Int32Array(capacity),
    switched: new Uint8Array(capacity),
    subgoals: new Int32Array(capacity),
    actions: new Int32Array(capacity),
    rewards: new Float64Array(capacity),
  };
  let turn = 0;
  for (let i = 0; i < episodes; i++) {
    columns.offsets[i] = turn;
    const stream = random.fork("episode", first + i);
    turn = playEpisode(smdp, { odds, columns, stream, turn });
  }
  columns.offsets[episodes] = turn;
  return {
    offsets: columns.offsets,
    states: columns.states.subarray(0, turn),
    held: columns.held.subarray(0, turn),
    switched: columns.switched.subarray(0, turn),
    subgoals: columns.subgoals.subarray(0, turn),
    actions: columns.actions.subarray(0, turn),
    rewards: columns.rewards.subarray(0, turn),
  };
}

/** Plays one episode into the columns from a turn on; returns the turn after its last. */
function playEpisode(
  smdp: TabularSmdp,
  play: {
    odds: ByDecision<Float64Array>;
    columns: TabularEpisodes;
    stream: Random;
    turn: number;
  },
): number {
  const { states, subgoals, actions, horizon, noise } = smdp;
  const { odds, columns, stream } = play;
  let state = pick(smdp.start, 0, states, stream.uniform()), held = -1;
  for (let turn = play.turn;; turn++) {
    const last = turn - play.turn === horizon - 1;
    const switched = held < 0 ||
      stream.uniform() < odds.switching[state * subgoals + held]!;
    const subgoal = switched
      ? Math.min(
        pick(odds.planning, state * subgoals, subgoals, stream.uniform()),
        subgoals - 1,
      )
      : held;
    const pair = state * subgoals + subgoal;
    const action = Math.min(
      pick(odds.execution, pair * actions, actions, stream.uniform()),
      actions - 1,
    );
    const row = pair * actions + action;
    const next = pick(
      smdp.transitions,
      row * states,
      states,
      stream.uniform(),
    );
    columns.states[turn] = state;
    columns.held[turn] = held;
    columns.switched[turn] = switched ? 1 : 0;
    columns.subgoals[turn] = subgoal;
    columns.actions[turn] = action;
    columns.rewards[turn] = smdp.rewards[row]! +
      (next === states ? smdp.exitRewards[state]! : 0) +
      (noise > 0 ? noise * stream.normal() : 0);
    if (next === states || last) return turn + 1;
    state = next;
    held = subgoal;
  }
}

/** Index within a row of probabilities; the row's length where the draw is beyond their sum. */
function pick(
  table: Float64Array,
  start: number,
  length: number,
  draw: number,
): number {
  let rest = draw;
  for (let j = 0; j < length; j++) {
    rest -= table[start + j]!;
    if (rest < 0) return j;
  }
  return length;
}
