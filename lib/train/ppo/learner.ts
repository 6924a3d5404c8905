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
} from "../../policy/policy.ts";
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
import { layOutSamples } from "./microbatches.ts";
import { type AdamWState, beginAdamW } from "./optimizer.ts";
import {
  assignWeights,
  computeGradient,
  flattenTensors,
  PPO_TERMS,
  readWeights,
} from "./step.ts";
import { settingsAt } from "./update_settings.ts";

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
  return (update) =>
    tensorSteps(policy, update, {
      microbatches: 1,
      computeGradients: (parts, settings) =>
        Promise.all(parts.map((one) => computeGradient(policy, one, settings))),
    });
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
  /** Weights and moments when the last update began. */
  #start:
    | { weights: Float32Array<ArrayBuffer>; moments: AdamWState }
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
    const settings = settingsAt(given);
    const columns = layOutSamples(samples);
    const { offsets } = columns;
    const rows = samples.turns.map((_, i) => i)
      .filter((i) => offsets[i + 1]! > offsets[i]!);
    if (rows.length === 0) return { updates: 0 };
    await registerGradients(); // a policy of the caller's own may not have
    const weights = await readWeights(this.#variables);
    const moments = this.#moments;
    this.#start = { weights, moments };
    const pause = createPause(signal);
    const references = settings.klCoefficient === 0
      ? undefined
      : await this.#scoreReference({ samples, columns, rows }, weights);
    const steps = this.#begin(
      { samples, columns, rows, references, settings, weights, moments },
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
    return report.row();
  }

  revert(): void {
    if (!this.#start) return;
    const { weights, moments } = this.#start;
    assignWeights(this.#variables, weights);
    this.#moments = moments;
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
    }, { metadata: { step: String(step) } });
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
    const [first, second] = [await column("first"), await column("second")];
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
    { samples, columns, rows }: Pick<Update, "samples" | "columns" | "rows">,
    own: Float32Array,
  ): Promise<Float32Array> {
    const { offsets, units } = columns;
    assignWeights(this.#variables, await this.#referenceWeights());
    try {
      const references = new Float32Array(units.mask.length);
      for (let at = 0; at < rows.length; at += REFERENCE_BATCH) {
        const part = rows.slice(at, at + REFERENCE_BATCH);
        const scored = await this.#policy.scoreSamples(
          part.map((i) => samples.turns[i]!),
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
