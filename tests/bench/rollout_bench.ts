/**
 * What playing costs besides policy and worlds, and when Workers pay.
 *
 * The overhead of a turn is the time of `collectTrajectories` over the number of turns, less that
 * of the bare loop over the same worlds with the same policy.
 *
 * @module
 */

import { createEnvOpener } from "../../lib/envs/open_env.ts";
import { openCorridorSpec } from "../../lib/envs/corridor.ts";
import type { EnvSpec, OpenEnv, TextEnv } from "../../lib/envs/text_env.ts";
import type { Policy } from "../../lib/policy/policy.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { createEnvPool } from "../../lib/rollout/env_pool.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import type { Decision } from "../../lib/trajectory.ts";

const EPISODES = 64;
const TURNS = 50;

/** Waits forever, so that every episode has all its turns. */
const decision: Decision = {
  switched: false,
  subgoal: "wait",
  action: "wait",
  valid: true,
  trace: { kind: "untrainable" },
};
const waiter: Policy = {
  open: () => ({
    decide: (rows) => rows.map(() => decision),
    [Symbol.dispose]() {},
  }),
};

function schedule(spec: EnvSpec) {
  return scheduleEpisodes([spec], {
    random: createRandom(1),
    tasks: EPISODES,
    maxTurns: TURNS,
  });
}

/** A world that costs nothing: what is measured is the collector. */
const openNothing: OpenEnv = () => {
  const observation = { text: "", admissibleActions: ["wait"], stateKey: "" };
  const step = { observation, reward: 0, success: false };
  return { start: () => ({ task: "wait", observation }), step: () => step };
};
/** The same, answering later. */
const openLater: OpenEnv = async (spec, seed) => {
  const env: TextEnv = await openNothing(spec, seed);
  return {
    start: () => Promise.resolve(env.start()),
    step: (action) => Promise.resolve(env.step(action)),
  };
};

const nothing = schedule({ kind: "nothing" });
const corridors = schedule({ kind: "corridor", length: 9 });
const group = `overhead of ${EPISODES} episodes of ${TURNS} turns`;

Deno.bench(
  "bare loop over worlds that cost nothing",
  { group, baseline: true },
  () => {
    for (const { spec, seed } of nothing) {
      const env = openNothing(spec, seed) as TextEnv;
      env.start();
      for (let t = 0; t < TURNS; t++) env.step("wait");
    }
  },
);

Deno.bench(
  "collectTrajectories, worlds that answer at once",
  { group },
  async () => {
    await collectTrajectories(waiter, nothing, { open: openNothing });
  },
);

Deno.bench(
  "collectTrajectories, worlds that answer later",
  { group },
  async () => {
    await collectTrajectories(waiter, nothing, { open: openLater });
  },
);

Deno.bench(
  "collectTrajectories, one episode at a time",
  { group },
  async () => {
    for (const episode of nothing) {
      await collectTrajectories(waiter, [episode], { open: openNothing });
    }
  },
);

const where = "corridors: where the policy is, or in Workers";

Deno.bench("here", { group: where, baseline: true }, async () => {
  await collectTrajectories(waiter, corridors, { open: openCorridorSpec });
});

for (const workers of [1, 2]) {
  const pool = createEnvPool({ workers });
  Deno.bench(`${workers} Workers`, { group: where }, async () => {
    await collectTrajectories(waiter, corridors, { open: pool.open });
  });
}

const households = schedule({ kind: "household" });
const openers = "households: where the policy is, or in Workers";

const open = createEnvOpener();

Deno.bench(
  "here ",
  { group: openers, baseline: true, n: 3, warmup: 1 },
  async () => {
    await collectTrajectories(waiter, households, { open });
  },
);

for (const workers of [1, 2]) {
  const pool = createEnvPool({ workers });
  Deno.bench(
    `${workers} Workers `,
    { group: openers, n: 3, warmup: 1 },
    async () => {
      await collectTrajectories(waiter, households, { open: pool.open });
    },
  );
}
