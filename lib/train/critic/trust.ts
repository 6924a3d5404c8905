/**
 * How far a critic is trusted: what it explains of returns that its baseline does not.
 *
 * @module
 */

import { standardDeviation } from "../../numeric.ts";

/** Share of the old average in the new one. */
const MEMORY = 0.8;

/** Iterations in which no critic is trusted yet. */
const UNTRUSTED = 2;

/** A moving average of explained variance. */
export interface Trust {
  /** Iterations measured. */
  readonly measured: number;
  /** Average of the explained variance, cut to `[0, 1]`. */
  readonly average: number;
}

/** Before anything was measured. */
export const NO_TRUST: Trust = { measured: 0, average: 0 };

/** Share by which values are trusted, in `[0, 1]`: 0 in the first two iterations, and wherever nothing is explained. */
export function trustOf({ measured, average }: Trust): number {
  return measured < UNTRUSTED ? 0 : average;
}

/**
 * Explained variance of held-out returns beyond a baseline: `1 − Var(G − V) / Var(G − b)`; 0 where the baseline leaves
 * nothing.
 */
export function explainedBeyond(
  returns: readonly number[],
  values: readonly number[],
  baselines: readonly number[],
): number {
  if (returns.length < 2) return 0;
  const errors = returns.map((g, i) => g - values[i]!);
  const left = returns.map((g, i) => g - baselines[i]!);
  const spread = standardDeviation(left) ** 2;
  return spread > 0 ? 1 - standardDeviation(errors) ** 2 / spread : 0;
}

/** Takes in one iteration's explained variance. */
export function updateTrust(
  { measured, average }: Trust,
  explained: number,
): Trust {
  const now = Math.min(1, Math.max(0, explained));
  return {
    measured: measured + 1,
    average: measured === 0 ? now : MEMORY * average + (1 - MEMORY) * now,
  };
}
