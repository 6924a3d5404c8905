import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { decisionUnits } from "../../../lib/trajectory.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  close,
  sampleOf,
  SITUATIONS,
  smallPolicy,
  streams,
  tokensOf,
} from "../_small_policy.ts";
import { decideAt, encodeAt, valuesAt } from "../_sessions.ts";

Deno.test("following writes down the same decision, every unit with its own owner", async () => {
  await selectBackend("wasm");
  for (const decoding of ["free", "admissible"] as const) {
    const policy = smallPolicy({ decoding });
    const advice = (switched: boolean, subgoal: string) => ({
      switched,
      subgoal,
      action: "go left",
      valid: true,
      trace: { kind: "untrainable" } as const,
    });
    const decisions = [
      advice(true, "leave by the left end"),
      advice(false, "leave by the left end"),
      advice(true, "go"),
    ];
    const situations = SITUATIONS.slice(0, 3);
    const followed = await encodeAt(policy, situations, decisions);
    for (const [i, decision] of followed.entries()) {
      const { switched, subgoal, action } = decision;
      deepStrictEqual(
        { switched, subgoal, action },
        {
          switched: decisions[i]!.switched,
          subgoal: decisions[i]!.subgoal,
          action: "go left",
        },
      );
      const text = policy.tokenizer.decode(tokensOf(decision).reply);
      const [word, kept] = i === 1 ? ["KEEP", true] : ["SWITCH", false];
      strictEqual(
        text,
        `<switch>${word}</switch>\n<subgoal>${subgoal}</subgoal>\n<action>go left</action>`,
      );
      const units = decisionUnits(tokensOf(decision));
      strictEqual(units.includes("planning"), !kept);
      strictEqual(units.includes("switching"), i > 0);
      if (decoding === "free") ok(!units.includes(undefined));
    }
    const rescored = await policy.scoreSamples(
      followed.map((x, i) => sampleOf(situations[i]!, x)),
    );
    for (const [i, { logProbs }] of rescored.entries()) {
      close(logProbs, tokensOf(followed[i]!).logProbs, "log-probs");
    }
    policy.dispose();
  }
});

Deno.test("values() values a situation as deciding in it would, and execution under the held subgoal", async () => {
  await selectBackend("wasm");
  for (const critic of ["shared", "separate"] as const) {
    const policy = smallPolicy({ critic, decoding: "admissible" });
    const values = await valuesAt(policy, SITUATIONS);
    const decisions = await decideAt(policy, SITUATIONS, streams(4));
    for (const [i, { switched, values: own }] of decisions.entries()) {
      close([values[i]!.switching, values[i]!.planning], [
        own!.switching,
        own!.planning,
      ], "before the reply");
      if (!switched) {
        close([values[i]!.execution], [own!.execution], "kept subgoal");
      }
    }
    ok(decisions.some(({ switched }) => !switched));
    policy.dispose();
  }
});

Deno.test("a teacher's hint changes what is read, not what was written", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy();
  const decisions = await decideAt(policy, SITUATIONS, streams(4));
  const samples = decisions.map((x, i) => sampleOf(SITUATIONS[i]!, x));
  const plain = await policy.scoreSamples(samples);
  const teach = async (hint: string) =>
    (await encodeAt(policy, SITUATIONS, decisions, {
      hints: SITUATIONS.map(() => hint),
    })).map(tokensOf);
  const told = await teach("go left");
  const silent = await teach("");
  for (const [i, { logProbs }] of silent.entries()) {
    close(logProbs, plain[i]!.logProbs, "without a hint");
  }
  for (const [i, { logProbs }] of told.entries()) {
    strictEqual(logProbs.length, plain[i]!.logProbs.length);
    ok(logProbs.some((x, t) => Math.abs(x - plain[i]!.logProbs[t]!) > 1e-4));
  }
  policy.dispose();
});
