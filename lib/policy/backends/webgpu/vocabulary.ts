/**
 * Shaders over a vocabulary: logits of some rows at a time, a workgroup for each row.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { FUSED } from "../wasm/kernel_names.ts";
import {
  reduction,
  rowsOf,
  type RunKernel,
  runShader,
  THREADS,
} from "./program.ts";
import { project, projectBack } from "./fp16.ts";
import { multiply } from "./layer_kernels.ts";

/** Numbers of logits held at a time unless an attribute says otherwise: 64 MiB. */
const LOGITS_AT_ONCE = 2 ** 24;

/** Threads that share a row. */
const ROW_THREADS = 256;

type Inputs = Readonly<Record<string, tf.TensorInfo>>;
type Attributes = Readonly<Record<string, number>>;

/** Rows of logits. */
interface Chunk {
  readonly start: number;
  readonly rows: number;
  /** States of these rows. */
  readonly hidden: tf.TensorInfo;
  /** Their logits. Shape `(rows, vocabulary)`. */
  readonly logits: tf.TensorInfo;
}

/** Kernels by name. */
export const VOCABULARY: Readonly<Record<string, RunKernel>> = {
  [FUSED.tokenLogProbs]: (backend, inputs, attributes) => {
    const n = inputs["hidden"]!.shape[0]!;
    const all = backend.makeTensorInfo([3, n], "float32");
    for (const chunk of eachChunk(backend, inputs, attributes)) {
      const { logits, start } = chunk;
      const scale = attributes["scale"]!;
      const at = { targets: inputs["targets"]!, start, scale, all };
      scoreRows(backend, logits, at);
    }
    const columns = [0, 1, 2].map((column) =>
      sliceRows(backend, all, column, 1)
    );
    backend.disposeData(all.dataId);
    return columns.map((column) => ({ ...column, shape: [n] }));
  },
  [FUSED.tokenLogProbsGradHidden]: (backend, inputs, attributes) => {
    const { hidden, embedding } = inputs;
    const whole = backend.makeTensorInfo(hidden!.shape, "float32");
    for (
      const { logits: a, start } of eachGradient(backend, inputs, attributes)
    ) {
      const part = projectBack(backend, { dy: a, w: embedding! });
      if (part.shape[0] === whole.shape[0]) {
        backend.disposeData(whole.dataId);
        return part;
      }
      putRows(backend, whole, part, start);
    }
    return whole;
  },
  [FUSED.tokenLogProbsGradEmbedding]: (backend, inputs, attributes) => {
    let sum: tf.TensorInfo | undefined;
    for (
      const { logits: a, hidden: b } of eachGradient(
        backend,
        inputs,
        attributes,
      )
    ) {
      const part = multiply(backend, { a, b, transposeA: true });
      sum = sum ? add(backend, sum, part) : part;
    }
    return sum!;
  },
};

/**
 * Scores one token of each row of logits.
 *
 * @param logits Shape `(rows, vocabulary)`.
 * @param options `targets`: tokens, of which those from `start` on belong to the rows; `all`: where
 * log-probabilities, entropies and normalizers go, from column `start` on. Shape `(3, n)`.
 */
export function scoreRows(
  backend: WebGPUBackend,
  logits: tf.TensorInfo,
  options: {
    targets: tf.TensorInfo;
    start: number;
    scale: number;
    all: tf.TensorInfo;
  },
): void {
  const { targets, start, scale, all } = options;
  const { rows, width: words } = rowsOf(logits);
  runShader(backend, {
    name: "score_rows",
    inputs: { logits, targets },
    shape: all.shape,
    output: all,
    groups: rows,
    threads: ROW_THREADS,
    integers: { rows, words, start, columns: all.shape[1]! },
    reals: { scale },
    declarations: () =>
      reduction({ name: "sumOf", threads: ROW_THREADS }) +
      reduction({ name: "topOf", threads: ROW_THREADS, join: "max(a, b)" }),
    body: SCORE,
  });
}

/** The largest logit, then sums of exponentials relative to it. */
const SCORE = `
      if (group >= uniforms.rows) { return; }
      let row = group * uniforms.words;
      var best = -3.0e38;
      for (var j = lane; j < uniforms.words; j += ${ROW_THREADS}) {
        best = max(best, logits[row + j] * uniforms.scale);
      }
      let top = topOf(lane, best);
      var part = 0.0;
      var weighed = 0.0;
      for (var j = lane; j < uniforms.words; j += ${ROW_THREADS}) {
        let x = logits[row + j] * uniforms.scale - top;
        let e = exp(x);
        part += e;
        weighed += x * e;
      }
      let total = sumOf(lane, part);
      let mean = sumOf(lane, weighed) / total;
      if (lane == 0) {
        let at = uniforms.start + group;
        let own = logits[row + targets[at]] * uniforms.scale - top;
        result[at] = own - log(total);
        result[uniforms.columns + at] = log(total) - mean;
        result[2 * uniforms.columns + at] = top + log(total);
      }`;

/** Computes logits chunk by chunk; each is freed before the next. */
function* eachChunk(
  backend: WebGPUBackend,
  { hidden, embedding }: Inputs,
  { logitsAtOnce = LOGITS_AT_ONCE }: Attributes,
): Generator<Chunk> {
  const n = hidden!.shape[0]!, words = embedding!.shape[0]!;
  const most = Math.max(1, Math.floor(logitsAtOnce / words));
  for (let start = 0; start < n; start += most) {
    const rows = Math.min(most, n - start);
    const here = rows < n ? sliceRows(backend, hidden!, start, rows) : hidden!;
    const logits = project(backend, { x: here, w: embedding! });
    try {
      yield { start, rows, hidden: here, logits };
    } finally {
      backend.disposeData(logits.dataId);
      if (here !== hidden) backend.disposeData(here.dataId);
    }
  }
}

/** The same with the gradient of the logits in their place. */
function* eachGradient(
  backend: WebGPUBackend,
  inputs: Inputs,
  attributes: Attributes,
): Generator<Chunk> {
  const { targets, entropies, normalizers } = inputs;
  const { dlogProbs, dentropies } = inputs;
  for (const chunk of eachChunk(backend, inputs, attributes)) {
    const { logits, start, rows } = chunk;
    const words = logits.shape[1]!, count = rows * words;
    const slope = runShader(backend, {
      name: "score_rows_slope",
      inputs: {
        logits,
        targets: targets!,
        entropies: entropies!,
        normalizers: normalizers!,
        dlogProbs: dlogProbs!,
        dentropies: dentropies!,
      },
      shape: logits.shape,
      groups: Math.ceil(count / THREADS),
      integers: { count, words, start },
      reals: { scale: attributes["scale"]! },
      body: `
        let i = group * ${THREADS} + lane;
        if (i >= uniforms.count) { return; }
        let row = i / uniforms.words;
        let at = uniforms.start + row;
        let surprise = logits[i] * uniforms.scale - normalizers[at];
        let p = exp(surprise);
        let hit = select(0.0, 1.0, targets[at] == i - row * uniforms.words);
        result[i] = uniforms.scale * (dlogProbs[at] * (hit - p) -
          dentropies[at] * p * (surprise + entropies[at]));`,
    });
    try {
      yield { ...chunk, logits: slope };
    } finally {
      backend.disposeData(slope.dataId);
    }
  }
}

/** Runs one of the backend's own kernels. */
function runOwn(
  backend: WebGPUBackend,
  name: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap = {},
): tf.TensorInfo {
  const { kernelFunc } = tf.getKernel(name, "webgpu")!;
  return kernelFunc({ inputs, backend, attrs }) as tf.TensorInfo;
}

/** Copies some rows. */
function sliceRows(
  backend: WebGPUBackend,
  x: tf.TensorInfo,
  start: number,
  rows: number,
): tf.TensorInfo {
  const begin = [start, 0], size = [rows, x.shape[1]!];
  return runOwn(backend, "Slice", { x }, { begin, size });
}

/** Copies rows into a larger tensor, and frees them. */
function putRows(
  backend: WebGPUBackend,
  whole: tf.TensorInfo,
  part: tf.TensorInfo,
  start: number,
): void {
  const count = tf.util.sizeFromShape(part.shape);
  runShader(backend, {
    name: "put_rows",
    inputs: { part },
    shape: whole.shape,
    output: whole,
    groups: Math.ceil(count / THREADS),
    integers: { count, offset: start * part.shape[1]! },
    body: `
      let i = group * ${THREADS} + lane;
      if (i < uniforms.count) { result[uniforms.offset + i] = part[i]; }`,
  });
  backend.disposeData(part.dataId);
}

/** Adds two tensors, and frees both. */
function add(
  backend: WebGPUBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo {
  const sum = runOwn(backend, "Add", { a, b });
  for (const { dataId } of [a, b]) backend.disposeData(dataId);
  return sum;
}
