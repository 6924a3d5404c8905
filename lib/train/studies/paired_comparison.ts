/**
 * Comparison of two result files episode by episode.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import type {
  EpisodeResult,
  EvaluationResults,
  PlayerResults,
} from "./evaluation_results.ts";
import { bootstrapInterval, type Interval } from "./statistics.ts";

/** One measure of two players on the same episodes. */
export interface PairedMeasure {
  /** `success`, `score`, or `turns` where both succeeded. */
  readonly measure: "success" | "score" | "turns";
  /** Starts that are compared; the plays of one start are averaged. */
  readonly pairs: number;
  /** Mean of the first player. */
  readonly first: number;
  /** Mean of the second player. */
  readonly second: number;
  /** Mean of `first − second`, and its bootstrap interval over starts. */
  readonly difference: Interval;
  /** Starts where the first has more. */
  readonly more: number;
  /** Starts where the first has less. */
  readonly less: number;
  /** Two-sided p-value of the exact sign test; 1 where no start differs. */
  readonly pValue: number;
}

/** How two results are compared. */
export interface CompareResultsOptions {
  /** Names of the players in the first and the second file. @default {the first player of each} */
  readonly players?: readonly [string, string];
  /** Share of repetitions whose interval should hold the truth. @default {0.95} */
  readonly level?: number;
}

/**
 * Computes the two-sided p-value of the sign test: probability that heads and tails of a fair coin differ at least as
 * much, `min(1, 2 · P(Binomial(more + less, ½) ≤ min(more, less)))`.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { signTest } from "@hiper/lab/studies";
 *
 * strictEqual(signTest(5, 0), 0.0625);
 * strictEqual(signTest(3, 3), 1);
 * ```
 *
 * @param more Pairs in which the first has more.
 * @param less Pairs in which it has less; ties are left out.
 * @returns The p-value; 1 if there are no pairs.
 */
export function signTest(more: number, less: number): number {
  const n = more + less;
  // Log of C(n, k) / 2^n, so that large n neither overflow nor vanish.
  let term = -n * Math.LN2, tail = 0;
  for (let k = 0; k <= Math.min(more, less); k++) {
    if (k > 0) term += Math.log((n - k + 1) / k);
    tail += Math.exp(term);
  }
  return Math.min(1, 2 * tail);
}

/**
 * Compares two players on one panel, start by start.
 *
 * @param first Results.
 * @param second Results on the same panel.
 * @param options Who is compared, and the level of intervals.
 * @returns Success, score, and turns where both succeeded; the last is absent if there is no such start.
 * @throws {RangeError} If one has no panel, the panels differ, or a player is unknown.
 */
export function compareResults(
  first: EvaluationResults,
  second: EvaluationResults,
  options: CompareResultsOptions = {},
): PairedMeasure[] {
  checkPanels(first, second);
  const { players: [one, other] = [], level = 0.95 } = options;
  const a = byStart(playerOf(first, one)), b = byStart(playerOf(second, other));
  const starts = [...a.keys()];
  const strange = starts.find((start) => !b.has(start)) ??
    [...b.keys()].find((start) => !a.has(start));
  if (strange !== undefined) {
    throw new RangeError(
      `Cannot compare results as both must have the same episodes: only one has "${strange}"`,
    );
  }
  const solved = starts.filter((start) =>
    [...a.get(start)!, ...b.get(start)!].every(({ success }) => success)
  );
  const compare = (
    measure: PairedMeasure["measure"],
    starts: readonly string[],
    value: (episode: EpisodeResult) => number,
  ) => {
    const means = (of: Starts) =>
      starts.map((start) => mean(of.get(start)!.map(value)));
    return pairedMeasure(measure, means(a), means(b), level);
  };
  return [
    compare("success", starts, ({ success }) => Number(success)),
    compare("score", starts, ({ score }) => score),
    ...(solved.length > 0
      ? [compare("turns", solved, ({ turns }) => turns)]
      : []),
  ];
}

type Starts = ReadonlyMap<string, readonly EpisodeResult[]>;

function byStart({ episodes }: PlayerResults): Starts {
  return Map.groupBy(episodes, ({ id }) => id.slice(0, id.lastIndexOf("#")));
}

function checkPanels(a: EvaluationResults, b: EvaluationResults): void {
  const [one, other] = [a, b].map(({ panel }) =>
    panel ? `"${panel.name}", ${panel.hash}` : "none"
  );
  if (one === other && a.panel) return;
  throw new RangeError(
    `Cannot compare results as both must be of one panel: current values are ${one} and ${other}`,
  );
}

function playerOf(
  { players }: EvaluationResults,
  name: string | undefined,
): PlayerResults {
  const player = name === undefined
    ? players[0]
    : players.find((player) => player.name === name);
  if (player) return player;
  throw new RangeError(
    `Cannot compare results as the player must be one of ${
      players.map(({ name }) => `"${name}"`).join(", ")
    }: current value is ${JSON.stringify(name)}`,
  );
}

function pairedMeasure(
  measure: PairedMeasure["measure"],
  first: readonly number[],
  second: readonly number[],
  level: number,
): PairedMeasure {
  const differences = first.map((value, i) => value - second[i]!);
  const more = differences.filter((difference) => difference > 0).length;
  const less = differences.filter((difference) => difference < 0).length;
  return {
    measure,
    pairs: first.length,
    first: mean(first),
    second: mean(second),
    difference: bootstrapInterval(differences, {
      random: createRandom(0).fork("compare", measure),
      level,
    }),
    more,
    less,
    pValue: signTest(more, less),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
