/**
 * The parts of a training whose language model is on an engine: policy, learner, critic, and what they cost.
 *
 * @module
 */

import type { EnvSpec } from "../../envs/text_env.ts";
import { checkTrustSettings } from "../../hae/boundary_trust.ts";
import { estimatorOf } from "../../hae/credit.ts";
import {
  createTokenizer,
  readTokenizer,
} from "../../policy/language/tokenizer.ts";
import type { TextTokenizer } from "../../policy/language/tokenizer.ts";
import { createWorldTokenizer } from "../../policy/language/small_model.ts";
import type { Learner } from "../../policy/policy.ts";
import { dialectOf } from "../../remote/tinker/dialects.ts";
import { TinkerEngine } from "../../remote/tinker/engine.ts";
import {
  createTinkerPolicy,
  type TinkerPolicy,
} from "../../remote/tinker/policy.ts";
import type { TinkerPolicyConfig } from "../../remote/tinker/settings.ts";
import { playExpert, PROMPTS } from "../assemble_language.ts";
import type { TrainingConfig } from "../config/config.ts";
import { createLinearCritic } from "../critic/linear_critic.ts";
import { LocalCritic, type ValueModel } from "../critic/local_critic.ts";
import { createNetworkCritic } from "../critic/network_critic.ts";
import type { TrainingParts } from "../training.ts";
import { checkEngineUpdate, createEngineLearner } from "./learner.ts";

/** What a training on an engine is made of. */
export interface EngineParts extends
  Required<
    Pick<TrainingParts, "costs">
  >,
  Pick<TrainingParts, "critic"> {
  readonly policy: TinkerPolicy;
  readonly learner: Learner;
  /** Ends the session and frees the critic. */
  readonly end: () => Promise<void>;
}

/**
 * Opens a session with the engine that a config names, and makes policy, learner and critic.
 *
 * @throws {TypeError} If a setting has no effect on this engine, or the base model is not offered.
 * @throws {TinkerError} If the server cannot be reached or refuses.
 */
export async function assembleEngine(
  config: TrainingConfig & { readonly policy: TinkerPolicyConfig },
  options: {
    specs: readonly EnvSpec[];
    signal?: AbortSignal | undefined;
    onNotice?: ((message: string) => void) | undefined;
  },
): Promise<EngineParts> {
  const { policy: settings, seed, record } = config;
  const { specs, signal, onNotice } = options;
  const { url, baseModel, dialect, keyFile, rank } = settings;
  checkEngineUpdate(config, dialectOf(url, dialect));
  const critic = criticOf(config);
  const tokenizer = await tokenizerOf(config, specs);
  const engine = await TinkerEngine.open({
    url,
    baseModel,
    rank,
    seed,
    ...(dialect !== undefined && { dialect }),
    ...(keyFile !== undefined && { keyFile }),
    ...(signal && { signal }),
    ...(onNotice && { onNotice }),
  });
  const policy = createTinkerPolicy({
    engine,
    tokenizer,
    prompt: PROMPTS[settings.prompt ?? "rules"],
    maxReplyTokens: settings.maxReplyTokens,
    temperature: settings.temperature,
    repair: settings.repair,
    episodesInFlight: settings.episodesInFlight,
    ...(signal && { signal }),
  });
  let before = engine.costs;
  return {
    policy,
    learner: createEngineLearner(policy, {
      checkpointsKept: record.checkpointsKept,
      companions: critic ? [critic] : [],
    }),
    ...(critic && { critic: (batch) => critic.credit(batch) }),
    costs() {
      const { requests, repeats, bytesSent, waitingSeconds } = engine.costs;
      const costs = {
        "engine/requests": requests - before.requests,
        "engine/repeats": repeats - before.repeats,
        "engine/bytes_sent": bytesSent - before.bytesSent,
        "engine/waiting_seconds": waitingSeconds - before.waitingSeconds,
      };
      before = engine.costs;
      return costs;
    },
    async end() {
      critic?.dispose();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** The critic of a config; none for estimators that need no values. */
function criticOf(
  config: TrainingConfig & { readonly policy: TinkerPolicyConfig },
): LocalCritic | undefined {
  const { estimator, rollout: { maxTurns }, seed, policy: { critic } } = config;
  if (!estimatorOf(estimator.name).critic) return undefined;
  if (estimator.name === "hae") checkTrustSettings(estimator);
  const models: Record<typeof critic, () => ValueModel | undefined> = {
    linear: () => createLinearCritic({ maxTurns }),
    network: () => createNetworkCritic({ maxTurns, seed }),
    group: () => undefined,
  };
  return new LocalCritic(estimator, models[critic]());
}

/** The base model's tokenizer; without a folder one of the words that the worlds' experts meet. */
async function tokenizerOf(
  config: TrainingConfig & { readonly policy: TinkerPolicyConfig },
  specs: readonly EnvSpec[],
): Promise<TextTokenizer> {
  const { tokenizer: directory, prompt } = config.policy;
  if (directory !== undefined) return await readTokenizer(directory);
  const { seed, rollout, evaluation } = config;
  const played = await playExpert({ seed, rollout, evaluation, specs });
  return createTokenizer(
    createWorldTokenizer(played, PROMPTS[prompt ?? "rules"]),
  );
}
