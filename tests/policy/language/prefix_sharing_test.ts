import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  joined,
  sharePrefixes,
} from "../../../lib/policy/language/prefix_sharing.ts";
import { formatTranscript } from "../../../lib/policy/language/small_model.ts";
import {
  byDecision,
  type Decision,
  type Situation,
  type Turn,
} from "../../../lib/trajectory.ts";
import {
  close,
  sampleOf,
  situationOf,
  smallPolicy,
  tokensOf,
  VARIANTS,
} from "../_small_policy.ts";
import { encodeAt } from "../_sessions.ts";

const sequences = fc.array(
  fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 6 })
    .map((tokens) => Int32Array.from(tokens)),
  { maxLength: 12 },
);

Deno.test("sharePrefixes() finds every sequence at the start of one that is computed, and computes no prefix of another", () => {
  fc.assert(fc.property(sequences, (all) => {
    const { computed, places } = sharePrefixes(all);
    strictEqual(places.length, all.length);
    all.forEach((sequence, i) => {
      const whole = all[computed[places[i]!]!]!;
      deepStrictEqual(whole.slice(0, sequence.length), sequence);
    });
    for (const a of computed) {
      for (const b of computed) {
        const start = all[b]!.slice(0, all[a]!.length);
        ok(a === b || start.length < all[a]!.length || !equal(start, all[a]!));
      }
    }
  }));
});

Deno.test("joined() puts one sequence after another", () => {
  const both = joined(Int32Array.of(1, 2), Int32Array.of(3));
  deepStrictEqual(both, Int32Array.of(1, 2, 3));
});

/** Some turns of an expert, as a policy writes them down in its transcript. */
async function writeTranscript(policy: ReturnType<typeof smallPolicy>) {
  const situations: Situation[] = [], decisions: Decision[] = [];
  const past: Turn[] = [];
  for (const [t, action] of ["go left", "wait", "go right"].entries()) {
    const subgoal = past.at(-1)?.decision.subgoal;
    const situation = { ...situationOf(`Now ${t}`, subgoal), past: [...past] };
    const trace = { kind: "untrainable" } as const;
    const wanted = { subgoal: "leave by the left end", action, trace };
    const [decision] = await encodeAt(policy, [situation], [
      { ...wanted, switched: t !== 1, valid: true },
    ]);
    situations.push(situation);
    decisions.push(decision!);
    const { observation } = situation;
    past.push({ observation, decision: decision!, reward: 0 });
  }
  return { situations, decisions };
}

Deno.test("the turns of a transcript are scored by one reading as each was when it was decided", async () => {
  await selectBackend("wasm");
  for (const name of ["given admissible actions", "with adapters"]) {
    const policy = smallPolicy({
      ...VARIANTS[name],
      decoding: "admissible",
      prompt: (situation) => formatTranscript(situation),
    });
    const { situations, decisions } = await writeTranscript(policy);
    const wholes = decisions.map((decision) => {
      const { prompt, reply } = tokensOf(decision);
      return joined(prompt, reply.subarray(0, -1));
    });
    strictEqual(sharePrefixes(wholes).computed.length, 1, name);
    const scores = await policy.scoreSamples(
      decisions.map((decision, i) => sampleOf(situations[i]!, decision)),
    );
    scores.forEach(({ logProbs }, i) =>
      close(logProbs, tokensOf(decisions[i]!).logProbs, `${name}, turn ${i}`)
    );
    policy.dispose();
  }
});

function equal(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}

Deno.test("readingSamples() masks exactly what the policy itself wrote", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({
    decoding: "admissible",
    prompt: (situation) => formatTranscript(situation),
  });
  const { situations, decisions } = await writeTranscript(policy);
  const { task, past, observation } = situations.at(-1)!;
  const [sample] = policy.readingSamples([{
    ...{ id: "", task, group: "", ending: "truncated", success: false },
    ...{ score: 0, bootstrap: byDecision(() => 0), seed: 0 },
    turns: past.map((turn) => ({ ...turn, reward: 0 })),
    finalObservation: observation,
  }]);
  const { prompt, reply } = tokensOf(sample!.decision);
  deepStrictEqual(
    joined(prompt, reply),
    tokensOf(decisions.at(-1)!).prompt,
    "all of the conversation",
  );
  const own = [...reply].filter((_, j) => sample!.mask[j] === 0);
  const said = decisions.slice(0, -1).flatMap((decision) => [
    ...tokensOf(decision).reply,
  ]);
  deepStrictEqual(own, said);
  policy.dispose();
});
