/**
 * The policy that a config names, and who lists subgoals for it.
 *
 * @module
 */

import { proposeCorridorSubgoals } from "../envs/corridor.ts";
import {
  listHouseholdAlternatives,
  proposeHouseholdSubgoals,
} from "../envs/household/subgoals.ts";
import type {
  EnvSpec,
  ListAlternatives,
  ProposeSubgoals,
} from "../envs/text_env.ts";
import { proposeWebshopSubgoals } from "../envs/webshop/subgoals.ts";
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
 * @returns The policy. Caller disposes.
 * @throws {TypeError} If worlds of different kinds share a policy that lists subgoals, or a small
 * model is wanted for worlds without experts.
 */
export async function assemblePolicy(
  config: TrainingConfig,
  specs: readonly EnvSpec[],
): Promise<AssembledPolicy> {
  const { policy, seed } = config;
  return policy.name === "language"
    ? await assembleLanguagePolicy(policy, { ...config, specs })
    : compactPolicy(policy, seed, specs);
}

function compactPolicy(
  config: CompactPolicyConfig,
  seed: number,
  specs: readonly EnvSpec[],
): CompactPolicy {
  const { name: _, flat = false, ...sizes } = config;
  return createCompactPolicy({
    ...sizes,
    seed,
    ...(flat ? {} : { proposeSubgoals: proposerOf(specs) }),
  });
}

/** Who lists subgoals in each kind of world. */
const PROPOSERS: Readonly<Record<string, ProposeSubgoals>> = {
  alfred: proposeHouseholdSubgoals,
  corridor: proposeCorridorSubgoals,
  game: proposeHouseholdSubgoals,
  household: proposeHouseholdSubgoals,
  webshop: proposeWebshopSubgoals,
};

/** Worlds where an expert may search. */
const SEARCHED: readonly string[] = ["alfred", "game", "household"];

/**
 * Finds who lists actions that are as good as an expert's to someone who knows only what was told.
 *
 * @param specs Worlds.
 * @returns Who lists them, if all worlds are households.
 */
export function alternativesOf(
  specs: readonly EnvSpec[],
): ListAlternatives | undefined {
  return specs.every(({ kind }) => SEARCHED.includes(kind))
    ? listHouseholdAlternatives
    : undefined;
}

/**
 * Finds the one proposer that all worlds share.
 *
 * @param specs Worlds.
 * @returns Who lists subgoals there.
 * @throws {TypeError} If there is none.
 */
export function proposerOf(specs: readonly EnvSpec[]): ProposeSubgoals {
  const kinds = [...new Set(specs.map((spec) => spec.kind))];
  const unknown = kinds.find((kind) => !Object.hasOwn(PROPOSERS, kind));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot assemble a training as each kind of world must be one of ${
        Object.keys(PROPOSERS).join(", ")
      } unless "policy.flat" is true: current value is "${unknown}"`,
    );
  }
  const proposers = new Set(kinds.map((kind) => PROPOSERS[kind]));
  const [propose] = proposers;
  if (propose === undefined || proposers.size > 1) {
    throw new TypeError(
      `Cannot assemble a training as its worlds must share a list of subgoals unless "policy.flat" is true: current kinds are ${
        kinds.map((kind) => `"${kind}"`).join(", ")
      }`,
    );
  }
  return propose;
}
