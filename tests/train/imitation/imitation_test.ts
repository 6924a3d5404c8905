import { ok, rejects, strictEqual } from "node:assert/strict";
import {
  openCorridorSpec,
  proposeCorridorSubgoals,
} from "../../../lib/envs/corridor.ts";
import { listHouseholdAlternatives } from "../../../lib/envs/household/subgoals.ts";
import { createEnvOpener } from "../../../lib/envs/open_env.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../../lib/policy/compact/policy.ts";
import { statelessPolicy } from "../../../lib/policy/session.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { withHints } from "../../../lib/rollout/hints.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import { imitateExpert } from "../../../lib/train/imitation/imitation.ts";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import { createPpoLearner } from "../../../lib/train/ppo/learner.ts";
import type { SampleBatch } from "../../../lib/policy/policy.ts";
import { type SampleRow, toRows } from "../../_samples.ts";

const SPEC = { kind: "corridor", length: 5, doors: 0 };

/** A policy that encodes decisions as they are. */
const indifferent = statelessPolicy({ decide: () => [] });

/** A policy that lists subgoals, its learner, and worlds with hints. */
function learning() {
  const policy = createCompactPolicy({
    seed: 2,
    proposeSubgoals: proposeCorridorSubgoals,
  });
  const open = withHints(openCorridorSpec);
  const random = createRandom(3);
  const learner = createPpoLearner(policy);
  return { policy, learner, specs: [SPEC], open, random };
}

Deno.test("imitating makes what the expert decided likelier, and then the policy can do it", async () => {
  await selectBackend("wasm");
  const given = learning();
  const step = { tasks: 32, minibatchSize: 16 };
  const before = await imitateExpert({
    ...given,
    ...step,
    epochs: 1,
    learningRate: 0,
  });
  const after = await imitateExpert({ ...given, ...step, epochs: 8 });
  const first = before.metrics["expert_log_prob"]!;
  const last = after.metrics["expert_log_prob"]!;
  ok(last > first / 4, `${first} to ${last}`); // both are negative
  ok(after.trajectories.every(({ success }) => success));
  const episodes = scheduleEpisodes([SPEC], {
    random: createRandom(9),
    tasks: 32,
    maxTurns: 12,
  });
  const played = await collectTrajectories(
    given.policy.atTemperature(0),
    episodes,
    { open: openCorridorSpec },
  );
  strictEqual(played.filter(({ success }) => success).length, 32);
  given.policy.dispose();
});

Deno.test("imitating many passes does not forget what is unlikely", async () => {
  // Several steps on one set of recorded probabilities would climb the likelihood and diverge.
  await selectBackend("wasm");
  const given = learning();
  const step = { tasks: 16, minibatchSize: 4, learningRate: 6e-3 };
  const { metrics } = await imitateExpert({ ...given, ...step, epochs: 30 });
  ok(metrics["expert_log_prob"]! > -0.1, `${metrics["expert_log_prob"]}`);
  given.policy.dispose();
});

Deno.test("imitating stops when it is told to", async () => {
  await selectBackend("wasm");
  const given = learning();
  const signal = AbortSignal.abort(new Error("enough"));
  await rejects(imitateExpert({ ...given, tasks: 2, signal }), {
    message: "enough",
  });
  given.policy.dispose();
});

Deno.test("a language policy is assembled from settings, imitates and trains", async () => {
  const config = defineConfig({
    seed: 4,
    iterations: 1,
    backend: "wasm",
    policy: {
      name: "language",
      layers: 1,
      hiddenSize: 16,
      decoding: "admissible",
    },
    worlds: [SPEC],
    rollout: { tasks: 4, maxTurns: 4 },
    warmStart: { episodes: 4, epochs: 1 },
    estimator: { name: "hae" },
  });
  await using training = await assembleTraining(config);
  for await (const { metrics, trajectories } of training) {
    ok(Number.isFinite(metrics["policy_loss"]));
    for (const { turns } of trajectories) {
      for (const { decision, observation } of turns) {
        strictEqual(decision.trace.kind, "tokens");
        ok(observation.admissibleActions.includes(decision.action));
      }
    }
  }
});

Deno.test("imitating with detours teaches what the expert does after them", async () => {
  await selectBackend("wasm");
  const open = withHints(openCorridorSpec);
  const seen: SampleRow[] = [];
  const { trajectories } = await imitateExpert({
    policy: indifferent,
    learner: {
      update: (samples) => {
        seen.push(...toRows(samples));
        return Promise.resolve({});
      },
      save: () => Promise.resolve(),
      load: () => Promise.resolve(),
    },
    ...{ specs: [{ kind: "corridor", length: 9, doors: 0 }], open },
    random: createRandom(3),
    tasks: 16,
    epochs: 1,
    randomActionRate: 0.5,
  });
  const strays = trajectories.flatMap(({ turns }) =>
    turns.filter(({ observation, decision }) =>
      observation.hint!.action !== decision.action
    )
  );
  ok(strays.length > 0, "some actions are random");
  for (const { observation, decision } of seen) {
    strictEqual(decision.action, observation.hint!.action);
  }
});

Deno.test("imitating in turns with the learner teaches what the expert does after its mistakes", async () => {
  const open = withHints(openCorridorSpec);
  /** What was learned, and the learner's share of the turns, pass by pass. */
  const passes: { samples: readonly SampleRow[]; decided: number }[] = [];
  let decided = 0;
  const options = {
    learner: {
      update: (samples: SampleBatch) => {
        passes.push({ samples: toRows(samples), decided });
        decided = 0;
        return Promise.resolve({});
      },
      save: () => Promise.resolve(),
      load: () => Promise.resolve(),
    },
    ...{ specs: [{ kind: "corridor", length: 9, doors: 0 }], open },
    random: createRandom(3),
    ...{
      tasks: 16,
      epochs: 3,
      maxTurns: 12,
      resample: true,
      randomActionRate: 0.2,
    },
    daggerRate: 0.8,
  };
  const { trajectories } = await imitateExpert({
    ...options,
    policy: statelessPolicy({
      decide: (situations) => {
        decided += situations.length;
        return Promise.resolve(situations.map(({ observation }) => ({
          switched: true,
          subgoal: "stay",
          action: observation.admissibleActions[0]!,
          valid: true,
          trace: { kind: "untrainable" },
        })));
      },
    }),
  });
  const counts = passes.map((pass) => pass.decided);
  strictEqual(counts[0], 0);
  ok(0 < counts[1]! && counts[1]! < counts[2]!, `${counts}`);
  const learned = passes.at(-1)!.samples;
  const held = new Map(
    trajectories.flatMap(({ turns }) =>
      turns.map((turn, t) =>
        [turn.observation, turns[t - 1]?.decision.subgoal] as const
      )
    ),
  );
  ok(
    learned.some(({ observation }) => held.get(observation) === "stay"),
    "the expert answers where the learner decided before",
  );
  for (const { observation, decision } of learned) {
    const advice = observation.hint!;
    strictEqual(decision.action, advice.action);
    strictEqual(decision.subgoal, advice.subgoal);
    strictEqual(decision.switched, held.get(observation) !== advice.subgoal);
  }
  await rejects(
    imitateExpert({ ...options, policy: indifferent, resample: false }),
    { name: "TypeError", message: /as "resample" must be on/ },
  );
});

Deno.test("an expert that searches comes to places in vain, wins, and is learned turn by turn", async () => {
  const open = withHints(createEnvOpener());
  let learned: readonly SampleRow[] = [];
  const { trajectories } = await imitateExpert({
    policy: indifferent,
    learner: {
      update: (samples) => {
        learned = toRows(samples);
        return Promise.resolve({});
      },
      save: () => Promise.resolve(),
      load: () => Promise.resolve(),
    },
    specs: [{ kind: "household", difficulty: "easy" }],
    ...{ open, alternatives: listHouseholdAlternatives },
    ...{ random: createRandom(5), tasks: 40, epochs: 1, maxTurns: 40 },
  });
  ok(trajectories.every(({ success }) => success));
  const turns = trajectories.flatMap((one) => one.turns);
  strictEqual(learned.length, turns.length);
  const inVain = turns.filter(({ observation, decision }) =>
    decision.subgoal.startsWith("find a ") &&
    observation.hint!.action !== decision.action
  );
  ok(inVain.length > 40, `${inVain.length} looks in vain`);
});

Deno.test("a warm start refuses to search where there is no house", async () => {
  const config = defineConfig({
    worlds: [SPEC],
    warmStart: { episodes: 4, expertKnowledge: "partial" },
  });
  await rejects(assembleTraining(config), {
    name: "TypeError",
    message:
      'Cannot assemble a warm start as its worlds must be households where "warmStart.expertKnowledge" is "partial"',
  });
});
