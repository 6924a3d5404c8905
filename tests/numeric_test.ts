import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  logSumExp,
  mean,
  quantile,
  softmax,
  standardDeviation,
} from "../lib/numeric.ts";

const numbers = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
  minLength: 2,
  maxLength: 50,
});

Deno.test("mean() and standardDeviation() shift and scale with their values", () => {
  fc.assert(fc.property(numbers, (values) => {
    const moved = values.map((value) => 2 * value + 3);
    ok(Math.abs(mean(moved) - (2 * mean(values) + 3)) < 1e-9);
    ok(
      Math.abs(standardDeviation(moved) - 2 * standardDeviation(values)) < 1e-8,
    );
  }));
});

Deno.test("standardDeviation() divides by n, or by n - 1 for a sample", () => {
  strictEqual(standardDeviation([1, 3]), 1);
  strictEqual(standardDeviation([1, 3], { sample: true }), Math.SQRT2);
});

Deno.test("quantile() reaches the ends and the median", () => {
  deepStrictEqual([0, 0.5, 1].map((q) => quantile([4, 1, 3, 2], q)), [
    1,
    2.5,
    4,
  ]);
  throws(() => quantile([1], 1.5), {
    name: "RangeError",
    message: /current value is 1.5/,
  });
});

Deno.test("softmax() sums to one and does not see a shift", () => {
  fc.assert(
    fc.property(
      numbers,
      fc.double({ min: -500, max: 500, noNaN: true }),
      (logits, shift) => {
        const once = softmax(logits),
          moved = softmax(logits.map((logit) => logit + shift));
        ok(Math.abs(once.reduce((a, b) => a + b) - 1) < 1e-12);
        for (const [i, p] of once.entries()) ok(Math.abs(p - moved[i]!) < 1e-9);
      },
    ),
  );
});

Deno.test("logSumExp() survives what exp() does not", () => {
  strictEqual(logSumExp([1000, 1000]), 1000 + Math.LN2);
  strictEqual(logSumExp([]), -Infinity);
});
