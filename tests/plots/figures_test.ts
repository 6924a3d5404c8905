import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import * as aq from "arquero";
import type { Credit, Trajectory } from "../../lib/trajectory.ts";
import {
  creditComparison,
  episodeTimeline,
  stretches,
} from "../../lib/plots/episode_figures.ts";
import {
  actionEntropy,
  segmentLengths,
  switchRate,
  valueCalibration,
} from "../../lib/plots/batch_figures.ts";
import {
  ablationForest,
  learningCurve,
  successByTaskType,
} from "../../lib/plots/learning_figures.ts";

interface Step {
  readonly switched: boolean;
  readonly reward: number;
  readonly value: number;
}
const steps = fc.array(
  fc.record({
    switched: fc.boolean(),
    reward: fc.integer(),
    value: fc.integer(),
  }),
  { minLength: 1, maxLength: 20 },
);

function episode(played: readonly Step[]): Trajectory {
  return {
    id: "test/0",
    task: "put a mug on a desk",
    group: "test",
    turns: played.map(({ switched, reward, value }, t) => ({
      observation: {
        text: `room ${t}`,
        admissibleActions: ["go"],
        stateKey: String(t),
      },
      decision: {
        switched,
        subgoal: `subgoal ${t}`,
        action: "go",
        valid: true,
        trace: { kind: "untrainable" },
        values: { switching: value, planning: value, execution: value },
      },
      reward,
    })),
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: { switching: 0, planning: 0, execution: 0 },
    seed: 0,
  };
}

function constantCredit(turns: number, value: number): Credit {
  const column = () => new Float64Array(turns).fill(value);
  return {
    advantages: {
      switching: column(),
      planning: column(),
      execution: column(),
    },
  };
}

Deno.test("stretches() tile the episode", () => {
  fc.assert(fc.property(steps, (played) => {
    const parts = stretches(episode(played));
    strictEqual(parts[0]!.start, 0);
    strictEqual(parts.at(-1)!.end, played.length);
    for (const [k, part] of parts.entries()) {
      ok(part.end > part.start);
      strictEqual(part.end, parts[k + 1]?.start ?? played.length);
    }
  }));
});

Deno.test("episodeTimeline() colors every segment and shows planning only where it happened", () => {
  fc.assert(fc.property(steps, (played) => {
    const trajectory = episode(played);
    const { data, layout } = episodeTimeline(
      trajectory,
      constantCredit(played.length, 1),
    );
    strictEqual(
      (layout["shapes"] as unknown[]).length,
      stretches(trajectory).length,
    );
    const planning = data.find(({ name }) => name === "advantage of planning")!;
    const shown = (planning["y"] as (number | null)[]).filter((y) =>
      y !== null
    );
    strictEqual(shown.length, stretches(trajectory).length);
  }));
});

Deno.test("creditComparison() draws one series for each estimator, turn by turn", () => {
  const trajectory = episode([{ switched: true, reward: 0, value: 0 }, {
    switched: false,
    reward: 1,
    value: 0,
  }]);
  const { data } = creditComparison(trajectory, {
    hae: constantCredit(2, 1),
    gae: constantCredit(2, 2),
  });
  deepStrictEqual(data.map(({ name, y }) => [name, y]), [["hae", [1, 1]], [
    "gae",
    [2, 2],
  ]]);
});

Deno.test("segmentLengths() shares sum to one", () => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 1, maxLength: 5 }), (episodes) => {
      const shares = segmentLengths(episodes.map(episode))
        .data[0]!["y"] as number[];
      ok(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-12);
    }),
  );
});

Deno.test("valueCalibration() puts a perfect critic on the diagonal", () => {
  const perfect = episode([{ switched: true, reward: 1, value: 3 }, {
    switched: false,
    reward: 2,
    value: 2,
  }]);
  for (const trace of valueCalibration([perfect], { gamma: 1 }).data) {
    deepStrictEqual(trace["x"], trace["y"]);
  }
  const bootstrap = { switching: 2, planning: 9, execution: 9 };
  const cut: Trajectory = {
    ...episode([{ switched: true, reward: 1, value: 2 }]),
    ending: "truncated",
    bootstrap,
  };
  deepStrictEqual(valueCalibration([cut], { gamma: 0.5 }).data[1]!["y"], [2]); // 1 + 0.5 * 2
});

Deno.test("learningCurve() draws the mean and the range over runs", () => {
  const metrics = aq.table({
    iteration: [0, 0, 1, 1],
    run: ["a", "b", "a", "b"],
    reward: [0, 2, 4, 8],
  });
  const [low, high, line] = learningCurve(metrics, { metric: "reward" }).data;
  deepStrictEqual([low!["y"], high!["y"], line!["y"]], [[0, 4], [2, 8], [
    1,
    6,
  ]]);
  const split =
    learningCurve(metrics, { metric: "reward", by: "run", smooth: 2 }).data;
  deepStrictEqual(split.map(({ name, y }) => [name, y]), [["a", [0, 2]], ["b", [
    2,
    5,
  ]]]);
  throws(() => learningCurve(metrics, { metric: "rewards" }), {
    name: "TypeError",
    message:
      /must have a column "rewards": its columns are "iteration", "run", "reward"/,
  });
});

Deno.test("successByTaskType() keeps its interval around the rate and within [0, 1]", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.nat(500),
      (episodes, wins) => {
        const rate = Math.min(wins, episodes) / episodes;
        const table = aq.table({
          split: ["unseen"],
          task_type: ["heat"],
          success_rate: [rate],
          episodes: [episodes],
        });
        const { array, arrayminus } = successByTaskType(table)
          .data[0]!["error_y"] as Record<string, number[]>;
        ok(array![0]! >= 0 && rate + array![0]! <= 1 + 1e-12);
        ok(arrayminus![0]! >= 0 && rate - arrayminus![0]! >= -1e-12);
      },
    ),
  );
});

Deno.test("ablationForest() places the interval around the mean", () => {
  const summary = aq.table({
    cell: ["hae"],
    mean: [0.9],
    low: [0.7],
    high: [1],
  });
  const { array, arrayminus } = ablationForest(summary, { metric: "success" })
    .data[0]!["error_x"] as Record<string, number[]>;
  ok(
    Math.abs(array![0]! - 0.1) < 1e-12 &&
      Math.abs(arrayminus![0]! - 0.2) < 1e-12,
  );
});

Deno.test("switchRate() draws the share of episodes that switch on each turn but the first", () => {
  fc.assert(
    fc.property(fc.array(steps, { minLength: 1, maxLength: 8 }), (played) => {
      const line = switchRate(played.map(episode)).data[2]!;
      const [x, y] = [line["x"], line["y"]] as [number[], number[]];
      for (const [i, t] of x.entries()) {
        ok(t > 0);
        const there = played.filter((steps) => steps.length > t);
        const switched = there.filter((steps) => steps[t]!.switched).length;
        ok(Math.abs(y[i]! - switched / there.length) < 1e-12);
      }
    }),
  );
});

/** An episode whose every decision was drawn with one probability. */
function drawn(probability: number, turns: number): Trajectory {
  const { turns: played, ...rest } = episode(
    Array(turns).fill({ switched: true, reward: 0, value: 0 }),
  );
  const logProb = Math.log(probability);
  const logProbs = {
    switching: logProb,
    planning: logProb,
    execution: logProb,
  };
  const chosen = { switching: 1, planning: 0, execution: 0 };
  const trace = { kind: "choices", subgoals: ["s"], chosen, logProbs } as const;
  return {
    ...rest,
    turns: played.map((turn) => ({
      ...turn,
      decision: { ...turn.decision, trace },
    })),
  };
}

Deno.test("actionEntropy() is the entropy where all choices are alike, and 0 where there was none", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), (n) => {
    const { data } = actionEntropy([drawn(1 / n, 4), drawn(1 / n, 4)]);
    strictEqual(data.length, 9);
    for (const trace of data) {
      for (const entropy of trace["y"] as number[]) {
        ok(Math.abs(entropy - Math.log(n)) < 1e-9);
      }
    }
  }));
  deepStrictEqual(actionEntropy([episode([])]).data, []);
});

Deno.test("actionEntropy() sums a decision's tokens and leaves forced ones out", () => {
  const { turns, ...rest } = drawn(1, 1);
  const trace = {
    kind: "tokens",
    prompt: new Int32Array(),
    reply: new Int32Array(3),
    logProbs: new Float32Array([-1, -2, -4]),
    spans: {
      switching: undefined,
      planning: undefined,
      execution: { start: 0, end: 3 },
    },
    sampled: new Uint8Array([1, 0, 1]),
  } as const;
  const written = turns.map((turn) => ({
    ...turn,
    decision: { ...turn.decision, trace },
  }));
  const { data } = actionEntropy([{ ...rest, turns: written }]);
  deepStrictEqual(data.map(({ y }) => y), [[5], [5], [5]]);
});
