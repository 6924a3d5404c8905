import { ok, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { QWEN2_SIZES } from "../../lib/policy/decoder/config.ts";
import { createRandom } from "../../lib/random.ts";
import { languageMemory } from "../../lib/train/language_memory.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { watchHeap } from "./_heap_watch.ts";
import { type Load, loadOf, SMALL_SIZE } from "./_language_load.ts";
import { fromRows } from "../_samples.ts";
import { decideAt } from "../policy/_sessions.ts";

const LOAD: Load = { batch: 16, length: 96, replyLength: 24, size: SMALL_SIZE };

/** Loads that differ in what dominates their memory. */
const LOADS: Readonly<Record<string, Load>> = {
  "all weights": LOAD,
  "layers computed again": { ...LOAD, recompute: true },
  "in chunks": { ...LOAD, microbatchTokens: 400 },
  "in chunks, layers computed again": {
    ...LOAD,
    microbatchTokens: 400,
    recompute: true,
  },
  "adapters": { ...LOAD, lora: { rank: 4 } },
  "adapters of two projections": {
    ...LOAD,
    lora: { rank: 8, targets: ["q_proj", "v_proj"] },
    recompute: true,
  },
  "a critic of its own": { ...LOAD, critic: "separate" },
  "adapters, and a critic of its own": {
    ...LOAD,
    lora: { rank: 4 },
    critic: "separate",
    recompute: true,
  },
  "a large vocabulary": {
    ...LOAD,
    batch: 4,
    length: 64,
    words: 5000,
    lora: { rank: 4 },
    recompute: true,
  },
  "more weights than tokens": {
    ...LOAD,
    batch: 1,
    length: 32,
    replyLength: 4,
    size: {
      ...SMALL_SIZE,
      hiddenSize: 256,
      intermediateSize: 256,
      tieEmbeddings: false,
    },
  },
};

for (const [name, load] of Object.entries(LOADS)) {
  Deno.test(`languageMemory() foretells the heap within a tenth: ${name}`, async () => {
    await selectBackend("wasm");
    using watch = watchHeap();
    const { policy, samples, situations, memory } = loadOf(load);
    const learner = createPpoLearner(policy);
    const { frozen, trained, angles, reference } = memory.learning.terms;
    strictEqual(watch.live(), frozen! + trained! + angles! + reference!);
    const random = createRandom(2);
    const agree = (about: string, bytes: number) => {
      const peak = watch.peak();
      const said = `${about}: ${bytes} bytes foretold, ${peak} taken`;
      ok(Math.abs(bytes / peak - 1) < 0.1, said);
    };
    watch.peak();
    await decideAt(
      policy,
      situations,
      situations.map((_, i) => random.fork(i)),
    );
    agree("writing", memory.writing.bytes);
    const minibatchSize = samples.length;
    await learner.update(fromRows(samples), {
      epochs: 1,
      minibatchSize,
      random,
    });
    agree("learning", memory.learning.bytes);
    policy.dispose();
  });
}

Deno.test("languageMemory() foretells what kept KV caches take within a tenth", async () => {
  await selectBackend("wasm");
  using watch = watchHeap();
  const { policy, situations, memory } = loadOf({
    ...LOAD,
    reuseKvCache: true,
  });
  const before = watch.live();
  const starts = Array.from({ length: 10 }, () => situations).flat();
  const session = policy.open(starts);
  for (let turn = 0; turn < 10; turn++) {
    const others = situations.map((situation) => ({
      ...situation,
      observation: {
        ...situation.observation,
        text: situation.observation.text.replaceAll("ba", "bcdefghijk"[turn]!),
      }, // prompts that have nothing in common, as of ten other batches
    }));
    await session.decide(
      others.map((_, i) => turn * others.length + i),
      others.map(({ observation }) => observation),
      others.map((_, i) => createRandom(i)),
    );
  }
  const { kept } = memory.writing.terms, taken = watch.live() - before;
  ok(Math.abs(kept! / taken - 1) < 0.1, `${kept} foretold, ${taken} taken`);
  session[Symbol.dispose]();
  strictEqual(watch.live(), before);
  policy.dispose();
});

Deno.test("memory of a gradient step does not grow with the number of chunks", async () => {
  await selectBackend("wasm");
  const peaks: number[] = [];
  for (const batch of [8, 32]) {
    using watch = watchHeap();
    const { policy, samples } = loadOf({
      ...LOAD,
      batch,
      microbatchTokens: 200,
    });
    const learner = createPpoLearner(policy);
    const random = createRandom(2);
    await learner.update(fromRows(samples), {
      epochs: 1,
      minibatchSize: batch,
      random,
    });
    peaks.push(watch.peak());
    policy.dispose();
  }
  const [few, many] = peaks as [number, number];
  ok(many / few < 1.02, `${few} bytes in 4 chunks, ${many} in 16`);
});

Deno.test("with adapters the reference takes a copy of the adapters, not of the weights", () => {
  const config = { ...SMALL_SIZE, vocabSize: 1000 };
  const { trained, frozen, learning } = languageMemory(config, {
    ...LOAD,
    lora: { rank: 4 },
  });
  strictEqual(learning.terms["reference"], 4 * trained);
  ok(10 * trained < frozen);
});

Deno.test("16-bit frozen weights take half, trained ones what they took", () => {
  const config = { ...SMALL_SIZE, vocabSize: 1000 };
  const options = { ...LOAD, lora: { rank: 4 } };
  const whole = languageMemory(config, options);
  const half = languageMemory(config, { ...options, frozenBytes: 2 });
  strictEqual(half.learning.terms["frozen"], 2 * whole.frozen);
  strictEqual(whole.learning.bytes - half.learning.bytes, 2 * whole.frozen);
});

Deno.test("published sizes have the parameters that their model cards state", () => {
  const stated = { // in billions, of which embeddings are a part
    ...{ "0.5B": 0.49, "1.5B": 1.54, "3B": 3.09 },
    ...{ "7B": 7.61, "14B": 14.7, "32B": 32.5 },
  };
  for (const [name, size] of Object.entries(QWEN2_SIZES)) {
    const { frozen } = languageMemory(size, { ...LOAD, lora: { rank: 1 } });
    const billions = stated[name as keyof typeof stated];
    ok(Math.abs(frozen / 1e9 / billions - 1) < 0.01, `${name}: ${frozen}`);
  }
});
