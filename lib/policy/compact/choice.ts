/**
 * Choices of the compact policy: sampled from logits or forced to a demonstrated decision, recorded, and scored again
 * inside a gradient tape.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Random } from "../../random.ts";
import type {
  ByDecision,
  ChoiceTrace,
  Decision,
  Observation,
  Situation,
} from "../../trajectory.ts";
import type { CompactInputs, Ragged } from "./batch.ts";
import type { InputBuilder } from "./inputs.ts";
import type { PlanIntervention, PlannedSwitch, ScoredTurn } from "../policy.ts";

/** Logits and values before a subgoal is chosen, read back from the device. */
export interface PlanNumbers {
  /** Logit of SWITCH. Shape `(samples,)`. */
  readonly switching: Float32Array;
  /** Logit of each candidate. Shape `(candidates,)`. */
  readonly planning: Float32Array;
  /** Where the candidates of each sample start. */
  readonly rows: Pick<Ragged, "starts">;
  /** Shapes `(samples,)`. */
  readonly values: ByDecision<Float32Array>;
}

/** Logits and values under the chosen subgoal, read back from the device. */
export interface ActionNumbers {
  /** Logit of each action. Shape `(actions,)`. */
  readonly execution: Float32Array;
  /** Shape `(samples,)`. */
  readonly value: Float32Array;
  /** Where the actions of each sample start. */
  readonly rows: Pick<Ragged, "starts">;
}

/** Reads what a network gives for inputs, first for plans and then, under the chosen subgoals, for actions. */
export interface CompactReader {
  readPlans(inputs: readonly CompactInputs[]): PlanReading;
}

/** Numbers for planning; disposed when the actions of the same samples are read. */
export interface PlanReading extends PlanNumbers, Disposable {
  readActions(inputs: readonly CompactInputs[]): ActionNumbers;
}

/** A choice and its log-probability. */
export interface Choice {
  readonly index: number;
  /** Its log-probability; 0 where there was no choice. */
  readonly logProb: number;
}

/** How a choice is sampled. */
export interface SampleOptions {
  /** Random stream; exactly one number is drawn. */
  readonly random: Random;
  /** Divides logits; 0 takes the largest. */
  readonly temperature: number;
}

/**
 * Samples from a softmax.
 *
 * @param logits Shape `(choices,)`, at least one.
 */
export function sampleChoice(
  logits: Float32Array,
  options: SampleOptions,
): Choice {
  const { random, temperature } = options;
  const uniform = random.uniform();
  let best = 0;
  for (let i = 1; i < logits.length; i++) {
    if (logits[i]! > logits[best]!) best = i;
  }
  if (temperature === 0) return { index: best, logProb: 0 };
  const top = logits[best]!;
  let total = 0;
  for (const logit of logits) total += Math.exp((logit - top) / temperature);
  let rest = uniform * total, index = logits.length - 1;
  for (let i = 0; i < logits.length; i++) {
    rest -= Math.exp((logits[i]! - top) / temperature);
    if (rest < 0) {
      index = i;
      break;
    }
  }
  const logProb = (logits[index]! - top) / temperature - Math.log(total);
  return { index, logProb };
}

/** The switching and planning decisions of a turn. */
export interface PlanChoice {
  /** Whether a subgoal is newly chosen. */
  readonly switched: boolean;
  /** The subgoal in force; absent without a plan. */
  readonly subgoal: string | undefined;
  readonly switching: Choice;
  /** The planning choice; index -1 when kept. */
  readonly planning: Choice;
  /** Candidates, when there was a choice among them. */
  readonly candidates: readonly string[];
  readonly switchProbability: number;
  /** Whether another subgoal stands in the chosen one's place. */
  readonly exchanged?: true;
}

const NOTHING: Choice = { index: -1, logProb: 0 };

/** Makes the choices of a batch of rows. */
export interface Chooser {
  /** A candidate subgoal besides the proposed ones. */
  alsoConsider(i: number): string | undefined;
  /** Keep (0) or switch (1); `logits` has shape `(2,)`. */
  switch(logits: Float32Array, i: number): Choice;
  /** One of the candidates; `logits` has shape `(candidates,)`. */
  plan(
    logits: Float32Array,
    candidates: readonly string[],
    i: number,
  ): Choice;
  /** The action; `logits` has shape `(actions,)`. */
  act(logits: Float32Array, i: number): Choice;
  /** Another plan in the place of the chosen one, for measurements; absent leaves every plan. */
  exchange?(
    plan: PlanChoice,
    turn: Pick<PlannedSwitch, "row" | "situation">,
    i: number,
  ): PlanChoice;
}

/** Samples each choice from its row's own stream. */
export function sampled(
  randoms: readonly Random[],
  temperature: number,
): Chooser {
  const sample = (logits: Float32Array, i: number) =>
    sampleChoice(logits, { random: randoms[i]!, temperature });
  return {
    alsoConsider: () => undefined,
    switch: sample,
    plan: (logits, _candidates, i) => sample(logits, i),
    act: sample,
  };
}

/** The same choices with other subgoals at switches; what is chosen then belongs to no listed candidate. */
export function intervening(
  chooser: Chooser,
  replace: PlanIntervention,
  randoms: readonly Random[],
): Chooser {
  return {
    ...chooser,
    exchange(plan, turn, i) {
      if (!plan.switched || plan.subgoal === undefined) return plan;
      const held = turn.situation.subgoal;
      const subgoal = replace({
        ...turn,
        proposed: plan.candidates,
        chosen: plan.subgoal,
        random: randoms[i]!.fork("intervention"),
      });
      return { ...plan, subgoal, switched: subgoal !== held, exchanged: true };
    },
  };
}

/**
 * Forces the choices of given decisions, with this policy's log-probabilities of them.
 *
 * @throws {RangeError} While choosing, if an action was not admissible.
 */
export function demonstrated(
  observations: readonly Observation[],
  decisions: readonly Decision[],
): Chooser {
  return {
    alsoConsider: (i) => decisions[i]!.subgoal || undefined,
    switch: (logits, i) => choiceAt(logits, decisions[i]!.switched ? 1 : 0),
    plan: (logits, candidates, i) =>
      choiceAt(logits, candidates.indexOf(decisions[i]!.subgoal)),
    act(logits, i) {
      const { admissibleActions } = observations[i]!;
      const { action } = decisions[i]!;
      const index = admissibleActions.indexOf(action);
      if (index < 0) {
        throw new RangeError(
          `Cannot encode a decision as its action must be admissible: current value is "${action}"`,
        );
      }
      return choiceAt(logits, index);
    },
  };
}

/** A forced choice with its log-probability under a softmax. */
function choiceAt(logits: Float32Array, index: number): Choice {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - top);
  return { index, logProb: logits[index]! - top - Math.log(total) };
}

/** Decides whether to switch, and to which subgoal; the first plan of an episode always switches. */
export function choosePlan(
  { candidates, held }: InputBuilder,
  plans: PlanNumbers,
  i: number,
  chooser: Chooser,
): PlanChoice {
  if (candidates.length === 0) {
    return {
      switched: false,
      subgoal: undefined,
      switching: { index: 0, logProb: 0 },
      planning: NOTHING,
      candidates,
      switchProbability: 0,
    };
  }
  const logit = plans.switching[i]!;
  const first = held === undefined;
  const switching = first
    ? { index: 1, logProb: 0 }
    : chooser.switch(Float32Array.of(0, logit), i);
  const switchProbability = first ? 1 : 1 / (1 + Math.exp(-logit));
  if (switching.index === 0) {
    return {
      switched: false,
      subgoal: held,
      switching,
      planning: NOTHING,
      candidates: [],
      switchProbability,
    };
  }
  const { starts } = plans.rows;
  const logits = plans.planning.subarray(starts[i], starts[i + 1]);
  const planning = chooser.plan(logits, candidates, i);
  return {
    switched: true,
    subgoal: candidates[planning.index],
    switching,
    planning,
    candidates,
    switchProbability,
  };
}

/** Records a decision. */
export function recordDecision(
  situation: Situation,
  plan: PlanChoice & { readonly inputs: CompactInputs },
  outcome: {
    readonly action: Choice;
    readonly values: ByDecision<number>;
    readonly heldValue: number;
  },
): Decision {
  const { action, values, heldValue } = outcome;
  const trace: ChoiceTrace = {
    kind: "choices",
    subgoals: plan.candidates,
    chosen: {
      switching: plan.switching.index,
      planning: plan.planning.index,
      execution: action.index,
    },
    logProbs: {
      switching: plan.switching.logProb,
      planning: plan.planning.logProb,
      execution: action.logProb,
    },
    inputs: plan.inputs,
  };
  return {
    switched: plan.switched,
    subgoal: plan.subgoal ?? "",
    action: situation.observation.admissibleActions[action.index]!,
    valid: true,
    trace: plan.exchanged ? { kind: "untrainable" } : trace,
    values,
    switchProbability: plan.switchProbability,
    ...(situation.subgoal ? { heldSubgoalValue: heldValue } : {}),
  };
}

/**
 * The trace of a sample by a compact policy.
 *
 * @throws {TypeError} If another kind of policy decided.
 */
export function choiceTrace(sample: ScoredTurn): ChoiceTrace {
  const { trace } = sample.decision;
  if (trace.kind !== "choices") {
    throw new TypeError(
      `Cannot score a decision as its trace must be of kind "choices": current value is "${trace.kind}"`,
    );
  }
  return trace;
}

/** Log-probabilities and entropies of one decision. Shapes `(samples,)`. */
export interface ScoredChoices {
  /** 0 where nothing was decided. */
  readonly logProbs: tf.Tensor1D;
  /** In nats; 0 where nothing was decided. */
  readonly entropies: tf.Tensor1D;
}

/**
 * Scores recorded switching decisions; 0 where `decided` is false.
 *
 * @param logits Logit of SWITCH. Shape `(samples,)`.
 * @returns Caller disposes.
 */
export function scoreSwitches(
  logits: tf.Tensor1D,
  traces: readonly ChoiceTrace[],
  decided: (sample: number) => boolean,
): ScoredChoices {
  const table = tf.stack([tf.zerosLike(logits), logits], 1) as tf.Tensor2D;
  const chosen = traces.map(({ chosen }, i) =>
    decided(i) ? chosen.switching : -1
  );
  return scoreTable(table, chosen);
}

/**
 * Scores recorded choices among candidates; 0 where `chosen` is -1.
 *
 * @param logits Logit of each row of every sample. Shape `(rows,)`.
 * @returns Caller disposes.
 */
export function scoreChoices(
  logits: tf.Tensor1D,
  rows: Ragged,
  chosen: readonly number[],
): ScoredChoices {
  const { starts } = rows;
  const total = rows.owners.length, size = chosen.length;
  if (total === 0) {
    return { logProbs: tf.zeros([size]), entropies: tf.zeros([size]) };
  }
  let widest = 1;
  for (let i = 0; i < size; i++) {
    widest = Math.max(widest, starts[i + 1]! - starts[i]!);
  }
  // Candidates of one sample become a row, padded with a logit of -1e9.
  const places = new Int32Array(size * widest).fill(total);
  for (let i = 0; i < size; i++) {
    for (let j = starts[i]!; j < starts[i + 1]!; j++) {
      places[i * widest + j - starts[i]!] = rows.rows[j]!;
    }
  }
  const padded = tf.concat([logits, tf.tensor1d([-1e9])]);
  const table = tf.reshape(
    tf.gather(padded, tf.tensor1d(places, "int32")),
    [size, widest],
  );
  return scoreTable(table as tf.Tensor2D, chosen);
}

/** Log-softmax of each row at its choice, and entropy; rows without a choice give 0. */
function scoreTable(
  table: tf.Tensor2D,
  chosen: readonly number[],
): ScoredChoices {
  const [size, width] = table.shape;
  const picks = new Float32Array(size * width);
  const decided = new Float32Array(size);
  chosen.forEach((index, i) => {
    if (index < 0) return;
    picks[i * width + index] = 1;
    decided[i] = 1;
  });
  const logs = tf.logSoftmax(table); // (samples, choices)
  const logProbs = tf.sum(tf.mul(logs, tf.tensor2d(picks, [size, width])), 1);
  const entropies = tf.neg(tf.sum(tf.mul(tf.exp(logs), logs), 1));
  return {
    logProbs: logProbs as tf.Tensor1D,
    entropies: tf.mul(entropies, tf.tensor1d(decided)),
  };
}

/**
 * Throws unless there is an action to choose.
 *
 * @throws {RangeError} If the world accepts nothing.
 */
export function checkActions(situation: Situation): void {
  if (situation.observation.admissibleActions.length === 0) {
    throw new RangeError(
      `Cannot decide as there must be an admissible action: none on turn ${situation.past.length} of task "${situation.task}"`,
    );
  }
}
