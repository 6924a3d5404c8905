import { ok, strictEqual } from "node:assert/strict";
import { segmentStudy } from "../../../lib/hae/study/segment_study.ts";

Deno.test("With an exact critic HAE has less variance than turn-GAE, the more so the more stages there are", () => {
  const rows = [...segmentStudy({
    ...{ stages: [1, 4], segments: [2], criticErrors: [0, 1], episodes: 1600 },
  })].flat();
  strictEqual(rows.length, 2 * 2 * 6);
  const find = (estimator: string, stages: number, criticError: number) =>
    rows.find((row) =>
      row.estimator === estimator && row.stages === stages &&
      row.criticError === criticError
    )!;
  const ratio = (stages: number) =>
    find("turn-GAE", stages, 0).variance /
    find("HAE, published", stages, 0).variance;
  ok(ratio(1) > 1.3);
  ok(ratio(4) > ratio(1));
  const { biasSquared, biasSquaredStandardError } = find(
    "HAE, published",
    4,
    1,
  );
  ok(biasSquared > 3 * biasSquaredStandardError, "a wrong critic biases HAE");
  const unbiased = find("HAE, boundary lambda", 4, 1);
  ok(unbiased.biasSquared < 3 * unbiased.biasSquaredStandardError);
});
