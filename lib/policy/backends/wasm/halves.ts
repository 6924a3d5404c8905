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
import { FEW_INSIDE, type KernelModule, type RunKernel } from "./module.ts";
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

/** Rows of A up to which a product is limited by reading B, which is then widened as it is read. */
const FEW = 24;
/** Rows of B widened at once then, so that they stay in the cache of a core. */
const FEW_BLOCK = 64;
/** Numbers widened at once otherwise: 4 MiB. */
const BLOCK = 2 ** 20;

/** Rows of B widened at once; many are a multiple of the depth of a panel, which keeps the order of sums. */
function blockRows({ m, k }: { m: number; k: number }, total: number): number {
  if (m <= FEW) return Math.min(total, FEW_BLOCK);
  return Math.min(total, 256 * Math.max(1, Math.floor(BLOCK / (256 * k))));
}

/** Runs with rows of B widened, block by block. */
function eachBlock(
  { exports, heap }: KernelModule,
  options: { b: number; rows: number; width: number; most: number },
  use: (block: { start: number; rows: number; at: number }) => void,
): void {
  const { b, rows, width, most } = options;
  const at = heap.allocate(4 * most * width);
  try {
    for (let start = 0; start < rows; start += most) {
      const count = Math.min(most, rows - start);
      exports.widen(count * width, b + 2 * start * width, at);
      use({ start, rows: count, at });
    }
  } finally {
    heap.free(at);
  }
}

/** `C = A · Bᵀ` with B of shape `(n, k)` in halves. */
export function multiplyHalves(module: KernelModule, product: Product): void {
  const { m, n, k, a, lda, b, c, ldc, add } = product;
  const { exports, scratch } = module;
  if (m <= (module.outside ? FEW_INSIDE : FEW)) {
    exports.matmulHalves(m, n, k, a, lda, b, c, ldc, Number(add));
    return;
  }
  const blocks = { b, rows: n, width: k, most: blockRows(product, n) };
  eachBlock(module, blocks, ({ start, rows, at }) => {
    exports.matmul(
      ...[
        m,
        rows,
        k,
        a,
        lda,
        0,
        at,
        k,
        1,
        c + 4 * start,
        ldc,
        Number(add),
        scratch,
      ],
    );
  });
}

/** `C = A · B` with B of shape `(k, n)` in halves. */
export function multiplyByHalves(module: KernelModule, product: Product): void {
  const { m, n, k, a, lda, b, c, ldc, add } = product;
  const { exports, scratch } = module;
  const most = blockRows({ m: FEW + 1, k: n }, k);
  eachBlock(module, { b, rows: k, width: n, most }, ({ start, rows, at }) => {
    const more = Number(add || start > 0);
    exports.matmul(
      ...[m, n, rows, a + 4 * start, lda, 0, at, n, 0, c, ldc, more, scratch],
    );
  });
}

/** Copies rows of a table of halves, widened. */
export function gatherHalves(
  { exports, heap }: KernelModule,
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
    exports.widen(width, table + 2 * row * width, to + 4 * i * width)
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
      if (bias) module.exports.addBias(m, n, c, at(bias));
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
