import fc from "fast-check";
import { ok, strictEqual, throws } from "node:assert/strict";
import {
  holm,
  meanInterval,
  studentWithin,
} from "../../../lib/train/studies/student.ts";

Deno.test("studentWithin() gives the tables' 95 % and 99 % points", () => {
  // Two-sided points, Abramowitz and Stegun 1964, table 26.10.
  const table = [
    [1, 12.706, 0.95],
    [2, 4.303, 0.95],
    [3, 3.182, 0.95],
    [4, 2.776, 0.95],
    [9, 2.262, 0.95],
    [30, 2.042, 0.95],
    [4, 4.604, 0.99],
    [5, 4.032, 0.99],
  ] as const;
  for (const [freedom, t, level] of table) {
    const found = studentWithin(t, freedom);
    ok(Math.abs(found - level) < 1e-4, `${freedom}: ${found}`);
  }
  strictEqual(studentWithin(0, 4), 0);
});

Deno.test("meanInterval() excludes 0 exactly where its p-value is below the level", () => {
  const values = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), {
    minLength: 2,
    maxLength: 12,
  });
  fc.assert(fc.property(values, (values) => {
    const { low, high, pValue } = meanInterval(values);
    if (Math.abs(pValue - 0.05) < 1e-9 || high - low < 1e-9) return;
    strictEqual(low > 0 || high < 0, pValue < 0.05);
  }));
  throws(() => meanInterval([1]), /at least 2 values: current count is 1/);
});

Deno.test("holm() never gives less than was given, and keeps the order", () => {
  const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(fc.property(pValues, (pValues) => {
    const corrected = holm(pValues);
    for (const [i, p] of pValues.entries()) {
      ok(corrected[i]! >= p && corrected[i]! <= 1);
      for (const [j, q] of pValues.entries()) {
        if (p < q) ok(corrected[i]! <= corrected[j]!);
      }
    }
  }));
});
