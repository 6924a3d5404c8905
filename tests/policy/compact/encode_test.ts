import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  CORRIDOR_SUBGOALS,
  openCorridorSpec,
} from "../../../lib/envs/corridor.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../../lib/policy/compact/policy.ts";
import { expertPolicy, mixPolicies } from "../../../lib/policy/plan_execute.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { encodeEpisodes } from "../../../lib/rollout/replay.ts";
import { withHints } from "../../../lib/rollout/hints.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { situationAt } from "../../../lib/train/batch.ts";
import { encodeAt } from "../_sessions.ts";

await selectBackend("wasm");
const episodes = scheduleEpisodes([{ kind: "corridor" }], {
  random: createRandom(1),
  tasks: 6,
  maxTurns: 12,
});

Deno.test("encode() of a compact policy's own decisions records the same decisions", async () => {
  const policy = createCompactPolicy({
    seed: 1,
    proposeSubgoals: () => CORRIDOR_SUBGOALS,
  });
  const played = await collectTrajectories(policy, episodes);
  for (const trajectory of played) {
    const { turns } = trajectory;
    const situations = turns.map((_, t) => situationAt(trajectory, t));
    const decisions = turns.map(({ decision }) => decision);
    const encoded = await encodeAt(policy, situations, decisions);
    for (const [t, { trace, values, ...plain }] of encoded.entries()) {
      const { trace: own, values: ownValues, ...ownPlain } = decisions[t]!;
      deepStrictEqual({ ...plain, heldSubgoalValue: 0 }, {
        ...ownPlain,
        switchProbability: plain.switchProbability,
        heldSubgoalValue: 0,
      });
      ok(trace.kind === "choices" && own.kind === "choices");
      deepStrictEqual(trace.chosen, own.chosen);
      deepStrictEqual(trace.subgoals, own.subgoals);
      deepStrictEqual(trace.inputs, own.inputs);
      for (const name of ["switching", "planning", "execution"] as const) {
        // batches differ, and sums of 32-bit numbers depend on their order
        ok(Math.abs(trace.logProbs[name] - own.logProbs[name]) < 1e-4);
        ok(Math.abs(values![name] - ownValues![name]) < 1e-3);
      }
    }
  }
  policy.dispose();
});

Deno.test("encode() lists an expert's subgoal that was not proposed, and refuses an action that is not admissible", async () => {
  const policy = createCompactPolicy({
    seed: 1,
    proposeSubgoals: () => ["look around"],
  });
  const open = withHints(openCorridorSpec);
  const [trajectory] = await collectTrajectories(
    expertPolicy(),
    episodes.slice(0, 1),
    { open },
  );
  const situation = situationAt(trajectory!, 0);
  const { decision } = trajectory!.turns[0]!;
  const [encoded] = await encodeAt(policy, [situation], [decision]);
  strictEqual(encoded!.subgoal, decision.subgoal);
  ok(encoded!.trace.kind === "choices");
  deepStrictEqual(encoded!.trace.subgoals, ["look around", decision.subgoal]);
  await rejects(
    async () =>
      await encodeAt(policy, [situation], [{ ...decision, action: "fly" }]),
    {
      name: "RangeError",
      message:
        'Cannot encode a decision as its action must be admissible: current value is "fly"',
    },
  );
  policy.dispose();
});

Deno.test("a mixture keeps a compact policy's memory in step with turns that it did not decide", async () => {
  const policy = createCompactPolicy({
    seed: 1,
    proposeSubgoals: () => CORRIDOR_SUBGOALS,
  });
  const open = withHints(openCorridorSpec);
  const mixed = mixPolicies(expertPolicy(), policy, 0.5);
  const played = await collectTrajectories(mixed, episodes, { open });
  const encoded = await encodeEpisodes(policy, played);
  let own = 0;
  for (const [i, { turns }] of played.entries()) {
    for (const [t, { decision: { trace } }] of turns.entries()) {
      const again = encoded[i]![t]!.trace;
      ok(again.kind === "choices");
      if (trace.kind !== "choices") continue;
      deepStrictEqual(again.inputs, trace.inputs);
      own++;
    }
  }
  ok(own > 10);
  policy.dispose();
});
