import fc from "fast-check";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { installKernels } from "../../../lib/policy/backends/wasm/install.ts";
import {
  CUT_KERNELS,
  CUTS,
} from "../../../lib/policy/backends/wasm/kernel_parts.ts";
import {
  JOB_BYTES,
  JobMemory,
} from "../../../lib/policy/backends/wasm/job_memory.ts";
import type { Qwen2Config } from "../../../lib/policy/decoder/config.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import { linear, tokenLogProbs } from "../../../lib/policy/decoder/layers.ts";
import { encodeValues } from "../../../lib/policy/decoder/number_formats.ts";
import { packedVariable } from "../../../lib/policy/decoder/packed.ts";
import {
  createQwen2,
  disposeQwen2,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import { createRandom } from "../../../lib/random.ts";

/** Large enough for every kernel to be cut. */
const CONFIG: Qwen2Config = {
  ...{ architecture: "qwen2", vocabSize: 1500, tieEmbeddings: true },
  ...{ hiddenSize: 256, intermediateSize: 700 },
  ...{ layers: 2, heads: 8, kvHeads: 2, maxLength: 160 },
  ...{ ropeTheta: 10_000, rmsEpsilon: 1e-6 },
};
const random = createRandom(5);
const tokens = (name: string, length: number) => {
  const drawn = random.fork(name);
  return Int32Array.from(
    { length },
    () => Math.floor(drawn.uniform() * CONFIG.vocabSize),
  );
};
const numbers = (name: string, shape: readonly number[]) => {
  const drawn = random.fork(name);
  const length = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length }, () => drawn.normal());
};

/** Everything that a language model computes: states, gradients, what is read and written. */
async function computeAll(): Promise<Float32Array[]> {
  const model = createQwen2(CONFIG, createRandom(1));
  const batch = 3, length = 96;
  const ids = tokens("ids", batch * length);
  const targets = tf.tensor1d(tokens("targets", batch * length), "int32");
  const weights = [...model.weights.values()];
  const { value, grads } = tf.variableGrads(() => {
    const states = qwen2States(model, { ids, batch, length });
    const table = model.weights.get("model.embed_tokens.weight")!;
    const { logProbs, entropies } = tokenLogProbs(states, table, { targets });
    return tf.add(tf.mean(logProbs), tf.mean(entropies)) as tf.Scalar;
  }, weights);
  const results = [value, ...weights.map(({ name }) => grads[name]!)]
    .map((x) => x.dataSync() as Float32Array);
  tf.dispose([value, targets, grads]);
  const prompts = Array.from(
    { length: 6 },
    (_, i) => tokens(`prompt ${i}`, 70),
  );
  const { decoder, output } = await startDecoder(model, prompts, {
    maxTokens: 8,
  });
  const next = await decoder.next(tokens("next", prompts.length));
  const rest = await decoder.feed!(
    prompts.map((_, i) => tokens(`rest ${i}`, 1 + i)),
  );
  decoder[Symbol.dispose]();
  disposeQwen2(model);
  for (const said of [output, next, rest]) {
    results.push(said.states, said.logits);
  }
  for (const rows of [1, 2, 7, 24, 90]) {
    const shape = [1000, 512] as const;
    const { bytes } = encodeValues(numbers("table", shape), "BF16");
    const packed = packedVariable("table", { shape, bytes });
    const x = tf.tensor2d(numbers(`x ${rows}`, [rows, 512]), [rows, 512]);
    const { value, grad } = tf.valueAndGrad((x) => linear(x, packed))(x);
    for (const y of [value, grad]) results.push(y.dataSync() as Float32Array);
    tf.dispose([packed, x, value, grad]);
  }
  return results;
}

Deno.test({
  name: "a language model's numbers are the same on one, two and three threads",
  sanitizeResources: false, // threads end after the test that needs them no more
  sanitizeOps: false,
  fn: async () => {
    await selectBackend("wasm", { threads: 1 });
    const module = await installKernels();
    module.multiplyBy(undefined);
    const alone = await computeAll();
    strictEqual(module.computedElsewhere, 0);
    for (const threads of [2, 3]) {
      module.threads = threads;
      const before = module.computedElsewhere;
      const deadline = Date.now() + 60_000;
      while (
        module.computedElsewhere < before + 100 && Date.now() < deadline
      ) {
        const together = await computeAll();
        together.forEach((values, i) =>
          deepStrictEqual(values, alone[i], `result ${i}`)
        );
      }
      ok(module.computedElsewhere >= before + 100, `threads: ${threads}`);
    }
    module.threads = 1;
  },
});

Deno.test("the parts of a kernel are all of it, each once, and are not more than it has", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), {
    minLength: 12,
    maxLength: 12,
  });
  fc.assert(fc.property(fc.constantFrom(...CUT_KERNELS), sizes, (kernel, p) => {
    const memory = new WebAssembly.Memory({
      ...{ initial: 1, maximum: 1, shared: true },
    });
    ok(JOB_BYTES < 65_536);
    const cut = CUTS[kernel](p);
    const total = p[cut.counter]!;
    const got: number[][] = [];
    const jobs = new JobMemory(memory, 0, {
      thread: 0,
      compute: (name, parameters) => {
        strictEqual(name, kernel);
        got.push([...parameters]);
      },
    });
    strictEqual(
      jobs.post({ ...{ kernel, parameters: p, own: { 11: 64 } }, ...cut }),
      0,
    );
    strictEqual(got.length, cut.parts);
    let from = 0;
    for (const parameters of got) {
      strictEqual(from % cut.grain, 0);
      parameters.forEach((value, i) =>
        i === cut.counter ||
        strictEqual(value, p[i]! + from * (cut.moves[i] ?? 0))
      );
      ok(parameters[cut.counter]! > 0);
      from += parameters[cut.counter]!;
    }
    strictEqual(from, total);
  }));
});

Deno.test("a number of threads that cannot be is refused", async () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    await rejects(selectBackend("wasm", { threads }), {
      name: "RangeError",
      message: /"threads" must be a whole number from 1 on: current value is/,
    });
  }
});
