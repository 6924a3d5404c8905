/**
 * The variance study: every estimator, over a range of lambdas, with an exact and a wrong critic.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import { randomTabularPolicy } from "./tabular.ts";
import type { EstimatorConfig } from "../credit.ts";
import { exactValues, type Objective } from "./exact.ts";
import type { VarianceRow } from "./gradient_moments.ts";
import { createChainSmdp } from "./chain_smdp.ts";
import { distortValues, estimatorLabel, gradientVariance } from "./variance.ts";

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
 * @param options Effort, seed, lambdas and objective.
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
