/**
 * Settings of an update: the learner's defaults, and how settings move while training goes on.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { count, optional, rate } from "../../settings.ts";
import type { UpdateOptions } from "../../policy/policy.ts";

/** Settings of an update with every default filled in, as they are at one moment of training. */
export type PpoSettings = Required<
  Omit<UpdateOptions, "finalLearningRate" | "finalEntropyCoefficient">
>;

/** Settings of an update: kind, default and meaning of each; a setting without a default stays at its initial value. */
export const updateSettings = z.strictObject({
  epochs: count.default(3).describe(
    "Passes over the samples of an iteration.",
  ),
  minibatchSize: count.default(256).describe(
    "Samples in one gradient step.",
  ),
  minibatchBy: z.enum(["turn", "episode"]).default("turn")
    .describe(
      "Whether single turns or whole episodes are shuffled into minibatches.",
    ),
  onPolicy: z.boolean().default(false).describe(
    "Whether every ratio is taken as 1, as for imitation.",
  ),
  clipRange: z.union([rate, z.tuple([rate, rate])], {
    error: "must be a number or [below, above], not negative",
  }).default(0.2).describe(
    "Clip range of the probability ratio; [below, above] for an asymmetric one.",
  ),
  dualClip: rate.default(3).describe(
    "Dual-clip bound on negative advantages, above 1; 0 turns it off.",
  ),
  valueClipRange: rate.default(0).describe(
    "Clip range of value predictions, in units of return; 0 turns it off.",
  ),
  learningRate: rate.default(3e-3).describe(
    "Step size of AdamW.",
  ),
  finalLearningRate: optional(
    rate,
    "Step size at the end of training; it changes linearly.",
    "update.learningRate",
  ),
  weightDecay: rate.default(0).describe(
    "Weight decay of AdamW.",
  ),
  valueCoefficient: rate.default(0.05).describe(
    "Weight of the value loss.",
  ),
  entropyCoefficient: z.number().default(0.01)
    .describe("Weight of the entropy bonus."),
  finalEntropyCoefficient: optional(
    z.number(),
    "Weight of the entropy bonus at the end of training; it changes linearly.",
    "update.entropyCoefficient",
  ),
  klCoefficient: rate.default(0).describe(
    "Weight of the KL penalty towards the reference policy.",
  ),
  targetKl: rate.default(0).describe(
    "Approximate KL at which an update stops early; 0 turns it off.",
  ),
  maxGradientNorm: rate.default(1).describe(
    "Largest gradient norm; larger gradients are scaled down.",
  ),
});

/** Defaults of {@linkcode updateSettings}. */
export const UPDATE_DEFAULTS: PpoSettings = updateSettings.parse({});

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
