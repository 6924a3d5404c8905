/**
 * The schema of a run's settings, with every default that belongs to a run.
 *
 * @module
 */

import { z } from "zod";
import type { EstimatorConfig } from "../../hae/credit.ts";
import { BACKENDS } from "../../policy/backends/select.ts";
import { COMPACT_DEFAULTS } from "../../policy/compact/policy.ts";
import type { TrainingConfig } from "./config.ts";
import { UPDATE_DEFAULTS } from "../ppo/update_settings.ts";

const count = z.int().positive();
const countOrNone = z.int().nonnegative();
const unit = z.number().min(0).max(1);
const rate = z.number().nonnegative();

const policy = z.discriminatedUnion("name", [
  z.strictObject({
    name: z.literal("compact"),
    flat: z.boolean().default(false),
    buckets: count.default(COMPACT_DEFAULTS.buckets),
    embedding: count.default(COMPACT_DEFAULTS.embedding),
    width: count.default(COMPACT_DEFAULTS.width),
    valueScale: z.number().positive().default(COMPACT_DEFAULTS.valueScale),
    switchBias: z.number().default(COMPACT_DEFAULTS.switchBias),
    prior: z.number().default(COMPACT_DEFAULTS.prior),
  }),
  z.strictObject({
    name: z.literal("language"),
    directory: z.string().exactOptional(),
    prompt: z.enum(["rules", "brief", "transcript"]).exactOptional(),
    layers: count.exactOptional(),
    width: count.exactOptional(),
    loraRank: countOrNone.exactOptional(),
    critic: z.enum(["shared", "separate"]).exactOptional(),
    decoding: z.enum(["free", "skeleton", "admissible"]).exactOptional(),
    valueScale: z.number().positive().exactOptional(),
    maxReplyTokens: count.exactOptional(),
    maxContentTokens: count.exactOptional(),
    batchSize: count.exactOptional(),
    tokensAtOnce: count.exactOptional(),
    tokensPerRead: count.exactOptional(),
    frozenPrecision: z.enum(["single", "half"]).exactOptional(),
    temperature: rate.exactOptional(),
  }),
]);

/** Worlds check their own settings when they are opened or listed. */
const world = z.union([
  z.looseObject({ kind: z.string() }),
  z.looseObject({ dataset: z.string() }),
], {
  error: 'must be a world with "kind", or a family of worlds with "dataset"',
});

const schedule = {
  tasks: count,
  groupSize: count.default(1),
  maxTurns: count.default(50),
  balanceBy: z.string().exactOptional(),
};

const rollout = z.strictObject({
  ...schedule,
  tasks: count.default(16),
  workers: countOrNone.default(0),
});

/** Shards are what numbers depend on: settled here, they stay when a run goes on with other workers. */
const replicas = z.strictObject({
  workers: countOrNone.default(0),
  shards: count.exactOptional(),
}).transform(({ workers, shards = workers + 1 }) => ({
  workers,
  shards,
}));

const evaluation = z.strictObject({
  ...schedule,
  tasks: z.union([count, z.literal("every")], {
    error: 'must be a positive whole number or "every"',
  }).default(32),
  every: countOrNone.default(10),
  temperature: rate.default(1),
  sets: z.record(z.string(), z.array(world).nonempty()).default({}),
});

const shaping = z.strictObject({
  keepPenalty: z.number().exactOptional(),
  keepPenaltyMode: z.enum(["fixed", "normalized"]).exactOptional(),
  invalidActionPenalty: z.number().exactOptional(),
  consistencyPenalty: z.number().exactOptional(),
  consistencyRequiresBoth: z.boolean().exactOptional(),
  consistencyCompares: z.enum(["text", "tokens"]).exactOptional(),
});

/** What has no default here stays as it is at the start of training. */
const update = z.strictObject({
  epochs: count.default(UPDATE_DEFAULTS.epochs),
  minibatchSize: count.default(UPDATE_DEFAULTS.minibatchSize),
  minibatchBy: z.enum(["turn", "episode"]).default(UPDATE_DEFAULTS.minibatchBy),
  onPolicy: z.boolean().default(UPDATE_DEFAULTS.onPolicy),
  clipRange: z.union([rate, z.tuple([rate, rate])]).default(
    UPDATE_DEFAULTS.clipRange,
  ),
  dualClip: rate.default(UPDATE_DEFAULTS.dualClip),
  valueClipRange: rate.default(UPDATE_DEFAULTS.valueClipRange),
  learningRate: rate.default(UPDATE_DEFAULTS.learningRate),
  finalLearningRate: rate.exactOptional(),
  weightDecay: rate.default(UPDATE_DEFAULTS.weightDecay),
  valueCoefficient: rate.default(UPDATE_DEFAULTS.valueCoefficient),
  entropyCoefficient: z.number().default(UPDATE_DEFAULTS.entropyCoefficient),
  finalEntropyCoefficient: z.number().exactOptional(),
  klCoefficient: rate.default(UPDATE_DEFAULTS.klCoefficient),
  targetKl: rate.default(UPDATE_DEFAULTS.targetKl),
  maxGradientNorm: rate.default(UPDATE_DEFAULTS.maxGradientNorm),
});

const refine = z.strictObject({
  name: z.literal("gear"),
  spikeQuantile: unit.exactOptional(),
  minimumThreshold: z.number().positive().exactOptional(),
  entropyQuantile: unit.exactOptional(),
  minimumLength: count.exactOptional(),
  maximumLength: count.exactOptional(),
  strength: rate.exactOptional(),
  signMode: z.enum(["signed", "symmetric"]).exactOptional(),
  bounds: z.tuple([rate, rate]).exactOptional(),
  renormalize: z.boolean().exactOptional(),
});

const warmStart = z.strictObject({
  tasks: count.default(384),
  epochs: count.default(16),
  keep: z.string().exactOptional(),
  gamma: unit.exactOptional(),
  valueCoefficient: rate.exactOptional(),
  fresh: z.boolean().exactOptional(),
  detours: unit.exactOptional(),
  learnerTurns: unit.exactOptional(),
  searching: z.boolean().exactOptional(),
  reading: rate.exactOptional(),
  minibatchSize: count.exactOptional(),
  learningRate: rate.exactOptional(),
  finalLearningRate: rate.exactOptional(),
});

const record = z.strictObject({
  checkpointEvery: count.default(10),
  checkpointsKept: count.default(2),
  trajectoriesEvery: countOrNone.default(10),
});

/** Kinds of the estimators' settings; which estimator has which is checked by `checkEstimator`. */
const estimatorSettings = z.looseObject({
  name: z.string(),
  ...numbers("gamma", "lambda", "lambdaTurn", "lambdaSegment"),
  ...numbers("lambdaBoundary", "heads", "stepWeight", "similarity"),
  ...numbers("topFraction", "judgePenalty"),
  ...truths("scaleByDeviation", "rewardToGo", "planningToSwitching"),
  ...truths("planningToPlanning", "switchingToSwitching"),
});

const estimator = estimatorSettings.transform((settings): EstimatorConfig => {
  const config = settings as EstimatorConfig; // names are looked at afterwards
  switch (config.name) {
    case "hae":
    case "gae":
    case "token-gae": // these leave normalization to whoever trains
      return { ...config, normalize: config.normalize ?? "standard" };
    default:
      return config;
  }
});

/** Settings of a training run; fills in defaults. */
export const configSchema: z.ZodType<TrainingConfig> = z.strictObject({
  seed: z.int().default(0),
  iterations: countOrNone.default(100),
  policy,
  backend: z.enum(["auto", ...BACKENDS]).default("auto"),
  replicas: replicas.prefault({}),
  worlds: z.array(world).nonempty(),
  rollout: rollout.prefault({}),
  shaping: shaping.default({}),
  estimator,
  refine: refine.exactOptional(),
  update: update.prefault({}),
  warmStart: warmStart.exactOptional(),
  evaluation: evaluation.prefault({}),
  record: record.prefault({}),
});

function numbers(...names: string[]) {
  return every(names, z.number().exactOptional());
}

function truths(...names: string[]) {
  return every(names, z.boolean().exactOptional());
}

function every<T>(names: readonly string[], schema: T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, schema]));
}
