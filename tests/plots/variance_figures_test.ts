/** Figures of the variance study as data. */

import { deepStrictEqual, ok, throws } from "node:assert/strict";
import * as aq from "arquero";
import { errorAgainstBatch } from "../../lib/plots/batch_error_figure.ts";
import { momentsAgainstLambda } from "../../lib/plots/variance_figures.ts";

const rows = ["switching", "planning", "execution", "all"].flatMap((decision) =>
  [
    { family: "HAE", lambda: 1, critic: "exact", variance: 3 },
    { family: "HAE", lambda: 0, critic: "exact", variance: 2 },
    { family: "HAE", lambda: 0, critic: "wrong", variance: 9 },
    { family: "RLOO", lambda: null, critic: "none", variance: 7 },
  ].map((one) => ({
    ...one,
    decision,
    varianceStandardError: 0.5,
    biasSquared: -0.1,
    biasSquaredStandardError: 0.2,
  }))
);

Deno.test("each panel has a band, a line over sorted lambdas, and the levels asked for", () => {
  const { data } = momentsAgainstLambda(aq.from(rows), {
    quantity: "variance",
    critic: "exact",
    levels: ["RLOO", "absent"],
  });
  deepStrictEqual(data.length, 4 * (3 + 1));
  const [low, high, line, level] = data;
  deepStrictEqual(line!["x"], [0, 1]);
  deepStrictEqual(line!["y"], [2, 3]);
  deepStrictEqual(low!["y"], [2 - 0.98, 3 - 0.98]);
  deepStrictEqual(high!["y"], [2 + 0.98, 3 + 0.98]);
  deepStrictEqual(level!["y"], [7, 7]);
  deepStrictEqual(data.map((trace) => trace["yaxis"]).at(-1), "y4");
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

Deno.test("a band on a logarithmic axis stays above 0", () => {
  const { data } = errorAgainstBatch(
    [{ name: "RLOO", errors: [1], standardErrors: [5] }],
    { sizes: [8], title: "" },
  );
  ok((data[0]!["y"] as number[])[0]! > 0);
});

Deno.test("a table without a column is refused by name", () => {
  throws(
    () =>
      momentsAgainstLambda(aq.table({ family: [] }), {
        quantity: "bias",
        critic: "exact",
      }),
    { name: "TypeError", message: /must have a column "lambda"/ },
  );
});
