import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openCorridorSpec } from "../../lib/envs/corridor.ts";
import { shapeRewards } from "../../lib/hae/shaping.ts";
import {
  planExecute,
  randomExecutor,
  scriptedPlanner,
} from "../../lib/policy/plan_execute.ts";
import type { Learner } from "../../lib/policy/policy.ts";
import { createTraining } from "../../lib/train/training.ts";
import { byDecision, type Trajectory } from "../../lib/trajectory.ts";
import { countingConfig } from "./_counting.ts";
import { type SampleRow, toRows } from "../_samples.ts";

Deno.test("createTraining() teaches the credit that a caller's own function gives to shaped episodes", async () => {
  const taught: SampleRow[] = [];
  const learner: Learner = {
    update(samples) {
      taught.push(...toRows(samples));
      return Promise.resolve({});
    },
    save: () => Promise.resolve(),
    load: () => Promise.resolve(),
  };
  const config = countingConfig({
    iterations: 1,
    shaping: { keepPenalty: -0.5 },
  });
  const seen: Trajectory[] = [];
  const training = createTraining(config, {
    policy: planExecute(scriptedPlanner(() => "wait"), randomExecutor()),
    learner,
    specs: [{ kind: "corridor", length: 5, doors: 1 }],
    open: openCorridorSpec,
    assignCredit(trajectories) {
      seen.push(...trajectories);
      return trajectories.map(({ turns }) => ({
        advantages: byDecision(() =>
          Float64Array.from(turns, ({ reward }, t) => 100 * t + reward)
        ),
      }));
    },
  });
  const records = await Array.fromAsync(training);
  strictEqual(records.length, 1);
  strictEqual(seen.length, records[0]!.trajectories.length);
  deepStrictEqual(
    taught.map(({ advantages }) => advantages.execution),
    seen.flatMap(({ turns }) => turns.map(({ reward }, t) => 100 * t + reward)),
  );
  deepStrictEqual(
    seen,
    shapeRewards(records[0]!.trajectories, config.shaping),
  );
  ok(seen[0]!.turns[1]!.reward < 0, "keeping was penalized");
});
