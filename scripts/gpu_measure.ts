/**
 * One way to compute, measured on a model: reading, writing and learning, in a process of its own; see `gpu_check.ts`.
 *
 * Prints one line of JSON.
 *
 * @module
 */

import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { type BackendName, createRandom, selectBackend } from "../mod.ts";
import type { ScoredTurn } from "../mod.ts";
import { type LanguagePolicy, openLanguagePolicy } from "../mod/language.ts";

const { values: flags } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    bits: { type: "string", default: "32" },
    model: { type: "string", default: "" },
    rows: { type: "string", default: "8" },
    read: { type: "string", default: "128" },
    write: { type: "string", default: "16" },
    learn: { type: "string", default: "256" },
  },
});
const rows = Number(flags.rows), write = Number(flags.write);
const words = Number(flags.read), learned = Number(flags.learn);

/** What is compared between ways to compute: log-probabilities of so many tokens. */
const COMPARED = 32;

const backend = await selectBackend(flags.backend as BackendName);
const peak = watchBytes();
const policy = await openLanguagePolicy(flags.model, {
  ...{ seed: 1, maxLength: 1024, lora: { rank: 8 }, recompute: true },
  ...{ batchSize: rows, microbatchTokens: rows * learned },
  maxReplyTokens: write,
  frozenPrecision: flags.bits === "32"
    ? "float32"
    : backend.name === "webgpu"
    ? "float16"
    : "bfloat16",
  prompt: ({ observation }) => observation.text,
});
const compared = await numbersOf(policy, [turnOf(0, COMPARED)]);
const reading = await rateOf(rows * words, async () => {
  await numbersOf(policy, turns(words));
});
const writing = await rateWriting();
const learning = await rateOf(rows * learned, () => learn(turns(learned)));
console.log(JSON.stringify({
  ...{ reason: backend.reason, compared, reading, writing, learning },
  bytes: peak(),
}));
policy.dispose();

/** Most bytes of tensors that were held at once. */
function watchBytes(): () => number {
  const { state } = tf.engine();
  let bytes = state.numBytes, most = bytes;
  Object.defineProperty(state, "numBytes", {
    get: () => bytes,
    set(value: number) {
      bytes = value;
      most = Math.max(most, value);
    },
  });
  return () => most;
}

/** Tokens a second; the first time, which compiles, is left out where there is time for a second. */
async function rateOf(
  tokens: number,
  run: () => Promise<void>,
): Promise<number> {
  const time = async () => {
    const start = performance.now();
    await run();
    return (performance.now() - start) / 1000;
  };
  const first = await time();
  return tokens / (first < 20 ? await time() : first);
}

/** A reply of given tokens, that is scored whole. */
function turnOf(row: number, length: number): ScoredTurn {
  const random = createRandom(2).fork("row", row);
  const most = Math.min(policy.tokenizer.vocabSize, 20_000);
  const reply = Int32Array.from({ length }, () => random.integer(most));
  const none = { start: 0, end: 0 };
  return {
    decision: {
      ...{ switched: true, subgoal: "", action: "", valid: true },
      trace: {
        ...{ kind: "tokens", prompt: Int32Array.of(1), reply },
        logProbs: new Float32Array(length),
        spans: {
          ...{ switching: none, planning: none },
          execution: { start: 0, end: length },
        },
      },
    },
  };
}

function turns(length: number): ScoredTurn[] {
  return Array.from({ length: rows }, (_, row) => turnOf(row, length));
}

/** Log-probabilities of all tokens. */
async function numbersOf(
  policy: LanguagePolicy,
  turns: readonly ScoredTurn[],
): Promise<number[]> {
  const { logProbs, entropies, values } = policy.score(turns);
  const numbers = [...await logProbs.data()];
  tf.dispose([logProbs, entropies, ...Object.values(values)]);
  return numbers;
}

/** Tokens that are written a second, one prompt of a token for each row. */
async function rateWriting(): Promise<number> {
  const observation = { text: "go", admissibleActions: ["go"], stateKey: "" };
  const starts = Array.from({ length: rows }, () => ({ task: "go" }));
  let written = 0;
  const once = async () => {
    using session = policy.open(starts);
    const decisions = await session.decide(
      starts.map((_, row) => row),
      starts.map(() => observation),
      starts.map((_, row) => createRandom(row)),
    );
    written = decisions.reduce(
      (sum, { trace }) =>
        sum + (trace.kind === "tokens" ? trace.reply.length : 0),
      0,
    );
  };
  const each = await rateOf(1, once); // times a second
  return written * each;
}

/** Gradients of log-probabilities in all adapters, read back. */
async function learn(turns: readonly ScoredTurn[]): Promise<void> {
  const weights = Object.values(policy.variables);
  const { value, grads } = tf.variableGrads(() => {
    const { logProbs, values } = policy.score(turns, { isPart: true });
    const all = [logProbs, ...Object.values(values)];
    return tf.neg(tf.mean(tf.concat(all))) as tf.Scalar;
  }, weights);
  const sum = tf.tidy(() =>
    tf.addN(weights.map(({ name }) => tf.sum(grads[name]!)))
  );
  await sum.data();
  tf.dispose([value, grads, sum]);
}
