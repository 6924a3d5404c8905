import fc from "fast-check";
import {
  deepStrictEqual,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  expertPolicy,
  mixPolicies,
  planExecute,
  type Planner,
  randomExecutor,
  randomPlanner,
  scriptedExecutor,
  scriptedPlanner,
} from "../../lib/policy/plan_execute.ts";
import type { Policy } from "../../lib/policy/policy.ts";
import { decideAt } from "./_sessions.ts";
import { createRandom } from "../../lib/random.ts";
import type { Decision, Situation, Turn } from "../../lib/trajectory.ts";

const SUBGOALS = ["find a mug", "heat it", "put it down"];
const ACTIONS = ["go to shelf 1", "take mug 1", "look"];
const proposeSubgoals = () => SUBGOALS;

const observation = {
  text: "A room.",
  admissibleActions: ACTIONS,
  stateKey: "",
};

/** Plays on nothing but its own decisions: a world that never changes. */
async function play(policy: Policy, turns: number, seed: number) {
  using session = policy.open([{ task: "heat a mug" }]);
  const decisions: Decision[] = [];
  for (let t = 0; t < turns; t++) {
    const random = createRandom(seed).fork(t);
    const [decision] = await session.decide([0], [observation], [random]);
    decisions.push(decision!);
  }
  return decisions;
}

const seeds = fc.integer({ min: 0, max: 999 });

Deno.test("planExecute() takes up a subgoal on the first turn and holds it until it switches", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const policy = planExecute(
        randomPlanner({ proposeSubgoals, switchProbability: 0.3 }),
        randomExecutor(),
      );
      let held: string | undefined;
      for (const { switched, subgoal, valid } of await play(policy, 12, seed)) {
        if (held === undefined) strictEqual(switched, true);
        if (!switched) strictEqual(subgoal, held);
        strictEqual(valid, true);
        held = subgoal;
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("planExecute() lets an executor be exchanged without changing the plans", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const planner = randomPlanner({ proposeSubgoals });
      const plans = (decisions: Decision[]) =>
        decisions.map(({ switched, subgoal }) => ({ switched, subgoal }));
      const random = planExecute(planner, randomExecutor());
      const scripted = planExecute(planner, scriptedExecutor(() => "look"));
      deepStrictEqual(
        plans(await play(random, 8, seed)),
        plans(await play(scripted, 8, seed)),
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("planExecute() lets a planner be exchanged without changing what the executor draws", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const actions = async (planner: Planner) =>
        (await play(planExecute(planner, randomExecutor()), 8, seed))
          .map(({ action }) => action);
      deepStrictEqual(
        await actions(randomPlanner({ proposeSubgoals })),
        await actions(scriptedPlanner(() => "heat it")),
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("planExecute() decides for each situation as it would for it alone", async () => {
  const policy = planExecute(
    randomPlanner({ proposeSubgoals, switchProbability: 0.5 }),
    randomExecutor(),
  );
  const held: Turn = {
    observation,
    decision: (await play(policy, 1, 3))[0]!,
    reward: 0,
  };
  const { subgoal } = held.decision;
  const situations: Situation[] = [
    { task: "a", past: [], observation },
    { task: "b", past: [held], observation, subgoal },
    {
      task: "c",
      past: [held, {
        ...held,
        decision: { ...held.decision, switched: false },
      }],
      observation,
      subgoal,
    },
  ];
  const randoms = () => situations.map((_, i) => createRandom(i));
  const together = await decideAt(policy, situations, randoms());
  for (const [i, situation] of situations.entries()) {
    const [alone] = await decideAt(policy, [situation], [
      createRandom(i),
    ]);
    deepStrictEqual(together[i], alone);
  }
});

Deno.test("planExecute() calls an action that is not admissible invalid", async () => {
  const policy = planExecute(
    scriptedPlanner(() => "leave"),
    scriptedExecutor(() => "fly"),
  );
  const [decision] = await play(policy, 1, 1);
  strictEqual(decision!.valid, false);
  strictEqual(decision!.action, "fly");
});

Deno.test("randomPlanner() never switches with probability 0 and always with 1", async () => {
  for (const [switchProbability, expected] of [[0, 1], [1, 10]] as const) {
    const planner = randomPlanner({ proposeSubgoals, switchProbability });
    const decisions = await play(planExecute(planner, randomExecutor()), 10, 2);
    strictEqual(decisions.filter((d) => d.switched).length, expected);
  }
});

Deno.test("mixPolicies() is one policy at rate 0 and the other at rate 1", async () => {
  const usual = planExecute(
    randomPlanner({ proposeSubgoals }),
    scriptedExecutor(() => "take mug 1"),
  );
  const other = planExecute(
    scriptedPlanner(() => "rest"),
    scriptedExecutor(() => "look"),
  );
  deepStrictEqual(
    await play(mixPolicies(usual, other, 0), 6, 1),
    await play(usual, 6, 1),
  );
  deepStrictEqual(
    await play(mixPolicies(usual, other, 1), 6, 1),
    await play(other, 6, 1),
  );
  const mixed = await play(mixPolicies(usual, other, 0.5), 40, 1);
  const strays = mixed.filter(({ action }) => action === "look").length;
  strictEqual(strays > 8 && strays < 32, true);
});

Deno.test("expertPolicy() switches exactly when the expert's subgoal changes", async () => {
  const subgoals = ["a", "a", "b", "b", "b", "c"];
  const hint = ({ past }: Situation) => ({
    subgoal: subgoals[past.length]!,
    action: "look",
  });
  const decisions = await play(expertPolicy(hint), 6, 1);
  deepStrictEqual(decisions.map(({ subgoal }) => subgoal), subgoals);
  deepStrictEqual(decisions.map(({ switched }) => switched), [
    true,
    false,
    true,
    false,
    false,
    true,
  ]);
});

Deno.test("expertPolicy() asks its fallback where the expert is silent, and says so without one", async () => {
  const fallback = planExecute(
    scriptedPlanner(() => "wander"),
    scriptedExecutor(() => "look"),
  );
  const [decision] = await play(expertPolicy(() => undefined, fallback), 1, 1);
  strictEqual(decision!.subgoal, "wander");
  await rejects(play(expertPolicy(() => undefined), 1, 1), {
    name: "TypeError",
    message:
      'Cannot follow the expert as there must be a hint for every situation: none for "A room."',
  });
});

Deno.test("Planners and mixtures refuse probabilities that are none", () => {
  throws(() => randomPlanner({ proposeSubgoals, switchProbability: 2 }), {
    name: "RangeError",
  });
  const policy = planExecute(
    randomPlanner({ proposeSubgoals }),
    randomExecutor(),
  );
  throws(() => mixPolicies(policy, policy, -1), { name: "RangeError" });
});
