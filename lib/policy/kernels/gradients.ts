/**
 * Gradients of the fused kernels, told to TensorFlow.js once.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { FUSED } from "./fused.ts";

/** Registers how each fused kernel is differentiated. */
export function registerFusedGradients(): void {
  tf.registerGradient({
    kernelName: FUSED.linear,
    inputsToSave: ["x", "w"],
    gradFunc: (dy, [x, w]) => {
      const { shape } = w!;
      const rows = (t: tf.Tensor, d: number) => tf.reshape(t, [-1, d]);
      return {
        x: () => tf.reshape(tf.matMul(rows(one(dy), shape[0]!), w!), x!.shape),
        w: () =>
          tf.matMul(rows(one(dy), shape[0]!), rows(x!, shape[1]!), true, false),
        bias: () => run(FUSED.sumRows, { x: one(dy) }),
      };
    },
  });
  tf.registerGradient({
    kernelName: FUSED.rmsNorm,
    inputsToSave: ["x", "gain"],
    gradFunc: (dy, [x, gain], attributes) => ({
      x: () =>
        run(
          FUSED.rmsNormGradX,
          { x: x!, gain: gain!, dy: one(dy) },
          attributes,
        ),
      gain: () =>
        run(FUSED.rmsNormGradGain, { x: x!, dy: one(dy) }, attributes),
    }),
  });
  tf.registerGradient({
    kernelName: FUSED.swiGlu,
    inputsToSave: ["gate", "up"],
    gradFunc: (dy, [gate, up]) => ({
      gate: () =>
        run(FUSED.swiGluGradGate, { gate: gate!, up: up!, dy: one(dy) }),
      up: () => run(FUSED.swiGlu, { gate: gate!, up: one(dy) }), // linear in up
    }),
  });
  tf.registerGradient({
    kernelName: FUSED.attention,
    inputsToSave: ["qkv", "cos", "sin"],
    gradFunc: (dy, [qkv, cos, sin], attributes) => ({
      qkv: () => {
        const inputs = { qkv: qkv!, cos: cos!, sin: sin!, dy: one(dy) };
        return run(FUSED.attentionGrad, inputs, attributes);
      },
    }),
  });
  tf.registerGradient({
    kernelName: FUSED.tokenLogProbs,
    inputsToSave: ["hidden", "embedding", "targets"],
    outputsToSave: [false, true, true],
    gradFunc: (dys, saved, attributes) => {
      const [hidden, embedding, targets, entropies, normalizers] = saved;
      const [dlogProbs, dentropies] = dys as tf.Tensor[];
      const inputs = {
        hidden: hidden!,
        embedding: embedding!,
        targets: targets!,
        entropies: entropies!,
        normalizers: normalizers!,
        dlogProbs: dlogProbs!,
        dentropies: dentropies!,
      };
      return {
        hidden: () => run(FUSED.tokenLogProbsGradHidden, inputs, attributes),
        embedding: () =>
          run(FUSED.tokenLogProbsGradEmbedding, inputs, attributes),
      };
    },
  });
}

/** The gradient of a kernel with one output. */
function one(dy: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(dy) ? dy[0]! : dy;
}

/** Runs a kernel with one output. */
function run(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: Record<string, unknown> = {},
): tf.Tensor {
  return tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap);
}
