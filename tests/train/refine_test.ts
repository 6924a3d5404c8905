import fc from "fast-check";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Policy, Scorer } from "../../lib/policy/policy.ts";
import { refineReplies, refineSamples } from "../../lib/train/refine.ts";
import { partingDecision, summarizeReplies } from "../../lib/train/partings.ts";
import { teacherHints } from "../../lib/train/teacher.ts";
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

Deno.test("refineReplies() takes its threshold from a group of episodes, undecided units aside", async () => {
  const samples = [0, 1, 2, 3].map((episode) => sample(4, 1, episode));
  const divergences = [[1, 1, 1, 1], [1, 1, 1, 1], [9, 9, 9, 9], [9, 9, 9, 9]];
  const { trajectories, ...rest } = refining(samples, divergences);
  const grouped = trajectories.map((one, i) => ({
    ...one,
    group: i < 2 ? "a" : "b",
  }));
  const replies = await refineReplies(fromRows(samples), {
    ...{ ...rest, trajectories: grouped, spikeQuantile: 1 },
  });
  deepStrictEqual(replies.map(({ threshold }) => threshold), [1, 1, 9, 9]);
  const alone = await refineReplies(fromRows(samples), {
    ...rest,
    trajectories: trajectories.map((one, i) => ({ ...one, group: `${i}` })),
    spikeQuantile: 1,
  });
  deepStrictEqual(alone.map(({ threshold }) => threshold), [9, 9, 9, 9]);
});

Deno.test("refineReplies() weighs decisions of different credits apart, each with its own sign and a mean of 1", async () => {
  const one = sample(8, 1);
  const split = {
    ...one,
    advantages: { switching: 0, planning: -2, execution: 3 },
  };
  const divergences = [[0, 0, 4, 0, 0, 0, 4, 0]];
  const options = { ...refining([split], divergences), minimumLength: 1 };
  const [reply] = await refineReplies(fromRows([split]), {
    ...{ ...options, maximumLength: 1, bounds: [0.01, 100] },
    spikeQuantile: 0.5,
  });
  const weights = [...reply!.weights];
  const mean = (some: number[]) => some.reduce((a, b) => a + b, 0) / 4;
  ok(Math.abs(mean(weights.slice(0, 4)) - 1) < 1e-9);
  ok(Math.abs(mean(weights.slice(4)) - 1) < 1e-9);
  ok(weights[2]! > 1, "blame is concentrated on the plan's departure");
  ok(weights[6]! < 1, "praise is withheld from the action's");
  deepStrictEqual(
    reply!.segments.filter(({ divergence }) => divergence > reply!.threshold)
      .map(({ start }) => start),
    [2, 6],
  );
});

Deno.test('refineReplies() by "departing" sees only what the teacher finds less likely', async () => {
  const samples = [sample(4, 1)];
  const divergences = [[2, -2, 0, 0]];
  const options = refining(samples, divergences);
  const [both] = await refineReplies(fromRows(samples), options);
  deepStrictEqual([...both!.divergences], [2, 2, 0, 0]);
  const [one] = await refineReplies(fromRows(samples), {
    ...{ ...options, divergence: "departing" },
  });
  deepStrictEqual([...one!.divergences], [2, 0, 0, 0]);
});

Deno.test("the teacher is told of the expert's plan, or of the shortest success of the group", () => {
  const episode = (
    id: string,
    group: string,
    actions: string[],
    success: boolean,
  ) => ({
    ...{ id, group, task: "t", ending: "terminated" as const, success },
    ...{ score: 0, bootstrap: byDecision(() => 0), seed: 0 },
    turns: actions.map((action) => ({
      observation: { text: "", admissibleActions: [], stateKey: "" },
      decision: {
        ...{ switched: true, subgoal: "s", action, valid: true },
        trace: { kind: "untrainable" as const },
      },
      reward: 0,
    })),
  });
  const trajectories = [
    episode("0", "a", ["x", "y", "z"], true),
    episode("1", "a", ["x", "z"], true),
    episode("2", "a", ["x"], false),
    episode("3", "b", ["x"], false),
  ];
  const situation = {
    ...{ task: "t", past: [] },
    observation: { text: "", admissibleActions: [], stateKey: "" },
  };
  const known = (text: string, teacher?: "group") => {
    const of = teacherHints({
      ...{ trajectories, hint: () => text, ...(teacher && { teacher }) },
    });
    return trajectories.map((_, row) => of(situation, row));
  };
  const attempt = "A successful attempt: x, z.";
  deepStrictEqual(known("plan"), ["plan", "plan", "plan", "plan"]);
  deepStrictEqual(known(""), [attempt, attempt, attempt, ""]);
  deepStrictEqual(known("plan", "group"), [attempt, attempt, attempt, ""]);
});

Deno.test("partings are the first decision in which expert and policy differ, and are counted", async () => {
  const turn = (
    expert: [subgoal: string, action: string],
    own: [switched: boolean, subgoal: string, action: string],
  ) => {
    const row = sample(4, 1);
    const [switched, subgoal, action] = own;
    return {
      ...row,
      observation: {
        ...row.observation,
        hint: { subgoal: expert[0], action: expert[1] },
      },
      decision: { ...row.decision, switched, subgoal, action },
    };
  };
  const rows = [
    turn(["p", "go"], [true, "p", "go"]),
    turn(["p", "go"], [true, "q", "go"]),
    turn(["r", "go"], [true, "s", "go"]),
    turn(["s", "go"], [false, "s", "stay"]),
  ];
  const { trajectories, ...rest } = refining(rows, [
    ...[[0, 0, 0, 0], [0, 0, 0, 0], [0, 5, 0, 0], [5, 0, 0, 5]],
  ]);
  const [first] = trajectories;
  const played = {
    ...first!,
    turns: trajectories.flatMap(({ turns }) => turns),
  };
  deepStrictEqual(played.turns.map((_, t) => partingDecision(played, t)), [
    ...[undefined, "switching", "planning", "execution"],
  ]);
  const replies = await refineReplies(fromRows(rows), {
    ...{ ...rest, trajectories, spikeQuantile: 0.5 },
  });
  const summary = summarizeReplies(replies, [played]);
  strictEqual(summary.gear_segments, 3 / 4);
  strictEqual(summary.gear_starts_at_parting, 2 / 3);
  strictEqual(summary.gear_units_at_parting, 4 / 16);
  strictEqual(summary.gear_partings_found, 2 / 3);
});
