import fc from "fast-check";
import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../lib/random.ts";
import {
  type Decision,
  DECISIONS,
  decisionUnits,
  type Situation,
  type TokenTrace,
} from "../../lib/trajectory.ts";
import { selectBackend } from "../../lib/policy/backend.ts";
import type { TrainingSample } from "../../lib/policy/policy.ts";
import {
  type CreateLanguageOptions,
  createLanguagePolicy,
  loadLanguagePolicy,
} from "../../lib/policy/language_loading.ts";
import type { LanguagePolicy } from "../../lib/policy/language_policy.ts";
import { describeAdapter } from "../../lib/policy/webgpu_backend.ts";
import { buildWordTokenizer } from "../../lib/policy/word_tokenizer.ts";

const TAGS = ["switch", "subgoal", "action"].flatMap((
  x,
) => [`<${x}>`, `</${x}>`]);

const TOKENIZER = buildWordTokenizer([
  "go left go right open the left door open the right door wait",
  "leave by the left end leave by the right end KEEP SWITCH",
  "user assistant A sign says left Now Subgoal none",
], { wholes: [...TAGS, "KEEP", "SWITCH"] });

const ACTIONS = ["go left", "go right", "open the left door", "wait"];

/** A situation, with or without a subgoal. */
function situationOf(
  text: string,
  subgoal?: string,
  admissibleActions: readonly string[] = ACTIONS,
): Situation {
  return {
    task: "leave",
    past: [],
    observation: { text, admissibleActions, stateKey: text },
    ...(subgoal === undefined ? {} : { subgoal }),
  };
}

const SITUATIONS = [
  situationOf("A sign says left."),
  situationOf("Now what?", "leave by the left end"),
  situationOf("A sign says: a much longer text, in bytes.", "wait"),
  situationOf("", "go", ["wait"]),
];

/** A small policy with lively weights, so that mistakes show. */
function smallPolicy(
  options: Partial<CreateLanguageOptions> = {},
): LanguagePolicy {
  const policy = createLanguagePolicy({
    seed: 3,
    tokenizer: TOKENIZER,
    prompt: ({ observation, subgoal }) =>
      `${observation.text} Subgoal: ${subgoal ?? "none"}`,
    maxReplyTokens: 40,
    size: { width: 16, innerWidth: 24, layers: 2, heads: 2, groups: 1 },
    ...options,
  });
  const random = createRandom(8);
  for (const [name, variable] of Object.entries(policy.variables)) {
    if (name.includes("norm")) continue;
    const stream = random.fork(name);
    const values = Float32Array.from(
      { length: variable.size },
      () => 0.2 * stream.normal(),
    );
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
  return policy;
}

const streams = (n: number) =>
  Array.from({ length: n }, (_, i) => createRandom(5).fork(i));

/** A sample to score; advantages play no part here. */
function sampleOf(situation: Situation, decision: Decision): TrainingSample {
  return {
    situation,
    decision,
    advantages: { switching: 1, planning: 1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
  };
}

const tokensOf = ({ trace }: Decision) => trace as TokenTrace;

/** Asserts that two columns agree to the precision of 32 bits. */
function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  about: string,
) {
  strictEqual(actual.length, expected.length, about);
  for (let i = 0; i < expected.length; i++) {
    ok(
      Math.abs(actual[i]! - expected[i]!) < 1e-4,
      `${about}, ${i}: ${actual[i]} instead of ${expected[i]}`,
    );
  }
}

const VARIANTS: Readonly<Record<string, Partial<CreateLanguageOptions>>> = {
  "writing freely": {},
  "at temperature 0.7": { temperature: 0.7 },
  "given the skeleton": { decoding: "skeleton" },
  "given admissible actions": { decoding: "admissible" },
  "with a critic of its own": { critic: "separate", decoding: "admissible" },
  "with adapters": { lora: { rank: 2 }, critic: "separate" },
};

for (const [name, options] of Object.entries(VARIANTS)) {
  Deno.test(`a policy ${name} rescores its decisions as it recorded them`, async () => {
    await selectBackend("wasm");
    const policy = smallPolicy(options);
    const decisions = await policy.decide(SITUATIONS, streams(4));
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
  for (const tokensAtOnce of [1e6, 120]) {
    const policy = smallPolicy({ tokensAtOnce, recompute: tokensAtOnce < 1e6 });
    const decisions = await policy.decide(SITUATIONS, streams(4));
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
  const together = await policy.decide(SITUATIONS, streams(4));
  for (const [i, situation] of SITUATIONS.entries()) {
    const [alone] = await policy.decide([situation], [streams(4)[i]!]);
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
        const [decision] = await policy.decide(
          [situation],
          [createRandom(seed)],
        );
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
    const followed = await policy.follow(situations, decisions);
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
    const rescored = await policy.rescore(
      followed.map((x, i) => sampleOf(situations[i]!, x)),
    );
    for (const [i, { logProbs }] of rescored.entries()) {
      close(logProbs, tokensOf(followed[i]!).logProbs, "log-probs");
    }
    policy.dispose();
  }
});

Deno.test("evaluate() values a situation as deciding in it would, and execution under the held subgoal", async () => {
  await selectBackend("wasm");
  for (const critic of ["shared", "separate"] as const) {
    const policy = smallPolicy({ critic, decoding: "admissible" });
    const values = await policy.evaluate(SITUATIONS);
    const decisions = await policy.decide(SITUATIONS, streams(4));
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
  const decisions = await policy.decide(SITUATIONS, streams(4));
  const samples = decisions.map((x, i) => sampleOf(SITUATIONS[i]!, x));
  const plain = await policy.rescore(samples);
  const told = await policy.rescore(samples, { hint: () => "go left" });
  const silent = await policy.rescore(samples, { hint: () => "" });
  deepStrictEqual(
    silent.map(({ logProbs }) => logProbs),
    plain.map(({ logProbs }) => logProbs),
  );
  for (const [i, { logProbs }] of told.entries()) {
    strictEqual(logProbs.length, plain[i]!.logProbs.length);
    ok(logProbs.some((x, t) => Math.abs(x - plain[i]!.logProbs[t]!) > 1e-4));
  }
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
  const again = await loadLanguagePolicy(directory, {
    ...speech,
    critic: "separate",
  });
  deepStrictEqual(
    await again.decide(SITUATIONS, streams(4)),
    await base.decide(SITUATIONS, streams(4)),
  );
  const lora = { rank: 2, targets: ["q_proj", "up_proj"] } as const;
  const adapted = await loadLanguagePolicy(directory, { ...speech, lora });
  ok(Object.keys(adapted.variables).every((x) => /lora_|value_head/.test(x)));
  ok(adapted.parameters > 100 * 16);
  for (const variable of Object.values(adapted.variables)) {
    tf.tidy(() => variable.assign(tf.fill(variable.shape, 0.05)));
  }
  await adapted.save(`${directory}/adapter`);
  const both = await loadLanguagePolicy(directory, {
    ...speech,
    adapter: `${directory}/adapter`,
  });
  deepStrictEqual(
    await both.decide(SITUATIONS, streams(4)),
    await adapted.decide(SITUATIONS, streams(4)),
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
    const decisions = await policy.decide(SITUATIONS, streams(4));
    await policy.evaluate(SITUATIONS);
    await policy.rescore(
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
  const [a] = await sure.decide([SITUATIONS[0]!], [createRandom(1)]);
  const [b] = await sure.decide([SITUATIONS[0]!], [createRandom(2)]);
  deepStrictEqual(tokensOf(a!).reply, tokensOf(b!).reply);
  throws(() => policy.atTemperature(-1), { name: "RangeError" });
  policy.dispose();
});

Deno.test("prompts too long and traces of other kinds are refused", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({ prompt: () => "go ".repeat(1200) });
  await rejects(async () => await policy.decide([SITUATIONS[0]!], streams(1)), {
    name: "RangeError",
    message: /prompt and reply must have at most 1024 tokens/,
  });
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
  const backends = await describeAdapter() === undefined
    ? ["wasm", "cpu"] as const
    : ["wasm", "cpu", "webgpu"] as const;
  const said: { decisions: Decision[]; logProbs: number[] }[] = [];
  for (const backend of backends) {
    await selectBackend(backend);
    const policy = smallPolicy({ decoding: "admissible", lora: { rank: 2 } });
    const decisions = await policy.decide(SITUATIONS, streams(4));
    const scores = await policy.rescore(
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
