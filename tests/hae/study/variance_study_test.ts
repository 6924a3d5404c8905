/** The study's rows, and sentences that follow from numbers. */

import { deepStrictEqual, match, ok, throws } from "node:assert/strict";
import {
  batchError,
  describeBatchError,
  describeBias,
  describeVariance,
} from "../../../lib/hae/study/variance_conclusions.ts";
import {
  varianceStudy,
  type VarianceStudyRow,
} from "../../../lib/hae/study/variance_study.ts";

const SMALL = { episodes: 640, lambdas: [0.5, 1] };

/** A row that differs from an unbiased, quiet one as told. */
function row(changes: Partial<VarianceStudyRow>): VarianceStudyRow {
  return {
    family: "HAE",
    lambda: 1,
    critic: "wrong",
    objective: "discounted",
    estimator: "hae",
    decision: "all",
    episodes: 100,
    gradientNorm: 2,
    bias: 0,
    biasNoise: 0.01,
    biasSquared: 0,
    biasSquaredStandardError: 0.01,
    scale: 1,
    scaleStandardError: 0.01,
    cosine: 1,
    directionError: 0,
    directionErrorStandardError: 0.01,
    variance: 4,
    varianceStandardError: 0.1,
    ...changes,
  };
}

Deno.test("every estimator has a row for each decision, and repeats for a seed", () => {
  const parts = [...varianceStudy(SMALL)];
  deepStrictEqual(parts.map((rows) => rows.length), [
    4 * (5 * 2 + 1 + 6),
    4 * (5 * 2 + 1),
  ]);
  deepStrictEqual(
    new Set(parts[1]!.map(({ critic }) => critic)),
    new Set(["wrong"]),
  );
  deepStrictEqual([...varianceStudy(SMALL)], parts);
  const numbers = parts.flat().flatMap((one) =>
    Object.values(one).filter((value) => typeof value === "number")
  );
  ok(numbers.every(Number.isFinite));
});

Deno.test("the study says how far it is, with one critic after the other", () => {
  const told: [share: number, critic: string][] = [];
  const onProgress = (share: number, critic: string) =>
    told.push([share, critic]);
  for (const _ of varianceStudy({ episodes: 320, lambdas: [1], onProgress }));
  const shares = (critic: string) =>
    told.filter((one) => one[1] === critic).map(([share]) => share);
  deepStrictEqual(shares("exact").length + shares("wrong").length, told.length);
  for (const critic of ["exact", "wrong"]) {
    const rising = shares(critic);
    ok(rising.length >= 10 && rising.at(-1) === 1);
    deepStrictEqual(rising, rising.toSorted((a, b) => a - b));
  }
});

Deno.test("a lambda out of range is refused by the estimator", () => {
  throws(() => [...varianceStudy({ ...SMALL, lambdas: [2] })], TypeError);
});

Deno.test("the error of a batch falls to what no batch repairs", () => {
  const tilted = row({ directionError: 0.25, scale: 0.5 });
  deepStrictEqual(batchError(tilted, 1).error, 0.25 + 4 / (0.5 * 2) ** 2);
  ok(Math.abs(batchError(tilted, 1e9).error - 0.25) < 1e-6);
});

Deno.test("a bias is named only where it stands out", () => {
  const clear = row({ biasSquared: 0.09 });
  const vague = row({ family: "turn GAE", biasSquared: 0.03 });
  const sentence = describeBias([clear, vague], "wrong");
  match(sentence, /1 of 2 estimators are biased/);
  match(sentence, /biased HAE \(30 %\)/);
  match(sentence, /unbiased: turn GAE\.$/);
  match(describeBias([vague], "wrong"), /none of 1 estimators stands out/);
  match(describeBias([], "wrong"), /Nothing was measured/);
});

Deno.test("whichever is quieter is said to be", () => {
  const rows = (flat: number) =>
    (["all", "switching", "planning", "execution"] as const).flatMap((
      decision,
    ) => [
      row({ decision }),
      row({ decision, family: "turn GAE", variance: flat }),
    ]);
  match(describeVariance(rows(12), "wrong"), /has 3\.0 times the variance/);
  match(describeVariance(rows(12), "wrong"), /At no lambda visited/);
  match(describeVariance(rows(2), "wrong"), /not quieter at every lambda/);
});

Deno.test("the best batch is found by size, ties counted", () => {
  const quiet = row({ variance: 1, directionError: 1 });
  const straight = row({ family: "turn GAE", variance: 40 });
  const plain = row({
    family: "RLOO",
    lambda: null,
    critic: "none",
    variance: 400,
  });
  const sentence = describeBatchError([quiet, straight, plain], "wrong", [
    1,
    4096,
  ]);
  match(sentence, /With 1 episodes HAE at lambda 1 errs least/);
  match(sentence, /with 4096 episodes turn GAE at lambda 1 errs least/);
  match(sentence, /best without a critic is RLOO/);
});
