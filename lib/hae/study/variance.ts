/**
 * Bias and variance of policy gradient estimators, measured against the exact gradient of a
 * tabular world on sampled episodes, with standard errors.
 *
 * @module
 */

import { checkPositiveInteger } from "../../checks.ts";
import { byDecision } from "../../trajectory.ts";
import {
  sampleTabular,
  type TabularPolicy,
  tabularProbabilities,
  type TabularSmdp,
  type TabularValues,
} from "./tabular.ts";
import type { Random } from "../../random.ts";
import { exactGradient } from "./exact.ts";
import {
  addEpisodeGradient,
  addGradient,
  emptyMoments,
  judgeMoments,
  parameterOffsets,
  type VarianceRow,
} from "./gradient_moments.ts";
import type { EstimatorConfig } from "../credit.ts";
import {
  isGrouped,
  studyEpisodes,
  type StudyOptions,
  tabularCredit,
} from "./tabular_credit.ts";

/** Options for {@linkcode distortValues}. */
export interface DistortValuesOptions {
  /** Stream of the errors. */
  readonly random: Random;
  /** Factor on every value. @default {0.6} */
  readonly scale?: number;
  /** Standard deviation of the normal error on every value, in units of return. @default {0.7} */
  readonly deviation?: number;
}

/**
 * Makes a deliberately wrong critic out of an exact one: `scale · V + normal error`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import { distortValues } from "@hiper/lab/studies";
 *
 * const one = new Float64Array([1, 2]);
 * const exact = { switching: one, planning: one, execution: one };
 * const options = { random: createRandom(1), scale: 0.5, deviation: 0 };
 * const { planning } = distortValues(exact, options); // too small by half, without error
 * deepStrictEqual([...planning], [0.5, 1]);
 * ```
 *
 * @param values Exact values.
 * @param options How wrong.
 * @returns Wrong values, the same wherever they are read.
 */
export function distortValues(
  values: TabularValues,
  options: DistortValuesOptions,
): TabularValues {
  const { random, scale = 0.6, deviation = 0.7 } = options;
  return byDecision((name) => {
    const stream = random.fork("critic error", name);
    return values[name].map((value) =>
      scale * value + deviation * stream.normal()
    );
  });
}

/** Options for {@linkcode gradientVariance}. */
export interface GradientVarianceOptions extends StudyOptions {
  /** Estimators to judge, all on the same episodes. */
  readonly estimators: readonly EstimatorConfig[];
  /** Episodes to play, rounded up to whole blocks of groups. */
  readonly episodes: number;
  /** Stream of the episodes. */
  readonly random: Random;
  /** Episodes in a group. @default {8} */
  readonly groupSize?: number;
  /** Blocks of the jackknife. @default {40} */
  readonly blocks?: number;
  /** Called after each block with the share of all that is done, in `(0, 1]`. */
  readonly onProgress?: (share: number) => void;
}

/** Episodes in memory at once, about; estimators that normalize over a batch see one of this size. */
const CHUNK = 2048;

const TASK = "measure variance";

/**
 * Measures bias and variance of estimators.
 *
 * Under `discounted` the state of turn `t` weighs `gamma^t`, as in the exact gradient; under
 * `undiscounted` it weighs 1, as in practical training, while estimators still discount
 * rewards by the world's `gamma`.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 * import {
 *   exactValues,
 *   gradientVariance,
 *   randomTabularPolicy,
 *   createChainSmdp,
 * } from "@hiper/lab/studies";
 *
 * const world = createChainSmdp();
 * const policy = randomTabularPolicy(world, { random: createRandom(1) });
 * const rows = gradientVariance(world, policy, {
 *   estimators: [{ name: "hae", lambdaSegment: 1 }, { name: "gae", lambda: 1 }],
 *   critic: exactValues(world, policy),
 *   episodes: 2000,
 *   random: createRandom(2),
 * });
 * const [hae, gae] = rows.filter(({ decision }) => decision === "execution");
 * ok(hae!.variance < gae!.variance);
 * ```
 *
 * @param smdp The world.
 * @param policy The policy that plays.
 * @param options Estimators, critic and how many episodes.
 * @returns Four rows for each estimator: the three decisions and all together.
 * @throws {RangeError} If there are fewer than two blocks, no episodes, or an estimator's setting is out of range.
 */
export function gradientVariance(
  smdp: TabularSmdp,
  policy: TabularPolicy,
  options: GradientVarianceOptions,
): VarianceRow[] {
  const { estimators, random, groupSize = 8, blocks = 40 } = options;
  checkPositiveInteger(TASK, { episodes: options.episodes, blocks });
  if (blocks < 2) {
    throw new RangeError(
      `Cannot ${TASK} as "blocks" must be at least 2: current value is ${blocks}`,
    );
  }
  const { total } = parameterOffsets(smdp);
  const moments = estimators.map(() =>
    Array.from({ length: blocks }, () => emptyMoments(total))
  );
  const odds = tabularProbabilities(smdp, policy);
  const gradient = new Float64Array(total);
  const perBlock = Math.ceil(options.episodes / (blocks * groupSize)) *
    groupSize;
  const chunk = Math.max(1, Math.floor(CHUNK / groupSize)) * groupSize;
  const study = { ...options, smdp, policy, groupSize };
  for (let block = 0; block < blocks; block++) {
    for (let done = 0; done < perBlock; done += chunk) {
      const count = Math.min(chunk, perBlock - done);
      const episodes = sampleTabular(smdp, policy, {
        episodes: count,
        random,
        first: block * perBlock + done,
      });
      const batch = studyEpisodes(study, episodes);
      for (const [e, estimator] of estimators.entries()) {
        const credit = tabularCredit(study, batch, estimator);
        const unit = isGrouped(estimator) ? groupSize : 1;
        const work = { episodes, odds, credit, into: gradient };
        for (let i = 0; i < count; i++) {
          addEpisodeGradient(smdp, { ...work, episode: i, factor: 1 / unit });
          if ((i + 1) % unit > 0) continue;
          addGradient(moments[e]![block]!, gradient); // of an episode, or the mean of a group
        }
      }
    }
    options.onProgress?.((block + 1) / blocks);
  }
  const exact = exactGradient(smdp, policy, options);
  return estimators.flatMap((estimator, e) =>
    judgeMoments(smdp, moments[e]!, {
      exact,
      estimator: estimatorLabel(estimator),
      unitSize: isGrouped(estimator) ? groupSize : 1,
    })
  );
}

/**
 * Names an estimator with its settings, as tables and figures show it.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { estimatorLabel } from "@hiper/lab/studies";
 *
 * strictEqual(estimatorLabel({ name: "gae", lambda: 0.95 }), "gae lambda=0.95");
 * ```
 *
 * @param estimator An estimator of the study.
 * @returns For instance `hae lambdaTurn=1 lambdaSegment=0.95`.
 */
export function estimatorLabel(estimator: EstimatorConfig): string {
  const { name, ...settings } = estimator;
  const parts = Object.entries(settings).map(([key, value]) =>
    `${key}=${value}`
  );
  return [name, ...parts].join(" ");
}
