/** Exact bias of every estimator: laws over random worlds, critics and lambdas. */

import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  enumerateTabular,
  exactVariance,
} from "../../../lib/hae/study/enumerate.ts";
import { exactReturn, exactValues } from "../../../lib/hae/study/exact.ts";
import { createChainSmdp } from "../../../lib/hae/study/variance_study.ts";
import type { EstimatorConfig } from "../../../lib/hae/credit.ts";
import { gradientVariance } from "../../../lib/hae/study/variance.ts";
import { createRandom } from "../../../lib/random.ts";
import { randomTabularPolicy } from "../../../lib/hae/study/tabular.ts";
import {
  anyCritic,
  type Play,
  randomPlay,
  seeds,
  weights,
} from "../_worlds.ts";

/** Bias of the whole gradient, in lengths of the exact one, with an exact or an arbitrary critic. */
function judge(
  { world, policy }: Play,
  estimator: EstimatorConfig,
  options: { critic?: number; groupSize?: number } = {},
) {
  const values = exactValues(world, policy);
  const critic = options.critic === undefined
    ? values
    : anyCritic(values, options.critic);
  return exactVariance(world, policy, {
    estimator,
    critic,
    ...(options.groupSize && { groupSize: options.groupSize }),
  })[3]!;
}

/**
 * Short worlds of up to a few thousand trajectories. The laws are identities that a wrong estimator breaks
 * on almost every world, so that few worlds suffice.
 */
const HORIZON = 3;

Deno.test("probabilities of all trajectories sum to 1 and give the expected return", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const { world, policy } = randomPlay(seed, HORIZON);
      const { episodes, probabilities } = enumerateTabular(world, policy);
      let total = 0, expected = 0;
      for (const [i, p] of probabilities.entries()) {
        total += p;
        const start = episodes.offsets[i]!;
        for (let t = start; t < episodes.offsets[i + 1]!; t++) {
          expected += p * world.gamma ** (t - start) * episodes.rewards[t]!;
        }
      }
      ok(Math.abs(total - 1) < 1e-12);
      ok(Math.abs(expected - exactReturn(world, policy)) < 1e-12);
    }),
    { numRuns: 25 },
  );
});

Deno.test("with an exact critic every critic-based estimator is unbiased, whatever its lambdas", () => {
  fc.assert(
    fc.property(seeds, weights, weights, weights, (seed, a, b, c) => {
      const play = randomPlay(seed, HORIZON);
      const lambdas = { lambdaTurn: a, lambdaSegment: b, lambdaBoundary: c };
      for (
        const estimator of [
          { name: "hae", ...lambdas },
          { name: "hae", ...lambdas, switching: "q-minus-beta" },
          { name: "gae", lambda: a },
          { name: "token-gae", lambda: a },
        ] as const
      ) {
        const { bias } = judge(play, estimator);
        ok(bias < 1e-10, `${estimator.name} has bias ${bias}`);
      }
    }),
    { numRuns: 5 },
  );
});

Deno.test("with any critic, full lambdas are unbiased; hierarchical ones need the boundary too", () => {
  const published: number[] = [];
  fc.assert(
    fc.property(seeds, seeds, (seed, critic) => {
      const play = randomPlay(seed, HORIZON);
      const ones = { lambdaTurn: 1, lambdaSegment: 1 };
      for (
        const estimator of [
          { name: "hae", ...ones, lambdaBoundary: 1 },
          { name: "gae", lambda: 1 },
          { name: "token-gae", lambda: 1 },
          { name: "reinforce" },
          { name: "reinforce", rewardToGo: false },
        ] as const
      ) {
        const { bias } = judge(play, estimator, { critic });
        ok(bias < 1e-10, `${estimator.name} has bias ${bias}`);
      }
      published.push(judge(play, { name: "hae", ...ones }, { critic }).bias);
    }),
    { numRuns: 5 },
  );
  // Only chance could make an arbitrary critic harmless, and it does not.
  ok(Math.min(...published) > 1e-3, `${published}`);
});

Deno.test("planning at lambda 1 is unbiased with any critic, boundary or not", () => {
  fc.assert(
    fc.property(seeds, seeds, weights, (seed, critic, lambdaBoundary) => {
      const { world, policy } = randomPlay(seed, HORIZON);
      const [, planning] = exactVariance(world, policy, {
        estimator: { name: "hae", lambdaSegment: 1, lambdaBoundary },
        critic: anyCritic(exactValues(world, policy), critic),
      });
      ok(planning!.bias < 1e-10);
    }),
    { numRuns: 12 },
  );
});

Deno.test("full lambdas with the boundary equal the chain through all decisions", () => {
  fc.assert(
    fc.property(seeds, seeds, (seed, critic) => {
      const play = randomPlay(seed, HORIZON);
      const ones = { lambdaTurn: 1, lambdaSegment: 1, lambdaBoundary: 1 };
      const a = judge(play, { name: "hae", ...ones }, { critic });
      const b = judge(play, { name: "token-gae", lambda: 1 }, { critic });
      ok(Math.abs(a.variance - b.variance) < 1e-9 * b.variance);
    }),
    { numRuns: 12 },
  );
});

Deno.test("without deviation GRPO shrinks the gradient by (G - 1) / G; RLOO does not", () => {
  fc.assert(
    fc.property(
      seeds,
      fc.constantFrom([1, 2, 2], [1, 3, 2], [2, 2, 1]),
      (seed, [horizon, groupSize, positions]) => {
        const world = {
          ...createChainSmdp({ stages: [0], positions: positions!, noise: 0 }),
          horizon: horizon!,
        };
        const policy = randomTabularPolicy(world, {
          random: createRandom(seed),
        });
        const size = { groupSize: groupSize! };
        // A one-turn world of two positions cannot pay: give every action its own reward.
        const random = createRandom(seed).fork("rewards");
        const rewards = world.rewards.map(() => random.normal());
        const play = { world: { ...world, rewards }, policy };
        const grpo = judge(play, { name: "dr-grpo" }, size);
        ok(Math.abs(grpo.scale - (groupSize! - 1) / groupSize!) < 1e-10);
        ok(Math.abs(grpo.directionError) < 1e-9);
        ok(judge(play, { name: "rloo" }, size).bias < 1e-10);
      },
    ),
    { numRuns: 12 },
  );
});

Deno.test("dropping the weights of states is unbiased without a discount, biased with one", () => {
  const { world, policy } = randomPlay(3, HORIZON);
  const bias = (gamma: number) => {
    const discounted = { ...world, gamma };
    return exactVariance(discounted, policy, {
      estimator: { name: "reinforce" },
      critic: exactValues(discounted, policy),
      objective: "undiscounted",
    })[3]!.bias;
  };
  ok(bias(1) < 1e-10);
  ok(bias(0.8) > 1e-2);
});

Deno.test("sampling agrees with enumeration within its standard errors", () => {
  const { world, policy } = randomPlay(17, HORIZON);
  const critic = anyCritic(exactValues(world, policy), 1);
  const estimator = { name: "hae", lambdaTurn: 0.8 } as const;
  const exact = exactVariance(world, policy, { estimator, critic });
  const sampled = gradientVariance(world, policy, {
    estimators: [estimator],
    critic,
    episodes: 20_000,
    random: createRandom(2),
  });
  for (const [i, row] of sampled.entries()) {
    const truth = exact[i]!;
    const near = (a: number, b: number, error: number) =>
      ok(Math.abs(a - b) < 4 * error, `${row.decision}: ${a}, exactly ${b}`);
    near(row.variance, truth.variance, row.varianceStandardError);
    near(row.scale, truth.scale, row.scaleStandardError);
    near(row.biasSquared, truth.biasSquared, row.biasSquaredStandardError);
  }
  deepStrictEqual(exact.map(({ decision }) => decision), [
    "switching",
    "planning",
    "execution",
    "all",
  ]);
});

Deno.test("worlds that cannot be enumerated are refused", () => {
  const world = createChainSmdp();
  const policy = randomTabularPolicy(world, { random: createRandom(1) });
  throws(() => enumerateTabular(world, policy), {
    name: "RangeError",
    message:
      'Cannot enumerate trajectories as "noise" must be 0: current value is 0.5',
  });
  throws(
    () => enumerateTabular({ ...world, noise: 0 }, policy, { limit: 100 }),
    /there must be at most 100/,
  );
});
