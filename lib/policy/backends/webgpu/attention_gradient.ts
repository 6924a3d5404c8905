/**
 * The gradient of attention in three shaders: each query's softmax, then the gradients of
 * queries, then those of keys and values.
 *
 * @module
 * @see {@link https://arxiv.org/abs/2205.14135 | Dao et al. 2022}, algorithm 4
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { FUSED } from "../wasm/kernel_names.ts";
import {
  addWeighed,
  type AttentionAttributes,
  declareSums,
  dotTiles,
  eachScore,
  eachSum,
  loadTile,
  runAttention,
} from "./attention_tiles.ts";
import type { RunKernel } from "./program.ts";

/** Kernels by name. */
export const ATTENTION_GRADIENT: Readonly<Record<string, RunKernel>> = {
  [FUSED.attentionGrad]: (backend, inputs, attributes) => {
    const { qkv, dy, cos, sin } = inputs;
    const settings: unknown = attributes;
    const a = settings as AttentionAttributes;
    const { batch, length, heads, size } = a;
    const read = { qkv: qkv!, dy: dy!, cosines: cos!, sines: sin! };
    const softmax = runAttention(backend, a, {
      name: "attention_softmax",
      inputs: read,
      shape: [batch * length * heads, 2],
      vectors: ["queries", "slopes", "keys"],
      scores: ["scores", "pulls"],
      columns: ["top", "total", "mean"],
      over: "heads",
      body: (tile) => measure(tile, size),
    });
    const output = backend.makeTensorInfo(qkv!.shape, "float32");
    const given = { ...read, softmax };
    const common = { inputs: given, shape: qkv!.shape, output };
    runAttention(backend, a, { ...common, ...QUERIES(size) });
    runAttention(backend, a, { ...common, ...KEYS(size) });
    backend.disposeData(softmax.dataId);
    return output as tf.TensorInfo;
  },
};

/** Places where the four kinds of vectors of a position are found, and their values. */
const value = {
  query: (size: number, head: string) =>
    `rotated(row * stride + ${head} * ${size}, t, d) * uniforms.scale`,
  key: (size: number, group: string) =>
    `rotated(row * stride + (uniforms.heads + ${group}) * ${size}, t, d)`,
  value: (size: number, group: string) =>
    `qkv[row * stride + (uniforms.heads + uniforms.kvHeads + ${group}) * ${size} + d]`,
  slope: (size: number, head: string) =>
    `dy[(row * uniforms.heads + ${head}) * ${size} + d]`,
};

/** For each query: log of the sum of exponentials, and the weighed mean of `dy · value`. */
function measure(tile: number, size: number): string {
  const sizes = { tile, size };
  const pitch = tile + 1;
  const own = { ...sizes, first: "first" };
  const theirs = { ...sizes, first: `other * ${tile}` };
  return `
    let first = block * ${tile};
    ${loadTile("queries", { ...own, value: value.query(size, "head") })}
    ${loadTile("slopes", { ...own, value: value.slope(size, "head") })}
    if (lane < ${tile}) {
      top[lane] = -1.0e30; total[lane] = 0.0; mean[lane] = 0.0;
    }
    for (var other = 0; other <= block; other++) {
      workgroupBarrier();
      ${loadTile("keys", { ...theirs, value: value.key(size, "head / share") })}
      workgroupBarrier();
      ${dotTiles("products", { a: "queries", b: "keys", ...sizes })}
      workgroupBarrier();
      ${
    loadTile("keys", { ...theirs, value: value.value(size, "head / share") })
  }
      workgroupBarrier();
      ${dotTiles("gains", { a: "slopes", b: "keys", ...sizes })}
      ${
    eachScore(
      tile,
      `scores[i * ${pitch} + j] = select(-1.0e30, products[r][c],
        other * ${tile} + j <= first + i);
       pulls[i * ${pitch} + j] = gains[r][c];`,
    )
  }
      workgroupBarrier();
      if (lane < ${tile}) {
        var best = top[lane];
        for (var j = 0; j < ${tile}; j++) {
          best = max(best, scores[lane * ${pitch} + j]);
        }
        let fade = exp(top[lane] - best);
        var sum = total[lane] * fade;
        var weighed = mean[lane] * fade;
        for (var j = 0; j < ${tile}; j++) {
          let e = exp(scores[lane * ${pitch} + j] - best);
          sum += e;
          weighed += e * pulls[lane * ${pitch} + j];
        }
        top[lane] = best;
        total[lane] = sum;
        mean[lane] = weighed;
      }
    }
    if (lane < ${tile} && first + lane < uniforms.length) {
      let at = 2 * ((row0 + first + lane) * uniforms.heads + head);
      result[at] = top[lane] + log(total[lane]);
      result[at + 1] = mean[lane] / total[lane];
    }`;
}

/** Text that loads the results of {@linkcode measure} for the queries from `first` on. */
function loadSoftmax(tile: number, first: string, head: string): string {
  return `
    if (lane < ${tile}) {
      let t = ${first} + lane;
      norm[lane] = 0.0;
      mean[lane] = 0.0;
      if (t < uniforms.length) {
        let at = 2 * ((row0 + t) * uniforms.heads + ${head});
        norm[lane] = softmax[at];
        mean[lane] = softmax[at + 1];
      }
    }`;
}

/** Text that writes sums turned back by their positions, through a tile. */
function writeTurned(
  options: {
    tile: number;
    size: number;
    sums: string;
    through: string;
    factor: string;
    column: string;
  },
): string {
  const { tile, size, sums, through, factor, column } = options;
  const n = tile / 8, half = size / 2, pitch = size + 1;
  return `
    workgroupBarrier();
    ${
    eachSum(
      { tile, size, first: "first" },
      `${through}[i * ${pitch} + d] = ${sums}[r][c];`,
    )
  }
    workgroupBarrier();
    for (var r = 0; r < ${n}; r++) {
      let i = y * ${n} + r;
      let t = first + i;
      if (t < uniforms.length) {
        for (var d = x; d < ${half}; d += 8) {
          let c = cosines[t * ${half} + d];
          let s = sines[t * ${half} + d];
          let u = ${through}[i * ${pitch} + d] * ${factor};
          let v = ${through}[i * ${pitch} + d + ${half}] * ${factor};
          let at = (row0 + t) * stride + ${column} * ${size} + d;
          result[at] = u * c + v * s;
          result[at + ${half}] = v * c - u * s;
        }
      }
    }`;
}

/** Gradients of queries, each over its keys. */
const QUERIES = (size: number) => ({
  name: "attention_queries",
  vectors: ["queries", "slopes", "keys", "values"],
  scores: ["scores"],
  columns: ["norm", "mean"],
  over: "heads" as const,
  body: (tile: number) => {
    const sizes = { tile, size };
    const own = { ...sizes, first: "first" };
    const theirs = { ...sizes, first: `other * ${tile}` };
    const group = "head / share";
    return `
      let first = block * ${tile};
      ${loadTile("queries", { ...own, value: value.query(size, "head") })}
      ${loadTile("slopes", { ...own, value: value.slope(size, "head") })}
      ${loadSoftmax(tile, "first", "head")}
      ${declareSums("sums", sizes)}
      for (var other = 0; other <= block; other++) {
        workgroupBarrier();
        ${loadTile("keys", { ...theirs, value: value.key(size, group) })}
        ${loadTile("values", { ...theirs, value: value.value(size, group) })}
        workgroupBarrier();
        ${dotTiles("products", { a: "queries", b: "keys", ...sizes })}
        ${dotTiles("gains", { a: "slopes", b: "values", ...sizes })}
        ${
      eachScore(
        tile,
        `let p = select(0.0, exp(products[r][c] - norm[i]),
           other * ${tile} + j <= first + i);
         scores[i * ${tile + 1} + j] = p * (gains[r][c] - mean[i]);`,
      )
    }
        workgroupBarrier();
        ${addWeighed("sums", { ...sizes, scores: "scores", vectors: "keys" })}
      }
      ${
      writeTurned({
        ...sizes,
        sums: "sums",
        through: "queries",
        factor: "uniforms.scale",
        column: "head",
      })
    }`;
  },
});

/** Gradients of keys and values, each over its queries in all heads of its group. */
const KEYS = (size: number) => ({
  name: "attention_keys",
  vectors: ["queries", "slopes", "keys", "values"],
  scores: ["weights", "scores"],
  columns: ["norm", "mean"],
  over: "kvHeads" as const,
  body: (tile: number) => {
    const sizes = { tile, size };
    const own = { ...sizes, first: "first" };
    const theirs = { ...sizes, first: `other * ${tile}` };
    const weighed = { ...sizes, transposed: true };
    return `
      let first = block * ${tile};
      ${loadTile("keys", { ...own, value: value.key(size, "head") })}
      ${loadTile("values", { ...own, value: value.value(size, "head") })}
      ${declareSums("keySums", sizes)}
      ${declareSums("valueSums", sizes)}
      for (var turn = 0; turn < share * (uniforms.blocks - block); turn++) {
        let asking = head * share + turn % share;
        let other = block + turn / share;
        workgroupBarrier();
        ${
      loadTile("queries", { ...theirs, value: value.query(size, "asking") })
    }
        ${loadTile("slopes", { ...theirs, value: value.slope(size, "asking") })}
        ${loadSoftmax(tile, `other * ${tile}`, "asking")}
        workgroupBarrier();
        ${dotTiles("products", { a: "queries", b: "keys", ...sizes })}
        ${dotTiles("gains", { a: "slopes", b: "values", ...sizes })}
        ${
      eachScore(
        tile,
        `let t = other * ${tile} + i;
         let p = select(0.0, exp(products[r][c] - norm[i]),
           first + j <= t && t < uniforms.length);
         weights[i * ${tile + 1} + j] = p;
         scores[i * ${tile + 1} + j] = p * (gains[r][c] - mean[i]);`,
      )
    }
        workgroupBarrier();
        ${
      addWeighed("valueSums", {
        ...weighed,
        scores: "weights",
        vectors: "slopes",
      })
    }
        ${
      addWeighed("keySums", {
        ...weighed,
        scores: "scores",
        vectors: "queries",
      })
    }
      }
      ${
      eachSum(
        own,
        `result[(row0 + t) * stride +
          (uniforms.heads + uniforms.kvHeads + head) * ${size} + d] =
          valueSums[r][c];`,
      )
    }
      ${
      writeTurned({
        ...sizes,
        sums: "keySums",
        through: "keys",
        factor: "1.0",
        column: "(uniforms.heads + head)",
      })
    }`;
  },
});
