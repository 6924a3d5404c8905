/**
 * Assembly of trainings and baselines: the one place where names in a config become objects.
 *
 * @module
 */

import { checkSpec, createEnvOpener, readDataset } from "../envs/open_env.ts";
import type { EnvDataset } from "../envs/world.ts";
import type { EnvSpec, Hint, OpenEnv } from "../envs/text_env.ts";
import { checkEstimator } from "../hae/credit.ts";
import { type Backend, selectBackend } from "../policy/backends/select.ts";
import { sharedWeightsOf } from "../policy/compact/policy.ts";
import type { SharedWeights } from "../policy/compact/kernels/shared_weights.ts";
import { createEnvPool } from "../rollout/env_pool.ts";
import { withHints } from "../rollout/hints.ts";
import {
  type Baseline,
  type BaselineName,
  createBaseline,
  type EvaluationSets,
} from "./evaluation.ts";
import {
  alternativesOf,
  assemblePolicy,
  proposerOf,
  ruleOf,
} from "./assemble_policy.ts";
import type { TrainingConfig, WorldConfig } from "./config/config.ts";
import { assembleEngine } from "./engine/assemble_engine.ts";
import { checkMethod } from "./check_method.ts";
import { assembleServed } from "./assemble_served.ts";
import { createKernelLearner, createPpoLearner } from "./ppo/learner.ts";
import { createReplicaPool } from "./workers/pool.ts";
import { createTeam, type TeamOptions } from "./workers/team.ts";
import type { WorkingPolicy } from "./workers/jobs.ts";
import { createSharedLearner, sharePolicy } from "./workers/shared_policy.ts";
import {
  createTraining,
  type Training,
  type TrainingParts,
} from "./training.ts";
import { assembleJudge, checkStrategies } from "./strategies/assemble_judge.ts";
import { prepareWarmStart } from "./imitation/warm_start.ts";

/** Options of {@linkcode assembleTraining} beside its config. */
export interface AssembleOptions {
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
  /** Is called with what the person at the keyboard should know: an engine's words, sizes chosen to fit memory. */
  readonly onNotice?: (message: string) => void;
  /** Opens worlds, on this thread, instead of openers of the training's own. Caller disposes. */
  readonly open?: OpenEnv;
  /** Is called within iterations of a language policy on this machine: how far it is. */
  readonly onProgress?: (progress: {
    /** Whether episodes are played, or their turns learned from. */
    readonly stage: "playing" | "learning";
    /** Episodes that have ended, or turns that were learned from. */
    readonly done: number;
    /** Of so many; every pass over a turn counts. */
    readonly total: number;
    /** Tokens of prompts and replies that were read and written in this stage. */
    readonly tokens: number;
    /** Seconds since the stage began. */
    readonly seconds: number;
  }) => void;
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
 * @throws {RangeError} If a setting of the estimator is out of range, it compares the episodes of a group and groups have one, or replicas have nothing to share.
 * @throws {TypeError} If a name is unknown, or worlds of different kinds share a policy that lists subgoals.
 * @throws {Error} If a replica of the policy cannot be made.
 */
export async function assembleTraining(
  config: TrainingConfig,
  options: AssembleOptions = {},
): Promise<Training> {
  const { signal } = options;
  checkEstimator(config.estimator);
  checkStrategies(config);
  checkMethod(config);
  checkReplicas(config);
  const backend = await chooseBackend(config);
  const skipped = new Set<string>();
  const specs = await listWorlds(config.worlds, skipped);
  const evaluation = await listSets(config.evaluation.sets, skipped);
  const hinted = config.warmStart !== undefined ||
    config.tokenWeights !== undefined;
  const { policy, learner, end, ...credited } = await assembleLearner(config, {
    ...{ specs, backend, signal, hinted },
    plays: options.open === undefined,
    ...{ onNotice: options.onNotice, onProgress: options.onProgress },
  });
  const pool = config.rollout.workers > 0 && options.open === undefined
    ? createEnvPool({ workers: config.rollout.workers, hints: hinted })
    : undefined;
  const opener = createEnvOpener();
  const own = options.open ?? opener;
  const open = pool?.open ?? (hinted ? withHints(own) : own);
  const { warmStart } = config;
  const alternatives = await alternativesOf(specs);
  const subgoalRule = await ruleOf(specs);
  const search = alternatives && { alternatives };
  const rule = subgoalRule;
  const judge = await assembleJudge(config, { policy, rule, signal })
    .catch(async (error) => {
      await end();
      throw error;
    });
  return createTraining(config, {
    policy,
    learner,
    ...credited,
    specs,
    evaluation,
    skipped: [...skipped],
    backend,
    open,
    ...(subgoalRule && { subgoalRule }),
    ...(judge && { judge }),
    hint: ({ observation }) => hintText(observation.hint),
    ...(signal && { signal }),
    ...(warmStart && {
      warmUp: prepareWarmStart(config, warmStart, {
        ...{ policy, learner, specs, open, backend, ...search },
        ...(signal && { signal }),
      }),
    }),
    async dispose() {
      await end();
      await pool?.[Symbol.asyncDispose]();
      await opener[Symbol.asyncDispose]();
    },
  });
}

/** The policy of a config and its learner, with replicas if configured. */
async function assembleLearner(
  config: TrainingConfig,
  options: {
    specs: readonly EnvSpec[];
    backend: Backend;
    signal: AbortSignal | undefined;
    onNotice: AssembleOptions["onNotice"];
    onProgress: AssembleOptions["onProgress"];
    /** Whether worlds are opened with hints. */
    hinted: boolean;
    /** Whether threads of the policy may open worlds themselves. */
    plays: boolean;
  },
): Promise<
  & Pick<
    TrainingParts,
    "policy" | "learner" | "critic" | "costs" | "collect"
  >
  & { end: () => Promise<void> }
> {
  const { specs, backend: { name: backend }, signal } = options;
  const { policy: settings } = config;
  if (settings.name === "tinker") {
    return await assembleEngine({ ...config, policy: settings }, options);
  }
  if (settings.name === "openai") {
    return await assembleServed(settings, signal);
  }
  const { workers, microbatches } = config.replicas;
  const policy = await assemblePolicy(config, specs, {
    ...{ signal, onNotice: options.onNotice, onProgress: options.onProgress },
  });
  const weights = sharedWeightsOf(policy);
  if (microbatches === 1) {
    return weights && config.policy.name === "compact"
      ? gatherTeam(policy, weights, {
        threads: Math.min(config.threads || navigator.hardwareConcurrency, 4),
        policy: config.policy,
        specs,
        hints: options.hinted,
        plays: options.plays && config.rollout.workers === 0,
        strategies: config.strategies,
      })
      : {
        policy,
        learner: createPpoLearner(policy),
        end: () => Promise.resolve(policy.dispose()),
      };
  }
  try {
    const order = { workers, config, specs, backend };
    const pool = await createReplicaPool(policy, { ...order, signal });
    const shared = sharePolicy(policy, { pool, microbatches });
    return {
      policy: shared,
      learner: createSharedLearner(shared, { pool, microbatches }),
      async end() {
        await pool[Symbol.asyncDispose]();
        policy.dispose();
      },
    };
  } catch (error) {
    policy.dispose();
    throw error;
  }
}

/** A policy and its learner, on threads that share its weights. */
function gatherTeam(
  policy: WorkingPolicy,
  weights: SharedWeights,
  options: TeamOptions,
) {
  const team = createTeam(weights, options);
  return {
    policy,
    learner: createKernelLearner(policy, weights, team.computeParts),
    collect: team.collect,
    async end() {
      await team[Symbol.asyncDispose]();
      policy.dispose();
    },
  };
}

/** Replicas share cores, and have something to share. */
function checkReplicas({ replicas, backend }: TrainingConfig): void {
  const { workers, microbatches } = replicas;
  if (workers === 0) return;
  if (microbatches === 1) {
    throw new RangeError(
      'Cannot share work with replicas as "replicas.microbatches" must be at least 2: current value is 1',
    );
  }
  if (!["auto", "wasm", "cpu"].includes(backend)) {
    throw new RangeError(
      `Cannot share work with replicas as "backend" must use one core, as "wasm" and "cpu" do: current value is "${backend}"`,
    );
  }
}

/** Selects the backend of a training; a compact policy and replicas run fastest on `wasm`. */
async function chooseBackend(
  { backend, policy, replicas, threads: count }: TrainingConfig,
): Promise<Backend> {
  const shared = replicas.workers > 0;
  // Replicas share the cores as wholes.
  const threads = shared ? 1 : count || undefined;
  if (backend !== "auto" || !(shared || policy.name !== "language")) {
    return await selectBackend(backend, { threads });
  }
  const { name, detail } = await selectBackend("wasm", { threads });
  const because = shared
    ? `${name}: replicas of a policy share the processor's cores`
    : policy.name === "compact"
    ? `${name}: a compact policy reads numbers back twice a turn, which takes a graphics processor longer than all of its arithmetic`
    : `${name}: the language model is on an engine, and a critic here is small`;
  const reason = detail === undefined ? because : `${because}; ${detail}`;
  return { name, reason, ...(detail !== undefined && { detail }) };
}

/**
 * Makes a baseline for the worlds of a config.
 *
 * @param config Every setting; its worlds determine the proposer of subgoals.
 * @param name Which baseline.
 * @returns The policy, and the opener it has to be played with.
 */
export async function assembleBaseline(
  config: TrainingConfig,
  name: BaselineName,
): Promise<Baseline> {
  const specs = await listWorlds(config.worlds);
  const { policy } = config;
  const flat = policy.name === "compact" && policy.flat;
  const subgoals = policy.name === "compact" ? policy.subgoals : "task";
  return createBaseline(name, {
    open: createEnvOpener(),
    ...(flat ? {} : { proposeSubgoals: await proposerOf(specs, subgoals) }),
  });
}

/** The hint as text; empty if there is none. */
function hintText(hint: Hint | undefined): string {
  return hint ? `An expert would ${hint.subgoal}: ${hint.action}.` : "";
}

/** Lists every family among the worlds, single worlds as they are; collects the files that were skipped. */
async function listWorlds(
  worlds: readonly WorldConfig[],
  skipped = new Set<string>(),
): Promise<EnvSpec[]> {
  const specs: EnvSpec[] = [];
  for (const world of worlds) {
    if (!isFamily(world)) {
      checkSpec(world); // a mistyped setting ends a run before it begins
      specs.push(world);
      continue;
    }
    const listing = await readDataset(world);
    for (const spec of listing.specs) specs.push(spec);
    for (const message of listing.skipped) skipped.add(message);
  }
  return specs;
}

/**
 * Lists the worlds of a config's evaluation sets.
 *
 * @param config Every setting.
 * @returns Worlds by the name of the set; files of datasets that are damaged are left out.
 */
export async function evaluationSets(
  config: TrainingConfig,
): Promise<EvaluationSets> {
  return await listSets(config.evaluation.sets, new Set());
}

async function listSets(
  sets: TrainingConfig["evaluation"]["sets"],
  skipped: Set<string>,
): Promise<EvaluationSets> {
  const listed: Record<string, EnvSpec[]> = {};
  for (const [name, worlds] of Object.entries(sets)) {
    listed[name] = await listWorlds(worlds, skipped);
  }
  return listed;
}

function isFamily(world: WorldConfig): world is EnvDataset {
  return !("kind" in world);
}
