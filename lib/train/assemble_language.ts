/**
 * The language policy that a config names: a published model from a folder, or a small one made for its worlds.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { EnvSpec, ProposeSubgoals } from "../envs/text_env.ts";
import { mean } from "../numeric.ts";
import { memoryLimit } from "../policy/backends/memory_limit.ts";
import type { Qwen2Config } from "../policy/decoder/config.ts";
import {
  createLanguagePolicy,
  frozenBytesOf,
  openLanguagePolicy,
} from "../policy/language/loading.ts";
import {
  formatActionPrompt,
  formatFacts,
  formatTaught,
} from "../policy/language/model_prompts.ts";
import type { LanguagePolicy } from "../policy/language/policy.ts";
import { formatPrompt } from "../policy/language/prompts.ts";
import type { LanguageOptions } from "../policy/language/replies.ts";
import {
  formatStrategic,
  formatStrategicFacts,
} from "../policy/language/strategy_prompts.ts";
import {
  createWorldTokenizer,
  formatBriefPrompt,
  formatTranscript,
} from "../policy/language/small_model.ts";
import { openPublished } from "../policy/decoder/published.ts";
import { expertPolicy } from "../policy/plan_execute.ts";
import { createRandom } from "../random.ts";
import { collectTrajectories } from "../rollout/collect.ts";
import { withHints } from "../rollout/hints.ts";
import { scheduleEpisodes } from "../rollout/schedule.ts";
import { withOwnStrategy } from "../rollout/replay.ts";
import type { Situation, Trajectory } from "../trajectory.ts";
import type { LanguagePolicyConfig, TrainingConfig } from "./config/config.ts";
import {
  type MemoryPlan,
  type MemoryWishes,
  planMemory,
} from "./memory_plan.ts";

/** Expert episodes that supply a small model's vocabulary. */
const VOCABULARY_EPISODES = 256;

/** Head size of a small model. */
const HEAD_SIZE = 32;

/** Tokens of a transcript's start and of each turn: an observation has at most 600 characters, one token each at worst. */
const TRANSCRIPT_START = 1024, TRANSCRIPT_TURN = 1024;

/** Tokens from which on a model's context is cut, where no length is set. */
const USUAL_CONTEXT = 4096;

/** Seed, turn limits, strategies and worlds of a language policy. */
type Surroundings =
  & Pick<TrainingConfig, "seed" | "rollout" | "evaluation" | "strategies">
  & {
    readonly specs: readonly EnvSpec[];
    readonly signal?: AbortSignal | undefined;
    /** Is called with what was chosen so that the model fits in memory. */
    readonly onNotice?: ((message: string) => void) | undefined;
    /** Subgoals that the worlds propose. */
    readonly listSubgoals?: ProposeSubgoals;
  };

/** Prompt formats by name, for policies on engines, which are asked text by text. */
export const PROMPTS = {
  rules: (situation: Situation) => formatPrompt(situation),
  brief: (situation: Situation) => formatBriefPrompt(situation),
  transcript: (situation: Situation) =>
    formatTranscript(situation, { repeatTask: true }),
} as const;

/** How prompts are written, of a kind by name. */
type Prompts = Pick<LanguageOptions, "prompt" | "actionPrompt">;

/** Writers of prompts as a config describes them. */
function promptsOf(
  config: LanguagePolicyConfig,
  strategic: boolean,
): Prompts & { readonly shown: Shown } {
  const { directory, historyLength, observationLimit, executor } = config;
  const shown = config.prompt ?? (directory === undefined ? "brief" : "rules");
  const limits = {
    ...(historyLength !== undefined && { historyLength }),
    ...(observationLimit !== undefined && { observationLimit }),
  };
  const alone = executor === "subgoal";
  // What is admissible is not listed where nothing else can be written.
  const actions = config.decoding !== "admissible";
  const facts = { ...limits, actions: actions && !alone };
  if (strategic) {
    const write = {
      rules: formatStrategic,
      facts: formatStrategicFacts,
      brief: formatBriefPrompt,
      transcript: formatBriefPrompt, // refused with strategies
    }[shown];
    const options = { ...facts, plan: "Strategy" };
    return { shown, prompt: (situation) => write(situation, options) };
  }
  const write: Record<Shown, NonNullable<Prompts["prompt"]>> = {
    rules: (situation) => formatTaught(situation, facts),
    facts: (situation) =>
      formatFacts(situation, {
        ...facts,
        ...(alone && { system: "Choose a subgoal." }),
      }),
    brief: (situation) => formatBriefPrompt(situation, limits),
    // At a constant distance a small model attends to the task sooner.
    transcript: (situation) =>
      formatTranscript(situation, { ...limits, repeatTask: true }),
  };
  return {
    shown,
    prompt: write[shown],
    ...(alone && {
      actionPrompt: (situation, subgoal) =>
        formatActionPrompt(situation, subgoal, {
          ...{ ...limits, actions },
          historyLength: config.executorHistory ?? 0,
        }),
    }),
  };
}

/** Name of a prompt's kind. */
type Shown = NonNullable<LanguagePolicyConfig["prompt"]>;

/**
 * Makes the policy that a config describes. Returns the policy. Caller disposes.
 *
 * @throws {TypeError} If a small model is wanted for worlds without experts.
 */
export async function assembleLanguagePolicy(
  config: LanguagePolicyConfig,
  options: Surroundings,
): Promise<LanguagePolicy> {
  const policy = await openOrCreate(config, options);
  const { switchBias } = config;
  // What was trained with an offset keeps it.
  if (switchBias === undefined || policy.keepOffset !== 0) return policy;
  try {
    return policy.withKeepOffset(
      await findKeepOffset(policy, { ...options, switchBias }),
    );
  } catch (error) {
    policy.dispose();
    throw error;
  }
}

/** Settings that the policy takes as they are. */
const DECODING = [
  "critic",
  "decoding",
  "valueScale",
  "maxReplyTokens",
  "maxContentTokens",
  "batchSize",
  "readTokens",
  "microbatchTokens",
  "tokensPerReadback",
  "recompute",
  "frozenPrecision",
  "temperature",
  "temperatures",
  "topP",
  "topK",
  "skipThinking",
  "mode",
] as const satisfies readonly (keyof LanguagePolicyConfig)[];

/** The entries of some keys, where they are there. */
function pick<T extends object, K extends keyof T>(
  all: T,
  keys: readonly K[],
): Pick<T, K> {
  const entries = keys.filter((key) => key in all).map((
    key,
  ) => [key, all[key]]);
  return Object.fromEntries(entries) as Pick<T, K>;
}

async function openOrCreate(
  config: LanguagePolicyConfig,
  options: Surroundings,
): Promise<LanguagePolicy> {
  const { directory, adapter, layers, hiddenSize, contextLength } = config;
  const { loraRank = 0, loraAlpha, loraTargets } = config;
  const decoding = pick(config, DECODING);
  const { seed, signal, listSubgoals } = options;
  const strategies = options.strategies !== undefined;
  const { shown, ...prompts } = promptsOf(config, strategies);
  const settings = {
    ...decoding,
    ...prompts,
    strategies,
    seed,
    recompute: decoding.recompute ?? directory !== undefined,
    reuseKvCache: shown === "transcript",
    ...(signal && { signal }),
    ...(listSubgoals && { listSubgoals }),
    ...(loraRank > 0 && {
      lora: {
        rank: loraRank,
        ...(loraAlpha !== undefined && { alpha: loraAlpha }),
        ...(loraTargets && { targets: loraTargets }),
      },
    }),
  };
  if (directory !== undefined) {
    const { contextLength: maxLength, ...planned } = await planModel(
      directory,
      { ...options, config, settings },
    );
    return await openLanguagePolicy(directory, {
      ...{ ...settings, ...planned },
      maxLength,
      ...(adapter !== undefined && { adapter }),
    });
  }
  return createLanguagePolicy({
    ...settings,
    tokenizer: createWorldTokenizer(
      await playVocabulary(options),
      prompts.prompt,
    ),
    size: {
      ...(layers !== undefined && { layers }),
      ...(hiddenSize !== undefined && sizesOf(hiddenSize)),
      ...(shown === "transcript" && {
        maxLength: TRANSCRIPT_START + TRANSCRIPT_TURN * mostTurns(options),
      }),
      ...(contextLength !== undefined && { maxLength: contextLength }),
    },
  });
}

/** Sizes of batches with which a model fits in memory; it is refused before it is loaded. */
async function planModel(
  directory: string,
  { config, settings, onNotice }: Surroundings & {
    readonly config: LanguagePolicyConfig;
    readonly settings: Omit<
      MemoryWishes,
      "usualContext" | "contextLength" | "frozenBytes"
    >;
  },
): Promise<Omit<MemoryPlan, "notice">> {
  const { contextLength, adapter, frozenPrecision } = config;
  const limit = await memoryLimit();
  if (!limit) return { contextLength: contextLength ?? USUAL_CONTEXT };
  const published = await openPublished(directory);
  // The rank of an adapter that is read is not known yet.
  const lora = settings.lora ??
    (adapter === undefined ? undefined : { rank: 32 });
  const adapted = lora !== undefined;
  const { notice, ...plan } = planMemory(published.config, {
    ...{ name: directory, limit },
    wishes: {
      ...settings,
      ...(lora && { lora }),
      frozenBytes: frozenBytesOf(published, { adapted, frozenPrecision }),
      ...{ contextLength, usualContext: USUAL_CONTEXT },
    },
  });
  if (notice !== undefined) onNotice?.(notice);
  const { readTokens = Infinity } = config;
  return plan.readTokens === undefined || plan.readTokens <= readTokens
    ? plan
    : { ...plan, readTokens };
}

/** Episodes of experts that are open at the same time. */
const AT_ONCE = 16;

/** Tasks and turns that an offset of KEEP is measured on. */
const MEASURED = { tasks: 8, maxTurns: 3 } as const;

/** The offset of KEEP that gives the untrained policy a mean logit of SWITCH. */
async function findKeepOffset(
  policy: LanguagePolicy,
  { seed, specs, rollout, signal, switchBias }: Surroundings & {
    readonly switchBias: number;
  },
): Promise<number> {
  const random = createRandom(seed).fork("switch bias");
  const { balanceBy } = rollout;
  const episodes = scheduleEpisodes(specs, {
    random,
    ...MEASURED,
    ...(balanceBy !== undefined && { balanceBy }),
  });
  const played = await collectTrajectories(policy, episodes, {
    bootstrap: false,
    ...(signal && { signal }),
  });
  const logits = played.flatMap(({ turns }) =>
    turns.slice(1).map(({ decision: { trace, switched } }) => {
      if (trace.kind !== "tokens" || !trace.spans.switching) return NaN;
      const { start, end } = trace.spans.switching;
      const logProb = trace.logProbs.subarray(start, end)
        .reduce((sum, one) => sum + one, 0);
      const logit = logProb - Math.log(-Math.expm1(Math.min(logProb, -1e-12)));
      return switched ? logit : -logit;
    })
  ).filter(Number.isFinite);
  return logits.length === 0 ? 0 : mean(logits) - switchBias;
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

/** Expert episodes for a small model's vocabulary, with strategies where it writes them. */
async function playVocabulary(options: Surroundings): Promise<Trajectory[]> {
  const played = await playExpert(options);
  return options.strategies ? played.map(withOwnStrategy) : played;
}

/** Plays episodes by the worlds' experts. */
export async function playExpert(options: Surroundings): Promise<Trajectory[]> {
  const { seed, specs, rollout } = options;
  await using opener = createEnvOpener();
  const open = withHints(opener);
  const episodes = scheduleEpisodes(specs, {
    random: createRandom(seed).fork("words"),
    tasks: VOCABULARY_EPISODES,
    maxTurns: rollout.maxTurns,
    ...(rollout.balanceBy === undefined
      ? {}
      : { balanceBy: rollout.balanceBy }),
  });
  const played: Trajectory[] = [];
  // Worlds that run in programs of their own hold so many at once.
  for (let at = 0; at < episodes.length; at += AT_ONCE) {
    const some = episodes.slice(at, at + AT_ONCE);
    played.push(
      ...await collectTrajectories(expertPolicy(), some, { open }),
    );
  }
  return played;
}
