/**
 * A whole decoder step as a single kernel on the heap.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { gatherHalves, multiplyHalves } from "./halves.ts";
import { DECODE } from "./kernel_names.ts";
import type { KernelModule } from "./module.ts";

/** Attributes of {@linkcode DECODE}`.step`. */
export interface DecodeAttributes {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly size: number;
  readonly room: number;
  readonly epsilon: number;
  readonly scale: number;
  /** Whether no logits are wanted. @default {false} */
  readonly silent?: boolean;
}

type Inputs = Record<string, tf.TensorInfo>;

/** Registers the kernels for the `wasm` backend. */
export function registerDecodeKernels(module: KernelModule): void {
  const register = (
    kernelName: string,
    run: (inputs: Inputs, attributes: DecodeAttributes) => tf.TensorInfo[],
  ) =>
    tf.registerKernel({
      kernelName,
      backendName: "wasm",
      kernelFunc: ({ inputs, attrs }) => {
        const attributes: unknown = attrs;
        return run(inputs as Inputs, attributes as DecodeAttributes);
      },
    });
  register(DECODE.step, (inputs, a) => decodeStep(module, inputs, a));
  register(DECODE.fillCache, (inputs, a) => fillCache(module, inputs, a));
}

/** Writes rotated keys and values of prompts to one layer's caches. */
function fillCache(
  { kernels, heap }: KernelModule,
  inputs: Inputs,
  a: DecodeAttributes,
): tf.TensorInfo[] {
  const { qkv, keys, values, cos, sin } = inputs;
  const batch = keys!.shape[0]!, rows = qkv!.shape[0]!;
  const length = rows / batch, stride = qkv!.shape[1]!;
  const bytes = 4 * rows * stride;
  const copy = heap.allocate(bytes);
  try {
    heap.copy(copy, heap.pointer(qkv!), bytes);
    const turned = a.heads + a.kvHeads;
    const angles = [heap.pointer(cos!), heap.pointer(sin!)];
    kernels.rotaryRows(
      ...[batch, length, stride, turned, a.size, copy, ...angles, 1],
    );
    kernels.fillCache(
      ...[batch, length, a.heads, a.kvHeads, a.size, copy],
      ...[heap.pointer(keys!), heap.pointer(values!), a.room],
    );
  } finally {
    heap.free(copy);
  }
  return [];
}

/** Scratch memory of one step: pointers to rows. */
interface Workspace {
  /** State between layers. */
  readonly x: number;
  /** State after normalization. */
  readonly normed: number;
  /** Queries, keys and values. */
  readonly qkv: number;
  /** Output of attention. */
  readonly mixed: number;
  /** Gate of the feed-forward block, then its product with `up`. */
  readonly gate: number;
  /** Up projection of the feed-forward block. */
  readonly up: number;
}

/** Sizes and inputs of a step. */
interface Step {
  readonly module: KernelModule;
  readonly inputs: Inputs;
  readonly a: DecodeAttributes;
  readonly batch: number;
  /** Tokens of each sequence, padding included; all of them together are the rows. */
  readonly count: number;
  readonly rows: number;
  readonly width: number;
  readonly inner: number;
  readonly stride: number;
}

/**
 * Feeds the next tokens of each sequence. Inputs are the weights by name, `tokens` of shape
 * `(batch · count,)`, `places` and, where there is more than one token, `counts` of shape
 * `(batch,)`, `cos`, `sin`, and caches `keys.0`, `values.0` and so on, which are written to.
 */
function decodeStep(
  module: KernelModule,
  inputs: Inputs,
  a: DecodeAttributes,
): tf.TensorInfo[] {
  const { kernels, heap } = module;
  const at = (name: string) => heap.pointer(inputs[name]!);
  const table = inputs["model.embed_tokens.weight"]!;
  const output = inputs["lm_head.weight"] ?? table;
  const width = widthOf(table), batch = inputs["places"]!.shape[0]!;
  const rows = inputs["tokens"]!.shape[0]!, count = rows / batch;
  const inner = inputs["model.layers.0.mlp.gate_proj.weight"]!.shape[0]!;
  const stride = (a.heads + 2 * a.kvHeads) * a.size;
  const step = { module, inputs, a, batch, count, rows, width, inner, stride };
  const states = heap.output([batch, width]);
  const logits = heap.output(a.silent ? [1] : [batch, output.shape[0]!]);
  withWorkspace(step, (space) => {
    const ids = at("tokens"), from = heap.pointer(table);
    if (isHalves(table)) {
      gatherHalves(module, { rows, width, table: from, ids, to: space.x });
    } else kernels.gatherRows(rows, width, from, ids, space.x);
    for (let i = 0; i < a.layers; i++) decodeLayer(step, space, i);
    if (count > 1) lastRows(step, space.x);
    const to = heap.pointer(states), gain = at("model.norm.weight");
    kernels.rmsNorm(batch, width, space.x, gain, to, a.epsilon);
    if (a.silent) return;
    const out = heap.pointer(logits), words = output.shape[0]!;
    multiply(module, output, {
      rows: batch,
      from: to,
      to: { pointer: out, stride: words, add: false },
    });
  });
  return [logits, states];
}

/** Whether a matrix is stored as halves, two to a word. */
function isHalves({ dtype }: tf.TensorInfo): boolean {
  return dtype === "int32";
}

/** Numbers in a row of a matrix. */
function widthOf(matrix: tf.TensorInfo): number {
  return matrix.shape[1]! * (isHalves(matrix) ? 2 : 1);
}

/** Rows times the transpose of a matrix. */
function multiply(
  module: KernelModule,
  matrix: tf.TensorInfo,
  { rows, from, to }: { rows: number; from: number; to: Target },
): void {
  const { kernels, heap } = module;
  const n = matrix.shape[0]!, k = widthOf(matrix), b = heap.pointer(matrix);
  const { pointer: c, stride: ldc, add } = to;
  if (isHalves(matrix)) {
    multiplyHalves(module, { m: rows, n, k, a: from, lda: k, b, c, ldc, add });
    return;
  }
  kernels.matmul(
    ...[rows, n, k, from, k, 0, b, k, 1, c, ldc, Number(add)],
  );
}

/** Moves the last row of each sequence to the front. */
function lastRows(step: Step, x: number): void {
  const { module: { heap }, inputs, batch, count, width } = step;
  const counts = heap.integers(heap.pointer(inputs["counts"]!), batch);
  counts.forEach((n, b) =>
    heap.copy(x + 4 * b * width, x + 4 * (b * count + n - 1) * width, 4 * width)
  );
}

/** Runs with memory that is freed afterwards. */
function withWorkspace(step: Step, run: (space: Workspace) => void): void {
  const { module: { heap }, a, rows, width, inner, stride } = step;
  const queries = a.heads * a.size;
  const sizes = [width, width, stride, queries, inner, inner];
  const sum = sizes.reduce((total, n) => total + n, 0);
  const room = heap.allocate(4 * rows * sum);
  let next = room;
  const take = (n: number) => {
    const pointer = next;
    next += 4 * rows * n;
    return pointer;
  };
  try {
    const x = take(width), normed = take(width), qkv = take(stride);
    const mixed = take(queries), gate = take(inner), up = take(inner);
    run({ x, normed, qkv, mixed, gate, up });
  } finally {
    heap.free(room);
  }
}

/** One layer: attention to the whole KV cache, and the feed-forward block. */
function decodeLayer(step: Step, space: Workspace, index: number): void {
  const { module: { kernels, heap }, inputs, a, rows, width, inner } = step;
  const { x, normed, qkv, mixed, gate, up } = space;
  const at = (name: string) => heap.pointer(inputs[name]!);
  const prefix = `model.layers.${index}.`;
  const norm = (name: string) => {
    const gain = at(`${prefix}${name}.weight`);
    kernels.rmsNorm(rows, width, x, gain, normed, a.epsilon);
  };
  const project = (name: string, from: number, to: Target) =>
    projectInto(step, `${prefix}${name}`, from, to);
  norm("input_layernorm");
  let column = qkv;
  for (const part of ["q", "k", "v"]) {
    const to = { pointer: column, stride: step.stride, add: false };
    const columns = project(`self_attn.${part}_proj`, normed, to);
    normHeads(step, `${prefix}self_attn.${part}_norm.weight`, to);
    column += 4 * columns;
  }
  attend(step, space, index);
  const back = { pointer: x, stride: width, add: true };
  project("self_attn.o_proj", mixed, back);
  norm("post_attention_layernorm");
  const wide = { stride: inner, add: false };
  project("mlp.gate_proj", normed, { pointer: gate, ...wide });
  project("mlp.up_proj", normed, { pointer: up, ...wide });
  kernels.swiGlu(rows * inner, gate, up, gate);
  project("mlp.down_proj", gate, back);
}

/** Normalizes each head of queries or keys, in place, where the model does. */
function normHeads(
  step: Step,
  name: string,
  { pointer, stride }: Target,
): void {
  const { module: { kernels, heap }, inputs, rows, a } = step;
  const gain = inputs[name];
  if (!gain) return;
  const heads = name.endsWith("q_norm.weight") ? a.heads : a.kvHeads;
  for (let b = 0; b < rows; b++) {
    const row = pointer + 4 * b * stride;
    kernels.rmsNorm(heads, a.size, row, heap.pointer(gain), row, a.epsilon);
  }
}

/** Attention of the new tokens to the whole KV cache, themselves included. */
function attend(step: Step, space: Workspace, index: number): void {
  const { module: { kernels, heap }, inputs, a, batch, count } = step;
  const { qkv, mixed } = space;
  const at = (name: string) => heap.pointer(inputs[name]!);
  const sizes = [a.heads, a.kvHeads, a.size, qkv];
  const caches = [at(`keys.${index}`), at(`values.${index}`), at("places")];
  const rest = [a.room, mixed, at("cos"), at("sin")];
  if (count === 1) {
    kernels.attendNext(...[batch, ...sizes, ...caches, ...rest]);
    return;
  }
  const counts = at("counts");
  kernels.attendRest(
    ...[batch, count, ...sizes, ...caches, counts, ...rest],
  );
}

/** Output rows of a projection. */
interface Target {
  readonly pointer: number;
  /** Numbers from one row to the next. */
  readonly stride: number;
  /** Whether rows are added to the memory's content. */
  readonly add: boolean;
}

/** A projection with bias and adapter. Returns its width. */
function projectInto(
  step: Step,
  name: string,
  from: number,
  to: Target,
): number {
  const { module, module: { heap }, inputs, rows } = step;
  const weight = inputs[`${name}.weight`]!, bias = inputs[`${name}.bias`];
  const outputs = weight.shape[0]!;
  if (bias) {
    for (let b = 0; b < rows; b++) {
      const row = to.pointer + 4 * b * to.stride;
      heap.copy(row, heap.pointer(bias), 4 * outputs);
    }
  }
  const add = to.add || bias !== undefined;
  multiply(module, weight, { rows, from, to: { ...to, add } });
  addAdapter(step, name, from, to);
  return outputs;
}

/** Adds `scale · (x·Aᵀ)·Bᵀ` to a projection, if it has an adapter. */
function addAdapter(
  step: Step,
  name: string,
  from: number,
  to: Target,
): void {
  const { module: { kernels, heap }, inputs, rows, a } = step;
  const down = inputs[`base_model.model.${name}.lora_A.weight`];
  const up = inputs[`base_model.model.${name}.lora_B.weight`];
  if (!down || !up) return;
  const [rank, width] = down.shape as [number, number];
  const outputs = up.shape[0]!;
  const low = heap.allocate(4 * rows * rank);
  try {
    kernels.matmul(
      ...[rows, rank, width, from, width, 0, heap.pointer(down), width, 1],
      ...[low, rank, 0],
    );
    const numbers = heap.floats(low, rows * rank);
    for (let i = 0; i < numbers.length; i++) numbers[i]! *= a.scale;
    kernels.matmul(
      ...[rows, outputs, rank, low, rank, 0, heap.pointer(up), rank, 1],
      ...[to.pointer, to.stride, 1],
    );
  } finally {
    heap.free(low);
  }
}
