import fc from "fast-check";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Policy, Scorer } from "../../lib/policy/policy.ts";
import { refineSamples } from "../../lib/train/refine.ts";
import {
  byDecision,
  type TokenTrace,
  type Trajectory,
} from "../../lib/trajectory.ts";
import { fromRows, type SampleRow, toRows } from "../_samples.ts";

function sample(units: number, advantage: number, episode = 0): SampleRow {
  const half = Math.floor(units / 2);
  return {
    observation: { text: "", admissibleActions: ["go"], stateKey: "" },
    decision: {
      switched: true,
      subgoal: "s",
      action: "go",
      valid: true,
      trace: {
        kind: "tokens",
        prompt: new Int32Array(0),
        reply: new Int32Array(units),
        logProbs: new Float32Array(units),
        spans: {
          switching: undefined,
          planning: { start: 0, end: half },
          execution: { start: half, end: units },
        },
      },
    },
    advantages: byDecision(() => advantage),
    trained: byDecision(() => true),
    episode,
  };
}

/** Samples as turns of one episode each, and a policy whose teacher departs by the given nats on each unit. */
function refining(
  samples: readonly SampleRow[],
  divergences: readonly (readonly number[])[],
) {
  const policy: Policy & Scorer = {
    scoreSamples: (samples) =>
      samples.map((_, i) => ({
        logProbs: new Float32Array(divergences[i]!.length).fill(-1),
        entropies: new Float32Array(divergences[i]!.length).fill(0.5),
      })),
    open: () => ({
      decide: () => [],
      encode: (rows, _observations, decisions) =>
        rows.map((row, i) => ({
          ...decisions[i]!,
          trace: {
            ...decisions[i]!.trace as TokenTrace,
            logProbs: Float32Array.from(divergences[row]!, (nats) => -1 - nats),
          },
        })),
      [Symbol.dispose]() {},
    }),
  };
  const trajectories = samples.map(({ observation, decision }): Trajectory => ({
    ...{ id: "", task: "t", group: "", ending: "terminated", success: true },
    ...{ score: 1, bootstrap: byDecision(() => 0), seed: 0 },
    turns: [{ observation, decision, reward: 0 }],
  }));
  return { policy, trajectories, hint };
}

const hint = () => "the mug is in the fridge";
const rows = fc.array(
  fc.array(fc.float({ min: 0, max: 5, noNaN: true }), {
    minLength: 2,
    maxLength: 12,
  }),
  { minLength: 1, maxLength: 5 },
);

Deno.test("refineSamples() gives equal weights where the teacher departs nowhere", async () => {
  const samples = [sample(6, 1), sample(3, -1)];
  const none = [Array(6).fill(0), Array(3).fill(0)];
  const refined = toRows(
    await refineSamples(fromRows(samples), refining(samples, none)),
  );
  deepStrictEqual(refined.map(({ unitWeights }) => unitWeights), [
    new Float32Array(6).fill(1),
    new Float32Array(3).fill(1),
  ]);
});

Deno.test("refineSamples() weighs every unit above 0 and changes nothing else", async () => {
  await fc.assert(fc.asyncProperty(rows, async (divergences) => {
    const samples = divergences.map((row, i) =>
      sample(row.length, i % 2 ? 1 : -1)
    );
    const refined = toRows(
      await refineSamples(fromRows(samples), refining(samples, divergences)),
    );
    for (const [i, { unitWeights, ...rest }] of refined.entries()) {
      deepStrictEqual(rest, samples[i]);
      strictEqual(unitWeights!.length, divergences[i]!.length);
      for (const weight of unitWeights!) ok(weight > 0);
    }
  }));
});

Deno.test("refineSamples() withholds praise from a departure and concentrates blame on it", async () => {
  const divergences = [[0, 0, 0, 4, 0, 0, 0, 0], [0, 0, 0, 4, 0, 0, 0, 0]];
  const samples = [sample(8, 1), sample(8, -1)];
  const [praised, blamed] = toRows(
    await refineSamples(fromRows(samples), refining(samples, divergences)),
  );
  ok(praised!.unitWeights![3]! < praised!.unitWeights![0]!);
  ok(blamed!.unitWeights![3]! > blamed!.unitWeights![0]!);
});

Deno.test("refineSamples() refuses a scorer that leaves samples out", async () => {
  await rejects(
    refineSamples(fromRows([sample(2, 1)]), refining([], [[0, 0]])),
    {
      name: "RangeError",
      message:
        "Cannot refine samples as each of 1 must be scored: current counts are 1 and 0",
    },
  );
});
