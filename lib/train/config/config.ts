/**
 * Settings of a training run: what they are, their defaults, and reading them from parts.
 *
 * Defaults that belong to an algorithm are written where the algorithm is; those of a run are here.
 *
 * @module
 */

import type { EnvSpec } from "../../envs/text_env.ts";
import type { EnvDataset } from "../../envs/world.ts";
import { checkEstimator, type EstimatorConfig } from "../../hae/credit.ts";
import type { GearOptions } from "../../hae/gear.ts";
import type { ShapingOptions } from "../../hae/shaping.ts";
import type { BackendName } from "../../policy/backends/select.ts";
import type { Decoding } from "../../policy/language/grammar.ts";
import type { UpdateOptions } from "../../policy/policy.ts";
import { configSchema } from "./schema.ts";
import { type Json, mergeSettings } from "./settings.ts";
import { readSettings } from "../../settings.ts";

/** A small network that scores listed subgoals and admissible actions. */
export interface CompactPolicyConfig {
  /** Which policy. */
  readonly name: "compact";
  /** Whether it acts without a plan, as flat baselines do. @default {false} */
  readonly flat?: boolean;
  /** Rows of the hashed word embedding. @default {the policy's own} */
  readonly buckets?: number;
  /** Width of a word's embedding. @default {the policy's own} */
  readonly embedding?: number;
  /** Width of the trunk and of the scorers. @default {the policy's own} */
  readonly width?: number;
  /** Units of return that a value head's output of 1 stands for. @default {the policy's own} */
  readonly valueScale?: number;
  /** Logit of SWITCH before anything was learned. @default {the policy's own} */
  readonly switchBias?: number;
  /** How strongly the untrained policy follows its subgoal and shuns repetition; 0 makes it nearly uniform. @default {the policy's own} */
  readonly prior?: number;
}

/** A Qwen2 language model: one in a folder, or a small one made for the worlds it learns in. */
export interface LanguagePolicyConfig {
  /** Which policy. */
  readonly name: "language";
  /** Folder of weights and tokenizer; absent makes a small model of the words that experts meet. */
  readonly directory?: string;
  /**
   * What the model is shown: the rules of the three blocks and the last turns; the bare facts of
   * the last turn; or the whole conversation, which is kept in memory from turn to turn.
   *
   * @default {"rules" for a folder, "brief" for a small model}
   */
  readonly prompt?: "rules" | "brief" | "transcript";
  /** Layers of a small model. @default {the policy's own} */
  readonly layers?: number;
  /** Numbers in a state of a small model. @default {the policy's own} */
  readonly width?: number;
  /** Rank of adapters beside frozen weights; 0 trains all weights. @default {0} */
  readonly loraRank?: number;
  /** What value heads read: the policy's states, or those of a critic of its own. @default {the policy's own} */
  readonly critic?: "shared" | "separate";
  /** How free replies are. @default {the policy's own} */
  readonly decoding?: Decoding;
  /** Most tokens of a subgoal or action that is written freely between given tags. @default {the policy's own} */
  readonly maxContentTokens?: number;
  /** Units of return that a value head's output of 1 stands for. @default {the policy's own} */
  readonly valueScale?: number;
  /** Longest reply in tokens. @default {the policy's own} */
  readonly maxReplyTokens?: number;
  /** Replies written at once. @default {the policy's own} */
  readonly batchSize?: number;
  /** Tokens that are written on WebGPU before they are read back. @default {the policy's own} */
  readonly tokensPerRead?: number;
  /** How frozen matrices are stored beside adapters; halves need WebGPU. @default {"single"} */
  readonly frozenPrecision?: "single" | "half";
  /** Tokens whose intermediate numbers are held at once while learning. @default {the policy's own} */
  readonly tokensAtOnce?: number;
  /** Sampling temperature. @default {the policy's own} */
  readonly temperature?: number;
}

/** One world, or a family of them. */
export type WorldConfig = EnvSpec | EnvDataset;

/** How episodes are scheduled and played. */
export interface RolloutConfig {
  /** Tasks in an iteration. @default {16} */
  readonly tasks: number;
  /** Episodes of each task. @default {1} */
  readonly groupSize: number;
  /** Turns after which an episode is truncated. @default {50} */
  readonly maxTurns: number;
  /** Setting of a specification over whose values tasks are spread evenly. */
  readonly balanceBy?: string;
  /** Workers that hold worlds; 0 plays them where the policy is. @default {0} */
  readonly workers: number;
}

/** What is played without learning, and how often. */
export interface EvaluationConfig {
  /** Iterations between evaluations; 0 evaluates only after the last. @default {10} */
  readonly every: number;
  /** Tasks drawn from each set, or `"every"` world of it once. @default {32} */
  readonly tasks: number | "every";
  /** Episodes of each task. @default {1} */
  readonly groupSize: number;
  /** Turns after which an episode is truncated. @default {50} */
  readonly maxTurns: number;
  /** Setting of a specification over whose values tasks are spread evenly. */
  readonly balanceBy?: string;
  /** Sampling temperature of policies that have one; 0 takes the likeliest. @default {1} */
  readonly temperature: number;
  /** Worlds by the name of the set, such as `unseen`. @default {{}} */
  readonly sets: Readonly<Record<string, readonly WorldConfig[]>>;
}

/** What a run keeps on disk. */
export interface RecordConfig {
  /** Iterations between checkpoints. @default {10} */
  readonly checkpointEvery: number;
  /** Newest checkpoints that are kept. @default {2} */
  readonly checkpointsKept: number;
  /** Iterations between those whose episodes are written; 0 writes none. @default {10} */
  readonly trajectoriesEvery: number;
}

/** Learning from an expert's episodes before the first iteration. */
export interface WarmStartConfig {
  /** Folder that keeps what was learned, for runs with the same warm start; absent keeps nothing. */
  readonly keep?: string;
  /** Discount of the returns that the value heads learn. @default {the estimator's, or 1} */
  readonly gamma?: number;
  /** Weight of the value loss. @default {the learner's own} */
  readonly valueCoefficient?: number;
  /** Episodes that the expert plays. @default {384} */
  readonly tasks: number;
  /** Passes over what it did. @default {16} */
  readonly epochs: number;
  /** Whether the expert plays new episodes for each pass. @default {false} */
  readonly fresh?: boolean;
  /** Share of turns on which a random action is taken in the expert's place. @default {0} */
  readonly detours?: number;
  /**
   * Whether the expert, where it has to find something, looks into unseen places by chance, as
   * someone must who does not know the house; in households.
   *
   * @default {false}
   */
  readonly searching?: boolean;
  /** Share of turns in the last pass that the learner decides, from 0 in the first; needs `fresh`. @default {0} */
  readonly learnerTurns?: number;
  /** Weight of making everything that was read likelier; for language policies. @default {0} */
  readonly reading?: number;
  /** Samples in one gradient step. @default {64} */
  readonly minibatchSize?: number;
  /** Step size. @default {the learner's own, whatever `update` says} */
  readonly learningRate?: number;
  /** Step size at the end; it changes linearly. @default {the same} */
  readonly finalLearningRate?: number;
}

/** Copies of the policy in Workers, which share its work with the thread that trains. */
export interface ReplicasConfig {
  /**
   * Workers with a copy of all weights each, beside the thread that trains. One less than there are cores
   * is best. With `shards` as they are it changes speed and no number.
   *
   * @default {0}
   */
  readonly workers: number;
  /**
   * Parts into which decisions and gradient steps are cut. Sums are taken part by part, so that their
   * last digits depend on it: equal shards give equal numbers, whatever `workers` is.
   *
   * @default {one for each thread, `workers + 1`}
   */
  readonly shards: number;
}

/** GEAR's weights for the units of a decision. */
export interface RefineConfig
  extends Readonly<Omit<GearOptions, "threshold" | "sign" | "boundaries">> {
  /** Which refinement. */
  readonly name: "gear";
}

/** Every setting of a training run, as plain JSON. */
export interface TrainingConfig {
  /** Seed of everything that is drawn. @default {0} */
  readonly seed: number;
  /** Iterations to train. @default {100} */
  readonly iterations: number;
  /** Who plays and learns. @default {the compact policy} */
  readonly policy: CompactPolicyConfig | LanguagePolicyConfig;
  /** Backend of the arithmetic. @default {"auto"} */
  readonly backend: BackendName | "auto";
  /** Who shares the arithmetic, on backends that use one core. */
  readonly replicas: ReplicasConfig;
  /** Worlds to learn in, one by one or by the family. */
  readonly worlds: readonly WorldConfig[];
  /** How they are played. */
  readonly rollout: RolloutConfig;
  /** Penalties added to rewards before credit. @default {{}} */
  readonly shaping: ShapingOptions;
  /** How credit is assigned; those with a critic normalize by the "standard" rule. @default {{ name: "hae" }} */
  readonly estimator: EstimatorConfig;
  /** Refinement of credit within a decision; absent means none. */
  readonly refine?: RefineConfig;
  /** How the learner uses samples. @default {the learner's own} */
  readonly update: UpdateOptions;
  /** What an expert teaches first; absent means nothing. */
  readonly warmStart?: WarmStartConfig;
  /** What is played without learning. */
  readonly evaluation: EvaluationConfig;
  /** What the run keeps on disk. */
  readonly record: RecordConfig;
}

/** Nested settings may be given in part; the rest are the defaults. `null` takes a setting back. */
export type PartialDeep<T> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [K in keyof T]?: PartialDeep<T[K]> | null }
  : T;

/** Variants that are meant where none is named. */
const BASE = { policy: { name: "compact" }, estimator: { name: "hae" } };

/**
 * Fills in defaults and checks everything; of several parts, later ones win.
 *
 * Naming another variant, such as another estimator, drops the settings of the one before.
 *
 * @example
 * ```ts
 * import { strictEqual, throws } from "node:assert/strict";
 * import { defineConfig } from "@hiper/lab";
 *
 * const worlds = [{ kind: "corridor" }];
 * const config = defineConfig({ worlds }, { seed: 3 });
 * strictEqual(config.seed, 3);
 * strictEqual(config.estimator.name, "hae");
 * throws(() => defineConfig({ worlds, rollout: { task: 8 } } as never), {
 *   message:
 *     'Cannot read config as "rollout.task" is not a setting: did you mean "rollout.tasks"?',
 * });
 * ```
 *
 * @param parts Settings, such as a preset and what a person typed.
 * @returns Every setting, as plain JSON.
 * @throws {TypeError} If a setting is unknown (with a suggestion) or of the wrong kind.
 * @throws {RangeError} If the estimator or one of its settings is unknown (with a suggestion).
 */
export function defineConfig(
  ...parts: readonly PartialDeep<TrainingConfig>[]
): TrainingConfig {
  // Config is JSON by contract: what JSON cannot say is dropped or refused here.
  const merged = parts
    .map((part) => JSON.parse(JSON.stringify(part)) as Json)
    .reduce(mergeSettings, BASE);
  const config = readSettings(configSchema, merged, "read config");
  checkEstimator(config.estimator);
  return config;
}
