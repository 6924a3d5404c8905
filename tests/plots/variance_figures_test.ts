/** Figures of the variance study as data. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import * as aq from "arquero";
import {
  errorAgainstBatch,
  momentsAgainstLambda,
  varianceBars,
} from "../../lib/plots/variance_figures.ts";

const DECISIONS = ["switching", "planning", "execution", "all"] as const;

/** Rows whose numbers tell the decision, the family and the critic apart. */
const rows = DECISIONS.flatMap((decision, d) =>
  [
    { family: "HAE", lambda: 1, critic: "exact", variance: 3 },
    { family: "HAE", lambda: 0, critic: "exact", variance: 2 },
    { family: "HAE", lambda: 0, critic: "wrong", variance: 9 },
    { family: "RLOO", lambda: null, critic: "none", variance: 7 },
  ].map((one) => ({
    ...one,
    estimator: `${one.family} ${one.lambda}, ${one.critic}`,
    decision,
    variance: 10 * d + one.variance,
    varianceStandardError: 0.5,
    bias: 0.3 + d,
    biasNoise: 0.2,
    biasSquared: -0.1,
    biasSquaredStandardError: 0.2,
  }))
);

Deno.test("momentsAgainstLambda() draws a band, a line and the levels of every decision in its own panel", () => {
  const { data, layout } = momentsAgainstLambda(aq.from(rows), {
    quantity: "variance",
    critic: "exact",
    levels: ["RLOO", "absent"],
  });
  for (const [panel, decision] of DECISIONS.entries()) {
    const suffix = panel === 0 ? "" : String(panel + 1);
    const [low, high, line, level, ...more] = data.filter((trace) =>
      trace["xaxis"] === `x${suffix}` && trace["yaxis"] === `y${suffix}`
    );
    strictEqual(more.length, 0);
    const at = (value: number) => 10 * panel + value;
    deepStrictEqual([line!["x"], line!["y"]], [[0, 1], [at(2), at(3)]]);
    deepStrictEqual(low!["y"], [at(2) - 0.98, at(3) - 0.98]);
    deepStrictEqual(high!["y"], [at(2) + 0.98, at(3) + 0.98]);
    deepStrictEqual([level!["x"], level!["y"]], [[0, 1], [at(7), at(7)]]);
    // One name for each series in the legend, whatever the number of panels.
    deepStrictEqual(
      [low, high, line, level].map((trace) => trace!["showlegend"]),
      [false, false, panel === 0, panel === 0],
    );
    const { text } = (layout["annotations"] as { text: string }[])[panel]!;
    ok(text.startsWith(decision));
  }
});

Deno.test("bias may be below 0, so its axis is not logarithmic", () => {
  const { data, layout } = momentsAgainstLambda(aq.from(rows), {
    quantity: "bias",
    critic: "exact",
  });
  deepStrictEqual(data[2]!["y"], [-0.1, -0.1]);
  const axis = layout["yaxis"] as Record<string, unknown>;
  ok(axis["type"] !== "log");
});

Deno.test("varianceBars() draws bias, its noise and variance of one decision, estimator by estimator", () => {
  for (const [d, decision] of DECISIONS.entries()) {
    const { data } = varianceBars(aq.from(rows), { decision });
    const [bias, noise, variance] = data;
    deepStrictEqual(data.map(({ name }) => name), [
      "bias",
      "what noise alone would show",
      "variance",
    ]);
    for (const trace of data) {
      deepStrictEqual(trace["y"], rows.slice(0, 4).map((row) => row.estimator));
      strictEqual(trace["orientation"], "h");
    }
    deepStrictEqual(bias!["x"], Array(4).fill(0.3 + d));
    deepStrictEqual(noise!["x"], Array(4).fill(0.2));
    deepStrictEqual(variance!["x"], [3, 2, 9, 7].map((v) => 10 * d + v));
    const { array } = variance!["error_x"] as { array: number[] };
    deepStrictEqual(array, Array(4).fill(0.98));
    // Bias and variance differ in their units, hence in their axes.
    deepStrictEqual([bias!["xaxis"], noise!["xaxis"], variance!["xaxis"]], [
      undefined,
      undefined,
      "x2",
    ]);
  }
  deepStrictEqual(
    varianceBars(aq.from(rows)),
    varianceBars(aq.from(rows), { decision: "all" }),
  );
});

Deno.test("errorAgainstBatch() keeps its band around the error, and above 0 for the logarithmic axis", () => {
  const [low, high, line] = errorAgainstBatch(
    [{ name: "RLOO", errors: [1, 2], standardErrors: [5, 0.5] }],
    { sizes: [8, 16], title: "" },
  ).data;
  deepStrictEqual([line!["x"], line!["y"]], [[8, 16], [1, 2]]);
  deepStrictEqual(low!["y"], [0.05, 2 - 0.98]);
  deepStrictEqual(high!["y"], [1 + 5 * 1.96, 2 + 0.98]);
});

Deno.test("a table without a column is refused by name", () => {
  const table = aq.table({ family: [], estimator: [] });
  throws(
    () => momentsAgainstLambda(table, { quantity: "bias", critic: "exact" }),
    { name: "TypeError", message: /must have a column "lambda"/ },
  );
  throws(() => varianceBars(table), {
    name: "TypeError",
    message:
      'Cannot plot a table as it must have a column "decision": its columns are "family", "estimator"',
  });
});
