/** Minibatches of language policies that are differentiated in parts, by tokens. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { lookWhileComputing } from "../../../lib/pause.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { createRandom } from "../../../lib/random.ts";
import { createPpoLearner } from "../../../lib/train/ppo/learner.ts";
import { fromRows } from "../../_samples.ts";
import { decideAt } from "../../policy/_sessions.ts";
import {
  sampleOf,
  SITUATIONS,
  smallPolicy,
  streams,
} from "../../policy/_small_policy.ts";

/** Learns once from a few replies; the weights after it, and how many microbatches there were. */
async function learn(microbatchTokens: number) {
  const policy = smallPolicy({ decoding: "admissible", microbatchTokens });
  const situations = [...SITUATIONS, ...SITUATIONS];
  const decisions = await decideAt(policy, situations, streams(8));
  const samples = decisions.map((one, i) => sampleOf(situations[i]!, one));
  const parts = policy.partition!(samples).length;
  const row = await createPpoLearner(policy).update(fromRows(samples), {
    ...{ epochs: 1, minibatchSize: 8, learningRate: 0.01 },
    random: createRandom(1),
  });
  const weights = Object.values(policy.variables)
    .flatMap((variable) => [...variable.dataSync()]);
  policy.dispose();
  return { parts, row, weights };
}

Deno.test("a minibatch that is differentiated in parts has the gradient of the whole", async () => {
  await selectBackend("wasm");
  const whole = await learn(8192), apart = await learn(200);
  strictEqual(whole.parts, 1);
  ok(apart.parts > 2, `${apart.parts} parts`);
  for (const [name, value] of Object.entries(whole.row)) {
    const other = apart.row[name]!;
    ok(Math.abs(other - value) < 1e-4 * (1 + Math.abs(value)), name);
  }
  // AdamW's first step is the sign of the gradient: a few tiny ones may turn.
  const far = whole.weights.filter((weight, i) =>
    Math.abs(weight - apart.weights[i]!) > 1e-4
  );
  ok(far.length < whole.weights.length / 200, `${far.length} weights differ`);
});

Deno.test("partition() keeps turns that share a pass together, and each turn once", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({ decoding: "admissible", microbatchTokens: 90 });
  const situations = [...SITUATIONS, ...SITUATIONS, ...SITUATIONS];
  const decisions = await decideAt(policy, SITUATIONS, streams(4));
  const samples = situations.map((one, i) => sampleOf(one, decisions[i % 4]!));
  const groups = policy.partition!(samples);
  deepStrictEqual(
    groups.flat().toSorted((a, b) => a - b),
    [...samples.keys()],
  );
  for (const group of groups) { // equal replies are one sequence
    for (const i of group) ok(group.includes((i + 4) % 12));
  }
  policy.dispose();
});

Deno.test("an update stops within a minibatch, between two layers, and takes itself back", async () => {
  await selectBackend("wasm");
  const stop = new AbortController();
  const policy = smallPolicy({
    ...{ decoding: "admissible", recompute: true, signal: stop.signal },
  });
  const decisions = await decideAt(policy, SITUATIONS, streams(4));
  const samples = decisions.map((one, i) => sampleOf(SITUATIONS[i]!, one));
  const read = () =>
    Object.values(policy.variables).flatMap((one) => [...one.dataSync()]);
  const before = read();
  let looks = 0;
  lookWhileComputing(stop.signal, () => {
    if (++looks === 40) stop.abort(new Error("interrupted"));
  });
  const learner = createPpoLearner(policy);
  await rejects(
    learner.update(fromRows(samples), {
      ...{ epochs: 50, minibatchSize: 4, learningRate: 0.1 },
      ...{ random: createRandom(1), signal: stop.signal },
    }),
    /interrupted/,
  );
  strictEqual(looks, 40); // nothing was computed after it
  deepStrictEqual(read(), before);
  policy.dispose();
});
