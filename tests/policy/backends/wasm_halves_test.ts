import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { installKernels } from "../../../lib/policy/backends/wasm/install.ts";
import { startDecoder } from "../../../lib/policy/decoder/decoder.ts";
import {
  linear,
  lookUp,
  tokenLogProbs,
} from "../../../lib/policy/decoder/layers.ts";
import {
  createLora,
  disposeLora,
  freezeWeights,
} from "../../../lib/policy/decoder/lora.ts";
import { packedVariable } from "../../../lib/policy/decoder/packed.ts";
import { disposeQwen2, loadQwen2 } from "../../../lib/policy/decoder/qwen2.ts";
import {
  decodeValues,
  encodeValues,
} from "../../../lib/policy/decoder/number_formats.ts";
import { openLanguagePolicy } from "../../../lib/policy/language/loading.ts";
import { createRandom } from "../../../lib/random.ts";
import { scoreVectors } from "../decoder/_qwen2_vectors.ts";

const DECODERS = new URL("../../vectors/decoders/", import.meta.url).pathname;
const VECTORS = JSON.parse(await Deno.readTextFile(`${DECODERS}vectors.json`));

/** A matrix in bfloat16 and the same numbers in 32 bits. */
function bothOf(rows: number, width: number) {
  const random = createRandom(3).fork("matrix", rows, width);
  const drawn = Float32Array.from(
    { length: rows * width },
    () => random.normal(),
  );
  const { bytes } = encodeValues(drawn, "BF16");
  const wide = decodeValues(bytes.slice(), "BF16") as Float32Array;
  return {
    packed: packedVariable("matrix", { shape: [rows, width], bytes }),
    wide: tf.variable(tf.tensor2d(wide, [rows, width]), false),
  };
}

for (const rows of [1, 2, 3, 4, 24, 25, 60]) {
  Deno.test(`products of ${rows} rows with bfloat16 on wasm are those in 32 bits, bit by bit`, async () => {
    await selectBackend("wasm");
    (await installKernels()).multiplyBy(undefined);
    const random = createRandom(4).fork("rows", rows);
    for (const [outputs, width] of [[1, 2], [7, 12], [53, 24], [300, 270]]) {
      const { packed, wide } = bothOf(outputs!, width!);
      const x = tf.tensor2d(
        Float32Array.from({ length: rows * width! }, () => random.normal()),
        [rows, width!],
      );
      const targets = tf.tensor1d(
        Int32Array.from({ length: rows }, (_, i) => i % outputs!),
        "int32",
      );
      const bias = tf.ones([outputs!]);
      for (
        const compute of [
          (w: tf.Tensor) => (x: tf.Tensor) => linear(x, w, bias),
          (w: tf.Tensor) => (x: tf.Tensor) =>
            tokenLogProbs(x, w, { targets }).logProbs,
        ]
      ) {
        const [half, full] = [packed, wide].map((w) => {
          const { value, grad } = tf.valueAndGrad(compute(w))(x);
          const numbers = [value.dataSync(), grad.dataSync()];
          tf.dispose([value, grad]);
          return numbers;
        });
        deepStrictEqual(half![0], full![0]);
        const size = Math.max(...full![1]!.map(Math.abs));
        full![1]!.forEach((expected, i) =>
          // few rows sum a gradient in another order
          strictEqual(Math.abs(half![1]![i]! - expected) <= 1e-5 * size, true)
        );
      }
      const ids = tf.tensor1d([outputs! - 1, 0], "int32");
      const [a, b] = [lookUp(packed, ids), lookUp(wide, ids)];
      deepStrictEqual(a.dataSync(), b.dataSync());
      tf.dispose([packed, wide, x, targets, bias, ids, a, b]);
    }
  });
}

Deno.test("a decoder in bfloat16 reads, writes and learns as in 32 bits, in half the memory", async () => {
  await selectBackend("wasm");
  (await installKernels()).multiplyBy(undefined);
  for (const name of ["llama", "llama3", "qwen3"]) {
    const vectors = VECTORS[name];
    const results: unknown[][] = [];
    for (const halves of [false, true]) {
      const model = await loadQwen2(`${DECODERS}${name}`, { halves });
      freezeWeights(model);
      const adapter = createLora(model, { rank: 2 }, createRandom(1));
      const variables = [...adapter.weights.values()];
      const { value, grads } = tf.variableGrads(
        () => scoreVectors(model, vectors, { adapter, recompute: true }).loss,
        variables,
      );
      const norms = variables.map(({ name }) =>
        tf.tidy(() => tf.norm(grads[name]!).dataSync()[0]!.toPrecision(4))
      );
      const prompts = vectors.greedy_prompts.map((length: number, b: number) =>
        Int32Array.from(vectors.ids[b].slice(0, length))
      );
      const { decoder, output } = await startDecoder(model, prompts, {
        maxTokens: 2,
        adapter,
      });
      const next = await decoder.next(Int32Array.of(1, 2));
      decoder[Symbol.dispose]();
      const loss = value.dataSync()[0]!;
      results.push([loss, norms, output.logits, output.states, next.logits]);
      tf.dispose([value, grads]);
      disposeLora(adapter);
      disposeQwen2(model);
    }
    deepStrictEqual(results[1], results[0], name);
  }
});

Deno.test("a model published in bfloat16 is kept so beside adapters, and only there", async () => {
  const folder = new URL("../../vectors/gguf/tiny.gguf", import.meta.url);
  const asked = { seed: 1, frozenPrecision: "bfloat16" } as const;
  await selectBackend("wasm");
  await rejects(openLanguagePolicy(folder.pathname, asked), {
    name: "TypeError",
    message: /in bfloat16 as there must be some: "lora" must be given/,
  });
  const before = tf.memory().numTensors;
  const policy = await openLanguagePolicy(folder.pathname, {
    ...asked,
    lora: { rank: 2 },
  });
  const heap = tf.memory().numBytes;
  policy.dispose();
  strictEqual(tf.memory().numTensors, before);
  const wide = await openLanguagePolicy(folder.pathname, {
    seed: 1,
    frozenPrecision: "float32",
    lora: { rank: 2 },
  });
  strictEqual(wide.parameters, policy.parameters);
  strictEqual(tf.memory().numBytes > heap, true);
  wide.dispose();
  await selectBackend("cpu");
  await rejects(
    openLanguagePolicy(folder.pathname, { ...asked, lora: { rank: 2 } }),
    {
      message:
        /in bfloat16 as the backend must be "wasm": current value is "cpu"/,
    },
  );
});
