/**
 * Settings of an update: the learner's defaults, and how settings move while training goes on.
 *
 * @module
 */

import type { UpdateOptions } from "../../policy/policy.ts";

/** Settings that may move: what they move to, if to anything. */
type FinalSettings = "finalLearningRate" | "finalEntropyCoefficient";

/** Settings of an update with every default filled in, as they are at one moment of training. */
export type PpoSettings = Required<Omit<UpdateOptions, FinalSettings>>;

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

/**
 * Fills in defaults, and moves what has a final value to where it is now.
 *
 * @param options Settings that differ from the defaults; `progress` is the share of training that is done. @default {0}
 * @returns Every setting.
 */
export function settingsAt(
  options: UpdateOptions & { readonly progress?: number },
): PpoSettings {
  const { progress = 0, finalLearningRate, finalEntropyCoefficient } = options;
  const filled: PpoSettings = { ...UPDATE_DEFAULTS, ...options };
  const { learningRate, entropyCoefficient } = filled;
  const at = (from: number, to = from) => from + (to - from) * progress;
  return {
    epochs: filled.epochs,
    minibatchSize: filled.minibatchSize,
    minibatchBy: filled.minibatchBy,
    onPolicy: filled.onPolicy,
    clipRange: filled.clipRange,
    dualClip: filled.dualClip,
    valueClipRange: filled.valueClipRange,
    learningRate: at(learningRate, finalLearningRate),
    weightDecay: filled.weightDecay,
    valueCoefficient: filled.valueCoefficient,
    entropyCoefficient: at(entropyCoefficient, finalEntropyCoefficient),
    klCoefficient: filled.klCoefficient,
    targetKl: filled.targetKl,
    maxGradientNorm: filled.maxGradientNorm,
  };
}
