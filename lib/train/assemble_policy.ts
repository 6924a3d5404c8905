/**
 * The policy that a config names: a compact one with the subgoals of its worlds, or a language model.
 *
 * @module
 */

import { findWorld } from "../envs/open_env.ts";
import type {
  EnvSpec,
  ListAlternatives,
  ProposeStrategy,
  ProposeSubgoals,
  SubgoalRule,
} from "../envs/text_env.ts";
import {
  type CompactPolicy,
  type CompactPolicyOptions,
  createCompactPolicy,
} from "../policy/compact/policy.ts";
import type { StrategyForm } from "../policy/compact/strategies.ts";
import type { LanguagePolicy } from "../policy/language/policy.ts";
import type { CompactPolicyConfig, TrainingConfig } from "./config/config.ts";
import {
  type StrategiesConfig,
  STRATEGY_DEFAULTS,
} from "./config/strategy_settings.ts";
import { assembleLanguagePolicy } from "./assemble_language.ts";
import { UPDATE_DEFAULTS } from "./ppo/update_settings.ts";
import { type IterationProgress, withProgress } from "./progress.ts";

/** A policy that a config can name. */
export type AssembledPolicy = CompactPolicy | LanguagePolicy;

/**
 * Makes the policy that a config describes, on the active backend. The same settings and worlds
 * give the same policy, in any thread. Returns the policy. Caller disposes.
 *
 * @throws {TypeError} If worlds of different kinds share a policy that lists subgoals, or a small
 * model is wanted for worlds without experts.
 * @throws {RangeError} If a model does not fit in memory.
 */
export async function assemblePolicy(
  config: TrainingConfig,
  specs: readonly EnvSpec[],
  options: {
    readonly signal?: AbortSignal | undefined;
    /** Is called with what was chosen so that a model fits in memory. */
    readonly onNotice?: ((message: string) => void) | undefined;
    /** Is called while a language policy plays and learns. */
    readonly onProgress?: ((progress: IterationProgress) => void) | undefined;
  } = {},
): Promise<AssembledPolicy> {
  const { policy, seed } = config;
  if (policy.name === "tinker" || policy.name === "openai") {
    throw new TypeError(
      `Cannot make a policy in this process as "policy.name" must be "compact" or "language": current value is "${policy.name}"`,
    );
  }
  if (policy.name === "compact") {
    const { strategies } = config;
    return createCompactPolicy(
      await compactOptions(policy, { seed, specs, strategies }),
    );
  }
  const { onProgress, ...others } = options;
  const model = await assembleLanguagePolicy(policy, {
    ...config,
    specs,
    ...others,
    ...(policy.planning === "listed" && {
      listSubgoals: await proposerOf(specs),
    }),
  });
  const { epochs: passes = UPDATE_DEFAULTS.epochs } = config.update;
  return onProgress ? withProgress(model, { passes, onProgress }) : model;
}

/** Options of the compact policy that a config describes. */
export async function compactOptions(
  config: CompactPolicyConfig,
  { seed, specs, strategies }: {
    readonly seed: number;
    readonly specs: readonly EnvSpec[];
    readonly strategies?: StrategiesConfig | undefined;
  },
): Promise<CompactPolicyOptions> {
  const { name: _, flat = false, ...settings } = config;
  if (flat) return { ...settings, seed };
  const achieved = (await ruleOf(specs))?.achieved;
  return {
    ...(strategies && {
      strategy: await strategyForm(specs, { ...settings, ...strategies }),
    }),
    ...settings,
    seed,
    proposeSubgoals: await proposerOf(specs, settings.subgoals),
    ...(achieved && settings.subgoals === "steps" && { achieved }),
  };
}

/** Finds the rule of subgoals that all worlds share, if there is one. */
export async function ruleOf(
  specs: readonly EnvSpec[],
): Promise<SubgoalRule | undefined> {
  const rules = new Set<SubgoalRule | undefined>();
  for (const spec of oneOfEachWorld(specs)) {
    rules.add((await findWorld(spec)).subgoalRule);
  }
  const [rule] = rules;
  return rules.size === 1 ? rule : undefined;
}

/** Finds the list of equally good actions that all worlds share; see {@linkcode ListAlternatives}. */
export async function alternativesOf(
  specs: readonly EnvSpec[],
): Promise<ListAlternatives | undefined> {
  const lists = new Set<ListAlternatives | undefined>();
  for (const spec of oneOfEachWorld(specs)) {
    lists.add((await findWorld(spec)).alternatives);
  }
  const [list] = lists;
  return lists.size === 1 ? list : undefined;
}

/**
 * Finds the proposer of subgoals that all worlds share; of steps, where the worlds list them.
 *
 * @throws {TypeError} If there is none.
 */
export async function proposerOf(
  specs: readonly EnvSpec[],
  subgoals: "steps" | "task" = "task",
): Promise<ProposeSubgoals> {
  const proposers = new Set<ProposeSubgoals>();
  for (const spec of oneOfEachWorld(specs)) {
    const { proposeSteps, proposeSubgoals: whole } = await findWorld(spec);
    const proposeSubgoals = subgoals === "steps"
      ? proposeSteps ?? whole
      : whole;
    if (proposeSubgoals === undefined) {
      throw new TypeError(
        `Cannot assemble a training as its worlds must propose subgoals unless "policy.flat" is true: current value is ${
          nameOf(spec)
        }, which has no "proposeSubgoals"`,
      );
    }
    proposers.add(proposeSubgoals);
  }
  const [propose] = proposers;
  if (propose === undefined || proposers.size > 1) {
    throw new TypeError(
      `Cannot assemble a training as its worlds must share a list of subgoals unless "policy.flat" is true: current kinds are ${
        oneOfEachWorld(specs).map(nameOf).join(", ")
      }`,
    );
  }
  return propose;
}

/**
 * How a compact policy composes strategies of what the worlds list.
 *
 * @throws {TypeError} If a strategy is to have several steps, and no rule says when one is achieved.
 */
async function strategyForm(
  specs: readonly EnvSpec[],
  { subgoals, steps }: {
    readonly subgoals?: "steps" | "task";
    readonly steps?: number;
  },
): Promise<StrategyForm> {
  const lists = new Set<ProposeStrategy | undefined>();
  for (const spec of oneOfEachWorld(specs)) {
    lists.add((await findWorld(spec)).proposeStrategy);
  }
  const [listed] = lists.size === 1 ? lists : [];
  const length = steps ?? (listed ? STRATEGY_DEFAULTS.steps : 1);
  const achieved = (await ruleOf(specs))?.achieved;
  if (length > 1 && !achieved) {
    throw new TypeError(
      `Cannot compose strategies of several steps as the worlds must share a rule that says when one is achieved: current value of "strategies.steps" is ${length}`,
    );
  }
  const one = listed ? undefined : await proposerOf(specs, subgoals);
  return {
    steps: length,
    propose: listed ?? ((situation, before) => {
      const proposed = one!(situation);
      if (proposed.length === 0) return [situation.task];
      const others = proposed.filter((step) => step !== before.at(-1));
      return others.length > 0 ? others : proposed;
    }),
    ...(achieved && { achieved }),
  };
}

/** One specification of each record, as there may be thousands of worlds. */
function oneOfEachWorld(specs: readonly EnvSpec[]): EnvSpec[] {
  return [...new Map(specs.map((spec) => [nameOf(spec), spec])).values()];
}

function nameOf({ kind, url }: EnvSpec): string {
  return kind === "module" ? `"module" ${url}` : `"${kind}"`;
}
