/**
 * The one place where names in a config become objects.
 *
 * @module
 */

import { proposeCorridorSubgoals } from "../envs/corridor.ts";
import { proposeHouseholdSubgoals } from "../envs/household_subgoals.ts";
import {
  createEnvOpener,
  type EnvDataset,
  listEnvs,
} from "../envs/open_env.ts";
import type { EnvSpec, Hint, ProposeSubgoals } from "../envs/text_env.ts";
import { proposeWebshopSubgoals } from "../envs/webshop_subgoals.ts";
import { assignCredit } from "../hae/credit.ts";
import { type Backend, selectBackend } from "../policy/backend.ts";
import {
  type CompactPolicy,
  createCompactPolicy,
} from "../policy/compact_policy.ts";
import type { LanguagePolicy } from "../policy/language_policy.ts";
import { createEnvPool } from "../rollout/env_pool.ts";
import { withHints } from "../rollout/hints.ts";
import {
  type Baseline,
  type BaselineName,
  createBaseline,
} from "./baselines.ts";
import { assembleLanguagePolicy } from "./assemble_language.ts";
import type {
  CompactPolicyConfig,
  TrainingConfig,
  WorldConfig,
} from "./config.ts";
import type { EvaluationSets } from "./evaluation.ts";
import { createPpoLearner } from "./ppo_learner.ts";
import { createTraining, type Training } from "./training.ts";
import { prepareWarmStart } from "./warm_start.ts";

/** What an assembled training does not read from its config. */
export interface AssembleOptions {
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a training from names alone: backend, worlds, policy, learner.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { assembleTraining, defineConfig } from "@hiper/lab";
 *
 * const config = defineConfig({
 *   worlds: [{ kind: "corridor", length: 3, doors: 0 }],
 *   rollout: { tasks: 4, maxTurns: 6 },
 *   iterations: 2,
 *   backend: "cpu",
 * });
 * await using training = await assembleTraining(config);
 * for await (const { metrics } of training) ok(metrics.success_rate! >= 0);
 * ```
 *
 * @param config Every setting; see `defineConfig`.
 * @param options A signal to stop by.
 * @returns A training that has not begun. Caller disposes.
 * @throws {RangeError} If a setting of the estimator is out of range, or it compares the episodes of a group, and groups have one.
 * @throws {TypeError} If a name is unknown, or worlds of different kinds share a policy that lists subgoals.
 */
export async function assembleTraining(
  config: TrainingConfig,
  options: AssembleOptions = {},
): Promise<Training> {
  const { signal } = options;
  assignCredit([], config.estimator); // says now what it would say after the first episodes
  checkGroups(config);
  const backend = await chooseBackend(config);
  const specs = await listWorlds(config.worlds);
  const evaluation = await listSets(config.evaluation.sets);
  const policy = await createPolicy(config, specs);
  const learner = createPpoLearner(policy);
  const told = config.warmStart !== undefined || config.refine !== undefined;
  const pool = config.rollout.workers > 0
    ? createEnvPool({ workers: config.rollout.workers, hints: told })
    : undefined;
  const opener = pool?.open ?? createEnvOpener();
  const { open, hint } = withHints(opener);
  const { warmStart } = config;
  return createTraining(config, {
    policy,
    learner,
    specs,
    evaluation,
    backend,
    open: told ? open : opener,
    hint: (situation) => hintText(hint(situation)),
    ...(signal && { signal }),
    ...(warmStart && {
      warmUp: prepareWarmStart(config, warmStart, {
        ...{ policy, learner, specs, open, hint },
        ...(signal && { signal }),
      }),
    }),
    async dispose() {
      policy.dispose();
      await pool?.[Symbol.asyncDispose]();
    },
  });
}

/** Estimators that learn from how episodes of one task differ. */
const GROUP_RELATIVE: readonly string[] = [
  "grpo",
  "dr-grpo",
  "rloo",
  "reinforce++-baseline",
  "gigpo",
];

/** An episode that is alone in its group has an advantage of 0, and nothing would be learned. */
function checkGroups({ estimator, rollout }: TrainingConfig): void {
  const alone = "alone" in estimator && estimator.alone === "score";
  if (rollout.groupSize > 1 || alone) return;
  if (!GROUP_RELATIVE.includes(estimator.name)) return;
  throw new RangeError(
    `Cannot assemble a training by "${estimator.name}" as "rollout.groupSize" must be at least 2: current value is ${rollout.groupSize}`,
  );
}

/** Selects the backend of a training; a compact policy is at home on `wasm`. */
async function chooseBackend(
  { backend, policy }: TrainingConfig,
): Promise<Backend> {
  if (backend !== "auto" || policy.name !== "compact") {
    return await selectBackend(backend);
  }
  const { name } = await selectBackend("wasm");
  const reason =
    `${name}: a compact policy reads numbers back twice a turn, which takes a graphics processor longer than all of its arithmetic`;
  return { name, reason };
}

/**
 * Makes a baseline for the worlds of a config.
 *
 * @param config Every setting; its worlds say who proposes subgoals.
 * @param name Which baseline.
 * @returns The policy, and the opener it has to be played with.
 */
export async function assembleBaseline(
  config: TrainingConfig,
  name: BaselineName,
): Promise<Baseline> {
  const specs = await listWorlds(config.worlds);
  const flat = config.policy.name === "compact" && config.policy.flat;
  return createBaseline(name, {
    open: createEnvOpener(),
    ...(flat ? {} : { proposeSubgoals: proposerOf(specs) }),
  });
}

/** What a teacher is told: nothing where the expert was silent. */
function hintText(hint: Hint | undefined): string {
  return hint ? `An expert would ${hint.subgoal}: ${hint.action}.` : "";
}

/** Lists every family among the worlds; single worlds stay as they are. */
async function listWorlds(worlds: readonly WorldConfig[]): Promise<EnvSpec[]> {
  const specs: EnvSpec[] = [];
  for (const world of worlds) {
    if (isFamily(world)) specs.push(...await listEnvs(world));
    else specs.push(world);
  }
  return specs;
}

async function listSets(
  sets: TrainingConfig["evaluation"]["sets"],
): Promise<EvaluationSets> {
  const listed: Record<string, EnvSpec[]> = {};
  for (const [name, worlds] of Object.entries(sets)) {
    listed[name] = await listWorlds(worlds);
  }
  return listed;
}

function isFamily(world: WorldConfig): world is EnvDataset {
  return !("kind" in world);
}

async function createPolicy(
  config: TrainingConfig,
  specs: readonly EnvSpec[],
): Promise<CompactPolicy | LanguagePolicy> {
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
  corridor: proposeCorridorSubgoals,
  game: proposeHouseholdSubgoals,
  household: proposeHouseholdSubgoals,
  webshop: proposeWebshopSubgoals,
};

/** The one proposer that all worlds share. */
function proposerOf(specs: readonly EnvSpec[]): ProposeSubgoals {
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
