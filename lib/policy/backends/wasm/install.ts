/**
 * Registers the project's kernels with the `wasm` backend of TensorFlow.js.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { registerDecodeKernels } from "./decode.ts";
import { registerFusedKernels } from "./fused.ts";
import { registerFusedGradients } from "./gradients.ts";
import { type Heap, openHeap } from "./heap.ts";
import { instantiateKernels, type KernelModule } from "./module.ts";

const MODULES = new WeakMap<WebAssembly.Memory, Promise<KernelModule>>();

/**
 * Makes the active `wasm` backend multiply matrices fast in every orientation, share buffers
 * where a tensor is only renamed, add segments (which `gather` needs for its gradient), and
 * run the fused kernels of a language model.
 * Does nothing more when that was done before.
 *
 * @throws {TypeError} If the active backend is not `wasm`.
 */
export async function installKernels(): Promise<KernelModule> {
  const heap = openHeap();
  let installing = MODULES.get(heap.memory);
  if (!installing) MODULES.set(heap.memory, installing = installOn(heap));
  return await installing;
}

/** Compiles the kernels and registers them. */
async function installOn(heap: Heap): Promise<KernelModule> {
  const module = await instantiateKernels(heap);
  replaceKernel("BatchMatMul", batchMatMulKernel(module));
  replaceKernel("Identity", identityKernel(module));
  replaceKernel("UnsortedSegmentSum", segmentSumKernel(module));
  replaceKernel("GatherV2", gatherKernel(module));
  registerFusedKernels(module);
  registerFusedGradients();
  registerDecodeKernels(module);
  return module;
}

/** Registers a kernel in place of the one of that name, if there is one. */
function replaceKernel(kernelName: string, kernelFunc: tf.KernelFunc): void {
  const old = tf.getKernel(kernelName, "wasm");
  if (old) tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({ ...old, kernelName, backendName: "wasm", kernelFunc });
}

/** Product of the last two axes, broadcast over the others. */
function batchMatMulKernel(module: KernelModule): tf.KernelFunc {
  const { kernels, heap } = module;
  return function batchMatMul({ inputs, attrs }) {
    const a = inputs["a"]!, b = inputs["b"]!;
    const ta = Number(attrs?.["transposeA"] ?? 0);
    const tb = Number(attrs?.["transposeB"] ?? 0);
    const m = a.shape.at(ta ? -1 : -2)!, k = a.shape.at(ta ? -2 : -1)!;
    const n = b.shape.at(tb ? -2 : -1)!;
    const lda = ta ? m : k, ldb = tb ? k : n;
    const batchA = a.shape.slice(0, -2), batchB = b.shape.slice(0, -2);
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
    const output = heap.output([...batch, m, n]);
    const pa = heap.pointer(a), pb = heap.pointer(b), pc = heap.pointer(output);
    const times = tf.util.sizeFromShape(batch);
    if (!ta && tf.util.sizeFromShape(batchB) === 1) { // fold the batch into rows
      const rows = times * m;
      kernels.matmul(rows, n, k, pa, lda, 0, pb, ldb, tb, pc, n, 0);
      return output;
    }
    const whichA = broadcastIndices(batchA, batch);
    const whichB = broadcastIndices(batchB, batch);
    for (let i = 0; i < times; i++) {
      const ai = pa + 4 * m * k * whichA[i]!, bi = pb + 4 * k * n * whichB[i]!;
      const ci = pc + 4 * m * n * i;
      kernels.matmul(m, n, k, ai, lda, ta, bi, ldb, tb, ci, n, 0);
    }
    return output;
  };
}

/** For each index into the broadcast shape, the index into the smaller shape. */
function broadcastIndices(
  shape: readonly number[],
  broadcast: readonly number[],
): Int32Array {
  const indices = new Int32Array(tf.util.sizeFromShape([...broadcast]));
  const missing = broadcast.length - shape.length;
  for (let i = 0; i < indices.length; i++) {
    let rest = i, stride = 1, index = 0;
    for (let axis = broadcast.length - 1; axis >= missing; axis--) {
      const size = shape[axis - missing]!;
      const position = rest % broadcast[axis]!;
      rest = Math.floor(rest / broadcast[axis]!);
      if (size > 1) index += position * stride;
      stride *= size;
    }
    indices[i] = index;
  }
  return indices;
}

/** Shares the buffer; every tensor saved for a gradient passes here. */
function identityKernel({ heap }: KernelModule): tf.KernelFunc {
  const copy = tf.getKernel("Identity", "wasm")!.kernelFunc;
  return function identity(params) {
    const x = params.inputs["x"]!;
    return x.dtype === "string" ? copy(params) : heap.share(x);
  };
}

/** Takes rows by number; other axes and types go to the original kernel, which copies element by element. */
function gatherKernel({ kernels, heap }: KernelModule): tf.KernelFunc {
  const stock = tf.getKernel("GatherV2", "wasm")!.kernelFunc;
  return function gather(params) {
    const x = params.inputs["x"]!, indices = params.inputs["indices"]!;
    const { axis, batchDims } = params.attrs ?? {};
    if (
      x.dtype !== "float32" || indices.dtype !== "int32" ||
      Number(axis ?? 0) !== 0 || Number(batchDims ?? 0) !== 0
    ) return stock(params);
    const inner = x.shape.slice(1);
    const width = tf.util.sizeFromShape(inner);
    const count = tf.util.sizeFromShape(indices.shape);
    const output = heap.output([...indices.shape, ...inner]);
    const rows = heap.integers(heap.pointer(indices), count);
    for (const row of rows) {
      if (row >= 0 && row < x.shape[0]!) continue;
      throw new RangeError(
        `Cannot gather as rows must be in [0, ${
          x.shape[0]
        }): current value is ${row}`,
      );
    }
    if (width === 1) {
      const from = heap.floats(heap.pointer(x), x.shape[0]!);
      const to = heap.floats(heap.pointer(output), count);
      for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!;
    } else {
      kernels.gatherRows(
        count,
        width,
        heap.pointer(x),
        heap.pointer(indices),
        heap.pointer(output),
      );
    }
    return output;
  };
}

/** Adds rows that belong to one segment; the gradient of `gather`. */
function segmentSumKernel({ heap }: KernelModule): tf.KernelFunc {
  return function unsortedSegmentSum({ inputs, attrs }) {
    const x = inputs["x"]!, segments = inputs["segmentIds"]!;
    const count = Number(attrs?.["numSegments"]);
    const inner = x.shape.slice(segments.shape.length);
    const width = tf.util.sizeFromShape(inner);
    const rows = tf.util.sizeFromShape(segments.shape);
    const output = heap.output([count, ...inner]);
    const sums = heap.floats(heap.pointer(output), count * width).fill(0);
    const values = heap.floats(heap.pointer(x), rows * width);
    const ids = heap.integers(heap.pointer(segments), rows);
    for (let i = 0; i < rows; i++) {
      const segment = ids[i]!;
      if (segment < 0 || segment >= count) continue;
      const to = segment * width, from = i * width;
      for (let j = 0; j < width; j++) sums[to + j]! += values[from + j]!;
    }
    return output;
  };
}
