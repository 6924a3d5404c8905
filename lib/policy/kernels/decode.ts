/**
 * One token further in one go: a whole decoder step as a single kernel on the heap.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { KernelModule } from "./install.ts";

/** Names of the kernels. */
export const DECODE = {
  step: "HiperDecodeStep",
  fillCache: "HiperFillCache",
} as const;

/** Numbers that {@linkcode DECODE}`.step` is told. */
export interface DecodeAttributes {
  /** Layers of the decoder. */
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads. */
  readonly groups: number;
  /** Numbers in one head. */
  readonly size: number;
  /** Positions in the caches. */
  readonly room: number;
  /** Of RMSNorm. */
  readonly epsilon: number;
  /** Factor of the adapter's changes. */
  readonly scale: number;
}

type Inputs = Record<string, tf.TensorInfo>;

/**
 * Registers the kernels for the `wasm` backend.
 *
 * @param module The compiled kernels.
 */
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

/** Rotates the keys of prompts and puts them and the values into one layer's caches. */
function fillCache(
  { exports, heap }: KernelModule,
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
    const turned = a.heads + a.groups;
    const angles = [heap.pointer(cos!), heap.pointer(sin!)];
    exports.rotaryRows(
      ...[batch, length, stride, turned, a.size, copy, ...angles, 1],
    );
    exports.fillCache(
      ...[batch, length, a.heads, a.groups, a.size, copy],
      ...[heap.pointer(keys!), heap.pointer(values!), a.room],
    );
  } finally {
    heap.free(copy);
  }
  return [];
}

/**
 * Feeds one token of each sequence. Inputs are the weights by name, `tokens`, `places`, `cos`,
 * `sin`, and caches `keys.0`, `values.0` and so on, which are written to.
 *
 * @returns Logits `(batch, vocabulary)` and normalized states `(batch, width)`.
 */
function decodeStep(
  module: KernelModule,
  inputs: Inputs,
  a: DecodeAttributes,
): tf.TensorInfo[] {
  const { exports, heap, scratch } = module;
  const at = (name: string) => heap.pointer(inputs[name]!);
  const table = inputs["model.embed_tokens.weight"]!;
  const width = table.shape[1]!, batch = inputs["tokens"]!.shape[0]!;
  const inner = inputs["model.layers.0.mlp.gate_proj.weight"]!.shape[0]!;
  const stride = (a.heads + 2 * a.groups) * a.size;
  const states = heap.output([batch, width]);
  const output = inputs["lm_head.weight"] ?? table;
  const logits = heap.output([batch, output.shape[0]!]);
  // One block of memory for all that lives within the step.
  const sizes = [width, width, stride, inner, inner, width];
  const room = heap.allocate(
    4 * (batch * sizes.reduce((sum, n) => sum + n, 0) + a.room),
  );
  let next = room;
  const [x, calm, qkv, gate, up, mixed] = sizes.map((n) => {
    const pointer = next;
    next += 4 * batch * n;
    return pointer;
  }) as [number, number, number, number, number, number];
  const scores = next;
  const project = (
    name: string,
    from: number,
    to: { pointer: number; stride: number; add: boolean },
  ) =>
    projectInto(module, inputs, {
      name,
      batch,
      from,
      ...to,
      scale: a.scale,
    });
  try {
    exports.gatherRows(batch, width, heap.pointer(table), at("tokens"), x);
    for (let i = 0; i < a.layers; i++) {
      const prefix = `model.layers.${i}.`;
      const norm = (name: string) =>
        exports.rmsNorm(
          ...[batch, width, x, at(`${prefix}${name}.weight`), calm, a.epsilon],
        );
      norm("input_layernorm");
      let column = qkv;
      for (const part of ["q", "k", "v"]) {
        const to = { pointer: column, stride, add: false };
        column += 4 *
          project(`${prefix}self_attn.${part}_proj`, calm, to);
      }
      exports.attendNext(
        ...[batch, a.heads, a.groups, a.size, qkv, at(`keys.${i}`)],
        ...[at(`values.${i}`), at("places"), a.room, mixed],
        ...[at("cos"), at("sin"), scores],
      );
      const back = { pointer: x, stride: width, add: true };
      project(`${prefix}self_attn.o_proj`, mixed, back);
      norm("post_attention_layernorm");
      const wide = { stride: inner, add: false };
      project(`${prefix}mlp.gate_proj`, calm, { pointer: gate, ...wide });
      project(`${prefix}mlp.up_proj`, calm, { pointer: up, ...wide });
      exports.swiGlu(batch * inner, gate, up, gate);
      project(`${prefix}mlp.down_proj`, gate, back);
    }
    const to = heap.pointer(states);
    exports.rmsNorm(batch, width, x, at("model.norm.weight"), to, a.epsilon);
    const words = output.shape[0]!, e = heap.pointer(output);
    const out = heap.pointer(logits);
    exports.matmul(
      ...[batch, words, width, to, width, 0, e, width, 1, out, words, 0],
      scratch,
    );
  } finally {
    heap.free(room);
  }
  return [logits, states];
}

/** A projection with bias and adapter, written or added to rows some stride apart. Returns its width. */
function projectInto(
  { exports, heap, scratch }: KernelModule,
  inputs: Inputs,
  options: {
    name: string;
    batch: number;
    from: number;
    pointer: number;
    stride: number;
    add: boolean;
    scale: number;
  },
): number {
  const { name, batch, from, pointer, stride, add, scale } = options;
  const weight = inputs[`${name}.weight`]!, bias = inputs[`${name}.bias`];
  const [outputs, width] = weight.shape as [number, number];
  if (bias) {
    for (let b = 0; b < batch; b++) {
      heap.copy(
        pointer + 4 * b * stride,
        heap.pointer(bias),
        4 * outputs,
      );
    }
  }
  const w = heap.pointer(weight);
  exports.matmul(
    ...[batch, outputs, width, from, width, 0, w, width, 1],
    ...[pointer, stride, Number(add || bias !== undefined), scratch],
  );
  const down = inputs[`base_model.model.${name}.lora_A.weight`];
  const up = inputs[`base_model.model.${name}.lora_B.weight`];
  if (!down || !up) return outputs;
  const rank = down.shape[0]!;
  const low = heap.allocate(4 * batch * rank);
  try {
    const a = heap.pointer(down), b = heap.pointer(up);
    exports.matmul(
      ...[batch, rank, width, from, width, 0, a, width, 1],
      ...[low, rank, 0, scratch],
    );
    const numbers = heap.floats(low, batch * rank);
    for (let i = 0; i < numbers.length; i++) numbers[i]! *= scale;
    exports.matmul(
      ...[batch, outputs, rank, low, rank, 0, b, rank, 1],
      ...[pointer, stride, 1, scratch],
    );
  } finally {
    heap.free(low);
  }
  return outputs;
}
