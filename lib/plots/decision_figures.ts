/**
 * Figures about how decisions are taken in the course of an episode: how often subgoals are
 * switched, and how undecided the policy is.
 *
 * @module
 */

import {
  type Decision,
  type DecisionName,
  DECISIONS,
  decisionUnits,
  type Trajectory,
} from "../trajectory.ts";
import { mean, standardDeviation } from "../numeric.ts";
import {
  DECISION_COLORS,
  type Figure,
  houseLayout,
  translucent,
} from "./theme.ts";
import { wilsonInterval } from "./wilson_interval.ts";

/** Fewest episodes that must reach a turn for it to be drawn; fewer say little. */
const FEWEST = 5;

/** One point of a curve, with the ends of its interval. */
interface Estimate {
  readonly t: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Means of each turn that enough episodes reach, with intervals. */
function byTurn(
  trajectories: readonly Trajectory[],
  value: (decision: Decision, t: number) => number | undefined,
  interval: (column: readonly number[], mean: number) => [number, number],
): Estimate[] {
  const columns: number[][] = [];
  for (const { turns } of trajectories) {
    for (const [t, { decision }] of turns.entries()) {
      const found = value(decision, t);
      if (found !== undefined) (columns[t] ??= []).push(found);
    }
  }
  const fewest = Math.min(FEWEST, trajectories.length);
  return [...columns.entries()].flatMap(([t, column = []]) => {
    if (column.length === 0 || column.length < fewest) return [];
    const center = mean(column);
    const [low, high] = interval(column, center);
    return [{ t, mean: center, low, high }];
  });
}

/** Of numbers that are not negative, by the normal approximation. */
function normalInterval(
  column: readonly number[],
  center: number,
): [number, number] {
  const half = 1.96 * standardDeviation(column) / Math.sqrt(column.length);
  return [Math.max(0, center - half), center + half];
}

function shareInterval(
  column: readonly number[],
  share: number,
): [number, number] {
  return wilsonInterval(share, column.length);
}

function band(
  estimates: readonly Estimate[],
  look: { name: string; color: string },
): Record<string, unknown>[] {
  const x = estimates.map(({ t }) => t);
  const edge = (end: "low" | "high") => ({
    type: "scatter",
    mode: "lines",
    x,
    y: estimates.map((estimate) => estimate[end]),
    line: { width: 0, color: look.color },
    hoverinfo: "skip",
    showlegend: false,
  });
  const fill = { fill: "tonexty", fillcolor: translucent(look.color, 0.2) };
  return [edge("low"), { ...edge("high"), ...fill }, {
    type: "scatter",
    mode: "lines+markers",
    name: look.name,
    x,
    y: estimates.map((estimate) => estimate.mean),
    line: { color: look.color, width: 2 },
    marker: { color: look.color, size: 5 },
  }];
}

/**
 * Draws how often a new subgoal was taken up, turn by turn, and how often the policy meant to.
 *
 * The first turn is left out: it always takes one up. Turns reached by fewer than five of many
 * episodes are left out too.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { switchRate } from "@hiper/lab";
 *
 * strictEqual(switchRate([]).data.length, 3); // low edge, band, line
 * ```
 *
 * @param trajectories Any episodes.
 * @returns The figure: share of episodes that switch, with a 95 % interval; the policy's own
 * probability as a second curve where decisions carry it.
 */
export function switchRate(trajectories: readonly Trajectory[]): Figure {
  const switches = byTurn(
    trajectories,
    ({ switched }, t) => t === 0 ? undefined : Number(switched),
    shareInterval,
  );
  const meant = byTurn(
    trajectories,
    ({ switchProbability }, t) => t === 0 ? undefined : switchProbability,
    normalInterval,
  );
  const data = band(switches, {
    name: "switched",
    color: DECISION_COLORS.switching,
  });
  if (meant.length > 0) {
    data.push({
      type: "scatter",
      mode: "lines",
      name: "probability of switching",
      x: meant.map(({ t }) => t),
      y: meant.map((estimate) => estimate.mean),
      line: { color: "#7F7F7F", width: 2, dash: "dot" },
    });
  }
  const layout = houseLayout({
    title: "When are subgoals switched?",
    x: "turn",
    y: "share that switch (95 % interval)",
  });
  return { data, layout };
}

/**
 * Draws how undecided a policy is, turn by turn, for each of the three decisions.
 *
 * The mean surprise `−ln p(choice)` of choices drawn from the policy estimates the entropy of what
 * they were drawn from: 0 where the policy is sure, `ln n` where it picks one of `n` alike.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { actionEntropy } from "@hiper/lab";
 *
 * deepStrictEqual(actionEntropy([]).data, []); // nobody decided anything
 * ```
 *
 * @param trajectories Episodes whose decisions carry log-probabilities; others add nothing.
 * @param options Decisions to draw. @default all three
 * @returns The figure: entropy in nats, with a 95 % interval.
 */
export function actionEntropy(
  trajectories: readonly Trajectory[],
  options: { readonly decisions?: readonly DecisionName[] } = {},
): Figure {
  const { decisions = DECISIONS } = options;
  const data = decisions.flatMap((name) => {
    const estimates = byTurn(
      trajectories,
      (decision, t) => surprise(decision, t, name),
      normalInterval,
    );
    return estimates.length === 0
      ? []
      : band(estimates, { name, color: DECISION_COLORS[name] });
  });
  const layout = houseLayout({
    title: "How undecided is the policy?",
    x: "turn",
    y: "entropy (nats, 95 % interval)",
  });
  return { data, layout };
}

/** `−ln p` of one decision, summed over its units; nothing where it was not taken. */
function surprise(
  { trace, switched }: Decision,
  t: number,
  name: DecisionName,
): number | undefined {
  if (trace.kind === "untrainable") return undefined;
  if (name === "planning" && !switched && t > 0) return undefined;
  if (name === "switching" && t === 0) return undefined;
  if (trace.kind === "choices") return -trace.logProbs[name];
  let sum = 0, count = 0;
  for (const [unit, owner] of decisionUnits(trace).entries()) {
    if (owner !== name) continue;
    sum -= trace.logProbs[unit]!;
    count++;
  }
  return count > 0 ? sum : undefined;
}
