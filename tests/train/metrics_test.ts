import fc from "fast-check";
import { toEpisodeBatch } from "../../lib/episode_batch.ts";
import { ok, strictEqual, throws } from "node:assert/strict";
import {
  METRIC_MEANINGS,
  summarizeCredit,
  summarizeTrajectories,
} from "../../lib/train/metrics.ts";
import {
  byDecision,
  type Credit,
  type Trajectory,
  type Turn,
} from "../../lib/trajectory.ts";

interface Sketch {
  switches: boolean[];
  success: boolean;
  truncated: boolean;
  taskType: string | undefined;
}

function episode(
  { switches, success, truncated, taskType }: Sketch,
): Trajectory {
  let segment = 0;
  const turns = switches.map((switched, t): Turn => ({
    observation: { text: "", admissibleActions: ["go"], stateKey: "" },
    decision: {
      switched: switched || t === 0,
      subgoal: `s${switched || t === 0 ? ++segment : segment}`,
      action: "go",
      valid: t % 2 === 0,
      trace: { kind: "untrainable" },
      values: byDecision(() => t),
    },
    reward: 0.5,
  }));
  return {
    id: "e",
    task: "leave",
    ...(taskType === undefined ? {} : { taskType }),
    group: "g",
    turns,
    ending: truncated ? "truncated" : "terminated",
    success,
    score: success ? 1 : 0.25,
    bootstrap: byDecision(() => 0),
    seed: 0,
  };
}

const episodes = fc.array(
  fc.record({
    switches: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
    success: fc.boolean(),
    truncated: fc.boolean(),
    taskType: fc.constantFrom(undefined, "heat", "cool"),
  }),
  { minLength: 1, maxLength: 9 },
).map((sketches) => sketches.map(episode));

Deno.test("summarizeTrajectories() gives shares in [0, 1], segments that tile turns, and finite numbers", () => {
  fc.assert(fc.property(episodes, (trajectories) => {
    const row = summarizeTrajectories(trajectories);
    for (const [name, value] of Object.entries(row)) {
      ok(Number.isFinite(value), name);
      if (/_rate/.test(name)) ok(value >= 0 && value <= 1, name);
      const meaning = name.replace(/\/.*/, "/<task type>");
      ok(METRIC_MEANINGS[meaning] !== undefined, `${name} is explained`);
    }
    const product = row.segments! * row.segment_length!;
    ok(Math.abs(product - row.turns!) < 1e-9);
    ok(Math.abs(row.return! - 0.5 * row.turns!) < 1e-9);
  }));
});

Deno.test("summarizeTrajectories() of two halves averages to that of the whole", () => {
  fc.assert(fc.property(episodes, episodes, (some, others) => {
    const whole = summarizeTrajectories([...some, ...others]);
    const [a, b] = [summarizeTrajectories(some), summarizeTrajectories(others)];
    for (const name of ["success_rate", "score", "turns", "truncated_rate"]) {
      const mixed = (a[name]! * some.length + b[name]! * others.length) /
        (some.length + others.length);
      ok(Math.abs(mixed - whole[name]!) < 1e-9, name);
    }
  }));
});

Deno.test("summarizeTrajectories() counts what can be counted by hand", () => {
  const row = summarizeTrajectories([
    episode({
      switches: [true, false, false, true],
      success: true,
      truncated: false,
      taskType: "heat",
    }),
    episode({
      switches: [true, false],
      success: false,
      truncated: true,
      taskType: "cool",
    }),
  ]);
  strictEqual(row.success_rate, 0.5);
  strictEqual(row["success_rate/heat"], 1);
  strictEqual(row["success_rate/cool"], 0);
  strictEqual(row.turns, 3);
  strictEqual(row.switch_rate, 1 / 4); // one switch on the four turns after the first ones
  strictEqual(row.segment_length, 2);
  strictEqual(row.truncated_rate, 0.5);
  strictEqual(row.valid_rate, 0.5);
  strictEqual(row.subgoals, 2);
  throws(() => summarizeTrajectories([]), { name: "RangeError" });
});

Deno.test("summarizeCredit() explains all variance when values are the targets but for a constant, and less than none when they are the opposite", () => {
  const trajectory = episode({
    switches: [true, false, true, false],
    success: true,
    truncated: false,
    taskType: undefined,
  });
  const batch = toEpisodeBatch([trajectory]);
  const credit = (target: (t: number) => number): Credit => ({
    advantages: byDecision(() => new Float64Array([1, -1, 1, -1])),
    targets: byDecision(() => Float64Array.from([0, 1, 2, 3], target)),
  });
  const exact = summarizeCredit(batch, credit((t) => t));
  strictEqual(exact["explained_variance/execution"], 1);
  strictEqual(exact["value_bias/execution"], 0);
  strictEqual(exact["advantage_deviation/switching"], 1);
  strictEqual(exact["advantage_deviation/planning"], 0); // turns 0 and 2 only
  const shifted = summarizeCredit(batch, credit((t) => t + 5));
  strictEqual(shifted["explained_variance/execution"], 1);
  strictEqual(shifted["value_bias/execution"], -5);
  const flipped = summarizeCredit(batch, credit((t) => -t));
  strictEqual(flipped["explained_variance/execution"], -3);
});
