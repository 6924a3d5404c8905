/**
 * The compact network's forward and backward pass on shared memory.
 *
 * The same function as `../network.ts`, which TensorFlow.js differentiates and which is its reference: layers of one
 * batch run one after the other on a few kernels, and no tensor is made.
 *
 * @module
 */

import { type ByDecision, DECISIONS } from "../../../trajectory.ts";
import {
  ACTION_COLUMNS,
  ACTION_TEXTS,
  CONTEXT_COLUMNS,
  EXECUTOR_COLUMNS,
  STATE_COLUMNS,
  STATE_TEXTS,
} from "../batch.ts";
import { SUBGOAL_RELATIONS } from "../relations.ts";
import {
  biased,
  biasGradient,
  type Candidates,
  dense,
  embedGradient,
  embedTexts,
  linear,
  linearGradient,
  type Rows,
  scoreCandidates,
  scoreCandidatesGradient,
  type ScoredCandidates,
  weightAt,
  type Workspace,
} from "./layers.ts";
import type { TurnBatch } from "./turns.ts";

/** Which scores a forward pass computes; values come with any. */
export interface PassOptions {
  readonly plans: boolean;
  readonly actions: boolean;
}

/** Pointers to scores, or to their gradients. */
export interface ScorePointers {
  /** Logit of SWITCH without its bias. Shape `(turns,)`. */
  readonly switching: number;
  /** Logit of each subgoal candidate. */
  readonly planning: number;
  /** Logit of each row of actions. */
  readonly execution: number;
  /** Outputs of the value heads without bias and scale. Shapes `(turns,)`. */
  readonly values: ByDecision<number>;
}

/** A forward pass. */
export interface ForwardPass extends ScorePointers {
  readonly batch: TurnBatch;
  /** Output of the value head of execution under the held subgoal. Shape `(turns,)`. */
  readonly heldValue: number;
  /** Embeddings of the states' and of the subgoals' texts. */
  readonly stateTexts: Rows;
  readonly contextTexts: Rows;
  /** Hidden states, of each turn with held and with chosen subgoal, then without one. Shape `(3 · turns, width)`. */
  readonly hidden: Rows;
  /** The second layer of the same. */
  readonly deep: Rows;
  readonly plans: ScoredCandidates | undefined;
  readonly actions: ScoredCandidates | undefined;
  /** What an executor that does not see the task sees, where there is one. */
  readonly executor: ExecutorState | undefined;
}

/** The state of an executor that does not see the task. */
interface ExecutorState {
  /** Embeddings of its texts. Shape `(turns, STATE_TEXTS · embedding)`. */
  readonly texts: Rows;
  /** Shape `(turns, width)`. */
  readonly hidden: Rows;
}

/** Every second row, from the first or from the second. */
function everyOther({ at, columns, stride }: Rows, side: 0 | 1): Rows {
  return { at: at + 4 * side * stride, columns, stride: 2 * stride };
}

/** Views of the rows of hidden states. */
function sides(rows: Rows, turns: number) {
  return {
    held: everyOther(rows, 0),
    chosen: everyOther(rows, 1),
    bare: { ...rows, at: rows.at + 8 * turns * rows.stride },
  };
}

/** Inputs of a batch that are in its fields. */
function inputsOf({ fields, owners, starts, size }: TurnBatch) {
  const candidates = (
    level: "subgoal" | "row",
    texts: Rows,
    relations: Rows,
  ): Candidates => ({
    count: starts[level][size]!,
    ...{ texts, relations, owners: owners[level] },
  });
  return {
    state: dense(fields.state, STATE_COLUMNS),
    contexts: dense(fields.contexts, CONTEXT_COLUMNS),
    executor: dense(fields.executor, EXECUTOR_COLUMNS),
    subgoals: candidates(
      "subgoal",
      dense(fields.subgoalTexts, 1),
      dense(fields.subgoals, SUBGOAL_RELATIONS),
    ),
    actions: candidates(
      "row",
      dense(fields.actionTexts, ACTION_TEXTS),
      dense(fields.actions, ACTION_COLUMNS),
    ),
  };
}

/** Texts of the actions beyond their own. */
const ACTION_WORDS = ["execution.verbs", "execution.gist"];
/** Rows of the value heads' transposed weights. */
const HEADS: ByDecision<number> = { switching: 0, planning: 1, execution: 2 };

/** Computes the scores of a batch. */
export function forward(
  space: Workspace,
  batch: TurnBatch,
  options: PassOptions,
): ForwardPass {
  const { arena } = space, { kernels } = arena.shared;
  const { size, texts, fields } = batch, inputs = inputsOf(batch);
  const width = space.weights.places["trunk.bias"]!.shape[0]!;
  const stateTexts = embedStates(space, batch, fields.stateTexts);
  const contextTexts = embedTexts(space, texts, fields.contextTexts, 2 * size);

  const state = biased(space, "trunk.bias", size, width);
  linear(space, "trunk.state", size, [stateTexts, inputs.state], state);
  const hidden = dense(arena.zeros(3 * size * width), width);
  const subgoals = [contextTexts, inputs.contexts];
  linear(space, "trunk.subgoal", 2 * size, subgoals, hidden);
  kernels.addShared(2 * size, width, 2, state.at, hidden.at);
  const { bare, chosen } = sides(hidden, size);
  kernels.add(size * width, state.at, bare.at);
  kernels.rectify(3 * size * width, hidden.at);
  const deep = biased(space, "trunk.deepBias", 3 * size, width);
  linear(space, "trunk.deep", 3 * size, [hidden], deep);
  kernels.rectify(3 * size * width, deep.at);

  const scored = { turns: size, texts };
  const plans = options.plans
    ? scoreCandidates(space, "planning", {
      ...scored,
      hidden: bare,
      candidates: inputs.subgoals,
      more: [],
    })
    : undefined;
  const executor = options.actions && isBlind(space)
    ? seeUnderSubgoal(space, batch)
    : undefined;
  const actions = options.actions
    ? scoreCandidates(space, "execution", {
      ...scored,
      hidden: executor?.hidden ?? chosen,
      candidates: inputs.actions,
      more: ACTION_WORDS,
    })
    : undefined;

  const layer = sides(deep, size);
  const heads = weightAt(space, "values.out").transposed;
  const value = ({ at, stride }: Rows, head: number) => {
    const out = arena.zeros(size);
    kernels.addDots(size, width, at, stride, heads + 4 * head * width, out);
    return out;
  };
  const switching = arena.zeros(size);
  switchingInputs(batch, deep).forEach(({ name, rows }) => {
    const { value } = weightAt(space, name);
    kernels.addDots(size, rows.columns, rows.at, rows.stride, value, switching);
  });
  return {
    ...{ batch, stateTexts, contextTexts, hidden, deep },
    ...{ plans, actions, executor },
    switching,
    planning: plans?.logits ?? 0,
    execution: actions?.logits ?? 0,
    values: {
      switching: value(layer.held, HEADS.switching),
      planning: value(layer.bare, HEADS.planning),
      execution: value(layer.chosen, HEADS.execution),
    },
    heldValue: value(layer.held, HEADS.execution),
  };
}

/** Embeddings of the texts of a state in one row. Shape `(turns, STATE_TEXTS · embedding)`. */
function embedStates(
  space: Workspace,
  { texts, size }: TurnBatch,
  list: number,
): Rows {
  const { at, columns } = embedTexts(space, texts, list, STATE_TEXTS * size);
  return dense(at, STATE_TEXTS * columns);
}

/** The gradient of {@linkcode embedStates}; `d` is changed. */
function embedStatesGradient(
  space: Workspace,
  { texts, size }: TurnBatch,
  list: number,
  d: Rows,
): void {
  const words = dense(d.at, d.columns / STATE_TEXTS);
  embedGradient(space, texts, list, STATE_TEXTS * size, words);
}

/** Whether the executor does not see the task. */
function isBlind({ weights }: Workspace): boolean {
  return "trunk.executor" in weights.places;
}

/**
 * The state as an executor without the task sees it.
 *
 * @throws {RangeError} If the traces do not carry it.
 */
function seeUnderSubgoal(space: Workspace, batch: TurnBatch): ExecutorState {
  const { size, fields, starts } = batch;
  if (starts.executor[size] !== size) {
    throw new RangeError(
      `Cannot score a decision as every trace must carry "executor": current count is ${
        starts.executor[size]
      } of ${size}`,
    );
  }
  const { shape: [width] } = space.weights.places["trunk.bias"]!;
  const texts = embedStates(space, batch, fields.executorTexts);
  const hidden = biased(space, "trunk.bias", size, width!);
  linear(
    space,
    "trunk.executor",
    size,
    [texts, inputsOf(batch).executor],
    hidden,
  );
  space.arena.shared.kernels.rectify(size * width!, hidden.at);
  return { texts, hidden };
}

/** The gradient of {@linkcode seeUnderSubgoal}; `d` is changed. */
function seeUnderSubgoalGradient(
  space: Workspace,
  batch: TurnBatch,
  { texts, hidden }: ExecutorState,
  d: Rows,
): void {
  const { arena } = space, { size, fields } = batch;
  arena.shared.kernels.rectifyGradient(size * d.columns, hidden.at, d.at);
  biasGradient(space, "trunk.bias", size, d);
  const dTexts = dense(arena.zeros(size * texts.columns), texts.columns);
  linearGradient(
    space,
    "trunk.executor",
    size,
    [texts, inputsOf(batch).executor],
    d,
    [dTexts],
  );
  embedStatesGradient(space, batch, fields.executorTexts, dTexts);
}

/** What the logit of SWITCH is a product of. */
function switchingInputs({ fields }: TurnBatch, deep: Rows) {
  const contexts = dense(fields.contexts, CONTEXT_COLUMNS);
  return [
    { name: "switching.out", rows: everyOther(deep, 0) },
    { name: "switching.skip", rows: everyOther(contexts, 0) },
  ];
}

/** Adds the gradient of all weights, given that of the scores; the pass is used up. */
export function backward(
  space: Workspace,
  pass: ForwardPass,
  d: ScorePointers,
): void {
  const { arena } = space, { kernels } = arena.shared;
  const { batch, stateTexts, contextTexts, hidden, deep } = pass;
  const { size, texts, fields } = batch, inputs = inputsOf(batch);
  const width = hidden.columns, all = 3 * size * width;

  const dDeep = dense(arena.zeros(all), width);
  headsGradient(space, pass, d, dDeep);
  kernels.rectifyGradient(all, deep.at, dDeep.at);
  biasGradient(space, "trunk.deepBias", 3 * size, dDeep);
  const dHidden = dense(arena.zeros(all), width);
  linearGradient(space, "trunk.deep", 3 * size, [hidden], dDeep, [dHidden]);
  const { bare, chosen } = sides(dHidden, size);
  if (pass.plans) scoreCandidatesGradient(space, pass.plans, d.planning, bare);
  if (pass.actions) {
    const seen = pass.executor
      ? dense(arena.zeros(size * width), width)
      : chosen;
    scoreCandidatesGradient(space, pass.actions, d.execution, seen);
    if (pass.executor) {
      seeUnderSubgoalGradient(space, batch, pass.executor, seen);
    }
  }
  kernels.rectifyGradient(all, hidden.at, dHidden.at);

  const dContexts = dense(
    arena.zeros(2 * size * contextTexts.columns),
    contextTexts.columns,
  );
  linearGradient(
    ...[space, "trunk.subgoal", 2 * size] as const,
    [contextTexts, inputs.contexts],
    dHidden,
    [dContexts],
  );
  embedGradient(space, texts, fields.contextTexts, 2 * size, dContexts);
  kernels.addSharedGradient(2 * size, width, 2, dHidden.at, bare.at);
  const dStates = dense(
    arena.zeros(size * stateTexts.columns),
    stateTexts.columns,
  );
  biasGradient(space, "trunk.bias", size, bare);
  linearGradient(space, "trunk.state", size, [stateTexts, inputs.state], bare, [
    dStates,
  ]);
  embedStatesGradient(space, batch, fields.stateTexts, dStates);
}

/** The gradient of switching and values; adds to that of the second layer. */
function headsGradient(
  space: Workspace,
  { batch, deep }: ForwardPass,
  d: ScorePointers,
  dDeep: Rows,
): void {
  const { arena } = space, { kernels } = arena.shared;
  const { size } = batch, width = deep.columns;
  const layer = sides(deep, size), dLayer = sides(dDeep, size);
  const values = weightAt(space, "values.out");
  const dHeads = arena.zeros(3 * width);
  const value = (rows: Rows, head: number, dValue: number, dRows: Rows) => {
    const at = 4 * head * width;
    kernels.addDotsGradient(
      ...[size, width, rows.at, rows.stride, values.transposed + at],
      ...[dValue, dRows.at, dHeads + at],
    );
  };
  value(layer.held, HEADS.switching, d.values.switching, dLayer.held);
  value(layer.bare, HEADS.planning, d.values.planning, dLayer.bare);
  value(layer.chosen, HEADS.execution, d.values.execution, dLayer.chosen);
  const dValues = arena.take(3 * width);
  kernels.transpose(3, width, dHeads, dValues);
  kernels.add(3 * width, dValues, values.gradient);
  const dSwitching = [dLayer.held.at, 0];
  switchingInputs(batch, deep).forEach(({ name, rows }, i) => {
    const weight = weightAt(space, name);
    kernels.addDotsGradient(
      ...[size, rows.columns, rows.at, rows.stride, weight.value],
      ...[d.switching, dSwitching[i]!, weight.gradient],
    );
  });
  const addSum = (numbers: number, out: number) =>
    kernels.addRows(size, 1, numbers, out);
  addSum(d.switching, weightAt(space, "switching.bias").gradient);
  const biases = weightAt(space, "values.bias").gradient;
  for (const name of DECISIONS) {
    addSum(d.values[name], biases + 4 * HEADS[name]);
  }
}
