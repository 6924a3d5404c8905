/**
 * Learning on an engine: the clipped surrogate of the three decisions as data of the Tinker protocol, one optimizer
 * step for each minibatch, and checkpoints on the server named after iterations.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { mean } from "../../numeric.ts";
import type { Learner, SampleBatch } from "../../policy/policy.ts";
import { type Random, shuffled } from "../../random.ts";
import type { Datum, PassResult } from "../../remote/tinker/codec.ts";
import { replyDatum, scaleAdvantages } from "../../remote/tinker/data.ts";
import type { Dialect, LossName } from "../../remote/tinker/dialects.ts";
import { TinkerError } from "../../remote/tinker/errors.ts";
import type { TinkerPolicy } from "../../remote/tinker/policy.ts";
import type { TinkerSampler } from "../../remote/tinker/sampler.ts";
import { readSettings } from "../../settings.ts";
import { parseJson } from "../../text_file.ts";
import type { TokenTrace } from "../../trajectory.ts";
import type { TrainingConfig } from "../config/config.ts";
import { layOutSamples, type SampleColumns } from "../ppo/microbatches.ts";
import { type PpoSettings, settingsAt } from "../ppo/update_settings.ts";

/** State beside the weights that a checkpoint carries: a critic's, for example. */
export interface LearnerCompanion {
  /** Writes its files into a folder. */
  save(directory: string): Promise<void>;
  /** Reads them. */
  load(directory: string): Promise<void>;
}

/** How a learner on an engine is made. */
export interface EngineLearnerOptions {
  /** Checkpoints on the server that stay for the run's folder. @default {2} */
  readonly checkpointsKept?: number;
  /** State that is saved and loaded with the weights. */
  readonly companions?: readonly LearnerCompanion[];
}

const FILE = "engine.json";

const fileSchema = z.strictObject({
  format: z.literal("hiper-lab-engine"),
  version: z.literal(1),
  checkpoint: z.string().nullable(),
  pinned: z.array(z.string()),
  updates: z.int().nonnegative(),
});

/** Settings that no dialect honors, or not all, with the value that turns them off. */
const REFUSED: readonly {
  readonly name: "dualClip" | "valueClipRange" | "maxGradientNorm";
  readonly refuses: (dialect: Dialect) => boolean;
  readonly reason: string;
}[] = [
  {
    name: "dualClip",
    refuses: () => true,
    reason: "engines have no dual clip",
  },
  {
    name: "valueClipRange",
    refuses: () => true,
    reason: "values are not learned by the engine",
  },
  {
    name: "maxGradientNorm",
    refuses: ({ clipping }) => clipping !== "request",
    reason: "this engine clips by its own configuration or not at all",
  },
];

/**
 * Refuses settings that an engine would ignore.
 *
 * @throws {TypeError} If one has an effect elsewhere and none here; the message says how to take it back.
 */
export function checkEngineUpdate(
  { update, replicas, tokenWeights }: TrainingConfig,
  dialect: Dialect,
): void {
  for (const { name, refuses, reason } of REFUSED) {
    const value = update[name] ?? 0;
    if (value === 0 || !refuses(dialect)) continue;
    throw new TypeError(
      `Cannot learn on an engine of dialect "${dialect.name}" as "update.${name}" must be 0, since ${reason}: current value is ${value}`,
    );
  }
  if ((update.weightDecay ?? 0) > 0 && !dialect.adam.includes("weightDecay")) {
    throw new TypeError(
      `Cannot learn on an engine of dialect "${dialect.name}" as "update.weightDecay" must be 0, since the server's own configuration sets it: current value is ${update.weightDecay}`,
    );
  }
  if (replicas.microbatches > 1) {
    throw new TypeError(
      `Cannot learn on an engine as "replicas.microbatches" must be 1, since there is no policy here to copy: current value is ${replicas.microbatches}`,
    );
  }
  if (tokenWeights) {
    throw new TypeError(
      'Cannot learn on an engine as "tokenWeights" must be absent, since engines give no entropies: current value is "gear"',
    );
  }
}

/** Makes a learner of a policy on an engine. */
export function createEngineLearner(
  policy: TinkerPolicy,
  options: EngineLearnerOptions = {},
): Learner {
  return new EngineLearner(policy, options);
}

/** One step's data, with the rows they are of. */
interface StepData {
  readonly data: readonly Datum[];
  /** Rows of the batch, one for each datum. */
  readonly rows: readonly number[];
}

class EngineLearner implements Learner {
  readonly #policy: TinkerPolicy;
  readonly #kept: number;
  readonly #companions: readonly LearnerCompanion[];
  #updates = 0;
  #reference: "base" | "own" = "base";

  constructor(policy: TinkerPolicy, options: EngineLearnerOptions) {
    const { checkpointsKept = 2, companions = [] } = options;
    this.#policy = policy;
    this.#kept = checkpointsKept;
    this.#companions = companions;
  }

  /** The reference of `klCoefficient` is the base model; after a warm start it would be weights that are gone. */
  setReference(): void {
    this.#reference = "own";
  }

  async update(
    samples: SampleBatch,
    options: Parameters<Learner["update"]>[1],
  ): Promise<Record<string, number>> {
    const { random, signal, iteration, ...given } = options;
    signal?.throwIfAborted();
    const settings = settingsAt(given);
    const { engine } = this.#policy;
    const columns = layOutSamples(samples);
    const rows = trainableRows(samples, columns);
    for (const row of rows) {
      engine.checkFresh(samples.turns[row]!.decision.trace, settings.onPolicy);
    }
    if (rows.length === 0) return { updates: 0 };
    // From here on the server's weights change: what is begun is finished, or begun again from the checkpoint.
    const report = await engine.guarded(async () => {
      const done = await this.#descend({ samples, columns, rows, settings }, {
        random,
      });
      await engine.save(checkpointName(iteration, this.#updates));
      return done;
    });
    this.#updates++;
    engine.updated();
    return report;
  }

  async #descend(
    given: {
      samples: SampleBatch;
      columns: SampleColumns;
      rows: readonly number[];
      settings: PpoSettings;
    },
    { random }: { random: Random },
  ): Promise<Record<string, number>> {
    const { samples, columns, rows, settings } = given;
    const { engine } = this.#policy;
    const penalties = await this.#penalties(given);
    const report = new Report();
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      const parts = drawMinibatches(given, random.fork("epoch", epoch));
      for (const part of parts) {
        const units = maskedUnits(columns, part);
        const step = layOutStep({ samples, columns, penalties }, part);
        if (step.data.length === 0) continue;
        const { loss, data, lossSettings } = objective(step.data, {
          settings,
          units,
          dialect: engine.session.dialect,
        });
        const pass = await engine.model.submitPass(data, {
          loss,
          settings: lossSettings,
          vocabSize: this.#policy.tokenizer.vocabSize,
        });
        // Submitted back to back: engines may run both on one clock.
        const stepping = await engine.model.submitStep({
          learningRate: settings.learningRate,
          weightDecay: settings.weightDecay,
          maxGradientNorm: engine.session.dialect.clipping === "request"
            ? settings.maxGradientNorm
            : 0,
        });
        const [result, measured] = await Promise.all([
          pass.result,
          stepping.result,
        ]);
        report.add({ step, result, measured, settings });
      }
      report.epochs++;
      const { targetKl } = settings;
      if (targetKl > 0 && report.lastKl > targetKl) break;
    }
    return {
      ...report.row(),
      ...countTokens(samples, rows),
    };
  }

  /** What is added to the advantage of each unit for entropy and for nearness to the reference. Shape `(units,)`. */
  async #penalties(
    { samples, columns, rows, settings }: {
      samples: SampleBatch;
      columns: SampleColumns;
      rows: readonly number[];
      settings: PpoSettings;
    },
  ): Promise<Float32Array> {
    const { offsets, units: { mask, oldLogProbs } } = columns;
    const added = new Float32Array(mask.length);
    const { entropyCoefficient, klCoefficient, onPolicy } = settings;
    if (entropyCoefficient !== 0 && !onPolicy) {
      let sum = 0, count = 0;
      for (const [j, counts] of mask.entries()) {
        if (counts === 0) continue;
        sum += oldLogProbs[j]!;
        count++;
      }
      // The gradient of entropy by its score function, from what was sampled.
      for (const [j, counts] of mask.entries()) {
        if (counts === 0) continue;
        added[j]! -= entropyCoefficient * (oldLogProbs[j]! - sum / count);
      }
    }
    if (klCoefficient === 0) return added;
    const reference = await this.#referenceSampler();
    await Promise.all(rows.map(async (row) => {
      const { prompt, reply } = samples.turns[row]!.decision
        .trace as TokenTrace;
      const whole = Int32Array.of(...prompt, ...reply);
      const logProbs = await reference.logProbs(whole);
      for (let j = 0; j < reply.length; j++) {
        const unit = offsets[row]! + j;
        if (mask[unit] === 0) continue;
        const gap = logProbs[prompt.length + j]! - oldLogProbs[unit]!;
        added[unit]! -= klCoefficient * (1 - Math.exp(Math.min(gap, 10)));
      }
    }));
    return added;
  }

  #referenceSampler(): Promise<TinkerSampler> {
    if (this.#reference === "base") return this.#policy.engine.baseSampler();
    throw new TypeError(
      'Cannot hold on to a reference as "update.klCoefficient" must be 0 after a warm start: engines keep the base model alone to compare with',
    );
  }

  async save(directory: string): Promise<void> {
    const { engine } = this.#policy;
    await Deno.mkdir(directory, { recursive: true });
    if (engine.checkpoint === undefined) {
      await engine.guarded(() => engine.save(checkpointName(0, this.#updates)));
    }
    const checkpoint = await engine.pin(this.#kept);
    const state: z.input<typeof fileSchema> = {
      format: "hiper-lab-engine",
      version: 1,
      checkpoint: checkpoint ?? null,
      pinned: [...engine.pinned],
      updates: this.#updates,
    };
    await Deno.writeTextFile(
      `${directory}/${FILE}`,
      JSON.stringify(state, undefined, 1) + "\n",
    );
    for (const companion of this.#companions) await companion.save(directory);
  }

  async load(directory: string): Promise<void> {
    const path = `${directory}/${FILE}`;
    const state = readSettings(
      fileSchema,
      parseJson(await Deno.readTextFile(path), path),
      `load "${path}"`,
    );
    const { checkpoint, pinned, updates } = state;
    try {
      await this.#policy.engine.load(checkpoint ?? undefined, pinned);
    } catch (error) {
      if (!(error instanceof TinkerError && error.kind === "expired")) {
        throw error;
      }
      throw new Error(
        `Cannot load "${path}" as the server must still have checkpoint "${checkpoint}": start it with the database and the folder of checkpoints that it had`,
        { cause: error },
      );
    }
    this.#updates = updates;
    for (const companion of this.#companions) await companion.load(directory);
  }
}

/** Name of the checkpoint after an iteration, or after a pass of a warm start. */
function checkpointName(
  iteration: number | undefined,
  updates: number,
): string {
  return iteration === undefined
    ? `warm-${String(updates + 1).padStart(6, "0")}`
    : `iteration-${String(iteration).padStart(6, "0")}`;
}

/** Rows with tokens that are trained. */
function trainableRows(
  { turns }: SampleBatch,
  { offsets, units }: SampleColumns,
): number[] {
  return turns.map((_, i) => i).filter((i) =>
    turns[i]!.decision.trace.kind === "tokens" &&
    units.mask.subarray(offsets[i], offsets[i + 1]).some((one) => one === 1)
  );
}

function maskedUnits(
  { offsets, units }: SampleColumns,
  rows: readonly number[],
): number {
  let sum = 0;
  for (const row of rows) {
    for (let j = offsets[row]!; j < offsets[row + 1]!; j++) {
      sum += units.mask[j]!;
    }
  }
  return sum;
}

/** Data of the rows that have a gradient; those whose advantages are all 0 are left out. */
function layOutStep(
  { samples, columns, penalties }: {
    samples: SampleBatch;
    columns: SampleColumns;
    penalties: Float32Array;
  },
  part: readonly number[],
): StepData {
  const { offsets, units } = columns;
  const data: Datum[] = [], rows: number[] = [];
  for (const row of part) {
    const start = offsets[row]!, end = offsets[row + 1]!;
    const mask = units.mask.subarray(start, end);
    const advantages = units.advantages.subarray(start, end)
      .map((a, j) => mask[j] === 1 ? a + penalties[start + j]! : 0);
    if (advantages.every((a) => a === 0)) continue;
    const trace = samples.turns[row]!.decision.trace as TokenTrace;
    data.push(replyDatum(trace, { advantages, mask }));
    rows.push(row);
  }
  return { data, rows };
}

/** The loss, its settings, and data scaled for the mean over all trained tokens of the step. */
function objective(
  data: readonly Datum[],
  options: { settings: PpoSettings; units: number; dialect: Dialect },
): {
  loss: LossName;
  lossSettings: Record<string, number>;
  data: readonly Datum[];
} {
  const { settings: { clipRange, onPolicy }, units, dialect } = options;
  if (onPolicy) {
    return {
      loss: "cross_entropy",
      lossSettings: {},
      data: data.map((datum) => likelihood(datum, { units, dialect })),
    };
  }
  const [below, above] = typeof clipRange === "number"
    ? [clipRange, clipRange]
    : clipRange;
  return {
    loss: "ppo",
    lossSettings: {
      clip_low_threshold: 1 - below,
      clip_high_threshold: 1 + above,
    },
    data: scaleAdvantages(data, { reduction: dialect.reduction, units }),
  };
}

/** A datum whose advantages weigh its log-likelihood; engines that take means give every datum the same weight. */
function likelihood(
  { tokens, targets, arrays }: Datum,
  { units, dialect }: { units: number; dialect: Dialect },
): Datum {
  const factor = dialect.reduction === "sum" ? 1 / units : 1;
  const weights = arrays["advantages"]!.map((a) => a * factor);
  const bad = weights.find((one) => one < 0);
  if (bad !== undefined) {
    throw new RangeError(
      `Cannot imitate on an engine as advantages must not be negative: current value is ${bad}`,
    );
  }
  return { tokens, targets, arrays: { weights } };
}

/** Deals rows into minibatches, in a fresh order; none is below half the size but an only one. */
function drawMinibatches(
  { rows, samples, settings }: {
    rows: readonly number[];
    samples: SampleBatch;
    settings: PpoSettings;
  },
  random: Random,
): number[][] {
  const { minibatchBy, minibatchSize: size } = settings;
  const groups = minibatchBy === "turn"
    ? rows.map((i) => [i])
    : [...Map.groupBy(rows, (i) => samples.episodes[i]!).values()];
  const parts: number[][] = [];
  for (const group of shuffled(random, groups)) {
    const last = parts.at(-1);
    if (last && last.length < size) last.push(...group);
    else parts.push([...group]);
  }
  const last = parts.at(-1), before = parts.at(-2);
  if (before && last && last.length < size / 2) {
    before.push(...last);
    parts.pop();
  }
  return parts;
}

/** Tokens of a batch: of prompts and replies that were sampled, and of what was trained in one pass. */
function countTokens(
  { turns }: SampleBatch,
  rows: readonly number[],
): Record<string, number> {
  let prompted = 0, sampled = 0, trained = 0;
  const learned = new Set(rows);
  for (const [i, { decision: { trace } }] of turns.entries()) {
    if (trace.kind !== "tokens") continue;
    prompted += trace.prompt.length;
    sampled += trace.reply.length;
    if (learned.has(i)) trained += trace.prompt.length + trace.reply.length - 1;
  }
  return {
    tokens_prompted: prompted,
    tokens_sampled: sampled,
    tokens_trained: trained,
  };
}

/** Means over optimizer steps. */
class Report {
  epochs = 0;
  readonly #rows: Record<string, number>[] = [];
  #gap: number | undefined;

  add(
    { step, result, measured, settings }: {
      step: StepData;
      result: PassResult;
      measured: Readonly<Record<string, number>>;
      settings: PpoSettings;
    },
  ): void {
    const gaps: number[] = [], logProbs: number[] = [];
    let clipped = 0, loss = 0, units = 0;
    const { clipRange } = settings;
    const [below, above] = typeof clipRange === "number"
      ? [clipRange, clipRange]
      : clipRange;
    for (const [d, { arrays }] of step.data.entries()) {
      const now = result.outputs[d]?.["logprobs"];
      const { weights, logprobs, advantages } = arrays;
      if (!now || !weights || !logprobs || !advantages) continue;
      for (let i = 0; i < weights.length; i++) {
        if (weights[i] === 0) continue;
        checkLogProb(now[i]!);
        const a = advantages[i]!;
        const gap = settings.onPolicy ? 0 : logprobs[i]! - now[i]!;
        const ratio = Math.exp(-gap);
        const bound = Math.min(Math.max(ratio, 1 - below), 1 + above);
        if (bound * a < ratio * a) clipped++;
        loss -= Math.min(ratio * a, bound * a);
        logProbs.push(now[i]!);
        gaps.push(gap);
        units++;
      }
    }
    // Before the first step the weights are those that sampled: what differs is arithmetic.
    this.#gap ??= gaps.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    const norm = Object.entries(measured)
      .find(([name]) => /grad(ient)?_norm/.test(name))?.[1];
    if (norm !== undefined && !Number.isFinite(norm)) {
      throw new RangeError(
        `Cannot go on as the norm of the gradient must be finite: current value is ${norm}`,
      );
    }
    this.#rows.push({
      policy_loss: units > 0 ? loss / units : 0,
      approximate_kl: mean(gaps),
      clip_fraction: units > 0 ? clipped / units : 0,
      log_prob: mean(logProbs),
      ...(norm !== undefined && { gradient_norm: norm }),
    });
  }

  get lastKl(): number {
    return this.#rows.at(-1)?.["approximate_kl"] ?? 0;
  }

  row(): Record<string, number> {
    const names = Object.keys(this.#rows[0] ?? {});
    return {
      updates: this.#rows.length,
      epochs: this.epochs,
      ...Object.fromEntries(
        names.map((name) => [
          name,
          mean(this.#rows.map((row) => row[name] ?? NaN)),
        ]),
      ),
      ...(this.#gap !== undefined && { log_prob_gap: this.#gap }),
    };
  }
}

function checkLogProb(value: number): void {
  if (Number.isFinite(value)) return;
  throw new RangeError(
    `Cannot go on as log-probabilities must be finite: current value is ${value}; a token outside the vocabulary poisons every gradient`,
  );
}
