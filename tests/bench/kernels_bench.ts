/**
 * Speed of the kernels: products in every orientation, and each fused operation with its gradient
 * beside plain operations on the same backend.
 *
 * Operations a second of a product are twice the product of the sizes in its name over its time.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import {
  linear,
  rmsNorm,
  rotaryAttention,
  swiGlu,
  tokenLogProbs,
} from "../../lib/policy/decoder/layers.ts";
import { rotaryAngles } from "../../lib/policy/decoder/rotary.ts";

await selectBackend("wasm");

const ROWS = 3072, WIDTH = 192, INNER = 512; // 16 sequences of 192 tokens

/** Numbers that stay for the whole run. */
function numbers(...shape: number[]): tf.Tensor {
  return tf.keep(tf.randomNormal(shape, 0, 1, "float32", 1));
}

/** Runs and waits; frees what was made. */
function run(compute: () => tf.Tensor): void {
  tf.tidy(() => void compute().dataSync());
}

/** Value and gradients of a sum. */
function differentiate(
  compute: (...xs: tf.Tensor[]) => tf.Tensor,
  inputs: tf.Tensor[],
): void {
  tf.tidy(() => {
    const slopes = tf.grads((...xs) => tf.sum(compute(...xs)))(inputs);
    for (const slope of slopes) {
      tf.slice(tf.reshape(slope, [-1]), 0, 1).dataSync();
    }
  });
}

const x = numbers(ROWS, WIDTH), w = numbers(WIDTH, INNER);
const wt = numbers(INNER, WIDTH), g = numbers(ROWS, INNER);
const a = numbers(512, 512), b = numbers(512, 512);
const many = numbers(32, 384, 32), others = numbers(32, 32, 192);
const row = numbers(1, WIDTH), few = numbers(16, WIDTH);

const products: Record<string, () => tf.Tensor> = {
  "512 x 512 x 512": () => tf.matMul(a, b),
  "x (3072, 192) · w (192, 512)": () => tf.matMul(x, w),
  "x (3072, 192) · w (512, 192)ᵀ": () => tf.matMul(x, wt, false, true),
  "x (3072, 192)ᵀ · g (3072, 512)": () => tf.matMul(x, g, true),
  "32 times (384, 32) · (32, 192)": () => tf.matMul(many, others),
  "one row (1, 192) · w (512, 192)ᵀ": () => tf.matMul(row, wt, false, true),
  "sixteen rows (16, 192) · w (512, 192)ᵀ": () =>
    tf.matMul(few, wt, false, true),
};
for (const [name, compute] of Object.entries(products)) {
  Deno.bench(name, { group: "products" }, () => run(compute));
}

const gain = numbers(WIDTH), bias = numbers(INNER), up = numbers(ROWS, INNER);

Deno.bench("linear, fused", { group: "projection with gradient" }, () => {
  differentiate((x, w, b) => linear(x!, w!, b), [x, wt, bias]);
});
Deno.bench("linear, plain", {
  group: "projection with gradient",
  baseline: true,
}, () => {
  differentiate(
    (x, w, b) => tf.add(tf.matMul(x!, w!, false, true), b!),
    [x, wt, bias],
  );
});

Deno.bench("rmsNorm, fused", { group: "normalization with gradient" }, () => {
  differentiate((x, g) => rmsNorm(x!, g!, 1e-6), [x, gain]);
});
Deno.bench("rmsNorm, plain", {
  group: "normalization with gradient",
  baseline: true,
}, () => {
  differentiate((x, g) => {
    const square = tf.mean(tf.square(x!), -1, true);
    return tf.mul(tf.mul(x!, tf.rsqrt(tf.add(square, 1e-6))), g!);
  }, [x, gain]);
});

Deno.bench("swiGlu, fused", { group: "gating with gradient" }, () => {
  differentiate((g, u) => swiGlu(g!, u!), [g, up]);
});
Deno.bench("swiGlu, plain", {
  group: "gating with gradient",
  baseline: true,
}, () => {
  differentiate((g, u) => tf.mul(tf.mul(g!, tf.sigmoid(g!)), u!), [g, up]);
});

const sizes = { batch: 16, length: 192, heads: 6, kvHeads: 2, size: 32 };
const qkv = numbers(ROWS, 10 * 32);
const angles = rotaryAngles(192, { size: 32, base: 1e4 });
Deno.bench("16 sequences of 192, 6 heads", {
  group: "attention with gradient",
}, () => {
  differentiate((qkv) => rotaryAttention(qkv!, angles, sizes), [qkv]);
});

const table = numbers(4096, WIDTH);
const targets = tf.keep(
  tf.tensor1d(new Int32Array(ROWS).map((_, i) => i % 4096), "int32"),
);
Deno.bench("tokenLogProbs, fused", {
  group: "4,096 words with gradient",
}, () => {
  differentiate((x, e) => tokenLogProbs(x!, e!, { targets }).logProbs, [
    x,
    table,
  ]);
});
Deno.bench("tokenLogProbs, plain", {
  group: "4,096 words with gradient",
  baseline: true,
}, () => {
  differentiate((x, e) => {
    const logits = tf.matMul(x!, e!, false, true);
    const own = tf.sum(tf.mul(x!, tf.gather(e!, targets)), 1);
    return tf.sub(own, tf.logSumExp(logits, 1));
  }, [x, table]);
});
