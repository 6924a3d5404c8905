import * as tf from "@tensorflow/tfjs-core";
import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { proposeCorridorSubgoals } from "../../../lib/envs/corridor.ts";
import { proposeHouseholdSubgoals } from "../../../lib/envs/household/subgoals.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  type CompactPolicy,
  type CompactPolicyOptions,
  createCompactPolicy,
} from "../../../lib/policy/compact/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { situationAt } from "../../../lib/train/batch.ts";
import {
  byDecision,
  DECISIONS,
  type Situation,
  type Trajectory,
} from "../../../lib/trajectory.ts";
import type { SampleRow } from "../../_samples.ts";
import { decideAt, encodeAt, valuesAt } from "../_sessions.ts";

await selectBackend("wasm");

function makePolicy(
  options: Partial<CompactPolicyOptions> = {},
): CompactPolicy {
  return createCompactPolicy({
    seed: 3,
    proposeSubgoals: proposeCorridorSubgoals,
    ...options,
  });
}

/** Lets weights be far from their quiet start, so that mistakes show. */
function stir(policy: CompactPolicy): void {
  const random = createRandom(11);
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
}

async function play(
  policy: CompactPolicy,
  tasks = 12,
  kind = "corridor",
): Promise<Trajectory[]> {
  const assignments = scheduleEpisodes([{ kind }], {
    random: createRandom(5),
    tasks,
    maxTurns: 8,
  });
  return await collectTrajectories(policy, assignments);
}

function samplesOf(
  trajectories: readonly Trajectory[],
): (SampleRow & { situation: Situation })[] {
  return trajectories.flatMap((trajectory) =>
    trajectory.turns.map(({ observation, decision }, t) => ({
      observation,
      situation: situationAt(trajectory, t),
      decision,
      advantages: byDecision(() => 0),
      trained: byDecision(() => true),
    }))
  );
}

for (const contract of ["plan-execute", "flat"] as const) {
  const make = () =>
    contract === "flat" ? createCompactPolicy({ seed: 3 }) : makePolicy();

  Deno.test(`rescoring with unchanged weights gives every unit ratio 1 (${contract})`, async () => {
    const policy = make();
    stir(policy);
    const samples = samplesOf(await play(policy));
    const rescored = await policy.scoreSamples(samples);
    samples.forEach(({ decision }, i) => {
      ok(decision.trace.kind === "choices");
      for (const [j, name] of DECISIONS.entries()) {
        const ratio = Math.exp(
          rescored[i]!.logProbs[j]! - decision.trace.logProbs[name],
        );
        ok(Math.abs(ratio - 1) < 1e-4, `${name} of turn ${i}: ratio ${ratio}`); // float32 sums
      }
    });
    policy.dispose();
  });

  Deno.test(`rescoring agrees in a household too (${contract})`, async () => {
    const policy = contract === "flat" ? make() : makePolicy({
      proposeSubgoals: proposeHouseholdSubgoals,
    });
    stir(policy);
    const samples = samplesOf(await play(policy, 6, "household"));
    const rescored = await policy.scoreSamples(samples);
    samples.forEach(({ decision }, i) => {
      ok(decision.trace.kind === "choices");
      for (const [j, name] of DECISIONS.entries()) {
        const drift = rescored[i]!.logProbs[j]! - decision.trace.logProbs[name];
        ok(Math.abs(drift) < 1e-3, `${name} of turn ${i}: ${drift}`); // stirred logits reach 100
      }
    });
    policy.dispose();
  });

  Deno.test(`decisions and values do not depend on how situations are batched (${contract})`, async () => {
    const policy = make();
    stir(policy);
    const situations = samplesOf(await play(policy, 6)).map((sample) =>
      sample.situation
    );
    const streams = () => situations.map((_, i) => createRandom(9).fork(i));
    const together = await decideAt(policy, situations, streams());
    const values = await valuesAt(policy, situations);
    for (const [i, situation] of situations.entries()) {
      const [alone] = await decideAt(policy, [situation], [streams()[i]!]);
      strictEqual(alone!.action, together[i]!.action);
      strictEqual(alone!.subgoal, together[i]!.subgoal);
      const [value] = await valuesAt(policy, [situation]);
      for (const name of DECISIONS) {
        ok(Math.abs(value![name] - values[i]![name]) < 1e-4);
      }
    }
    policy.dispose();
  });
}

Deno.test("decisions on many turns of one household do not depend on their order", async () => {
  const policy = makePolicy({ proposeSubgoals: proposeHouseholdSubgoals });
  stir(policy);
  const situations = samplesOf(await play(policy, 3, "household"))
    .map((sample) => sample.situation);
  const streams = situations.map((_, i) => i);
  const decide = async (order: readonly number[]) => {
    const decisions = await decideAt(
      policy,
      order.map((i) => situations[i]!),
      order.map((i) => createRandom(9).fork(i)),
    );
    return new Map(order.map((i, j) => [i, decisions[j]!]));
  };
  const forwards = await decide(streams);
  const backwards = await decide(streams.toReversed());
  for (const i of streams) {
    const [one, two] = [forwards.get(i)!, backwards.get(i)!];
    deepStrictEqual([one.subgoal, one.action], [two.subgoal, two.action]);
    const [a, b] = [one, two].map(({ trace }) =>
      trace.kind === "choices" ? trace.inputs : undefined
    );
    deepStrictEqual(a, b);
  }
  policy.dispose();
});

Deno.test("score() gives values equal to those recorded when deciding", async () => {
  const policy = makePolicy();
  stir(policy);
  const samples = samplesOf(await play(policy));
  const scored = policy.score(samples);
  for (const name of DECISIONS) {
    const values = scored.values[name].dataSync();
    samples.forEach(({ decision }, i) => {
      ok(Math.abs(values[i]! - decision.values![name]) < 1e-3, `${name} ${i}`);
    });
  }
  tf.dispose([
    scored.logProbs,
    scored.entropies,
    ...Object.values(scored.values),
  ]);
  policy.dispose();
});

Deno.test("score() has the slope of finite differences", async () => {
  const policy = makePolicy({ width: 8, embedding: 4, buckets: 64 });
  stir(policy);
  const samples = samplesOf(await play(policy, 3));
  const total = () => {
    const { logProbs, entropies, values } = policy.score(samples);
    const all = [logProbs, entropies, ...Object.values(values)].map((part) =>
      tf.mean(part)
    );
    return tf.addN(all) as tf.Scalar;
  };
  const { value, grads } = tf.variableGrads(
    total,
    Object.values(policy.variables),
  );
  value.dispose();
  for (const [name, variable] of Object.entries(policy.variables)) {
    const slopes = Float32Array.from(grads[variable.name]!.dataSync());
    const before = Float32Array.from(variable.dataSync());
    const at = slopes.reduce(
      (best, slope, i) => Math.abs(slope) > Math.abs(slopes[best]!) ? i : best,
      0,
    );
    const probe = (shift: number) => {
      const moved = before.slice();
      moved[at]! += shift;
      return tf.tidy(() => {
        variable.assign(tf.tensor(moved, variable.shape));
        return total().dataSync()[0]!;
      });
    };
    const numeric = (probe(5e-3) - probe(-5e-3)) / 1e-2;
    tf.tidy(() => variable.assign(tf.tensor(before, variable.shape)));
    const slack = 0.06 * Math.abs(numeric) + 5e-3; // float32, and relu has corners
    ok(
      Math.abs(numeric - slopes[at]!) < slack,
      `${name}: ${slopes[at]} against ${numeric}`,
    );
  }
  tf.dispose(grads);
  policy.dispose();
});

Deno.test("a policy without proposals makes no plan", async () => {
  const policy = createCompactPolicy({ seed: 1 });
  for (const { turns } of await play(policy, 3)) {
    for (const { decision } of turns) {
      deepStrictEqual([decision.switched, decision.subgoal], [false, ""]);
    }
  }
  policy.dispose();
});

Deno.test("a policy with proposals always starts with a plan and keeps it word for word", async () => {
  const policy = makePolicy();
  for (const { turns } of await play(policy)) {
    ok(turns[0]!.decision.switched);
    for (let t = 1; t < turns.length; t++) {
      const { decision } = turns[t]!;
      if (!decision.switched) {
        strictEqual(decision.subgoal, turns[t - 1]!.decision.subgoal);
      }
    }
  }
  policy.dispose();
});

Deno.test("the task itself is the subgoal where nothing is proposed", async () => {
  const policy = createCompactPolicy({ seed: 1, proposeSubgoals: () => [] });
  const [{ turns, task }] = await play(policy, 1) as [Trajectory];
  strictEqual(turns[0]!.decision.subgoal, task);
  policy.dispose();
});

Deno.test("atTemperature(0) always takes the likeliest", async () => {
  const policy = makePolicy();
  stir(policy);
  const situations = samplesOf(await play(policy, 4)).map((sample) =>
    sample.situation
  );
  const sharp = policy.atTemperature(0);
  const first = await decideAt(
    sharp,
    situations,
    situations.map((_, i) => createRandom(i)),
  );
  const second = await decideAt(
    sharp,
    situations,
    situations.map((_, i) => createRandom(i + 999)),
  );
  deepStrictEqual(
    first.map((one) => one.action),
    second.map((one) => one.action),
  );
  throws(() => policy.atTemperature(-1), RangeError);
  policy.dispose();
});

Deno.test("a hint changes what a teacher would have done", async () => {
  const policy = makePolicy();
  stir(policy);
  const samples = samplesOf(await play(policy, 4));
  const plain = await policy.scoreSamples(samples);
  const hinted = await encodeAt(
    policy,
    samples.map(({ situation }) => situation),
    samples.map(({ decision }) => decision),
    { hints: samples.map(() => "go right to the right end") },
  );
  for (const [i, { trace }] of hinted.entries()) {
    ok(trace.kind === "choices");
    const { switching, planning, execution } = trace.logProbs;
    notDeepStrictEqual(
      Float32Array.of(switching, planning, execution),
      plain[i]!.logProbs,
    );
  }
  deepStrictEqual(await policy.scoreSamples(samples), plain); // and leaves no mark
  policy.dispose();
});

Deno.test("one seed gives one policy", async () => {
  const [one, two] = [makePolicy(), makePolicy()];
  deepStrictEqual(await play(one, 4), await play(two, 4));
  one.dispose();
  two.dispose();
});

Deno.test("deciding, valuing and scoring leave no tensor behind", async () => {
  const before = tf.memory().numTensors;
  const policy = makePolicy();
  const made = tf.memory().numTensors;
  const samples = samplesOf(await play(policy, 4));
  await policy.scoreSamples(samples);
  await valuesAt(policy, samples.map((sample) => sample.situation));
  strictEqual(tf.memory().numTensors, made);
  policy.dispose();
  strictEqual(tf.memory().numTensors, before);
});

Deno.test("a situation without actions cannot be decided", async () => {
  const policy = makePolicy();
  const situation = {
    task: "wait",
    past: [],
    observation: { text: "Nothing.", admissibleActions: [], stateKey: "" },
  };
  await rejects(decideAt(policy, [situation], [createRandom(1)]), {
    name: "RangeError",
    message:
      'Cannot decide as there must be an admissible action: none on turn 0 of task "wait"',
  });
  policy.dispose();
});

Deno.test("traces of other policies cannot be scored", async () => {
  const policy = makePolicy();
  const [sample] = samplesOf(await play(policy, 1));
  const foreign = {
    ...sample!,
    decision: { ...sample!.decision, trace: { kind: "untrainable" } as const },
  };
  throws(() => policy.score([foreign]), {
    name: "TypeError",
    message:
      'Cannot score a decision as its trace must be of kind "choices": current value is "untrainable"',
  });
  const { trace } = sample!.decision;
  ok(trace.kind === "choices");
  const { inputs: _, ...bare } = trace;
  throws(
    () =>
      policy.score([{
        ...sample!,
        decision: { ...sample!.decision, trace: bare },
      }]),
    {
      name: "TypeError",
      message:
        'Cannot score a decision as its trace must carry "texts" of a compact policy',
    },
  );
  policy.dispose();
});
