/**
 * Memory of language policies beside the formula that foretells it:
 * `deno run -P=bench tests/bench/language_memory.ts`.
 *
 * Each load writes one batch of replies and takes one gradient step. `foretold` is the formula's
 * peak, `counted` the most bytes allocated at once on the heap of the `wasm` backend; `heap` and
 * `resident` are what the backend and the process took for it, which grows in steps, never
 * shrinks, and has garbage and the learner's own columns in it. Fails if a ratio is not within
 * 20 %.
 *
 * @module
 */

import { openHeap } from "../../lib/policy/backends/wasm/heap.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { createRandom } from "../../lib/random.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { watchHeap } from "../train/_heap_watch.ts";
import { type Load, loadOf, SMALL_SIZE } from "../train/_language_load.ts";
import { describeMachine, residentMegabytes } from "./_machine.ts";
import { fromRows } from "../_samples.ts";
import { decideAt } from "../policy/_sessions.ts";

const SIZES: Readonly<Record<string, Load["size"]>> = {
  "0.5 M": { ...SMALL_SIZE, hiddenSize: 128, intermediateSize: 256, layers: 3 },
  "2 M": {
    ...SMALL_SIZE,
    hiddenSize: 192,
    intermediateSize: 512,
    layers: 5,
    heads: 6,
  },
  "10 M": {
    ...SMALL_SIZE,
    hiddenSize: 384,
    intermediateSize: 1024,
    layers: 6,
    heads: 6,
  },
};
const WAYS: Readonly<Record<string, Partial<Load>>> = {
  "adapters, layers again": { lora: { rank: 8 }, recompute: true },
  "layers again": { recompute: true },
  "chunks of 1,024": { microbatchTokens: 1024 },
  "adapters": { lora: { rank: 8 } },
  "a critic of its own": { critic: "separate", microbatchTokens: 1024 },
  "all weights": {},
};
const LOAD = { batch: 16, length: 192, replyLength: 32, words: 1000 };

await selectBackend("wasm");
console.log(describeMachine());
console.log(
  "16 replies of 192 tokens, 32 of them written; MB of 2²⁰ bytes, writing and learning",
);
const head = ["foretold", "counted", "ratio", "foretold", "counted", "ratio"];
console.log(
  "".padEnd(30) + [...head, "heap", "resident"].map(cell).join(""),
);
let within = true;
const before = residentMegabytes();
for (const [size, decoder] of Object.entries(SIZES)) {
  for (const [way, options] of Object.entries(WAYS)) {
    const name = `${size}, ${way}`;
    await measure(name, { ...LOAD, size: decoder, ...options });
  }
}
console.log(`resident before: ${before}`);
console.log(within ? "within 20 %" : "NOT WITHIN 20 %");
if (!within) Deno.exit(1);

/** Writes and learns once, and prints what was foretold and what was taken. */
async function measure(name: string, load: Load): Promise<void> {
  using watch = watchHeap();
  const { policy, samples, situations, memory } = loadOf(load);
  const learner = createPpoLearner(policy);
  const random = createRandom(1);
  const compare = (bytes: number): string[] => {
    const counted = watch.peak();
    within &&= Math.abs(bytes / counted - 1) <= 0.2;
    return [megabytes(bytes), megabytes(counted), (bytes / counted).toFixed(3)];
  };
  watch.peak();
  await decideAt(policy, situations, situations.map((_, i) => random.fork(i)));
  const writing = compare(memory.writing.bytes);
  await learner.update(fromRows(samples), {
    epochs: 1,
    minibatchSize: samples.length,
    random,
  });
  const learning = compare(memory.learning.bytes);
  policy.dispose();
  const heap = openHeap().memory.buffer.byteLength;
  const cells = [...writing, ...learning, megabytes(heap)];
  cells.push(String(residentMegabytes()));
  console.log(name.padEnd(30) + cells.map(cell).join(""));
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function cell(text: string): string {
  return text.padStart(10);
}
