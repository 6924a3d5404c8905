/**
 * A compact network of values for the three heads: hashed words, one hidden layer, one number.
 *
 * For each head and each part of the tasks there is a network of its own, as cross-fitting asks. A network goes on from
 * its weights of the iteration before, which have not seen this iteration's returns.
 *
 * @module
 */

import { createRandom, type Random } from "../../random.ts";
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
  /** Weight of the squared distance from the first weights. @default {1} */
  readonly alpha?: number;
  /** Step size of Adam. @default {0.02} */
  readonly learningRate?: number;
  /** Steps of Adam over all rows, in a network's first fit and in later ones. @default {[60, 20]} */
  readonly steps?: readonly [first: number, later: number];
}

/** Hashed inputs of the network: fewer than the linear critic's, as each has a row of weights. */
const INPUTS = 2 ** 12;

/** All inputs, dense ones included. */
const SIZE = INPUTS + FEATURES - SLOTS;

/** Standard deviation of the first weights of the hidden layer; those of the output are 0, so that values begin at the baseline. */
const DEVIATION = 0.5;

const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** Makes a network critic. */
export function createNetworkCritic(options: NetworkCriticOptions): ValueModel {
  const { seed, hiddenSize = 16, alpha = 1, learningRate = 0.02 } = options;
  const { steps: [first, later] = [60, 20] } = options;
  const random = createRandom(seed).fork("critic");
  const networks = new Map<string, Network>();
  const make = (key: string) => new Network(hiddenSize, random.fork(key));
  return createCrossFitted({
    name: "network",
    fit(key, rows) {
      const known = networks.get(key);
      const network = known ?? make(key);
      networks.set(key, network);
      network.fit(rows, { alpha, learningRate, steps: known ? later : first });
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
   * Lowers `sum of weights · (target − v)² / 2 + alpha · |w − first w|² / 2` by steps of Adam over all rows, with new
   * moments in each fit. Steps move the inputs that occur alone.
   */
  fit(
    parts: readonly WeightedRows[],
    options: { alpha: number; learningRate: number; steps: number },
  ): void {
    const { alpha, learningRate, steps } = options;
    const size = this.#hiddenSize, { weights } = this, output = SIZE * size;
    const gradient = new Float64Array(weights.length);
    const mean = new Float64Array(weights.length);
    const square = new Float64Array(weights.length);
    const moved = movedWeights(parts, size);
    const hidden = new Float64Array(size);
    for (let step = 1; step <= steps; step++) {
      for (const i of moved) {
        gradient[i] = alpha * (weights[i]! - this.#first[i]!);
      }
      for (const { features, targets, weights: rowWeights } of parts) {
        const { offsets, indices, values } = features;
        for (let row = 0; row < targets.length; row++) {
          if (rowWeights[row] === 0) continue;
          const value = this.#forward(features, row, hidden);
          const error = rowWeights[row]! * (value - targets[row]!);
          for (let h = 0; h < size; h++) {
            gradient[output + h]! += error * hidden[h]!;
            // From here on the slope of the unit, in place of the unit.
            hidden[h] = error * weights[output + h]! * (1 - hidden[h]! ** 2);
          }
          for (let k = offsets[row]!; k < offsets[row + 1]!; k++) {
            const at = inputOf(indices[k]!) * size, x = values[k]!;
            for (let h = 0; h < size; h++) gradient[at + h]! += hidden[h]! * x;
          }
        }
      }
      const rate = learningRate * Math.sqrt(1 - BETA2 ** step) /
        (1 - BETA1 ** step);
      for (const i of moved) {
        const g = gradient[i]!;
        mean[i] = BETA1 * mean[i]! + (1 - BETA1) * g;
        square[i] = BETA2 * square[i]! + (1 - BETA2) * g * g;
        weights[i]! -= rate * mean[i]! / (Math.sqrt(square[i]!) + EPSILON);
      }
    }
  }
}

/** Input of a feature: hashed ones are folded, dense ones follow. */
function inputOf(feature: number): number {
  return feature < SLOTS ? feature % INPUTS : INPUTS + feature - SLOTS;
}

/** Weights that some row reaches: those of inputs that occur, and the output's. Ascending. */
function movedWeights(
  parts: readonly WeightedRows[],
  size: number,
): Int32Array {
  const occurs = new Uint8Array(SIZE + 1);
  occurs[SIZE] = 1;
  for (const { features: { indices } } of parts) {
    for (const feature of indices) occurs[inputOf(feature)] = 1;
  }
  const inputs = [...occurs.keys()].filter((i) => occurs[i] === 1);
  return Int32Array.from(
    inputs.flatMap((i) => Array.from({ length: size }, (_, h) => i * size + h)),
  );
}
