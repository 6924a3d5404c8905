import fc from "fast-check";
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { openCorridorSpec } from "../../lib/envs/corridor.ts";
import type { OpenEnv, TextEnv } from "../../lib/envs/text_env.ts";
import {
  planExecute,
  randomExecutor,
  randomPlanner,
} from "../../lib/policy/plan_execute.ts";
import type { Policy, PolicySession } from "../../lib/policy/policy.ts";
import { createRandom } from "../../lib/random.ts";
import {
  collectTrajectories,
  playEpisodes,
} from "../../lib/rollout/collect.ts";
import { expertPolicy } from "../../lib/policy/plan_execute.ts";
import { statelessPolicy } from "../../lib/policy/session.ts";
import { withHints } from "../../lib/rollout/hints.ts";
import {
  type Assignment,
  scheduleEpisodes,
} from "../../lib/rollout/schedule.ts";
import { CORRIDOR_SUBGOALS } from "../../lib/envs/corridor.ts";

const corridor = [{ kind: "corridor", length: 5, doors: 1 }];

function schedule(tasks: number, seed = 1, maxTurns = 12): Assignment[] {
  const random = createRandom(seed);
  return scheduleEpisodes(corridor, { random, tasks, groupSize: 2, maxTurns });
}

function wanderer(): Policy {
  const proposeSubgoals = () => CORRIDOR_SUBGOALS;
  return planExecute(randomPlanner({ proposeSubgoals }), randomExecutor());
}

/** The same session; a function is called before every decision. */
function watched(
  session: PolicySession,
  look: () => void = () => {},
): PolicySession {
  return {
    decide(...turn) {
      look();
      return session.decide(...turn);
    },
    [Symbol.dispose]: () => session[Symbol.dispose](),
  };
}

/** The same worlds, answering later, the slowest first. */
function slowly(open: OpenEnv): OpenEnv {
  let opened = 0;
  const later = async <T>(value: T, wait: number) => {
    for (let i = 0; i < wait; i++) await Promise.resolve();
    return value;
  };
  return async (spec, seed) => {
    const env = await open(spec, seed);
    const wait = 5 - (opened++ % 5);
    return {
      start: async () => later(await env.start(), wait),
      step: async (action) => later(await env.step(action), wait),
    };
  };
}

Deno.test("collectTrajectories() gives the same episodes however they are batched", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 99 }),
      async (tasks, seed) => {
        const episodes = schedule(tasks, seed);
        const together = await collectTrajectories(wanderer(), episodes);
        const alone = [];
        for (const episode of episodes.toReversed()) {
          alone.unshift(...await collectTrajectories(wanderer(), [episode]));
        }
        deepStrictEqual(together, alone);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("collectTrajectories() gives the same episodes whether worlds answer now or later", async () => {
  const episodes = schedule(6);
  deepStrictEqual(
    await collectTrajectories(wanderer(), episodes, {
      open: slowly(openCorridorSpec),
    }),
    await collectTrajectories(wanderer(), episodes),
  );
});

Deno.test("collectTrajectories() starts a group alike and lets its replicas differ", async () => {
  const random = createRandom(4);
  const episodes = scheduleEpisodes(corridor, {
    random,
    tasks: 1,
    groupSize: 8,
  });
  const played = await collectTrajectories(wanderer(), episodes);
  const starts = played.map(({ turns }) => turns[0]!.observation);
  for (const start of starts) deepStrictEqual(start, starts[0]);
  const actions = played.map(({ turns }) =>
    turns.map(({ decision }) => decision.action).join()
  );
  strictEqual(new Set(actions).size > 1, true);
});

Deno.test("collectTrajectories() cuts at the limit and asks the critic what follows", async () => {
  const seen: number[] = [];
  const proposeSubgoals = () => CORRIDOR_SUBGOALS;
  const planner = randomPlanner({ proposeSubgoals });
  const critic = statelessPolicy({
    decide: async (situations, randoms) =>
      (await planner.plan(situations, randoms)).map((plan, i) => ({
        ...plan,
        action: situations[i]!.observation.admissibleActions[0]!,
        valid: true,
        trace: { kind: "untrainable" },
      })),
    values: (situations) =>
      situations.map(({ past }) => {
        seen.push(past.length);
        return { switching: 1, planning: 2, execution: 3 };
      }),
  });
  const played = await collectTrajectories(critic, schedule(8, 2, 3));
  const cut = played.filter(({ ending }) => ending === "truncated");
  strictEqual(cut.length > 0, true);
  for (const { turns, bootstrap, success } of cut) {
    strictEqual(turns.length, 3);
    strictEqual(success, false);
    deepStrictEqual(bootstrap, { switching: 1, planning: 2, execution: 3 });
  }
  deepStrictEqual(seen, cut.map(() => 3));
});

Deno.test("collectTrajectories() does not bootstrap an episode that its world ended", async () => {
  const open = withHints(openCorridorSpec);
  const expert: Policy = {
    open: (starts) => ({
      ...watched(expertPolicy().open(starts)),
      values: (rows) =>
        rows.map(() => ({ switching: 1, planning: 1, execution: 1 })),
    }),
  };
  const played = await collectTrajectories(expert, schedule(4), { open });
  for (const { ending, success, bootstrap, turns } of played) {
    strictEqual(ending, "terminated");
    strictEqual(success, true);
    deepStrictEqual(bootstrap, { switching: 0, planning: 0, execution: 0 });
    strictEqual(turns.at(-1)!.reward, 1);
    strictEqual(turns.filter(({ decision }) => decision.switched).length, 1);
  }
});

Deno.test("collectTrajectories() hands policies a past that never changes", async () => {
  const kept: { length: number; past: readonly unknown[] }[] = [];
  const hoarder = planExecute({
    plan(situations) {
      for (const { past } of situations) {
        kept.push({ past, length: past.length });
      }
      return situations.map(() => ({ switched: true, subgoal: "leave" }));
    },
  }, randomExecutor());
  await collectTrajectories(hoarder, schedule(3));
  for (const { past, length } of kept) strictEqual(past.length, length);
});

Deno.test("collectTrajectories() frees every world, whatever happens", async () => {
  for (const failing of [-1, 0, 3]) {
    let open = 0, steps = 0;
    const fragile: OpenEnv = (spec, seed): TextEnv => {
      const env = openCorridorSpec(spec, seed);
      open++;
      return {
        start: () => env.start(),
        step: (action) => {
          if (steps++ === failing) throw new Error("the lights went out");
          return env.step(action);
        },
        [Symbol.asyncDispose]: () => {
          open--;
          return Promise.resolve();
        },
      };
    };
    const playing = collectTrajectories(wanderer(), schedule(2), {
      open: fragile,
    });
    if (failing < 0) await playing;
    else {await rejects(
        playing,
        /^Error: Cannot play episode "corridor\/0.*lights/,
      );}
    strictEqual(open, 0);
  }
});

Deno.test("collectTrajectories() stops when it is told to", async () => {
  const controller = new AbortController();
  const inner = wanderer();
  let turns = 0;
  const stopping: Policy = {
    open: (starts) =>
      watched(inner.open(starts), () => {
        if (++turns === 3) controller.abort(new Error("enough"));
      }),
  };
  await rejects(
    collectTrajectories(stopping, schedule(4, 1, 50), {
      signal: controller.signal,
    }),
    { message: "enough" },
  );
  strictEqual(turns, 3);
});

Deno.test("collectTrajectories() refuses a policy that leaves situations undecided", async () => {
  const lazy: Policy = {
    open: () => ({ decide: () => [], [Symbol.dispose]() {} }),
  };
  await rejects(collectTrajectories(lazy, schedule(1)), {
    name: "TypeError",
    message:
      "Cannot collect trajectories as the policy must give one of its decisions for each of 2 situations: current count is 0",
  });
});

Deno.test("playEpisodes() reports turns, and frees worlds when its reader leaves", async () => {
  let open = 0;
  const counted: OpenEnv = (spec, seed) => {
    const env = openCorridorSpec(spec, seed);
    open++;
    return {
      start: () => env.start(),
      step: (action) => env.step(action),
      [Symbol.asyncDispose]: () => {
        open--;
        return Promise.resolve();
      },
    };
  };
  for await (
    const progress of playEpisodes(wanderer(), schedule(4), { open: counted })
  ) {
    strictEqual(progress.playing + progress.finished, 8);
    strictEqual(open, progress.playing);
    if (progress.turn === 2) break;
  }
  strictEqual(open, 0);
});
