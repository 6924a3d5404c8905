import {
  deepStrictEqual,
  notStrictEqual,
  ok,
  strictEqual,
  throws,
} from "node:assert/strict";
import fc from "fast-check";
import {
  createRandom,
  drawIndex,
  resumeRandom,
  shuffled,
} from "../lib/random.ts";

const seeds = fc.maxSafeInteger();
const parts = fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 4 });

Deno.test("createRandom() gives the same numbers for the same seed", () => {
  fc.assert(fc.property(seeds, (seed) => {
    const draw = () => {
      const random = createRandom(seed);
      return [
        random.uniform(),
        random.normal(),
        random.integer(10),
        random.normal(),
      ];
    };
    deepStrictEqual(draw(), draw());
  }));
});

Deno.test("fork() does not depend on what was drawn before", () => {
  fc.assert(fc.property(seeds, parts, fc.nat(20), (seed, path, draws) => {
    const fresh = createRandom(seed).fork(...path).uniform();
    const random = createRandom(seed);
    for (let i = 0; i < draws; i++) random.normal();
    strictEqual(random.fork(...path).uniform(), fresh);
  }));
});

Deno.test("fork() tells different paths apart", () => {
  fc.assert(fc.property(seeds, parts, parts, (seed, a, b) => {
    fc.pre(JSON.stringify(a) !== JSON.stringify(b));
    const random = createRandom(seed);
    const draws = (path: typeof a) => {
      const stream = random.fork(...path);
      return [stream.uniform(), stream.uniform()];
    };
    notStrictEqual(draws(a).join(), draws(b).join());
  }));
});

Deno.test("fork() by a nested path is fork() by its parts", () => {
  fc.assert(fc.property(seeds, parts, parts, (seed, a, b) => {
    const random = createRandom(seed);
    strictEqual(
      random.fork(...a).fork(...b).uniform(),
      random.fork(...a, ...b).uniform(),
    );
  }));
});

Deno.test("resumeRandom() goes on where a stream stood, after a journey through JSON", () => {
  fc.assert(fc.property(seeds, parts, fc.nat(9), (seed, path, draws) => {
    const random = createRandom(seed).fork(...path);
    for (let i = 0; i < draws; i++) random.normal();
    const twin = resumeRandom(JSON.parse(JSON.stringify(random.state)));
    const numbers = (stream: typeof random) => [
      stream.seed,
      stream.normal(),
      stream.uniform(),
      stream.normal(),
      stream.integer(7),
      stream.fork("x", 1).uniform(),
    ];
    deepStrictEqual(numbers(twin), numbers(random));
  }));
});

Deno.test("uniform() is uniform: 16 bins of 160,000 draws pass a chi-squared test", () => {
  const bins = new Float64Array(16);
  const random = createRandom(1);
  for (let i = 0; i < 160_000; i++) bins[Math.floor(16 * random.uniform())]!++;
  const chi2 = bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
  ok(chi2 < 37.7, `chi2 = ${chi2}`); // 0.999 quantile at 15 degrees of freedom
});

Deno.test("first draws of numbered forks are uncorrelated with their neighbors", () => {
  const random = createRandom(3);
  const n = 20_000;
  const draws = Float64Array.from(
    { length: n },
    (_, i) => random.fork("episode", i).uniform() - 0.5,
  );
  let covariance = 0;
  for (let i = 1; i < n; i++) covariance += draws[i]! * draws[i - 1]!;
  const correlation = 12 * covariance / n;
  ok(Math.abs(correlation) < 4 / Math.sqrt(n), `correlation = ${correlation}`);
});

Deno.test("normal() has the moments of the standard normal distribution", () => {
  const random = createRandom(5);
  const n = 100_000;
  const moments = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = random.normal();
    for (let k = 0; k < 4; k++) moments[k]! += x ** (k + 1) / n;
  }
  const errors = [1, Math.sqrt(2), Math.sqrt(15), Math.sqrt(96)].map((s) =>
    4 * s / Math.sqrt(n)
  );
  for (const [k, expected] of [0, 1, 0, 3].entries()) {
    ok(
      Math.abs(moments[k]! - expected) < errors[k]!,
      `moment ${k + 1} = ${moments[k]}`,
    );
  }
});

Deno.test("drawIndex() follows its weights", () => {
  const random = createRandom(7);
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[drawIndex(random, [1, 0, 3])]!++;
  strictEqual(counts[1], 0);
  ok(Math.abs(counts[2]! / 30_000 - 0.75) < 0.01);
});

Deno.test("shuffled() keeps the items and leaves the original alone", () => {
  fc.assert(fc.property(seeds, fc.array(fc.integer()), (seed, items) => {
    const before = [...items];
    const result = shuffled(createRandom(seed), items);
    deepStrictEqual(result.toSorted(), before.toSorted());
    deepStrictEqual(items, before);
  }));
});

Deno.test("streams refuse what makes no sense", () => {
  throws(() => createRandom(0.5), {
    name: "RangeError",
    message: /"seed" must be a safe integer: current value is 0.5/,
  });
  throws(() => createRandom(1).integer(0), {
    name: "RangeError",
    message: /"bound" must be an integer in/,
  });
  throws(() => drawIndex(createRandom(1), [0, -1]), {
    name: "RangeError",
    message: /weight 1 is -1/,
  });
  throws(() => drawIndex(createRandom(1), [0, 0]), {
    name: "RangeError",
    message: /no weight is positive/,
  });
});
