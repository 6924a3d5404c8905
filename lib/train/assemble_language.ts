/**
 * A language policy from its settings: loaded from a folder, or made for the worlds at hand.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { EnvSpec } from "../envs/text_env.ts";
import {
  createLanguagePolicy,
  loadLanguagePolicy,
} from "../policy/language_loading.ts";
import type { LanguagePolicy } from "../policy/language_policy.ts";
import { expertPolicy } from "../policy/plan_execute.ts";
import {
  buildWorldTokenizer,
  formatBriefPrompt,
} from "../policy/small_world.ts";
import { createRandom } from "../random.ts";
import { collectTrajectories } from "../rollout/collect.ts";
import { withHints } from "../rollout/hints.ts";
import { scheduleEpisodes } from "../rollout/schedule.ts";
import type { LanguagePolicyConfig, TrainingConfig } from "./config.ts";

/** Episodes of an expert from which a small model's words are taken. */
const LISTENED = 64;

/**
 * Makes the policy that a config describes.
 *
 * @param policy Its settings.
 * @param options Seed, turn limit and worlds.
 * @returns The policy. Caller disposes.
 * @throws {TypeError} If a small model is wanted for worlds without experts.
 */
export async function assembleLanguagePolicy(
  policy: LanguagePolicyConfig,
  options: Pick<TrainingConfig, "seed" | "rollout"> & {
    readonly specs: readonly EnvSpec[];
  },
): Promise<LanguagePolicy> {
  const { name: _, directory, layers, width, loraRank = 0, ...speech } = policy;
  const { seed } = options;
  const settings = {
    ...speech,
    seed,
    ...(loraRank > 0 && { lora: { rank: loraRank } }),
  };
  if (directory !== undefined) {
    return await loadLanguagePolicy(directory, settings);
  }
  return createLanguagePolicy({
    ...settings,
    prompt: (situation) => formatBriefPrompt(situation),
    tokenizer: buildWorldTokenizer(await listen(options)),
    size: {
      ...(layers !== undefined && { layers }),
      ...(width !== undefined && { width, innerWidth: 2 * width }),
    },
  });
}

/** Plays some episodes as an expert would. */
async function listen(
  options: Pick<TrainingConfig, "seed" | "rollout"> & {
    readonly specs: readonly EnvSpec[];
  },
) {
  const { seed, specs, rollout } = options;
  const { open, hint } = withHints(createEnvOpener());
  const episodes = scheduleEpisodes(specs, {
    random: createRandom(seed).fork("words"),
    tasks: LISTENED,
    maxTurns: rollout.maxTurns,
  });
  return await collectTrajectories(expertPolicy(hint), episodes, { open });
}
