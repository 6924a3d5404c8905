/** Exact values and gradients: derivatives, balances, and sampled returns. */

import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  exactGradient,
  exactOccupancies,
  exactReturn,
  exactValues,
  type Objective,
} from "../../../lib/hae/study/exact.ts";
import { createChainSmdp } from "../../../lib/hae/study/variance_study.ts";
import { mean, standardDeviation } from "../../../lib/numeric.ts";
import { createRandom } from "../../../lib/random.ts";
import {
  randomTabularPolicy,
  sampleTabular,
  type TabularPolicy,
  type TabularSmdp,
} from "../../../lib/hae/study/tabular.ts";
import { DECISIONS } from "../../../lib/trajectory.ts";
import { randomPlay, seeds } from "../_worlds.ts";

/** Largest distance of the gradient from fourth-order central differences. */
function worstDerivative(
  world: TabularSmdp,
  policy: TabularPolicy,
  objective: Objective,
): number {
  const gradient = exactGradient(world, policy, { objective });
  let worst = 0;
  for (const name of DECISIONS) {
    for (let i = 0; i < gradient[name].length; i++) {
      const at = (step: number) => {
        const moved = policy.logits[name].slice();
        moved[i]! += step;
        const logits = { ...policy.logits, [name]: moved };
        return exactReturn(world, { logits }, { objective });
      };
      const h = 2e-3;
      const slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) /
        (12 * h);
      worst = Math.max(worst, Math.abs(slope - gradient[name][i]!));
    }
  }
  return worst;
}

Deno.test("the gradient is the derivative of the return, under either objective", () => {
  fc.assert(
    fc.property(
      seeds,
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom<Objective>("discounted", "undiscounted"),
      (seed, horizon, objective) => {
        const { world, policy } = randomPlay(seed, horizon);
        ok(worstDerivative(world, policy, objective) < 1e-9);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("in the world of the study the derivative holds within 1e-11", () => {
  const world = createChainSmdp();
  const policy = randomTabularPolicy(world, { random: createRandom(1) });
  const worst = worstDerivative(world, policy, "discounted");
  ok(worst < 1e-11, `worst difference ${worst}`);
});

Deno.test("without a discount both objectives are one", () => {
  const { world, policy } = randomPlay(3, 5);
  deepStrictEqual(world.gamma, 1);
  deepStrictEqual(
    exactGradient(world, policy, { objective: "discounted" }),
    exactGradient(world, policy, { objective: "undiscounted" }),
  );
});

Deno.test("the undiscounted objective is that of the same world without a discount", () => {
  fc.assert(fc.property(seeds, (seed) => {
    const { world, policy } = randomPlay(3 * seed + 1, 4);
    const objective = "undiscounted";
    deepStrictEqual(
      exactGradient(world, policy, { objective }),
      exactGradient({ ...world, gamma: 1 }, policy),
    );
    ok(
      exactReturn(world, policy) !==
        exactReturn(world, policy, { objective }),
    );
  }));
});

Deno.test("occupancies balance: who stands before execution stood before planning or kept", () => {
  fc.assert(fc.property(seeds, (seed) => {
    const { world, policy } = randomPlay(seed, 4);
    const met = exactOccupancies(world, policy);
    for (let time = 0; time < 4; time++) {
      const sum = (table: Float64Array) =>
        table.subarray(time * table.length / 4, (time + 1) * table.length / 4)
          .reduce((a, b) => a + b, 0);
      const playing = sum(met.execution);
      const before = time === 0 ? 1 : sum(met.switching);
      ok(Math.abs(playing - before) < 1e-12);
      ok(sum(met.planning) <= playing + 1e-12);
    }
  }));
});

Deno.test("the expected return is the mean of played returns", () => {
  const world = createChainSmdp();
  const policy = randomTabularPolicy(world, { random: createRandom(4) });
  const count = 4000;
  const { offsets, rewards } = sampleTabular(world, policy, {
    episodes: count,
    random: createRandom(5),
  });
  const returns = Float64Array.from(
    { length: count },
    (_, i) =>
      rewards.subarray(offsets[i], offsets[i + 1]).reduce((a, b) => a + b, 0),
  );
  const error = standardDeviation(returns) / Math.sqrt(count);
  ok(Math.abs(mean(returns) - exactReturn(world, policy)) < 4 * error);
});

Deno.test("episodes do not depend on how they are batched", () => {
  const world = createChainSmdp();
  const policy = randomTabularPolicy(world, { random: createRandom(4) });
  const random = createRandom(5);
  const all = sampleTabular(world, policy, { episodes: 6, random });
  const late = sampleTabular(world, policy, { episodes: 2, random, first: 4 });
  deepStrictEqual(late.rewards, all.rewards.slice(all.offsets[4]));
});

Deno.test("at the horizon nothing is worth anything, at an exit its reward is", () => {
  const world = createChainSmdp({ stages: [0], positions: 1, horizon: 1 });
  const policy = {
    logits: {
      switching: new Float64Array(2),
      planning: new Float64Array(2),
      execution: new Float64Array(4),
    },
  };
  const { planning } = exactValues(world, policy);
  // Uniform choices move on with the mean of .85, .25, .15 and .05.
  ok(Math.abs(planning[0]! - (10 * 0.325 - 0.05)) < 1e-12);
});

Deno.test("a policy of another size is refused", () => {
  const world = createChainSmdp();
  const small = randomTabularPolicy(createChainSmdp({ positions: 1 }), {
    random: createRandom(1),
  });
  throws(() => exactValues(world, small), {
    name: "RangeError",
    message:
      'Cannot read the policy as "logits.switching" must have 18 elements: current value is 6',
  });
});
