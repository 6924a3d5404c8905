/**
 * Kernels over a vocabulary, some rows of logits at a time.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "./kernel_names.ts";
import type { KernelModule, RunKernel } from "./module.ts";

/** Numbers of logits held at a time: 16 MiB. */
export const LOGITS_AT_ONCE = 2 ** 22;

type Inputs = Record<string, tf.TensorInfo>;

/** Rows of logits, or of their gradient. */
interface Chunk {
  /** The first row. */
  readonly start: number;
  /** How many. */
  readonly rows: number;
  /** Where they are. */
  readonly logits: number;
}

/**
 * Makes the kernels that score tokens.
 *
 * @param module The compiled kernels.
 * @returns Kernels by name.
 */
export function vocabularyKernels(
  module: KernelModule,
): Record<string, RunKernel> {
  const { exports, heap, scratch } = module;
  const at = heap.pointer;
  return {
    [FUSED.tokenLogProbs]: (inputs, { scale }) => {
      const n = inputs["hidden"]!.shape[0]!;
      const words = inputs["embedding"]!.shape[0]!;
      const outputs = [0, 1, 2].map(() => heap.output([n]));
      eachChunk(module, inputs, ({ start, rows, logits }) => {
        const [to, entropy, normalizer] = outputs.map((x) => at(x) + 4 * start);
        const from = at(inputs["targets"]!) + 4 * start;
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
      eachGradient(module, inputs, scale!, ({ start, rows, logits }) => {
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
      eachGradient(module, inputs, scale!, ({ start, rows, logits }) => {
        const h = at(hidden!) + 4 * start * d, to = at(de);
        exports.matmul(
          ...[words, d, rows, logits, words, 1, h, d, 0, to, d, 1, scratch],
        );
      });
      return de;
    },
  };
}

/** Computes logits chunk by chunk and hands each to `use`. */
function eachChunk(
  { exports, heap, scratch }: KernelModule,
  { hidden, embedding }: Inputs,
  use: (chunk: Chunk) => void,
): void {
  const [n, d] = hidden!.shape as [number, number];
  const words = embedding!.shape[0]!;
  const most = Math.max(1, Math.min(n, Math.floor(LOGITS_AT_ONCE / words)));
  const logits = heap.allocate(4 * most * words);
  const e = heap.pointer(embedding!);
  try {
    for (let start = 0; start < n; start += most) {
      const rows = Math.min(most, n - start);
      const h = heap.pointer(hidden!) + 4 * start * d;
      exports.matmul(
        ...[rows, words, d, h, d, 0, e, d, 1, logits, words, 0, scratch],
      );
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
    module.exports.tokenLogProbsGrad(
      ...[rows, words, logits, here("targets"), scale],
      ...[here("entropies"), here("normalizers")],
      ...[here("dlogProbs"), here("dentropies")],
    );
    use(chunk);
  });
}
