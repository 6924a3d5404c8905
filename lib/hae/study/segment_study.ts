/**
 * Bias and variance of estimators against the number and the length of segments and the error of the critic.
 *
 * The world is {@linkcode createChainSmdp}, the policy's logits are normal, but for the log-odds of SWITCH, which are the
 * same everywhere: so the mean length of a segment is one over the probability of SWITCH.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import type { EstimatorConfig } from "../credit.ts";
import { exactValues } from "./exact.ts";
import { randomTabularPolicy, type TabularPolicy } from "./tabular.ts";
import { distortValues, gradientVariance } from "./variance.ts";
import { createChainSmdp } from "./variance_study.ts";

/** Moments of one estimator in one case. */
export interface SegmentRow {
  /** Name of the estimator. */
  readonly estimator: string;
  /** Stages of the chain, each of which asks for another subgoal. */
  readonly stages: number;
  /** Turns of an episode at most. */
  readonly turns: number;
  /** Mean turns of a segment. */
  readonly segment: number;
  /** Error of the critic: 0 is exact, 1 is `0.6 · V` plus normal errors of deviation 0.7. */
  readonly criticError: number;
  /** Distance of the mean gradient from the exact one, in its lengths, without the part that noise adds; 0 at least. */
  readonly bias: number;
  /** What noise alone adds to the distance. */
  readonly biasNoise: number;
  /** Squared bias, in squared lengths of the exact gradient. */
  readonly biasSquared: number;
  /** Its standard error. */
  readonly biasSquaredStandardError: number;
  /** Trace of the covariance of one episode's gradient, in squared lengths of the exact gradient. */
  readonly variance: number;
  /** Its standard error. */
  readonly varianceStandardError: number;
}

/** Options for {@linkcode segmentStudy}. */
export interface SegmentStudyOptions {
  /** Numbers of stages. @default {[1, 2, 4, 8]} */
  readonly stages?: readonly number[];
  /** Mean turns of a segment. @default {[1, 2, 4, 8]} */
  readonly segments?: readonly number[];
  /** Errors of the critic. @default {[0, 0.5, 1]} */
  readonly criticErrors?: readonly number[];
  /** Episodes behind each number. @default {8000} */
  readonly episodes?: number;
  /** Seed of policy, critic error and episodes. @default {1} */
  readonly seed?: number;
  /** Estimators by name. @default {{@linkcode SEGMENT_ESTIMATORS}} */
  readonly estimators?: Readonly<Record<string, EstimatorConfig>>;
}

/** The estimators of the study, all with lambda 1, where those with a critic differ by its reading alone. */
export const SEGMENT_ESTIMATORS: Readonly<Record<string, EstimatorConfig>> = {
  "HAE, published": { name: "hae", lambdaTurn: 1, lambdaSegment: 1 },
  "HAE, boundary lambda": {
    name: "hae",
    lambdaTurn: 1,
    lambdaSegment: 1,
    lambdaBoundary: 1,
  },
  "turn-GAE": { name: "gae", lambda: 1 },
  "token-GAE": { name: "token-gae", lambda: 1 },
  "GRPO": { name: "grpo" },
  "GiGPO": { name: "gigpo" },
};

/** Positions of a stage, and turns that an episode may take for each. */
const POSITIONS = 2, TURNS = 6;

/**
 * Runs the study, case by case.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { segmentStudy } from "@hiper/lab/studies";
 *
 * const rows = [...segmentStudy({
 *   ...{ stages: [1], segments: [2], criticErrors: [0], episodes: 320 },
 * })].flat();
 * strictEqual(rows.length, 6);
 * ```
 *
 * @returns Rows of one case after the other: all estimators on the same episodes.
 */
export function* segmentStudy(
  options: SegmentStudyOptions = {},
): Generator<SegmentRow[]> {
  const { stages = [1, 2, 4, 8], segments = [1, 2, 4, 8] } = options;
  const { criticErrors = [0, 0.5, 1], episodes = 8000, seed = 1 } = options;
  const { estimators = SEGMENT_ESTIMATORS } = options;
  const names = Object.keys(estimators);
  for (const count of stages) {
    const horizon = TURNS * count;
    const world = createChainSmdp({
      stages: Array.from({ length: count }, (_, i) => i % 2),
      positions: POSITIONS,
      horizon,
    });
    for (const segment of segments) {
      const random = createRandom(seed).fork("segments", count);
      const policy = withSwitching(
        randomTabularPolicy(world, { random: random.fork("policy") }),
        1 / segment,
      );
      const values = exactValues(world, policy);
      for (const criticError of criticErrors) {
        const critic = distortValues(values, {
          random: random.fork("critic"),
          scale: 1 - 0.4 * criticError,
          deviation: 0.7 * criticError,
        });
        const rows = gradientVariance(world, policy, {
          estimators: Object.values(estimators),
          critic,
          episodes,
          random: random.fork("episodes"),
        }).filter(({ decision }) => decision === "all");
        yield rows.map((row, i) => ({
          estimator: names[i]!,
          stages: count,
          turns: horizon,
          segment,
          criticError,
          bias: Math.sqrt(Math.max(0, row.biasSquared)),
          biasNoise: row.biasNoise,
          biasSquared: row.biasSquared,
          biasSquaredStandardError: row.biasSquaredStandardError,
          variance: row.variance / row.gradientNorm ** 2,
          varianceStandardError: row.varianceStandardError /
            row.gradientNorm ** 2,
        }));
      }
    }
  }
}

/** The same policy, switching with one probability everywhere; 1 is taken as 0.999, as logits are finite. */
function withSwitching(
  { logits }: TabularPolicy,
  probability: number,
): TabularPolicy {
  const odds = Math.min(probability, 0.999);
  const logit = Math.log(odds / (1 - odds));
  return {
    logits: {
      ...logits,
      switching: new Float64Array(logits.switching.length).fill(logit),
    },
  };
}
