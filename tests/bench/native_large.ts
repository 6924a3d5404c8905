/**
 * A low-rank learning step of models with the shapes of Qwen2.5: 0.5B, whose weights take half of
 * what WebAssembly can address, and 1.5B, whose weights take more.
 *
 * ```sh
 * HIPER_TENSORFLOW=... deno run -P=native tests/bench/native_large.ts --size 0.5B --batch 2 --length 64
 * ```
 *
 * The weights are random: one block of random numbers, repeated, as speed and memory do not
 * depend on them.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import {
  type BackendName,
  selectBackend,
} from "../../lib/policy/backends/select.ts";
import { createLora, freezeWeights } from "../../lib/policy/decoder/lora.ts";
import { tokenLogProbs } from "../../lib/policy/decoder/layers.ts";
import {
  outputTable,
  type Qwen2,
  qwen2States,
} from "../../lib/policy/decoder/qwen2.ts";
import { rotaryAngles } from "../../lib/policy/decoder/rotary.ts";
import {
  type Qwen2Config,
  qwen2Shapes,
} from "../../lib/policy/decoder/config.ts";
import { createRandom } from "../../lib/random.ts";
import { describeMachine, residentMegabytes } from "./_machine.ts";

const { values: flags } = parseArgs({
  options: {
    backend: { type: "string", default: "tfjs-node" },
    batch: { type: "string", default: "2" },
    length: { type: "string", default: "64" },
    size: { type: "string", default: "0.5B" },
    rank: { type: "string", default: "8" },
    steps: { type: "string", default: "3" },
  },
});
const batch = Number(flags.batch), length = Number(flags.length);

/** Shapes of Qwen2.5, by name. */
const SHAPES: Readonly<Record<string, Partial<Qwen2Config>>> = {
  "0.5B": { hiddenSize: 896, intermediateSize: 4864, layers: 24, heads: 14 },
  "1.5B": { hiddenSize: 1536, intermediateSize: 8960, layers: 28, heads: 12 },
};

const CONFIG: Qwen2Config = {
  ...{
    vocabSize: 151_936,
    hiddenSize: 896,
    intermediateSize: 4864,
    layers: 24,
  },
  ...{ heads: 14, kvHeads: 2, maxLength: Math.max(64, length) },
  ...{ rmsEpsilon: 1e-6, ropeTheta: 1e6, tieEmbeddings: true },
  ...SHAPES[flags.size],
};

/** Makes the decoder, frozen. */
function createLarge(): Qwen2 {
  const random = createRandom(1);
  const block = Float32Array.from({ length: 99_991 }, () => random.normal());
  const weights = new Map<string, tf.Variable>();
  for (const [name, shape] of Object.entries(qwen2Shapes(CONFIG))) {
    const values = new Float32Array(tf.util.sizeFromShape([...shape]));
    if (name.endsWith("norm.weight")) values.fill(1);
    else if (shape.length === 2) {
      for (let at = 0; at < values.length; at += block.length) {
        values.set(block.subarray(0, values.length - at), at);
      }
    }
    const weight = tf.tidy(() => {
      const scaled = tf.mul(
        tf.tensor(values, [...shape]),
        shape.length === 2 ? 0.02 : 1,
      );
      return tf.variable(scaled);
    });
    weights.set(name, weight);
  }
  const { maxLength, hiddenSize, heads, ropeTheta } = CONFIG;
  const angles = rotaryAngles(maxLength, {
    size: hiddenSize / heads,
    base: ropeTheta,
  });
  const model = { config: CONFIG, weights, angles };
  freezeWeights(model);
  return model;
}

const backend = await selectBackend(flags.backend as BackendName);
console.log(describeMachine());
console.log(backend.reason);
const model = createLarge();
const parameters = [...model.weights.values()]
  .reduce((sum, { size }) => sum + size, 0);
const adapter = createLora(
  model,
  { rank: Number(flags.rank) },
  createRandom(2),
);
console.log(
  `${
    (parameters / 1e6).toFixed(0)
  } million parameters, ${batch} sequences of ${length} tokens; ` +
    `${residentMegabytes()} MB resident`,
);
const random = createRandom(3);
const ids = Int32Array.from(
  { length: batch * length },
  () => random.integer(CONFIG.vocabSize),
);
for (let step = 0; step < Number(flags.steps); step++) {
  const used = process.cpuUsage(), start = performance.now();
  const { value, grads } = tf.variableGrads(() => {
    const tokens = { ids, batch, length };
    const states = qwen2States(model, tokens, { adapter, recompute: true });
    const targets = tf.tensor1d(ids, "int32");
    const { logProbs } = tokenLogProbs(states, outputTable(model), { targets });
    return tf.neg(tf.mean(logProbs)) as tf.Scalar;
  }, [...adapter.weights.values()]);
  const loss = value.dataSync()[0]!;
  const norm = tf.tidy(() =>
    tf.sqrt(tf.addN(Object.values(grads).map((g) => tf.sum(tf.square(g)))))
      .dataSync()[0]!
  );
  tf.dispose([value, grads]);
  const { user, system } = process.cpuUsage(used);
  console.log(
    `step ${step}: ${((performance.now() - start) / 1000).toFixed(1)} s ` +
      `(processor ${((user + system) / 1e6).toFixed(1)} s), loss ${
        loss.toFixed(3)
      }, ` +
      `gradient ${norm.toExponential(2)}, ${residentMegabytes()} MB resident`,
  );
}
const peak = process.resourceUsage().maxRSS / 1024;
console.log(`peak ${Math.round(peak)} MB`);
