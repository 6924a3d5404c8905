/**
 * The fused kernels of a language model, registered with TensorFlow.js under names of their own.
 *
 * Gradients of inputs that are not differentiated (frozen weights) are never computed: each is a
 * kernel of its own, run when the tape asks for it. What is cheap to recompute is not kept.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { KernelModule, RunKernel } from "./module.ts";
import { halvesKernels, multiplyByHalves, multiplyHalves } from "./halves.ts";
import { FUSED } from "./kernel_names.ts";

/** Registers the fused kernels for the `wasm` backend. */
export function registerFusedKernels(module: KernelModule): void {
  const kernels = {
    ...projectionKernels(module),
    ...halvesKernels(module),
    ...normalizationKernels(module),
    ...elementKernels(module),
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

/** Rows of a tensor, and numbers in each. */
function rowsOf(x: tf.TensorInfo): { rows: number; d: number } {
  const d = x.shape.at(-1)!;
  return { d, rows: d === 0 ? 0 : tf.util.sizeFromShape(x.shape) / d };
}

/** Projections and the sums their biases need. */
function projectionKernels(
  { kernels, heap }: KernelModule,
): Record<string, RunKernel> {
  const at = heap.pointer;
  return {
    [FUSED.linear]: ({ x, w, bias }) => {
      const { rows, d } = rowsOf(x!);
      const width = w!.shape[0]!;
      const y = heap.output([...x!.shape.slice(0, -1), width]);
      const [px, pw, py] = [at(x!), at(w!), at(y)];
      kernels.matmul(
        ...[rows, width, d, px, d, 0, pw, d, 1, py, width, 0],
      );
      if (bias) kernels.addBias(rows, width, py, at(bias));
      return y;
    },
    [FUSED.sumRows]: ({ x }) => {
      const { rows, d } = rowsOf(x!);
      const sums = heap.output([d]);
      kernels.sumRows(rows, d, at(x!), at(sums));
      return sums;
    },
  };
}

/** RMSNorm and its two gradients. */
function normalizationKernels(
  { kernels, heap }: KernelModule,
): Record<string, RunKernel> {
  const at = heap.pointer;
  return {
    [FUSED.rmsNorm]: ({ x, gain }, { epsilon }) => {
      const { rows, d } = rowsOf(x!);
      const y = heap.output(x!.shape);
      kernels.rmsNorm(rows, d, at(x!), at(gain!), at(y), epsilon!);
      return y;
    },
    [FUSED.rmsNormGradX]: ({ x, gain, dy }, { epsilon }) => {
      const { rows, d } = rowsOf(x!);
      const dx = heap.output(x!.shape);
      kernels.rmsNormGradX(
        ...[rows, d, at(x!), at(gain!), at(dy!), at(dx), epsilon!],
      );
      return dx;
    },
    [FUSED.rmsNormGradGain]: ({ x, dy }, { epsilon }) => {
      const { rows, d } = rowsOf(x!);
      const dgain = heap.output([d]);
      kernels.rmsNormGradGain(rows, d, at(x!), at(dy!), at(dgain), epsilon!);
      return dgain;
    },
  };
}

/** Elementwise kernels: gating and the optimizer. */
function elementKernels(
  { kernels, heap }: KernelModule,
): Record<string, RunKernel> {
  const at = heap.pointer;
  return {
    [FUSED.swiGlu]: ({ gate, up }) => {
      const y = heap.output(gate!.shape);
      const n = tf.util.sizeFromShape(gate!.shape);
      kernels.swiGlu(n, at(gate!), at(up!), at(y));
      return y;
    },
    [FUSED.swiGluGradGate]: ({ gate, up, dy }) => {
      const dgate = heap.output(gate!.shape);
      const n = tf.util.sizeFromShape(gate!.shape);
      kernels.swiGluGradGate(n, at(gate!), at(up!), at(dy!), at(dgate));
      return dgate;
    },
  };
}

/** Sizes of an attention, in the order in which the compiled kernels take them. */
type Sizes = readonly [
  batch: number,
  length: number,
  heads: number,
  kvHeads: number,
  size: number,
];

/** Attention over whole sequences. */
function attentionKernels(module: KernelModule): Record<string, RunKernel> {
  const { kernels, heap } = module;
  return {
    [FUSED.attention]: (inputs, a) => {
      const rows = a["batch"]! * a["length"]!;
      const out = heap.output([rows, a["heads"]! * a["size"]!]);
      const to = heap.pointer(out);
      withRotated(module, inputs, a, (rotated, sizes) => {
        kernels.attention(...sizes, rotated, to);
      });
      return out;
    },
    [FUSED.attentionGrad]: (inputs, a) => {
      const { qkv, dy, cos, sin } = inputs;
      const dqkv = heap.output(qkv!.shape);
      const to = heap.pointer(dqkv), from = heap.pointer(dy!);
      const angles = [heap.pointer(cos!), heap.pointer(sin!)];
      withRotated(module, inputs, a, (rotated, sizes) => {
        const [batch, length, heads, kvHeads, size] = sizes;
        const stride = (heads + 2 * kvHeads) * size, turned = heads + kvHeads;
        kernels.attentionGrad(...sizes, rotated, from, to);
        kernels.rotaryRows(
          ...[batch, length, stride, turned, size, to, ...angles, -1],
        );
      });
      return dqkv;
    },
  };
}

/** Runs with queries and keys rotated in a copy. */
function withRotated(
  { kernels, heap }: KernelModule,
  { qkv, cos, sin }: Record<string, tf.TensorInfo>,
  a: Record<string, number>,
  run: (rotated: number, sizes: Sizes) => void,
): void {
  const batch = a["batch"]!, length = a["length"]!, size = a["size"]!;
  const heads = a["heads"]!, kvHeads = a["kvHeads"]!;
  const stride = (heads + 2 * kvHeads) * size;
  const bytes = 4 * batch * length * stride;
  const rotated = heap.allocate(bytes);
  try {
    heap.copy(rotated, heap.pointer(qkv!), bytes);
    const angles = [heap.pointer(cos!), heap.pointer(sin!)];
    const turned = heads + kvHeads;
    kernels.rotaryRows(
      ...[batch, length, stride, turned, size, rotated, ...angles, 1],
    );
    run(rotated, [batch, length, heads, kvHeads, size]);
  } finally {
    heap.free(rotated);
  }
}

/** Numbers of logits held at a time: 64 MiB, so that a table of words is read for a hundred rows at once. */
export const LOGITS_AT_ONCE = 2 ** 24;

type Inputs = Record<string, tf.TensorInfo>;

/** Rows of logits, or of their gradient. */
interface Chunk {
  readonly start: number;
  readonly rows: number;
  readonly logits: number;
}

/** Makes the kernels that score tokens. */
export function vocabularyKernels(
  module: KernelModule,
): Record<string, RunKernel> {
  const { kernels, heap } = module;
  const at = heap.pointer;
  return {
    [FUSED.tokenLogProbs]: (inputs, { scale }) => {
      const n = inputs["hidden"]!.shape[0]!;
      const words = inputs["embedding"]!.shape[0]!;
      const outputs = [0, 1, 2].map(() => heap.output([n]));
      eachChunk(module, inputs, ({ start, rows, logits }) => {
        const [to, entropy, normalizer] = outputs.map((x) => at(x) + 4 * start);
        const from = at(inputs["targets"]!) + 4 * start;
        kernels.tokenLogProbs(
          ...[rows, words, logits, from, scale!, to!, entropy!, normalizer!],
        );
      });
      return outputs;
    },
    [FUSED.tokenLogProbsGradHidden]: (inputs, { scale }) => {
      const { hidden, embedding } = inputs;
      const words = embedding!.shape[0]!, d = hidden!.shape[1]!;
      const dh = heap.output(hidden!.shape);
      const e = at(embedding!);
      eachGradient(module, inputs, scale!, ({ start, rows, logits }) => {
        const to = at(dh) + 4 * start * d;
        if (embedding!.dtype === "int32") {
          const sizes = { m: rows, n: d, k: words, lda: words, ldc: d };
          multiplyByHalves(module, {
            ...sizes,
            a: logits,
            b: e,
            c: to,
            add: false,
          });
          return;
        }
        kernels.matmul(
          ...[rows, d, words, logits, words, 0, e, d, 0, to, d, 0],
        );
      });
      return dh;
    },
    [FUSED.tokenLogProbsGradEmbedding]: (inputs, { scale }) => {
      const { hidden, embedding } = inputs;
      const [words, d] = embedding!.shape as [number, number];
      const de = heap.output(embedding!.shape);
      heap.floats(at(de), words * d).fill(0);
      eachGradient(module, inputs, scale!, ({ start, rows, logits }) => {
        const h = at(hidden!) + 4 * start * d, to = at(de);
        kernels.matmul(
          ...[words, d, rows, logits, words, 1, h, d, 0, to, d, 1],
        );
      });
      return de;
    },
  };
}

/** Computes logits chunk by chunk and hands each to `use`. */
function eachChunk(
  module: KernelModule,
  { hidden, embedding }: Inputs,
  use: (chunk: Chunk) => void,
): void {
  const { kernels, heap } = module;
  const [n, d] = hidden!.shape as [number, number];
  const words = embedding!.shape[0]!;
  const most = Math.max(1, Math.min(n, Math.floor(LOGITS_AT_ONCE / words)));
  const logits = heap.allocate(4 * most * words);
  const e = heap.pointer(embedding!);
  try {
    for (let start = 0; start < n; start += most) {
      const rows = Math.min(most, n - start);
      const h = heap.pointer(hidden!) + 4 * start * d;
      if (embedding!.dtype === "int32") {
        const sizes = { m: rows, n: words, k: d, lda: d, ldc: words };
        multiplyHalves(module, { ...sizes, a: h, b: e, c: logits, add: false });
      } else {
        kernels.matmul(
          ...[rows, words, d, h, d, 0, e, d, 1, logits, words, 0],
        );
      }
      use({ start, rows, logits });
    }
  } finally {
    heap.free(logits);
  }
}

/** The same with logits turned into their gradient. */
function eachGradient(
  module: KernelModule,
  inputs: Inputs,
  scale: number,
  use: (chunk: Chunk) => void,
): void {
  const words = inputs["embedding"]!.shape[0]!;
  eachChunk(module, inputs, (chunk) => {
    const { start, rows, logits } = chunk;
    const here = (name: string) =>
      module.heap.pointer(inputs[name]!) + 4 * start;
    module.kernels.tokenLogProbsGrad(
      ...[rows, words, logits, here("targets"), scale],
      ...[here("entropies"), here("normalizers")],
      ...[here("dlogProbs"), here("dentropies")],
    );
    use(chunk);
  });
}
