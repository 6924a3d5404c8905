import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { installKernels } from "../../../lib/policy/backends/wasm/install.ts";
import type { KernelModule } from "../../../lib/policy/backends/wasm/module.ts";
import {
  type OpenBlas,
  openBlas,
} from "../../../lib/policy/backends/native/openblas.ts";
import { disposeQwen2, loadQwen2 } from "../../../lib/policy/decoder/qwen2.ts";
import { createRandom } from "../../../lib/random.ts";
import { NATIVE, NEEDS, OPENBLAS } from "./_native.ts";
import {
  close,
  FOLDER,
  greedy,
  scoreVectors,
  VECTORS,
} from "../decoder/_qwen2_vectors.ts";

/** A test that needs the library; what it names multiplies from the smallest product on. */
function testBlas(
  name: string,
  run: (module: KernelModule, blas: OpenBlas) => void | Promise<void>,
): void {
  Deno.test({
    name: name + NEEDS.OPENBLAS,
    ignore: OPENBLAS === undefined,
    fn: async () => {
      await selectBackend("wasm");
      const module = await installKernels();
      const blas = openBlas(OPENBLAS!);
      try {
        await run(module, blas);
      } finally {
        module.multiplyBy(undefined);
      }
    },
  });
}

testBlas(
  "OpenBLAS multiplies what the kernels multiply, strided, turned or added",
  ({ kernels, heap, multiplyBy }, blas) => {
    const product = { ...blas.productOn(heap), least: 1 };
    const extent = fc.integer({ min: 1, max: 40 });
    const problem = fc.record({
      ...{
        m: extent,
        n: extent,
        k: extent,
        ta: fc.boolean(),
        tb: fc.boolean(),
      },
      add: fc.boolean(),
      gap: fc.integer({ min: 0, max: 3 }),
    });
    const room = heap.allocate(4 * 4 * 50 * 50);
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => room + i * 4 * 50 * 50) as [
      number,
      number,
      number,
      number,
    ];
    const numbers = heap.floats(room, 4 * 50 * 50);
    fc.assert(
      fc.property(problem, fc.integer({ min: 0, max: 999 }), (p, seed) => {
        const random = createRandom(seed);
        for (let i = 0; i < numbers.length; i++) numbers[i] = random.normal();
        heap.copy(d, c, 4 * 50 * 50);
        const { m, n, k, gap } = p, ta = Number(p.ta), tb = Number(p.tb);
        const run = (to: number) =>
          kernels.matmul(
            ...[m, n, k, a, (ta ? m : k) + gap, ta, b, (tb ? k : n) + gap, tb],
            ...[to, n + gap, Number(p.add)],
          );
        multiplyBy(product);
        run(c);
        multiplyBy(undefined);
        run(d);
        const ours = heap.floats(d, 50 * 50), theirs = heap.floats(c, 50 * 50);
        for (let i = 0; i < ours.length; i++) {
          ok(
            Math.abs(ours[i]! - theirs[i]!) < 1e-4,
            `${i}: ${ours[i]} ${theirs[i]}`,
          );
        }
      }),
    );
    heap.free(room);
  },
);

testBlas(
  "a language model and its gradients are the reference's with OpenBLAS",
  async (module, blas) => {
    let calls = 0;
    const product = blas.productOn(module.heap);
    const counted = (...parameters: number[]) => {
      calls++;
      product.multiply(...parameters);
    };
    module.multiplyBy({ ...product, least: 1, multiply: counted });
    const vectors = VECTORS.tied;
    const model = await loadQwen2(`${FOLDER}tied`);
    const before = tf.memory().numTensors;
    const { value, grads } = tf.variableGrads(
      () => scoreVectors(model, vectors).loss,
      [...model.weights.values()],
    );
    close(value.dataSync(), [vectors.loss], "loss");
    for (const [key, variable] of model.weights) {
      const gradient = grads[variable.name]!;
      if (key in vectors.gradients) {
        close(gradient.dataSync(), vectors.gradients[key], key);
      }
    }
    tf.dispose([value, grads]);
    const prompts = vectors.greedy_prompts.map((length: number, b: number) =>
      Int32Array.from(vectors.ids[b].slice(0, length))
    );
    deepStrictEqual(await greedy(model, prompts, 12), vectors.greedy);
    strictEqual(tf.memory().numTensors, before);
    ok(calls > 100, `calls: ${calls}`);
    disposeQwen2(model);
  },
);

testBlas(
  "OpenBLAS finds tensors again when the heap has grown beyond 2 GiB",
  (module, blas) => {
    module.multiplyBy({ ...blas.productOn(module.heap), least: 1 });
    const rows = 2 ** 22; // 64 MiB of numbers
    const multiply = () =>
      tf.tidy(() => {
        const product = tf.matMul(tf.fill([rows, 4], 2), tf.fill([4, 4], 3));
        const least = tf.min(product).dataSync()[0];
        return { least, pointer: module.heap.pointer(product) };
      });
    strictEqual(multiply().least, 24);
    // Never written; the small ones take what the first product left.
    const reserved = [30, 30, 26, 26, 26]
      .map((bits) => module.heap.allocate(2 ** bits));
    const { least, pointer } = multiply();
    strictEqual(least, 24);
    ok(pointer > 2 ** 31, `pointer: ${pointer}`);
    for (const pointer of reserved) module.heap.free(pointer);
  },
);

testBlas(
  "products by OpenBLAS are the same on one and on two threads",
  async (module, blas) => {
    module.multiplyBy(blas.productOn(module.heap));
    const random = createRandom(6);
    const inputs = [[600, 300], [500, 300]].map(([rows, width]) =>
      tf.tensor2d(
        Float32Array.from({ length: rows! * width! }, () => random.normal()),
        [rows!, width!],
      )
    );
    const multiply = () =>
      tf.tidy(() => tf.matMul(inputs[0]!, inputs[1]!, false, true).dataSync());
    module.threads = 1;
    const alone = multiply();
    module.threads = 2;
    const deadline = Date.now() + 60_000;
    while (module.computedElsewhere < 50 && Date.now() < deadline) {
      deepStrictEqual(multiply(), alone);
      await new Promise((resolve) => setTimeout(resolve)); // lets the thread start
    }
    ok(module.computedElsewhere >= 50);
    module.threads = 1;
    tf.dispose(inputs);
  },
);

testBlas("selectBackend() says that OpenBLAS multiplies", async () => {
  const { reason } = await selectBackend("wasm");
  ok(
    /^wasm: asked for, matrix products by OpenBLAS \d+\.\d+.* for \w+, from ".+"/
      .test(reason),
    reason,
  );
});

Deno.test({
  name:
    "openBlas() says what is wrong with a library [needs native code: deno task test-native]",
  ignore: !NATIVE,
  fn: () => {
    throws(() => openBlas("/nowhere"), {
      name: "TypeError",
      message:
        /"HIPER_OPENBLAS" must name libopenblas.*: current value is "\/nowhere"/,
    });
  },
});
