/**
 * Settings of an update: the learner's defaults, and how settings move while training goes on.
 *
 * @module
 */

import type { UpdateOptions } from "../../policy/policy.ts";

/** Settings of an update with every default filled in, as they are at one moment of training. */
export type PpoSettings = Required<
  Omit<UpdateOptions, "finalLearningRate" | "finalEntropyCoefficient">
>;

/** The learner's defaults, written here and nowhere else; settings with no final value stay. */
export const UPDATE_DEFAULTS = {
  epochs: 3,
  minibatchSize: 256,
  minibatchBy: "turn",
  onPolicy: false,
  clipRange: 0.2,
  dualClip: 3,
  valueClipRange: 0,
  learningRate: 3e-3,
  weightDecay: 0,
  valueCoefficient: 0.05,
  entropyCoefficient: 0.01,
  klCoefficient: 0,
  targetKl: 0,
  maxGradientNorm: 1,
} as const satisfies PpoSettings;

/** Fills in defaults, and moves what has a final value to where it is after a share `progress` of training. */
export function settingsAt(
  options: UpdateOptions & { readonly progress?: number },
): PpoSettings {
  const { progress = 0, finalLearningRate, finalEntropyCoefficient, ...given } =
    options;
  const filled: PpoSettings = { ...UPDATE_DEFAULTS, ...given };
  const at = (from: number, to = from) => from + (to - from) * progress;
  return {
    ...filled,
    learningRate: at(filled.learningRate, finalLearningRate),
    entropyCoefficient: at(filled.entropyCoefficient, finalEntropyCoefficient),
  };
}
