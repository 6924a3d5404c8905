/**
 * The policy that a config names, with the subgoals that its worlds propose.
 *
 * @module
 */

import { findWorld } from "../envs/open_env.ts";
import type {
  EnvSpec,
  ListAlternatives,
  ProposeSubgoals,
} from "../envs/text_env.ts";
import {
  type CompactPolicy,
  createCompactPolicy,
} from "../policy/compact/policy.ts";
import type { LanguagePolicy } from "../policy/language/policy.ts";
import { assembleLanguagePolicy } from "./assemble_language.ts";
import type { CompactPolicyConfig, TrainingConfig } from "./config/config.ts";

/** A policy that a config can name. */
export type AssembledPolicy = CompactPolicy | LanguagePolicy;

/**
 * Makes the policy that a config describes, on the active backend. The same settings and worlds
 * give the same policy, in any thread.
 *
 * @param config Every setting.
 * @param specs Worlds to learn in.
 * @param signal Stops while a language policy generates, by throwing its reason.
 * @returns The policy. Caller disposes.
 * @throws {TypeError} If worlds of different kinds share a policy that lists subgoals, or a small
 * model is wanted for worlds without experts.
 */
export async function assemblePolicy(
  config: TrainingConfig,
  specs: readonly EnvSpec[],
  signal?: AbortSignal,
): Promise<AssembledPolicy> {
  const { policy, seed } = config;
  return policy.name === "language"
    ? await assembleLanguagePolicy(policy, { ...config, specs, signal })
    : await compactPolicy(policy, seed, specs);
}

async function compactPolicy(
  config: CompactPolicyConfig,
  seed: number,
  specs: readonly EnvSpec[],
): Promise<CompactPolicy> {
  const { name: _, flat = false, ...sizes } = config;
  return createCompactPolicy({
    ...sizes,
    seed,
    ...(flat ? {} : { proposeSubgoals: await proposerOf(specs) }),
  });
}

/**
 * Finds the list of equally good actions that all worlds share; see {@linkcode ListAlternatives}.
 *
 * @param specs Worlds.
 * @returns The list, if every world has the same one.
 */
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
 * Finds the proposer of subgoals that all worlds share.
 *
 * @param specs Worlds.
 * @returns The proposer.
 * @throws {TypeError} If there is none.
 */
export async function proposerOf(
  specs: readonly EnvSpec[],
): Promise<ProposeSubgoals> {
  const proposers = new Set<ProposeSubgoals>();
  for (const spec of oneOfEachWorld(specs)) {
    const { proposeSubgoals } = await findWorld(spec);
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

/** One specification of each record, as there may be thousands of worlds. */
function oneOfEachWorld(specs: readonly EnvSpec[]): EnvSpec[] {
  return [...new Map(specs.map((spec) => [nameOf(spec), spec])).values()];
}

function nameOf({ kind, url }: EnvSpec): string {
  return kind === "module" ? `"module" ${url}` : `"${kind}"`;
}
