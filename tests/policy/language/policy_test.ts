import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import {
  type Decision,
  DECISIONS,
  decisionUnits,
  type Situation,
} from "../../../lib/trajectory.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { openLanguagePolicy } from "../../../lib/policy/language/loading.ts";
import { ADAPTER } from "../backends/_webgpu.ts";
import {
  close,
  sampleOf,
  situationOf,
  SITUATIONS,
  smallPolicy,
  streams,
  tokensOf,
  VARIANTS,
} from "../_small_policy.ts";
import { decideAt, valuesAt } from "../_sessions.ts";

for (const [name, options] of Object.entries(VARIANTS)) {
  Deno.test(`a policy ${name} rescores its decisions as it recorded them`, async () => {
    await selectBackend("wasm");
    const policy = smallPolicy(options);
    const decisions = await decideAt(policy, SITUATIONS, streams(4));
    const samples = decisions.map((x, i) => sampleOf(SITUATIONS[i]!, x));
    const scored = policy.score(samples);
    const traces = decisions.map(tokensOf);
    close(
      scored.logProbs.dataSync(),
      traces.flatMap(({ logProbs }) => [...logProbs]),
      "log-probs",
    );
    for (const head of DECISIONS) {
      close(
        scored.values[head].dataSync(),
        decisions.map(({ values }) => values![head]),
        `values of ${head}`,
      );
    }
    const entropies = scored.entropies.dataSync();
    ok(entropies.every((x) => x >= 0));
    strictEqual(entropies.length, traces.flatMap(decisionUnits).length);
    tf.dispose([
      scored.logProbs,
      scored.entropies,
      ...Object.values(scored.values),
    ]);
    policy.dispose();
  });
}

Deno.test("scores do not depend on how samples are chunked, nor do their gradients", async () => {
  await selectBackend("wasm");
  const results = [];
  for (const microbatchTokens of [1e6, 120]) {
    const policy = smallPolicy({
      microbatchTokens,
      recompute: microbatchTokens < 1e6,
    });
    const decisions = await decideAt(policy, SITUATIONS, streams(4));
    const samples = decisions.map((x, i) => sampleOf(SITUATIONS[i]!, x));
    const before = tf.memory().numTensors;
    const { value, grads } = tf.variableGrads(() => {
      const { logProbs, entropies, values } = policy.score(samples);
      const parts = [logProbs, entropies, ...Object.values(values)];
      return tf.addN(parts.map((x) => tf.mean(x))) as tf.Scalar;
    }, Object.values(policy.variables));
    results.push([
      ...value.dataSync(),
      ...Object.values(policy.variables).flatMap(
        (variable) => [...grads[variable.name]!.dataSync()],
      ),
    ]);
    tf.dispose([value, grads]);
    strictEqual(tf.memory().numTensors, before);
    policy.dispose();
  }
  close(results[1]!, results[0]!, "value and gradients");
});

Deno.test("a decision does not depend on what else is decided", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({ batchSize: 3 });
  const together = await decideAt(policy, SITUATIONS, streams(4));
  for (const [i, situation] of SITUATIONS.entries()) {
    const [alone] = await decideAt(policy, [situation], [streams(4)[i]!]);
    deepStrictEqual(tokensOf(alone!).reply, tokensOf(together[i]!).reply);
    close(tokensOf(alone!).logProbs, tokensOf(together[i]!).logProbs, "alone");
  }
  policy.dispose();
});

Deno.test("admissible decoding always yields a form and an action the world accepts", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({ decoding: "admissible", maxReplyTokens: 64 });
  const word = fc.constantFrom("go", "left", "door", "élan", "1");
  const text = fc.array(word, { minLength: 1, maxLength: 4 })
    .map((words) => words.join(" "));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(text, { minLength: 1, maxLength: 5 }),
      fc.option(text, { nil: undefined }),
      fc.integer(),
      async (actions, held, seed) => {
        const situation = situationOf("Now", held, actions);
        const [decision] = await decideAt(policy, [situation], [
          createRandom(seed),
        ]);
        ok(actions.includes(decision!.action), decision!.action);
        if (held === undefined) ok(decision!.switched);
        if (!decision!.switched) strictEqual(decision!.subgoal, held);
        const { sampled, reply, spans } = tokensOf(decision!);
        strictEqual(sampled!.length, reply.length);
        ok(spans.execution!.end === reply.length);
        if (actions.length === 1) { // nothing to decide about the action
          ok(sampled!.subarray(spans.execution!.start).every((x) => x === 0));
        }
      },
    ),
    { numRuns: 30 },
  );
  policy.dispose();
});

Deno.test("a policy is loaded as it was saved, and adapters beside their base", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  const speech = {
    seed: 1,
    prompt: ({ observation }: Situation) => observation.text,
    maxReplyTokens: 40,
  };
  const base = smallPolicy({ ...speech, critic: "separate" });
  await base.save(directory);
  const again = await openLanguagePolicy(directory, {
    ...speech,
    critic: "separate",
  });
  deepStrictEqual(
    await decideAt(again, SITUATIONS, streams(4)),
    await decideAt(base, SITUATIONS, streams(4)),
  );
  const lora = { rank: 2, targets: ["q_proj", "up_proj"] } as const;
  const adapted = await openLanguagePolicy(directory, { ...speech, lora });
  ok(Object.keys(adapted.variables).every((x) => /lora_|value_head/.test(x)));
  ok(adapted.parameters > 100 * 16);
  for (const variable of Object.values(adapted.variables)) {
    tf.tidy(() => variable.assign(tf.fill(variable.shape, 0.05)));
  }
  await adapted.save(`${directory}/adapter`);
  const both = await openLanguagePolicy(directory, {
    ...speech,
    adapter: `${directory}/adapter`,
  });
  deepStrictEqual(
    await decideAt(both, SITUATIONS, streams(4)),
    await decideAt(adapted, SITUATIONS, streams(4)),
  );
  for (const policy of [base, again, adapted, both]) policy.dispose();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("dispose() frees everything, and deciding leaves nothing behind", async () => {
  await selectBackend("wasm");
  const before = tf.memory().numTensors;
  for (const options of Object.values(VARIANTS)) {
    const policy = smallPolicy(options);
    const standing = tf.memory().numTensors;
    const decisions = await decideAt(policy, SITUATIONS, streams(4));
    await valuesAt(policy, SITUATIONS);
    await policy.scoreSamples(
      decisions.map((x, i) => sampleOf(SITUATIONS[i]!, x)),
    );
    strictEqual(tf.memory().numTensors, standing);
    policy.dispose();
    strictEqual(tf.memory().numTensors, before);
  }
});

Deno.test("temperature 0 takes the likeliest token and repeats itself", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy();
  const sure = policy.atTemperature(0);
  const [a] = await decideAt(sure, [SITUATIONS[0]!], [createRandom(1)]);
  const [b] = await decideAt(sure, [SITUATIONS[0]!], [createRandom(2)]);
  deepStrictEqual(tokensOf(a!).reply, tokensOf(b!).reply);
  throws(() => policy.atTemperature(-1), { name: "RangeError" });
  policy.dispose();
});

Deno.test("a first prompt that is too long loses its middle; traces of other kinds are refused", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({ prompt: () => "go ".repeat(1200) });
  const [first] = await decideAt(policy, [SITUATIONS[0]!], streams(1));
  const { trace } = first!;
  strictEqual(trace.kind === "tokens" && trace.prompt.length, 1024 - 40);
  const decision = {
    switched: true,
    subgoal: "",
    action: "",
    valid: true,
    trace: { kind: "untrainable" },
  } as const;
  throws(() => policy.score([sampleOf(SITUATIONS[0]!, decision)]), {
    name: "TypeError",
    message: /trace must be of tokens: current value is "untrainable"/,
  });
  policy.dispose();
});

Deno.test("a policy decides and scores the same on every backend there is", async () => {
  const backends = ADAPTER === undefined
    ? ["wasm", "cpu"] as const
    : ["wasm", "cpu", "webgpu"] as const;
  const said: { decisions: Decision[]; logProbs: number[] }[] = [];
  for (const backend of backends) {
    await selectBackend(backend);
    const policy = smallPolicy({ decoding: "admissible", lora: { rank: 2 } });
    const decisions = await decideAt(policy, SITUATIONS, streams(4));
    const scores = await policy.scoreSamples(
      decisions.map((x, i) => sampleOf(SITUATIONS[i]!, x)),
    );
    const logProbs = scores.flatMap((row) => [...row.logProbs]);
    said.push({ decisions, logProbs });
    policy.dispose();
  }
  const [first, ...others] = said;
  for (const [k, other] of others.entries()) {
    const about = backends[k + 1]!;
    close(other.logProbs, first!.logProbs, about);
    for (const [i, decision] of other.decisions.entries()) {
      const twin = first!.decisions[i]!;
      deepStrictEqual(tokensOf(decision).reply, tokensOf(twin).reply, about);
      close(
        DECISIONS.map((name) => decision.values![name]),
        DECISIONS.map((name) => twin.values![name]),
        `${about} values`,
      );
    }
  }
});
