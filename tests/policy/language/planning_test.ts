import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import type { LanguagePolicy } from "../../../lib/policy/language/policy.ts";
import type { Situation } from "../../../lib/trajectory.ts";
import {
  close,
  situationOf,
  SITUATIONS,
  smallPolicy,
  streams,
  tokensOf,
  VARIANTS,
} from "../_small_policy.ts";
import { decideAt } from "../_sessions.ts";

const SUBGOALS = ["leave by the left end", "leave by the right end", "wait"];
const HELD = situationOf("Now what?", "leave by the left end");

/** Many decisions in one situation, from different streams. */
async function decideOften(
  policy: LanguagePolicy,
  situation: Situation,
  times = 60,
) {
  const situations = Array.from({ length: times }, () => situation);
  return await decideAt(policy, situations, streams(times));
}

Deno.test("listed subgoals are the only ones taken up, and a switch takes another than the held one", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({
    decoding: "skeleton",
    listSubgoals: () => SUBGOALS,
  });
  const first = await decideOften(policy, situationOf("A sign says left."));
  const later = await decideOften(policy, HELD);
  ok(first.every(({ subgoal }) => SUBGOALS.includes(subgoal)));
  deepStrictEqual(
    new Set(first.map(({ subgoal }) => subgoal)),
    new Set(SUBGOALS),
  );
  for (const { switched, subgoal } of later) {
    strictEqual(switched, subgoal !== HELD.subgoal);
  }
  ok(later.some(({ switched }) => switched));
  policy.dispose();
});

Deno.test("an offset of KEEP moves the logit of SWITCH by just as much", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({ decoding: "admissible" });
  const logitOf = async (one: LanguagePolicy) => {
    const [decision] = await decideOften(one, HELD, 1);
    const p = decision!.switchProbability!;
    return Math.log(p / (1 - p));
  };
  const before = await logitOf(policy);
  const after = await logitOf(policy.withKeepOffset(1.25));
  ok(Math.abs(before - after - 1.25) < 1e-4, `${before} ${after}`);
  policy.dispose();
});

Deno.test("an action of its own prompt depends on the subgoal and not on what else the plan was made from", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy(
    VARIANTS["whose executor sees the subgoal alone"],
  );
  const decisions = await decideOften(policy, HELD);
  for (const decision of decisions) {
    const { action, reply, spans } = tokensOf(decision);
    strictEqual(action!.start, spans.execution!.start);
    const shown = policy.tokenizer.decode(action!.prompt);
    ok(shown.includes(decision.subgoal) && !shown.includes("Subgoal:"), shown);
    ok(policy.tokenizer.decode(reply).endsWith("</action>"));
  }
  // The same subgoal gives the same distribution of actions, however it came about.
  const byPrompt = Map.groupBy(
    decisions,
    ({ subgoal, action }) => `${subgoal}: ${action}`,
  );
  for (const some of byPrompt.values()) {
    const sums = some.map((decision) => {
      const { logProbs, action } = tokensOf(decision);
      return logProbs.slice(action!.start).reduce((sum, one) => sum + one, 0);
    });
    close(sums, sums.map(() => sums[0]!), "log-probability of an action");
  }
  policy.dispose();
});

Deno.test("an intervention puts its subgoal in the plan's place, also where the action follows the plan", async () => {
  await selectBackend("wasm");
  for (
    const name of [
      "whose executor sees the subgoal alone",
      "given admissible actions",
    ]
  ) {
    const policy = smallPolicy(VARIANTS[name]);
    const seen: string[] = [];
    const other = policy.intervened(({ chosen, situation }) => {
      seen.push(chosen);
      return situation.subgoal ?? "go right";
    });
    const decisions = await decideAt(other, SITUATIONS, streams(4));
    deepStrictEqual(
      decisions.map(({ subgoal }) => subgoal),
      SITUATIONS.map(({ subgoal }) => subgoal ?? "go right"),
    );
    ok(decisions.every(({ valid }) => valid), name);
    ok(seen.length > 0);
    policy.dispose();
  }
});

Deno.test("what needs given tags is refused without them", () => {
  throws(
    () => smallPolicy({ keepOffset: 1 }),
    /Cannot make a policy with an offset of KEEP as "decoding" must be "skeleton" or "admissible": current value is "free"/,
  );
});

Deno.test("sessions leave no tensor behind", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy(VARIANTS["whose executor sees the subgoal alone"]);
  const before = tf.memory().numTensors;
  await decideOften(policy, HELD, 8);
  strictEqual(tf.memory().numTensors, before);
  policy.dispose();
});
