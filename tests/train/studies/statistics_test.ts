/** Intervals over seeds: laws, coverage, and hand-worked cases. */

import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { mean } from "../../../lib/numeric.ts";
import { createRandom } from "../../../lib/random.ts";
import {
  bootstrapInterval,
  interquartileMean,
  pairedDifference,
  stratifiedInterval,
} from "../../../lib/train/studies/statistics.ts";

const numbers = fc.double({ min: -100, max: 100, noNaN: true });
const runs = fc.array(numbers, { minLength: 1, maxLength: 12 });
const close = (a: number, b: number) =>
  ok(Math.abs(a - b) < 1e-9, `${a}, expected ${b}`);

Deno.test("an interval lies within the values and repeats for a seed", () => {
  fc.assert(
    fc.property(runs, fc.integer(), (values, seed) => {
      const options = { random: createRandom(seed), resamples: 200 };
      const interval = bootstrapInterval(values, options);
      ok(interval.low >= Math.min(...values) - 1e-9);
      ok(interval.high <= Math.max(...values) + 1e-9);
      ok(interval.low <= interval.high);
      deepStrictEqual(bootstrapInterval(values, options), interval);
    }),
  );
});

Deno.test("intervals move and stretch with the values", () => {
  fc.assert(
    fc.property(runs, numbers, fc.integer(), (values, shift, seed) => {
      const options = { random: createRandom(seed), resamples: 100 };
      const before = bootstrapInterval(values, options);
      const after = bootstrapInterval(
        values.map((value) => 2 * value + shift),
        options,
      );
      close(after.low, 2 * before.low + shift);
      close(after.high, 2 * before.high + shift);
    }),
  );
});

Deno.test("swapping the methods mirrors the difference and keeps the test", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(numbers, numbers), { minLength: 1, maxLength: 8 }),
      fc.integer(),
      (pairs, seed) => {
        const first = pairs.map(([a]) => a), second = pairs.map(([, b]) => b);
        const options = { random: createRandom(seed), resamples: 200 };
        const one = pairedDifference(first, second, options);
        const other = pairedDifference(second, first, options);
        close(one.estimate, -other.estimate);
        close(one.low, -other.high);
        close(one.wins, 1 - other.wins);
        close(one.pValue, other.pValue);
        ok(one.pValue >= 2 ** (1 - pairs.length) - 1e-12);
      },
    ),
  );
});

Deno.test("intervals of normal samples hold the truth about as often as they say", () => {
  const random = createRandom(11);
  let held = 0;
  const repetitions = 400;
  for (let i = 0; i < repetitions; i++) {
    const stream = random.fork("sample", i);
    const values = Float64Array.from({ length: 30 }, () => stream.normal());
    const { low, high } = bootstrapInterval(values, {
      random: stream,
      resamples: 400,
      level: 0.9,
    });
    if (low <= 0 && 0 <= high) held++;
  }
  const share = held / repetitions;
  // The standard error of the share is 0.015; percentile intervals are a little short.
  ok(share > 0.83 && share < 0.95, `coverage ${share}`);
});

Deno.test("under no difference the sign-flip test is small as rarely as it says", () => {
  const random = createRandom(12);
  let small = 0;
  for (let i = 0; i < 1000; i++) {
    const stream = random.fork("pairs", i);
    const first = Float64Array.from({ length: 8 }, () => stream.normal());
    const { pValue } = pairedDifference(first, new Float64Array(8), {
      random: stream,
      resamples: 1,
    });
    if (pValue <= 0.1) small++;
  }
  // Binomial with 1000 tries of at most 0.1: deviation 0.0095.
  ok(small <= 130 && small >= 65, `${small} of 1000`);
});

Deno.test("the interquartile mean drops a quarter at either end", () => {
  deepStrictEqual(interquartileMean([9, 1, 2, 3, 4, 5, 6.5, -100]), 3.5);
  deepStrictEqual(interquartileMean([1, 2, 9]), 4);
  deepStrictEqual(interquartileMean([7]), 7);
  ok(Number.isNaN(interquartileMean([])));
});

Deno.test("pairing sees a small difference that seeds would hide", () => {
  const random = createRandom(3);
  const seeds = Float64Array.from({ length: 10 }, () => 10 * random.normal());
  const better = seeds.map((value, i) => value + 1 + 0.1 * (i % 3));
  const { low, pValue, wins } = pairedDifference(better, seeds, { random });
  ok(low > 0.9);
  close(pValue, 2 / 1024);
  deepStrictEqual(wins, 1);
  // Apart, the two methods' intervals overlap.
  const apart = bootstrapInterval(seeds, { random });
  ok(apart.high > mean(better));
});

Deno.test("many pairs are tested by random signs, and never reach 0", () => {
  const ones = new Float64Array(30).fill(1);
  const { pValue } = pairedDifference(ones, new Float64Array(30), {
    random: createRandom(1),
    resamples: 99,
  });
  close(pValue, 1 / 100);
});

Deno.test("resampling within tasks keeps every task's share", () => {
  const { low, high, estimate } = stratifiedInterval(
    [[0, 0, 0], [10, 10, 10], [20, 20, 20]],
    { random: createRandom(1), statistic: mean },
  );
  deepStrictEqual([low, high, estimate], [10, 10, 10]);
});

Deno.test("nothing is known of no runs, and impossible settings are refused", () => {
  const random = createRandom(1);
  const none = bootstrapInterval([], { random });
  ok(Object.values(none).every(Number.isNaN));
  throws(() => bootstrapInterval([1], { random, level: 1 }), {
    name: "RangeError",
    message:
      'Cannot find an interval as "level" must be between 0 and 1: current value is 1',
  });
  throws(() => bootstrapInterval([1], { random, resamples: 0 }), RangeError);
  throws(() => pairedDifference([1], [], { random }), {
    name: "RangeError",
    message:
      "Cannot compare runs as both methods must have the same seeds: current values are 1 and 0 runs",
  });
});
