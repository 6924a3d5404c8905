/**
 * A compact network of values for the three heads: hashed words, one hidden layer, one number.
 *
 * For each head and each part of the tasks there is a network of its own, as cross-fitting asks. A network goes on from
 * its weights of the iteration before, which have not seen this iteration's returns.
 *
 * @module
 */

import { createRandom, type Random, shuffled } from "../../random.ts";
import {
  createCrossFitted,
  type CrossFitOptions,
  type RegressorState,
} from "./cross_fitted.ts";
import type { ValueModel } from "./local_critic.ts";
import type { WeightedRows } from "./ridge.ts";
import { FEATURES, SLOTS, type SparseRows } from "./text_features.ts";

/** How a network critic is made and fitted. */
export interface NetworkCriticOptions extends CrossFitOptions {
  /** Seed of the first weights. */
  readonly seed: number;
  /** Units of the hidden layer. @default {16} */
  readonly hiddenSize?: number;
  /** Weight of the squared distance from the first weights. @default {10} */
  readonly alpha?: number;
  /** Step size of Adam. @default {0.01} */
  readonly learningRate?: number;
  /** Passes over all rows, in a network's first fit and in later ones. @default {[12, 4]} */
  readonly passes?: readonly [first: number, later: number];
}

/** Hashed inputs of the network: fewer than the linear critic's, as each has a row of weights. */
const INPUTS = 2 ** 12;

/** All inputs, dense ones included. */
const SIZE = INPUTS + FEATURES - SLOTS;

/** Standard deviation of the first weights of the hidden layer; those of the output are 0, so that values begin at the baseline. */
const DEVIATION = 0.5;

/** Rows of one step of Adam. */
const MINIBATCH = 64;

const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** Makes a network critic. */
export function createNetworkCritic(options: NetworkCriticOptions): ValueModel {
  const { seed, hiddenSize = 16, alpha = 10, learningRate = 0.01 } = options;
  const { passes: [first, later] = [12, 4] } = options;
  const random = createRandom(seed).fork("critic");
  const networks = new Map<string, Network>();
  const make = (key: string) => new Network(hiddenSize, random.fork(key));
  return createCrossFitted({
    name: "network",
    fit(key, rows) {
      const known = networks.get(key);
      const network = known ?? make(key);
      networks.set(key, network);
      network.fit(rows, {
        alpha,
        learningRate,
        passes: known ? later : first,
        random: random.fork(key, "order"),
      });
      return (features, row) => network.value(features, row);
    },
    state: () =>
      Object.fromEntries(
        [...networks].map(([key, { weights }]) => [key, weights]),
      ),
    restore(state: RegressorState) {
      networks.clear();
      for (const [key, weights] of Object.entries(state)) {
        const network = make(key);
        if (weights.length !== network.weights.length) {
          throw new RangeError(
            `Cannot load a critic as "${key}" must have ${network.weights.length} weights: current value is ${weights.length}`,
          );
        }
        network.weights.set(weights);
        networks.set(key, network);
      }
    },
  }, options);
}

/**
 * One network, `v(x) = u · tanh(W x)`, of hidden weights `W` and output weights `u`.
 *
 * Weights lie in one array: a row of `hiddenSize` for each input, then the output.
 */
class Network {
  readonly weights: Float32Array<ArrayBuffer>;
  readonly #first: Float32Array<ArrayBuffer>;
  readonly #hiddenSize: number;

  constructor(hiddenSize: number, random: Random) {
    this.#hiddenSize = hiddenSize;
    const hidden = SIZE * hiddenSize;
    this.weights = new Float32Array(hidden + hiddenSize);
    for (let i = 0; i < hidden; i++) {
      this.weights[i] = DEVIATION * random.normal();
    }
    this.#first = this.weights.slice();
  }

  value(features: SparseRows, row: number): number {
    const hidden = new Float64Array(this.#hiddenSize);
    return this.#forward(features, row, hidden);
  }

  /** Writes the hidden units of a row into `hidden`; gives its value. */
  #forward(
    { offsets, indices, values }: SparseRows,
    row: number,
    hidden: Float64Array,
  ): number {
    const size = this.#hiddenSize, { weights } = this, output = SIZE * size;
    hidden.fill(0);
    for (let k = offsets[row]!; k < offsets[row + 1]!; k++) {
      const at = inputOf(indices[k]!) * size, x = values[k]!;
      for (let h = 0; h < size; h++) hidden[h]! += weights[at + h]! * x;
    }
    let value = 0;
    for (let h = 0; h < size; h++) {
      hidden[h] = Math.tanh(hidden[h]!);
      value += weights[output + h]! * hidden[h]!;
    }
    return value;
  }

  /**
   * Lowers `sum of weights · (target − v)² / 2 + alpha · |w − first w|² / 2` by steps of Adam over minibatches, with new
   * moments in each fit. A step moves the weights that its rows reach.
   */
  fit(
    parts: readonly WeightedRows[],
    options: {
      alpha: number;
      learningRate: number;
      passes: number;
      random: Random;
    },
  ): void {
    const { alpha, learningRate, passes, random } = options;
    const rows = parts.flatMap((part) =>
      [...part.weights.keys()].filter((row) => part.weights[row]! > 0)
        .map((row) => ({ part, row }))
    );
    const adam = new Adam(this.weights.length, learningRate);
    const hidden = new Float64Array(this.#hiddenSize);
    for (let pass = 0; pass < passes; pass++) {
      const order = shuffled(random.fork(pass), rows);
      for (let start = 0; start < order.length; start += MINIBATCH) {
        const batch = order.slice(start, start + MINIBATCH);
        for (const { part, row } of batch) {
          this.#addGradient(part, { row, hidden, adam });
        }
        const pull = alpha * batch.length / rows.length;
        adam.step(this.weights, this.#first, pull);
      }
    }
  }

  #addGradient(
    { features, targets, weights: rowWeights }: WeightedRows,
    { row, hidden, adam }: { row: number; hidden: Float64Array; adam: Adam },
  ): void {
    const size = this.#hiddenSize, { weights } = this, output = SIZE * size;
    const { offsets, indices, values } = features;
    const value = this.#forward(features, row, hidden);
    const error = rowWeights[row]! * (value - targets[row]!);
    for (let h = 0; h < size; h++) {
      adam.add(output + h, error * hidden[h]!);
      // From here on the slope of the unit, in place of the unit.
      hidden[h] = error * weights[output + h]! * (1 - hidden[h]! ** 2);
    }
    for (let k = offsets[row]!; k < offsets[row + 1]!; k++) {
      const at = inputOf(indices[k]!) * size, x = values[k]!;
      for (let h = 0; h < size; h++) adam.add(at + h, hidden[h]! * x);
    }
  }
}

/** Adam (Kingma and Ba, 2015, arXiv 1412.6980) on the weights that have a gradient. */
class Adam {
  readonly #rate: number;
  readonly #gradient: Float64Array;
  readonly #mean: Float64Array;
  readonly #square: Float64Array;
  readonly #reached: Uint8Array;
  #touched: number[] = [];
  #steps = 0;

  constructor(size: number, rate: number) {
    this.#rate = rate;
    this.#gradient = new Float64Array(size);
    this.#mean = new Float64Array(size);
    this.#square = new Float64Array(size);
    this.#reached = new Uint8Array(size);
  }

  add(i: number, gradient: number): void {
    this.#gradient[i]! += gradient;
    if (this.#reached[i] === 1) return;
    this.#reached[i] = 1;
    this.#touched.push(i);
  }

  /** Takes a step with a pull towards the first weights, and clears the gradients. */
  step(weights: Float32Array, first: Float32Array, pull: number): void {
    const t = ++this.#steps;
    const rate = this.#rate * Math.sqrt(1 - BETA2 ** t) / (1 - BETA1 ** t);
    for (const i of this.#touched) {
      const g = this.#gradient[i]! + pull * (weights[i]! - first[i]!);
      const mean = BETA1 * this.#mean[i]! + (1 - BETA1) * g;
      const square = BETA2 * this.#square[i]! + (1 - BETA2) * g * g;
      this.#mean[i] = mean;
      this.#square[i] = square;
      weights[i]! -= rate * mean / (Math.sqrt(square) + EPSILON);
      this.#gradient[i] = 0;
      this.#reached[i] = 0;
    }
    this.#touched = [];
  }
}

/** Input of a feature: hashed ones are folded, dense ones follow. */
function inputOf(feature: number): number {
  return feature < SLOTS ? feature % INPUTS : INPUTS + feature - SLOTS;
}
