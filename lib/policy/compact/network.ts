/**
 * The compact policy's network: hashed word embeddings, a shared trunk, one scorer for subgoals
 * and one for actions, three value heads, and forward passes that read the results off the device.
 *
 * A candidate's score is a small perceptron over the sum of a projection of the state, one of the
 * candidate's words, one of its relations, and the elementwise product of two more projections of
 * state and words. The product is what lets `hot` in a task call for `heat` in an action.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Random } from "../../random.ts";
import { type ByDecision, byDecision } from "../../trajectory.ts";
import {
  ACTION_COLUMNS,
  type CompactBatch,
  type CompactInputs,
  CONTEXT_COLUMNS,
  EXECUTOR_COLUMNS,
  packBatch,
  type Ragged,
  STATE_COLUMNS,
  STATE_TEXTS,
} from "./batch.ts";
import {
  EXECUTION_PRIOR,
  PLANNING_PRIOR,
  STEP_EXECUTION_PRIOR,
  STEP_PLANNING_PRIOR,
  STEP_SWITCHING_PRIOR,
  SUBGOAL_RELATIONS,
  SWITCHING_PRIOR,
} from "./relations.ts";
import {
  type CandidateScorer,
  column1,
  makeScorer,
  matrixOf,
  scoreRows,
  tensor1d,
  tensor2d,
  Weights,
} from "./scorer.ts";
import type { ActionNumbers, CompactReader, PlanReading } from "./choice.ts";

/** Sizes of a compact network. */
export interface CompactNetworkOptions {
  readonly buckets: number;
  readonly embedding: number;
  /** Width of the trunk and of the scorers. */
  readonly width: number;
  /** Units of return that a value head's output of 1 stands for. */
  readonly valueScale: number;
  /** Logit of SWITCH before anything was learned. */
  readonly switchBias: number;
  /** Strength of the prior in the initial policy; 0 makes it nearly uniform. */
  readonly prior: number;
  /** Whether actions are scored from the task, or from the subgoal in its place. */
  readonly executor: "subgoal" | "task";
  /** Which prior planning and switching begin with: for steps of a task, or for subgoals of the whole of it. */
  readonly subgoals: "steps" | "task";
}

/** Scores before a subgoal is chosen. */
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

/** Texts and states of a batch, from which plans and actions are scored. */
export interface EncodedBatch {
  /** Embedding of each text. Shape `(texts, embedding)`. */
  readonly texts: tf.Tensor2D;
  /** The state before the nonlinearity. Shape `(samples, width)`. */
  readonly state: tf.Tensor2D;
}

/** The network; the caller disposes the tensors of every method. */
export interface CompactNetwork {
  /** Weights under fixed names. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /** Encodes texts and states; `state` reuses the states of the same turns. */
  encode(batch: CompactBatch, state?: tf.Tensor2D): EncodedBatch;
  scorePlans(batch: CompactBatch, encoded: EncodedBatch): PlanScores;
  scoreActions(batch: CompactBatch, encoded: EncodedBatch): ActionScores;
}

/**
 * Makes a network with random weights; its first policy is nearly uniform, its first values are 0.
 * Returns the network. Caller disposes its variables.
 */
export function createCompactNetwork(
  random: Random,
  options: CompactNetworkOptions,
): CompactNetwork {
  return new Network(new Weights(random), options);
}

/** Weights of the trunk that all scores and values share. */
interface TrunkWeights {
  /** Embedding of each word. Shape `(buckets, embedding)`. */
  readonly words: tf.Variable;
  /** From a state's inputs. Shape `(inputs, width)`. */
  readonly state: tf.Variable;
  readonly bias: tf.Variable;
  /** From a subgoal's inputs. Shape `(inputs, width)`. */
  readonly subgoal: tf.Variable;
  /** A second layer, for switching and values. Shape `(width, width)`. */
  readonly deep: tf.Variable;
  readonly deepBias: tf.Variable;
}

function makeTrunk(
  weights: Weights,
  { buckets, embedding, width }: CompactNetworkOptions,
): TrunkWeights {
  const states = STATE_TEXTS * embedding + STATE_COLUMNS;
  const subgoals = embedding + CONTEXT_COLUMNS;
  return {
    words: weights.matrix("embedding", [buckets, embedding], 1),
    state: weights.matrix("trunk.state", [states, width], states ** -0.5),
    bias: weights.constant("trunk.bias", width),
    subgoal: weights.matrix(
      "trunk.subgoal",
      [subgoals, width],
      subgoals ** -0.5,
    ),
    deep: weights.matrix("trunk.deep", [width, width], (width / 2) ** -0.5),
    deepBias: weights.constant("trunk.deepBias", width),
  };
}

/** Weights of the switching decision and of the value heads. */
interface HeadWeights {
  readonly switching: tf.Variable;
  readonly switchingBias: tf.Variable;
  /** Skip connection from the held subgoal's relations; initialized to the prior. */
  readonly switchingSkip: tf.Variable;
  /** One column for each of the three values. Shape `(width, 3)`. */
  readonly values: tf.Variable;
  readonly valuesBias: tf.Variable;
}

function makeHeads(
  weights: Weights,
  { width, switchBias, prior, subgoals }: CompactNetworkOptions,
): HeadWeights {
  const ending = subgoals === "steps" ? STEP_SWITCHING_PRIOR : SWITCHING_PRIOR;
  return {
    switching: weights.matrix("switching.out", [width, 1], 0.01),
    switchingBias: weights.constant("switching.bias", 1, switchBias),
    switchingSkip: weights.column(
      "switching.skip",
      scaled(ending, prior),
    ),
    values: weights.matrix("values.out", [width, 3], 0),
    valuesBias: weights.constant("values.bias", 3),
  };
}

class Network implements CompactNetwork {
  readonly variables: Readonly<Record<string, tf.Variable>>;
  readonly #options: CompactNetworkOptions;
  readonly #trunk: TrunkWeights;
  readonly #heads: HeadWeights;
  readonly #plans: CandidateScorer;
  readonly #actions: CandidateScorer;
  readonly #verbs: tf.Variable;
  readonly #gist: tf.Variable;
  /** From the inputs of an executor that does not see the task. Shape `(inputs, width)`. */
  readonly #executor: tf.Variable | undefined;

  constructor(weights: Weights, options: CompactNetworkOptions) {
    const { embedding, width, prior } = options;
    const isBlind = options.executor === "subgoal";
    const isStepwise = options.subgoals === "steps";
    const choosing = isStepwise ? STEP_PLANNING_PRIOR : PLANNING_PRIOR;
    const acting = isStepwise ? STEP_EXECUTION_PRIOR : EXECUTION_PRIOR;
    const ofTexts = (name: string) =>
      weights.matrix(name, [embedding, width], embedding ** -0.5);
    this.#options = options;
    this.#trunk = makeTrunk(weights, options);
    this.#heads = makeHeads(weights, options);
    this.#plans = makeScorer(weights, "planning", {
      embedding,
      width,
      prior: scaled(choosing, prior),
    });
    this.#actions = makeScorer(weights, "execution", {
      embedding,
      width,
      prior: scaled(acting, prior),
    });
    this.#verbs = ofTexts("execution.verbs");
    this.#gist = ofTexts("execution.gist");
    if (isBlind) {
      const inputs = STATE_TEXTS * embedding + EXECUTOR_COLUMNS;
      this.#executor = weights.matrix(
        "trunk.executor",
        [inputs, width],
        inputs ** -0.5,
      );
    }
    this.variables = weights.variables;
  }

  encode(batch: CompactBatch, known?: tf.Tensor2D): EncodedBatch {
    const { embedding } = this.#options;
    return tf.tidy(() => {
      const texts = encodeTexts(this.#trunk.words, batch, embedding);
      if (known) return { texts, state: known };
      const own = tf.reshape(
        tf.gather(texts, tensor1d(batch.stateTexts)),
        [batch.size, STATE_TEXTS * embedding],
      );
      const inputs = tf.concat([own, tensor2d(batch.state, STATE_COLUMNS)], 1);
      const sums = tf.matMul(
        inputs as tf.Tensor2D,
        matrixOf(this.#trunk.state),
      );
      const state: tf.Tensor2D = tf.add(sums, this.#trunk.bias);
      return { texts, state };
    });
  }

  scorePlans(batch: CompactBatch, encoded: EncodedBatch): PlanScores {
    return tf.tidy(() => {
      const bare = tf.relu(encoded.state);
      const held = this.#deepen(this.#withSubgoal(batch, encoded, 0));
      const state = { texts: encoded.texts, hidden: bare };
      const planning = scoreRows(this.#plans, state, {
        texts: batch.subgoalTexts,
        relations: tensor2d(batch.subgoals, SUBGOAL_RELATIONS),
        rows: batch.subgoalRows,
      });
      const values = {
        switching: this.#value(held, 0),
        planning: this.#value(this.#deepen(bare), 1),
        execution: this.#value(held, 2),
      };
      return { switching: this.#switching(batch, held), planning, values };
    });
  }

  scoreActions(batch: CompactBatch, encoded: EncodedBatch): ActionScores {
    return tf.tidy(() => {
      const { texts } = encoded;
      const hidden = this.#withSubgoal(batch, encoded, 1);
      const seen = this.#executor === undefined
        ? hidden
        : this.#underSubgoal(batch, encoded, this.#executor);
      const [own, verbs, gist] = batch.actionTexts;
      const project = (kernel: tf.Variable, rows: Int32Array) =>
        tf.gather(tf.matMul(texts, matrixOf(kernel)), tensor1d(rows));
      const execution = scoreRows(this.#actions, { texts, hidden: seen }, {
        texts: own,
        relations: tensor2d(batch.actions, ACTION_COLUMNS),
        rows: batch.actionRows,
        extra: tf.add(project(this.#verbs, verbs), project(this.#gist, gist)),
      });
      return { execution, value: this.#value(this.#deepen(hidden), 2) };
    });
  }

  /** Logit of SWITCH. Shape `(samples,)`. */
  #switching(batch: CompactBatch, held: tf.Tensor2D): tf.Tensor1D {
    const { switching, switchingBias, switchingSkip } = this.#heads;
    const numbers = tensor2d(batch.contexts[0], CONTEXT_COLUMNS);
    const skipped = tf.matMul(numbers, matrixOf(switchingSkip));
    const sum = tf.add(tf.matMul(held, matrixOf(switching)), skipped);
    return column1(tf.add(sum, switchingBias));
  }

  /** The state plus the held (0) or the chosen (1) subgoal. Shape `(samples, width)`. */
  #withSubgoal(
    batch: CompactBatch,
    encoded: EncodedBatch,
    side: 0 | 1,
  ): tf.Tensor2D {
    const text = tf.gather(encoded.texts, tensor1d(batch.contextTexts[side]));
    const numbers = tensor2d(batch.contexts[side], CONTEXT_COLUMNS);
    const inputs = tf.concat([text, numbers], 1) as tf.Tensor2D; // (samples, subgoal inputs)
    const added = tf.matMul(inputs, matrixOf(this.#trunk.subgoal));
    return tf.relu(tf.add(encoded.state, added));
  }

  /** The state as an executor without the task sees it. Shape `(samples, width)`. */
  #underSubgoal(
    batch: CompactBatch,
    { texts }: EncodedBatch,
    kernel: tf.Variable,
  ): tf.Tensor2D {
    const own = tf.reshape(
      tf.gather(texts, tensor1d(batch.executorTexts)),
      [batch.size, STATE_TEXTS * this.#options.embedding],
    );
    const numbers = tensor2d(batch.executor, EXECUTOR_COLUMNS);
    const inputs = tf.concat([own, numbers], 1) as tf.Tensor2D; // (samples, inputs)
    return tf.relu(
      tf.add(tf.matMul(inputs, matrixOf(kernel)), this.#trunk.bias),
    );
  }

  #deepen(hidden: tf.Tensor2D): tf.Tensor2D {
    const { deep, deepBias } = this.#trunk;
    return tf.relu(tf.add(tf.matMul(hidden, matrixOf(deep)), deepBias));
  }

  /** One value head of a hidden state, in units of return. Shape `(samples,)`. */
  #value(hidden: tf.Tensor2D, head: number): tf.Tensor1D {
    const { values, valuesBias } = this.#heads;
    const column = tf.slice(matrixOf(values), [0, head], [-1, 1]);
    const sum = column1(tf.matMul(hidden, column));
    const bias = tf.slice(valuesBias, [head], [1]);
    return tf.mul(tf.add(sum, bias), this.#options.valueScale);
  }
}

function scaled(prior: Float32Array, factor: number): Float32Array {
  return prior.map((weight) => weight * factor);
}

/** Mean embedding of each text's words. Shape `(texts, embedding)`. */
function encodeTexts(
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

/** Runs a function in a tensor scope; its result is plain data. */
export function swept<T>(work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

/** Reads a network by TensorFlow.js. */
export function tensorReader(network: CompactNetwork): CompactReader {
  return { readPlans: (inputs) => readPlans(network, inputs) };
}

function readPlans(
  network: CompactNetwork,
  inputs: readonly CompactInputs[],
): PlanReading {
  const batch = packBatch(inputs);
  return swept(() => {
    const encoded = network.encode(batch);
    const { switching, planning, values } = network.scorePlans(batch, encoded);
    const state = tf.keep(encoded.state);
    return {
      switching: numbersOf(switching),
      planning: spread(numbersOf(planning), batch.subgoalRows),
      rows: batch.subgoalRows,
      values: byDecision((name) => numbersOf(values[name])),
      readActions: (acting) => readActions(network, acting, state),
      [Symbol.dispose]: () => state.dispose(),
    };
  });
}

/** Actions under chosen subgoals; `state` is that of the plans. */
function readActions(
  network: CompactNetwork,
  inputs: readonly CompactInputs[],
  state: tf.Tensor2D,
): ActionNumbers {
  const batch = packBatch(inputs);
  return swept(() => {
    const encoded = network.encode(batch, state);
    const { execution, value } = network.scoreActions(batch, encoded);
    return {
      execution: spread(numbersOf(execution), batch.actionRows),
      value: numbersOf(value),
      rows: batch.actionRows,
    };
  });
}

/** Reads a float tensor back from the device. */
export function numbersOf(tensor: tf.Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

/** Expands numbers per row to numbers per candidate. */
function spread(numbers: Float32Array, { rows }: Ragged): Float32Array {
  return Float32Array.from(rows, (row) => numbers[row]!);
}
