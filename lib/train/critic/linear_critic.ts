/**
 * A linear model of values for the three heads, on hashed words, by ridge regression.
 *
 * @module
 */

import { createCrossFitted, type CrossFitOptions } from "./cross_fitted.ts";
import type { ValueModel } from "./local_critic.ts";
import { dotRow, fitRidge } from "./ridge.ts";
import { FEATURES } from "./text_features.ts";

/** How a linear critic is fitted. */
export interface LinearCriticOptions extends CrossFitOptions {
  /** Weight of the squared weights. @default {10} */
  readonly alpha?: number;
  /** Steps of conjugate gradients. @default {30} */
  readonly steps?: number;
}

/** Makes a linear critic. */
export function createLinearCritic(options: LinearCriticOptions): ValueModel {
  const { alpha = 10, steps = 30 } = options;
  return createCrossFitted({
    name: "linear",
    fit(_key, rows) {
      const weights = fitRidge(rows, { size: FEATURES, alpha, steps });
      return (features, row) => dotRow(features, row, weights);
    },
    state: () => ({}), // every fit begins anew
    restore() {},
  }, options);
}
