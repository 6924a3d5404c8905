import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { HOUSEHOLD_GUIDE } from "../../../lib/envs/household/guide.ts";
import { createEnvOpener } from "../../../lib/envs/open_env.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  type CompactPolicy,
  type CompactPolicyOptions,
  createCompactPolicy,
} from "../../../lib/policy/compact/policy.ts";
import {
  stepsOfStrategy,
  strategyOf,
} from "../../../lib/policy/compact/strategies.ts";
import type { StrategicPolicy } from "../../../lib/policy/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { drawStrategies } from "../../../lib/rollout/strategies.ts";

await selectBackend("wasm");

const { proposeSteps, proposeStrategy, subgoalRule } = HOUSEHOLD_GUIDE;
const SPEC = { kind: "household", split: "train", difficulty: "easy" };

const makePolicy = (options: Partial<CompactPolicyOptions> = {}) =>
  createCompactPolicy({
    ...{ seed: 3, executor: "subgoal", subgoals: "steps" },
    proposeSubgoals: proposeSteps!,
    achieved: subgoalRule!.achieved,
    strategy: {
      steps: 3,
      propose: proposeStrategy!,
      achieved: subgoalRule!.achieved,
    },
    ...options,
  });

/** The policy with the power that it has by its setting. */
const writer = (policy: CompactPolicy): StrategicPolicy => ({
  open: (starts) => policy.open(starts),
  drawStrategies: policy.drawStrategies!,
});

const random = createRandom(1);
const EPISODES = scheduleEpisodes([SPEC], {
  ...{ random, tasks: 3, groupSize: 4, maxTurns: 12 },
});
const DRAWING = { drawn: 12, kept: 2, open: createEnvOpener() };

Deno.test("a strategy is composed of what is listed, and its choices score as they were drawn", async () => {
  const policy = makePolicy();
  const { groups } = await drawStrategies(writer(policy), EPISODES, DRAWING);
  for (const { kept } of groups) {
    for (const { strategy, choices } of kept) {
      deepStrictEqual(
        choices.map(({ decision }) => decision.subgoal),
        strategy.steps,
      );
      deepStrictEqual(stepsOfStrategy(strategy.text), strategy.steps);
      const scored = policy.scoreSamples(choices) as Awaited<
        ReturnType<typeof policy.scoreSamples>
      >;
      for (const [k, { decision: { trace } }] of choices.entries()) {
        strictEqual(trace.kind, "choices");
        if (trace.kind !== "choices") continue;
        ok(trace.subgoals.includes(strategy.steps[k]!));
        const [switching, planning, execution] = scored[k]!.logProbs;
        ok(Math.abs(planning! - trace.logProbs.planning) < 1e-5);
        deepStrictEqual([switching, execution], [0, 0]);
      }
    }
  }
  policy.dispose();
});

Deno.test("a strategy is followed step by step and never left", async () => {
  const policy = makePolicy();
  const { assignments } = await drawStrategies(
    writer(policy),
    EPISODES,
    DRAWING,
  );
  const played = await collectTrajectories(policy, assignments);
  let moves = 0;
  for (const [i, { strategy, turns, task }] of played.entries()) {
    const { steps, text } = assignments[i]!.strategy!;
    strictEqual(strategy, text);
    let place = 0;
    for (const [t, { decision, observation }] of turns.entries()) {
      const past = turns.slice(0, t);
      const achieved = t > 0 && place + 1 < steps.length &&
        subgoalRule!.achieved(steps[place]!, { task, past, observation });
      if (achieved) {
        place++;
        moves++;
      }
      strictEqual(decision.subgoal, steps[place]);
      strictEqual(decision.switched, t === 0 || achieved);
      strictEqual(decision.strategy, t === 0 ? text : undefined);
    }
  }
  ok(moves > 0);
  policy.dispose();
});

Deno.test("an episode that starts without a strategy draws its own, greedily at temperature 0", async () => {
  const policy = makePolicy();
  const own = await collectTrajectories(policy, EPISODES);
  ok(new Set(own.map(({ strategy }) => strategy)).size > 3);
  const greedy = await collectTrajectories(policy.atTemperature(0), EPISODES);
  const groups = Map.groupBy(greedy, ({ group }) => group);
  for (const episodes of groups.values()) {
    strictEqual(new Set(episodes.map(({ strategy }) => strategy)).size, 1);
  }
  policy.dispose();
});

Deno.test("without the setting a policy draws none, and with it subgoals cannot be exchanged", () => {
  const { strategy: _, ...plain } = {
    ...{ seed: 1, strategy: undefined },
    proposeSubgoals: proposeSteps!,
  };
  const turnwise = createCompactPolicy(plain);
  strictEqual(turnwise.drawStrategies, undefined);
  turnwise.dispose();
  const policy = makePolicy();
  throws(() => policy.intervened(() => ""), /it follows a strategy/);
  strictEqual(strategyOf(["a", "b"]).text, "a, then b");
  policy.dispose();
});
