/**
 * The variance study and its world, a chain of stages, each of which asks for another subgoal: every estimator, over a
 * range of lambdas, with an exact and a wrong critic.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import { randomTabularPolicy, type TabularSmdp } from "./tabular.ts";
import type { EstimatorConfig } from "../credit.ts";
import { exactValues, type Objective } from "./exact.ts";
import type { VarianceRow } from "./variance.ts";
import { distortValues, estimatorLabel, gradientVariance } from "./variance.ts";

/** Options for {@linkcode createChainSmdp}. */
export interface ChainSmdpOptions {
  /** Subgoal that each stage asks for, 0 or 1. @default {[0, 1, 0]} */
  readonly stages?: readonly number[];
  /** Positions in a stage. @default {3} */
  readonly positions?: number;
  /** Turns after which an episode is over. @default {18} */
  readonly horizon?: number;
  /** Discount per turn. @default {1} */
  readonly gamma?: number;
  /** Standard deviation of the noise on rewards. @default {0.5} */
  readonly noise?: number;
}

/** Probability of moving on, by whether the subgoal and the action are right. */
const PROGRESS = { right: [0.25, 0.85], wrong: [0.05, 0.15] } as const;

/**
 * Builds a chain of positions walked from left to right, two subgoals, two actions.
 *
 * A turn moves one position on with probability 0.85 under the stage's subgoal and the right
 * action (position plus subgoal, modulo 2), 0.25 with the wrong action, 0.15 and 0.05 under the
 * wrong subgoal. It costs 0.05; leaving the last position pays 10 and ends the episode.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createChainSmdp } from "@hiper/lab/studies";
 *
 * deepStrictEqual(createChainSmdp({ stages: [1], positions: 2 }).states, 2);
 * ```
 *
 * @param options Stages, length, horizon, discount and noise.
 * @returns The world as tables.
 */
export function createChainSmdp(options: ChainSmdpOptions = {}): TabularSmdp {
  const {
    stages = [0, 1, 0],
    positions = 3,
    horizon = 18,
    gamma = 1,
    noise = 0.5,
  } = options;
  const states = stages.length * positions, subgoals = 2, actions = 2;
  const rows = states * subgoals * actions;
  const transitions = new Float64Array(rows * states);
  for (let row = 0; row < rows; row++) {
    const action = row % actions;
    const subgoal = Math.floor(row / actions) % subgoals;
    const state = Math.floor(row / (actions * subgoals));
    const asked = stages[Math.floor(state / positions)]!;
    const progress = PROGRESS[subgoal === asked ? "right" : "wrong"];
    const on = progress[action === (state + subgoal) % 2 ? 1 : 0];
    transitions[row * states + state] = 1 - on;
    if (state + 1 < states) transitions[row * states + state + 1] = on;
  }
  const start = new Float64Array(states);
  start[0] = 1;
  const exitRewards = new Float64Array(states);
  exitRewards[states - 1] = 10;
  return {
    states,
    subgoals,
    actions,
    horizon,
    gamma,
    start,
    transitions,
    rewards: new Float64Array(rows).fill(-0.05),
    exitRewards,
    noise,
  };
}

/** One row of the study. */
export interface VarianceStudyRow extends VarianceRow {
  /** Estimators that differ by their lambda alone share a family. */
  readonly family: string;
  /** All lambdas of the estimator; `null` where it has none. */
  readonly lambda: number | null;
  /** Which critic was read: right everywhere, wrong everywhere, or none. */
  readonly critic: "exact" | "wrong" | "none";
  /** Which gradient is the truth. */
  readonly objective: Objective;
}

/** Options for {@linkcode varianceStudy}. */
export interface VarianceStudyOptions {
  /** Episodes behind each number. @default {40000} */
  readonly episodes?: number;
  /** Seed of policy, critic error and episodes. @default {1} */
  readonly seed?: number;
  /** Lambdas to visit, in `[0, 1]`. @default {[0, 0.25, 0.5, 0.75, 0.9, 0.95, 1]} */
  readonly lambdas?: readonly number[];
  /** Discount per turn. @default {1} */
  readonly gamma?: number;
  /** Which gradient is the truth. @default {"discounted"} */
  readonly objective?: Objective;
  /** Called from time to time with the share of the work on the current critic that is done, in `(0, 1]`. */
  readonly onProgress?: (
    share: number,
    critic: Exclude<VarianceStudyRow["critic"], "none">,
  ) => void;
}

/** Families with a lambda, in reading order. */
const CHAINED: Readonly<Record<string, (lambda: number) => EstimatorConfig>> = {
  "HAE": (lambda) => ({
    name: "hae",
    lambdaTurn: lambda,
    lambdaSegment: lambda,
  }),
  "HAE with boundary": (lambda) => ({
    name: "hae",
    lambdaTurn: lambda,
    lambdaSegment: lambda,
    lambdaBoundary: lambda,
  }),
  "HAE, q-minus-beta": (lambda) => ({
    name: "hae",
    lambdaTurn: lambda,
    lambdaSegment: lambda,
    switching: "q-minus-beta",
  }),
  "turn GAE": (lambda) => ({ name: "gae", lambda }),
  "chained GAE": (lambda) => ({ name: "token-gae", lambda }),
};

/** Estimators without a critic. */
const WITHOUT_CRITIC: Readonly<Record<string, EstimatorConfig>> = {
  "REINFORCE, return to go": { name: "reinforce" },
  "REINFORCE, whole return": { name: "reinforce", rewardToGo: false },
  "GRPO without deviation": { name: "dr-grpo" },
  "GRPO": { name: "grpo" },
  "RLOO": { name: "rloo" },
  "GiGPO": { name: "gigpo" },
};

interface Case {
  readonly family: string;
  readonly lambda: number | null;
  readonly estimator: EstimatorConfig;
}

/**
 * Runs the study, one critic after the other, so that a caller can show progress.
 *
 * All estimators see the same episodes. The world is {@linkcode createChainSmdp}, the policy has normal
 * logits of deviation 0.5, the wrong critic is `0.6 · V` plus normal errors of deviation 0.7.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { varianceStudy } from "@hiper/lab/studies";
 *
 * const [exact] = varianceStudy({ episodes: 640, lambdas: [1] });
 * ok(exact!.every(({ critic }) => critic !== "wrong"));
 * ```
 *
 * @returns Rows with the exact critic or none, then rows with the wrong critic.
 * @throws {RangeError} If a lambda is outside `[0, 1]`.
 */
export function* varianceStudy(
  options: VarianceStudyOptions = {},
): Generator<VarianceStudyRow[]> {
  const { episodes = 40_000, seed = 1, gamma = 1, objective = "discounted" } =
    options;
  const { lambdas = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 1] } = options;
  const random = createRandom(seed);
  const world = createChainSmdp({ gamma });
  const policy = randomTabularPolicy(world, { random: random.fork("policy") });
  const values = exactValues(world, policy);
  const chained = Object.entries(CHAINED).flatMap(([family, configure]) =>
    lambdas.map((lambda): Case => ({
      family,
      lambda,
      estimator: configure(lambda),
    }))
  );
  const published: Case = {
    family: "HAE, 1 and 0.95",
    lambda: null,
    estimator: { name: "hae", lambdaTurn: 1, lambdaSegment: 0.95 },
  };
  const plain = Object.entries(WITHOUT_CRITIC).map(
    ([family, estimator]): Case => ({ family, lambda: null, estimator }),
  );
  const measure = (
    critic: "exact" | "wrong",
    cases: readonly Case[],
  ): VarianceStudyRow[] => {
    const rows = gradientVariance(world, policy, {
      estimators: cases.map(({ estimator }) => estimator),
      critic: critic === "exact"
        ? values
        : distortValues(values, { random: random.fork("critic") }),
      episodes,
      random: random.fork("episodes"),
      objective,
      onProgress: (share) => options.onProgress?.(share, critic),
    });
    return rows.map((row) => {
      const { family, lambda } = cases.find(({ estimator }) =>
        estimatorLabel(estimator) === row.estimator
      )!;
      const used = plain.some((one) => one.family === family) ? "none" : critic;
      return { family, lambda, critic: used, objective, ...row };
    });
  };
  yield measure("exact", [...chained, published, ...plain]);
  yield measure("wrong", [...chained, published]);
}
