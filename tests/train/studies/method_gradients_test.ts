/** Gradients of methods on one batch: parts add up, scales and directions are those of the formulas. */

import { deepStrictEqual, ok } from "node:assert/strict";
import { DECISION_COLORS, GRAY } from "../../../lib/plots/figure.ts";
import { proposeCorridorSubgoals } from "../../../lib/envs/corridor.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../../lib/policy/compact/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import {
  gradientCosines,
  type MethodGradient,
  methodGradients,
} from "../../../lib/train/studies/method_gradients.ts";
import {
  gearReply,
  gradientAngles,
  gradientShares,
} from "../../../lib/plots/method_figures.ts";
import { staticSvg } from "../../../lib/plots/static_svg.ts";

await selectBackend("wasm");
const policy = createCompactPolicy({
  ...{ seed: 1, proposeSubgoals: proposeCorridorSubgoals },
  ...{ buckets: 256, embedding: 12, width: 24 },
});
const assignments = scheduleEpisodes([{
  kind: "corridor",
  length: 3,
  doors: 0,
}], {
  ...{ random: createRandom(4), tasks: 4, groupSize: 8, maxTurns: 6 },
});
const batch = await collectTrajectories(policy, assignments);
const gradients = await methodGradients(policy, batch, {
  "dr-grpo": { estimator: { name: "dr-grpo" } },
  rloo: { estimator: { name: "rloo" } },
  grpo: { estimator: { name: "grpo" } },
  sums: {
    estimator: { name: "rloo" },
    update: { aggregation: "seq-mean-token-sum" },
  },
  hae: { estimator: { name: "hae", gamma: 0.9 } },
});
const of = (name: string): MethodGradient =>
  gradients.find(({ method }) => method === name)!;

Deno.test("RLOO is Dr. GRPO times n / (n − 1) where groups have one size", () => {
  const center = of("dr-grpo"), leaveOneOut = of("rloo");
  ok(center.norm > 0);
  ok(Math.abs(leaveOneOut.norm / center.norm - 8 / 7) < 1e-4);
  const cosines = gradientCosines([center, leaveOneOut, of("grpo"), of("hae")]);
  ok(Math.abs(cosines[0]![1]! - 1) < 1e-5);
  ok(
    cosines[0]![2]! < 0.9999 && cosines[0]![2]! > 0.5,
    "divided group by group",
  );
  ok(cosines[0]![3]! < 0.99, "a critic turns it");
});

Deno.test("shares of the decisions add up to 1, and the mean over turns changes the length alone", () => {
  for (const { shares } of gradients) {
    const total = shares.switching + shares.planning + shares.execution;
    ok(Math.abs(total - 1) < 1e-9);
  }
  const [[, cosine]] = gradientCosines([of("rloo"), of("sums")]) as [
    [number, number],
  ];
  ok(cosine > 0.9999, "all units weigh alike in both");
});

Deno.test("weights of units scale the gradient", async () => {
  const units = 3 * batch.reduce((sum, { turns }) => sum + turns.length, 0);
  const [twice] = await methodGradients(policy, batch, {
    rloo: {
      estimator: { name: "rloo" },
      unitWeights: new Float32Array(units).fill(2),
    },
  });
  ok(Math.abs(twice!.norm / of("rloo").norm - 2) < 1e-4);
});

Deno.test("figures of gradients name every method and can be drawn without a browser", () => {
  const names = gradients.map(({ method }) => method);
  for (
    const figure of [
      gradientAngles(names, gradientCosines(gradients)),
      gradientShares(gradients),
    ]
  ) {
    const svg = staticSvg(figure);
    for (const name of names) ok(svg.includes(name), name);
  }
});

Deno.test("gearReply() draws decided tokens, segments colored, with threshold and weights", () => {
  const pieces = ["<a>", "go", "left"];
  const figure = gearReply({
    names: [undefined, "execution", "execution"],
    divergences: Float64Array.of(0, 2, 0.5),
    threshold: 1,
    segments: [
      { start: 0, end: 1, divergence: 0 },
      { start: 1, end: 2, divergence: 2 },
      { start: 2, end: 3, divergence: 0.5 },
    ],
    weights: Float64Array.of(1, 0.5, 1.5),
  }, {
    piece: (token) => pieces[token]!,
    decision: {
      ...{ switched: false, subgoal: "", action: "", valid: true },
      trace: {
        kind: "tokens",
        prompt: new Int32Array(0),
        reply: Int32Array.of(0, 1, 2),
        logProbs: new Float32Array(3),
        spans: {
          switching: undefined,
          planning: undefined,
          execution: { start: 1, end: 3 },
        },
      },
    },
  });
  const [divergences, weights] = figure.data;
  deepStrictEqual(divergences!["y"], ["1 go", "2 left"]);
  deepStrictEqual(divergences!["x"], [2, 0.5]);
  deepStrictEqual(weights!["x"], [0.5, 1.5]);
  deepStrictEqual(
    (divergences!["marker"] as { color: string[] }).color,
    [DECISION_COLORS.execution, GRAY],
  );
  ok(staticSvg(figure).includes("2 left"));
});
