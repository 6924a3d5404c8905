/**
 * Figures about many episodes: segment lengths, and how well values foretell returns.
 *
 * @module
 */

import {
  type ByDecision,
  byDecision,
  DECISIONS,
  type Trajectory,
} from "../trajectory.ts";
import { mean, quantile } from "../numeric.ts";
import { stretches } from "./episode_figures.ts";
import { DECISION_COLORS, type Figure, houseLayout } from "./theme.ts";

/**
 * Draws how long subgoals were held.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { segmentLengths } from "@hiper/lab";
 *
 * deepStrictEqual(segmentLengths([]).data[0]!["x"], []);
 * ```
 *
 * @param trajectories Any episodes.
 * @returns The figure: share of segments by length in turns.
 */
export function segmentLengths(trajectories: readonly Trajectory[]): Figure {
  const counts = new Map<number, number>();
  for (const trajectory of trajectories) {
    for (const { start, end } of stretches(trajectory)) {
      counts.set(end - start, (counts.get(end - start) ?? 0) + 1);
    }
  }
  const lengths = [...counts.keys()].toSorted((a, b) => a - b);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const data = [{
    type: "bar",
    x: lengths,
    y: lengths.map((length) => counts.get(length)! / total),
    marker: { color: DECISION_COLORS.planning },
    showlegend: false,
  }];
  const layout = houseLayout({
    title: "How long subgoals are held",
    x: "length of the segment (turns)",
    y: "share of segments",
  });
  return { data, layout };
}

/**
 * Draws values against the returns that followed, binned by value: a calibrated critic lies on the diagonal.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { valueCalibration } from "@hiper/lab";
 *
 * strictEqual(valueCalibration([], { gamma: 1 }).data.length, 4);
 * ```
 *
 * @param trajectories Episodes whose turns carry values; what a truncated one would have returned is taken from its bootstrap.
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
  const traces = DECISIONS.map((name) => {
    const points = binned(pairs[name], bins);
    return {
      type: "scatter",
      mode: "lines+markers",
      name,
      x: points.map(([value]) => value),
      y: points.map(([, outcome]) => outcome),
      line: { color: DECISION_COLORS[name], width: 2 },
    };
  });
  const all = traces.flatMap(({ x, y }) => [...x, ...y]);
  const ends = all.length > 0 ? [quantile(all, 0), quantile(all, 1)] : [0, 1];
  const diagonal = {
    type: "scatter",
    mode: "lines",
    name: "calibrated",
    x: ends,
    y: ends,
    line: { color: "#7F7F7F", width: 1, dash: "dash" },
  };
  const layout = houseLayout({
    title: "Do values foretell returns?",
    x: "value (units of return)",
    y: "mean return that followed (units of return)",
  });
  return { data: [diagonal, ...traces], layout };
}

/** Pairs of value and discounted return, for each decision that was taken. */
function collectPairs(
  trajectory: Trajectory,
  gamma: number,
  pairs: ByDecision<[number, number][]>,
): void {
  let outcome = trajectory.bootstrap.switching;
  for (
    const [t, { reward, decision }] of [...trajectory.turns.entries()].reverse()
  ) {
    outcome = reward + gamma * outcome;
    for (const name of DECISIONS) {
      const taken = name !== "planning" || t === 0 || decision.switched;
      if (decision.values && taken) {
        pairs[name].push([decision.values[name], outcome]);
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
