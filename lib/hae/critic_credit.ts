/**
 * Credit from a critic's values: hierarchical advantages, and flat GAE over turns or over single decisions.
 *
 * @module
 */

import { checkChoice, checkUnitInterval } from "../checks.ts";
import {
  type ByDecision,
  byDecision,
  type Credit,
  type DecisionName,
  DECISIONS,
  type Trajectory,
  turnColumns,
} from "../trajectory.ts";
import { batchColumns } from "./batch_columns.ts";
import { creditBatch } from "./batch_credit.ts";
import { checkTrajectories, notFinite } from "./credit_checks.ts";
import { generalizedAdvantages } from "./gae.ts";
import {
  type HaeOptions,
  type HaeSettings,
  resolveHaeOptions,
} from "./hae_options.ts";
import {
  decisionsTaken,
  type Normalization,
  normalizeCredit,
} from "./normalize.ts";
import { broadcast, normalizeTurns } from "./turn_credit.ts";

/** Settings of {@linkcode haeCredit}. */
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

/** Settings of {@linkcode gaeCredit} and {@linkcode tokenGaeCredit}. */
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

/**
 * Assigns hierarchical advantages: switching on every turn, planning at segment starts, execution on every turn.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom, exactValues, haeCredit, randomTabularPolicy } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const values = exactValues(world, policy);
 * const trajectories = tabularTrajectories(world, episodes, { values });
 * const credits = haeCredit(trajectories, { lambdaTurn: 1, lambdaSegment: 1, lambdaBoundary: 1 });
 * const total = trajectories[0]!.turns.reduce((sum, turn) => sum + turn.reward, 0);
 * // With every lambda 1 the first plan is to be worth what the episode paid.
 * ok(Math.abs(credits[0]!.targets!.planning[0]! - total) < 1e-9);
 * ```
 *
 * @param trajectories Episodes with values.
 * @param options Settings of the estimation and of what it trains.
 * @returns One credit for each trajectory, in order, with targets for the value heads.
 * @throws {TypeError} If a turn lacks values, or the q-minus-beta form what it needs.
 * @throws {RangeError} If a setting is out of range, or a reward or value is not finite.
 * @see {@linkcode hierarchicalAdvantages} for the formulas; {@link https://arxiv.org/abs/2602.16165 | HiPER}
 */
export function haeCredit(
  trajectories: readonly Trajectory[],
  options: HaeCreditOptions = {},
): Credit[] {
  const {
    normalize = "none",
    planningToSwitching = false,
    planningToPlanning = true,
    switchingToSwitching = true,
    ...estimation
  } = options;
  const settings = resolveHaeOptions(estimation);
  const heads: readonly DecisionName[] = settings.heads === 3
    ? DECISIONS
    : settings.heads === 2
    ? ["planning", "execution"]
    : ["execution"];
  checkTrajectories("hae", trajectories, { values: heads });
  const batch = batchColumns(trajectories);
  const masks = decisionMasks(trajectories, settings);
  const taken = byDecision((name) => {
    const column = new Uint8Array(batch.rewards.length);
    for (const [i, mask] of masks.entries()) {
      column.set(mask[name], batch.offsets[i]!);
    }
    return column;
  });
  const { advantages, targets } = creditBatch(batch, {
    estimation: settings,
    normalize,
    taken,
  });
  const switches = switchingToSwitching &&
    (settings.heads === 3 || settings.switching === "q-minus-beta");
  const normalized = masks.map((trained, i): Credit => {
    // A view would keep the whole batch alive with every credit.
    const own = (column: Float64Array) =>
      column.slice(batch.offsets[i]!, batch.offsets[i + 1]!);
    return {
      advantages: byDecision((name) => own(advantages[name])),
      targets: byDecision((name) => own(targets[name])),
      trained,
    };
  });
  if (switches && planningToPlanning && !planningToSwitching) return normalized;
  return normalized.map((credit) =>
    reassign(credit, { switches, planningToPlanning, planningToSwitching })
  );
}

/** Which decisions each episode trains at each level. */
function decisionMasks(
  trajectories: readonly Trajectory[],
  settings: HaeSettings,
): ByDecision<Uint8Array>[] {
  return trajectories.map(({ turns }) => {
    const mask = decisionsTaken(turns);
    // The q-minus-beta form says nothing where no subgoal was held.
    if (settings.switching === "q-minus-beta") mask.switching.fill(0, 0, 1);
    return mask;
  });
}

/** Sends the levels' advantages to the decisions they are to train. */
function reassign(
  credit: Credit,
  to: {
    switches: boolean;
    planningToPlanning: boolean;
    planningToSwitching: boolean;
  },
): Credit {
  const { advantages, trained } = credit;
  const taken = trained!;
  const never = new Uint8Array(taken.execution.length);
  const borrows = (t: number) =>
    to.planningToSwitching && taken.planning[t] === 1 &&
    taken.switching[t] === 1;
  return {
    ...credit,
    advantages: {
      ...advantages,
      switching: advantages.switching.map((own, t) =>
        (to.switches ? own : 0) + (borrows(t) ? advantages.planning[t]! : 0)
      ),
      planning: to.planningToPlanning
        ? advantages.planning
        : new Float64Array(never.length),
    },
    trained: {
      execution: taken.execution,
      planning: to.planningToPlanning ? taken.planning : never,
      switching: to.switches
        ? taken.switching
        : never.map((_, t) => Number(borrows(t))),
    },
  };
}

/**
 * Gives every decision of a turn the turn's generalized advantage: PPO on the clock of turns.
 *
 * Values are those before the switching decision, so that they depend on none of the three.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom, exactValues, gaeCredit, randomTabularPolicy } from "@hiper/lab";
 * import { sampleTabular, stageWorld, tabularTrajectories } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const values = exactValues(world, policy);
 * const trajectories = tabularTrajectories(world, episodes, { values });
 * const credits = gaeCredit(trajectories, { lambda: 1 });
 * const total = trajectories[0]!.turns.reduce((sum, turn) => sum + turn.reward, 0);
 * ok(Math.abs(credits[0]!.targets!.switching[0]! - total) < 1e-9);
 * ```
 *
 * @param trajectories Episodes with switching values.
 * @param options Discount, lambda, truncation, normalization.
 * @returns One credit for each trajectory, in order; only the switching head has targets.
 * @throws {TypeError} If a turn lacks values.
 * @throws {RangeError} If a setting is out of range, or a reward or value is not finite.
 * @see {@link https://arxiv.org/abs/1506.02438 | Schulman et al. 2016}, eq. 16
 */
export function gaeCredit(
  trajectories: readonly Trajectory[],
  options: GaeCreditOptions = {},
): Credit[] {
  const { gamma, lambda, truncation, normalize } = resolveGae(options);
  checkTrajectories("gae", trajectories, {
    values: ["switching"],
    bootstrap: truncation === "bootstrap",
  });
  const columns = trajectories.map((trajectory): Credit => {
    const { rewards, values } = turnColumns(trajectory);
    const nextValues = new Float64Array(rewards.length);
    nextValues.set(values.switching.subarray(1));
    nextValues.fill(valueAfter(trajectory, truncation), rewards.length - 1);
    const advantages = generalizedAdvantages({
      rewards,
      values: values.switching,
      nextValues,
      discounts: new Float64Array(rewards.length).fill(gamma),
    }, lambda);
    const nowhere = new Float64Array(rewards.length).fill(NaN);
    const targets = {
      switching: advantages.map((a, t) => a + values.switching[t]!),
      planning: nowhere,
      execution: nowhere,
    };
    return { ...broadcast(trajectory, advantages), targets };
  });
  return normalizeTurns(trajectories, columns, normalize);
}

/**
 * Estimates generalized advantages over single decisions, chained through the whole episode: token-level PPO with
 * one unit for each decision.
 *
 * The chain runs switching, planning (at segment starts), execution, next turn's switching; each unit's next value
 * is the value of the unit after it. Only execution is followed by a reward and a discount.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom, exactValues, randomTabularPolicy, sampleTabular } from "@hiper/lab";
 * import { stageWorld, tabularTrajectories, tokenGaeCredit } from "@hiper/lab";
 *
 * const world = stageWorld();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const episodes = sampleTabular(world, policy, { episodes: 4, random: createRandom(2) });
 * const values = exactValues(world, policy);
 * const trajectories = tabularTrajectories(world, episodes, { values });
 * const { targets } = tokenGaeCredit(trajectories, { lambda: 1 })[0]!;
 * // Nothing is paid between plan and action, so that both lead to the same return.
 * ok(Math.abs(targets!.planning[0]! - targets!.execution[0]!) < 1e-9);
 * ```
 *
 * @param trajectories Episodes with all three values.
 * @param options Discount, lambda, truncation, normalization.
 * @returns One credit for each trajectory, in order, with targets for the value heads.
 * @throws {TypeError} If a turn lacks values.
 * @throws {RangeError} If a setting is out of range, or a reward or value is not finite.
 * @see {@link https://arxiv.org/abs/1707.06347 | PPO}
 */
export function tokenGaeCredit(
  trajectories: readonly Trajectory[],
  options: GaeCreditOptions = {},
): Credit[] {
  const { gamma, lambda, truncation, normalize } = resolveGae(options);
  checkTrajectories("token-gae", trajectories, { values: DECISIONS });
  const credits = trajectories.map((trajectory): Credit => {
    const { turns } = trajectory;
    const units: { name: DecisionName; t: number }[] = [];
    for (const [t, { decision }] of turns.entries()) {
      units.push({ name: "switching", t });
      if (t === 0 || decision.switched) units.push({ name: "planning", t });
      units.push({ name: "execution", t });
    }
    const values = Float64Array.from(
      units,
      ({ name, t }) => turns[t]!.decision.values![name],
    );
    const after = valueAfter(trajectory, truncation);
    if (!Number.isFinite(after)) {
      const what =
        `the value after the last turn of episode "${trajectory.id}"`;
      throw notFinite("token-gae", what, after);
    }
    const nextValues = new Float64Array(units.length);
    nextValues.set(values.subarray(1));
    nextValues.fill(after, units.length - 1);
    const acts = ({ name }: { name: DecisionName }) => name === "execution";
    const chain = generalizedAdvantages({
      rewards: Float64Array.from(
        units,
        (unit) => acts(unit) ? turns[unit.t]!.reward : 0,
      ),
      values,
      nextValues,
      discounts: Float64Array.from(units, (unit) => acts(unit) ? gamma : 1),
    }, lambda);
    const advantages = byDecision(() => new Float64Array(turns.length));
    const targets = byDecision(() => new Float64Array(turns.length).fill(NaN));
    for (const [j, { name, t }] of units.entries()) {
      advantages[name][t] = chain[j]!;
      targets[name][t] = chain[j]! + values[j]!;
    }
    return { advantages, targets, trained: decisionsTaken(turns) };
  });
  return normalizeCredit(trajectories, credits, {
    mode: normalize,
    across: "all",
  });
}

/** Fills in defaults and checks every setting. */
function resolveGae(options: GaeCreditOptions): Required<GaeCreditOptions> {
  const {
    gamma = 1,
    lambda = 1,
    truncation = "bootstrap",
    normalize = "none",
  } = options;
  checkUnitInterval("assign credit", { gamma });
  checkUnitInterval("assign credit", { lambda });
  checkChoice("assign credit", { truncation }, ["bootstrap", "zero"]);
  return { gamma, lambda, truncation, normalize };
}

/** Value of what the last turn led to, before any further decision. */
function valueAfter(
  { ending, bootstrap }: Trajectory,
  truncation: "bootstrap" | "zero",
): number {
  if (ending === "terminated" || truncation === "zero") return 0;
  return Number.isNaN(bootstrap.switching)
    ? bootstrap.execution
    : bootstrap.switching;
}
