/**
 * Gradients of the fused kernels, registered with TensorFlow.js once.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "./kernel_names.ts";

/** Registers how each fused kernel is differentiated, on all backends. Does nothing when that was done before. */
export function registerFusedGradients(): void {
  if (tf.getGradient(FUSED.linear)) return;
  for (
    const gradient of [
      LINEAR_GRADIENT,
      LINEAR_HALF_GRADIENT,
      ADD_LOW_RANK_GRADIENT,
      RMS_NORM_GRADIENT,
      SWI_GLU_GRADIENT,
      ATTENTION_GRADIENT,
      TOKEN_LOG_PROBS_GRADIENT,
    ]
  ) tf.registerGradient(gradient);
}

const LINEAR_GRADIENT: tf.GradConfig = {
  kernelName: FUSED.linear,
  inputsToSave: ["x", "w"],
  gradFunc: (dy, [x, w]) => {
    const [outputs, width] = w!.shape as [number, number];
    const rows = (t: tf.Tensor, d: number) => tf.reshape(t, [-1, d]);
    const gradient = () => rows(one(dy), outputs);
    return {
      x: () => tf.reshape(tf.matMul(gradient(), w!), x!.shape),
      w: () => tf.matMul(gradient(), rows(x!, width), true, false),
      bias: () => run(FUSED.sumRows, { x: one(dy) }),
    };
  },
};

const LINEAR_HALF_GRADIENT: tf.GradConfig = {
  kernelName: FUSED.linearHalf,
  inputsToSave: ["w"], // which is frozen
  gradFunc: (dy, [w]) => ({
    x: () => run(FUSED.linearHalfGradX, { dy: one(dy), w: w! }),
  }),
};

const ADD_LOW_RANK_GRADIENT: tf.GradConfig = {
  kernelName: FUSED.addLowRank,
  inputsToSave: ["low", "up"],
  gradFunc: (dy, [low, up], attributes) => {
    const scaled = (x: tf.Tensor) => tf.mul(x, Number(attributes["scale"]));
    return {
      base: () => tf.clone(one(dy)),
      low: () => scaled(tf.matMul(one(dy), up!)),
      up: () => scaled(tf.matMul(one(dy), low!, true, false)),
    };
  },
};

const RMS_NORM_GRADIENT: tf.GradConfig = {
  kernelName: FUSED.rmsNorm,
  inputsToSave: ["x", "gain"],
  gradFunc: (dy, [x, gain], attributes) => {
    const inputs = { x: x!, gain: gain!, dy: one(dy) };
    return {
      x: () => run(FUSED.rmsNormGradX, inputs, attributes),
      gain: () => run(FUSED.rmsNormGradGain, inputs, attributes),
    };
  },
};

const SWI_GLU_GRADIENT: tf.GradConfig = {
  kernelName: FUSED.swiGlu,
  inputsToSave: ["gate", "up"],
  gradFunc: (dy, [gate, up]) => ({
    gate: () =>
      run(FUSED.swiGluGradGate, { gate: gate!, up: up!, dy: one(dy) }),
    up: () => run(FUSED.swiGlu, { gate: gate!, up: one(dy) }), // linear in up
  }),
};

const ATTENTION_GRADIENT: tf.GradConfig = {
  kernelName: FUSED.attention,
  inputsToSave: ["qkv", "cos", "sin"],
  gradFunc: (dy, [qkv, cos, sin], attributes) => ({
    qkv: () => {
      const inputs = { qkv: qkv!, cos: cos!, sin: sin!, dy: one(dy) };
      return run(FUSED.attentionGrad, inputs, attributes);
    },
  }),
};

const TOKEN_LOG_PROBS_GRADIENT: tf.GradConfig = {
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
};

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
