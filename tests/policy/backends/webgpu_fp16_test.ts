import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { packWeights } from "../../../lib/policy/decoder/fp16.ts";
import { createLanguagePolicy } from "../../../lib/policy/language/loading.ts";
import {
  linear,
  lookUp,
  tokenLogProbs,
} from "../../../lib/policy/decoder/layers.ts";
import {
  createQwen2,
  disposeQwen2,
} from "../../../lib/policy/decoder/qwen2.ts";
import { createWordTokenizer } from "../../../lib/policy/language/word_tokenizer.ts";
import { onCard, onWebGpu } from "./_webgpu.ts";
import { decideAt } from "../_sessions.ts";

/** Numbers that 16 bits hold exactly, so that only the order of sums differs. */
function exact(name: string, shape: readonly number[]) {
  const random = createRandom(3).fork(name, ...shape);
  const length = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from(
    { length },
    () => random.integer(129) / 64 - 1,
  );
  return { values, shape: [...shape] };
}

/** The same as packed float16. */
function pack({ values, shape: [rows, width] }: ReturnType<typeof exact>) {
  const words = new Int32Array(new Float16Array(values).buffer);
  return tf.tensor2d(words, [rows!, width! / 2], "int32");
}

/** Runs on WebGPU with packed weights and with plain ones, and compares. */
async function agree(
  compute: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor,
  x: ReturnType<typeof exact>,
  w: ReturnType<typeof exact>,
) {
  const run = (make: () => tf.Tensor) =>
    tf.tidy(() => {
      const weights = make(), input = tf.tensor(x.values, x.shape);
      const { value, grads } = tf.valueAndGrads(
        (input: tf.Tensor) => compute(input, weights),
      )([input]);
      return [value, ...grads];
    });
  const packed = run(() => pack(w));
  const plain = run(() => tf.tensor(w.values, w.shape));
  for (const [i, expected] of plain.entries()) {
    const [a, b] = [await packed[i]!.data(), await expected.data()];
    const size = Math.max(...b.map(Math.abs), 1);
    b.forEach((v, j) =>
      ok(Math.abs(a[j]! - v) < 1e-4 * size, `${i} ${j}: ${a[j]} and ${v}`)
    );
  }
  tf.dispose([...packed, ...plain]);
}

for (const rows of [1, 3, 8, 9, 37]) {
  const test = rows === 3 ? onWebGpu : onCard; // from 9 rows on, a tiled shader
  test(
    `products of ${rows} rows with packed float16 are those with the numbers packed`,
    async () => {
      await selectBackend("webgpu");
      for (const [outputs, width] of [[1, 2], [53, 24], [40, 130]] as const) {
        const x = exact("x", [rows, width]), w = exact("w", [outputs, width]);
        const bias = exact("b", [outputs]).values;
        await agree((x, w) => linear(x, w, tf.tensor1d(bias)), x, w);
        await agree((x, w) => linear(x, w), x, w);
        const targets = Int32Array.from(
          { length: rows },
          (_, i) => i % outputs,
        );
        await agree(
          (hidden, table) =>
            tokenLogProbs(hidden, table, {
              targets: tf.tensor1d(targets, "int32"),
            }).logProbs,
          x,
          w,
        );
      }
    },
  );
}

onWebGpu(
  "rows looked up in packed float16 are the numbers packed",
  async () => {
    await selectBackend("webgpu");
    const table = exact("table", [7, 6]);
    const [words, ids] = [pack(table), tf.tensor1d([6, 0, 6], "int32")];
    const rows = lookUp(words, ids);
    const row = (i: number) => [...table.values.subarray(6 * i, 6 * i + 6)];
    deepStrictEqual([...await rows.data()], [...row(6), ...row(0), ...row(6)]);
    tf.dispose([words, ids, rows]);
  },
);

const OPTIONS = {
  seed: 1,
  tokenizer: createWordTokenizer(["go left", "go right", "leave"]),
  prompt: () => "leave",
  decoding: "admissible",
  lora: { rank: 2 },
  size: { layers: 2, hiddenSize: 24, intermediateSize: 40 },
} as const;

onCard(
  "a policy with float16 weights writes and learns as one with float32 weights",
  async () => {
    const observation = {
      text: "",
      admissibleActions: ["go left", "go right"],
      stateKey: "",
    };
    const situation = { task: "leave", past: [], observation };
    await selectBackend("webgpu");
    const run = async (frozenPrecision: "float32" | "float16") => {
      const policy = createLanguagePolicy({ ...OPTIONS, frozenPrecision });
      const [decision] = await decideAt(policy, [situation], [createRandom(2)]);
      const all = { switching: 1, planning: 1, execution: 1 };
      const trained = { switching: true, planning: true, execution: true };
      const sample = {
        situation,
        decision: decision!,
        advantages: all,
        trained,
      };
      const adapter = Object.entries(policy.variables)
        .filter(([name]) => name.includes("lora")).map(([, weight]) => weight);
      const { value, grads } = tf.variableGrads(
        () => tf.sum(policy.score([sample]).logProbs) as tf.Scalar,
        adapter,
      );
      const [score] = await value.data();
      const slopes = await Promise.all(
        Object.values(grads).map(async (slope) => [...await slope.data()]),
      );
      tf.dispose([value, grads]);
      const { parameters } = policy;
      policy.dispose();
      return {
        action: decision!.action,
        score: score!,
        slopes,
        parameters,
      };
    };
    const whole = await run("float32"), half = await run("float16");
    strictEqual(half.action, whole.action);
    strictEqual(half.parameters, whole.parameters);
    ok(
      Math.abs(half.score - whole.score) < 1e-3,
      `${half.score} ${whole.score}`,
    ); // 11 bits of weights of 0.02
    const size = Math.max(...whole.slopes.flat().map(Math.abs));
    whole.slopes.forEach((slope, i) =>
      slope.forEach((x, j) =>
        ok(Math.abs(x - half.slopes[i]![j]!) < 1e-2 * size, `${i} ${j}`)
      )
    );
  },
);

onWebGpu("matrices take half the memory as float16", async () => {
  await selectBackend("webgpu");
  const config = {
    vocabSize: 31,
    hiddenSize: 12,
    intermediateSize: 20,
    layers: 2,
    heads: 2,
    kvHeads: 1,
    maxLength: 40,
    rmsEpsilon: 1e-6,
    ropeTheta: 1e4,
    tieEmbeddings: true,
  };
  const model = createQwen2(config, createRandom(1));
  const matrices = [...model.weights.values()].filter(({ rank }) => rank === 2)
    .reduce((sum, { size }) => sum + 4 * size, 0);
  const before = tf.memory().numBytes;
  const halved = packWeights(model);
  strictEqual(before - tf.memory().numBytes, matrices / 2);
  disposeQwen2(halved);
});

Deno.test("float16 weights are refused by what they need", async () => {
  await selectBackend("wasm");
  const { lora: _, ...unfrozen } = OPTIONS;
  throws(
    () => createLanguagePolicy({ ...OPTIONS, frozenPrecision: "float16" }),
    {
      name: "TypeError",
      message:
        'Cannot store frozen weights in float16 as the backend must be "webgpu": current value is "wasm"',
    },
  );
  throws(
    () => createLanguagePolicy({ ...unfrozen, frozenPrecision: "float16" }),
    {
      name: "TypeError",
      message:
        'Cannot store frozen weights in float16 as there must be some: "lora" must be given',
    },
  );
});

onWebGpu("a weight that halves cannot hold is refused by name", async () => {
  await selectBackend("webgpu");
  const config = {
    vocabSize: 5,
    hiddenSize: 6,
    intermediateSize: 7,
    layers: 1,
    heads: 1,
    kvHeads: 1,
    maxLength: 8,
    rmsEpsilon: 1e-6,
    ropeTheta: 1e4,
    tieEmbeddings: true,
  };
  throws(() => packWeights(createQwen2(config, createRandom(1))), {
    name: "RangeError",
    message:
      /"model\.layers\.0\.mlp\.down_proj\.weight" in 16 bits as its rows must have an even length: current value is 7/,
  });
  const model = createQwen2(
    { ...config, intermediateSize: 8 },
    createRandom(1),
  );
  const table = model.weights.get("model.embed_tokens.weight")!;
  table.assign(tf.tensor(new Float32Array(30).fill(1e5), [5, 6]));
  throws(() => packWeights(model), {
    name: "RangeError",
    message: /must be below 65520: current value is 100000/,
  });
  disposeQwen2(model);
});
