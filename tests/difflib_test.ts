import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { matchingBlocks, similarityRatio } from "../lib/difflib.ts";
import { replayFile } from "./_vectors.ts";

const text = fc.string({
  unit: fc.constantFrom("a", "b", "c", " ", "é", "😀"),
  maxLength: 40,
});

Deno.test("similarityRatio() is 1 exactly for equal texts and lies in [0, 1]", () => {
  fc.assert(fc.property(text, text, (a, b) => {
    const ratio = similarityRatio(a, b);
    ok(ratio >= 0 && ratio <= 1);
    strictEqual(ratio === 1, a === b);
    strictEqual(similarityRatio(a, a), 1);
  }));
});

Deno.test("matchingBlocks() gives equal runs that increase in both texts", () => {
  fc.assert(fc.property(text, text, (a, b) => {
    const pointsA = [...a], pointsB = [...b];
    let endA = 0, endB = 0;
    for (
      const { startA, startB, length } of matchingBlocks(pointsA, pointsB)
    ) {
      ok(length > 0 && startA >= endA && startB >= endB);
      deepStrictEqual(
        pointsA.slice(startA, startA + length),
        pointsB.slice(startB, startB + length),
      );
      [endA, endB] = [startA + length, startB + length];
    }
    ok(endA <= pointsA.length && endB <= pointsB.length);
  }));
});

Deno.test("matchingBlocks() prefers the longest run, then the first in a, then the first in b", () => {
  deepStrictEqual(matchingBlocks([..."ab"], [..."abab"]), [
    { startA: 0, startB: 0, length: 2 },
  ]);
  deepStrictEqual(matchingBlocks([..."xaby"], [..."abxaz"]), [
    { startA: 0, startB: 2, length: 2 },
  ]);
});

Deno.test("similarityRatio() lets popular characters only extend blocks", () => {
  const long = "ab".repeat(100); // 200 characters, both above the limit of 3
  strictEqual(similarityRatio("b", long), 0);
  strictEqual(similarityRatio("b", long.slice(1)), 2 / 200); // 199 characters have no limit
  strictEqual(similarityRatio("a", long), 2 / 201); // equal at the very start
});

replayFile<
  {
    a: string;
    b: string;
    ratio: number;
    similar_95: boolean;
    similar_80: boolean;
  }
>("baselines/similarity_ratio.json", (vector) => {
  const ratio = similarityRatio(vector.a, vector.b);
  strictEqual(ratio, vector.ratio);
  strictEqual(ratio >= 0.95, vector.similar_95);
  strictEqual(ratio >= 0.8, vector.similar_80);
});
