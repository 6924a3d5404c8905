/**
 * Scores of recorded turns from a forward pass on shared memory, and what they hand back to it: one unit for each
 * decision, in double precision.
 *
 * @module
 */

import { type ByDecision, byDecision, DECISIONS } from "../../../trajectory.ts";
import {
  choiceGradient,
  type Choices,
  scoreChoice,
  type ScoredChoice,
} from "./choices.ts";
import { weightAt, type Workspace } from "./layers.ts";
import { backward, forward, type ForwardPass } from "./network.ts";
import type { TurnBatch } from "./turns.ts";

/** Numbers of turns; units in the order of turns, then of decisions. */
export interface TurnScores {
  /** 0 where nothing was decided. Shape `(3 · turns,)`. */
  readonly logProbs: Float64Array;
  /** In nats; 0 where nothing was decided. Shape `(3 · turns,)`. */
  readonly entropies: Float64Array;
  /** Values before each decision, in units of return. Shapes `(turns,)`. */
  readonly values: ByDecision<Float64Array>;
}

/** Turns scored by {@linkcode scoreBatch}. */
export interface ScoredTurns extends TurnScores {
  /** Adds the gradient of all weights, given that of the scores; once. */
  backward(d: TurnScores): void;
}

/** Outputs of a value head with bias, in units of return. */
export function readValues(
  space: Workspace,
  pass: ForwardPass,
  { output, head, scale }: { output: number; head: number; scale: number },
): Float64Array {
  const { shared } = space.arena;
  const bias = shared.floats(weightAt(space, "values.bias").value, 3)[head]!;
  const outputs = shared.floats(output, pass.batch.size);
  return Float64Array.from(outputs, (one) => (one + bias) * scale);
}

/** Logits of SWITCH. Shape `(turns,)`. */
export function readSwitching(
  space: Workspace,
  pass: ForwardPass,
): Float32Array {
  const { shared } = space.arena;
  const [bias] = shared.floats(weightAt(space, "switching.bias").value, 1);
  const outputs = shared.floats(pass.switching, pass.batch.size);
  return Float32Array.from(outputs, (one) => one + bias!);
}

/**
 * Scores turns again under the present weights.
 *
 * @param chosen Choices by turn and decision, -1 where nothing was decided. Shape `(3 · turns,)`.
 * @param scale Units of return that a value head's output of 1 stands for.
 */
export function scoreBatch(
  space: Workspace,
  batch: TurnBatch,
  { chosen, scale }: { chosen: Int32Array; scale: number },
): ScoredTurns {
  const { arena } = space, { shared } = arena, { size, starts, fields } = batch;
  const pass = forward(space, batch, { plans: true, actions: true });
  const switching = readSwitching(space, pass);
  const planning = shared.floats(pass.planning, starts.subgoal[size]!);
  const execution = shared.floats(pass.execution, starts.row[size]!);
  const actionRows = shared.integers(fields.actionRows, starts.action[size]!);
  const pairs = new Float32Array(2 * size); // logits of KEEP and SWITCH
  switching.forEach((logit, i) => pairs[2 * i + 1] = logit);
  const choices: ByDecision<(turn: number) => Choices> = {
    switching: (i) => ({ logits: pairs, first: 2 * i, count: 2 }),
    planning: (i) => ({
      logits: planning,
      first: starts.subgoal[i]!,
      count: starts.subgoal[i + 1]! - starts.subgoal[i]!,
    }),
    execution: (i) => ({
      logits: execution,
      first: starts.row[i]!,
      count: starts.action[i + 1]! - starts.action[i]!,
      rows: actionRows.subarray(starts.action[i]!),
    }),
  };
  const units: (ScoredChoice | undefined)[] = [];
  for (let i = 0; i < size; i++) {
    for (const [k, name] of DECISIONS.entries()) {
      const index = chosen[3 * i + k]!;
      units.push(index < 0 ? undefined : scoreChoice(choices[name](i), index));
    }
  }
  return {
    logProbs: Float64Array.from(units, (unit) => unit?.logProb ?? 0),
    entropies: Float64Array.from(units, (unit) => unit?.entropy ?? 0),
    values: byDecision((name) =>
      readValues(space, pass, {
        output: pass.values[name],
        head: DECISIONS.indexOf(name),
        scale,
      })
    ),
    backward(d) {
      const gradients = {
        switching: new Float32Array(2 * size),
        planning: new Float32Array(planning.length),
        execution: new Float32Array(execution.length),
      };
      units.forEach((unit, u) => {
        if (unit === undefined) return;
        const i = Math.floor(u / 3), name = DECISIONS[u % 3]!;
        choiceGradient(choices[name](i), chosen[u]!, unit, {
          logProb: d.logProbs[u]!,
          entropy: d.entropies[u]!,
          logits: gradients[name],
        });
      });
      const write = (values: ArrayLike<number>) => {
        const pointer = arena.take(values.length);
        shared.floats(pointer, values.length).set(values);
        return pointer;
      };
      backward(space, pass, {
        switching: write(
          switching.map((_, i) => gradients.switching[2 * i + 1]!),
        ),
        planning: write(gradients.planning),
        execution: write(gradients.execution),
        values: byDecision((name) =>
          write(d.values[name].map((one) => one * scale))
        ),
      });
    },
  };
}
