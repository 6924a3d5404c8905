/**
 * The schema of a run's settings: kind, default and meaning of each.
 *
 * Defaults of algorithms and policies are imported from them.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { EstimatorConfig } from "../../hae/credit.ts";
import { ESTIMATORS } from "../../hae/estimators.ts";
import { GEAR_DEFAULTS } from "../../hae/gear.ts";
import { shapingSettings } from "../../hae/shaping.ts";
import { BACKENDS } from "../../policy/backends/select.ts";
import { COMPACT_DEFAULTS } from "../../policy/compact/policy.ts";
import { openaiPolicySettings } from "../../remote/openai/settings.ts";
import { tinkerPolicySettings } from "../../remote/tinker/settings.ts";
import { SCHEDULE_DEFAULTS } from "../../rollout/schedule.ts";
import {
  count,
  countOrNone,
  optional,
  positive,
  rate,
  unit,
} from "../../settings.ts";
import { languageSettings } from "./language_settings.ts";
import { strategySettings } from "./strategy_settings.ts";
import { UPDATE_DEFAULTS, updateSettings } from "../ppo/update_settings.ts";

/** The settings of a schema as they stand in a config: absent unless given, with the schema's meanings and defaults. */
function sparse<S extends Record<string, z.ZodDefault>>(
  { shape }: z.ZodObject<S>,
) {
  return z.strictObject(
    Object.fromEntries(
      Object.entries(shape).map(([name, field]) => [
        name,
        optional(
          field.unwrap() as z.ZodType,
          field.description ?? "",
          field.def.defaultValue,
        ),
      ]),
    ) as {
      [K in keyof S]: z.ZodExactOptional<
        S[K] extends z.ZodDefault<infer T extends z.ZodType> ? T : never
      >;
    },
  );
}

const compact = z.strictObject({
  name: z.literal("compact").describe(
    "A small network that scores listed subgoals and admissible actions.",
  ),
  flat: z.boolean().default(false).describe(
    "Whether it acts without a plan, as flat baselines do.",
  ),
  buckets: count.default(COMPACT_DEFAULTS.buckets).describe(
    "Rows of the hashed word embedding.",
  ),
  embedding: count.default(COMPACT_DEFAULTS.embedding).describe(
    "Size of a word's embedding.",
  ),
  width: count.default(COMPACT_DEFAULTS.width).describe(
    "Size of the trunk's and the scorers' hidden layers.",
  ),
  valueScale: positive.default(COMPACT_DEFAULTS.valueScale).describe(
    "Units of return that a value head's output of 1 stands for.",
  ),
  executor: z.enum(["subgoal", "task"]).default(COMPACT_DEFAULTS.executor)
    .describe(
      "What decides actions beside the memory of the world: the held subgoal alone, or the task as well.",
    ),
  subgoals: z.enum(["steps", "task"]).default(COMPACT_DEFAULTS.subgoals)
    .describe(
      "What is listed: steps of a task, from what was seen, or subgoals of the whole task, taken apart.",
    ),
  switchBias: optional(
    z.number(),
    "Logit of SWITCH before training.",
    "-1, and -3 where subgoals are steps",
  ),
  prior: z.number().default(COMPACT_DEFAULTS.prior).describe(
    "How strongly the untrained policy follows its subgoal and avoids repetition; 0 makes it nearly uniform.",
  ),
});

/** Worlds check their own settings when they are opened or listed. */
const world = z.union([
  z.looseObject({ kind: z.string() }),
  z.looseObject({ dataset: z.string() }),
], {
  error: 'must be a world with "kind", or a family of worlds with "dataset"',
});

/** How drawn tasks are played, in training and in evaluation alike. */
const schedule = {
  groupSize: count.default(SCHEDULE_DEFAULTS.groupSize).describe(
    "Episodes of each task, from one start.",
  ),
  maxTurns: count.default(SCHEDULE_DEFAULTS.maxTurns).describe(
    "Turns after which an episode is truncated.",
  ),
  balanceBy: optional(
    z.string(),
    "Setting of the worlds over whose values tasks are spread evenly, such as taskType.",
  ),
};

const dynamicSampling = z.strictObject({
  keep: optional(
    z.enum(["unequal", "spread"]),
    "Which groups stay: those whose scores are not all equal (DAPO), or a share of those of the largest spread (RAGEN), for which none is drawn again.",
    "unequal",
  ),
  fraction: optional(
    unit.positive("must be above 0"),
    "Share of the groups that stays by spread, at least one.",
    0.5,
  ),
  extraGroups: optional(
    countOrNone,
    "Most groups that are drawn beyond rollout.tasks in an iteration; those of the last draw stay where it is reached.",
    "3 · rollout.tasks",
  ),
});

const rollout = z.strictObject({
  tasks: count.default(16).describe("Tasks in an iteration."),
  ...schedule,
  workers: countOrNone.default(0).describe(
    "Workers that hold worlds; 0 keeps the worlds on the thread of the policy.",
  ),
  dynamicSampling: optional(
    dynamicSampling,
    "Groups that hold nothing to learn are dropped and others drawn instead; absent keeps all.",
  ),
});

/** The number of microbatches decides last digits: it is settled here, and stays when workers change. */
const replicas = z.strictObject({
  workers: countOrNone.default(0).describe(
    "Workers with a copy of the policy beside the training thread; one less than there are cores is best. Changes speed and no number.",
  ),
  microbatches: optional(
    count,
    "Parts into which decisions and minibatches are cut. Sums are taken part by part, so that last digits depend on it.",
    "replicas.workers + 1",
  ),
}).transform(({ workers, microbatches = workers + 1 }) => ({
  workers,
  microbatches,
}));

const evaluation = z.strictObject({
  every: countOrNone.default(10).describe(
    "Iterations between evaluations; 0 evaluates only after the last.",
  ),
  tasks: z.union([count, z.literal("every")], {
    error: 'must be a positive whole number or "every"',
  }).default(32).describe(
    'Tasks drawn from each set, or "every" world of it once.',
  ),
  ...schedule,
  temperature: rate.default(1).describe(
    "Sampling temperature while evaluating; 0 takes the likeliest.",
  ),
  sets: z.record(z.string(), z.array(world).nonempty()).default({}).describe(
    "Worlds to evaluate in, by the name of the set, such as unseen.",
  ),
});

const tokenWeights = z.strictObject({
  name: z.literal("gear").describe(
    "GEAR: weights of a decision's units, from how far the policy told of the expert's answer departs from the policy.",
  ),
  teacher: optional(
    z.enum(["expert", "group"]),
    "Whether the policy is told of the expert's plan, where a world has one, or of a successful episode of the same group alone.",
    "expert",
  ),
  divergence: optional(
    z.enum(["sampled", "departing"]),
    "Difference of the two log-probabilities of a sampled unit, either way, or where the teacher finds it less likely alone.",
    "sampled",
  ),
  spikeQuantile: optional(
    unit,
    "Quantile of divergence above which a unit departs.",
    GEAR_DEFAULTS.spikeQuantile,
  ),
  minimumThreshold: optional(
    positive,
    "Least threshold of divergence, in nats.",
    GEAR_DEFAULTS.minimumThreshold,
  ),
  entropyQuantile: optional(
    unit,
    "Quantile of the reply's entropies above which a segment may end.",
    GEAR_DEFAULTS.entropyQuantile,
  ),
  minimumLength: optional(
    count,
    "Fewest units of a segment before entropy may end it.",
    GEAR_DEFAULTS.minimumLength,
  ),
  maximumLength: optional(
    count,
    "Most units of a segment.",
    GEAR_DEFAULTS.maximumLength,
  ),
  strength: optional(
    rate,
    "How strongly divergence weighs; 0 gives equal weights.",
    GEAR_DEFAULTS.strength,
  ),
  signMode: optional(
    z.enum(["signed", "symmetric"]),
    "Whether departures get less of a positive advantage and more of a negative one, or more of both.",
    GEAR_DEFAULTS.signMode,
  ),
  bounds: optional(
    z.tuple([rate, rate]),
    "Bounds of the weights, before renormalizing.",
    GEAR_DEFAULTS.bounds,
  ),
  renormalize: optional(
    z.boolean(),
    "Whether bounded weights are scaled to a mean of 1.",
    GEAR_DEFAULTS.renormalize,
  ),
});

const warmStart = z.strictObject({
  cacheDirectory: optional(
    z.string(),
    "Folder that caches the result for runs with the same warm start; absent caches nothing.",
  ),
  episodes: count.default(384).describe("Episodes that the expert plays."),
  epochs: count.default(16).describe("Passes over them."),
  resample: optional(
    z.boolean(),
    "Whether the expert plays new episodes for each pass.",
    false,
  ),
  randomActionRate: optional(
    unit,
    "Share of turns on which a random action replaces the expert's; such turns are seen and not learned.",
    0,
  ),
  expertKnowledge: optional(
    z.enum(["full", "partial"]),
    "Whether the expert knows where everything is, or looks into unseen places at random, as the learner must; partial needs households.",
    "full",
  ),
  daggerRate: optional(
    unit,
    "Share of turns that the learner decides in the last pass, growing from 0 in the first (DAgger); needs resample.",
    0,
  ),
  lmLossWeight: optional(
    rate,
    "Weight of the language-modeling loss on observations; for language policies.",
    0,
  ),
  gamma: optional(
    unit,
    "Discount of the returns that the value heads learn.",
    "estimator.gamma, or 1",
  ),
  valueCoefficient: optional(
    rate,
    "Weight of the value loss.",
    UPDATE_DEFAULTS.valueCoefficient,
  ),
  minibatchSize: optional(count, "Samples in one gradient step.", 64),
  learningRate: optional(
    rate,
    "Step size of AdamW; update.learningRate does not count here.",
    UPDATE_DEFAULTS.learningRate,
  ),
  finalLearningRate: optional(
    rate,
    "Step size at the end; it changes linearly.",
    "warmStart.learningRate",
  ),
});

const record = z.strictObject({
  checkpointEvery: count.default(10).describe(
    "Iterations between checkpoints.",
  ),
  checkpointsKept: count.default(2).describe(
    "Newest checkpoints that are kept.",
  ),
  trajectoriesEvery: countOrNone.default(10).describe(
    "Iterations between those whose episodes are written; 0 writes none.",
  ),
});

/** Each estimator's own settings; those with a critic normalize advantages unless they are told not to. */
const estimator = z.discriminatedUnion(
  "name",
  Object.entries(ESTIMATORS).map(([name, { settings, critic }]) => {
    const shape: z.ZodRawShape = settings.shape;
    const normalize = shape.normalize;
    return z.strictObject({
      name: z.literal(name),
      ...shape,
      ...(critic && normalize instanceof z.ZodDefault && {
        normalize: (normalize.unwrap() as z.ZodType).default("standard")
          .describe(
            normalize.description ?? "",
          ),
      }),
    });
  }) as [z.ZodObject<{ name: z.ZodLiteral<string> }>],
).transform((settings) => settings as EstimatorConfig);

/** Settings of a training run; fills in defaults. */
export const configSchema = z.strictObject({
  seed: z.int("must be a whole number").default(0).describe(
    "Seed of everything that is drawn.",
  ),
  iterations: countOrNone.default(100).describe("Iterations to train."),
  backend: z.enum(["auto", ...BACKENDS]).default("auto").describe(
    "Backend of the arithmetic.",
  ),
  policy: z.discriminatedUnion("name", [
    compact,
    languageSettings,
    tinkerPolicySettings,
    openaiPolicySettings,
  ]).describe(
    "The policy that plays and learns.",
  ),
  worlds: z.array(world).nonempty().describe(
    "Worlds to learn in, one by one or by the family.",
  ),
  rollout: rollout.prefault({}).describe(
    "How training episodes are scheduled and played.",
  ),
  shaping: sparse(shapingSettings).default({}).describe(
    "Penalties added to rewards before credit is assigned.",
  ),
  estimator: estimator.describe("How credit is assigned."),
  tokenWeights: optional(
    tokenWeights,
    "Weights of the units within a decision; absent means equal weights.",
  ),
  strategies: optional(
    strategySettings,
    "How strategies are drawn, kept and judged; the estimator strata always has them, others never.",
  ),
  update: updateSettings.prefault({}).describe("How the learner uses samples."),
  warmStart: optional(
    warmStart,
    "Imitation of an expert before the first iteration; absent means none.",
  ),
  threads: z.int().min(0).max(64).default(0).describe(
    "Threads of the wasm backend: a compact policy plays and learns on at most 4 of them, a language model computes on all; 0 takes as many as there are cores. Changes speed and no number.",
  ),
  replicas: replicas.prefault({}).describe(
    "Copies of the policy in Workers, on backends that use one core.",
  ),
  evaluation: evaluation.prefault({}).describe(
    "What is played without learning, and how often.",
  ),
  record: record.prefault({}).describe("What the run keeps on disk."),
});
