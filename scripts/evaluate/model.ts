/**
 * A published model put in the place of a preset's policy, to be judged without training.
 *
 * @module
 */

import type { PartialDeep, TrainingConfig } from "../../mod.ts";

/**
 * Settings of a model's policy in a preset's worlds. A preset of published models keeps its way of asking; in any
 * other the model is shown rules and an example, and writes its replies freely.
 *
 * @param model Folder, GGUF file or hub name.
 * @param preset The preset's settings.
 * @returns Settings that replace the preset's policy.
 */
export function modelSettings(
  model: string,
  preset: PartialDeep<TrainingConfig>,
): PartialDeep<TrainingConfig> {
  const asked = preset.policy?.name === "language" &&
    preset.policy.directory === "";
  return {
    policy: {
      name: "language",
      directory: model,
      // An adapter without effect keeps the weights frozen, in 16 bits where they are published so.
      ...(!asked && { loraRank: 1 }),
      ...(!asked && { prompt: "rules", decoding: "free", maxReplyTokens: 96 }),
    },
    // One model reads slowly: few episodes say what it can. At 1 a small model writes no form at all.
    ...(!asked && { evaluation: { tasks: 20, temperature: 0.4 } }),
  };
}
