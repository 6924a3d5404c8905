import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  generateReplies,
  sampleToken,
} from "../../../lib/policy/language/generate.ts";
import {
  createQwen2,
  disposeQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { replyGrammar } from "../../../lib/policy/language/grammar.ts";
import { createTokenizer } from "../../../lib/policy/language/tokenizer.ts";
import { createWordTokenizer } from "../../../lib/policy/language/word_tokenizer.ts";
import { scoreUnits } from "../../../lib/policy/language/unit_scores.ts";
import type { NextTokens } from "../../../lib/policy/language/grammar.ts";

/** Probabilities by their definition, in 64 bits. */
function softmaxOver(
  logits: readonly number[],
  scale: number,
  kept: (token: number) => boolean,
): number[] {
  const weights = logits.map((x, i) => kept(i) ? Math.exp(x * scale) : 0);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((x) => x / total);
}

const logits = fc.array(fc.double({ min: -4, max: 4, noNaN: true }), {
  minLength: 2,
  maxLength: 12,
});

Deno.test("sampleToken() draws as often as the softmax says", () => {
  const row = [0.3, -1, 2, 0.5, -0.2];
  const expected = softmaxOver(row, 1 / 0.8, (i) => i !== 3);
  const counts = row.map(() => 0);
  const random = createRandom(1), draws = 20_000;
  for (let i = 0; i < draws; i++) {
    const { token, logProb } = sampleToken(Float32Array.from(row), random, {
      temperature: 0.8,
      topP: 1,
      except: [3],
    });
    counts[token]!++;
    ok(Math.abs(Math.exp(logProb) - expected[token]!) < 1e-6);
  }
  for (const [token, share] of expected.entries()) {
    const error = Math.abs(counts[token]! / draws - share);
    const deviation = Math.sqrt(share * (1 - share) / draws);
    ok(error <= 5 * deviation, `token ${token}`); // five deviations of a binomial
  }
});

Deno.test("sampleToken() keeps to what is allowed, and to the nucleus", () => {
  fc.assert(fc.property(
    logits,
    fc.double({ min: 0.05, max: 1, noNaN: true }),
    fc.integer(),
    (row, topP, seed) => {
      const only = row.map((_, i) => i).filter((i) => i % 2 === 0);
      const { token } = sampleToken(
        Float32Array.from(row),
        createRandom(seed),
        {
          temperature: 1,
          topP,
          only,
        },
      );
      ok(only.includes(token));
      const p = softmaxOver(row.map(Math.fround), 1, (i) => i % 2 === 0);
      const likelier = p.filter((x) => x > p[token]!).reduce(
        (a, b) => a + b,
        0,
      );
      ok(likelier < topP + 1e-6, "likelier tokens alone would reach the mass");
    },
  ));
});

Deno.test("sampleToken() takes one number whatever the options, and the likeliest at temperature 0", () => {
  for (const temperature of [0, 1]) {
    const random = createRandom(4), other = createRandom(4);
    const row = Float32Array.of(1, 3, 2);
    const { token } = sampleToken(row, random, { temperature, topP: 0.5 });
    if (temperature === 0) strictEqual(token, 1);
    other.uniform();
    strictEqual(random.uniform(), other.uniform());
  }
});

Deno.test("scoreUnits() gives log-probability and entropy among what could have been written", async () => {
  const width = 6, words = 11, rows = 5;
  const random = createRandom(2);
  const draw = (n: number) => Float32Array.from({ length: n }, random.normal);
  const states = draw(rows * width), table = draw(words * width);
  const next: (NextTokens | undefined)[] = [
    undefined,
    { only: [1, 4, 7] },
    { only: [3] },
    { except: [0, 5, 10] },
    { except: [0, 5, 10] },
    { only: [2, 9] },
  ];
  const units = next.map((next, i) => ({
    row: (i * 2) % rows,
    token: [6, 4, 3, 8, 1, 9][i]!,
    next,
  }));
  for (const backend of ["wasm", "cpu"] as const) {
    await selectBackend(backend);
    const before = tf.memory().numTensors;
    const [logProbs, entropies] = tf.tidy(() => {
      const scores = scoreUnits(units, tf.tensor2d(states, [rows, width]), {
        table: tf.tensor2d(table, [words, width]),
        scale: 0.6,
      });
      return [scores.logProbs.dataSync(), scores.entropies.dataSync()];
    });
    strictEqual(tf.memory().numTensors, before);
    units.forEach(({ row, token, next }, i) => {
      const logits = Array.from({ length: words }, (_, k) => {
        let sum = 0;
        for (let j = 0; j < width; j++) {
          sum += states[row * width + j]! * table[k * width + j]!;
        }
        return sum;
      });
      const kept = (k: number) =>
        next === undefined ||
        ("only" in next ? next.only.includes(k) : !next.except.includes(k));
      const p = softmaxOver(logits, 0.6, kept);
      const entropy = p.reduce(
        (sum, x) => x > 0 ? sum - x * Math.log(x) : sum,
        0,
      );
      const about = `${backend} unit ${i}`;
      ok(Math.abs(logProbs[i]! - Math.log(p[token]!)) < 2e-5, about);
      ok(Math.abs(entropies[i]! - entropy) < 2e-5, about);
    });
  }
});

Deno.test("the gradient of scoreUnits() is the slope of what it says", async () => {
  await selectBackend("cpu");
  const units = [
    { row: 0, token: 2, next: { except: [1] } },
    { row: 1, token: 0, next: { only: [0, 3] } },
    { row: 1, token: 4, next: undefined },
  ];
  const states = [0.3, -0.5, 0.8, 0.1];
  const table = [0.2, 0.4, -0.7, 0.9, 0.5, -0.1, 0.6, 0.3, -0.2, -0.8];
  const score = (s: tf.Tensor, t: tf.Tensor) => {
    const { logProbs, entropies } = scoreUnits(units, tf.reshape(s, [2, 2]), {
      table: tf.reshape(t, [5, 2]),
      scale: 1.3,
    });
    return tf.add(tf.sum(logProbs), tf.mul(tf.sum(entropies), 0.7));
  };
  const slopes = tf.tidy(() =>
    tf.grads(score)([tf.tensor1d(states), tf.tensor1d(table)])
      .map((x) => x.dataSync())
  );
  const at = (s: number[], t: number[]) =>
    tf.tidy(() => score(tf.tensor1d(s), tf.tensor1d(t)).dataSync()[0]!);
  const h = 1e-2; // third-order error, and 32-bit values
  for (const [k, row] of [states, table].entries()) {
    row.forEach((x, i) => {
      const moved = (by: number) => {
        const changed = row.with(i, x + by);
        return k === 0 ? at(changed, table) : at(states, changed);
      };
      const slope = (moved(h) - moved(-h)) / (2 * h);
      ok(Math.abs(slope - slopes[k]![i]!) < 2e-3, `${k} ${i}`);
    });
  }
});

const TOKENIZER = createTokenizer(
  createWordTokenizer(["one two three four stop here"], {
    wholes: ["<switch>", "</switch>", "<subgoal>", "</subgoal>", "</action>"],
  }),
);
const CONFIG = {
  vocabSize: TOKENIZER.vocabSize,
  hiddenSize: 8,
  intermediateSize: 8,
  layers: 1,
  heads: 1,
  kvHeads: 1,
  maxLength: 64,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e4,
  tieEmbeddings: true,
};

Deno.test("generateReplies() ends replies at a stop, at an end token or at the limit", async () => {
  await selectBackend("wasm");
  const model = createQwen2(CONFIG, createRandom(1));
  const prompts = Array.from(
    { length: 200 },
    () => TOKENIZER.encode("one two"),
  );
  const replies = await generateReplies(model, prompts, {
    tokenizer: TOKENIZER,
    randoms: prompts.map((_, i) => createRandom(i)),
    maxTokens: 40,
    stop: ["stop", "</action>"],
  });
  const endings = new Set<string>();
  for (const { tokens, pieces, sampled, states, logProbs } of replies) {
    const stopped = pieces.findIndex((piece) =>
      /stop|<\/action>/.test(piece) ||
      TOKENIZER.endTokens.includes(tokens[pieces.indexOf(piece)]!)
    );
    strictEqual(stopped < 0 ? 40 : stopped + 1, tokens.length);
    endings.add(stopped < 0 ? "limit" : pieces[stopped]!);
    strictEqual(states.length, tokens.length);
    ok(sampled.every((x) => x === 1) && logProbs.every((x) => x < 0));
  }
  ok(endings.size > 2, [...endings].join()); // all kinds of ends occurred
  disposeQwen2(model);
});

Deno.test("a grammar forces what cannot be otherwise and copies a kept subgoal", () => {
  const start = replyGrammar(TOKENIZER, {
    decoding: "admissible",
    maxContentTokens: 24,
  });
  const situation = {
    task: "",
    past: [],
    observation: {
      text: "",
      admissibleActions: ["one", "one two"],
      stateKey: "",
    },
    subgoal: "three four",
  };
  const grammar = start(situation);
  const text =
    "<switch>KEEP</switch>\n<subgoal>three four</subgoal>\n<action>one two</action>";
  let choices = 0;
  for (const token of TOKENIZER.encode(text)) {
    const next = grammar.next();
    ok("only" in next && next.only.includes(token), TOKENIZER.piece(token));
    if (next.only.length > 1) choices++;
    grammar.accept(token);
  }
  ok(grammar.done());
  strictEqual(choices, 2); // KEEP or SWITCH; whether "one" goes on
  deepStrictEqual(grammar.next(), { only: [] });
});
