/**
 * Figures about many episodes: segment lengths, calibration of values, and by turn the switching rate
 * and the policy's entropy.
 *
 * @module
 */

import {
  mean,
  quantile,
  standardDeviation,
  wilsonInterval,
} from "../numeric.ts";
import {
  type ByDecision,
  byDecision,
  type Decision,
  type DecisionName,
  DECISIONS,
  decisionUnits,
  type Trajectory,
} from "../trajectory.ts";
import { isTaken, stretches } from "./episode_figures.ts";
import {
  bandTraces,
  DECISION_COLORS,
  type Figure,
  figureLayout,
  GRAY,
  lineTrace,
  type PlotlyRecord,
} from "./figure.ts";

/**
 * Draws how long subgoals were held.
 *
 * @param trajectories Any episodes.
 * @returns The figure: share of segments by length in turns.
 */
export function segmentLengths(trajectories: readonly Trajectory[]): Figure {
  const all = trajectories.flatMap(stretches);
  const counts = Map.groupBy(all, ({ start, end }) => end - start);
  const lengths = [...counts.keys()].toSorted((a, b) => a - b);
  const data = [{
    type: "bar",
    x: lengths,
    y: lengths.map((length) => counts.get(length)!.length / all.length),
    marker: { color: DECISION_COLORS.planning },
    showlegend: false,
  }];
  const layout = figureLayout({
    title: "How long subgoals are held",
    x: "length of the segment (turns)",
    y: "share of segments",
  });
  return { data, layout };
}

/**
 * Draws values against the returns that followed, binned by value: a calibrated critic lies on the diagonal.
 *
 * @param trajectories Episodes whose turns carry values; the return of a truncated one is continued by its bootstrap.
 * @param options Discount per turn, and the number of bins. @default {10} bins
 * @returns The figure.
 */
export function valueCalibration(
  trajectories: readonly Trajectory[],
  options: { readonly gamma: number; readonly bins?: number },
): Figure {
  const { gamma, bins = 10 } = options;
  const pairs = byDecision((): [number, number][] => []);
  for (const trajectory of trajectories) {
    collectPairs(trajectory, gamma, pairs);
  }
  const curves = DECISIONS.map((name) => {
    const points = binned(pairs[name], bins);
    const x = points.map(([value]) => value);
    const y = points.map(([, outcome]) => outcome);
    return { x, y, trace: lineTrace(x, y, DECISION_COLORS[name], { name }) };
  });
  const all = curves.flatMap(({ x, y }) => [...x, ...y]);
  const ends = all.length > 0 ? [quantile(all, 0), quantile(all, 1)] : [0, 1];
  const diagonal = lineTrace(ends, ends, GRAY, {
    ...{ mode: "lines", name: "calibrated" },
    line: { width: 1, dash: "dash" },
  });
  const layout = figureLayout({
    title: "Do values predict returns?",
    x: "value (units of return)",
    y: "mean return (units of return)",
  });
  return { data: [diagonal, ...curves.map(({ trace }) => trace)], layout };
}

/** Pairs of value and discounted return, for each decision that was taken. */
function collectPairs(
  trajectory: Trajectory,
  gamma: number,
  pairs: ByDecision<[number, number][]>,
): void {
  let outcome = trajectory.bootstrap.switching;
  for (const [t, turn] of [...trajectory.turns.entries()].reverse()) {
    outcome = turn.reward + gamma * outcome;
    for (const name of DECISIONS) {
      if (turn.decision.values && isTaken(name, t, turn)) {
        pairs[name].push([turn.decision.values[name], outcome]);
      }
    }
  }
}

/** Means of both coordinates in bins of equal count. */
function binned(
  pairs: readonly [number, number][],
  bins: number,
): [number, number][] {
  const sorted = pairs.toSorted(([a], [b]) => a - b);
  const size = Math.max(1, Math.ceil(sorted.length / bins));
  const points: [number, number][] = [];
  for (let i = 0; i < sorted.length; i += size) {
    const bin = sorted.slice(i, i + size);
    points.push([
      mean(bin.map(([value]) => value)),
      mean(bin.map(([, outcome]) => outcome)),
    ]);
  }
  return points;
}

/** Least number of episodes that must reach a turn for it to be drawn. */
const FEWEST = 5;

/** One point of a curve, with the ends of its interval. */
type Estimate = Readonly<Record<"t" | "mean" | "low" | "high", number>>;

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

/** Interval of a mean of nonnegative numbers, by the normal approximation. */
function normalInterval(
  column: readonly number[],
  center: number,
): [number, number] {
  const half = 1.96 * standardDeviation(column) / Math.sqrt(column.length);
  return [Math.max(0, center - half), center + half];
}

function bandAndLine(
  estimates: readonly Estimate[],
  { name, color }: { name: string; color: string },
): PlotlyRecord[] {
  const x = estimates.map(({ t }) => t);
  const low = estimates.map((estimate) => estimate.low);
  const high = estimates.map((estimate) => estimate.high);
  const means = estimates.map((estimate) => estimate.mean);
  const line = lineTrace(x, means, color, { name, marker: { color, size: 5 } });
  return [...bandTraces(x, low, high, color), line];
}

/**
 * Draws how often the subgoal was switched, turn by turn, and the policy's probability of switching.
 *
 * The first turn is left out, as it always takes a subgoal. Turns reached by fewer than five of many
 * episodes are left out too.
 *
 * @param trajectories Any episodes.
 * @returns The figure: share of episodes that switch, with a 95 % interval; the policy's
 * probability as a second curve where decisions carry it.
 */
export function switchRate(trajectories: readonly Trajectory[]): Figure {
  const switches = byTurn(
    trajectories,
    ({ switched }, t) => t === 0 ? undefined : Number(switched),
    (column, share) => wilsonInterval(share, column.length),
  );
  const meant = byTurn(
    trajectories,
    ({ switchProbability }, t) => t === 0 ? undefined : switchProbability,
    normalInterval,
  );
  const data = bandAndLine(switches, {
    name: "switched",
    color: DECISION_COLORS.switching,
  });
  if (meant.length > 0) {
    const x = meant.map(({ t }) => t);
    const y = meant.map((estimate) => estimate.mean);
    const style = { mode: "lines", line: { dash: "dot" } };
    const name = "probability of switching";
    data.push(lineTrace(x, y, GRAY, { name, ...style }));
  }
  const layout = figureLayout({
    title: "When are subgoals switched?",
    x: "turn",
    y: "share that switch (95 % interval)",
  });
  return { data, layout };
}

/**
 * Draws the entropy of a policy, turn by turn, for each of the three decisions.
 *
 * The mean surprise `−ln p(choice)` of choices sampled from the policy estimates its entropy:
 * 0 where it is certain, `ln n` where it samples uniformly from `n`.
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
      : bandAndLine(estimates, { name, color: DECISION_COLORS[name] });
  });
  const layout = figureLayout({
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
