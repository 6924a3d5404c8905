import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import type { EvaluationResults } from "../../../lib/train/studies/evaluation_results.ts";
import {
  compareResults,
  signTest,
} from "../../../lib/train/studies/paired_comparison.ts";

const PANEL = { name: "p", hash: "abc" };

function results(
  successes: readonly boolean[],
  options: { panel?: typeof PANEL; turns?: number; plays?: number } = {},
): EvaluationResults {
  const { panel = PANEL, turns = 5, plays = 1 } = options;
  return {
    source: {},
    panel,
    settings: {},
    environment: {},
    players: [{
      name: "policy",
      metrics: {},
      episodes: successes.map((success, i) => ({
        id: `set/corridor/${Math.floor(i / plays)}#${i % plays}`,
        world: { kind: "corridor" },
        seed: i,
        replica: i % plays,
        maxTurns: 9,
        ending: "terminated",
        success,
        score: Number(success),
        return: Number(success),
        turns,
      })),
    }],
  };
}

/** The same probability, by counting every outcome of the coins. */
function countedSignTest(more: number, less: number): number {
  const n = more + less;
  let far = 0;
  for (let pattern = 0; pattern < 2 ** n; pattern++) {
    let heads = 0;
    for (let i = 0; i < n; i++) heads += (pattern >> i) & 1;
    if (Math.abs(2 * heads - n) >= Math.abs(more - less)) far++;
  }
  return far / 2 ** n;
}

Deno.test("signTest() is the share of coin patterns that are as uneven", () => {
  const counts = fc.integer({ min: 0, max: 7 });
  fc.assert(fc.property(counts, counts, (more, less) => {
    ok(Math.abs(signTest(more, less) - countedSignTest(more, less)) < 1e-12);
  }));
  strictEqual(signTest(0, 0), 1);
  // R: binom.test(1600, 3000)$p.value; normal approximation with continuity: z = 3.633, p = 2.8e-4.
  const large = signTest(1600, 1400);
  ok(large > 2.7e-4 && large < 2.9e-4, `${large}`);
});

Deno.test("compareResults() pairs starts", () => {
  const a = results([true, true, true, false], { turns: 4 });
  const b = results([true, false, false, false]);
  const [success, score, turns] = compareResults(a, b);
  deepStrictEqual(
    [
      success!.pairs,
      success!.first,
      success!.second,
      success!.more,
      success!.less,
    ],
    [4, 0.75, 0.25, 2, 0],
  );
  strictEqual(success!.difference.estimate, 0.5);
  strictEqual(success!.pValue, 0.5);
  strictEqual(score!.difference.estimate, 0.5);
  deepStrictEqual([turns!.pairs, turns!.difference.estimate], [1, -1]);
});

Deno.test("compareResults() averages the plays of a start, which are not independent", () => {
  const a = results([true, true, true, false], { plays: 2 });
  const b = results([false, false, true, false], { plays: 2 });
  const [success] = compareResults(a, b);
  deepStrictEqual([success!.pairs, success!.more, success!.less], [2, 1, 0]);
  strictEqual(success!.difference.estimate, 0.5);
});

Deno.test("compareResults() refuses different panels, none, and strange players", () => {
  const a = results([true]);
  throws(
    () =>
      compareResults(a, results([true], { panel: { name: "p", hash: "abd" } })),
    /must be of one panel: current values are "p", abc and "p", abd/,
  );
  const { panel: _, ...without } = a;
  throws(
    () => compareResults(without, without),
    /current values are none and none/,
  );
  throws(
    () => compareResults(a, a, { players: ["policy", "expert"] }),
    /must be one of "policy": current value is "expert"/,
  );
});
