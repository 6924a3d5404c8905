/**
 * A language model that is a table: one row of logits for every beginning of a text, learned by Adam. It generalizes
 * to nothing, which is enough for tests, notebooks and rehearsals of a run on worlds with few situations.
 *
 * @module
 */

import { createRandom } from "../../../random.ts";
import type {
  DatumOutputs,
  PassRequest,
  PassResult,
  SampledSequence,
} from "../codec.ts";

/** Logits and moments of the rows that were learned; the others are zeros. */
interface Row {
  readonly logits: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** Weights and optimizer state; rows are replaced and never changed. */
export interface TableWeights {
  readonly rows: ReadonlyMap<string, Row>;
  readonly step: number;
}

/** Settings of a step, by the protocol's names. */
export interface TableStep {
  readonly learning_rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/** The table of one model. */
export class TableModel {
  readonly #vocabSize: number;
  readonly #reduction: "sum" | "mean-of-means";
  #rows: ReadonlyMap<string, Row> = new Map();
  #step = 0;
  #gradients = new Map<string, Float64Array>();
  #data = 0;

  constructor(
    vocabSize: number,
    reduction: "sum" | "mean-of-means" = "mean-of-means",
  ) {
    this.#vocabSize = vocabSize;
    this.#reduction = reduction;
  }

  /** The weights as they are; later steps do not change them. */
  get weights(): TableWeights {
    return { rows: this.#rows, step: this.#step };
  }

  /** Takes over weights, with the optimizer's state or a fresh one. */
  load({ rows, step }: TableWeights, optimizer: boolean): void {
    this.#rows = optimizer ? rows : new Map(
      [...rows].map(([key, { logits }]) => [key, {
        logits,
        first: new Float64Array(logits.length),
        second: new Float64Array(logits.length),
      }]),
    );
    this.#step = optimizer ? step : 0;
  }

  /** Log-probabilities of every target; adds gradients unless the pass is forward only. */
  pass({ data, loss, settings, forwardOnly }: PassRequest): PassResult {
    const outputs = data.map((datum): DatumOutputs => {
      const { tokens, targets, arrays } = datum;
      const weights = arrays["weights"] ??
        new Float32Array(tokens.length).fill(1);
      const total = weights.reduce((sum, one) => sum + one, 0);
      const scale = this.#reduction === "sum" ? 1 : 1 / Math.max(total, 1e-9);
      const logprobs = new Float32Array(tokens.length);
      const losses = new Float32Array(tokens.length);
      const beginning = new Beginning();
      for (const [i, token] of tokens.entries()) {
        beginning.add(token);
        const known = token < this.#vocabSize && targets[i]! < this.#vocabSize;
        const row = logSoftmax(this.#logits(this.#rows, beginning.key), 1);
        logprobs[i] = known ? row[targets[i]!]! : NaN;
        const { value, slope } = tokenLoss(loss, {
          logProb: logprobs[i]!,
          behavior: arrays["logprobs"]?.[i] ?? 0,
          advantage: arrays["advantages"]?.[i] ?? 0,
          low: settings["clip_low_threshold"] ?? 0.8,
          high: settings["clip_high_threshold"] ?? 1.2,
        });
        losses[i] = weights[i]! * value;
        if (forwardOnly || weights[i] === 0) continue;
        this.#add(beginning.key, row, {
          target: targets[i]!,
          slope: slope * weights[i]! * scale,
        });
      }
      return { elementwise_loss: losses, logprobs };
    });
    if (!forwardOnly) this.#data += data.length;
    return { outputType: "scalar", outputs, metrics: {} };
  }

  /** Takes a step and clears the gradients; gives the gradient's norm. */
  step({ learning_rate, beta1, beta2, eps }: TableStep): number {
    const divisor = this.#reduction === "sum" ? 1 : Math.max(1, this.#data);
    const rows = new Map(this.#rows);
    const step = ++this.#step;
    let square = 0;
    for (const [key, gradient] of this.#gradients) {
      const before = rows.get(key);
      const logits = Float64Array.from(this.#logits(rows, key));
      const first = Float64Array.from(before?.first ?? logits.map(() => 0));
      const second = Float64Array.from(before?.second ?? logits.map(() => 0));
      for (let v = 0; v < logits.length; v++) {
        const slope = gradient[v]! / divisor;
        square += slope * slope;
        first[v] = beta1 * first[v]! + (1 - beta1) * slope;
        second[v] = beta2 * second[v]! + (1 - beta2) * slope * slope;
        const mean = first[v]! / (1 - beta1 ** step);
        const root = Math.sqrt(second[v]! / (1 - beta2 ** step));
        logits[v]! -= learning_rate * mean / (root + eps);
      }
      rows.set(key, { logits, first, second });
    }
    this.#rows = rows;
    this.#gradients = new Map();
    this.#data = 0;
    return Math.sqrt(square);
  }

  #logits(rows: ReadonlyMap<string, Row>, key: string): Float64Array {
    return rows.get(key)?.logits ?? new Float64Array(this.#vocabSize);
  }

  #add(
    key: string,
    row: Float64Array,
    { target, slope }: { target: number; slope: number },
  ): void {
    if (slope === 0) return;
    let gradient = this.#gradients.get(key);
    if (!gradient) {
      gradient = new Float64Array(this.#vocabSize);
      this.#gradients.set(key, gradient);
    }
    for (let v = 0; v < row.length; v++) {
      gradient[v]! += slope * ((v === target ? 1 : 0) - Math.exp(row[v]!));
    }
  }
}

/** Samples a sequence from weights; log-probabilities are those at temperature 1. */
export function sampleTable(
  { rows }: TableWeights,
  options: {
    vocabSize: number;
    prompt: readonly number[];
    maxTokens: number;
    temperature: number;
    seed: number;
    stop: readonly number[];
    /** Added to the log-probabilities that are reported. */
    gap: number;
  },
): SampledSequence {
  const { vocabSize, prompt, maxTokens, temperature, seed, stop, gap } =
    options;
  const random = createRandom(seed);
  const beginning = new Beginning();
  for (const token of prompt) beginning.add(token);
  const tokens: number[] = [], logProbs: number[] = [];
  let stopReason: "stop" | "length" = "length";
  while (tokens.length < maxTokens) {
    const logits = rows.get(beginning.key)?.logits ??
      new Float64Array(vocabSize);
    const token = drawToken(logits, temperature, random.uniform());
    tokens.push(token);
    logProbs.push(logSoftmax(logits, 1)[token]! + gap);
    beginning.add(token);
    if (stop.includes(token)) {
      stopReason = "stop";
      break;
    }
  }
  return {
    stopReason,
    tokens: Int32Array.from(tokens),
    logProbs: Float32Array.from(logProbs),
  };
}

/** Log-probabilities of all tokens of a text but the first. */
export function scoreTable(
  { rows }: TableWeights,
  options: { vocabSize: number; prompt: readonly number[] },
): Float32Array<ArrayBuffer> {
  const { vocabSize, prompt } = options;
  const beginning = new Beginning();
  return Float32Array.from(prompt.slice(1), (token, i) => {
    beginning.add(prompt[i]!);
    const logits = rows.get(beginning.key)?.logits ??
      new Float64Array(vocabSize);
    return logSoftmax(logits, 1)[token]!;
  });
}

function drawToken(
  logits: Float64Array,
  temperature: number,
  u: number,
): number {
  if (temperature === 0) return logits.indexOf(Math.max(...logits));
  const row = logSoftmax(logits, temperature);
  let left = u;
  for (let v = 0; v < row.length; v++) {
    left -= Math.exp(row[v]!);
    if (left < 0) return v;
  }
  return row.length - 1;
}

function logSoftmax(logits: Float64Array, temperature: number): Float64Array {
  const scaled = logits.map((one) => one / temperature);
  const most = scaled.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = scaled.reduce((total, one) => total + Math.exp(one - most), 0);
  return scaled.map((one) => one - most - Math.log(sum));
}

/** Loss of one token and its slope by the log-probability. */
export function tokenLoss(
  loss: string,
  token: {
    logProb: number;
    behavior: number;
    advantage: number;
    low: number;
    high: number;
  },
): { value: number; slope: number } {
  const { logProb, behavior, advantage, low, high } = token;
  if (loss === "cross_entropy") return { value: -logProb, slope: -1 };
  const ratio = Math.exp(logProb - behavior);
  if (loss === "importance_sampling") {
    return { value: -ratio * advantage, slope: -ratio * advantage };
  }
  const clipped = Math.min(Math.max(ratio, low), high);
  if (loss === "cispo") {
    return {
      value: -clipped * logProb * advantage,
      slope: -clipped * advantage,
    };
  }
  const free = ratio * advantage, bound = clipped * advantage;
  return {
    value: -Math.min(free, bound),
    slope: free <= bound ? -free : 0,
  };
}

/** The beginning of a text, as a key of the table: two hashes of 32 bits. */
class Beginning {
  #low = 0x811c9dc5;
  #high = 0x9747b28c;

  add(token: number): void {
    this.#low = Math.imul(this.#low ^ token, 0x01000193);
    this.#high = Math.imul(this.#high ^ (token + 0x9e37), 0x85ebca6b);
    this.#high ^= this.#high >>> 13;
  }

  get key(): string {
    return `${this.#low >>> 0}:${this.#high >>> 0}`;
  }
}
