/**
 * Reports the GPU, its limits, and its speed in the operations of a language policy: matrix products,
 * readback, forward passes, generation and learning; each as a share of the best product's rate, with
 * its shaders and the time to enqueue them.
 *
 * ```sh
 * deno task gpu-details                    # the first adapter, software or not
 * deno task gpu-details --backend wasm     # the same numbers for the processor
 * deno task gpu-details --matmul 1024,4096 --width 896 --layers 24 --batch 8 --length 512 --peak 67
 * ```
 *
 * `--peak` is the card's nominal rate for 32-bit floats, in TFLOP/s.
 *
 * @module
 */

import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import {
  type BackendName,
  createRandom,
  type Decision,
  type ScoredTurn,
  selectBackend,
  type Situation,
} from "../mod.ts";
import {
  createLanguagePolicy,
  createWordTokenizer,
  describeAdapter,
  type LanguagePolicy,
} from "../mod/language.ts";
import { countGpuWork } from "./gpu_counts.ts";

const { values: flags } = parseArgs({
  options: {
    backend: { type: "string", default: "webgpu" },
    matmul: { type: "string", default: "128,256,512" },
    width: { type: "string", default: "128" },
    layers: { type: "string", default: "2" },
    batch: { type: "string", default: "4" },
    length: { type: "string", default: "64" },
    reply: { type: "string", default: "16" },
    peak: { type: "string" },
  },
});
const size = (name: keyof typeof flags) => Number(flags[name]);

/** Seconds above which a measurement is not repeated. */
const LONG = 1;

await reportAdapter();
const backend = await selectBackend(flags.backend as BackendName);
console.log(`backend: ${backend.reason}`);

let ceiling = 0;
for (const n of flags.matmul.split(",").map(Number)) {
  ceiling = Math.max(ceiling, await reportProduct(n));
}
await reportCalls();
for (
  const [name, options] of [
    ["all weights", {}],
    ["adapters", { lora: { rank: 8 } }],
    ...(backend.name === "webgpu"
      ? [
        [
          "adapters beside float16 weights",
          { lora: { rank: 8 }, frozenPrecision: "float16" },
        ] as const,
      ]
      : []),
  ] as const
) {
  const policy = createPolicy(options);
  try {
    await reportPolicy(name, policy, "lora" in options ? 4 : 6);
  } finally {
    policy.dispose();
  }
}

/** Name and limits of the adapter. */
async function reportAdapter() {
  const adapter = await describeAdapter();
  if (!adapter) return console.log("adapter: none");
  console.log(
    `adapter: ${adapter.name}${adapter.software ? " (software)" : ""}`,
  );
  console.log(`16-bit floats: ${adapter.halfPrecision ? "yes" : "no"}`);
  for (const [name, limit] of Object.entries(adapter.limits)) {
    console.log(`  ${name}: ${limit}`);
  }
}

/** Time and GPU work of a function. */
interface Measurement {
  /** Seconds until the results were read. */
  readonly time: number;
  /** Seconds until all was enqueued; the total where it waits in between. */
  readonly enqueued: number;
  /** Shaders enqueued. */
  readonly dispatches: number;
  /** Readbacks. */
  readonly readings: number;
}

/** The best of three after a warm-up, or one if it takes long. */
async function measure(
  enqueue: () => Promise<() => Promise<void>>,
): Promise<Measurement> {
  await (await enqueue())();
  const once = async () => {
    const start = performance.now();
    const wait = await enqueue();
    const middle = performance.now();
    await wait();
    const time = (performance.now() - start) / 1000;
    return { time, enqueued: (middle - start) / 1000 };
  };
  const { value, dispatches, readings } = await countGpuWork(once);
  const all = [value];
  while (all.length < 3 && value.time < LONG) all.push(await once());
  return {
    time: Math.min(...all.map(({ time }) => time)),
    enqueued: Math.min(...all.map(({ enqueued }) => enqueued)),
    dispatches,
    readings,
  };
}

/** Waits for a tensor's numbers and frees it. */
function waitFor(tensor: tf.Tensor) {
  return async () => {
    await tensor.data();
    tensor.dispose();
  };
}

/** Rate of square products, in operations a second. */
async function reportProduct(n: number): Promise<number> {
  const times = 8;
  const a = tf.randomNormal([n, n]), b = tf.randomNormal([n, n]);
  const { time } = await measure(() =>
    Promise.resolve(waitFor(tf.tidy(() => {
      let c: tf.Tensor = a;
      for (let i = 0; i < times; i++) c = tf.mul(tf.matMul(c, b), 1 / n);
      return tf.sum(c);
    })))
  );
  tf.dispose([a, b]);
  const rate = times * 2 * n ** 3 / time;
  const share = flags.peak === undefined ? "" : `, ${shareOfPeak(rate)}`;
  console.log(
    `product ${n} x ${n}: ${(rate / 1e9).toFixed(1)} GFLOP/s${share}`,
  );
  return rate;
}

/** Cost of enqueueing a shader and of a readback. */
async function reportCalls() {
  const x = tf.randomNormal([64, 64]), shaders = 256;
  const many = await measure(() =>
    Promise.resolve(waitFor(tf.tidy(() => {
      let y: tf.Tensor = x;
      for (let i = 0; i < shaders; i++) y = tf.add(y, x);
      return y;
    })))
  );
  const one = await measure(() => Promise.resolve(waitFor(tf.add(x, x))));
  x.dispose();
  console.log(
    `enqueuing: ${(1e6 * many.enqueued / shaders).toFixed(0)} µs a shader; ` +
      `reading back: ${(1000 * (one.time - one.enqueued)).toFixed(1)} ms`,
  );
}

/** A policy with prompts of a given length. */
function createPolicy(
  options: { lora?: { rank: number }; frozenPrecision?: "float16" },
): LanguagePolicy {
  return createLanguagePolicy({
    seed: 1,
    tokenizer: createWordTokenizer(["user assistant go go"]),
    prompt: () => " go".repeat(size("length")),
    maxReplyTokens: size("reply"),
    batchSize: size("batch"),
    microbatchTokens: size("batch") * (size("length") + size("reply") + 64),
    size: {
      hiddenSize: size("width"),
      intermediateSize: 4 * size("width"),
      layers: size("layers"),
      heads: Math.max(2, size("width") / 64),
      kvHeads: 2,
      maxLength: 4096,
    },
    ...options,
  });
}

/** Generation, scoring and learning, in tokens per second and as a share of the best rate. */
async function reportPolicy(
  name: string,
  policy: LanguagePolicy,
  learningWork: number,
) {
  const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
  const situation: Situation = { task: "go", past: [], observation };
  const situations = Array<Situation>(size("batch")).fill(situation);
  const rows = [...situations.keys()];
  const observations = situations.map((one) => one.observation);
  const randoms = rows.map((row) => createRandom(row));
  let decisions: Decision[] = [];
  const done = () => Promise.resolve();
  const writing = await measure(async () => {
    using session = policy.open(situations);
    decisions = await session.decide(rows, observations, randoms);
    return done;
  });
  const { read, written } = countTokens(decisions);
  const each = Math.round(read / situations.length);
  console.log(
    `${name}: ${(policy.parameters / 1e6).toFixed(2)} million parameters, ` +
      `${situations.length} sequences of ${each} tokens, ` +
      `${(tf.memory().numBytes / 2 ** 20).toFixed(1)} MiB of tensors`,
  );
  const pass = policy.parameters * read; // additions of one pass, attention apart
  report("generation (prompts read included)", writing, written, 2 * pass);
  const samples = decisions.map((decision) => ({
    decision,
    advantages: { switching: 1, planning: 1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
  }));
  const reading = await measure(() =>
    Promise.resolve(waitFor(tf.tidy(() => policy.score(samples).logProbs)))
  );
  report("forward pass", reading, read, 2 * pass);
  const learning = await measure(() =>
    Promise.resolve(waitFor(learn(policy, samples)))
  );
  report("training step", learning, read, learningWork * pass);
}

/** One line about one kind of work. */
function report(
  name: string,
  { time, enqueued, dispatches, readings }: Measurement,
  tokens: number,
  work: number,
) {
  const parts = [
    `${(time * 1000).toFixed(0)} ms`,
    `${(tokens / time).toFixed(0)} tokens/s`,
    `${(100 * work / time / ceiling).toFixed(0)} % of the product's rate`,
    ...(flags.peak === undefined ? [] : [shareOfPeak(work / time)]),
    ...(dispatches === 0 ? [] : [
      `${dispatches} shaders enqueued in ${(enqueued * 1000).toFixed(0)} ms`,
    ]),
    ...(readings === 0 ? [] : [`${readings} readings`]),
  ];
  console.log(`  ${name}: ${parts.join(", ")}`);
}

/** A share of the nominal rate, in words. */
function shareOfPeak(rate: number): string {
  return `${(100 * rate / (size("peak") * 1e12)).toFixed(1)} % of the peak`;
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

/** Differentiates log-probabilities in all trained weights; a number that depends on every gradient. */
function learn(
  policy: LanguagePolicy,
  samples: readonly ScoredTurn[],
): tf.Tensor {
  const weights = Object.values(policy.variables);
  const { value, grads } = tf.variableGrads(
    () => {
      const { logProbs, values } = policy.score(samples);
      const all = [logProbs, ...Object.values(values)];
      return tf.neg(tf.mean(tf.concat(all))) as tf.Scalar;
    },
    weights,
  );
  const last = tf.tidy(() =>
    tf.addN(weights.map(({ name }) => tf.sum(grads[name]!)))
  );
  tf.dispose([value, grads]);
  return last;
}
