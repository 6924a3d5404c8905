/**
 * Settings of a training run: their types, and reading them from parts.
 *
 * Meaning, kind and default of every setting stand in `schema.ts`; `describeSettings` lists them. The types here are
 * those of the schema, written out for readers of the public interface.
 *
 * @module
 */

import type { EnvSpec } from "../../envs/text_env.ts";
import type { EnvDataset } from "../../envs/world.ts";
import type { EstimatorConfig } from "../../hae/credit.ts";
import { LANGUAGE_DEFAULTS } from "../../policy/language/replies.ts";
import { DECISIONS } from "../../trajectory.ts";
import type { GroupFilterOptions } from "../../hae/group_filter.ts";
import type { GearOptions } from "../../hae/gear.ts";
import type { ShapingOptions } from "../../hae/shaping.ts";
import type { BackendName } from "../../policy/backends/select.ts";
import type { LoraTarget } from "../../policy/decoder/lora.ts";
import type { ReplyMode } from "../../policy/language/blocks.ts";
import type { Decoding } from "../../policy/language/grammar.ts";
import type { UpdateOptions } from "../../policy/policy.ts";
import type { OpenaiPolicyConfig } from "../../remote/openai/settings.ts";
import type { TinkerPolicyConfig } from "../../remote/tinker/settings.ts";
import { readSettings } from "../../settings.ts";
import { renameSettings } from "./old_names.ts";
import type { ByDecision } from "../../trajectory.ts";
import { configSchema } from "./schema.ts";
import { isObject, type Json, mergeSettings } from "./settings.ts";
import type { StrategiesConfig } from "./strategy_settings.ts";

/** A small network that scores listed subgoals and admissible actions. */
export type CompactPolicyConfig = {
  readonly name: "compact";
  readonly flat?: boolean;
  readonly buckets?: number;
  readonly embedding?: number;
  readonly width?: number;
  readonly valueScale?: number;
  readonly executor?: "subgoal" | "task";
  readonly subgoals?: "steps" | "task";
  readonly switchBias?: number;
  readonly prior?: number;
};

/** A language model: a published one from a folder, or a small one made for the worlds it learns in. */
export type LanguagePolicyConfig = {
  readonly name: "language";
  readonly directory?: string;
  readonly adapter?: string;
  readonly prompt?: "rules" | "facts" | "brief" | "transcript";
  readonly historyLength?: number;
  readonly observationLimit?: number;
  readonly contextLength?: number;
  readonly planning?: "free" | "listed";
  readonly executor?: "task" | "subgoal";
  readonly executorHistory?: number;
  readonly switchBias?: number;
  readonly layers?: number;
  readonly hiddenSize?: number;
  readonly loraRank?: number;
  readonly loraAlpha?: number;
  readonly loraTargets?: readonly LoraTarget[];
  readonly critic?: "shared" | "separate";
  readonly decoding?: Decoding;
  readonly valueScale?: number;
  readonly maxReplyTokens?: number;
  readonly maxContentTokens?: number;
  readonly batchSize?: number;
  readonly readTokens?: number;
  readonly microbatchTokens?: number;
  readonly tokensPerReadback?: number;
  readonly recompute?: boolean;
  readonly frozenPrecision?: "float32" | "float16" | "bfloat16";
  readonly temperature?: number;
  readonly temperatures?: Partial<ByDecision<number>>;
  readonly topP?: number;
  readonly topK?: number;
  readonly mode?: ReplyMode;
  readonly skipThinking?: boolean;
};

/** One world, or a family of them. */
export type WorldConfig = EnvSpec | EnvDataset;

/** How episodes are scheduled and played. */
export type RolloutConfig = {
  readonly tasks: number;
  readonly groupSize: number;
  readonly maxTurns: number;
  readonly balanceBy?: string;
  readonly workers: number;
  readonly dynamicSampling?: DynamicSamplingConfig;
};

/** Groups that hold nothing to learn are dropped, and others drawn instead. */
export type DynamicSamplingConfig = Readonly<GroupFilterOptions> & {
  readonly extraGroups?: number;
};

/** What is played without learning, and how often. */
export type EvaluationConfig =
  & Omit<RolloutConfig, "tasks" | "workers" | "dynamicSampling">
  & {
    readonly every: number;
    readonly tasks: number | "every";
    readonly temperature: number;
    readonly sets: Readonly<Record<string, readonly WorldConfig[]>>;
  };

/** What a run keeps on disk. */
export type RecordConfig = {
  readonly checkpointEvery: number;
  readonly checkpointsKept: number;
  readonly trajectoriesEvery: number;
};

/** Imitation of an expert before the first iteration. */
export type WarmStartConfig = {
  readonly cacheDirectory?: string;
  readonly episodes: number;
  readonly epochs: number;
  readonly resample?: boolean;
  readonly randomActionRate?: number;
  readonly expertKnowledge?: "full" | "partial";
  readonly daggerRate?: number;
  readonly lmLossWeight?: number;
  readonly gamma?: number;
  readonly valueCoefficient?: number;
  readonly minibatchSize?: number;
  readonly learningRate?: number;
  readonly finalLearningRate?: number;
};

/** Copies of the policy in Workers, which share its work with the training thread. */
export type ReplicasConfig = {
  readonly workers: number;
  readonly microbatches: number;
};

/** GEAR's weights of the units of a decision. */
export type TokenWeightsConfig =
  & { readonly name: "gear" }
  & Readonly<Omit<GearOptions, "threshold" | "sign" | "boundaries">>
  & {
    readonly teacher?: "expert" | "group";
    readonly divergence?: "sampled" | "departing";
  };

/** Every setting of a training run, as plain JSON. */
export type TrainingConfig = {
  readonly seed: number;
  readonly iterations: number;
  readonly backend: BackendName | "auto";
  readonly policy:
    | CompactPolicyConfig
    | LanguagePolicyConfig
    | TinkerPolicyConfig
    | OpenaiPolicyConfig;
  readonly worlds: readonly WorldConfig[];
  readonly rollout: RolloutConfig;
  readonly shaping: Readonly<ShapingOptions>;
  readonly estimator: EstimatorConfig;
  readonly tokenWeights?: TokenWeightsConfig;
  readonly strategies?: StrategiesConfig;
  readonly update: Readonly<UpdateOptions>;
  readonly warmStart?: WarmStartConfig;
  readonly threads: number;
  readonly replicas: ReplicasConfig;
  readonly evaluation: EvaluationConfig;
  readonly record: RecordConfig;
};

/** Nested settings may be given in part; the rest are the defaults. `null` takes a setting back. */
export type PartialDeep<T> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [K in keyof T]?: PartialDeep<T[K]> | null }
  : T;

/** Default variants. */
const BASE: Json = { policy: { name: "compact" }, estimator: { name: "hae" } };

/**
 * Fills in defaults and checks everything; of several parts, later ones win.
 *
 * Naming another variant, such as another estimator, drops the settings of the one before. Older names of settings are
 * accepted.
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
 * @param parts Settings, such as a preset and command-line settings.
 * @returns Every setting, as plain JSON.
 * @throws {TypeError} If a setting is unknown (with a suggestion), of the wrong kind, or has no effect beside the others.
 */
export function defineConfig(
  ...parts: readonly PartialDeep<TrainingConfig>[]
): TrainingConfig {
  const config = readConfig(mergeParts(parts));
  const [idle] = idleSettings(config);
  if (idle) {
    throw new TypeError(
      `Cannot read config as "${idle.path}" has no effect ${idle.reason}: remove it, or take it back with ${idle.path}=null`,
    );
  }
  return config;
}

/**
 * Reads the settings of a run's folder of any version; settings without effect are dropped.
 *
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 */
export function readStoredConfig(settings: unknown): TrainingConfig {
  const merged = mergeParts([settings as PartialDeep<TrainingConfig>]);
  const kept = idleSettings(readConfig(merged))
    .reduce((rest, { path }) => mergeSettings(rest, without(path)), merged);
  return readConfig(kept);
}

/** Merges settings over the default variants, under current names. */
export function mergeParts(parts: readonly unknown[]): Json {
  // A config is JSON. Non-finite numbers become text, which fails validation; as null they would remove a
  // setting.
  const representable = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? `${value}` : value;
  return parts
    .map((part) => JSON.parse(JSON.stringify(part, representable)) as Json)
    .reduce(
      (merged, part) =>
        mergeSettings(merged, renameSettings(part, merged).settings),
      BASE,
    );
}

function readConfig(settings: Json): TrainingConfig {
  const given = withStrategies(settings);
  const settled = settle(readSettings(configSchema, given, "read config"));
  // Once more, so that keys stand where they stand when a run's folder is read.
  return readSettings(configSchema, settled, "read config");
}

/** The estimator that compares strategies has them, with defaults unless they are given. */
function withStrategies(settings: Json): Json {
  if (!isObject(settings) || !isObject(settings.estimator)) return settings;
  const due = settings.estimator.name === "strata" &&
    (settings.strategies ?? null) === null;
  return due ? { ...settings, strategies: {} } : settings;
}

/** Fills in what depends on other settings, so that a change of those leaves a run as it was. */
function settle(config: TrainingConfig): TrainingConfig {
  const { update, policy } = config;
  const { loss, aggregationLength } = update;
  const aggregation = update.aggregation ??
    (loss === "gspo" ? "seq-mean-token-mean" : "token-mean");
  const length = aggregation !== "seq-mean-token-sum-norm"
    ? undefined
    : policy.name === "language" || policy.name === "tinker"
    ? policy.maxReplyTokens ?? LANGUAGE_DEFAULTS.maxReplyTokens
    : DECISIONS.length;
  return {
    ...config,
    update: {
      ...update,
      aggregation,
      ...(length !== undefined &&
        { aggregationLength: aggregationLength ?? length }),
    },
  };
}

/** A change that takes one setting back. */
function without(path: string): Json {
  return path.split(".").reduceRight<Json>(
    (value, key) => ({ [key]: value }),
    null,
  );
}

/** A setting without effect. */
interface IdleSetting {
  readonly path: string;
  /** Why, to follow "has no effect". */
  readonly reason: string;
}

/** Estimators that give each decision of a turn a credit of its own. */
const CREDITS_DECISIONS: ReadonlySet<string> = new Set([
  "hae",
  "token-gae",
  "bi-level-gae",
]);

/**
 * Finds settings that have no effect in a config. Returns those without effect, in the order of the
 * settings.
 */
function idleSettings(config: TrainingConfig): IdleSetting[] {
  const { policy, shaping, evaluation, rollout, update } = config;
  const { estimator, strategies, tokenWeights } = config;
  const idle: IdleSetting[] = [];
  const check = (path: string, value: unknown, reason: string | false) => {
    if (value !== undefined && reason !== false) idle.push({ path, reason });
  };
  if (policy.name === "language") {
    const { layers, hiddenSize, maxContentTokens, frozenPrecision } = policy;
    const loaded = policy.directory !== undefined &&
      'beside "policy.directory", whose model has its own';
    check("policy.layers", layers, loaded);
    check("policy.hiddenSize", hiddenSize, loaded);
    check(
      "policy.maxContentTokens",
      maxContentTokens,
      (policy.decoding ?? "free") === "free" &&
        'where "policy.decoding" is "free"',
    );
    check(
      "policy.frozenPrecision",
      frozenPrecision,
      (policy.loraRank ?? 0) === 0 &&
        'without adapters ("policy.loraRank" is 0)',
    );
  }
  check(
    "tokenWeights",
    tokenWeights,
    policy.name === "compact" && CREDITS_DECISIONS.has(estimator.name) &&
      `where each decision is one unit with a credit of its own ("policy.name" is "compact", "estimator.name" "${estimator.name}")`,
  );
  check(
    "strategies",
    strategies,
    estimator.name !== "strata" &&
      `where "estimator.name" is "${estimator.name}"`,
  );
  check(
    "strategies.steps",
    strategies?.steps,
    estimator.name === "strata" && policy.name !== "compact" &&
      `where "policy.name" is "${policy.name}"`,
  );
  const { keepPenalty = 0, consistencyPenalty = 0 } = shaping;
  check(
    "shaping.keepPenaltyMode",
    shaping.keepPenaltyMode,
    keepPenalty === 0 && 'without "shaping.keepPenalty"',
  );
  const consistent = consistencyPenalty === 0 &&
    'without "shaping.consistencyPenalty"';
  check(
    "shaping.consistencyRequiresBoth",
    shaping.consistencyRequiresBoth,
    consistent,
  );
  check("shaping.consistencyCompares", shaping.consistencyCompares, consistent);
  const held = update.klCoefficient !== 0;
  const unheld = !held && 'where "update.klCoefficient" is 0';
  check("update.adaptiveKl", update.adaptiveKl, unheld);
  check(
    "update.klPlacement",
    update.klPlacement,
    update.klPlacement === "reward" && unheld,
  );
  check(
    "update.klEstimator",
    update.klEstimator,
    update.klEstimator !== "k3" && unheld,
  );
  check(
    "update.aggregationLength",
    update.aggregationLength,
    update.aggregation !== "seq-mean-token-sum-norm" &&
      'where "update.aggregation" is not "seq-mean-token-sum-norm"',
  );
  const spread = rollout.dynamicSampling?.keep === "spread";
  check(
    "rollout.dynamicSampling.fraction",
    rollout.dynamicSampling?.fraction,
    !spread && 'where groups are not kept by "spread"',
  );
  check(
    "rollout.dynamicSampling.extraGroups",
    rollout.dynamicSampling?.extraGroups,
    spread && 'where groups are kept by "spread"',
  );
  check(
    "evaluation.balanceBy",
    evaluation.balanceBy,
    evaluation.tasks === "every" &&
      'where "evaluation.tasks" is "every": every world is played',
  );
  return idle;
}
