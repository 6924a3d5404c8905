import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readTestLog, testErrors } from "../../scripts/test_log.ts";

const LOG = `
./tests/a_test.ts => one is one ... ok (2ms)
./tests/b_test.ts => two is two ... ok (1m3s)
./tests/a_test.ts => a mountain is climbed [needs a mountain] ... ignored (0ms)
./tests/b_test.ts => a hill is climbed [needs a mountain] ... ignored (0ms)
./tests/b_test.ts => nothing is said ... ignored (0ms)
./lib/a.ts$12-20.ts => an example ... FAILED (420ms)

 ERRORS 

an example => ./lib/a.ts$12-20.ts
error: Error: no

FAILED | 2 passed (3 steps) | 1 failed | 3 ignored (1m5s)
`;

Deno.test("the gate reads counts, times and reasons of skips from a log", () => {
  const { passed, failed, skipped, times, skips } = readTestLog(LOG);
  deepStrictEqual([passed, failed, skipped], [2, 1, 3]);
  deepStrictEqual(times.map(({ seconds }) => seconds), [63, 0.42, 0.002]);
  strictEqual(times[0]!.file, "./tests/b_test.ts");
  deepStrictEqual(skips, [
    ["needs a mountain", 2],
    ["without a reason: nothing is said", 1],
  ]);
});

Deno.test("the gate shows of failed tests what failed", () => {
  strictEqual(testErrors(LOG).startsWith(" ERRORS \n\nan example"), true);
  strictEqual(testErrors("error: no such file"), "error: no such file");
  deepStrictEqual(readTestLog("error: no such file"), {
    passed: 0,
    failed: 0,
    skipped: 0,
    times: [],
    skips: [],
  });
});
