/**
 * What the attention shaders share: sizes, tiles in workgroup memory, products of tiles.
 *
 * A workgroup of 8 × 8 threads takes some queries (or keys) of one head of one sequence and
 * walks over the keys (or queries) tile by tile, so that scores never leave the workgroup.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { isEmulated, runShader } from "./program.ts";

/** Sizes of an attention. */
export interface AttentionAttributes {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly size: number;
}

/** One attention shader. */
export interface AttentionShader {
  /** Tells it from others. */
  readonly name: string;
  /** Tensors by name; `qkv`, `cosines` and `sines` among them. */
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly shape: readonly number[];
  readonly output?: tf.TensorInfo;
  /** Names of tiles of vectors it needs: `tile × size` numbers each. */
  readonly vectors: readonly string[];
  /** Names of tiles of scores it needs: `tile × tile` numbers each. */
  readonly scores: readonly string[];
  /** Names of numbers for each row of a tile. */
  readonly columns: readonly string[];
  /** Heads over which workgroups are spread: query heads, or key and value heads. */
  readonly over: "heads" | "kvHeads";
  /** What a workgroup does, given the tile's edge. */
  readonly body: (tile: number) => string;
}

/** Edges of tiles, the best first. */
const TILES = [32, 16, 8] as const;

/**
 * Enqueues an attention shader with the largest tiles that fit into the device's workgroup memory.
 * An emulated adapter gets the smallest: its compiler takes minutes for the loops of larger ones.
 *
 * @throws {RangeError} If heads are too large for any.
 */
export function runAttention(
  backend: WebGPUBackend,
  a: AttentionAttributes,
  shader: AttentionShader,
): tf.TensorInfo {
  const { name, inputs, shape, output, vectors, scores, columns } = shader;
  const { size, batch, length, heads, kvHeads } = a;
  const room = backend.device.limits.maxComputeWorkgroupStorageSize;
  const bytes = (tile: number) =>
    4 * tile * (
      vectors.length * (size + 1) + scores.length * (tile + 1) + columns.length
    );
  const tiles = isEmulated(backend.device.adapterInfo)
    ? TILES.slice(-1)
    : TILES;
  const tile = tiles.find((edge) => bytes(edge) <= room);
  if (tile === undefined) {
    throw new RangeError(
      `Cannot attend as a head must fit into ${room} bytes of workgroup memory: current value is ${size} numbers`,
    );
  }
  const blocks = Math.ceil(length / tile);
  return runShader(backend, {
    name: `${name}_${size}_${tile}`,
    inputs,
    shape,
    ...(output ? { output } : {}),
    groups: batch * a[shader.over] * blocks,
    integers: { batch, length, heads, kvHeads, blocks },
    reals: { scale: 1 / Math.sqrt(size) },
    declarations: () =>
      [
        ...vectors.map((x) => memory(x, tile * (size + 1))),
        ...scores.map((x) => memory(x, tile * (tile + 1))),
        ...columns.map((x) => memory(x, tile)),
        ROTATION(size),
      ].join("\n"),
    body: () => `
      let stride = (uniforms.heads + 2 * uniforms.kvHeads) * ${size};
      let share = uniforms.heads / uniforms.kvHeads;
      let block = group % uniforms.blocks;
      let head = group / uniforms.blocks % uniforms.${shader.over};
      let sequence = group / uniforms.blocks / uniforms.${shader.over};
      if (sequence >= uniforms.batch) { return; }
      let row0 = sequence * uniforms.length;
      let x = lane % 8;
      let y = lane / 8;
      ${shader.body(tile)}`,
  });
}

function memory(name: string, count: number): string {
  return `var<workgroup> ${name} : array<f32, ${count}>;`;
}

/** One number of a rotated head that starts at `base` and stands at position `t`. */
const ROTATION = (size: number) => `
  fn rotated(base : i32, t : i32, d : i32) -> f32 {
    let j = d % ${size / 2};
    let c = cosines[t * ${size / 2} + j];
    let s = sines[t * ${size / 2} + j];
    if (d < ${size / 2}) {
      return qkv[base + d] * c - qkv[base + d + ${size / 2}] * s;
    }
    return qkv[base + d] * c + qkv[base + d - ${size / 2}] * s;
  }`;

/** Text that fills a tile of vectors; rows beyond the end are 0. */
export function loadTile(
  to: string,
  options: { tile: number; size: number; first: string; value: string },
): string {
  const { tile, size, first, value } = options;
  return `
    for (var i = lane; i < ${tile * size}; i += 64) {
      let d = i % ${size};
      let t = ${first} + i / ${size};
      var number = 0.0;
      if (t < uniforms.length) {
        let row = row0 + t;
        number = ${value};
      }
      ${to}[i / ${size} * ${size + 1} + d] = number;
    }`;
}

/** Text that multiplies two tiles of vectors: `name[r][c]` is the product of rows `y·n + r` and `x·n + c`. */
export function dotTiles(
  name: string,
  options: { a: string; b: string; tile: number; size: number },
): string {
  const { a, b, tile, size } = options;
  const n = tile / 8;
  return `
    var ${name} = array<array<f32, ${n}>, ${n}>(); // a mere declaration is not 0 the second time around
    for (var d = 0; d < ${size}; d++) {
      for (var r = 0; r < ${n}; r++) {
        let left = ${a}[(y * ${n} + r) * ${size + 1} + d];
        for (var c = 0; c < ${n}; c++) {
          ${name}[r][c] += left * ${b}[(x * ${n} + c) * ${size + 1} + d];
        }
      }
    }`;
}

/** Text that runs for each score a thread has, at row `i` and column `j` of the tile. */
export function eachScore(tile: number, text: string): string {
  const n = tile / 8;
  return `
    for (var r = 0; r < ${n}; r++) {
      for (var c = 0; c < ${n}; c++) {
        let i = y * ${n} + r;
        let j = x * ${n} + c;
        ${text}
      }
    }`;
}

/** Text that declares sums of vectors: for rows `y·n + r`, numbers `x + 8·c`. */
export function declareSums(
  name: string,
  options: { tile: number; size: number },
): string {
  const { tile, size } = options;
  return `var ${name} = array<array<f32, ${Math.ceil(size / 8)}>, ${
    tile / 8
  }>();`;
}

/** Text that adds to such sums the vectors of a tile, weighed by scores. */
export function addWeighed(
  name: string,
  options: {
    tile: number;
    size: number;
    scores: string;
    vectors: string;
    /** Whether rows of sums are columns of scores. */
    transposed?: boolean;
  },
): string {
  const { tile, size, scores, vectors, transposed = false } = options;
  const n = tile / 8;
  const place = transposed
    ? `k * ${tile + 1} + y * ${n} + r`
    : `(y * ${n} + r) * ${tile + 1} + k`;
  return `
    for (var k = 0; k < ${tile}; k++) {
      for (var r = 0; r < ${n}; r++) {
        let weight = ${scores}[${place}];
        ${
    eachNumber(
      size,
      `${name}[r][c] += weight * ${vectors}[k * ${size + 1} + d];`,
    )
  }
      }
    }`;
}

/** Text that runs for each number `d` of a vector that a thread has, the `c`-th of its own. */
export function eachNumber(size: number, text: string): string {
  const count = Math.ceil(size / 8);
  const guard = size % 8 === 0 ? text : `if (d < ${size}) { ${text} }`;
  return `
    for (var c = 0; c < ${count}; c++) {
      let d = x + 8 * c;
      ${guard}
    }`;
}

/** Text that runs for each number of each row `t` of a tile that a thread has and that exists. */
export function eachSum(
  options: { tile: number; size: number; first: string },
  text: string,
): string {
  const { tile, size, first } = options;
  const n = tile / 8;
  return `
    for (var r = 0; r < ${n}; r++) {
      let i = y * ${n} + r;
      let t = ${first} + i;
      if (t < uniforms.length) { ${eachNumber(size, text)} }
    }`;
}
