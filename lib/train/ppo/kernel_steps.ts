/**
 * The gradient steps of an update on shared memory: weights, gradients and moments stay there, and threads compute parts
 * of each minibatch.
 *
 * A minibatch is split into parts by its size alone, and their gradients are added up in order: results do not depend on the
 * number of threads.
 *
 * @module
 */

import { Arena } from "../../policy/backends/wasm/shared_memory.ts";
import { readInputs } from "../../policy/compact/batch.ts";
import { choiceTrace } from "../../policy/compact/choice.ts";
import type { KernelNetwork } from "../../policy/compact/kernels/kernel_network.ts";
import type { SharedWeights } from "../../policy/compact/kernels/shared_weights.ts";
import { storeTurns } from "../../policy/compact/kernels/turns.ts";
import { transposeWeights } from "../../policy/compact/kernels/weights.ts";
import { byDecision } from "../../trajectory.ts";
import type { GradientSteps, StepReport, Update } from "./gradient_steps.ts";
import type { GradientJob, SharedSamples } from "./kernel_gradient.ts";
import { splitMicrobatches } from "./microbatches.ts";
import { BETA1, BETA2, EPSILON } from "./optimizer.ts";
import { checkFinite } from "./step.ts";

/** Parts of a minibatch. */
const PARTS = 4;

/** Computes parts, on any thread, and returns the terms of each in order. */
export type ComputeParts = (
  jobs: readonly GradientJob[],
) => Promise<Float64Array[]>;

/** Shared memory of a learner. */
export class KernelLearning {
  readonly #weights: SharedWeights;
  readonly #compute: ComputeParts;
  #arena: Arena | undefined;

  constructor(weights: SharedWeights, compute: ComputeParts) {
    this.#weights = weights;
    this.#compute = compute;
  }

  /** Begins the steps of an update. */
  begin(update: Update): GradientSteps {
    const network = this.#weights.network();
    const arena = this.#arena ??= new Arena(network.shared);
    arena.clear();
    return new KernelSteps(update, {
      network,
      arena,
      compute: this.#compute,
      assign: () => this.#weights.assign(),
    });
  }
}

class KernelSteps implements GradientSteps {
  readonly #update: Update;
  readonly #network: KernelNetwork;
  readonly #compute: ComputeParts;
  readonly #assign: () => void;
  readonly #samples: SharedSamples;
  /** Place of each row among the rows to learn from. */
  readonly #places = new Map<number, number>();
  readonly #gradients: readonly number[];
  readonly #first: number;
  readonly #second: number;
  #step: number;

  constructor(
    update: Update,
    { network, arena, compute, assign }: {
      network: KernelNetwork;
      arena: Arena;
      compute: ComputeParts;
      assign: () => void;
    },
  ) {
    this.#update = update;
    this.#network = network;
    this.#compute = compute;
    this.#assign = assign;
    update.rows.forEach((row, place) => this.#places.set(row, place));
    this.#samples = shareSamples(network, arena, update);
    const { padded } = network.handle.weights;
    this.#gradients = Array.from({ length: PARTS }, () => arena.take(padded));
    const { first, second, step } = update.moments;
    const column = (values: Float32Array) => {
      const pointer = arena.zeros(padded);
      network.shared.floats(pointer, values.length).set(values);
      return pointer;
    };
    this.#first = column(first);
    this.#second = column(second);
    this.#step = step;
  }

  async step(rows: readonly number[]): Promise<StepReport> {
    const { settings, columns } = this.#update;
    const { offsets, units, heads } = columns;
    const masked = (mask: Float32Array, at: (row: number) => number[]) =>
      rows.reduce((sum, row) => at(row).reduce((n, i) => n + mask[i]!, sum), 0);
    const unitsOf = (row: number) => [0, 1, 2].map((k) => offsets[row]! + k);
    const counts = {
      units: masked(units.mask, unitsOf),
      rows: rows.length,
      trainedRows:
        rows.filter((row) => unitsOf(row).some((u) => units.mask[u]! > 0))
          .length,
      heads: byDecision((name) => masked(heads[name].mask, (row) => [row])),
    };
    const places = rows.map((row) => this.#places.get(row)!);
    const jobs = splitMicrobatches(places, PARTS).map((part, k) => ({
      samples: this.#samples,
      rows: part,
      counts,
      settings,
      gradient: this.#gradients[k]!,
    }));
    const parts = await this.#compute(jobs);
    const terms = new Float32Array(parts[0]!.length)
      .map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0));
    return { terms, norm: this.#descend(terms, jobs.length) };
  }

  end() {
    this.#assign();
    const { shared, handle: { weights: { size } } } = this.#network;
    const read = (pointer: number) =>
      Float32Array.from(shared.floats(pointer, size));
    return {
      step: this.#step,
      first: read(this.#first),
      second: read(this.#second),
    };
  }

  /** A step of AdamW along the sum of the parts' gradients, checked and clipped; returns its norm. */
  #descend(terms: Float32Array<ArrayBuffer>, parts: number): number {
    const { shared, handle: { weights } } = this.#network;
    const { kernels } = shared, { padded, size } = weights;
    const { settings } = this.#update;
    const [gradient, ...others] = this.#gradients.slice(0, parts);
    for (const other of others) kernels.add(padded, other, gradient!);
    const norm = Math.sqrt(kernels.sumSquares(size, gradient!));
    if (!Number.isFinite(norm) || terms.some((one) => !Number.isFinite(one))) {
      const column = Float32Array.from(shared.floats(gradient!, size));
      checkFinite({ terms, gradient: column }, weights.places);
    }
    const { maxGradientNorm: most, learningRate, weightDecay } = settings;
    const scale = most > 0 && norm > most ? most / norm : 1;
    const step = ++this.#step;
    kernels.stepAdamW(
      ...[padded, weights.column, gradient!, this.#first, this.#second],
      ...[scale, learningRate, weightDecay, BETA1, BETA2, EPSILON],
      ...[1 / (1 - BETA1 ** step), 1 / (1 - BETA2 ** step)],
    );
    transposeWeights(shared, weights);
    return norm;
  }
}

/** Writes the rows to learn from to shared memory. */
function shareSamples(
  { shared, handle }: KernelNetwork,
  arena: Arena,
  { samples, columns, rows, references }: Update,
): SharedSamples {
  const [buckets] = handle.weights.places["embedding"]!.shape;
  const traces = rows.map((row) => choiceTrace(samples.turns[row]!));
  const inputs = traces.map((trace) => readInputs(trace.inputs));
  const chosen = new Int32Array(3 * rows.length);
  traces.forEach(({ chosen: { switching, planning, execution } }, i) => {
    const held = inputs[i]!.contextTexts[0]! >= 0;
    chosen.set([held ? switching : -1, planning, execution], 3 * i);
  });
  const { offsets, units, heads } = columns;
  const ofUnits = (column: Float32Array) => {
    const pointer = arena.take(3 * rows.length);
    const own = shared.floats(pointer, 3 * rows.length);
    rows.forEach((row, i) =>
      own.set(column.subarray(offsets[row], offsets[row]! + 3), 3 * i)
    );
    return pointer;
  };
  const ofRows = (column: Float32Array) => {
    const pointer = arena.take(rows.length);
    const own = shared.floats(pointer, rows.length);
    rows.forEach((row, i) => own[i] = column[row]!);
    return pointer;
  };
  return {
    store: storeTurns(arena, inputs, buckets!),
    rows: rows.length,
    chosen: arena.integers(chosen),
    units: {
      oldLogProbs: ofUnits(units.oldLogProbs),
      advantages: ofUnits(units.advantages),
      mask: ofUnits(units.mask),
    },
    references: references && ofUnits(references),
    heads: byDecision((name) => ({
      oldValues: ofRows(heads[name].oldValues),
      targets: ofRows(heads[name].targets),
      mask: ofRows(heads[name].mask),
    })),
  };
}
