/**
 * Hierarchical advantage estimation: one recurrence on two clocks, turns and segments, and the switching advantage.
 *
 * One pass from the last turn of each episode to the first carries both clocks, so that the cost of a turn does not
 * depend on the size of the batch, and the memory is that of the result.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { checkLength } from "../checks.ts";
import {
  type CreditColumns,
  decisionsTaken,
  type EpisodeBatch,
  type EpisodeColumns,
} from "../episode_batch.ts";
import { readSettings } from "../settings.ts";
import { type Credit, type DecisionName, DECISIONS } from "../trajectory.ts";
import {
  checkNumbers,
  defineEstimator,
  emptyColumns,
  episodeName,
  gamma,
  normalize,
  notFinite,
  unitInterval,
} from "./estimator.ts";
import { type Normalization, normalizeInPlace } from "./normalize.ts";

/**
 * What a turn after which the episode was cut off leads to.
 *
 * - `bootstrap`: the values recorded after the last turn: the switching value, which knows the
 *   state and the held subgoal and stands before any further decision, is what the future is worth to all three
 *   decisions. The held subgoal's execution value stands in for a critic without a switching head.
 * - `reference`: what the authors' code does, which has no row for that state: the execution value of the last
 *   turn itself, and for planning and switching the planning value at the start of the last segment.
 * - `zero`: nothing, as if the episode had ended.
 */
export type Truncation = "bootstrap" | "reference" | "zero";

/** Settings of {@linkcode hierarchicalAdvantages}. */
export interface HaeOptions {
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Weight of later residuals within a segment, in `[0, 1]`. @default {1} */
  lambdaTurn?: number;
  /** Weight of later segments' residuals in the planner's advantage, in `[0, 1]`. @default {0.95} */
  lambdaSegment?: number;
  /**
   * How much of the planner's next advantage flows back over a segment's end, in `[0, 1]`.
   *
   * At a segment's last turn, execution and switching lead to
   * `V_planning(next) + lambdaBoundary · A_planning(next)`. With 0, the published HAE, both are cut off from
   * later luck, which removes variance, and trust the planner's value, which is biased while that value is wrong,
   * whatever the other lambdas. With `lambdaTurn = lambdaSegment = lambdaBoundary = 1` every target is the
   * Monte-Carlo return to the end of the episode: no critic can bias the gradient, and the variance is that of
   * flat GAE at `lambda = 1` with values read after each decision. Raise it while the planner's value head is young.
   *
   * @default {0}
   */
  lambdaBoundary?: number;
  /** What the last turn of a cut-off episode leads to. @default {"bootstrap"} */
  truncation?: Truncation;
  /**
   * Value heads of the critic: 3; 2 without switching; 1 when the execution value stands in for planning too.
   *
   * @default {3}
   */
  heads?: 1 | 2 | 3;
  /**
   * Advantage of the switching decision.
   *
   * - `return`: return to the segment's end plus the planner's next value, minus the switching value; needs 3 heads.
   * - `q-minus-beta`: `(q − beta) · (V_planning(s) − V_execution(s, held subgoal))`, where `q` is 1 for SWITCH and
   *   `beta` its probability. Less variance with exact values, biased by any error in them. Needs planning values,
   *   `switchProbability` and `heldSubgoalValue` on every turn but the first, where nothing is held and it is 0.
   *
   * @default {"return"}
   */
  switching?: "return" | "q-minus-beta";
}

/** How advantages are estimated, as a schema. */
const estimation = {
  gamma,
  lambdaTurn: unitInterval.default(1).describe(
    "weight of later residuals within a segment",
  ),
  lambdaSegment: unitInterval.default(0.95).describe(
    "weight of later segments' residuals in the planner's advantage",
  ),
  lambdaBoundary: unitInterval.default(0).describe(
    "how much of the planner's next advantage flows back over a segment's end; 0 is the published HAE",
  ),
  truncation: z.enum(["bootstrap", "reference", "zero"]).default("bootstrap")
    .describe("what the last turn of a truncated episode leads to"),
  heads: z.literal([1, 2, 3]).default(3).describe("value heads of the critic"),
  switching: z.enum(["return", "q-minus-beta"]).default("return").describe(
    "advantage of the switching decision",
  ),
};

const estimationSchema = z.strictObject(estimation);

type Estimation = z.output<typeof estimationSchema>;

/** Columns that {@linkcode hierarchicalAdvantages} reads; those of an `EpisodeBatch`, of which some may be absent. */
export interface HaeColumns extends
  Pick<
    EpisodeColumns,
    "offsets" | "rewards" | "switched" | "values" | "bootstrap"
  >,
  Partial<
    Pick<
      EpisodeColumns,
      | "truncated"
      | "switchProbabilities"
      | "heldSubgoalValues"
      | "executionRewards"
    >
  > {
  /** Names of the episodes, for error messages. Shape `(episodes,)`. */
  readonly episodes?: EpisodeBatch["episodes"];
  /**
   * 1 where the chain of advantages is cut after a turn: in execution always, in planning and switching if the
   * turn is the last of its segment. Absent means after the last turn of episodes that are not truncated.
   * Shape `(turns,)`.
   */
  readonly done?: Uint8Array;
}

/**
 * Estimates the advantages of the three decisions of every turn.
 *
 * With segments `[start, end)`, `n` the start of the next segment, `S` switching, `P` planning and `E` execution
 * values, and `b = lambdaBoundary`:
 *
 * - execution, within a segment: `delta[t] = r[t] + gamma · E[t + 1] − E[t]`,
 *   `A[t] = delta[t] + gamma · lambdaTurn · A[t + 1]`; on the segment's last turn
 *   `A[t] = r[t] + gamma · (P[n] + b · A_planning[n]) − E[t]`;
 * - planning, at segment starts, with `d` turns and `R` the segment's discounted rewards:
 *   `A[k] = R + gamma^d · (P[n] + lambdaSegment · A[k + 1]) − P[start]`;
 * - switching: `G[t] − S[t]`, where `G` is the discounted return to the segment's end plus
 *   `P[n] + b · A_planning[n]`.
 *
 * After the last turn of a truncated episode stands its bootstrap value, after that of a terminated one 0. The
 * result of an episode does not depend on its neighbors.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { hierarchicalAdvantages } from "@hiper/lab/credit";
 *
 * const { advantages: { execution, planning } } = hierarchicalAdvantages({
 *   offsets: new Int32Array([0, 4]), // one episode of four turns
 *   rewards: new Float64Array([0, 1, 0, 2]),
 *   switched: new Uint8Array([1, 0, 1, 0]),
 *   values: {
 *     switching: new Float64Array([1, 1, 1, 1]),
 *     planning: new Float64Array([1.5, NaN, 2, NaN]),
 *     execution: new Float64Array([1, 2, 1, 1]),
 *   },
 *   bootstrap: {
 *     switching: new Float64Array(1),
 *     planning: new Float64Array(1),
 *     execution: new Float64Array(1),
 *   },
 * }, { gamma: 0.9, lambdaTurn: 0.5, lambdaSegment: 0.5 });
 * ok(Math.abs(execution[0]! - 1.16) < 1e-12);
 * ok(Math.abs(planning[0]! - 0.939) < 1e-12);
 * ```
 *
 * @param batch Columns of episodes, one after the other; left as they are.
 * @returns Advantages and value targets, in units of return. Shape `(turns,)` each.
 * @throws {RangeError} If columns disagree in length, or a number that is read is not finite.
 * @throws {TypeError} If a setting is out of range, values are absent, or the q-minus-beta form lacks its columns.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, hierarchical advantage estimation
 */
export function hierarchicalAdvantages(
  batch: HaeColumns,
  options: HaeOptions = {},
): Required<Pick<Credit, "advantages" | "targets">> {
  return estimate(batch, readSettings(estimationSchema, options, TASK));
}

const TASK = "assign credit";

/** The estimation, with settings that were checked. */
function estimate(
  batch: HaeColumns,
  settings: Estimation,
): Required<Pick<Credit, "advantages" | "targets">> {
  checkColumns(batch, settings);
  const { values, offsets } = batch;
  const turns = batch.rewards.length;
  const heads: HaeColumns = settings.heads === 1
    ? { ...batch, values: { ...values, planning: values.execution } }
    : batch;
  const advantages = emptyColumns(turns), targets = emptyColumns(turns);
  targets.planning.fill(NaN);
  const credit = { advantages, targets };
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i] === offsets[i + 1]) continue;
    const probe = walkBack(heads, { settings, credit, episode: i });
    if (Number.isFinite(probe)) continue;
    checkNumbers("hae", batch, { values: HEADS[settings.heads] });
    throw notFinite(
      "hae",
      `every bootstrap value and sum of rewards of episode "${
        episodeName(batch, i)
      }"`,
      probe,
    );
  }
  if (settings.switching === "q-minus-beta") {
    fillQMinusBeta(heads, advantages.switching);
  } else if (settings.heads !== 3) advantages.switching.fill(0);
  if (settings.heads !== 3) targets.switching.fill(NaN);
  return credit;
}

/** Value heads that are read, by their number. */
const HEADS: Readonly<Record<1 | 2 | 3, readonly DecisionName[]>> = {
  1: ["execution"],
  2: ["planning", "execution"],
  3: DECISIONS,
};

/** Fills one episode's part of the credit; returns a sum that is finite only if everything read was. */
function walkBack(
  batch: HaeColumns,
  walk: {
    settings: Estimation;
    credit: Required<Pick<Credit, "advantages" | "targets">>;
    episode: number;
  },
): number {
  const { offsets, rewards, switched, values, done, truncated } = batch;
  const { executionRewards: own } = batch;
  const { gamma, lambdaTurn, lambdaSegment, lambdaBoundary } = walk.settings;
  const headed = walk.settings.heads === 3;
  // Columns in variables of their own: the loop runs over every turn of a batch.
  const { switching: switchValues, planning: plans, execution: actions } =
    values;
  const {
    switching: switchAdvantages,
    planning: planAdvantages,
    execution: actionAdvantages,
  } = walk.credit.advantages;
  const {
    switching: switchTargets,
    planning: planTargets,
    execution: actionTargets,
  } = walk.credit.targets;
  const start = offsets[walk.episode]!, end = offsets[walk.episode + 1]!;
  const last = truncated?.[walk.episode] === 1 ? end : end - 1;
  const tail = tailValues(batch, walk.settings, walk.episode);
  let nextExecution = tail.execution; // what the current turn leads to, on the clock of turns
  let plannerValue = tail.planning, plannerAdvantage = 0; // behind the current segment
  let switchingTarget = 0, segmentReturn = 0, segmentDiscount = 1, probe = 0;
  // The advantage that flows into the current turn, and whether that is the last of its segment.
  let chain = 0, closes = true;
  for (let t = end - 1; t >= start; t--) {
    const over = done === undefined ? t === last : done[t] === 1;
    if (closes) {
      if (over) plannerValue = plannerAdvantage = 0;
      chain = lambdaBoundary * plannerAdvantage;
      switchingTarget = plannerValue + chain;
      segmentReturn = 0;
      segmentDiscount = 1;
    }
    const reward = rewards[t]!, value = actions[t]!;
    const future = over ? 0 : gamma * (nextExecution + chain);
    const advantage = reward + (own === undefined ? 0 : own[t]!) + future -
      value;
    actionTargets[t] = (actionAdvantages[t] = advantage) + value;
    segmentReturn = reward + gamma * segmentReturn;
    segmentDiscount *= gamma;
    switchTargets[t] = switchingTarget = reward + gamma * switchingTarget;
    const surprise = switchingTarget - (headed ? switchValues[t]! : 0);
    switchAdvantages[t] = surprise;
    closes = t === start || switched[t] === 1;
    if (closes) {
      const planned = plans[t]!;
      plannerAdvantage = segmentReturn - planned +
        segmentDiscount * (plannerValue + lambdaSegment * plannerAdvantage);
      planAdvantages[t] = plannerAdvantage;
      planTargets[t] = plannerAdvantage + planned;
      plannerValue = nextExecution = planned;
      probe += plannerAdvantage;
    } else {
      nextExecution = value;
      chain = lambdaTurn * advantage;
    }
    probe += advantage + surprise;
  }
  return probe;
}

/** What the last turn leads to, on the clock of turns and on that of segments. */
function tailValues(
  batch: HaeColumns,
  settings: Estimation,
  episode: number,
): { execution: number; planning: number } {
  const { offsets, switched, values, bootstrap } = batch;
  if (settings.truncation === "zero") return { execution: 0, planning: 0 };
  if (settings.truncation === "bootstrap") {
    // Without a switching head, assume that the held subgoal is kept.
    const after = settings.heads === 3
      ? bootstrap.switching
      : bootstrap.execution;
    const value = after[episode]!;
    return { execution: value, planning: value };
  }
  const last = offsets[episode + 1]! - 1;
  let start = last;
  while (start > offsets[episode]! && switched[start] !== 1) start--;
  return {
    execution: values.execution[last]!,
    planning: values.planning[start]!,
  };
}

/** `(q − beta) · (V_planning(s) − V_execution(s, held subgoal))`; 0 where no subgoal is held. */
function fillQMinusBeta(batch: HaeColumns, advantages: Float64Array): void {
  const { offsets, switched, values } = batch;
  const beta = batch.switchProbabilities!, held = batch.heldSubgoalValues!;
  for (let i = 0; i + 1 < offsets.length; i++) {
    const start = offsets[i]!;
    if (offsets[i + 1]! > start) advantages[start] = 0;
    for (let t = start + 1; t < offsets[i + 1]!; t++) {
      const advantage = (switched[t]! - beta[t]!) *
        (values.planning[t]! - held[t]!);
      if (!Number.isFinite(advantage)) {
        throw new TypeError(
          `Cannot assign credit as the q-minus-beta form needs "values.planning", "switchProbability" and "heldSubgoalValue": turn ${
            t - start
          } of episode "${episodeName(batch, i)}" lacks one`,
        );
      }
      advantages[t] = advantage;
    }
  }
}

/** Throws unless columns agree with each other and with the settings. */
function checkColumns(batch: HaeColumns, settings: Estimation): void {
  const { offsets, rewards, values, bootstrap } = batch;
  const turns = rewards.length, episodes = offsets.length - 1;
  checkLength(TASK, {
    switched: batch.switched,
    "values.switching": values.switching,
    "values.planning": values.planning,
    "values.execution": values.execution,
    done: batch.done,
    executionRewards: batch.executionRewards,
    switchProbabilities: batch.switchProbabilities,
    heldSubgoalValues: batch.heldSubgoalValues,
  }, turns);
  if (settings.truncation === "bootstrap") {
    checkLength(TASK, {
      "bootstrap.switching": bootstrap.switching,
      "bootstrap.execution": bootstrap.execution,
    }, Math.max(0, episodes));
  }
  for (let i = 0; i < offsets.length; i++) {
    const lowest = i === 0 ? 0 : offsets[i - 1]!;
    if (offsets[i]! >= lowest && (i > 0 || offsets[i] === 0)) continue;
    throw new RangeError(
      `Cannot assign credit as "offsets" must start at 0 and never fall: element ${i} is ${
        offsets[i]
      }`,
    );
  }
  if (episodes < 0 || offsets[episodes] !== turns) {
    throw new RangeError(
      `Cannot assign credit as "offsets" must end with the number of turns, ${turns}: current value is ${
        offsets[episodes]
      }`,
    );
  }
  if (settings.switching !== "q-minus-beta") return;
  if (!batch.switchProbabilities || !batch.heldSubgoalValues) {
    throw new TypeError(
      'Cannot assign credit as the q-minus-beta form needs "switchProbabilities" and "heldSubgoalValues"',
    );
  }
}

/** Settings of the estimator `hae`: the estimation, and which decision each advantage trains. */
export interface HaeCreditOptions extends HaeOptions {
  /** How advantages are normalized over the batch, each decision with its own kind. @default {"none"} */
  normalize?: Normalization;
  /** Whether the planner's advantage is also added to the switching decision at segment starts. @default {false} */
  planningToSwitching?: boolean;
  /** Whether the planner's advantage trains the planner. @default {true} */
  planningToPlanning?: boolean;
  /** Whether the switching advantage trains the switching decision. @default {true} */
  switchingToSwitching?: boolean;
}

const settings = z.strictObject({
  ...estimation,
  normalize,
  planningToSwitching: z.boolean().default(false).describe(
    "whether the planner's advantage is also added to the switching decision at segment starts",
  ),
  planningToPlanning: z.boolean().default(true).describe(
    "whether the planner's advantage trains the planner",
  ),
  switchingToSwitching: z.boolean().default(true).describe(
    "whether the switching advantage trains the switching decision",
  ),
});

/** Hierarchical advantages: switching on every turn, planning at segment starts, execution on every turn. */
export const hae = defineEstimator({
  settings,
  critic: true,
  grouped: false,
  title: "HiPER",
  paper: "https://arxiv.org/abs/2602.16165",
  equation:
    "E: GAE within a segment; P: GAE over segments; S: return to the segment's end + P[n] − S[t]",
  unit: "decision, by its level",
  cost: "2 or 3 values",
  shown: ["corridor", "household-easy", "corridor-language"],
  credit(batch, to) {
    const { advantages, targets } = estimate(batch, to);
    const taken = decisionsTaken(batch);
    if (to.switching === "q-minus-beta") dropFirstTurns(batch, taken.switching);
    for (const name of DECISIONS) {
      normalizeInPlace(advantages[name], taken[name], to.normalize);
    }
    const switches = to.switchingToSwitching &&
      (to.heads === 3 || to.switching === "q-minus-beta");
    const { planningToPlanning: plans, planningToSwitching: borrows } = to;
    const credit = { advantages, targets, trained: taken };
    if (switches && plans && !borrows) return credit;
    return reassign(credit, { switches, plans, borrows });
  },
});

/** The q-minus-beta form has no advantage where no subgoal was held. */
function dropFirstTurns(
  { offsets }: EpisodeBatch,
  switching: Uint8Array,
): void {
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i]! < offsets[i + 1]!) switching[offsets[i]!] = 0;
  }
}

/** Sends the levels' advantages to the decisions they are to train. */
function reassign(
  credit: CreditColumns,
  to: { switches: boolean; plans: boolean; borrows: boolean },
): CreditColumns {
  const { advantages, trained: taken } = credit;
  const turns = taken.execution.length;
  const switching = new Float64Array(turns), trained = new Uint8Array(turns);
  for (let t = 0; t < turns; t++) {
    const borrows = to.borrows && taken.planning[t] === 1 &&
      taken.switching[t] === 1;
    switching[t] = (to.switches ? advantages.switching[t]! : 0) +
      (borrows ? advantages.planning[t]! : 0);
    trained[t] = to.switches ? taken.switching[t]! : Number(borrows);
  }
  return {
    ...credit,
    advantages: {
      ...advantages,
      switching,
      planning: to.plans ? advantages.planning : new Float64Array(turns),
    },
    trained: {
      execution: taken.execution,
      planning: to.plans ? taken.planning : new Uint8Array(turns),
      switching: trained,
    },
  };
}
