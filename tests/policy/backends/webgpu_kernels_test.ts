import { ok, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  addLowRank,
  linear,
  rmsNorm,
  rotaryAttention,
  swiGlu,
  tokenLogProbs,
} from "../../../lib/policy/decoder/layers.ts";
import { FUSED } from "../../../lib/policy/backends/wasm/kernel_names.ts";
import { rotaryAngles } from "../../../lib/policy/decoder/rotary.ts";
import { ADAPTER, EVERYTHING, onWebGpu } from "./_webgpu.ts";

if (ADAPTER) await selectBackend("webgpu");
await selectBackend("cpu");

/** Numbers with a shape; the same for the same name. */
function numbers(name: string, shape: readonly number[]) {
  const random = createRandom(7).fork(name, ...shape);
  const length = shape.reduce((a, b) => a * b, 1);
  return {
    shape: [...shape],
    values: Float32Array.from({ length }, () => random.normal()),
  };
}

type Numbers = ReturnType<typeof numbers>;

/** Value and gradients of a function on a backend. */
async function differentiate(
  backend: "webgpu" | "cpu",
  compute: (inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly Numbers[],
): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => {
    const tensors = inputs.map((x) => tf.tensor(x.values, x.shape));
    const value = compute(tensors);
    const { shape, values } = numbers("dy", value.shape);
    const gradients = tf.grads((...xs) => compute(xs))(
      tensors,
      tf.tensor(values, shape),
    );
    return [value, ...gradients];
  });
  const read = await Promise.all(results.map((x) => x.data<"float32">()));
  tf.dispose(results);
  strictEqual(tf.memory().numTensors, before);
  return read;
}

/** Asserts that a function and its gradients are the plain ones, to 1e-4 of the largest number. */
async function agree(
  compute: (inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly Numbers[],
  about: string,
) {
  const fused = await differentiate("webgpu", compute, inputs);
  const plain = await differentiate("cpu", compute, inputs);
  for (const [i, expected] of plain.entries()) {
    const size = Math.max(...expected.map(Math.abs), 0.1);
    for (const [j, value] of expected.entries()) {
      ok(
        Math.abs(fused[i]![j]! - value) < 1e-4 * size,
        `${about}: output ${i}, number ${j}: ${fused[i]![j]} and ${value}`,
      );
    }
  }
}

/** Sizes that fill workgroups, and sizes that do not. */
const SIZES = EVERYTHING
  ? [[1, 1], [3, 5], [37, 24], [40, 130], [300, 17]] as const
  : [[37, 24]] as const;

/** Sizes of attention: one that any adapter runs, and those that take tiles of every edge. */
const ATTENTIONS = [
  { batch: 2, length: 13, heads: 4, kvHeads: 2, size: 6 },
  ...EVERYTHING
    ? [
      { batch: 1, length: 1, heads: 1, kvHeads: 1, size: 2 },
      { batch: 2, length: 37, heads: 4, kvHeads: 2, size: 6 }, // tiles of 32
      { batch: 1, length: 40, heads: 2, kvHeads: 1, size: 48 }, // of 32, then 16
      { batch: 1, length: 21, heads: 1, kvHeads: 1, size: 120 }, // of 16, then 8
    ]
    : [],
];

/** Sizes of scoring: rows, width, tokens. */
const SCORINGS = EVERYTHING
  ? [[1, 3, 2], [37, 24, 53], [9, 8, 1031]] as const
  : [[37, 24, 53]] as const;

onWebGpu(
  "on WebGPU linear() and its gradients are the plain ones",
  async () => {
    for (const [n, k] of SIZES) {
      const inputs = [
        numbers("x", [n, k]),
        numbers("w", [k + 6, k]),
        numbers("b", [k + 6]),
      ];
      await agree(([x, w, b]) => linear(x!, w!, b), inputs, `${n} ${k}`);
    }
  },
);

onWebGpu(
  "on WebGPU addLowRank() and its gradients are the plain ones",
  async () => {
    for (const [n, k] of SIZES) {
      const inputs = [
        numbers("base", [n, k]),
        numbers("low", [n, 3]),
        numbers("up", [k, 3]),
      ];
      await agree(
        ([base, low, up]) =>
          addLowRank(base!, { low: low!, up: up!, scale: 0.7 }),
        inputs,
        `${n} ${k}`,
      );
    }
  },
);

onWebGpu(
  "on WebGPU rmsNorm() and its gradients are the plain ones",
  async () => {
    for (const [n, d] of SIZES) {
      const inputs = [numbers("x", [n, d]), numbers("gain", [d])];
      await agree(([x, g]) => rmsNorm(x!, g!, 1e-6), inputs, `${n} ${d}`);
    }
  },
);

onWebGpu(
  "on WebGPU swiGlu() and its gradients are the plain ones",
  async () => {
    for (const [n, d] of SIZES) {
      const inputs = [numbers("gate", [n, d]), numbers("up", [n, d])];
      await agree(([g, u]) => swiGlu(g!, u!), inputs, `${n} ${d}`);
    }
  },
);

onWebGpu(
  "on WebGPU rotaryAttention() and its gradient are the plain ones, whatever the tiles",
  async () => {
    for (const sizes of ATTENTIONS) {
      const width = (sizes.heads + 2 * sizes.kvHeads) * sizes.size;
      const inputs = [numbers("qkv", [sizes.batch * sizes.length, width])];
      await agree(
        ([qkv]) => {
          const angles = rotaryAngles(sizes.length + 3, {
            size: sizes.size,
            base: 100,
          });
          return rotaryAttention(qkv!, angles, sizes);
        },
        inputs,
        JSON.stringify(sizes),
      );
    }
  },
);

onWebGpu(
  "on WebGPU tokenLogProbs() and its gradients are the plain ones",
  async () => {
    for (const [n, d, words] of SCORINGS) {
      const targets = numbers("targets", [n]).values
        .map((x) => Math.floor(Math.abs(x) * 1000) % words);
      await agree(
        ([h, e]) => {
          const { logProbs, entropies } = tokenLogProbs(h!, e!, {
            targets: tf.tensor1d(targets, "int32"),
            scale: 0.7,
          });
          return tf.stack([logProbs, entropies]);
        },
        [numbers("h", [n, d]), numbers("e", [words, d])],
        `${n} ${d} ${words}`,
      );
    }
  },
);

onWebGpu(
  "on WebGPU token log-probabilities and their gradients are the same in one chunk of logits and in many",
  async () => {
    await tf.setBackend("webgpu");
    const words = 53, n = 37;
    const [h, e] = [numbers("h", [n, 8]), numbers("e", [words, 8])];
    const run = async (logitsAtOnce: number) => {
      const results = tf.tidy(() => {
        const targets = tf.range(0, n, 1, "int32");
        const score = (hidden: tf.Tensor, embedding: tf.Tensor) => {
          const inputs = { hidden, embedding, targets };
          const attributes = { scale: 1, logitsAtOnce };
          const [logProbs, entropies] = tf.engine().runKernel(
            FUSED.tokenLogProbs,
            inputs,
            attributes,
          ) as tf.Tensor[];
          return tf.add(logProbs!, entropies!);
        };
        const inputs = [h, e].map((x) => tf.tensor(x.values, x.shape));
        const { value, grads } = tf.valueAndGrads(score)(inputs);
        return [value, ...grads];
      });
      const read = await Promise.all(results.map((x) => x.data()));
      tf.dispose(results);
      return read;
    };
    const once = await run(2 ** 20), often = await run(10 * words + 1);
    once.forEach((expected, i) =>
      expected.forEach((x, j) =>
        ok(Math.abs(x - often[i]![j]!) < 1e-4, `output ${i}, number ${j}`)
      )
    );
  },
);
