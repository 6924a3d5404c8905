/** The variance study on its own world: what is true of HAE, what is not, and of the others. */

import { ok, throws } from "node:assert/strict";
import { exactValues } from "../../../lib/hae/study/exact.ts";
import { createChainSmdp } from "../../../lib/hae/study/variance_study.ts";
import type { EstimatorConfig } from "../../../lib/hae/credit.ts";
import {
  distortValues,
  estimatorLabel,
  gradientVariance,
  type VarianceRow,
} from "../../../lib/hae/study/variance.ts";
import { createRandom } from "../../../lib/random.ts";
import {
  randomTabularPolicy,
  type TabularValues,
} from "../../../lib/hae/study/tabular.ts";

const ONES = { lambdaTurn: 1, lambdaSegment: 1 } as const;
const ESTIMATORS = {
  hae: { name: "hae", ...ONES },
  haeLate: { name: "hae", lambdaTurn: 0.95, lambdaSegment: 0.95 },
  haeShort: { name: "hae", lambdaTurn: 0, lambdaSegment: 0 },
  haeQ: { name: "hae", ...ONES, switching: "q-minus-beta" },
  haeBoundary: { name: "hae", ...ONES, lambdaBoundary: 1 },
  gae: { name: "gae", lambda: 1 },
  gaeLate: { name: "gae", lambda: 0.95 },
  gaeShort: { name: "gae", lambda: 0.5 },
  chain: { name: "token-gae", lambda: 1 },
  chainLate: { name: "token-gae", lambda: 0.95 },
  reinforce: { name: "reinforce" },
  whole: { name: "reinforce", rewardToGo: false },
  grpo: { name: "dr-grpo" },
  grpoScaled: { name: "grpo" },
  rloo: { name: "rloo" },
} as const satisfies Record<string, EstimatorConfig>;
type Name = keyof typeof ESTIMATORS;

const world = createChainSmdp();
const policy = randomTabularPolicy(world, { random: createRandom(1) });
const values = exactValues(world, policy);
const EPISODES = 16_000;

/** One study with a critic; rows by estimator and decision. */
function study(critic: TabularValues) {
  const rows = gradientVariance(world, policy, {
    estimators: Object.values(ESTIMATORS),
    critic,
    episodes: EPISODES,
    random: createRandom(2),
  });
  return (name: Name, decision: VarianceRow["decision"] = "all") =>
    rows.find((row) =>
      row.estimator === estimatorLabel(ESTIMATORS[name]) &&
      row.decision === decision
    )!;
}

const exact = study(values);
const wrong = study(distortValues(values, { random: createRandom(5) }));

/** Whether a bias is within four times the noise of its measurement. */
const unbiased = (row: VarianceRow) =>
  row.bias < 1.5 * row.biasNoise &&
  row.biasSquared < 4 * row.biasSquaredStandardError;

Deno.test("(a) with exact critics every critic-based estimator is unbiased for every lambda", () => {
  for (
    const name of [
      "hae",
      "haeLate",
      "haeShort",
      "haeQ",
      "haeBoundary",
      "gae",
      "gaeLate",
      "gaeShort",
      "chain",
      "chainLate",
    ] as const
  ) {
    const row = exact(name);
    ok(unbiased(row), `${name}: ${row.bias}, noise ${row.biasNoise}`);
    ok(Math.abs(row.scale - 1) < 4 * row.scaleStandardError);
  }
});

Deno.test("(b) at lambda 1 HAE's variance is less than half of turn GAE's, and a quarter in execution", () => {
  ok(2 * exact("hae").variance < exact("gae").variance);
  ok(
    4 * exact("hae", "execution").variance <
      exact("gae", "execution").variance,
  );
});

Deno.test("(c) HAE's planning at lambda 1 has exactly the variance of the chain through all decisions", () => {
  const a = exact("hae", "planning").variance;
  const b = exact("chain", "planning").variance;
  ok(Math.abs(a - b) < 1e-9 * b, `${a} and ${b}`);
});

Deno.test("(d) GRPO without deviation shrinks the gradient to 7/8; RLOO and REINFORCE are unbiased", () => {
  const grpo = exact("grpo");
  ok(Math.abs(grpo.scale - 7 / 8) < 4 * grpo.scaleStandardError);
  ok(grpo.scale + 2 * grpo.scaleStandardError < 1);
  for (const name of ["rloo", "reinforce", "whole"] as const) {
    ok(unbiased(exact(name)), name);
  }
  // Dividing by the deviation of returns, about 5 here, rescales but hardly turns the gradient.
  const scaled = exact("grpoScaled");
  ok(scaled.scale > 0.1 && scaled.scale < 0.35);
  ok(scaled.directionError < 0.05);
});

Deno.test("(e) with a wrong critic HAE is biased even at lambda 1; GAE, the chain and HAE with the boundary are not", () => {
  const published = wrong("hae");
  ok(published.biasSquared > 8 * published.biasSquaredStandardError);
  ok(published.bias > 3 * published.biasNoise);
  for (const name of ["gae", "chain", "haeBoundary"] as const) {
    ok(unbiased(wrong(name)), `${name}: ${wrong(name).bias}`);
  }
  ok(!unbiased(wrong("gaeLate")) && !unbiased(wrong("chainLate")));
  // The short switching form trusts two heads at once and pays for it.
  ok(
    wrong("haeQ", "switching").biasSquared >
      wrong("hae", "switching").biasSquared,
  );
});

Deno.test("(f) HAE is not always the quieter one: flat GAE at a small lambda beats HAE at 0.95", () => {
  ok(exact("gaeShort").variance < exact("haeLate").variance);
  ok(exact("haeQ", "switching").variance < exact("hae", "switching").variance);
});

Deno.test("the boundary restores unbiasedness at the price of the chain's variance", () => {
  const a = wrong("haeBoundary").variance, b = wrong("chain").variance;
  ok(Math.abs(a - b) < 1e-9 * b);
  ok(wrong("hae").variance < a);
});

Deno.test("results repeat for a seed and differ for another", () => {
  const run = (seed: number) =>
    gradientVariance(world, policy, {
      estimators: [ESTIMATORS.hae],
      critic: values,
      episodes: 800,
      random: createRandom(seed),
    })[3]!.variance;
  ok(run(1) === run(1) && run(1) !== run(2));
});

Deno.test("a study without blocks to compare is refused", () => {
  throws(
    () =>
      gradientVariance(world, policy, {
        estimators: [],
        critic: values,
        episodes: 10,
        random: createRandom(1),
        blocks: 1,
      }),
    {
      name: "RangeError",
      message:
        'Cannot measure variance as "blocks" must be at least 2: current value is 1',
    },
  );
});

Deno.test("a study of no whole number of episodes is refused", () => {
  throws(
    () =>
      gradientVariance(world, policy, {
        estimators: [],
        critic: values,
        episodes: NaN,
        random: createRandom(1),
      }),
    {
      name: "RangeError",
      message:
        'Cannot measure variance as "episodes" must be a positive integer: current value is NaN',
    },
  );
});
