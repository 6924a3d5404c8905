/**
 * The weights of a compact policy in two places: the variables of TensorFlow.js, which checkpoints and replicas use, and
 * shared memory, where the kernels work.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { SharedMemory } from "../../backends/wasm/shared_memory.ts";
import { KernelNetwork } from "./kernel_network.ts";
import { layOutWeights, transposeWeights } from "./weights.ts";

/** Sizes that decide whether the kernels can be used. */
interface NetworkSizes {
  readonly embedding: number;
  readonly width: number;
  readonly valueScale: number;
}

/** Whether the kernels can do the work: on the `wasm` backend, with rows that fill whole vectors. */
export function canShareWeights({ embedding, width }: NetworkSizes): boolean {
  return tf.getBackend() === "wasm" && embedding % 4 === 0 && width % 4 === 0;
}

/** Weights that are kept equal in both places. */
export class SharedWeights {
  readonly #variables: Readonly<Record<string, tf.Variable>>;
  readonly #sizes: NetworkSizes;
  #network: KernelNetwork | undefined;
  /** Data of each variable when its numbers were last copied; assigning a variable gives it other data. */
  #copied: readonly object[] = [];

  constructor(
    variables: Readonly<Record<string, tf.Variable>>,
    sizes: NetworkSizes,
  ) {
    this.#variables = variables;
    this.#sizes = sizes;
  }

  /** The network under the variables' present numbers. */
  network(): KernelNetwork {
    const network = this.#network ??= this.#open();
    const variables = Object.values(this.#variables);
    const data = variables.map(({ dataId }) => dataId);
    if (data.every((one, i) => one === this.#copied[i])) return network;
    const { shared, handle: { weights } } = network;
    const column = shared.floats(weights.column, weights.size);
    let at = 0;
    for (const variable of variables) {
      column.set(variable.dataSync<"float32">(), at);
      at += variable.size;
    }
    transposeWeights(shared, weights);
    this.#copied = data;
    return network;
  }

  /** Gives the variables the numbers that the kernels have changed. */
  assign(): void {
    const { shared, handle: { weights } } = this.network();
    const column = shared.floats(weights.column, weights.size);
    const variables = Object.values(this.#variables);
    let at = 0;
    tf.tidy(() => {
      for (const variable of variables) {
        const { shape, size } = variable;
        variable.assign(tf.tensor(column.slice(at, at + size), shape));
        at += size;
      }
    });
    this.#copied = variables.map(({ dataId }) => dataId);
  }

  #open(): KernelNetwork {
    const shared = new SharedMemory();
    const shapes = Object.fromEntries(
      Object.entries(this.#variables).map(([name, { shape }]) => [name, shape]),
    );
    const weights = layOutWeights(shared, shapes);
    const { valueScale } = this.#sizes;
    return new KernelNetwork(
      { memory: shared.memory, weights, valueScale },
      shared,
    );
  }
}
