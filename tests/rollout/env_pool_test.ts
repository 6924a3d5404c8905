import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { CORRIDOR_SUBGOALS } from "../../lib/envs/corridor.ts";
import {
  expertPolicy,
  planExecute,
  randomExecutor,
  randomPlanner,
} from "../../lib/policy/plan_execute.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { createEnvPool } from "../../lib/rollout/env_pool.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";

const episodes = scheduleEpisodes([{ kind: "corridor" }], {
  random: createRandom(1),
  tasks: 7,
  groupSize: 2,
  maxTurns: 15,
});

const wanderer = planExecute(
  randomPlanner({ proposeSubgoals: () => CORRIDOR_SUBGOALS }),
  randomExecutor(),
);

Deno.test("createEnvPool() changes nothing in the episodes, however many Workers it has", async () => {
  const here = await collectTrajectories(wanderer, episodes);
  for (const workers of [1, 3]) {
    await using pool = createEnvPool({ workers });
    const there = await collectTrajectories(wanderer, episodes, {
      open: pool.open,
    });
    deepStrictEqual(there, here);
  }
});

Deno.test("createEnvPool() passes on what experts say", async () => {
  await using pool = createEnvPool({ workers: 2, hints: true });
  const played = await collectTrajectories(expertPolicy(), episodes, {
    open: pool.open,
  });
  strictEqual(played.every(({ success }) => success), true);
});

Deno.test("createEnvPool() passes on why a world cannot be opened", async () => {
  await using pool = createEnvPool({ workers: 1 });
  await rejects(
    async () => await pool.open({ kind: "corridor", length: 4 }, 1),
    /"length" must be odd and at least 3: current value is 4/,
  );
});

Deno.test("createEnvPool() refuses calls after its end", async () => {
  const pool = createEnvPool({ workers: 1 });
  const env = await pool.open({ kind: "corridor" }, 1);
  await pool[Symbol.asyncDispose]();
  await rejects(async () => await env.start(), {
    message: "Cannot reach a world as the pool has ended",
  });
});
