import fc from "fast-check";
import { ok, rejects, strictEqual, throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { openHeap } from "../../../lib/policy/backends/wasm/heap.ts";
import { onWebGpu } from "./_webgpu.ts";
import { TENSORFLOW } from "./_native.ts";

/** Product of matrices stored in either orientation, in 64-bit floats. */
function plainProduct(
  a: Float32Array,
  b: Float32Array,
  size: { m: number; n: number; k: number; ta: boolean; tb: boolean },
): Float64Array {
  const { m, n, k, ta, tb } = size;
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      for (let x = 0; x < k; x++) {
        product[i * n + j]! += a[ta ? x * m + i : i * k + x]! *
          b[tb ? j * k + x : x * n + j]!;
      }
    }
  }
  return product;
}

/** Numbers that repeat for a seed. */
function numbers(seed: number, length: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => Math.sin(seed + 1.7 * i * (1 + seed % 5)),
  );
}

Deno.test("tf.matMul() on wasm equals the sum of products at any size and orientation", async () => {
  await selectBackend("wasm");
  const extent = fc.integer({ min: 1, max: 40 });
  const size = fc.record({
    m: extent,
    n: extent,
    k: fc.oneof(extent, fc.integer({ min: 250, max: 270 })),
    ta: fc.boolean(),
    tb: fc.boolean(),
  });
  fc.assert(fc.property(size, fc.integer({ max: 999, min: 0 }), (s, seed) => {
    const a = numbers(seed, s.m * s.k), b = numbers(seed + 1, s.k * s.n);
    const product = tf.tidy(() =>
      tf.matMul(
        tf.tensor2d(a, s.ta ? [s.k, s.m] : [s.m, s.k]),
        tf.tensor2d(b, s.tb ? [s.n, s.k] : [s.k, s.n]),
        s.ta,
        s.tb,
      ).dataSync()
    );
    const expected = plainProduct(a, b, s);
    for (let i = 0; i < expected.length; i++) {
      ok(Math.abs(product[i]! - expected[i]!) < 1e-5 * s.k, `entry ${i}`);
    }
  }));
});

Deno.test("tf.matMul() on wasm broadcasts batches as if they had been tiled", async () => {
  const shapes: readonly [number[], number[]][] = [
    [[3, 5, 7], [3, 7, 4]],
    [[3, 5, 7], [1, 7, 4]],
    [[1, 5, 7], [3, 7, 4]],
    [[2, 1, 5, 7], [1, 3, 7, 4]],
    [[2, 3, 30, 7], [7, 1030]],
  ];
  for (const [shapeA, shapeB] of shapes) {
    const a = numbers(1, tf.util.sizeFromShape(shapeA));
    const b = numbers(2, tf.util.sizeFromShape(shapeB));
    await selectBackend("wasm");
    const fast = tf.tidy(() =>
      tf.matMul(tf.tensor(a, shapeA), tf.tensor(b, shapeB)).dataSync()
    );
    await selectBackend("cpu"); // whose own broadcast of two batches is wrong
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(
      shapeA.slice(0, -2),
      shapeB.slice(0, -2),
    );
    const tiled = (values: Float32Array, shape: number[]) =>
      tf.broadcastTo(tf.tensor(values, shape), [...batch, ...shape.slice(-2)]);
    const plain = tf.tidy(() =>
      tf.matMul(tiled(a, shapeA), tiled(b, shapeB)).dataSync()
    );
    strictEqual(fast.length, plain.length);
    for (const [i, value] of plain.entries()) {
      ok(Math.abs(fast[i]! - value) < 1e-5, `${shapeA} ${shapeB} ${i}`);
    }
  }
});

Deno.test("the gradient of tf.gather() on wasm adds the rows gathered twice", async () => {
  await selectBackend("wasm");
  const gradient = tf.tidy(() => {
    const table = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const rows = tf.tensor1d([2, 0, 2], "int32");
    return tf.grad((t) => tf.sum(tf.gather(t, rows)))(table).dataSync();
  });
  strictEqual(String(gradient), "1,1,0,0,2,2");
});

Deno.test("a product sees the new numbers of a variable after it was assigned", async () => {
  await selectBackend("wasm");
  const weights = tf.variable(tf.ones([4, 4]));
  const input = tf.ones([1, 4]);
  const product = () => tf.tidy(() => tf.matMul(input, weights).dataSync()[0]);
  strictEqual(product(), 4);
  tf.tidy(() => weights.assign(tf.fill([4, 4], 2)));
  strictEqual(product(), 8);
  tf.dispose([weights, input]);
});

Deno.test("a full heap throws instead of overwriting tensors", async () => {
  await selectBackend("wasm");
  const heap = openHeap();
  const gigabyte = [2 ** 28]; // reserved, never written
  const taken: tf.TensorInfo[] = [];
  const fill = () => {
    for (let i = 0; i < 5; i++) taken.push(heap.output(gigabyte));
  };
  const message =
    /Cannot allocate 1073741824 bytes as the WebAssembly heap holds at most 4 GiB/;
  throws(fill, { name: "RangeError", message });
  throws(() => heap.output([2 ** 30 + 1]), { name: "RangeError" });
  for (const tensor of taken) heap.dispose(tensor);
  strictEqual(tf.tidy(() => tf.sum(tf.ones([7])).dataSync()[0]), 7);
});

Deno.test("selectBackend() takes the best that works and says what stood against the others", async () => {
  const backend = await selectBackend("auto");
  ok(backend.reason.startsWith(backend.name), backend.reason);
  if (backend.name === "wasm") {
    ok(backend.reason.includes("not webgpu as"), backend.reason);
  }
});

Deno.test("selectBackend() may be called twice at once", async () => {
  const [a, b] = await Promise.all([
    selectBackend("wasm"),
    selectBackend("wasm"),
  ]);
  strictEqual(a.name, b.name);
  strictEqual(tf.tidy(() => tf.sum(tf.ones([5])).dataSync()[0]), 5);
});

Deno.test("selectBackend() refuses a name it does not know", async () => {
  await rejects(
    // @ts-expect-error: the compiler refuses it too
    selectBackend("abacus"),
    { name: "RangeError", message: /current value is "abacus"/ },
  );
});

Deno.test({
  name:
    "selectBackend() says what native TensorFlow needs [needs HIPER_TENSORFLOW unset]",
  ignore: TENSORFLOW !== undefined,
  fn: async () => {
    await rejects(selectBackend("tfjs-node-gpu"), {
      message:
        /"HIPER_TENSORFLOW" must name .*"deno task tensorflow --gpu" .*-P=native/,
    });
  },
});

onWebGpu(
  "selectBackend() computes on WebGPU when there is an adapter",
  async () => {
    await selectBackend("webgpu");
    const product = tf.tidy(() =>
      tf.matMul(tf.ones([33, 70]), tf.ones([70, 41]))
    );
    const values = await product.data();
    product.dispose();
    ok(values.every((value) => value === 70));
  },
);
