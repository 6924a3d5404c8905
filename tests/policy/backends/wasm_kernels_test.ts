import fc from "fast-check";
import { ok, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { KERNEL_BYTES } from "../../../lib/policy/backends/wasm/kernel_bytes.ts";
import {
  add,
  checkpoint,
  checkpointChunks,
  concatColumns,
} from "../../../lib/policy/decoder/checkpointing.ts";
import {
  linear,
  rmsNorm,
  rotaryAttention,
  swiGlu,
  tokenLogProbs,
} from "../../../lib/policy/decoder/layers.ts";
import { rotaryAngles } from "../../../lib/policy/decoder/rotary.ts";
import { ROW_KERNEL_BYTES } from "../../../lib/policy/backends/wasm/row_kernel_bytes.ts";
import {
  compileKernels,
  KERNEL_MODULES,
} from "../../../scripts/build_kernels.ts";

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
  backend: "wasm" | "cpu",
  compute: (inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly Numbers[],
): Promise<Float32Array[]> {
  await selectBackend(backend);
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => {
    const tensors = inputs.map((x) => tf.tensor(x.values, x.shape));
    const value = compute(tensors);
    const { shape, values } = numbers("dy", value.shape);
    const gradients = tf.grads((...xs) => compute(xs))(
      tensors,
      tf.tensor(values, shape),
    );
    return [value, ...gradients].map((x) => x.dataSync() as Float32Array);
  });
  strictEqual(tf.memory().numTensors, before);
  return results;
}

/** Asserts that a function and its gradients are the same on both backends. */
async function agree(
  compute: (inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly Numbers[],
  about: string,
) {
  const fused = await differentiate("wasm", compute, inputs);
  const plain = await differentiate("cpu", compute, inputs);
  for (const [i, expected] of plain.entries()) {
    const size = Math.max(...expected.map(Math.abs), 0.1);
    for (const [j, value] of expected.entries()) {
      ok(
        Math.abs(fused[i]![j]! - value) < 2e-5 * size,
        `${about}: output ${i}, number ${j}: ${fused[i]![j]} and ${value}`,
      );
    }
  }
}

/** Runs a property on a few sizes; each costs a walk through the slow backend. */
const few = { numRuns: 12 };
const extent = fc.integer({ min: 1, max: 21 });

Deno.test("linear() and its gradients agree with plain operations at odd sizes", async () => {
  await fc.assert(
    fc.asyncProperty(extent, extent, extent, async (n, k, m) => {
      const inputs = [
        numbers("x", [n, k]),
        numbers("w", [m, k]),
        numbers("b", [m]),
      ];
      await agree(([x, w, b]) => linear(x!, w!, b), inputs, `${n} ${k} ${m}`);
    }),
    few,
  );
});

Deno.test("rmsNorm() and its gradients agree with plain operations at odd sizes", async () => {
  await fc.assert(
    fc.asyncProperty(extent, extent, async (n, d) => {
      const inputs = [numbers("x", [n, d]), numbers("gain", [d])];
      await agree(([x, g]) => rmsNorm(x!, g!, 1e-6), inputs, `${n} ${d}`);
    }),
    few,
  );
});

Deno.test("swiGlu() and its gradients agree with plain operations at odd sizes", async () => {
  await fc.assert(
    fc.asyncProperty(extent, extent, async (n, d) => {
      const inputs = [numbers("gate", [n, d]), numbers("up", [n, d])];
      await agree(([g, u]) => swiGlu(g!, u!), inputs, `${n} ${d}`);
    }),
    few,
  );
});

Deno.test("rotaryAttention() and its gradient agree with plain operations at odd sizes", async () => {
  const sizes = [
    { batch: 1, length: 1, heads: 1, kvHeads: 1, size: 2 },
    { batch: 2, length: 37, heads: 4, kvHeads: 2, size: 6 },
    { batch: 1, length: 129, heads: 3, kvHeads: 1, size: 16 },
    { batch: 3, length: 66, heads: 2, kvHeads: 2, size: 10 },
  ];
  for (const s of sizes) {
    const width = (s.heads + 2 * s.kvHeads) * s.size;
    const inputs = [numbers("qkv", [s.batch * s.length, width])];
    await agree(
      ([qkv]) => {
        const angles = rotaryAngles(s.length + 3, { size: s.size, base: 100 });
        return rotaryAttention(qkv!, angles, s);
      },
      inputs,
      JSON.stringify(s),
    );
  }
});

Deno.test("rotaryAttention() sees nothing of later tokens", async () => {
  await selectBackend("wasm");
  const sizes = { batch: 1, length: 9, heads: 2, kvHeads: 1, size: 4 };
  const { shape, values } = numbers("causal", [9, 16]);
  const run = (x: Float32Array) =>
    tf.tidy(() =>
      rotaryAttention(
        tf.tensor(x, shape),
        rotaryAngles(9, { size: 4, base: 100 }),
        sizes,
      )
        .dataSync()
    );
  const changed = values.with(8 * 16, 50); // the last token's query
  const before = run(values), after = run(changed);
  strictEqual(
    String(before.subarray(0, 8 * 8)),
    String(after.subarray(0, 8 * 8)),
  );
});

Deno.test("tokenLogProbs() and its gradients agree with plain operations at odd sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      extent,
      extent,
      extent,
      extent,
      async (n, d, words, some) => {
        const targets = numbers("targets", [n]).values
          .map((x) => Math.floor(Math.abs(x) * 1000) % words);
        await agree(
          ([h, e]) => {
            const { logProbs, entropies } = tokenLogProbs(h!, e!, {
              targets: tf.tensor1d(targets, "int32"),
              scale: 0.7,
              logitsAtOnce: some * words,
            });
            return tf.stack([logProbs, entropies]);
          },
          [numbers("h", [n, d]), numbers("e", [words, d])],
          `${n} ${d} ${words}`,
        );
      },
    ),
    few,
  );
});

Deno.test("tokenLogProbs() is the same in one chunk of logits and in many", async () => {
  await selectBackend("wasm");
  const words = 2 ** 20 + 3, n = 9; // four rows at a time
  const values = tf.tidy(() => {
    const h = tf.tensor2d(Array.from({ length: n }, (_, i) => [i - 4]));
    const e = tf.linspace(-1, 1, words).expandDims(1);
    const targets = tf.range(0, n, 1, "int32") as tf.Tensor1D;
    const all = tokenLogProbs(h, e, { targets }).logProbs;
    const last = tokenLogProbs(tf.slice(h, [n - 1, 0]), e, {
      targets: tf.slice(targets, n - 1),
    }).logProbs;
    return [all.dataSync()[n - 1], last.dataSync()[0]];
  });
  strictEqual(values[0], values[1]);
});

Deno.test("checkpoint() has the value and the gradients of what it runs", async () => {
  const compute = ([x, w]: readonly tf.Tensor[]) =>
    tf.tanh(tf.matMul(tf.tanh(tf.matMul(x!, w!)), w!));
  const inputs = [numbers("x", [5, 7]), numbers("w", [7, 7])];
  for (const backend of ["wasm", "cpu"] as const) {
    const again = await differentiate(
      backend,
      (xs) => checkpoint(compute, [checkpoint(compute, xs), xs[1]!]),
      inputs,
    );
    const nested = await differentiate(
      backend,
      (xs) => compute([compute(xs), xs[1]!]),
      inputs,
    );
    for (const [i, expected] of nested.entries()) {
      for (const [j, value] of expected.entries()) { // sums in another order
        ok(Math.abs(again[i]![j]! - value) < 1e-5, `${backend} ${i} ${j}`);
      }
    }
  }
});

Deno.test("checkpointChunks() has the value and the gradients of its parts side by side", async () => {
  const part = (start: number) => ([x, w]: readonly tf.Tensor[]) =>
    tf.tanh(tf.matMul(tf.slice(x!, [start, 0], [2 + start, -1]), w!));
  const parts = [part(0), part(2), () => tf.ones([1, 3])];
  const inputs = [numbers("x", [6, 5]), numbers("w", [5, 3])];
  for (const backend of ["wasm", "cpu"] as const) {
    const again = await differentiate(
      backend,
      (xs) => checkpointChunks(parts, xs),
      inputs,
    );
    const plain = await differentiate(
      backend,
      (xs) => tf.concat(parts.map((one) => one(xs))),
      inputs,
    );
    for (const [i, expected] of plain.entries()) {
      for (const [j, value] of expected.entries()) {
        ok(Math.abs(again[i]![j]! - value) < 1e-5, `${backend} ${i} ${j}`);
      }
    }
  }
});

Deno.test("add() and concatColumns() have the gradients of the sums they stand for", async () => {
  const inputs = [numbers("a", [3, 4]), numbers("b", [3, 4])];
  for (const backend of ["wasm", "cpu"] as const) {
    const lean = await differentiate(backend, ([a, b]) => {
      const sum = add(tf.square(a!), add(a!, b!)) as tf.Tensor2D;
      return tf.square(
        concatColumns([sum, tf.slice(b!, [0, 1]) as tf.Tensor2D]),
      );
    }, inputs);
    const plain = await differentiate(backend, ([a, b]) => {
      const sum = tf.add(tf.square(a!), tf.add(a!, b!));
      return tf.square(tf.concat([sum, tf.slice(b!, [0, 1])], 1));
    }, inputs);
    for (const [i, expected] of plain.entries()) {
      for (const [j, value] of expected.entries()) {
        ok(Math.abs(lean[i]![j]! - value) < 1e-5, `${backend} ${i} ${j}`);
      }
    }
  }
});

Deno.test("the compiled kernels match their sources", async () => {
  const { tensors, rows } = KERNEL_MODULES;
  strictEqual((await compileKernels(tensors)).toBase64(), KERNEL_BYTES);
  strictEqual((await compileKernels(rows)).toBase64(), ROW_KERNEL_BYTES);
});
