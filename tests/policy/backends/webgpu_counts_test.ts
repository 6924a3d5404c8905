import { strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { openDeviceDecoder } from "../../../lib/policy/decoder/gpu_decoder.ts";
import {
  createLora,
  freezeWeights,
  type LoraAdapter,
} from "../../../lib/policy/decoder/lora.ts";
import {
  createQwen2,
  disposeQwen2,
  type Qwen2,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import { describeAdapter } from "../../../lib/policy/backends/webgpu/backend.ts";
import { countGpuWork } from "../../../scripts/gpu_counts.ts";
import { TINY } from "../decoder/_qwen2_vectors.ts";

/** Shaders that some work takes with three layers, less those it takes with two. */
async function shadersOfLayer(
  work: (model: Qwen2, adapter: LoraAdapter | undefined) => tf.Tensor,
  options: { adapted?: boolean } = {},
): Promise<number> {
  const counts = [];
  for (const layers of [2, 3]) {
    const model = createQwen2({ ...TINY, layers }, createRandom(1));
    const adapter = options.adapted
      ? createLora(model, { rank: 2 }, createRandom(2))
      : undefined;
    if (adapter) freezeWeights(model);
    for (const weight of adapter?.weights.values() ?? []) {
      weight.assign(tf.fill(weight.shape, 0.1));
    }
    const { dispatches } = await countGpuWork(async () => {
      const result = work(model, adapter);
      await result.data();
      result.dispose();
    });
    counts.push(dispatches);
    tf.dispose([...adapter?.weights.values() ?? []]);
    disposeQwen2(model);
  }
  return counts[1]! - counts[0]!;
}

/** States of two sequences. */
function read(model: Qwen2, adapter: LoraAdapter | undefined): tf.Tensor {
  const ids = Int32Array.from({ length: 14 }, (_, i) => i);
  return qwen2States(model, { ids, batch: 2, length: 7 }, { adapter });
}

/** Sum of all gradients. */
function learn(model: Qwen2, adapter: LoraAdapter | undefined): tf.Tensor {
  const weights = [...(adapter?.weights ?? model.weights).values()];
  const { value, grads } = tf.variableGrads(
    () => tf.sum(read(model, adapter)) as tf.Scalar,
    weights,
  );
  tf.dispose(grads);
  return value;
}

/** State after one more token. */
function write(model: Qwen2, adapter: LoraAdapter | undefined): tf.Tensor {
  using decoder = openDeviceDecoder(model, { batch: 1, room: 9, adapter });
  const ids = Int32Array.of(3);
  return decoder.feed({ ids, fresh: 1, counts: [1] });
}

Deno.test({
  name: "on WebGPU a layer takes as few shaders as it is said to",
  ignore: await describeAdapter() === undefined, // needs a Vulkan driver; one in software will do
  fn: async () => {
    await selectBackend("webgpu");
    strictEqual(await shadersOfLayer(read), 14);
    strictEqual(await shadersOfLayer(read, { adapted: true }), 28);
    strictEqual(await shadersOfLayer(learn), 50);
    strictEqual(await shadersOfLayer(learn, { adapted: true }), 99);
    strictEqual(await shadersOfLayer(write), 16); // one of them empties a cache, which later tokens need not
  },
});
