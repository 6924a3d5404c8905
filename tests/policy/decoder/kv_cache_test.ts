import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import { createReadingMemory } from "../../../lib/policy/decoder/kv_cache.ts";
import type { LanguagePolicy } from "../../../lib/policy/language/policy.ts";
import {
  createQwen2,
  disposeQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { formatTranscript } from "../../../lib/policy/language/small_model.ts";
import { createRandom } from "../../../lib/random.ts";
import type { Decision, Turn } from "../../../lib/trajectory.ts";
import {
  close,
  situationOf,
  smallPolicy,
  streams,
  tokensOf,
  VARIANTS,
} from "../_small_policy.ts";

/** Plays episodes of different lengths side by side, some of them shorter than the others. */
async function playSideBySide(policy: LanguagePolicy): Promise<Decision[]> {
  const decisions: Decision[] = [];
  const pasts: Turn[][] = [[], [], []];
  for (let t = 0; t < 4; t++) {
    const playing = pasts.filter((_, i) => t < 2 + i); // the first end first
    const situations = playing.map((past, i) => ({
      ...situationOf(
        `A sign says ${"left ".repeat(i + t)}`,
        past.at(-1)?.decision.subgoal,
      ),
      past: [...past],
    }));
    const randoms = streams(playing.length).map((random) => random.fork(t));
    const decided = await policy.decide(situations, randoms);
    playing.forEach((past, i) => {
      const { observation } = situations[i]!;
      past.push({ observation, decision: decided[i]!, reward: 0 });
    });
    decisions.push(...decided);
  }
  return decisions;
}

Deno.test("what is kept from turn to turn changes nothing but the time", async () => {
  await selectBackend("wasm");
  for (const name of ["given admissible actions", "with adapters"]) {
    const options = {
      ...VARIANTS[name],
      prompt: (situation: Parameters<typeof formatTranscript>[0]) =>
        formatTranscript(situation),
    };
    const forgetful = smallPolicy(options);
    const keeping = smallPolicy({ ...options, reuseKvCache: true });
    const expected = await playSideBySide(forgetful);
    const actual = await playSideBySide(keeping);
    strictEqual(actual.length, 9);
    actual.forEach((decision, i) => {
      deepStrictEqual(
        tokensOf(decision).reply,
        tokensOf(expected[i]!).reply,
        `${name}, ${i}`,
      );
      const { logProbs } = tokensOf(expected[i]!);
      close(tokensOf(decision).logProbs, logProbs, `${name}, ${i}`);
    });
    forgetful.dispose();
    keeping.dispose();
  }
});

Deno.test("a decoder that goes on where it ended says what one says that reads it all", async () => {
  await selectBackend("wasm");
  const model = createQwen2({
    vocabSize: 11,
    hiddenSize: 16,
    intermediateSize: 24,
    layers: 2,
    heads: 2,
    kvHeads: 1,
    maxLength: 64,
    rmsEpsilon: 1e-6,
    ropeTheta: 1e4,
    tieEmbeddings: true,
  }, createRandom(1));
  using memory = createReadingMemory();
  let recalls = 0;
  const watched = {
    ...memory,
    recall: (...asked: Parameters<typeof memory.recall>) => {
      const found = memory.recall(...asked);
      if (found) recalls++;
      return found;
    },
  };
  const ids = (n: number, k: number) =>
    Int32Array.from({ length: n }, (_, i) => (3 * i + k) % 11);
  const read = async (prompts: Int32Array[], keep: boolean) => {
    const options = { maxTokens: 4, ...(keep && { memory: watched }) };
    const { decoder, output } = await startDecoder(model, prompts, options);
    using _ = decoder;
    const next = await decoder.next(new Int32Array(prompts.length).fill(5));
    return [output, next].flatMap(({ logits, states }) => [
      ...logits,
      ...states,
    ]);
  };
  await read([ids(20, 0), ids(17, 1), ids(9, 2)], true);
  strictEqual(recalls, 0);
  const longer = [ids(22, 1), ids(25, 0)]; // in another order, one row gone
  close(await read(longer, true), await read(longer, false), "once");
  const last = [ids(24, 1), ids(26, 0)];
  close(await read(last, true), await read(last, false), "twice");
  strictEqual(recalls, 2);
  disposeQwen2(model);
});

Deno.test("weights that changed read everything anew", async () => {
  await selectBackend("wasm");
  const options = {
    decoding: "admissible",
    prompt: (situation: Parameters<typeof formatTranscript>[0]) =>
      formatTranscript(situation),
  } as const;
  const keeping = smallPolicy({ ...options, reuseKvCache: true });
  const forgetful = smallPolicy(options);
  await playSideBySide(keeping);
  for (const policy of [keeping, forgetful]) {
    for (const variable of Object.values(policy.variables)) {
      tf.tidy(() => variable.assign(tf.mul(variable, 1.5)));
    }
  }
  const actual = await playSideBySide(keeping);
  const expected = await playSideBySide(forgetful);
  actual.forEach((decision, i) =>
    close(
      tokensOf(decision).logProbs,
      tokensOf(expected[i]!).logProbs,
      `decision ${i}`,
    )
  );
  keeping.dispose();
  forgetful.dispose();
});

Deno.test("a memory recalls rows in any order, makes room, and leaves no tensor behind", async () => {
  await selectBackend("wasm");
  const before = tf.memory().numTensors;
  const weights = [tf.scalar(1)];
  const memory = createReadingMemory();
  const caches = {
    "keys.0": tf.tensor([0, 1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 1]),
  };
  memory.keep({ caches, fed: [[1, 2, 3], [1, 5, 6]], asked: [2, 2], weights });
  const prompt = Int32Array.of(1, 5, 6, 7, 8);
  strictEqual(
    memory.recall([Int32Array.of(9, 9)], { weights, room: 4 }),
    undefined,
  );
  const found = memory.recall([prompt], { weights, room: 6 });
  ok(found);
  deepStrictEqual([...found.places], [3]);
  ok(found.room >= 6);
  const row = [...await found.caches["keys.0"]!.data()].slice(0, 4);
  deepStrictEqual(row, [4, 5, 6, 7]);
  strictEqual(memory.recall([prompt], { weights, room: 4 }), undefined); // handed out
  memory.keep({ ...found, fed: [[...prompt]], asked: [3], weights });
  memory.forget();
  const longer = Int32Array.of(...prompt, 9);
  strictEqual(memory.recall([longer], { weights, room: 6 }), undefined);
  const again = { "keys.0": tf.zeros([1, 1, 6, 1]) };
  memory.keep({ caches: again, fed: [[...prompt]], asked: [3], weights });
  memory[Symbol.dispose]();
  tf.dispose(weights);
  strictEqual(tf.memory().numTensors, before);
});

Deno.test("batches by turns recall their own readings, though all begin alike", async () => {
  await selectBackend("wasm");
  const before = tf.memory().numTensors;
  const weights = [tf.scalar(1)];
  const memory = createReadingMemory();
  /** Rules that all share, then what is told to one batch alone. */
  const told = (batch: number, turns: number) =>
    Int32Array.of(1, 2, 3, 4, ...new Array(4 * turns).fill(10 + batch));
  const known: number[] = [];
  for (let turn = 1; turn <= 3; turn++) {
    for (const batch of [0, 1, 2]) {
      const prompt = told(batch, turn);
      const found = memory.recall([prompt], { weights, room: 16 });
      if (turn > 1) known.push(found?.places[0] ?? 0);
      const caches = found?.caches ?? { "keys.0": tf.zeros([1, 1, 16, 1]) };
      memory.keep({
        caches,
        fed: [[...prompt]],
        asked: [prompt.length],
        weights,
      });
    }
  }
  deepStrictEqual(known, [8, 8, 8, 12, 12, 12]);
  memory[Symbol.dispose]();
  tf.dispose(weights);
  strictEqual(tf.memory().numTensors, before);
});

Deno.test("when episodes end, rows move from batch to batch and nothing is read anew", async () => {
  await selectBackend("wasm");
  const before = tf.memory().numTensors;
  const weights = [tf.scalar(1)];
  const memory = createReadingMemory();
  /** What episode `k` has been told after some turns; its caches hold its own number. */
  const told = (k: number, turns: number) =>
    Int32Array.from({ length: 4 * turns }, () => 10 + k);
  const turn = async (batches: readonly number[][], turns: number) => {
    const places: number[][] = [];
    for (const batch of batches) {
      const prompts = batch.map((k) => told(k, turns));
      const room = 4 * turns;
      const found = memory.recall(prompts, { weights, room });
      places.push([...found?.places ?? []]);
      if (found) {
        const cache = found.caches["keys.0"]!;
        const numbers = await cache.data();
        deepStrictEqual(batch.map((_, b) => numbers[b * found.room]), batch);
      }
      const caches = found?.caches ?? {
        "keys.0": tf.tidy(() =>
          tf.keep(tf.tile(
            tf.tensor(batch, [batch.length, 1, 1, 1]),
            [1, 1, room, 1],
          ))
        ),
      };
      const fed = prompts.map((prompt) => [...prompt]);
      const asked = prompts.map(({ length }) => length);
      memory.keep({ caches, fed, asked, weights });
    }
    memory.settle();
    return places;
  };
  deepStrictEqual(await turn([[1, 2, 3], [4, 5]], 1), [[], []]);
  const known = await turn([[1, 3, 4], [5]], 2);
  deepStrictEqual(known, [[4, 4, 4], [4]]);
  deepStrictEqual(await turn([[1, 4, 5]], 3), [[8, 8, 8]]);
  strictEqual(tf.memory().numTensors, before + 2); // the weights, and one batch
  memory.forget();
  tf.dispose(weights);
  strictEqual(tf.memory().numTensors, before);
});

Deno.test("episodes that are equal so far go on from rows of their own", async () => {
  await selectBackend("wasm");
  const weights = [tf.scalar(1)];
  const memory = createReadingMemory();
  const caches = { "keys.0": tf.tensor([1, 1, 2, 2], [2, 1, 2, 1]) };
  memory.keep({ caches, fed: [[1, 2], [1, 2]], asked: [2, 2], weights });
  const prompts = [Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 4)];
  const found = memory.recall(prompts, { weights, room: 4 });
  ok(found);
  const numbers = await found.caches["keys.0"]!.data();
  deepStrictEqual([numbers[0], numbers[found.room]], [1, 2]);
  tf.dispose([found.caches, weights]);
  memory.forget();
});
