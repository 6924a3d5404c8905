/**
 * Generalized advantage estimation: the recurrence for steps of any duration, and its two estimators, over turns and
 * over single decisions.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { checkLength, checkUnitInterval } from "../checks.ts";
import {
  type CreditColumns,
  decisionsTaken,
  type EpisodeBatch,
} from "../episode_batch.ts";
import { byDecision, type DecisionName, DECISIONS } from "../trajectory.ts";
import {
  checkNumbers,
  defineEstimator,
  emptyColumns,
  episodeName,
  gamma,
  normalize,
  notFinite,
  shareTurns,
  unitInterval,
} from "./estimator.ts";
import {
  type Normalization,
  normalizeInPlace,
  normalizePool,
} from "./normalize.ts";

/** Experience on one clock, of one episode or of several one after the other; columns of shape `(steps,)`. */
export interface Steps {
  /** What each step paid: on the clock of segments, the segment's discounted sum. */
  readonly rewards: Float64Array;
  /** Value before each step, in units of return. */
  readonly values: Float64Array;
  /** Value after each step: of the next step, of what a cut-off episode led to, or 0 at an end. */
  readonly nextValues: Float64Array;
  /** Discount over each step: `gamma` for a turn, `gamma ** duration` for a segment, 0 where the chain is cut. */
  readonly discounts: Float64Array;
  /** First step of each episode, then the number of steps; absent means one episode. Shape `(episodes + 1,)`. */
  readonly offsets?: Int32Array;
}

/**
 * Estimates advantages by generalized advantage estimation, and its semi-Markov form when steps last several turns.
 *
 * `delta[k] = r[k] + discount[k] · next[k] − v[k]` and
 * `A[k] = delta[k] + discount[k] · lambda · A[k + 1]`, with `A = 0` after the last step of an episode.
 * With `lambda` 1 and `next[k] = v[k + 1]` the sum telescopes: `A + v` is the Monte-Carlo return.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { generalizedAdvantages } from "@hiper/lab/credit";
 *
 * const steps = {
 *   rewards: new Float64Array([0, 4]),
 *   values: new Float64Array([1, 2]),
 *   nextValues: new Float64Array([2, 0]),
 *   discounts: new Float64Array([0.5, 0.5]),
 * };
 * deepStrictEqual(generalizedAdvantages(steps, 1), new Float64Array([1, 2]));
 * ```
 *
 * @param steps Experience on one clock. Shape `(steps,)` each.
 * @param lambda Weight of later residuals, in `[0, 1]`: 0 trusts the values, 1 the rewards.
 * @returns Advantages, in units of return. Shape `(steps,)`.
 * @throws {RangeError} If columns differ in length or `lambda` is outside `[0, 1]`.
 * @see {@link https://arxiv.org/abs/1506.02438 | Schulman et al. 2016}, eq. 16
 */
export function generalizedAdvantages(
  steps: Steps,
  lambda: number,
): Float64Array {
  const { offsets = Int32Array.of(0, steps.rewards.length), ...columns } =
    steps;
  const { rewards, values, nextValues, discounts } = columns;
  checkUnitInterval("estimate advantages", { lambda });
  checkLength("estimate advantages", columns, rewards.length);
  const advantages = new Float64Array(rewards.length);
  for (let i = offsets.length - 2; i >= 0; i--) {
    let next = 0;
    for (let k = offsets[i + 1]! - 1; k >= offsets[i]!; k--) {
      const discount = discounts[k]!;
      const delta = rewards[k]! + discount * nextValues[k]! - values[k]!;
      advantages[k] = next = delta + discount * lambda * next;
    }
  }
  return advantages;
}

/** Settings of the estimators `gae` and `token-gae`. */
export interface GaeCreditOptions {
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Weight of later residuals, in `[0, 1]`. @default {1} */
  lambda?: number;
  /** Whether a cut-off episode leads to its recorded value or, as in the reference, to nothing. @default {"bootstrap"} */
  truncation?: "bootstrap" | "zero";
  /** How advantages are normalized over the batch, all decisions together; the reference whitens. @default {"none"} */
  normalize?: Normalization;
}

const settings = z.strictObject({
  gamma,
  lambda: unitInterval.default(1).describe("weight of later residuals"),
  truncation: z.enum(["bootstrap", "zero"]).default("bootstrap").describe(
    "whether a truncated episode leads to its recorded value, or to nothing",
  ),
  normalize,
});

/**
 * Gives every decision of a turn the turn's generalized advantage: PPO on the clock of turns.
 *
 * Values are those before the switching decision, so that they depend on none of the three.
 *
 * @see {@link https://arxiv.org/abs/1506.02438 | Schulman et al. 2016}, eq. 16
 */
export const gae = defineEstimator({
  settings,
  critic: true,
  grouped: false,
  title: "GAE, on turns",
  paper: "https://arxiv.org/abs/1506.02438",
  equation: "A[t] = r[t] + gamma S[t+1] − S[t] + gamma lambda A[t+1]",
  unit: "turn",
  cost: "1 value",
  shown: ["corridor", "household-easy"],
  credit(batch, { gamma, lambda, truncation, normalize }) {
    checkNumbers("gae", batch, { values: ["switching"] });
    const { offsets, rewards, values } = batch;
    const turns = rewards.length;
    const advantages = generalizedAdvantages({
      rewards,
      values: values.switching,
      nextValues: nextValues(values.switching, offsets, {
        estimator: "gae",
        batch,
        truncation,
      }),
      discounts: new Float64Array(turns).fill(gamma),
      offsets,
    }, lambda);
    const targets = byDecision(() => new Float64Array(turns).fill(NaN));
    for (let t = 0; t < turns; t++) {
      targets.switching[t] = advantages[t]! + values.switching[t]!;
    }
    normalizeInPlace(advantages, new Uint8Array(turns).fill(1), normalize);
    return { ...shareTurns(batch, advantages), targets };
  },
});

/**
 * Generalized advantages over single decisions: token-level PPO with one unit for each decision. The chain runs switching, planning (at segment starts), execution, next turn's switching; each unit's next value
 * is the value of the unit after it. Only execution is followed by a reward and a discount.
 *
 * @see {@link https://arxiv.org/abs/1707.06347 | PPO}
 */
export const tokenGae = defineEstimator({
  settings,
  critic: true,
  grouped: false,
  title: "PPO, on decisions",
  paper: "https://arxiv.org/abs/1707.06347",
  equation:
    "A[j] = r[j] + g V[j+1] − V[j] + g lambda A[j+1], g = gamma after execution, else 1",
  unit: "decision",
  cost: "2 or 3 values",
  shown: ["corridor", "household-easy"],
  credit(batch, { gamma, lambda, truncation, normalize }) {
    checkNumbers("token-gae", batch, { values: DECISIONS });
    const units = chainUnits(batch);
    const steps = units.turns.length;
    const rewards = new Float64Array(steps), values = new Float64Array(steps);
    const discounts = new Float64Array(steps).fill(1);
    for (let j = 0; j < steps; j++) {
      const t = units.turns[j]!, name = DECISIONS[units.decisions[j]!]!;
      values[j] = batch.values[name][t]!;
      if (name !== "execution") continue;
      rewards[j] = batch.rewards[t]!;
      discounts[j] = gamma;
    }
    return creditChains(batch, {
      estimator: "token-gae",
      units,
      rewards,
      values,
      discounts,
      truncation,
      lambda,
      normalize,
    });
  },
});

/**
 * Credit of single decisions by GAE along each episode's chain of decisions.
 *
 * @param batch Episodes with values of every decision.
 * @param options The chain's units with what each pays, its value and its discount, each of shape `(units,)`; what
 * follows a truncated episode; `lambda` in `[0, 1]`; the normalization over all decisions together.
 * @returns Advantages, value targets (`NaN` where a decision was not taken) and what is trained. Shape `(turns,)` each.
 */
export function creditChains(batch: EpisodeBatch, options: {
  estimator: string;
  units: ReturnType<typeof chainUnits>;
  rewards: Float64Array;
  values: Float64Array;
  discounts: Float64Array;
  truncation: "bootstrap" | "zero";
  lambda: number;
  normalize: Normalization;
}): CreditColumns {
  const { estimator, units, rewards, values, discounts } = options;
  const { truncation, lambda, normalize } = options;
  const { offsets } = units;
  const chain = generalizedAdvantages({
    rewards,
    values,
    nextValues: nextValues(values, offsets, { estimator, batch, truncation }),
    discounts,
    offsets,
  }, lambda);
  const turns = batch.rewards.length;
  const advantages = emptyColumns(turns);
  const targets = byDecision(() => new Float64Array(turns).fill(NaN));
  for (const [j, advantage] of chain.entries()) {
    const t = units.turns[j]!, name = DECISIONS[units.decisions[j]!]!;
    advantages[name][t] = advantage;
    targets[name][t] = advantage + values[j]!;
  }
  const trained = decisionsTaken(batch);
  normalizePool(
    DECISIONS.map((name) => [advantages[name], trained[name]]),
    normalize,
  );
  return { advantages, targets, trained };
}

/** Turn and decision (index into `DECISIONS`) of each unit of the chains of a batch. */
export function chainUnits({ offsets, switched }: EpisodeBatch): {
  turns: Int32Array;
  decisions: Uint8Array;
  offsets: Int32Array;
} {
  const starts = new Int32Array(offsets.length);
  const turns = new Int32Array(3 * switched.length);
  const decisions = new Uint8Array(3 * switched.length);
  let at = 0;
  const add = (t: number, name: DecisionName) => {
    turns[at] = t;
    decisions[at++] = DECISIONS.indexOf(name);
  };
  for (let i = 0; i + 1 < offsets.length; i++) {
    for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
      add(t, "switching");
      if (t === offsets[i] || switched[t] === 1) add(t, "planning");
      add(t, "execution");
    }
    starts[i + 1] = at;
  }
  return {
    turns: turns.subarray(0, at),
    decisions: decisions.subarray(0, at),
    offsets: starts,
  };
}

/** Each step's next value: that of the step after it, or of what the last turn led to, before any further decision. */
export function nextValues(
  values: Float64Array,
  offsets: Int32Array,
  from: {
    estimator: string;
    batch: EpisodeBatch;
    truncation: "bootstrap" | "zero";
  },
): Float64Array {
  const { estimator, batch, truncation } = from;
  const { switching, execution } = batch.bootstrap;
  const next = new Float64Array(values.length);
  next.set(values.subarray(1));
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i + 1] === offsets[i]) continue;
    const bootstraps = batch.truncated[i] === 1 && truncation === "bootstrap";
    const known = Number.isNaN(switching[i]) ? execution[i]! : switching[i]!;
    const after = bootstraps ? known : 0;
    if (!Number.isFinite(after)) {
      const name = episodeName(batch, i);
      const what = `the value after the last turn of episode "${name}"`;
      throw notFinite(estimator, what, after);
    }
    next[offsets[i + 1]! - 1] = after;
  }
  return next;
}
