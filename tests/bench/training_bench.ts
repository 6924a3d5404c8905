/**
 * How fast the household presets train on this machine, with one thread and with all cores, and where time goes.
 *
 * Turns a second are those of a whole rollout with the compact policy, worlds where the policy is;
 * samples a second are turns seen by the learner, once for each epoch. The shares are of a whole
 * iteration, the first two left out as they compile.
 *
 * @module
 */

import { createEnvOpener } from "../../lib/envs/open_env.ts";
import { HOUSEHOLD_TASK_TYPES } from "../../lib/envs/household/task.ts";
import { proposeHouseholdSubgoals } from "../../lib/envs/household/subgoals.ts";
import type { OpenEnv, TextEnv } from "../../lib/envs/text_env.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../lib/policy/compact/policy.ts";
import { defineConfig } from "../../lib/train/config/config.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { PRESETS } from "../../lib/train/config/presets.ts";
import { assembleTraining } from "../../lib/train/assemble.ts";
import { createTraining, type Training } from "../../lib/train/training.ts";
import { describeMachine } from "./_machine.ts";

const TASKS = 64, WARM = 2, MEASURED = 3;
/** Seconds in parts of a rollout. */
const spent = { worlds: 0, policy: 0 };

/** Runs, and adds the time to a part. */
function timed<T>(part: keyof typeof spent, run: () => T): T {
  const start = performance.now();
  try {
    return run();
  } finally {
    spent[part] += (performance.now() - start) / 1000;
  }
}

const openHousehold = createEnvOpener();
const open: OpenEnv = (spec, seed) => {
  const env = timed("worlds", () => openHousehold(spec, seed)) as TextEnv;
  return {
    start: () => timed("worlds", () => env.start()),
    step: (action) => timed("worlds", () => env.step(action)),
  };
};

/** The preset with fewer episodes, its parts under the stopwatch. */
function prepare(): Training {
  const config = defineConfig(PRESETS.household, {
    seed: 1,
    iterations: 10_000,
    rollout: { tasks: TASKS },
    evaluation: { every: 0 },
  });
  const policy = createCompactPolicy({
    seed: 1,
    proposeSubgoals: proposeHouseholdSubgoals,
  });
  return createTraining(config, {
    policy: {
      open(starts) {
        const session = policy.open(starts);
        return {
          decide: (...turn) => timed("policy", () => session.decide(...turn)),
          values: (...turn) => timed("policy", () => session.values(...turn)),
          [Symbol.dispose]: () => session[Symbol.dispose](),
        };
      },
    },
    learner: createPpoLearner(policy),
    specs: HOUSEHOLD_TASK_TYPES.map((taskType) => ({
      kind: "household",
      split: "train",
      taskType,
      hints: false,
    })),
    open,
  });
}

/** Trains for some iterations, and says what they did. */
async function iterate(training: Training, times: number) {
  const sums = { turns: 0, samples: 0, rollout: 0, credit: 0, update: 0 };
  const until = training.iteration + times;
  for await (const { trajectories, metrics, timing } of training) {
    const turns = trajectories.reduce((n, { turns }) => n + turns.length, 0);
    sums.turns += turns;
    sums.samples += turns * metrics["epochs"]!;
    for (const stage of ["rollout", "credit", "update"] as const) {
      sums[stage] += timing[stage]!;
    }
    if (training.iteration === until) break;
  }
  return sums;
}

await selectBackend("wasm");
const training = prepare();
await iterate(training, WARM);
spent.worlds = spent.policy = 0;
const sums = await iterate(training, MEASURED);
const whole = sums.rollout + sums.credit + sums.update;
const share = (seconds: number) => `${(100 * seconds / whole).toFixed(0)} %`;
console.log(`${describeMachine()}; ${TASKS} households at once`);
console.log(
  `rollout: ${(sums.turns / sums.rollout).toFixed(0)} turns a second; update: ${
    (sums.samples / sums.update).toFixed(0)
  } samples a second`,
);
console.log(
  `shares: worlds ${share(spent.worlds)}, policy ${
    share(spent.policy)
  }, rest of the rollout ${
    share(sums.rollout - spent.worlds - spent.policy)
  }, credit ${share(sums.credit)}, learner ${share(sums.update)}`,
);

/** The preset as a user trains it, on one thread or on as many as there are cores; they take turns. */
async function compareThreads() {
  const settings = {
    ...{ seed: 1, iterations: 10_000 },
    rollout: { tasks: TASKS },
    evaluation: { every: 0 },
  };
  const teams = [];
  for (const threads of [1, 0]) {
    const config = defineConfig(PRESETS["household-easy"], settings, {
      threads,
    });
    teams.push({
      name: threads === 1 ? "one thread" : "a thread for each core",
      training: await assembleTraining(config),
      sums: [] as Awaited<ReturnType<typeof iterate>>[],
    });
  }
  for (let i = 0; i < WARM + MEASURED; i++) {
    for (const { training, sums } of teams) {
      const sum = await iterate(training, 1);
      if (i >= WARM) sums.push(sum);
    }
  }
  for (const { name, sums } of teams) {
    const total = (of: keyof typeof sums[number]) =>
      sums.reduce((sum, one) => sum + one[of], 0);
    const seconds = total("rollout") + total("credit") + total("update");
    const per = (count: number, by: number) => (count / by).toFixed(0);
    console.log(
      `household-easy, ${name}: ${
        per(total("turns"), seconds)
      } turns a second of a whole iteration; rollout ${
        per(total("turns"), total("rollout"))
      } turns, update ${
        per(total("samples"), total("update"))
      } samples a second`,
    );
  }
  return teams;
}

for (const { name, training } of await compareThreads()) {
  Deno.bench(name, {
    ...{ n: MEASURED, warmup: 1, baseline: name === "one thread" },
    group: `an iteration of household-easy, ${TASKS} episodes`,
  }, async () => {
    await iterate(training, 1);
  });
}
