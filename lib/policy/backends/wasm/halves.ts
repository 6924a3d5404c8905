/**
 * Products with matrices stored as bfloat16, two numbers to a 32-bit word: some rows at a time are widened
 * into scratch memory and multiplied there, so that frozen weights take half the memory and, where
 * products are limited by reading them, half the time.
 *
 * Sums are taken in the order of 32-bit products, so that results are equal bit by bit.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FEW, FEW_INSIDE } from "./kernel_parts.ts";
import type { KernelModule, RunKernel } from "./module.ts";
import { FUSED } from "./kernel_names.ts";

/** A product `C (m, n) = A (m, k) · op(B)`; pointers are byte offsets, strides count numbers. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: number;
  readonly lda: number;
  /** Where the halves of B start. */
  readonly b: number;
  readonly c: number;
  readonly ldc: number;
  /** Whether the product is added to C. */
  readonly add: boolean;
}

/** `C = A · Bᵀ` with B of shape `(n, k)` in halves. */
export function multiplyHalves(module: KernelModule, product: Product): void {
  const { m, n, k, a, lda, b, c, ldc, add } = product;
  if (m <= (module.outside ? FEW_INSIDE : FEW)) {
    module.kernels.matmulHalves(m, n, k, a, lda, b, c, ldc, Number(add));
    return;
  }
  module.kernels.matmulWidened(
    ...[m, n, k, a, lda, b, k, 1, c, ldc, Number(add)],
  );
}

/** `C = A · B` with B of shape `(k, n)` in halves. */
export function multiplyByHalves(module: KernelModule, product: Product): void {
  const { m, n, k, a, lda, b, c, ldc, add } = product;
  module.kernels.matmulWidened(
    ...[m, n, k, a, lda, b, n, 0, c, ldc, Number(add)],
  );
}

/** Copies rows of a table of halves, widened. */
export function gatherHalves(
  { kernels, heap }: KernelModule,
  options: {
    rows: number;
    width: number;
    table: number;
    ids: number;
    to: number;
  },
): void {
  const { rows, width, table, ids, to } = options;
  const chosen = heap.integers(ids, rows);
  chosen.forEach((row, i) =>
    kernels.widen(width, table + 2 * row * width, to + 4 * i * width)
  );
}

/** Makes the kernels of projections and tables in halves. */
export function halvesKernels(module: KernelModule): Record<string, RunKernel> {
  const { heap } = module;
  const at = heap.pointer;
  return {
    [FUSED.linearHalf]: ({ x, w, bias }) => {
      const k = x!.shape.at(-1)!, n = w!.shape[0]!;
      const m = tf.util.sizeFromShape(x!.shape) / k;
      const y = heap.output([...x!.shape.slice(0, -1), n]);
      const [a, b, c] = [at(x!), at(w!), at(y)];
      multiplyHalves(module, { m, n, k, a, lda: k, b, c, ldc: n, add: false });
      if (bias) module.kernels.addBias(m, n, c, at(bias));
      return y;
    },
    [FUSED.linearHalfGradX]: ({ dy, w }) => {
      const [k, words] = w!.shape as [number, number];
      const n = 2 * words, m = tf.util.sizeFromShape(dy!.shape) / k;
      const dx = heap.output([...dy!.shape.slice(0, -1), n]);
      const [a, b, c] = [at(dy!), at(w!), at(dx)];
      multiplyByHalves(module, {
        m,
        n,
        k,
        a,
        lda: k,
        b,
        c,
        ldc: n,
        add: false,
      });
      return dx;
    },
    [FUSED.lookUpHalf]: ({ table, ids }) => {
      const width = 2 * table!.shape[1]!;
      const rows = tf.util.sizeFromShape(ids!.shape);
      const y = heap.output([...ids!.shape, width]);
      gatherHalves(module, {
        rows,
        width,
        table: at(table!),
        ids: at(ids!),
        to: at(y),
      });
      return y;
    },
  };
}
