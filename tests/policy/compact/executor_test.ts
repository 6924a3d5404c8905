import * as tf from "@tensorflow/tfjs-core";
import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  strictEqual,
} from "node:assert/strict";
import { HOUSEHOLD_GUIDE } from "../../../lib/envs/household/guide.ts";
import { openHousehold } from "../../../lib/envs/household/household.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  type CompactPolicy,
  type CompactPolicyOptions,
  createCompactPolicy,
} from "../../../lib/policy/compact/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import type { Decision, Observation } from "../../../lib/trajectory.ts";

await selectBackend("wasm");

const { proposeSteps, subgoalRule } = HOUSEHOLD_GUIDE;

function makePolicy(
  executor: "subgoal" | "task",
  options: Partial<CompactPolicyOptions> = {},
): CompactPolicy {
  const policy = createCompactPolicy({
    seed: 3,
    executor,
    subgoals: "steps",
    proposeSubgoals: proposeSteps!,
    achieved: subgoalRule!.achieved,
    ...options,
  });
  const random = createRandom(11); // weights far from their quiet start, so that leaks show
  for (const [name, variable] of Object.entries(policy.variables)) {
    const stream = random.fork(name);
    const noise = Float32Array.from(
      { length: variable.size },
      () => 0.3 * stream.normal(),
    );
    tf.tidy(() =>
      variable.assign(tf.add(variable, tf.tensor(noise, variable.shape)))
    );
  }
  return policy;
}

const TASKS = [
  "put a mug in desk.",
  "put two pillow in sofa.",
  "cool some tomato and put it in microwave.",
  "look at cd under the desklamp.",
];

/** One game as it would read under another task: what was seen and decided stays. */
async function playedUnder(policy: CompactPolicy) {
  const env = openHousehold({ difficulty: "easy", split: "train" }, 5);
  const { task, observation } = await env.start();
  const observations: Observation[] = [observation];
  const decisions: Decision[] = [];
  using session = policy.open([{ task }]);
  const random = createRandom(4);
  for (let t = 0; t < 12; t++) {
    const now = observations.at(-1)!;
    const [decision] = session.decide([0], [now], [random.fork(t)]);
    decisions.push(decision!);
    const step = await env.step(decision!.action);
    if (step.ending) break;
    observations.push(step.observation);
  }
  return { task, observations, decisions };
}

function executionUnder(
  policy: CompactPolicy,
  played: Awaited<ReturnType<typeof playedUnder>>,
  task: string,
): number[] {
  using session = policy.open([{ task }]);
  return played.decisions.map((decision, t) => {
    const observation = played.observations[t]!;
    const text = observation.text.replaceAll(played.task, task);
    const [encoded] = session.encode([0], [{ ...observation, text }], [
      decision,
    ]);
    const { trace } = encoded!;
    ok(trace.kind === "choices");
    return trace.logProbs.execution;
  });
}

Deno.test("probabilities of actions do not depend on the task, only on the subgoal", async () => {
  const policy = makePolicy("subgoal");
  const played = await playedUnder(policy);
  const [first, ...others] = TASKS.map((task) =>
    executionUnder(policy, played, task)
  );
  for (const other of others) deepStrictEqual(other, first);
  ok(new Set(first).size > 3); // and are no constant
  policy.dispose();
});

Deno.test("an executor that sees the task is the control: its probabilities depend on it", async () => {
  const policy = makePolicy("task");
  const played = await playedUnder(policy);
  const [first, ...others] = TASKS.map((task) =>
    executionUnder(policy, played, task)
  );
  for (const other of others) notDeepStrictEqual(other, first);
  policy.dispose();
});

Deno.test("probabilities of actions depend on the subgoal", async () => {
  const policy = makePolicy("subgoal");
  const played = await playedUnder(policy);
  const exchanged = {
    ...played,
    decisions: played.decisions.map((decision) => ({
      ...decision,
      subgoal: "take a kettle",
    })),
  };
  const [task] = TASKS;
  notDeepStrictEqual(
    executionUnder(policy, exchanged, task!),
    executionUnder(policy, played, task!),
  );
  policy.dispose();
});

Deno.test("a switch takes up another step where another is listed", async () => {
  const policy = makePolicy("subgoal", { switchBias: 4 });
  const episodes = scheduleEpisodes(
    [{ kind: "household", difficulty: "easy" }],
    { random: createRandom(2), tasks: 6, maxTurns: 20 },
  );
  let switches = 0;
  for (const { turns } of await collectTrajectories(policy, episodes)) {
    for (let t = 1; t < turns.length; t++) {
      const { switched, subgoal, trace } = turns[t]!.decision;
      if (!switched || trace.kind !== "choices") continue;
      switches++;
      const before = turns[t - 1]!.decision.subgoal;
      if (trace.subgoals.length > 1) ok(subgoal !== before);
    }
  }
  ok(switches > 20);
  policy.dispose();
});

Deno.test("an intervention exchanges subgoals at switches, and its decisions are not learned from", async () => {
  const policy = makePolicy("subgoal", { switchBias: 0 });
  const schedule = { random: createRandom(2), tasks: 4, maxTurns: 15 };
  const spec = { kind: "household", difficulty: "easy" };
  const episodes = scheduleEpisodes([spec], schedule);
  const player = policy.intervened(({ situation }) =>
    situation.subgoal ?? "take a kettle"
  );
  const played = await collectTrajectories(player, episodes);
  for (const { turns } of played) {
    for (const [t, { decision }] of turns.entries()) {
      strictEqual(decision.subgoal, "take a kettle");
      strictEqual(decision.switched, t === 0);
    }
    strictEqual(turns[0]!.decision.trace.kind, "untrainable");
  }
  policy.dispose();
});
