/**
 * The compact policy's network: hashed word embeddings, a shared trunk, one scorer for subgoals
 * and one for actions, and three value heads.
 *
 * A candidate's score is a small perceptron over the sum of a projection of the state, one of the
 * candidate's words, one of its relations, and the elementwise product of two more projections of
 * state and words. The product is what lets `hot` in a task call for `heat` in an action.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import type { Random } from "../random.ts";
import type { ByDecision } from "../trajectory.ts";
import {
  ACTION_COLUMNS,
  type CompactBatch,
  CONTEXT_COLUMNS,
  STATE_COLUMNS,
  STATE_TEXTS,
} from "./compact_batch.ts";
import { SUBGOAL_RELATIONS } from "./compact_relations.ts";
import {
  EXECUTION_PRIOR,
  PLANNING_PRIOR,
  SWITCHING_PRIOR,
} from "./compact_prior.ts";
import {
  column1,
  makeScorer,
  matrixOf,
  scoreRows,
  tensor1d,
  tensor2d,
  Weights,
} from "./compact_scorer.ts";

/** Sizes of a compact network. */
export interface CompactNetworkOptions {
  /** Rows of the embedding table. */
  readonly buckets: number;
  /** Width of an embedding. */
  readonly embedding: number;
  /** Width of the trunk and of the scorers. */
  readonly width: number;
  /** Units of return that a value head's output of 1 stands for. */
  readonly valueScale: number;
  /** Logit of SWITCH before anything was learned. */
  readonly switchBias: number;
  /** How strongly the first policy leans on its prior; 0 makes it nearly uniform. */
  readonly prior: number;
}

/** Scores that need no chosen subgoal. */
export interface PlanScores {
  /** Logit of SWITCH against KEEP. Shape `(samples,)`. */
  readonly switching: tf.Tensor1D;
  /** Logit of each subgoal candidate. Shape `(candidates,)`. */
  readonly planning: tf.Tensor1D;
  /** Values: of the state with the held subgoal, of the state, and of acting under the held subgoal. */
  readonly values: ByDecision<tf.Tensor1D>;
}

/** Scores under the chosen subgoal. */
export interface ActionScores {
  /** Logit of each action. Shape `(actions,)`. */
  readonly execution: tf.Tensor1D;
  /** Value of acting under the chosen subgoal. Shape `(samples,)`. */
  readonly value: tf.Tensor1D;
}

/** What both halves of a forward pass share. */
export interface Trunk {
  /** Embedding of each text. Shape `(texts, embedding)`. */
  readonly texts: tf.Tensor2D;
  /** The state before the nonlinearity. Shape `(samples, width)`. */
  readonly state: tf.Tensor2D;
}

/** The network; every method returns tensors that the caller disposes or sweeps. */
export interface CompactNetwork {
  /** Weights under fixed names. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /** Reads texts and states. */
  readTrunk(batch: CompactBatch): Trunk;
  /** Scores switching and planning. */
  scorePlans(batch: CompactBatch, trunk: Trunk): PlanScores;
  /** Scores actions. */
  scoreActions(batch: CompactBatch, trunk: Trunk): ActionScores;
}

/**
 * Makes a network with random weights; its first policy is nearly uniform, its first values are 0.
 *
 * @param random Stream to draw weights from.
 * @param options Sizes.
 * @returns The network. Caller disposes its variables.
 */
export function createCompactNetwork(
  random: Random,
  options: CompactNetworkOptions,
): CompactNetwork {
  const { buckets, embedding, width, valueScale, switchBias, prior } = options;
  const weights = new Weights(random);
  const table = weights.matrix("embedding", [buckets, embedding], 1);
  const stateInputs = STATE_TEXTS * embedding + STATE_COLUMNS;
  const stateKernel = weights.matrix(
    "trunk.state",
    [stateInputs, width],
    stateInputs ** -0.5,
  );
  const stateBias = weights.constant("trunk.bias", width);
  const contextInputs = embedding + CONTEXT_COLUMNS;
  const contextKernel = weights.matrix(
    "trunk.subgoal",
    [contextInputs, width],
    contextInputs ** -0.5,
  );
  const deepKernel = weights.matrix(
    "trunk.deep",
    [width, width],
    (width / 2) ** -0.5,
  );
  const deepBias = weights.constant("trunk.deepBias", width);
  const switchOut = weights.matrix("switching.out", [width, 1], 0.01);
  const switchOffset = weights.constant("switching.bias", 1, switchBias);
  const heads = weights.matrix("values.out", [width, 3], 0);
  const headBias = weights.constant("values.bias", 3);
  const planScorer = makeScorer(weights, "planning", {
    embedding,
    width,
    prior: scaled(PLANNING_PRIOR, prior),
  });
  const actionScorer = makeScorer(weights, "execution", {
    embedding,
    width,
    prior: scaled(EXECUTION_PRIOR, prior),
  });
  const switchSkip = weights.column(
    "switching.skip",
    scaled(SWITCHING_PRIOR, prior),
  );
  const textKernel = (name: string) =>
    weights.matrix(name, [embedding, width], embedding ** -0.5);
  const verbsKernel = textKernel("execution.verbs");
  const gistKernel = textKernel("execution.gist");

  /** The state with one subgoal added to it. Shape `(samples, width)`. */
  const withSubgoal = (batch: CompactBatch, trunk: Trunk, side: 0 | 1) => {
    const text = tf.gather(trunk.texts, tensor1d(batch.contextTexts[side]));
    const numbers = tensor2d(batch.contexts[side], CONTEXT_COLUMNS);
    const inputs = tf.concat([text, numbers], 1); // (samples, context inputs)
    const added = tf.matMul(inputs as tf.Tensor2D, matrixOf(contextKernel));
    return tf.relu(tf.add(trunk.state, added)) as tf.Tensor2D;
  };
  /** One value head of a hidden state. Shape `(samples,)`. */
  const value = (hidden: tf.Tensor2D, head: number): tf.Tensor1D => {
    const column = tf.slice(matrixOf(heads), [0, head], [-1, 1]);
    const bias = tf.slice(headBias, [head], [1]);
    return tf.mul(tf.add(column1(tf.matMul(hidden, column)), bias), valueScale);
  };
  const deepen = (hidden: tf.Tensor2D): tf.Tensor2D =>
    tf.relu(tf.add(tf.matMul(hidden, matrixOf(deepKernel)), deepBias));

  return {
    variables: weights.variables,
    readTrunk(batch) {
      return tf.tidy(() => {
        const texts = readTexts(table, batch, embedding);
        const own = tf.reshape(
          tf.gather(texts, tensor1d(batch.stateTexts)),
          [batch.size, STATE_TEXTS * embedding],
        );
        const inputs = tf.concat(
          [own, tensor2d(batch.state, STATE_COLUMNS)],
          1,
        );
        const state = tf.matMul(inputs as tf.Tensor2D, matrixOf(stateKernel));
        return { texts, state: tf.add(state, stateBias) as tf.Tensor2D };
      });
    },
    scorePlans(batch, trunk) {
      return tf.tidy(() => {
        const bare = tf.relu(trunk.state);
        const held = deepen(withSubgoal(batch, trunk, 0));
        const skipped = tf.matMul(
          tensor2d(batch.contexts[0], CONTEXT_COLUMNS),
          matrixOf(switchSkip),
        );
        const switching: tf.Tensor1D = column1(
          tf.add(
            tf.add(tf.matMul(held, matrixOf(switchOut)), skipped),
            switchOffset,
          ),
        );
        const planning = scoreRows(planScorer, {
          texts: trunk.texts,
          hidden: bare,
        }, {
          texts: batch.subgoalTexts,
          relations: tensor2d(batch.subgoals, SUBGOAL_RELATIONS),
          rows: batch.subgoalRows,
        });
        const values = {
          switching: value(held, 0),
          planning: value(deepen(bare), 1),
          execution: value(held, 2),
        };
        return { switching, planning, values };
      });
    },
    scoreActions(batch, trunk) {
      return tf.tidy(() => {
        const chosen = withSubgoal(batch, trunk, 1);
        const ofTexts = (kernel: tf.Variable, texts: Int32Array) =>
          tf.gather(tf.matMul(trunk.texts, matrixOf(kernel)), tensor1d(texts));
        const [, verbs, gist] = batch.actionTexts;
        const execution = scoreRows(actionScorer, {
          texts: trunk.texts,
          hidden: chosen,
        }, {
          texts: batch.actionTexts[0],
          relations: tensor2d(batch.actions, ACTION_COLUMNS),
          rows: batch.actionRows,
          extra: tf.add(
            ofTexts(verbsKernel, verbs),
            ofTexts(gistKernel, gist),
          ),
        });
        return { execution, value: value(deepen(chosen), 2) };
      });
    },
  };
}

function scaled(prior: Float32Array, factor: number): Float32Array {
  return prior.map((weight) => weight * factor);
}

/** Mean embedding of each text's words. Shape `(texts, embedding)`. */
function readTexts(
  table: tf.Variable,
  batch: CompactBatch,
  embedding: number,
): tf.Tensor2D {
  if (batch.words.length === 0) return tf.zeros([batch.texts, embedding]);
  const words = tf.gather(table, tensor1d(batch.words)); // (words, embedding)
  const sums = tf.unsortedSegmentSum(
    words,
    tensor1d(batch.wordTexts),
    batch.texts,
  );
  return tf.mul(sums, tensor2d(batch.scales, 1)) as tf.Tensor2D;
}
