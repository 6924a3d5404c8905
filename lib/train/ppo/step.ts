/**
 * The gradient of one microbatch: HiPER's objective over a scored batch, its terms, and weights and gradients as one
 * long column of numbers.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { DifferentiablePolicy } from "../../policy/policy.ts";
import { byDecision } from "../../trajectory.ts";
import { aggregate } from "./aggregation.ts";
import { actorObjective, criticObjective } from "./objective.ts";
import type { Microbatch } from "./microbatches.ts";
import type { PpoSettings } from "./update_settings.ts";

/** Terms of the objective that are reported, in the order of {@linkcode PpoGradient.terms}. */
export const PPO_TERMS = [
  "policy_loss",
  "value_loss",
  "entropy",
  "kl_to_reference",
  "approximate_kl",
  "clip_fraction",
  "dual_clip_fraction",
  "log_prob",
] as const;

/** A part of a minibatch's objective. */
export interface PpoGradient {
  /** Terms in the order of {@linkcode PPO_TERMS}. */
  readonly terms: Float32Array<ArrayBuffer>;
  /** Shape `(weights,)`. */
  readonly gradient: Float32Array<ArrayBuffer>;
}

/** Settings of a gradient, and whether its turns are one of the parts that the policy asked for. */
type GradientSettings = PpoSettings & { readonly isPart?: boolean };

/** Computes one microbatch's part of terms and gradient, to be added up; no tensor is left behind. */
export async function computeGradient(
  policy: DifferentiablePolicy,
  microbatch: Microbatch,
  settings: GradientSettings,
): Promise<PpoGradient> {
  const variables = Object.values(policy.variables);
  let terms: tf.Tensor1D | undefined;
  const objective = (): tf.Scalar => {
    const parts = objectiveTerms(policy, microbatch, settings);
    terms = tf.keep(tf.stack(parts.terms) as tf.Tensor1D);
    return parts.loss;
  };
  const { value, grads } = tf.variableGrads(objective, variables);
  const gradients = variables.map(({ name }) => grads[name] ?? null);
  const column = tf.tidy(() => flattenTensors(variables, gradients, terms));
  tf.dispose([value, grads, terms!]);
  const numbers = await column.data<"float32">();
  column.dispose();
  const count = PPO_TERMS.length;
  return { terms: numbers.slice(0, count), gradient: numbers.slice(count) };
}

/** Adds up the gradients of a minibatch's microbatches, at least one, in their order. */
export function sumGradients(
  gradients: readonly PpoGradient[],
): PpoGradient {
  if (gradients.length === 1) return gradients[0]!;
  return {
    terms: addUp(gradients.map(({ terms }) => terms)),
    gradient: addUp(gradients.map(({ gradient }) => gradient)),
  };
}

/**
 * Computes the gradient of a minibatch, microbatch by microbatch on this thread, and adds up as it goes.
 *
 * @param options `pause` is awaited before each microbatch, and may throw.
 */
export async function accumulateGradient(
  policy: DifferentiablePolicy,
  microbatches: readonly Microbatch[],
  options: {
    readonly settings: PpoSettings;
    readonly pause: () => Promise<void> | undefined;
  },
): Promise<PpoGradient> {
  let total: PpoGradient | undefined;
  for (const microbatch of microbatches) {
    await options.pause();
    const more = await computeGradient(policy, microbatch, {
      ...options.settings,
      isPart: microbatches.length > 1,
    });
    total = total ? sumGradients([total, more]) : more;
  }
  return total!; // a minibatch has rows
}

/** Columns of one length, added up in order. */
function addUp(columns: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const total = new Float32Array(columns[0]!.length);
  for (const column of columns) {
    for (let i = 0; i < total.length; i++) total[i]! += column[i]!;
  }
  return total;
}

/** The microbatch's part of the objective, and of its terms in the order of {@linkcode PPO_TERMS}. */
function objectiveTerms(
  policy: DifferentiablePolicy,
  { turns, sequences, units, heads, references, weights }: Microbatch,
  settings: GradientSettings,
): { loss: tf.Scalar; terms: tf.Scalar[] } {
  const { isPart = false } = settings;
  const scored = policy.score(turns, { isPart });
  const actor = actorObjective(scored.logProbs, {
    oldLogProbs: settings.onPolicy
      ? scored.logProbs // no gradient flows through them
      : tf.tensor1d(units.oldLogProbs),
    advantages: tf.tensor1d(units.advantages),
    mask: tf.tensor1d(units.mask),
    loss: settings.loss,
    aggregation: settings.aggregation,
    ...{ sequences, sequenceCount: turns.length },
    ...(settings.aggregationLength !== undefined &&
      { length: settings.aggregationLength }),
    clipRange: settings.clipRange,
    dualClip: settings.dualClip,
    entropies: scored.entropies,
    entropyCoefficient: settings.entropyCoefficient,
    klCoefficient: settings.klCoefficient,
    klEstimator: settings.klEstimator,
    ...(references && { referenceLogProbs: tf.tensor1d(references) }),
  });
  const critic = criticObjective(byDecision((name) => ({
    values: scored.values[name],
    oldValues: tf.tensor1d(heads[name].oldValues),
    targets: tf.tensor1d(heads[name].targets),
    mask: tf.tensor1d(heads[name].mask),
    clipRange: settings.valueClipRange,
    coefficient: weights.heads[name],
  })));
  const share = (mean: tf.Scalar): tf.Scalar => tf.mul(mean, weights.units);
  const part = (aggregate: tf.Scalar): tf.Scalar =>
    tf.mul(aggregate, weights.aggregate);
  const loss: tf.Scalar = tf.add(
    part(actor.loss),
    tf.mul(critic.loss, settings.valueCoefficient),
  );
  return {
    loss,
    terms: [
      part(actor.policy),
      critic.loss,
      part(actor.entropy),
      part(actor.kl),
      share(actor.approximateKl),
      share(actor.clipFraction),
      share(actor.dualClipFraction),
      share(aggregate(scored.logProbs, tf.tensor1d(units.mask))),
    ],
  };
}

/**
 * Checks a gradient before the optimizer's step.
 *
 * @throws {RangeError} If a term or a gradient is not finite.
 */
export function checkFinite(
  computed: PpoGradient,
  variables: Readonly<Record<string, { readonly size: number }>>,
): void {
  PPO_TERMS.forEach((name, i) => {
    if (Number.isFinite(computed.terms[i])) return;
    throw new RangeError(
      `Cannot update as "${name}" must be finite: current value is ${
        computed.terms[i]
      }; the weights are those before this step`,
    );
  });
  let at = 0;
  for (const [name, { size }] of Object.entries(variables)) {
    const end = at + size;
    const wrong = computed.gradient.subarray(at, end).find((one) =>
      !Number.isFinite(one)
    );
    if (wrong !== undefined) {
      throw new RangeError(
        `Cannot update as the gradient of "${name}" must be finite: current value is ${wrong}; the weights are those before this step`,
      );
    }
    at = end;
  }
}

/** Lays tensors end to end, zeros where one is missing. Shape `(before + weights,)`; the caller disposes. */
export function flattenTensors(
  variables: readonly tf.Variable[],
  tensors: readonly (tf.Tensor | null)[],
  before?: tf.Tensor1D,
): tf.Tensor1D {
  const parts = variables.map(({ size }, i): tf.Tensor =>
    tensors[i] ? tf.reshape(tensors[i], [-1]) : tf.zeros([size])
  );
  return tf.concat(before ? [before, ...parts] : parts) as tf.Tensor1D;
}

/** Reads the numbers of all variables with one transfer. Shape `(weights,)`. */
export async function readWeights(
  variables: readonly tf.Variable[],
): Promise<Float32Array<ArrayBuffer>> {
  const column = tf.tidy(() => flattenTensors(variables, variables));
  const numbers = Float32Array.from(await column.data<"float32">());
  column.dispose();
  return numbers;
}

/** Writes numbers, shape `(weights,)`, into the variables. */
export function assignWeights(
  variables: readonly tf.Variable[],
  numbers: Float32Array,
): void {
  let at = 0;
  tf.tidy(() => {
    for (const variable of variables) {
      const { shape, size } = variable;
      variable.assign(tf.tensor(numbers.slice(at, at + size), shape));
      at += size;
    }
  });
}
