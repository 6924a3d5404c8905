/**
 * What a language policy computes with: a decoder, its adapter, and three value heads on the
 * decoder's own states or on those of a critic of its own.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { DECISIONS } from "../../trajectory.ts";
import type { LoraAdapter } from "../decoder/lora.ts";
import type { LoraTensors, Qwen2, Qwen2Tensors } from "../decoder/qwen2.ts";

/** A decoder and the low-rank changes to it. */
export interface Trunk {
  readonly model: Qwen2;
  /** Its changes; the decoder is frozen if there are any. */
  readonly adapter?: LoraAdapter | undefined;
}

/** All weights of a language policy. */
export interface LanguageNetwork {
  /** Writes replies. */
  readonly actor: Trunk;
  /** Reads for the value heads; absent if they read the actor's states. */
  readonly critic?: Trunk | undefined;
  /** Value heads, in the order of the decisions. Shape `(3, width)`. */
  readonly headWeight: tf.Variable;
  /** Their biases. Shape `(3,)`. */
  readonly headBias: tf.Variable;
  /** Units of return that a head's output of 1 stands for. */
  readonly valueScale: number;
}

/** The same with any tensors in place of the trained weights. */
export interface NetworkTensors {
  /** Writes replies. */
  readonly actor: TrunkTensors;
  /** Reads for the value heads. */
  readonly critic?: TrunkTensors | undefined;
  readonly headWeight: tf.Tensor;
  readonly headBias: tf.Tensor;
  /** Units of return that a head's output of 1 stands for. */
  readonly valueScale: number;
}

/** A trunk whose weights may be any tensors. */
export interface TrunkTensors {
  readonly model: Qwen2Tensors;
  readonly adapter?: LoraTensors | undefined;
}

/** What the names of a critic's own weights begin with. */
const CRITIC = "critic.";

/** Makes value heads that say 0. Returns weight and bias; the caller disposes them. */
export function createHeads(
  width: number,
): Pick<LanguageNetwork, "headWeight" | "headBias"> {
  const zeros = (shape: number[]) =>
    tf.tidy(() => tf.variable(tf.zeros(shape), true));
  return {
    headWeight: zeros([DECISIONS.length, width]),
    headBias: zeros([DECISIONS.length]),
  };
}

/** Lists the weights that are trained. */
export function trainedWeights(
  network: LanguageNetwork,
): Record<string, tf.Variable> {
  const { actor, critic, headWeight, headBias } = network;
  const weights: Record<string, tf.Variable> = {};
  const add = (trunk: Trunk | undefined, prefix: string) => {
    const own = trunk?.adapter?.weights ?? trunk?.model.weights ?? [];
    for (const [name, weight] of own) weights[prefix + name] = weight;
  };
  add(actor, "");
  add(critic, CRITIC);
  return {
    ...weights,
    "value_head.weight": headWeight,
    "value_head.bias": headBias,
  };
}

/** Puts other tensors in place of the trained weights. */
export function withWeights(
  network: LanguageNetwork,
  tensors: Readonly<Record<string, tf.Tensor>>,
): NetworkTensors {
  const replace = (
    weights: ReadonlyMap<string, tf.Tensor>,
    prefix: string,
  ) =>
    new Map(
      [...weights].map(([name, weight]) => [
        name,
        tensors[prefix + name] ?? weight,
      ]),
    );
  const trunk = ({ model, adapter }: Trunk, prefix: string): TrunkTensors =>
    adapter
      ? {
        model,
        adapter: { ...adapter, weights: replace(adapter.weights, prefix) },
      }
      : { model: { ...model, weights: replace(model.weights, prefix) } };
  const { critic } = network;
  return {
    actor: trunk(network.actor, ""),
    critic: critic && trunk(critic, CRITIC),
    headWeight: tensors["value_head.weight"]!,
    headBias: tensors["value_head.bias"]!,
    valueScale: network.valueScale,
  };
}

/** Counts numbers, frozen ones included and shared ones once. */
export function countParameters(network: LanguageNetwork): number {
  const { actor, critic, headWeight, headBias } = network;
  const weights = new Set([headWeight, headBias]);
  for (const trunk of critic ? [actor, critic] : [actor]) {
    for (const weight of trunk.model.weights.values()) weights.add(weight);
    for (const weight of trunk.adapter?.weights.values() ?? []) {
      weights.add(weight);
    }
  }
  return [...weights].reduce(
    (sum, { size, dtype }) => sum + (dtype === "int32" ? 2 : 1) * size, // packed float16
    0,
  );
}
