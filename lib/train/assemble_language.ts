/**
 * A language policy from its settings: loaded from a folder, or made for the worlds at hand.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { EnvSpec } from "../envs/text_env.ts";
import {
  createLanguagePolicy,
  openLanguagePolicy,
} from "../policy/language/loading.ts";
import type { Qwen2Config } from "../policy/decoder/config.ts";
import type { LanguagePolicy } from "../policy/language/policy.ts";
import { formatPrompt } from "../policy/language/prompts.ts";
import { expertPolicy } from "../policy/plan_execute.ts";
import {
  createWorldTokenizer,
  formatBriefPrompt,
  formatTranscript,
} from "../policy/language/small_model.ts";
import { createRandom } from "../random.ts";
import { collectTrajectories } from "../rollout/collect.ts";
import { withHints } from "../rollout/hints.ts";
import { scheduleEpisodes } from "../rollout/schedule.ts";
import type { Situation, Trajectory } from "../trajectory.ts";
import type { LanguagePolicyConfig, TrainingConfig } from "./config/config.ts";

/** Episodes of an expert from which a small model's words are taken. */
const LISTENED = 256;

/** Numbers of a state that one head of a small model sees. */
const HEAD_SIZE = 32;

/** Tokens of a transcript's start and of each turn: what is seen ends at 600 characters, each of them a token at worst. */
const TRANSCRIPT_START = 1024, TRANSCRIPT_TURN = 1024;

/** What a policy may be shown. */
const PROMPTS = {
  rules: (situation: Situation) => formatPrompt(situation),
  brief: (situation: Situation) => formatBriefPrompt(situation),
  // A small model finds the task sooner where it always stands at the same distance.
  transcript: (situation: Situation) =>
    formatTranscript(situation, { repeatTask: true }),
} as const;

/** What a language policy is made for. */
type Surroundings = Pick<TrainingConfig, "seed" | "rollout" | "evaluation"> & {
  readonly specs: readonly EnvSpec[];
  readonly signal?: AbortSignal | undefined;
};

/**
 * Makes the policy that a config describes.
 *
 * @param policy Its settings.
 * @param options Seed, turn limit and worlds, and a signal to stop by.
 * @returns The policy. Caller disposes.
 * @throws {TypeError} If a small model is wanted for worlds without experts.
 */
export async function assembleLanguagePolicy(
  policy: LanguagePolicyConfig,
  options: Surroundings,
): Promise<LanguagePolicy> {
  const { name: _, directory, layers, hiddenSize, loraRank = 0, ...others } =
    policy;
  const { prompt, ...speech } = others;
  const { seed, signal } = options;
  const shown = prompt ?? (directory === undefined ? "brief" : "rules");
  const settings = {
    ...speech,
    seed,
    prompt: PROMPTS[shown],
    reuseKvCache: shown === "transcript",
    ...(signal && { signal }),
    ...(loraRank > 0 && { lora: { rank: loraRank } }),
  };
  if (directory !== undefined) {
    return await openLanguagePolicy(directory, settings);
  }
  return createLanguagePolicy({
    ...settings,
    tokenizer: createWorldTokenizer(await playExpert(options), PROMPTS[shown]),
    size: {
      ...(layers !== undefined && { layers }),
      ...(hiddenSize !== undefined && sizesOf(hiddenSize)),
      ...(shown === "transcript" && {
        maxLength: TRANSCRIPT_START + TRANSCRIPT_TURN * mostTurns(options),
      }),
    },
  });
}

/** Turns of the longest episode that will be played. */
function mostTurns({ rollout, evaluation }: Surroundings): number {
  return Math.max(rollout.maxTurns, evaluation.maxTurns);
}

/** Sizes of a small model by its width. */
function sizesOf(hiddenSize: number): Partial<Qwen2Config> {
  const kvHeads = Math.max(1, Math.floor(hiddenSize / (2 * HEAD_SIZE)));
  return {
    hiddenSize,
    intermediateSize: 2 * hiddenSize,
    heads: 2 * kvHeads,
    kvHeads,
  };
}

/** Plays some episodes as an expert would. */
async function playExpert(options: Surroundings): Promise<Trajectory[]> {
  const { seed, specs, rollout } = options;
  const open = withHints(createEnvOpener());
  const episodes = scheduleEpisodes(specs, {
    random: createRandom(seed).fork("words"),
    tasks: LISTENED,
    maxTurns: rollout.maxTurns,
    ...(rollout.balanceBy === undefined
      ? {}
      : { balanceBy: rollout.balanceBy }),
  });
  return await collectTrajectories(expertPolicy(), episodes, { open });
}
