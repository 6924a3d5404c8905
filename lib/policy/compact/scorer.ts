/**
 * Building blocks of the compact network: weights drawn by name, and a scorer of candidates.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Random } from "../../random.ts";
import type { Ragged } from "./batch.ts";

/** Makes weights, each from the random stream of its name. */
export class Weights {
  readonly variables: Record<string, tf.Variable> = {};
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Normal weights with deviation `scale`. */
  matrix(name: string, shape: [number, number], scale: number): tf.Variable {
    const stream = this.#random.fork(name);
    const draws = Float32Array.from(
      { length: shape[0] * shape[1] },
      () => stream.normal() * scale,
    );
    return this.#keep(name, tf.tensor2d(draws, shape));
  }

  /** A constant vector. */
  constant(name: string, size: number, value = 0): tf.Variable {
    return this.#keep(name, tf.fill([size], value));
  }

  /** Given numbers as a matrix of one column. */
  column(name: string, values: Float32Array): tf.Variable {
    return this.#keep(name, tf.tensor2d(values, [values.length, 1]));
  }

  #keep(name: string, initial: tf.Tensor): tf.Variable {
    const variable = tf.variable(initial); // the engine's own name is unique
    initial.dispose();
    this.variables[name] = variable;
    return variable;
  }
}

/** Weights of a scorer of candidates. */
export interface CandidateScorer {
  /** From the state, to be added. Shape `(width, width)`. */
  readonly state: tf.Variable;
  /** From the state, to be multiplied. Shape `(width, width)`. */
  readonly stateFactor: tf.Variable;
  /** From the candidate's words, to be added. Shape `(embedding, width)`. */
  readonly words: tf.Variable;
  /** From the candidate's words, to be multiplied. Shape `(embedding, width)`. */
  readonly wordsFactor: tf.Variable;
  readonly relations: tf.Variable;
  readonly bias: tf.Variable;
  readonly out: tf.Variable;
  /** Skip connection from the relations to the score; initialized to the prior. */
  readonly skip: tf.Variable;
}

/** Makes a scorer with random weights. */
export function makeScorer(
  weights: Weights,
  name: string,
  sizes: { embedding: number; width: number; prior: Float32Array },
): CandidateScorer {
  const { embedding, width, prior } = sizes;
  const relations = prior.length;
  return {
    state: weights.matrix(`${name}.state`, [width, width], width ** -0.5),
    stateFactor: weights.matrix(
      `${name}.stateFactor`,
      [width, width],
      width ** -0.5,
    ),
    words: weights.matrix(
      `${name}.words`,
      [embedding, width],
      embedding ** -0.5,
    ),
    wordsFactor: weights.matrix(
      `${name}.wordsFactor`,
      [embedding, width],
      embedding ** -0.5,
    ),
    relations: weights.matrix(
      `${name}.relations`,
      [relations, width],
      (relations / 4) ** -0.5,
    ),
    bias: weights.constant(`${name}.bias`, width),
    out: weights.matrix(`${name}.out`, [width, 1], 0.1 * width ** -0.5),
    skip: weights.column(`${name}.skip`, prior),
  };
}

/** Candidates of all samples of a batch. */
export interface CandidateRows {
  /** Text of each candidate, by number. */
  readonly texts: Int32Array;
  /** Shape `(candidates, relations)`. */
  readonly relations: tf.Tensor2D;
  /** Samples of the candidates. */
  readonly rows: Ragged;
  /** Added before the nonlinearity. Shape `(candidates, width)`. */
  readonly extra?: tf.Tensor;
}

/**
 * Scores candidates of all samples at once.
 *
 * @param state Embedded texts, shape `(texts, embedding)`, and hidden states, `(samples, width)`.
 * @returns Shape `(candidates,)`. Caller disposes.
 */
export function scoreRows(
  scorer: CandidateScorer,
  state: { readonly texts: tf.Tensor2D; readonly hidden: tf.Tensor2D },
  candidates: CandidateRows,
): tf.Tensor1D {
  if (candidates.texts.length === 0) return tf.tensor1d([]);
  const owners = tensor1d(candidates.rows.owners);
  const own = tensor1d(candidates.texts);
  const ofState = (rows: tf.Tensor) => tf.gather(rows, owners);
  const byState = (kernel: tf.Variable) =>
    tf.matMul(state.hidden, matrixOf(kernel));
  const ofWords = (kernel: tf.Variable) =>
    tf.gather(tf.matMul(state.texts, matrixOf(kernel)), own);
  const related = tf.matMul(candidates.relations, matrixOf(scorer.relations));
  // The bias is added to the states, which are fewer than the candidates.
  const added = ofState(tf.add(byState(scorer.state), scorer.bias));
  let total = tf.add(tf.add(added, ofWords(scorer.words)), related);
  if (candidates.extra) total = tf.add(total, candidates.extra);
  total = tf.add(
    total,
    tf.mul(ofState(byState(scorer.stateFactor)), ofWords(scorer.wordsFactor)),
  );
  const features = tf.relu(total) as tf.Tensor2D; // (candidates, width)
  return column1(
    tf.add(
      tf.matMul(features, matrixOf(scorer.out)),
      tf.matMul(candidates.relations, matrixOf(scorer.skip)),
    ),
  );
}

/** Uploads integers. */
export function tensor1d(column: Int32Array): tf.Tensor1D {
  return tf.tensor1d(column, "int32");
}

/** Uploads rows of numbers. */
export function tensor2d(numbers: Float32Array, columns: number): tf.Tensor2D {
  return tf.tensor2d(numbers, [numbers.length / columns, columns]);
}

/** A variable of rank 2, typed as such. */
export function matrixOf(variable: tf.Variable): tf.Tensor2D {
  return variable as tf.Tensor as tf.Tensor2D;
}

/** A matrix of one column as a column. */
export function column1(matrix: tf.Tensor): tf.Tensor1D {
  return tf.reshape(matrix, [-1]);
}
