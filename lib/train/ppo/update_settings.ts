/**
 * Settings of an update: the learner's defaults, and how settings move while training goes on.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { count, optional, positive, rate } from "../../settings.ts";
import type { UpdateOptions } from "../../policy/policy.ts";

/** Settings of an update that stay absent. */
type Absent = "aggregationLength" | "adaptiveKl" | "samplerCorrection";

/** Settings of an update with every default filled in, as they are at one moment of training. */
export type PpoSettings =
  & Required<
    Omit<
      UpdateOptions,
      "finalLearningRate" | "finalEntropyCoefficient" | Absent
    >
  >
  & Pick<UpdateOptions, Absent>;

/** How losses of units become one number. */
export const AGGREGATIONS = [
  "token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-mean",
  "seq-mean-token-sum-norm",
] as const;

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
  loss: z.enum(["ppo", "gspo"]).default("ppo").describe(
    "Whose probability ratio is clipped: that of each unit (PPO), or one of all units of a turn (GSPO), which has no dual clip.",
  ),
  aggregation: optional(
    z.enum(AGGREGATIONS),
    "How losses of units become one number; a sequence is a turn. GSPO knows seq-mean-token-mean alone.",
    '"token-mean", and "seq-mean-token-mean" with GSPO',
  ),
  aggregationLength: optional(
    count,
    "Divisor of seq-mean-token-sum-norm: units of the longest sequence.",
    "policy.maxReplyTokens, and 3 decisions of a compact policy",
  ),
  samplerCorrection: optional(
    z.strictObject({
      level: optional(
        z.enum(["token", "sequence"]),
        "Whether each unit has a weight of its own, or all units of a turn that of their product.",
        "token",
      ),
      limit: optional(positive, "Largest weight.", 2),
    }),
    "Truncated importance sampling for units that another engine or precision drew: the learner scores them again, and weighs advantages by the ratio of its probability to the sampler's.",
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
  klEstimator: z.enum(["k1", "k2", "k3", "abs", "kl", "mse", "low_var_kl"])
    .default("k3").describe(
      "Estimator of that divergence, with x = log p - log p_reference: k1 (kl) is x, k2 (mse) x^2 / 2, k3 (low_var_kl) e^-x + x - 1, abs |x|.",
    ),
  klPlacement: z.enum(["loss", "reward"]).default("loss").describe(
    "Whether the divergence is a term of the loss, or is taken out of rewards before credit is assigned.",
  ),
  adaptiveKl: optional(
    z.strictObject({
      target: positive.describe(
        "Divergence of a turn's units on average to aim at, in nats.",
      ),
      horizon: optional(
        count,
        "Turns over which the coefficient may change by about a fifth.",
        10000,
      ),
    }),
    "Moves update.klCoefficient after each update towards what holds the divergence at a target; absent leaves it.",
  ),
  targetKl: rate.default(0).describe(
    "Approximate KL at which an update stops early; 0 turns it off.",
  ),
  maxGradientNorm: rate.default(1).describe(
    "Largest gradient norm; larger gradients are scaled down.",
  ),
});

/** Defaults of {@linkcode updateSettings}. */
export const UPDATE_DEFAULTS: PpoSettings = {
  ...updateSettings.parse({}),
  aggregation: "token-mean",
};

/** Fills in defaults, and moves what has a final value to where it is after a share `progress` of training. */
export function settingsAt(
  options: UpdateOptions & { readonly progress?: number },
): PpoSettings {
  const { progress = 0, finalLearningRate, finalEntropyCoefficient, ...given } =
    options;
  const { loss = UPDATE_DEFAULTS.loss } = given;
  const aggregation = loss === "gspo" ? "seq-mean-token-mean" : "token-mean";
  const filled: PpoSettings = { ...UPDATE_DEFAULTS, aggregation, ...given };
  const at = (from: number, to = from) => from + (to - from) * progress;
  return {
    ...filled,
    learningRate: at(filled.learningRate, finalLearningRate),
    entropyCoefficient: at(filled.entropyCoefficient, finalEntropyCoefficient),
  };
}
