/**
 * Says what the graphics processor is, what it can hold, and how fast it is at what a language
 * policy does: products, forward passes, writing, learning; each as a share of the product's rate.
 *
 * ```sh
 * deno task gpu-check                    # the first adapter, software or not
 * deno task gpu-check --backend wasm     # the same numbers for the processor
 * deno task gpu-check --width 896 --layers 24 --batch 8 --length 512
 * ```
 *
 * @module
 */

import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import {
  type BackendName,
  buildWordTokenizer,
  createLanguagePolicy,
  createRandom,
  type Decision,
  describeAdapter,
  type LanguagePolicy,
  selectBackend,
  type Situation,
  type TrainingSample,
} from "../mod.ts";

const { values: flags } = parseArgs({
  options: {
    backend: { type: "string", default: "webgpu" },
    matmul: { type: "string", default: "512" },
    width: { type: "string", default: "128" },
    layers: { type: "string", default: "4" },
    batch: { type: "string", default: "4" },
    length: { type: "string", default: "128" },
    reply: { type: "string", default: "16" },
  },
});
const size = (name: keyof typeof flags) => Number(flags[name]);

const adapter = await describeAdapter();
if (adapter) {
  console.log(
    `adapter: ${adapter.name}${adapter.software ? " (software)" : ""}`,
  );
  console.log(`16-bit floats: ${adapter.halfPrecision ? "yes" : "no"}`);
  for (const [name, limit] of Object.entries(adapter.limits)) {
    console.log(`  ${name}: ${limit}`);
  }
} else console.log("adapter: none");

const backend = await selectBackend(flags.backend as BackendName);
console.log(`backend: ${backend.reason}`);

const ceiling = await reportMatmul(size("matmul"));
const policy = createPolicy();
try {
  await reportPolicy(policy, ceiling);
} finally {
  policy.dispose();
}

/** Best of three, after a first time that prepares; seconds. */
async function seconds(run: () => Promise<void>): Promise<number> {
  await run();
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}

/** Rate of square products, in operations a second. */
async function reportMatmul(n: number): Promise<number> {
  const times = 8;
  const a = tf.randomNormal([n, n]), b = tf.randomNormal([n, n]);
  const time = await seconds(async () => {
    const last = tf.tidy(() => {
      let c: tf.Tensor = a;
      for (let i = 0; i < times; i++) c = tf.mul(tf.matMul(c, b), 1 / n);
      return tf.sum(c);
    });
    await last.data();
    last.dispose();
  });
  tf.dispose([a, b]);
  const rate = times * 2 * n ** 3 / time;
  console.log(`product ${n} x ${n}: ${(rate / 1e9).toFixed(1)} GFLOP/s`);
  return rate;
}

/** A policy whose prompts have the length asked for. */
function createPolicy(): LanguagePolicy {
  return createLanguagePolicy({
    seed: 1,
    tokenizer: buildWordTokenizer(["user assistant go go"]),
    prompt: () => " go".repeat(size("length")),
    maxReplyTokens: size("reply"),
    batchSize: size("batch"),
    tokensAtOnce: size("batch") * (size("length") + size("reply") + 64),
    size: {
      width: size("width"),
      innerWidth: 4 * size("width"),
      layers: size("layers"),
      heads: Math.max(2, size("width") / 64),
      groups: 2,
      maxLength: 4096,
    },
  });
}

/** Writing, scoring and learning, in tokens a second and as a share of the ceiling. */
async function reportPolicy(policy: LanguagePolicy, ceiling: number) {
  const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
  const situation: Situation = { task: "go", past: [], observation };
  const situations = Array<Situation>(size("batch")).fill(situation);
  const randoms = situations.map((_, i) => createRandom(i));
  let decisions: Decision[] = [];
  const writing = await seconds(async () => {
    decisions = await policy.decide(situations, randoms);
  });
  const { read, written } = countTokens(decisions);
  const each = Math.round(read / situations.length);
  console.log(
    `model: ${(policy.parameters / 1e6).toFixed(2)} million parameters, ` +
      `${situations.length} sequences of ${each} tokens`,
  );
  const pass = 2 * policy.parameters * read; // operations of one pass, attention apart
  const report = (name: string, time: number, tokens: number, work: number) =>
    console.log(
      `${name}: ${(time * 1000).toFixed(0)} ms, ${
        (tokens / time).toFixed(0)
      } tokens/s, ` +
        `${(100 * work / time / ceiling).toFixed(0)} % of the product's rate`,
    );
  report("generation (prompts read included)", writing, written, pass);
  const samples = decisions.map((decision) => ({
    situation,
    decision,
    advantages: { switching: 1, planning: 1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
  }));
  const reading = await seconds(async () => {
    await policy.rescore(samples);
  });
  report("forward pass", reading, read, pass);
  const learning = await seconds(() => learn(policy, samples));
  report("forward and backward pass", learning, read, 3 * pass);
}

/** Tokens of prompts and replies together, and of replies. */
function countTokens(decisions: readonly Decision[]) {
  let read = 0, written = 0;
  for (const { trace } of decisions) {
    if (trace.kind !== "tokens") continue;
    read += trace.prompt.length + trace.reply.length;
    written += trace.reply.length;
  }
  return { read, written };
}

/** Differentiates log-probabilities in all weights, and waits for it. */
async function learn(
  policy: LanguagePolicy,
  samples: readonly TrainingSample[],
): Promise<void> {
  const { value, grads } = tf.variableGrads(
    () => tf.neg(tf.mean(policy.score(samples).logProbs)) as tf.Scalar,
    Object.values(policy.variables),
  );
  const sum = tf.tidy(() =>
    tf.sum(tf.stack(Object.values(grads).map((slope) => tf.sum(slope))))
  );
  await sum.data();
  tf.dispose([value, grads, sum]);
}
