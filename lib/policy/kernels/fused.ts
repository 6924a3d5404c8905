/**
 * The kernels of a language model, registered with TensorFlow.js under names of their own.
 *
 * Gradients of inputs nobody differentiates (frozen weights) are never computed: each is a
 * kernel of its own, run when the tape asks for it. What is cheap to compute again is not kept.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { KernelModule } from "./install.ts";

/** Names of the kernels; a backend that has them runs the fused path. */
export const FUSED = {
  linear: "HiperLinear",
  sumRows: "HiperSumRows",
  rmsNorm: "HiperRmsNorm",
  rmsNormGradX: "HiperRmsNormGradX",
  rmsNormGradGain: "HiperRmsNormGradGain",
  swiGlu: "HiperSwiGlu",
  swiGluGradGate: "HiperSwiGluGradGate",
  attention: "HiperAttention",
  attentionGrad: "HiperAttentionGrad",
  tokenLogProbs: "HiperTokenLogProbs",
  tokenLogProbsGradHidden: "HiperTokenLogProbsGradHidden",
  tokenLogProbsGradEmbedding: "HiperTokenLogProbsGradEmbedding",
  adamW: "HiperAdamW",
} as const;

/** Numbers of logits held at a time: 16 MiB. */
const LOGITS_AT_ONCE = 2 ** 22;

type Run = (
  inputs: Record<string, tf.TensorInfo>,
  attributes: Record<string, number>,
) => tf.TensorInfo | tf.TensorInfo[];

/**
 * Registers the fused kernels for the `wasm` backend.
 *
 * @param module The compiled kernels.
 */
export function registerFusedKernels(module: KernelModule): void {
  const kernels = {
    ...denseKernels(module),
    ...attentionKernels(module),
    ...vocabularyKernels(module),
  };
  for (const [name, run] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName: name,
      backendName: "wasm",
      kernelFunc: ({ inputs, attrs }) =>
        run(
          inputs as Record<string, tf.TensorInfo>,
          (attrs ?? {}) as Record<string, number>,
        ),
    });
  }
}

/** Kernels that treat rows alike: projections, normalization, gating, the optimizer. */
function denseKernels(
  { exports, heap, scratch }: KernelModule,
): Record<string, Run> {
  const at = heap.pointer;
  const rowsOf = (x: tf.TensorInfo) => {
    const d = x.shape.at(-1)!;
    return { d, rows: d === 0 ? 0 : tf.util.sizeFromShape(x.shape) / d };
  };
  return {
    [FUSED.linear]: ({ x, w, bias }) => {
      const { rows, d } = rowsOf(x!);
      const width = w!.shape[0]!;
      const y = heap.output([...x!.shape.slice(0, -1), width]);
      const [px, pw, py] = [at(x!), at(w!), at(y)];
      exports.matmul(
        ...[rows, width, d, px, d, 0, pw, d, 1, py, width, 0, scratch],
      );
      if (bias) exports.addBias(rows, width, py, at(bias));
      return y;
    },
    [FUSED.sumRows]: ({ x }) => {
      const { rows, d } = rowsOf(x!);
      const sums = heap.output([d]);
      exports.sumRows(rows, d, at(x!), at(sums));
      return sums;
    },
    [FUSED.rmsNorm]: ({ x, gain }, { epsilon }) => {
      const { rows, d } = rowsOf(x!);
      const y = heap.output(x!.shape);
      exports.rmsNorm(rows, d, at(x!), at(gain!), at(y), epsilon!);
      return y;
    },
    [FUSED.rmsNormGradX]: ({ x, gain, dy }, { epsilon }) => {
      const { rows, d } = rowsOf(x!);
      const dx = heap.output(x!.shape);
      exports.rmsNormGradX(
        ...[rows, d, at(x!), at(gain!), at(dy!), at(dx), epsilon!],
      );
      return dx;
    },
    [FUSED.rmsNormGradGain]: ({ x, dy }, { epsilon }) => {
      const { rows, d } = rowsOf(x!);
      const dgain = heap.output([d]);
      exports.rmsNormGradGain(rows, d, at(x!), at(dy!), at(dgain), epsilon!);
      return dgain;
    },
    [FUSED.swiGlu]: ({ gate, up }) => {
      const y = heap.output(gate!.shape);
      const n = tf.util.sizeFromShape(gate!.shape);
      exports.swiGlu(n, at(gate!), at(up!), at(y));
      return y;
    },
    [FUSED.swiGluGradGate]: ({ gate, up, dy }) => {
      const dgate = heap.output(gate!.shape);
      const n = tf.util.sizeFromShape(gate!.shape);
      exports.swiGluGradGate(n, at(gate!), at(up!), at(dy!), at(dgate));
      return dgate;
    },
    [FUSED.adamW]: ({ p, g, m, v }, a) => {
      const outputs = [p!, m!, v!].map(({ shape }) => heap.output(shape));
      exports.adamW(
        tf.util.sizeFromShape(p!.shape),
        ...[p!, g!, m!, v!, ...outputs].map(at),
        ...[a["rate"]!, a["beta1"]!, a["beta2"]!, a["epsilon"]!, a["decay"]!],
        ...[a["unbias1"]!, a["unbias2"]!],
      );
      return outputs;
    },
  };
}

/** Attention over whole sequences. */
function attentionKernels(
  { exports, heap, scratch }: KernelModule,
): Record<string, Run> {
  /** Runs with queries and keys rotated in a copy, and room for scores. */
  const withRotated = (
    { qkv, cos, sin }: Record<string, tf.TensorInfo>,
    a: Record<string, number>,
    run: (rotated: number, room: number, sizes: number[]) => void,
  ) => {
    const at = heap.pointer;
    const { batch, length, heads, groups, size } = a as Record<
      "batch" | "length" | "heads" | "groups" | "size",
      number
    >;
    const stride = (heads + 2 * groups) * size;
    const bytes = 4 * batch * length * stride;
    const rotated = heap.allocate(bytes);
    const room = heap.allocate(exports.attentionScratchBytes(length));
    try {
      heap.copy(rotated, at(qkv!), bytes);
      const angles = [at(cos!), at(sin!)];
      const turned = heads + groups;
      const sizes = [batch, length, heads, groups, size];
      exports.rotaryRows(
        ...[batch, length, stride, turned, size, rotated, ...angles, 1],
      );
      run(rotated, room, sizes);
    } finally {
      heap.free(rotated);
      heap.free(room);
    }
  };
  return {
    [FUSED.attention]: (inputs, a) => {
      const rows = a["batch"]! * a["length"]!;
      const out = heap.output([rows, a["heads"]! * a["size"]!]);
      const to = heap.pointer(out);
      withRotated(inputs, a, (rotated, room, sizes) => {
        exports.attention(...sizes, rotated, to, room, scratch);
      });
      return out;
    },
    [FUSED.attentionGrad]: (inputs, a) => {
      const { qkv, dy, cos, sin } = inputs;
      const dqkv = heap.output(qkv!.shape);
      const to = heap.pointer(dqkv), from = heap.pointer(dy!);
      const angles = [heap.pointer(cos!), heap.pointer(sin!)];
      withRotated(inputs, a, (rotated, room, sizes) => {
        const [batch, length, heads, groups, size] = sizes as [
          ...[number, number, number, number, number],
        ];
        const stride = (heads + 2 * groups) * size, turned = heads + groups;
        exports.attentionGrad(...sizes, rotated, from, to, room, scratch);
        exports.rotaryRows(
          ...[batch, length, stride, turned, size, to, ...angles, -1],
        );
      });
      return dqkv;
    },
  };
}

/** Log-probabilities over a vocabulary, some rows of logits at a time. */
function vocabularyKernels(
  { exports, heap, scratch }: KernelModule,
): Record<string, Run> {
  const at = heap.pointer;
  /** Computes logits chunk by chunk and hands each to `use`. */
  const eachChunk = (
    hidden: tf.TensorInfo,
    embedding: tf.TensorInfo,
    use: (chunk: { start: number; rows: number; logits: number }) => void,
  ) => {
    const [n, d] = hidden.shape as [number, number];
    const words = embedding.shape[0]!;
    const most = Math.max(1, Math.min(n, Math.floor(LOGITS_AT_ONCE / words)));
    const logits = heap.allocate(4 * most * words);
    const e = at(embedding);
    try {
      for (let start = 0; start < n; start += most) {
        const rows = Math.min(most, n - start);
        const h = at(hidden) + 4 * start * d;
        exports.matmul(
          ...[rows, words, d, h, d, 0, e, d, 1, logits, words, 0, scratch],
        );
        use({ start, rows, logits });
      }
    } finally {
      heap.free(logits);
    }
  };
  /** The same with logits turned into their gradient. */
  const eachGradient = (
    inputs: Record<string, tf.TensorInfo>,
    scale: number,
    use: (chunk: { start: number; rows: number; logits: number }) => void,
  ) => {
    const words = inputs["embedding"]!.shape[0]!;
    eachChunk(inputs["hidden"]!, inputs["embedding"]!, (chunk) => {
      const { start, rows, logits } = chunk;
      const here = (name: string) => at(inputs[name]!) + 4 * start;
      exports.tokenLogProbsGrad(
        ...[rows, words, logits, here("targets"), scale],
        ...[here("entropies"), here("normalizers")],
        ...[here("dlogProbs"), here("dentropies")],
      );
      use(chunk);
    });
  };
  return {
    [FUSED.tokenLogProbs]: ({ hidden, embedding, targets }, { scale }) => {
      const n = hidden!.shape[0]!, words = embedding!.shape[0]!;
      const outputs = [0, 1, 2].map(() => heap.output([n]));
      eachChunk(hidden!, embedding!, ({ start, rows, logits }) => {
        const [to, entropy, normalizer] = outputs.map((x) => at(x) + 4 * start);
        const from = at(targets!) + 4 * start;
        exports.tokenLogProbs(
          ...[rows, words, logits, from, scale!, to!, entropy!, normalizer!],
        );
      });
      return outputs;
    },
    [FUSED.tokenLogProbsGradHidden]: (inputs, { scale }) => {
      const { hidden, embedding } = inputs;
      const [words, d] = embedding!.shape as [number, number];
      const dh = heap.output(hidden!.shape);
      const e = at(embedding!);
      eachGradient(inputs, scale!, ({ start, rows, logits }) => {
        const to = at(dh) + 4 * start * d;
        exports.matmul(
          ...[rows, d, words, logits, words, 0, e, d, 0, to, d, 0, scratch],
        );
      });
      return dh;
    },
    [FUSED.tokenLogProbsGradEmbedding]: (inputs, { scale }) => {
      const { hidden, embedding } = inputs;
      const [words, d] = embedding!.shape as [number, number];
      const de = heap.output(embedding!.shape);
      heap.floats(at(de), words * d).fill(0);
      eachGradient(inputs, scale!, ({ start, rows, logits }) => {
        const h = at(hidden!) + 4 * start * d, to = at(de);
        exports.matmul(
          ...[words, d, rows, logits, words, 1, h, d, 0, to, d, 1, scratch],
        );
      });
      return de;
    },
  };
}
