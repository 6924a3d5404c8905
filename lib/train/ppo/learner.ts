/**
 * Proximal policy optimization with per-decision credit: epochs and minibatches over a
 * differentiable policy, three value heads, and AdamW.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type {
  DifferentiablePolicy,
  Learner,
  SampleBatch,
  ScoredTurn,
  UpdateOptions,
} from "../../policy/policy.ts";
import { type ByDecision, decisionUnits } from "../../trajectory.ts";
import {
  openSafetensors,
  type TensorValues,
  writeSafetensors,
} from "../../policy/decoder/safetensors.ts";
import { registerGradients } from "../../policy/backends/tensor_setup.ts";
import { createPause } from "../../pause.ts";
import { mean } from "../../numeric.ts";
import { type Random, shuffled } from "../../random.ts";
import type { SharedWeights } from "../../policy/compact/kernels/shared_weights.ts";
import { sharedWeightsOf } from "../../policy/compact/policy.ts";
import {
  type GradientSteps,
  type StepReport,
  tensorSteps,
  type Update,
} from "./gradient_steps.ts";
import { computePart } from "./kernel_gradient.ts";
import { type ComputeParts, KernelLearning } from "./kernel_steps.ts";
import {
  adaptKlCoefficient,
  type TurnDivergences,
  turnDivergences,
} from "./kl.ts";
import { layOutSamples, layOutTurns } from "./microbatches.ts";
import { correctSamples } from "./sampler_correction.ts";
import { type AdamWState, beginAdamW } from "./optimizer.ts";
import {
  accumulateGradient,
  assignWeights,
  flattenTensors,
  PPO_TERMS,
  readWeights,
} from "./step.ts";
import { type PpoSettings, settingsAt } from "./update_settings.ts";

/** Turns over which an adaptive coefficient may change by about a fifth, unless it is set. */
const KL_HORIZON = 10_000;

/** Samples scored at once under the reference weights. */
const REFERENCE_BATCH = 1024;

/**
 * Makes a learner of a policy.
 *
 * Its objective is HiPER's: clipped surrogates of the three decisions, each with its own credit,
 * a clipped squared error for each value head, an entropy bonus, and a divergence from the
 * weights the policy had when the learner was made, or when `setReference` was called last.
 *
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, section 4
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import {
 *   assignCredit,
 *   collectTrajectories,
 *   createCompactPolicy,
 *   createPpoLearner,
 *   createRandom,
 *   proposeCorridorSubgoals as proposeSubgoals,
 *   scheduleEpisodes,
 *   selectBackend,
 *   toSamples,
 * } from "@hiper/lab";
 *
 * await selectBackend("wasm");
 * const policy = createCompactPolicy({ seed: 1, proposeSubgoals });
 * const learner = createPpoLearner(policy);
 * const random = createRandom(1);
 * const corridor = { kind: "corridor", length: 5 };
 * const episodes = scheduleEpisodes([corridor], { random, tasks: 8, maxTurns: 10 });
 * const trajectories = await collectTrajectories(policy, episodes);
 * const credits = assignCredit(trajectories, { name: "hae" });
 * const row = await learner.update(toSamples(trajectories, credits), { random });
 * ok(row.gradient_norm! > 0);
 * policy.dispose();
 * ```
 *
 * @param policy What learns. Its weights change; it is the caller's to dispose.
 * @returns The learner. Saving and loading carries weights, moments and reference.
 */
export function createPpoLearner(policy: DifferentiablePolicy): Learner {
  return new PpoLearner(policy, stepsOf(policy));
}

/** Makes the learner of a policy with kernels, whose parts of minibatches are computed on any thread. */
export function createKernelLearner(
  policy: DifferentiablePolicy,
  weights: SharedWeights,
  computeParts: ComputeParts,
): Learner {
  return new PpoLearner(policy, kernelSteps(weights, computeParts));
}

function kernelSteps(
  weights: SharedWeights,
  computeParts: ComputeParts,
): BeginSteps {
  const learning = new KernelLearning(weights, computeParts);
  return (update) => learning.begin(update);
}

/** Steps by the policy's own kernels where it has some, else by TensorFlow.js; on this thread. */
function stepsOf(policy: DifferentiablePolicy): BeginSteps {
  const weights = sharedWeightsOf(policy);
  if (weights) {
    return kernelSteps(
      weights,
      (jobs) =>
        Promise.resolve(jobs.map((job) => computePart(weights.network(), job))),
    );
  }
  return (update) => {
    const pause = createPause(update.signal);
    return tensorSteps(policy, update, {
      microbatches: 1,
      computeGradients: async (parts, settings) => [
        await accumulateGradient(policy, parts, { settings, pause }),
      ],
    });
  };
}

/** Begins the steps of an update. */
type BeginSteps = (update: Update) => GradientSteps;

/** The learner of {@linkcode createPpoLearner}, whose steps are taken by TensorFlow.js or by kernels. */
export class PpoLearner implements Learner {
  readonly #policy: DifferentiablePolicy;
  readonly #begin: BeginSteps;
  readonly #variables: readonly tf.Variable[];
  readonly #size: number;
  /** Weights the policy had when the reference was set; on the device until they are read. */
  #initial: tf.Tensor1D | undefined;
  #reference: Float32Array<ArrayBuffer> | undefined;
  #moments: AdamWState;
  /** Coefficient of the divergence as adapted so far; absent means as configured. */
  #klCoefficient: number | undefined;
  /** Divergence that was taken out of the rewards that the next update learns from. */
  #penalized: TurnDivergences | undefined;
  /** Weights, moments and coefficient when the last update began. */
  #start:
    | {
      weights: Float32Array<ArrayBuffer>;
      moments: AdamWState;
      klCoefficient: number | undefined;
    }
    | undefined;

  constructor(policy: DifferentiablePolicy, begin: BeginSteps) {
    this.#policy = policy;
    this.#begin = begin;
    this.#variables = Object.values(policy.variables);
    this.#size = this.#variables.reduce((sum, { size }) => sum + size, 0);
    this.#moments = beginAdamW(this.#size);
    this.setReference();
  }

  setReference(): void {
    this.#initial?.dispose();
    this.#initial = tf.tidy(() =>
      flattenTensors(this.#variables, this.#variables)
    );
  }

  async update(
    samples: SampleBatch,
    options: Parameters<Learner["update"]>[1],
  ): Promise<Record<string, number>> {
    try {
      return await this.#update(samples, options);
    } catch (error) {
      if (options.signal?.aborted) this.revert();
      throw error;
    }
  }

  async #update(
    samples: SampleBatch,
    options: Parameters<Learner["update"]>[1],
  ): Promise<Record<string, number>> {
    this.#start = undefined;
    const { random: stream, signal, iteration: _, ...given } = options;
    const chosen = this.#settingsAt(given);
    let columns = layOutSamples(samples);
    const { offsets } = columns;
    const penalized = this.#penalized;
    this.#penalized = undefined;
    const rows = samples.turns.map((_, i) => i)
      .filter((i) => offsets[i + 1]! > offsets[i]!);
    if (rows.length === 0) return { updates: 0 };
    await registerGradients(); // a policy of the caller's own may not have
    const weights = await readWeights(this.#variables);
    const moments = this.#moments;
    const { klPlacement, klCoefficient, samplerCorrection } = chosen;
    this.#start = { weights, moments, klCoefficient: this.#klCoefficient };
    const pause = createPause(signal);
    const inLoss = klPlacement === "loss" && klCoefficient !== 0;
    const settings: PpoSettings = {
      ...chosen,
      klCoefficient: inLoss ? klCoefficient : 0,
      aggregationLength: chosen.aggregationLength ?? longest(offsets),
    };
    const { turns } = samples;
    const references = inLoss
      ? await this.#scoreReference({ turns, offsets, rows }, weights)
      : undefined;
    const divergences = references
      ? turnDivergences(columns.units.oldLogProbs, {
        ...{ references, mask: columns.units.mask, offsets },
        estimator: settings.klEstimator,
      })
      : penalized;
    const corrected = samplerCorrection && await correctSamples(columns, {
      ...{ turns, rows, ...samplerCorrection },
      score: (some) => this.#policy.scoreSamples(some),
    });
    if (corrected) columns = corrected.columns;
    const steps = this.#begin(
      {
        ...{ samples, columns, rows, references, settings, weights, moments },
        signal,
      },
    );
    const report = new Report();
    try {
      for (let epoch = 0; epoch < settings.epochs; epoch++) {
        const random = stream.fork("epoch", epoch);
        for (
          const part of drawMinibatches({ rows, samples, settings }, random)
        ) {
          await pause();
          report.add(await steps.step(part));
        }
        report.epochs++;
        const { targetKl } = settings;
        if (targetKl > 0 && report.lastKl() > targetKl) break;
      }
    } finally {
      this.#moments = steps.end();
    }
    return {
      ...report.row(),
      ...corrected?.metrics,
      ...this.#adapt(chosen, divergences),
    };
  }

  /** Settings at this moment of training, the coefficient of the divergence as it was adapted. */
  #settingsAt(options: Parameters<typeof settingsAt>[0]): PpoSettings {
    const settings = settingsAt(options);
    const adapted = settings.adaptiveKl ? this.#klCoefficient : undefined;
    return {
      ...settings,
      klCoefficient: adapted ?? settings.klCoefficient,
    };
  }

  /** Adapts the coefficient of the divergence after it was used; numbers of the update's row. */
  #adapt(
    { klCoefficient, klPlacement, adaptiveKl }: PpoSettings,
    divergences: TurnDivergences | undefined,
  ): Record<string, number> {
    if (!divergences) return {};
    const measured = {
      ...(klPlacement === "reward" && { reward_kl: divergences.mean }),
      ...(adaptiveKl && { kl_coefficient: klCoefficient }),
    };
    if (!adaptiveKl) return measured;
    const { target, horizon = KL_HORIZON } = adaptiveKl;
    this.#klCoefficient = adaptKlCoefficient(klCoefficient, {
      ...{ kl: divergences.mean, steps: divergences.turns, target, horizon },
    });
    return measured;
  }

  async rewardPenalties(
    turns: readonly ScoredTurn[],
    counts: ByDecision<Uint8Array>,
    options: UpdateOptions,
  ): Promise<Float64Array> {
    const { klCoefficient, klEstimator } = this.#settingsAt(options);
    const { offsets, logProbs } = layOutTurns(turns);
    const mask = new Uint8Array(logProbs.length);
    for (const [i, { decision: { trace } }] of turns.entries()) {
      for (const [j, name] of decisionUnits(trace).entries()) {
        if (name !== undefined) mask[offsets[i]! + j] = counts[name][i]!;
      }
    }
    const rows = turns.map((_, i) => i)
      .filter((i) => offsets[i + 1]! > offsets[i]!);
    const own = await readWeights(this.#variables);
    const references = await this.#scoreReference(
      { turns, offsets, rows },
      own,
    );
    this.#penalized = turnDivergences(logProbs, {
      ...{ references, mask, offsets, estimator: klEstimator },
    });
    return this.#penalized.sums.map((sum) => klCoefficient * sum);
  }

  revert(): void {
    if (!this.#start) return;
    const { weights, moments, klCoefficient } = this.#start;
    assignWeights(this.#variables, weights);
    this.#moments = moments;
    this.#klCoefficient = klCoefficient;
    this.#start = undefined;
  }

  async save(directory: string): Promise<void> {
    await Deno.mkdir(directory, { recursive: true });
    const weights = await readWeights(this.#variables);
    const named: Record<string, TensorValues> = {};
    let at = 0;
    for (const [name, variable] of Object.entries(this.#policy.variables)) {
      const { shape, size } = variable;
      named[name] = { shape, values: weights.slice(at, at + size) };
      at += size;
    }
    await writeSafetensors(`${directory}/policy.safetensors`, named);
    const column = (values: Float32Array<ArrayBuffer>) => ({
      shape: [this.#size],
      values,
    });
    const { first, second, step } = this.#moments;
    await writeSafetensors(`${directory}/optimizer.safetensors`, {
      first: column(first),
      second: column(second),
      reference: column(await this.#referenceWeights()),
    }, {
      metadata: {
        step: String(step),
        ...(this.#klCoefficient !== undefined &&
          { klCoefficient: String(this.#klCoefficient) }),
      },
    });
    await this.#policy.saveAdapter?.(directory);
  }

  async load(directory: string): Promise<void> {
    const file = `${directory}/policy.safetensors`;
    const saved = await openSafetensors(file);
    for (const name of saved.tensors.keys()) {
      if (name in this.#policy.variables) continue;
      throw new TypeError(
        `Cannot load "${file}" as it must hold the weights of this policy alone: it also holds "${name}"`,
      );
    }
    const weights = new Float32Array(this.#size);
    let at = 0;
    for (const [name, { shape }] of Object.entries(this.#policy.variables)) {
      const { values } = await saved.read(name, shape);
      weights.set(values, at);
      at += values.length;
    }
    const state = await openSafetensors(`${directory}/optimizer.safetensors`);
    const column = async (name: string) =>
      Float32Array.from((await state.read(name, [this.#size])).values);
    const step = Number(state.metadata.step);
    if (!(Number.isInteger(step) && step >= 0)) {
      throw new SyntaxError(
        `Cannot load "${directory}" as its optimizer must say how many steps it took: current value is "${state.metadata.step}"`,
      );
    }
    const adapted = state.metadata.klCoefficient;
    if (adapted !== undefined && !(Number(adapted) >= 0)) {
      throw new SyntaxError(
        `Cannot load "${directory}" as its coefficient of the divergence must be a number of at least 0: current value is "${adapted}"`,
      );
    }
    const [first, second] = [await column("first"), await column("second")];
    this.#klCoefficient = adapted === undefined ? undefined : Number(adapted);
    this.#penalized = undefined;
    this.#reference = await column("reference");
    this.#initial?.dispose();
    this.#initial = undefined;
    this.#moments = { step, first, second };
    this.#start = undefined;
    assignWeights(this.#variables, weights);
  }

  async #referenceWeights(): Promise<Float32Array<ArrayBuffer>> {
    if (this.#initial !== undefined) {
      this.#reference = Float32Array.from(
        await this.#initial.data<"float32">(),
      );
      this.#initial.dispose();
      this.#initial = undefined;
    }
    return this.#reference ?? new Float32Array(this.#size);
  }

  /** Log-probabilities of all units under the reference weights; the policy's own are put back. */
  async #scoreReference(
    { turns, offsets, rows }: {
      readonly turns: readonly ScoredTurn[];
      readonly offsets: Int32Array;
      readonly rows: readonly number[];
    },
    own: Float32Array,
  ): Promise<Float32Array> {
    assignWeights(this.#variables, await this.#referenceWeights());
    try {
      const references = new Float32Array(offsets.at(-1)!);
      for (let at = 0; at < rows.length; at += REFERENCE_BATCH) {
        const part = rows.slice(at, at + REFERENCE_BATCH);
        const scored = await this.#policy.scoreSamples(
          part.map((i) => turns[i]!),
        );
        for (const [j, { logProbs }] of scored.entries()) {
          references.set(logProbs, offsets[part[j]!]!);
        }
      }
      return references;
    } finally {
      assignWeights(this.#variables, own);
    }
  }
}

/** Units of the longest row. */
function longest(offsets: Int32Array): number {
  let most = 1;
  for (let i = 0; i + 1 < offsets.length; i++) {
    most = Math.max(most, offsets[i + 1]! - offsets[i]!);
  }
  return most;
}

/** Deals rows into minibatches, in a fresh order; none is below half the size but an only one. */
export function drawMinibatches(
  { rows, samples, settings }: Pick<Update, "samples" | "settings" | "rows">,
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

/** Means over gradient steps. */
class Report {
  epochs = 0;
  readonly #rows: Float32Array[] = [];
  readonly #norms: number[] = [];

  add({ terms, norm }: StepReport): void {
    this.#rows.push(terms);
    this.#norms.push(norm);
  }

  /** Approximate KL of the last gradient step, in nats. */
  lastKl(): number {
    return this.#rows.at(-1)?.[PPO_TERMS.indexOf("approximate_kl")] ?? 0;
  }

  row(): Record<string, number> {
    const row: Record<string, number> = {
      updates: this.#rows.length,
      epochs: this.epochs,
      gradient_norm: mean(this.#norms),
    };
    PPO_TERMS.forEach((name, i) => {
      row[name] = mean(this.#rows.map((numbers) => numbers[i]!));
    });
    return row;
  }
}
