/**
 * Sums up a horizon study: means over seeds, paired differences, and how they change with the length of episodes.
 *
 * @module
 */

import type { HorizonResult } from "./horizon_data.ts";
import { meanSuccess } from "./horizon_study.ts";
import type { Interval } from "./statistics.ts";
import { holm, meanInterval } from "./student.ts";

/** What a method reached at one horizon. Flat, so that rows make a table. */
export interface HorizonRow {
  /** Name of the horizon. */
  readonly horizon: string;
  /** Name of the method. */
  readonly method: string;
  /** Runs behind the numbers. */
  readonly seeds: number;
  /** Share of successful episodes of the whole training, mean over seeds. */
  readonly training: number;
  /** Lower end of its 95 % interval. */
  readonly low: number;
  /** Upper end of its 95 % interval. */
  readonly high: number;
  /** Success of the trained policy on the panel, mean over seeds. */
  readonly panel: number;
  /** Turns of an episode on the panel. */
  readonly turns: number;
  /** Turns that a subgoal is held, in the last iteration. */
  readonly segment: number;
  /** Runs that reach the threshold of training success. */
  readonly reached: number;
  /** Their median iteration. */
  readonly iterations: number;
}

/** Difference of two methods at one horizon, paired by seed. */
export interface HorizonDifference extends Interval {
  /** Name of the horizon. */
  readonly horizon: string;
  /** Name of the method that is compared with the reference. */
  readonly method: string;
  /** Two-sided p-value of Student's test over seeds. */
  readonly pValue: number;
  /** The same, corrected by Holm over all comparisons that were made. */
  readonly corrected: number;
  /** Starts and seeds where the reference succeeds on the panel and the method does not. */
  readonly panelMore: number;
  /** Starts and seeds where the method succeeds and the reference does not. */
  readonly panelLess: number;
}

/** Reported runs of complete seeds of a horizon: those that every method has. */
export function completeRuns(
  records: readonly HorizonResult[],
): HorizonResult[] {
  const reported = records.filter(({ phase }) => phase === "reported");
  const methods = new Set(reported.map(({ method }) => method)).size;
  const key = ({ horizon, seed }: HorizonResult) => `${horizon} ${seed}`;
  const groups = Map.groupBy(reported, key);
  return reported.filter((one) => groups.get(key(one))!.length === methods);
}

/**
 * The iteration by which a share of an iteration's episodes succeeds, twice in a row, counted from 1; one more than all
 * where that never happens.
 */
export function iterationsTo(
  { curve }: HorizonResult,
  threshold: number,
): number {
  const at = curve.findIndex(({ success_rate }, i) =>
    success_rate! >= threshold &&
    (curve[i + 1] ?? curve[i])!.success_rate! >= threshold
  );
  return at < 0 ? curve.length + 1 : at + 1;
}

/** Sums up every method at every horizon. */
export function summarizeHorizons(
  records: readonly HorizonResult[],
  threshold = 0.8,
): HorizonRow[] {
  const groups = Map.groupBy(
    completeRuns(records),
    ({ horizon, method }) => JSON.stringify([horizon, method]),
  );
  return [...groups].map(([key, runs]) => {
    const [horizon, method] = JSON.parse(key) as [string, string];
    const success = runs.map(meanSuccess);
    const { estimate, low, high } = runs.length > 1
      ? meanInterval(success)
      : { estimate: success[0]!, low: NaN, high: NaN };
    const reached = runs.map((run) => iterationsTo(run, threshold));
    return {
      horizon,
      method,
      seeds: runs.length,
      ...{ training: estimate, low, high },
      panel: mean(runs.map(panelSuccess)),
      turns: mean(runs.map(({ panel }) => mean(panel.map((e) => e.turns)))),
      segment: mean(runs.map(({ curve }) => curve.at(-1)!.segment_length!)),
      reached: reached.filter((at, i) => at <= runs[i]!.curve.length).length,
      iterations: median(reached),
    };
  });
}

/**
 * Compares a method with every other, horizon by horizon: differences of the share of successful training episodes.
 *
 * @param records Reported runs; horizons with fewer than two complete seeds are left out.
 * @param reference The method that others are subtracted from.
 * @returns `reference − method`, paired by seed.
 */
export function compareHorizons(
  records: readonly HorizonResult[],
  reference: string,
): HorizonDifference[] {
  const runs = completeRuns(records);
  const rows = [...new Set(runs.map(({ horizon }) => horizon))]
    .flatMap((horizon) => {
      const here = runs.filter((run) => run.horizon === horizon);
      const own = here.filter(({ method }) => method === reference);
      if (own.length < 2) return [];
      const others = new Set(here.map(({ method }) => method));
      others.delete(reference);
      return [...others].map((method) => {
        const pairs = pairsOf(own, here, method);
        const differences = pairs.map(([a, b]) =>
          meanSuccess(a) - meanSuccess(b)
        );
        return {
          horizon,
          method,
          ...meanInterval(differences),
          ...panelCounts(pairs),
        };
      });
    });
  const corrected = holm(rows.map(({ pValue }) => pValue));
  return rows.map((row, i) => ({ ...row, corrected: corrected[i]! }));
}

/**
 * How much sooner a method reaches the threshold: geometric mean over seeds of `other iterations / own iterations`,
 * with its interval. Runs that never reach it count as one iteration more than all.
 */
export function iterationRatio(
  records: readonly HorizonResult[],
  options: {
    readonly horizon: string;
    readonly reference: string;
    readonly method: string;
    readonly threshold?: number;
  },
): Interval {
  const { horizon, reference, method, threshold = 0.8 } = options;
  const here = completeRuns(records).filter((run) => run.horizon === horizon);
  const own = here.filter((run) => run.method === reference);
  const logs = pairsOf(own, here, method).map(([a, b]) =>
    Math.log(iterationsTo(b, threshold) / iterationsTo(a, threshold))
  );
  const { estimate, low, high } = meanInterval(logs);
  return {
    estimate: Math.exp(estimate),
    low: Math.exp(low),
    high: Math.exp(high),
  };
}

/**
 * How a difference changes along the horizons: slope of `reference − method` for each step along the list of horizons,
 * a least-squares line for each seed.
 *
 * @returns Mean slope over seeds that have every horizon, its interval and p-value.
 */
export function horizonTrend(
  records: readonly HorizonResult[],
  options: {
    readonly horizons: readonly string[];
    readonly reference: string;
    readonly method: string;
  },
): ReturnType<typeof meanInterval> {
  const { horizons, reference, method } = options;
  const runs = completeRuns(records);
  const find = (horizon: string, name: string, seed: number) =>
    runs.find((run) =>
      run.horizon === horizon && run.method === name && run.seed === seed
    );
  const seeds = [...new Set(runs.map(({ seed }) => seed))].filter((seed) =>
    horizons.every((horizon) => find(horizon, reference, seed))
  );
  const middle = (horizons.length - 1) / 2;
  const scale = horizons.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return meanInterval(seeds.map((seed) =>
    horizons.reduce((sum, horizon, i) => {
      const own = meanSuccess(find(horizon, reference, seed)!);
      const other = meanSuccess(find(horizon, method, seed)!);
      return sum + (i - middle) * (own - other) / scale;
    }, 0)
  ));
}

function pairsOf(
  own: readonly HorizonResult[],
  here: readonly HorizonResult[],
  method: string,
): (readonly [HorizonResult, HorizonResult])[] {
  return own.map((a) =>
    [
      a,
      here.find((b) => b.method === method && b.seed === a.seed)!,
    ] as const
  );
}

function panelCounts(
  pairs: readonly (readonly [HorizonResult, HorizonResult])[],
): { panelMore: number; panelLess: number } {
  let panelMore = 0, panelLess = 0;
  for (const [a, b] of pairs) {
    for (const [i, { success }] of a.panel.entries()) {
      const other = b.panel[i]!.success;
      if (success && !other) panelMore++;
      if (!success && other) panelLess++;
    }
  }
  return { panelMore, panelLess };
}

function panelSuccess({ panel }: HorizonResult): number {
  return mean(panel.map(({ success }) => Number(success)));
}

/** `NaN` where there is nothing, as on the panel of a study without one. */
function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(half)]!
    : (sorted[half - 1]! + sorted[half]!) / 2;
}
