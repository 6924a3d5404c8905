import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import {
  type BatchKvCache,
  createKvCacheStore,
  KEPT_BATCHES,
} from "../../../lib/policy/decoder/kv_cache.ts";
import type { LanguagePolicy } from "../../../lib/policy/language/policy.ts";
import {
  createQwen2,
  disposeQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { formatTranscript } from "../../../lib/policy/language/small_model.ts";
import { createRandom } from "../../../lib/random.ts";
import type { Decision } from "../../../lib/trajectory.ts";
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
  using session = policy.open([0, 1, 2].map(() => ({ task: "leave" })));
  for (let t = 0; t < 4; t++) {
    const rows = [0, 1, 2].filter((row) => t < 2 + row); // the first end first
    const observations = rows.map((row) =>
      situationOf(`A sign says ${"left ".repeat(row + t)}`).observation
    );
    const randoms = streams(rows.length).map((random) => random.fork(t));
    decisions.push(...await session.decide(rows, observations, randoms));
    session.end?.(rows.filter((row) => t + 1 === 2 + row));
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

Deno.test("values of episodes that are cut are read from what is kept", async () => {
  await selectBackend("wasm");
  const play = async (reuseKvCache: boolean) => {
    const policy = smallPolicy({
      decoding: "admissible",
      prompt: (situation) => formatTranscript(situation),
      reuseKvCache,
    });
    using session = policy.open([0, 1, 2].map(() => ({ task: "leave" })));
    const seen = (rows: readonly number[], t: number) =>
      rows.map((row) =>
        situationOf(`A sign says ${"left ".repeat(row + t)}`).observation
      );
    const rows = [0, 1, 2];
    for (let t = 0; t < 2; t++) {
      const randoms = streams(3).map((random) => random.fork(t));
      await session.decide(rows, seen(rows, t), randoms);
    }
    const values = [
      ...await session.values!([2, 0], seen([2, 0], 2)),
      // Episodes that have just begun have nothing kept.
      ...await policy.open([{ task: "leave" }]).values!([0], seen([0], 0)),
    ];
    session.end?.(rows);
    policy.dispose();
    return values;
  };
  const expected = await play(false);
  const values = await play(true);
  strictEqual(values.length, 3);
  values.forEach((value, i) =>
    close(
      Object.values(value),
      Object.values(expected[i]!),
      `values of row ${i}`,
    )
  );
  ok(
    expected.slice(0, 2).every(({ execution, planning }) =>
      execution !== planning
    ),
  );
});

Deno.test("turns that were decided elsewhere are computed with the next prompt", async () => {
  await selectBackend("wasm");
  const play = async (reuseKvCache: boolean) => {
    const policy = smallPolicy({
      decoding: "admissible",
      prompt: (situation) => formatTranscript(situation),
      reuseKvCache,
    });
    using session = policy.open([{ task: "leave" }, { task: "leave" }]);
    const { observation } = situationOf("A sign says left.");
    const decide = (rows: number[], t: number) =>
      session.decide(
        rows,
        rows.map(() => observation),
        streams(rows.length).map((random) => random.fork(t)),
      );
    const first = await decide([0, 1], 0);
    await session.encode([1], [observation], [{
      ...{ switched: true, subgoal: "leave by the left end", valid: true },
      ...{ action: "go left", trace: { kind: "untrainable" } },
    }], { score: false });
    const decisions = [...first, ...await decide([0], 1)];
    decisions.push(...await decide([0, 1], 2));
    policy.dispose();
    return decisions.map(tokensOf);
  };
  const expected = await play(false);
  for (const [i, { reply, logProbs }] of (await play(true)).entries()) {
    deepStrictEqual(reply, expected[i]!.reply);
    close(logProbs, expected[i]!.logProbs, `decision ${i}`);
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
  using store = createKvCacheStore();
  let taken = 0;
  const watched = (episodes: number[]): BatchKvCache => {
    const batch = store.of(episodes);
    return {
      ...batch,
      take(...asked) {
        const found = batch.take(...asked);
        if (found) taken++;
        return found;
      },
    };
  };
  const ids = (n: number, k: number) =>
    Int32Array.from({ length: n }, (_, i) => (3 * i + k) % 11);
  const read = async (prompts: Int32Array[], episodes?: number[]) => {
    const kvCache = episodes && watched(episodes);
    const options = { maxTokens: 4, kvCache };
    const { decoder, output } = await startDecoder(model, prompts, options);
    using _ = decoder;
    const next = await decoder.next(new Int32Array(prompts.length).fill(5));
    return [output, next].flatMap(({ logits, states }) => [
      ...logits,
      ...states,
    ]);
  };
  await read([ids(20, 0), ids(17, 1), ids(9, 2)], [0, 1, 2]);
  strictEqual(taken, 0);
  const longer = [ids(22, 1), ids(25, 0)]; // in another order, one row gone
  close(await read(longer, [1, 0]), await read(longer), "once");
  const last = [ids(24, 1), ids(26, 0)];
  close(await read(last, [1, 0]), await read(last), "twice");
  strictEqual(taken, 2);
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

Deno.test("a store finds rows in any order, makes room, and leaves no tensor behind", async () => {
  await selectBackend("wasm");
  const before = tf.memory().numTensors;
  const weights = [tf.scalar(1)];
  const store = createKvCacheStore();
  const caches = {
    "keys.0": tf.tensor([0, 1, 2, 3, 4, 5, 6, 7], [2, 1, 4, 1]),
  };
  store.of([0, 1]).put({ caches, fed: [[1, 2, 3], [1, 5, 6]], weights });
  const prompt = Int32Array.of(1, 5, 6, 7, 8);
  strictEqual(
    store.of([0]).take([Int32Array.of(9, 9)], { weights, room: 4 }),
    undefined, // all of it is new
  );
  const found = store.of([1]).take([prompt], { weights, room: 6 });
  ok(found);
  deepStrictEqual([...found.places], [3]);
  ok(found.room >= 6);
  const row = [...await found.caches["keys.0"]!.data()].slice(0, 4);
  deepStrictEqual(row, [4, 5, 6, 7]);
  strictEqual(
    store.of([1]).take([prompt], { weights, room: 4 }),
    undefined, // taken already
  );
  store.of([1]).put({ ...found, fed: [[...prompt]], weights });
  store.end([0, 1]);
  strictEqual(tf.memory().numTensors, before + 1); // the weights
  const again = { "keys.0": tf.zeros([1, 1, 6, 1]) };
  store.of([1]).put({ caches: again, fed: [[...prompt]], weights });
  store[Symbol.dispose]();
  tf.dispose(weights);
  strictEqual(tf.memory().numTensors, before);
});

Deno.test("when episodes end, rows move from batch to batch and nothing is computed anew", async () => {
  await selectBackend("wasm");
  const before = tf.memory().numTensors;
  const weights = [tf.scalar(1)];
  const store = createKvCacheStore();
  /** The prompt of episode `k` after some turns; its caches hold its own number. */
  const promptOf = (k: number, turns: number) =>
    Int32Array.from({ length: 4 * turns }, () => 10 + k);
  const turn = async (batches: readonly number[][], turns: number) => {
    const places: number[][] = [];
    for (const batch of batches) {
      const prompts = batch.map((k) => promptOf(k, turns));
      const room = 4 * turns;
      const found = store.of(batch).take(prompts, { weights, room });
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
      store.of(batch).put({ caches, fed, weights });
    }
    return places;
  };
  deepStrictEqual(await turn([[1, 2, 3], [4, 5]], 1), [[], []]);
  store.end([2]);
  const known = await turn([[1, 3, 4], [5]], 2);
  deepStrictEqual(known, [[4, 4, 4], [4]]);
  store.end([3]);
  deepStrictEqual(await turn([[1, 4, 5]], 3), [[8, 8, 8]]);
  strictEqual(tf.memory().numTensors, before + 2); // the weights, and one batch
  store[Symbol.dispose]();
  tf.dispose(weights);
  strictEqual(tf.memory().numTensors, before);
});

Deno.test("episodes that are equal so far go on from rows of their own", async () => {
  await selectBackend("wasm");
  const weights = [tf.scalar(1)];
  using store = createKvCacheStore();
  const caches = { "keys.0": tf.tensor([1, 1, 2, 2], [2, 1, 2, 1]) };
  store.of([0, 1]).put({ caches, fed: [[1, 2], [1, 2]], weights });
  const prompts = [Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 4)];
  const found = store.of([1, 0]).take(prompts, { weights, room: 4 });
  ok(found);
  const numbers = await found.caches["keys.0"]!.data();
  deepStrictEqual([numbers[0], numbers[found.room]], [2, 1]);
  tf.dispose([found.caches, weights]);
});

Deno.test("the oldest batches are freed when too many are kept", async () => {
  await selectBackend("wasm");
  const weights = [tf.scalar(1)];
  using store = createKvCacheStore();
  const put = (k: number) => {
    const caches = { "keys.0": tf.zeros([1, 1, 4, 1]) };
    store.of([k]).put({ caches, fed: [[1, 2, 3]], weights });
  };
  for (let k = 0; k <= KEPT_BATCHES; k++) put(k);
  const options = { weights, room: 4 };
  const prompt = Int32Array.of(1, 2, 3, 4);
  strictEqual(store.of([0]).take([prompt], options), undefined);
  const found = store.of([1]).take([prompt], options);
  deepStrictEqual([...found!.places], [3]);
  tf.dispose([found!.caches, weights]);
});
