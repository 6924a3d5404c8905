/**
 * Proximal policy optimization with per-decision credit: epochs and minibatches over a
 * differentiable policy, three value heads, and AdamW.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { DifferentiablePolicy } from "../../policy/differentiable.ts";
import type { Learner, TrainingSample } from "../../policy/policy.ts";
import {
  openSafetensors,
  writeSafetensors,
} from "../../policy/decoder/safetensors.ts";
import { registerGradients } from "../../policy/backends/tensor_setup.ts";
import { mean } from "../../numeric.ts";
import { decisionUnits } from "../../trajectory.ts";
import {
  assignWeights,
  flattenTensors,
  nameWeights,
  readWeights,
} from "./flat_weights.ts";
import { drawMinibatches } from "./minibatches.ts";
import {
  type AdamWState,
  beginAdamW,
  clipGradient,
  stepAdamW,
} from "./optimizer.ts";
import {
  checkFinite,
  differentiate,
  PPO_TERMS,
  type PpoShard,
  type PpoSlope,
  sumSlopes,
} from "./step.ts";
import { cutShards, shardShares } from "./microbatches.ts";
import { type PpoSettings, settingsAt } from "./update_settings.ts";

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
  return createShardedLearner(policy, {
    shards: 1,
    differentiate: (shards, settings) =>
      Promise.all(shards.map((one) => differentiate(policy, one, settings))),
  });
}

/** How a learner takes its gradients. */
export interface ShardingOptions {
  /** Parts into which each minibatch is cut; the last digits of its gradient depend on it. */
  readonly shards: number;
  /** Differentiates the parts, wherever it can, and gives their slopes in order. */
  readonly differentiate: (
    shards: readonly PpoShard[],
    settings: PpoSettings,
  ) => Promise<PpoSlope[]>;
}

/**
 * Makes a learner as {@linkcode createPpoLearner} does, whose gradients are computed part by part.
 *
 * @param policy What learns. Its weights change; it is the caller's to dispose.
 * @param options How many parts there are, and who computes them.
 * @returns The learner.
 */
export function createShardedLearner(
  policy: DifferentiablePolicy,
  options: ShardingOptions,
): Learner {
  return new PpoLearner(policy, options);
}

class PpoLearner implements Learner {
  readonly #policy: DifferentiablePolicy;
  readonly #sharding: ShardingOptions;
  readonly #variables: readonly tf.Variable[];
  readonly #size: number;
  /** Weights the policy had when the reference was set; on the device until they are asked for. */
  #initial: tf.Tensor1D | undefined;
  #reference: Float32Array<ArrayBuffer> | undefined;
  #moments: AdamWState;

  constructor(policy: DifferentiablePolicy, sharding: ShardingOptions) {
    this.#policy = policy;
    this.#sharding = sharding;
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
    samples: readonly TrainingSample[],
    options: Parameters<Learner["update"]>[1],
  ): Promise<Record<string, number>> {
    const settings = settingsAt(options);
    const weighed = samples.filter(({ decision }) =>
      decisionUnits(decision.trace).length > 0
    );
    if (weighed.length === 0) return { updates: 0 };
    await registerGradients(); // a policy of the caller's own may not have
    let weights = await readWeights(this.#variables);
    const references = settings.klCoefficient === 0
      ? undefined
      : await this.#scoreReference(weighed, weights);
    const report = new Report();
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      const random = options.random.fork("epoch", epoch);
      for (const part of drawMinibatches(weighed, { ...settings, random })) {
        const slope = await this.#differentiate(
          part,
          { samples: weighed, references, settings },
        );
        weights = this.#descend(weights, slope, { settings, report });
      }
      report.epochs++;
      const { targetKl } = settings;
      if (targetKl > 0 && report.lastKl() > targetKl) break;
    }
    return report.row();
  }

  async save(directory: string): Promise<void> {
    await Deno.mkdir(directory, { recursive: true });
    await writeSafetensors(
      `${directory}/policy.safetensors`,
      nameWeights(this.#policy.variables, await readWeights(this.#variables)),
    );
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
    assignWeights(this.#variables, weights);
  }

  /** The slope of a minibatch, shard by shard. */
  async #differentiate(
    part: readonly number[],
    { samples, references, settings }: Omit<PpoShard, "shares"> & {
      readonly settings: PpoSettings;
    },
  ): Promise<PpoSlope> {
    const { shards, differentiate } = this.#sharding;
    const cut = cutShards(part, shards).map((indices) => ({
      samples: indices.map((i) => samples[i]!),
      references: references && indices.map((i) => references[i]!),
    }));
    const shares = shardShares(cut.map((one) => one.samples));
    const slopes = await differentiate(
      cut.map((one, k) => ({ ...one, shares: shares[k]! })),
      settings,
    );
    return sumSlopes(slopes);
  }

  /** One step down a checked and clipped slope; returns the new weights. */
  #descend(
    weights: Float32Array<ArrayBuffer>,
    slope: PpoSlope,
    { settings, report }: { settings: PpoSettings; report: Report },
  ): Float32Array<ArrayBuffer> {
    checkFinite(slope, this.#policy.variables);
    const { gradient, norm } = clipGradient(
      slope.gradient,
      settings.maxGradientNorm,
    );
    const step = stepAdamW(weights, gradient, {
      state: this.#moments,
      learningRate: settings.learningRate,
      weightDecay: settings.weightDecay,
    });
    this.#moments = step.state;
    assignWeights(this.#variables, step.weights);
    report.add(slope.terms, norm);
    return step.weights;
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

  /** Log-probabilities of samples under the reference weights; the policy's own are put back. */
  async #scoreReference(
    samples: readonly TrainingSample[],
    own: Float32Array,
  ): Promise<Float32Array[]> {
    assignWeights(this.#variables, await this.#referenceWeights());
    try {
      const scored: Float32Array[] = [];
      for (let at = 0; at < samples.length; at += REFERENCE_BATCH) {
        const part = samples.slice(at, at + REFERENCE_BATCH);
        for (const { logProbs } of await this.#policy.rescore(part)) {
          scored.push(logProbs);
        }
      }
      return scored;
    } finally {
      assignWeights(this.#variables, own);
    }
  }
}

/** Means over gradient steps. */
class Report {
  epochs = 0;
  readonly #rows: Float32Array[] = [];
  readonly #norms: number[] = [];

  add(numbers: Float32Array, norm: number): void {
    this.#rows.push(numbers);
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
