/**
 * Causal attention with rotary positions as a shader that never holds a table of all scores.
 *
 * @module
 * @see {@link https://arxiv.org/abs/2205.14135 | Dao et al. 2022}, algorithm 1
 */

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
export const ATTENTION: Readonly<Record<string, RunKernel>> = {
  [FUSED.attention]: (backend, { qkv, cos, sin }, attributes) => {
    const settings: unknown = attributes;
    const a = settings as AttentionAttributes;
    return runAttention(backend, a, {
      name: "attention",
      inputs: { qkv: qkv!, cosines: cos!, sines: sin! },
      shape: [a.batch * a.length, a.heads * a.size],
      vectors: ["queries", "keys"],
      scores: ["scores"],
      columns: ["top", "total", "fade"],
      over: "heads",
      body: (tile) => attend(tile, a.size),
    });
  },
};

/** Walks over keys up to the diagonal, rescaling sums as larger scores appear. */
function attend(tile: number, size: number): string {
  const sizes = { tile, size };
  return `
    let first = block * ${tile};
    ${
    loadTile("queries", {
      ...sizes,
      first: "first",
      value: `rotated(row * stride + head * ${size}, t, d) * uniforms.scale`,
    })
  }
    if (lane < ${tile}) { top[lane] = -1.0e30; total[lane] = 0.0; }
    ${declareSums("sums", sizes)}
    for (var other = 0; other <= block; other++) {
      workgroupBarrier();
      ${
    loadTile("keys", {
      ...sizes,
      first: `other * ${tile}`,
      value:
        `rotated(row * stride + (uniforms.heads + head / share) * ${size}, t, d)`,
    })
  }
      workgroupBarrier();
      ${dotTiles("products", { a: "queries", b: "keys", ...sizes })}
      ${
    eachScore(
      tile,
      `scores[i * ${tile + 1} + j] = select(-1.0e30, products[r][c],
        other * ${tile} + j <= first + i);`,
    )
  }
      workgroupBarrier();
      ${softmaxRow(tile)}
      ${
    loadTile("keys", {
      ...sizes,
      first: `other * ${tile}`,
      value:
        `qkv[row * stride + (uniforms.heads + uniforms.kvHeads + head / share) * ${size} + d]`,
    })
  }
      workgroupBarrier();
      for (var r = 0; r < ${tile / 8}; r++) {
        for (var c = 0; c < ${Math.ceil(size / 8)}; c++) {
          sums[r][c] *= fade[y * ${tile / 8} + r];
        }
      }
      ${addWeighed("sums", { ...sizes, scores: "scores", vectors: "keys" })}
    }
    ${
    eachSum(
      { ...sizes, first: "first" },
      `result[((row0 + t) * uniforms.heads + head) * ${size} + d] =
        sums[r][c] / total[i];`,
    )
  }`;
}

/** One thread turns one row of scores into weights. */
function softmaxRow(tile: number): string {
  return `
    if (lane < ${tile}) {
      let before = top[lane];
      var best = before;
      for (var j = 0; j < ${tile}; j++) {
        best = max(best, scores[lane * ${tile + 1} + j]);
      }
      var sum = 0.0;
      for (var j = 0; j < ${tile}; j++) {
        let e = exp(scores[lane * ${tile + 1} + j] - best);
        scores[lane * ${tile + 1} + j] = e;
        sum += e;
      }
      fade[lane] = exp(before - best);
      total[lane] = total[lane] * fade[lane] + sum;
      top[lane] = best;
    }`;
}
