import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { generateReplies } from "../../../lib/policy/language/generate.ts";
import { createLora } from "../../../lib/policy/decoder/lora.ts";
import {
  createQwen2,
  disposeQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { replyGrammar } from "../../../lib/policy/language/grammar.ts";
import { createTokenizer } from "../../../lib/policy/language/tokenizer.ts";
import { createWordTokenizer } from "../../../lib/policy/language/word_tokenizer.ts";
import { onCard, onWebGpu } from "./_webgpu.ts";

const TOKENIZER = createTokenizer(
  createWordTokenizer([
    "one two three stop",
    "go to the shelf 1 and take a book",
  ]),
);

const CONFIG = {
  vocabSize: TOKENIZER.vocabSize,
  hiddenSize: 24,
  intermediateSize: 20,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  maxLength: 160,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e4,
  tieEmbeddings: true,
};

/** Situations with and without a subgoal that may be kept. */
function situation(subgoal: string | undefined) {
  const admissibleActions = ["go to the shelf 1", "go to the shelf 1 and take"];
  const observation = { text: "", stateKey: "", admissibleActions };
  const held = subgoal === undefined ? {} : { subgoal };
  return { task: "", past: [], observation, ...held };
}

/** Replies to prompts of different lengths, and how often numbers were read for them. */
async function generate(
  backend: "wasm" | "webgpu",
  options: {
    temperature?: number;
    topP?: number;
    tokensPerReadback?: number;
    maxTokens?: number;
    decoding?: "skeleton" | "admissible";
    adapted?: boolean;
  },
) {
  await selectBackend(backend);
  const { decoding, adapted = false, maxTokens = 21, ...rest } = options;
  const model = createQwen2(CONFIG, createRandom(1));
  const adapter = adapted
    ? createLora(model, { rank: 3 }, createRandom(5))
    : undefined;
  for (const weight of adapter?.weights.values() ?? []) {
    weight.assign(tf.fill(weight.shape, 0.05));
  }
  const random = createRandom(2);
  const prompts = [11, 17, 70, 1].map((length) =>
    Int32Array.from({ length }, () => random.integer(CONFIG.vocabSize))
  );
  const start = decoding &&
    replyGrammar(TOKENIZER, { decoding, maxContentTokens: 24 });
  const before = tf.memory().numTensors;
  const mapAsync = GPUBuffer.prototype.mapAsync;
  let readings = 0;
  GPUBuffer.prototype.mapAsync = function (...parameters) {
    readings++;
    return mapAsync.apply(this, parameters);
  };
  const replies = await generateReplies(model, prompts, {
    tokenizer: TOKENIZER,
    randoms: prompts.map((_, i) => createRandom(i)),
    maxTokens,
    stop: ["stop"],
    adapter,
    ...rest,
    ...(start && {
      grammars: prompts.map((_, i) =>
        start(situation(i % 2 === 0 ? undefined : "take a book"))
      ),
    }),
  }).finally(() => GPUBuffer.prototype.mapAsync = mapAsync);
  strictEqual(tf.memory().numTensors, before);
  disposeQwen2(model);
  return { replies, readings };
}

for (
  const [test, options] of [
    [onCard, { temperature: 0 }],
    [onCard, { temperature: 0, tokensPerReadback: 4 }],
    [onWebGpu, { temperature: 0, tokensPerReadback: 4, adapted: true }],
    [onCard, { temperature: 0, topP: 0.9, maxTokens: 5 }],
    [onCard, { temperature: 0, decoding: "admissible", maxTokens: 60 }],
    [onWebGpu, { temperature: 0.7, decoding: "admissible", maxTokens: 60 }],
    [onCard, { temperature: 0.7, decoding: "skeleton", maxTokens: 9 }],
    [onCard, { temperature: 0.7 }],
  ] as const
) {
  test(
    `replies on WebGPU are those on wasm: ${JSON.stringify(options)}`,
    async () => {
      const { replies } = await generate("webgpu", options);
      const { replies: expected } = await generate("wasm", options);
      for (const [i, reply] of replies.entries()) {
        const { tokens, sampled, pieces, logProbs, states } = expected[i]!;
        deepStrictEqual(reply.tokens, tokens);
        deepStrictEqual(reply.sampled, sampled);
        deepStrictEqual(reply.pieces, pieces);
        logProbs.forEach((x, t) => ok(Math.abs(x - reply.logProbs[t]!) < 1e-4));
        strictEqual(
          reply.states.length >= tokens.length,
          true,
          "a state before every token",
        );
        states.forEach((state, t) =>
          state?.forEach((x, j) =>
            ok(Math.abs(x - reply.states[t]![j]!) < 1e-4, `${i} ${t} ${j}`)
          )
        );
      }
    },
  );
}

onCard(
  "on WebGPU free replies are read some tokens at a time, and forms once for each choice",
  async () => {
    const free = { temperature: 0, maxTokens: 20 };
    strictEqual((await generate("webgpu", free)).readings, 2); // 16 and 4
    const few = { ...free, tokensPerReadback: 5 };
    strictEqual((await generate("webgpu", few)).readings, 4);
    const formed = { temperature: 0, decoding: "admissible" } as const;
    const { replies, readings } = await generate("webgpu", {
      ...formed,
      maxTokens: 60,
    });
    const choices = replies.map(({ sampled }) =>
      sampled.reduce((sum, x) => sum + x, 0)
    );
    const most = Math.max(...choices);
    ok(readings === most || readings === most + 1, `${readings} for ${most}`); // what is forced last
    ok(most < Math.max(...replies.map(({ tokens }) => tokens.length)) - 5);
  },
);

onWebGpu(
  "on WebGPU a number of tokens per reading that is none is refused",
  async () => {
    await rejects(generate("webgpu", { tokensPerReadback: 0 }), {
      name: "RangeError",
      message:
        'Cannot write replies as "tokensPerReadback" must be a positive integer: current value is 0',
    });
  },
);
