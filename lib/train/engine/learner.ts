/**
 * Learning on an engine: the clipped surrogate of the three decisions as data of the Tinker protocol, one optimizer
 * step for each minibatch, and checkpoints on the server named after iterations.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { Learner, SampleBatch } from "../../policy/policy.ts";
import type { Random } from "../../random.ts";
import type { Dialect } from "../../remote/tinker/dialects.ts";
import { TinkerError } from "../../remote/tinker/errors.ts";
import { scoreReplies, type TinkerPolicy } from "../../remote/tinker/policy.ts";
import type { TinkerSampler } from "../../remote/tinker/sampler.ts";
import { readSettings } from "../../settings.ts";
import { parseJson } from "../../text_file.ts";
import type { TokenTrace } from "../../trajectory.ts";
import type { TrainingConfig } from "../config/config.ts";
import { drawMinibatches } from "../ppo/learner.ts";
import { layOutSamples, type SampleColumns } from "../ppo/microbatches.ts";
import {
  type CorrectedSamples,
  correctSamples,
} from "../ppo/sampler_correction.ts";
import { type PpoSettings, settingsAt } from "../ppo/update_settings.ts";
import { layOutStep, maskedUnits, objective } from "./step_data.ts";
import { StepReport } from "./step_report.ts";

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

/** Settings that the learner on this machine alone knows, with the value that stands for what engines do. */
const LOCAL_SETTINGS = [
  ["loss", "ppo"],
  ["aggregation", "token-mean"],
  ["klEstimator", "k3"],
  ["klPlacement", "loss"],
  ["adaptiveKl", undefined],
] as const;

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
  const own = LOCAL_SETTINGS.find(([name, standard]) =>
    update[name] !== undefined && update[name] !== standard
  );
  if (own) {
    const [name, standard] = own;
    throw new TypeError(
      `Cannot learn on an engine as "update.${name}" must be ${
        standard === undefined ? "absent" : JSON.stringify(standard)
      }, since engines compute their own loss: current value is ${
        JSON.stringify(update[name])
      }`,
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
    const { samples, rows, settings } = given;
    const { engine } = this.#policy;
    const penalties = await this.#penalties(given);
    const { columns, metrics } = await this.#correct(given);
    const report = new StepReport();
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
      ...metrics,
      ...countTokens(samples, rows),
    };
  }

  /** Where it is asked for, ratios start from the trainer's log-probabilities, one forward pass more. */
  async #correct(
    { samples, columns, rows, settings }: {
      samples: SampleBatch;
      columns: SampleColumns;
      rows: readonly number[];
      settings: PpoSettings;
    },
  ): Promise<CorrectedSamples> {
    const { samplerCorrection, onPolicy } = settings;
    if (!samplerCorrection || onPolicy) return { columns, metrics: {} };
    return await correctSamples(columns, {
      turns: samples.turns,
      rows,
      score: async (turns) => {
        const traces = turns.map(({ decision }) =>
          decision.trace as TokenTrace
        );
        const scored = await scoreReplies(this.#policy.engine, traces);
        return scored.map((logProbs) => ({ logProbs }));
      },
      ...samplerCorrection,
    });
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
